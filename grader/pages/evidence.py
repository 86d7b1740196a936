"""What a page shows of a file of evidence: packets, a picture, or lines of text, all bounded.

Evidence is in part a submission's work. Nothing of it is run or decoded by the page's reader but
real PNGs of a sane size; everything else is shown as text, and linked only if a browser that opens
it shows text or stores it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from grader.pages import pcap, png
from grader.pages.reading import open_plain, read_some
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from grader.pages.dissect import Line
    from grader.pages.reading import Check

PACKETS = 120
NAMED = 20  # packets that a task's messages name are shown, with those
AROUND = 5  # before and behind them
FRAME = 2048  # of a packet, for its line
HEX = 256  # of a packet, for its dump
HEAD_BYTES, TAIL_BYTES = 16_384, 6_144
HEAD_LINES, TAIL_LINES = 80, 30
WIDEST = 400
COMPARED = 16 * 1024 * 1024
# With any other suffix a browser may find HTML in it.
LINKED = {".csv", ".json", ".log", ".md", ".pcap", ".png", ".py", ".sh", ".txt", ".yaml"}
MENTION = re.compile(r"\bpacket (\d{1,7})\b")
CAPTURE = re.compile(r"[\w-]+\.pcap\b")
REPLAY = re.compile(r"\A# again[^:\n]*: (.+)")


@dataclass(frozen=True)
class Row:
    """A packet's row in a table."""

    number: int
    time: str
    line: Line
    length: int
    dump: str = field(repr=False)
    named: bool = False
    gap: int = 0  # packets left out before this one


@dataclass(frozen=True)
class Exhibit:
    """One file of evidence as it is shown."""

    name: str
    kind: str = "text"
    href: str = ""
    size: str = ""
    note: str = ""
    lines: str = field(default="", repr=False)
    rows: tuple[Row, ...] = field(default=(), repr=False)
    picture: png.Size | None = None
    src: str = field(default="", repr=False)
    check: str = ""
    twin: str = ""  # the check where the same was shown already
    anchor: str = ""


class Exhibits:
    """The evidence of one student's page, in the order in which it is shown."""

    def __init__(
        self, folder: Path, *, base: str, nameless: Callable[[str], str], linked: bool
    ) -> None:
        """`base` leads from the page to `folder`; without `linked` nothing leads there."""
        self._folder = folder
        self._base = base
        self._nameless = nameless
        self.linked = linked
        self._seen: dict[tuple[str, bytes], tuple[str, str]] = {}
        self._named: set[int] = set()

    def name(self, checks: Iterable[Check]) -> str:
        """Show the packets that messages of these checks name, a task's, from here on."""
        found = [int(number) for one in checks for number in MENTION.findall(one.message)]
        self._named = set(found[:NAMED])
        return ""

    def named(self, check: Check) -> tuple[Row, ...]:
        """The packets that a check's message names, from the capture that it is about."""
        numbers = set(map(int, MENTION.findall(check.message)[:NAMED]))
        captures = [path for path in check.evidence if path.endswith(".pcap")]
        about = CAPTURE.search(check.message)
        mine = [one for one in captures if about and one.endswith(f"/{about.group()}")] or captures
        path = self._inside(mine[0]) if numbers and mine else None
        try:
            rows = _packets(Exhibit(""), path, numbers).rows if path else ()
        except OSError:
            return ()
        return tuple(replace(one, gap=0) for one in rows if one.named)

    def of(self, check: str, relative: str) -> Exhibit:
        """The file `relative` to the report's folder, which `check` names."""
        name = printable(self._nameless(PurePosixPath(relative).name or relative))
        path = self._inside(relative)
        if path is None:
            return Exhibit(name, "missing", note="it does not lie in the report's folder")
        try:
            length = path.lstat().st_size
            exhibit = self._shown(Exhibit(name, check=check), path, length)
        except OSError as error:
            why = error.strerror or "not a plain file"
            return Exhibit(name, "missing", note=f"cannot be read: {why}")
        exhibit = replace(exhibit, size=sized(length), href=self._href(path))
        return self._once(check, exhibit, path, length)

    def replay(self, paths: tuple[str, ...]) -> str:
        """The command that grades a check again, from its evidence."""
        for relative in paths:
            path = self._inside(relative)
            if path is not None and path.suffix == ".txt":
                try:
                    found = REPLAY.match(read_some(path, 4096).decode(errors="replace"))
                except OSError:
                    continue
                if found:
                    return printable(self._nameless(found.group(1)))
        return ""

    def _inside(self, relative: str) -> Path | None:
        """Where the file is; None if it is elsewhere than the report says, by .. or by a link."""
        parts = PurePosixPath(relative)
        if not relative or parts.is_absolute() or ".." in parts.parts or "\0" in relative:
            return None
        path = self._folder / parts
        try:
            return path if path.parent.resolve() == self._folder.resolve() / parts.parent else None
        except OSError:
            return None

    def _href(self, path: Path) -> str:
        if not self.linked or path.suffix.lower() not in LINKED:
            return ""
        below = os.fsencode(path.relative_to(self._folder).as_posix())
        return f"{self._base}{quote(below)}"

    def _src(self, path: Path) -> str:
        """Where a picture is loaded from: itself, where its folder is not to be named."""
        if self.linked:
            return self._href(path)
        data = base64.b64encode(read_some(path, png.LARGEST)).decode()
        return f"data:image/png;base64,{data}"

    def _shown(self, exhibit: Exhibit, path: Path, length: int) -> Exhibit:
        if path.suffix.lower() in {".pcap", ".pcapng", ".cap"}:
            return _packets(exhibit, path, self._named)
        if path.suffix.lower() == ".png":
            size = png.size(read_some(path, png.HEADER), length)
            if isinstance(size, png.Size):
                return replace(exhibit, kind="picture", picture=size, src=self._src(path))
            return replace(exhibit, kind="missing", note=f"is not shown as a picture: {size}")
        text, note = excerpt(path, length)
        return replace(exhibit, lines=self._nameless(text), note=note)

    def _once(self, check: str, exhibit: Exhibit, path: Path, length: int) -> Exhibit:
        """The exhibit, or, if the same was shown before, where."""
        anchor = f"evidence-{len(self._seen) + 1}"
        if exhibit.kind == "missing" or length > COMPARED:
            return replace(exhibit, anchor=anchor)
        key = (exhibit.name, hashlib.sha256(read_some(path, COMPARED)).digest())
        if key in self._seen:
            twin, anchor = self._seen[key]
            return replace(
                exhibit, kind="twin", twin=twin, anchor=anchor, lines="", rows=(), src=""
            )
        self._seen[key] = (check, anchor)
        return replace(exhibit, anchor=anchor)


def _packets(exhibit: Exhibit, path: Path, named: set[int]) -> Exhibit:
    from grader.pages.dissect import Dissector, hexdump

    shown = {near for one in named for near in range(one - AROUND, one + AROUND + 1)}
    with open_plain(path) as file:
        found = pcap.read(
            file, wanted=lambda number: number <= PACKETS or number in shown, longest=FRAME
        )
    dissector = Dissector()
    rows = []
    before = 0
    for one in found.some:
        dump = hexdump(one.data[:HEX]) + ("\n…" if len(one.data) > HEX else "")
        time = f"{one.since_ns / pcap.NANO:.6f}"
        line, gap = dissector.line(one), one.number - before - 1
        rows.append(Row(one.number, time, line, one.length, dump, one.number in named, gap))
        before = one.number
    count = f"{'more than ' if found.more else ''}{found.count:,} packets"
    notes = [f"{len(rows)} of {count}" if found.count > len(rows) else count]
    notes += [f"malformed: {found.fault}"] if found.fault else []
    return replace(exhibit, kind="packets", rows=tuple(rows), note="; ".join(notes))


def excerpt(path: Path, length: int) -> tuple[str, str]:
    """The beginning and, of a long file, the end of a text, and a note on what is left out."""
    if length <= HEAD_BYTES + TAIL_BYTES:
        lines = list(_lines(read_some(path, HEAD_BYTES + TAIL_BYTES)))
        if len(lines) <= HEAD_LINES + TAIL_LINES:
            return "\n".join(lines), ""
        head, tail = lines[:HEAD_LINES], lines[-TAIL_LINES:]
        left = f"{len(lines) - HEAD_LINES - TAIL_LINES} lines"
    else:
        head = list(_lines(read_some(path, HEAD_BYTES)))[:HEAD_LINES]
        with open_plain(path) as file:
            file.seek(length - TAIL_BYTES)
            tail = list(_lines(file.read(TAIL_BYTES)))[-TAIL_LINES:]
        left = "the middle"
    return "\n".join([*head, f"[… {left} left out …]", *tail]), "an excerpt"


def _lines(data: bytes) -> Iterator[str]:
    for line in data.decode(errors="replace").rstrip("\n").split("\n"):
        text = printable(line.rstrip("\r").expandtabs(8)[: WIDEST + 1])
        yield text if len(text) <= WIDEST else f"{text[:WIDEST]}…"


def sized(length: int) -> str:
    """A number of bytes for a person."""
    if length < 1000:
        return f"{length} bytes"
    return f"{length / 1000:.0f} kB" if length < 1_000_000 else f"{length / 1e6:.1f} MB"
