"""The few lines of a check's evidence that show what its message tells of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from grader.submission import COMMENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from grader.evidence.decoded import Decoder

MOST = 4  # lines of one file
LONGEST = 40
PACKETS = 3
POLICIES = 3
SCRIPT = 8
BRIEF = 4  # a capture of so few packets is shown whole
NUMBERED = re.compile(r"\bpacket (\d+)\b")
BYTES = 256 * 1024
# What a program wrote: its end tells most.
WRITTEN = re.compile(r"(stdout|stderr|output|no_rules|many_rules|interrupted|kernel)\.(txt|log)")
RULES = re.compile(r"rules(-\w+)?\.txt")
# Of the grader's own: how it ran the file, and how that ended.
ABOUT = re.compile(r"^(\$ .*|\[it .*\])$")
MANUAL = re.compile(r"\bman [1-9][a-z]* [a-zA-Z]|\b[a-zA-Z][\w.+-]*\([1-9]\)")


@dataclass(frozen=True)
class Excerpt:
    """Lines of a file of evidence, and how many more there are."""

    name: str
    lines: tuple[str, ...]
    more: int = 0


def excerpts(
    folder: Path, check: dict[str, Any], files: Collection[str], decoder: Decoder
) -> list[Excerpt]:
    """What to show of the evidence of a report's check; `folder` is the report's.

    `files` are the task's own, which stand among the evidence.
    """
    told = f"{check['message']}\n{check['hint']}"
    found = []
    for path in check["evidence"]:
        name = PurePath(path).name
        lines = list(_picked(folder / path, name, told, files, decoder))
        if lines:
            most = SCRIPT if name in files else len(lines) if name.endswith(".pcap") else MOST
            shown = lines[-most:] if WRITTEN.fullmatch(name) else lines[:most]
            found.append(Excerpt(name, tuple(shown), len(lines) - len(shown)))
    return found


def manuals(check: dict[str, Any], pages: Iterable[str]) -> list[str]:
    """The task's manual `pages`, as man(1) is called, unless the check's hint names its own."""
    if MANUAL.search(check["hint"]):
        return []
    return [f"man {one[:-1].partition('(')[2]} {one.partition('(')[0]}" for one in pages]


def _picked(
    path: Path, name: str, told: str, files: Collection[str], decoder: Decoder
) -> Iterator[str]:
    if name.endswith(".pcap"):
        yield from _packets(path, told, decoder)
        return
    text = _text(path)
    if name in files:
        yield from _lines_of_script(text, name, told)
    elif RULES.fullmatch(name):
        yield from _rules(text)
    elif WRITTEN.fullmatch(name):
        lines = [line for line in text.splitlines() if line.strip() and not ABOUT.match(line)]
        if len(lines) <= LONGEST:  # of more, the message has said what is wrong with which
            yield from (line for line in lines if line.strip() not in told)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(BYTES).decode(errors="replace")
    except OSError:
        return ""


def _packets(path: Path, told: str, decoder: Decoder) -> list[str]:
    """The packets that the message names, by their numbers or their ends; all of very few."""
    from grader.evidence.decoded import saved

    packets = saved(path)
    named = [packet for packet in packets if str(packet.number) in NUMBERED.findall(told)]
    named = named or [packet for packet in packets if packet.version and str(packet) in told]
    if not named and len(packets) <= BRIEF:
        named = packets
    return decoder.lines(named[:PACKETS]) if named else []


def _rules(text: str) -> Iterator[str]:
    """Each rule with its counter; without rules, what fell to a chain's policy."""
    from grader.evidence.counters import BACKENDS_6, Ruleset

    found = Ruleset.parse(text)
    for rule in found.rules:
        yield f"{rule.backend} {rule}"
    fell = [] if found.rules else [c for c in found.chains if c.packets and c.policy != "-"]
    for chain in sorted(fell, key=lambda one: (one.backend in BACKENDS_6, -one.packets))[:POLICIES]:
        place = f"{chain.backend} -t {chain.table} {chain.name}"
        yield f"{place}: policy {chain.policy} [{chain.packets} packets]"


def _lines_of_script(text: str, name: str, told: str) -> Iterator[str]:
    """The line that the message names (FILE:LINE), or else a short script without its comments."""
    lines = text.splitlines()
    numbers = {int(n) for n in re.findall(rf"{re.escape(name)}:(\d{{1,6}})\b", told)}
    if numbers:
        yield from (f"{n:>4}  {lines[n - 1]}" for n in sorted(numbers) if 0 < n <= len(lines))
        return
    comments = COMMENTS.get(PurePath(name).suffix)
    if comments is None or PurePath(name).suffix not in {".sh", ".bt"}:
        return
    script = [line for line in comments.sub("", text).splitlines() if line.strip()]
    if len(script) <= SCRIPT:
        yield from script
