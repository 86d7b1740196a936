"""What pwru printed: one line for each kernel function that a packet's sk_buff passed through.

All versions' text is read, with or without its header, whatever columns were asked for. Until 0.0.x

    SKB CPU [PROCESS(PID)] FUNC [TIMESTAMP] [netns=… mark=… …] [TUPLE]

and since 1.0

    [TIME] SKB CPU PROCESS:PID [TIMESTAMP] [NETNS MARK/x IFACE PROTO MTU LEN] [TUPLE] FUNC [CALLER]

with, between the lines, dumps of the skb and stacks. Source: cilium/pwru, internal/pwru/output.go
(PrintHeader, Print) of its versions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# A line's number, if an editor put it there, the time of day (--timestamp absolute), the address.
START = re.compile(
    r"\s*(?:\d{1,6}[:.|]?\s+)?(?:(?P<clock>(?:[\d-]{8,10}T)?\d\d:\d\d:\d\d(?:\.\d+)?)\s+)?(?P<skb>0x[0-9a-f]{8,16})(?=\s)"
)
CPU = r"\s*(?:(?P<cpu>\d+)\s+)?"
OLD = re.compile(CPU + r"\[(?P<process>.{0,64}?)\]\s+(?P<rest>\w.*)")
NEW = re.compile(CPU + r"(?P<process>(?!\d+\s)(?:\S.{0,64}?)??:\d+)(?=\s)(?P<rest>.*)")
BARE = re.compile(CPU + r"(?P<process>)(?P<rest>.*)")
META = (
    r"\s+\d+\s+[0-9a-f]+\s+[^\s\[]\S*\s+0x[0-9a-f]{1,4}\s+\d+\s+\d+(?=\s)"
    r"(?:\s+\[0x[0-9A-F]{8}(?:,0x[0-9A-F]{8})*\])?"
)
END = r"(?:\[[0-9a-f:.]+\]|[0-9.]*):\d+"
TUPLE = re.compile(rf"(?P<src>{END})->(?P<dst>{END})\((?P<protocol>\w*)(?::[\w|]*)?\)")
STAMP = r"(?:\s*(?P<stamp>-?\d+)(?=\s))?"
NUMBERS = (re.compile(STAMP + META), re.compile(STAMP))
FUNCTION = re.compile(
    r"(?P<name>[A-Za-z_][\w.]*|0x[0-9a-f]+)(?:\+0x[0-9a-f]+)?(?:\[\w+\])?"
    r"(?:\s?\((?P<reason>[\w-]*)\))?(?:\(\w+\))?(?=\s|\Z)"
)
OLD_STAMP = re.compile(r"\s+(?P<stamp>-?\d+)(?=\s|\Z)")
LONGEST = 4096
MOST_DIGITS = 20


@dataclass(frozen=True)
class SkbEvent:
    """One printed line; `number` is the line's in the file. What was not printed is None or empty.

    `stamp` is what TIMESTAMP says: nanoseconds since the same skb's line before, or of the
    kernel's clock. `reason` is why an skb was dropped, as a name or a number.
    """

    number: int
    skb: str
    function: str
    process: str = ""
    stamp: int | None = None
    reason: str = ""
    src: str = ""
    dst: str = ""
    protocol: str = ""


@dataclass(frozen=True)
class PwruTrace:
    """The events of a trace, in the order in which they were printed."""

    events: tuple[SkbEvent, ...]
    unread: tuple[int, ...] = ()

    @property
    def flows(self) -> list[tuple[SkbEvent, ...]]:
        """The events by skb address, which several packets may have had, one after the other."""
        found: dict[str, list[SkbEvent]] = {}
        for event in self.events:
            found.setdefault(event.skb, []).append(event)
        return [tuple(events) for events in found.values()]


def read_trace(text: str) -> PwruTrace:
    """Read what pwru printed, whatever stands around it; `unread` are lines of no known form."""
    events, unread = [], []
    for number, line in _unwrapped(text):
        start = START.match(line)
        if start is None:
            continue
        event = _event(number, start["skb"], line[start.end() :])
        if event is None:
            unread.append(number)
        else:
            events.append(event)
    return PwruTrace(tuple(events), tuple(unread))


def _unwrapped(text: str) -> list[tuple[int, str]]:
    """The lines, numbered, without colours; joined again where a narrow terminal broke them."""
    lines = [ANSI.sub("", line).rpartition("\r")[2][:LONGEST] for line in text.split("\n")]
    begins = [number for number, line in enumerate(lines) if START.match(line)]
    broken = [one for one, other in pairwise([*begins, len(lines)]) if other > one + 1]
    widths = {len(lines[number]) for number in broken}
    width = widths.pop() if len(widths) == 1 and len(broken) > 2 else 0
    if not width or any(len(lines[number]) > width for number in begins):
        return list(enumerate(lines, start=1))
    joined: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if joined and START.match(joined[-1][1]) and not START.match(line):
            before, whole = joined[-1]
            if len(whole) % width == 0 and len(whole) < LONGEST:
                joined[-1] = (before, whole + line)
                continue
        joined.append((number, line))
    return joined


def _event(number: int, skb: str, rest: str) -> SkbEvent | None:
    old = OLD.match(rest)
    found = old or NEW.match(rest) or BARE.match(rest)
    if found is None:
        return None
    event = SkbEvent(number, skb, "", process=found["process"].strip())
    return _with_old(event, found["rest"]) if old else _with_new(event, found["rest"])


def _with_old(event: SkbEvent, rest: str) -> SkbEvent | None:
    function = FUNCTION.match(rest)
    if function is None:
        return None
    stamp = OLD_STAMP.match(rest, function.end())
    return _with(event, stamp, function, TUPLE.search(rest, function.end()))


def _with_new(event: SkbEvent, rest: str) -> SkbEvent | None:
    stamp = NUMBERS[0].match(rest) or NUMBERS[1].match(rest)
    if stamp is None:
        return None
    ends = TUPLE.search(rest, stamp.end())
    function = FUNCTION.match(rest[ends.end() :].lstrip()) if ends else None
    if function is None:  # the tuple of --output-tunnel stands behind it
        function = FUNCTION.match(rest[stamp.end() :].lstrip())
    return _with(event, stamp, function, ends) if function else None


def _with(
    event: SkbEvent,
    stamp: re.Match[str] | None,
    function: re.Match[str],
    ends: re.Match[str] | None,
) -> SkbEvent:
    digits = (stamp["stamp"] or "") if stamp else ""
    return replace(
        event,
        function=function["name"],
        stamp=int(digits) if digits and len(digits) <= MOST_DIGITS else None,
        reason=function["reason"] or "",
        src=ends["src"] if ends else "",
        dst=ends["dst"] if ends else "",
        protocol=ends["protocol"] if ends else "",
    )
