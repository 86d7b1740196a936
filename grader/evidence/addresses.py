"""IPv4 addresses in what a program printed for people: on which line, and with which mark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

# Control sequences, strings and other escapes (ECMA-48, 5.4, 5.6, 5.3): colours are made of them.
ESCAPE = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]|\x9b[0-?]*[@-~]"
)
TOKEN = re.compile(
    rf"(?:{ESCAPE.pattern})|(?P<move>[\r\b])|(?P<text>[^\x1b\x9b\r\b]+)|.", re.DOTALL
)
# What `echo` without -e leaves of a colour.
SPELLED_OUT = re.compile(r"\\(?:e|E|033|x1b|x1B)\[[0-9;]{0,20}m")
OCTETS = r"\d{1,3}(?:\.\d{1,3}){3}"
# Not a part of a longer number; a full stop may follow, at a sentence's end.
ADDRESS = rf"(?<!\d)(?<!\d\.){OCTETS}(?!\d|\.\d)"
# A network (10.0.0.0/24), a range (10.0.0.1-254, 10.0.0.1 - 10.0.0.254) or one host.
NAMED = re.compile(
    rf"(?P<network>{ADDRESS}/(?!32\b)\d{{1,2}}(?!\d))"
    rf"|(?P<short>{ADDRESS}-\d{{1,3}}(?!\w|[.:][0-9A-Fa-f]))"
    rf"|(?P<first>{ADDRESS})\s*(?:-|\u2013|\.{{2,3}}|to)\s*(?P<last>{ADDRESS})"
    rf"|(?P<one>{ADDRESS})",
    re.ASCII,
)
# Bounded, and begun where a run of dashes begins: else a long line takes time without end.
ARROW = re.compile(
    r"(?:(?<![=~-])[=~-]{1,40}>|[→⇒➔➜⟶⟹])[^\w\n]{0,40}(ok|fail)(?:ed|s|ure)?\b", re.IGNORECASE
)
LAST_WORD = re.compile(r"\b(ok|fail)(?:ed|s|ure)?\W*$", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A line as a terminal would show it, with the hosts' addresses in it, each once, in order.

    `mark` is ok or fail behind an arrow, as in `10.0.0.7 ==> fail`, `last` either as last word.
    """

    number: int
    text: str
    addresses: tuple[str, ...]
    mark: str = ""
    last: str = ""

    @classmethod
    def of(cls, number: int, text: str) -> Line:
        """Take a line apart; networks and ranges in it name no host."""
        marks = ARROW.findall(text)
        last = LAST_WORD.search(text[-40:])
        return cls(
            number,
            text,
            _addresses(text),
            marks[-1].lower() if marks else "",
            last[1].lower() if last else "",
        )

    def __str__(self) -> str:
        """The line in a message."""
        return f"line {self.number}: {self.text.strip()[:80]}"


def lines_with_addresses(output: str) -> list[Line]:
    """The lines of `output` that name a host's IPv4 address."""
    lines = (Line.of(number, _shown(raw)) for number, raw in enumerate(output.split("\n"), start=1))
    return [line for line in lines if line.addresses]


def marks(lines: list[Line]) -> list[str]:
    """What each line says of its host: ok, fail, or nothing.

    A last word counts like an arrow's if lines of both kinds are there: then it is no chance.
    """
    bare = {line.last for line in lines if not line.mark}
    by_word = {"ok", "fail"} <= bare
    return [line.mark or (line.last if by_word else "") for line in lines]


def _addresses(text: str) -> tuple[str, ...]:
    found: list[str | None] = []
    for match in NAMED.finditer(text):
        if match["one"]:
            found.append(_host(match["one"]))
        elif match["first"]:
            ends = [_host(match["first"]), _host(match["last"])]
            if None in ends or IPv4Address(ends[0]) >= IPv4Address(ends[1]):
                found += ends
    return tuple(dict.fromkeys(one for one in found if one))


def _host(text: str) -> str | None:
    """The address in its usual form; None for what is none."""
    octets = [int(octet) for octet in text.split(".")]
    return ".".join(map(str, octets)) if max(octets) <= 255 else None


def _shown(raw: str) -> str:
    """A line as it stands on a terminal in the end: without colours, overwritten where it was."""
    raw = SPELLED_OUT.sub("", raw)
    if not any(control in raw for control in "\x1b\x9b\r\b"):
        return raw
    cells: list[str] = []
    column = 0
    for token in TOKEN.finditer(raw):
        if text := token["text"]:
            cells += " " * (column - len(cells))
            cells[column : column + len(text)] = text
            column += len(text)
        elif token["move"] == "\r":
            column = 0
        elif token["move"] == "\b":
            column = max(0, column - 1)
        elif token[2] == "K":
            _erase(cells, column, token[1])
    return "".join(cells)


def _erase(cells: list[str], column: int, what: str | None) -> None:
    """Erase in line (ECMA-48, 8.3.41): from the cursor on, up to it, or all."""
    if what in {"", "0"}:
        del cells[column:]
    elif what == "1":
        cells[: column + 1] = " " * len(cells[: column + 1])
    elif what == "2":
        cells.clear()
