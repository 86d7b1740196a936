"""Which number of a script's output is the average that it was to print, and in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.evidence.trace import STATS, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

NANOSECONDS = {
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanosec", "nanosecond", "nanoseconds", "nanos"), 1),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "microsec", "micros"), 1_000),
    **dict.fromkeys(("microsecond", "microseconds"), 1_000),
    **dict.fromkeys(("ms", "msec", "msecs", "millisec", "millisecond", "milliseconds"), 1_000_000),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1_000_000_000),
}
# "s" alone is too common a letter to be looked for anywhere but right behind a number.
ANYWHERE = {unit: factor for unit, factor in NANOSECONDS.items() if unit != "s"}
NUMBER = re.compile(r"(?<![\w.:])-?(?:\d+(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?![\w.]*:\d)")
BEHIND = re.compile(r"[\s\[(]*([a-zµμ]+)(?![a-z])", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+")  # of letters in any language
AVERAGE = re.compile(r"av(e?ra)?ge?s?(?![a-z])|mean(?![a-z])", re.IGNORECASE)
# Words that say that a number is something else.
OTHER = re.compile(
    r"(?<![^\W\d_])(count|calls?|samples?|packets?|hits?|invocations?|events?|total|sum|max(imum)?|"
    r"min(imum)?|last|entries|n|num(ber)?|pid|tid|cpu|interval|every|stdev|variance)"
    r"(?![^\W\d_])",
    re.IGNORECASE,
)
SEPARATOR = re.compile(r"\s*[,;.)\]|]")
# As ping writes it: min/avg/max = 1/2/3 ns.
NAMES_AND_NUMBERS = re.compile(
    r"(?P<names>[^\W\d_]+(?:/[^\W\d_]+)+)(?P<between>\W+)(?P<numbers>[\d.]+(?:/[\d.]+)+)"
    r"(?P<unit>\s*[a-zµμ]+)?",
    re.IGNORECASE,
)
DIGITS = re.compile(r"\d[\d.,]*")
PER = re.compile(r"\s*(?:/|per)\s*(call|packet|invocation|pkt)s?", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """A number that may be the average: in nanoseconds, what it was called, how it stood there."""

    ns: float
    shown: str
    average: bool
    final: bool

    @property
    def place(self) -> str:
        """Where it stands, whatever the number is: the line without its numbers, or the map."""
        return DIGITS.sub("#", self.shown)


def readings(events: list[Event]) -> list[Reading]:
    """What a script has printed as its average, in order; empty if nothing can be meant.

    Numbers that are called an average come first, else those that are not called something else,
    such as a count or a maximum.
    """
    text = "".join(event.text for event in events)
    said = {ANYWHERE[word] for word in _words(text) if word in ANYWHERE}
    usual = said.pop() if len(said) == 1 else 1
    found = [one for event in _joined(events) for one in _read(event, usual)]
    return [one for one in found if one.average] or found


def _joined(events: list[Event]) -> Iterator[Event]:
    """Text that several calls of printf() have made, as one event a line; tuples are lines, too."""
    text, final = "", False
    for event in map(_tuple_as_text, events):
        if event.text:
            text, final = text + event.text, event.final
            *lines, text = text.split("\n")
            yield from (Event("printf", line, final) for line in lines)
        else:
            yield event
    if text:
        yield Event("printf", text, final)


def _tuple_as_text(event: Event) -> Event:
    if event.type != "value" or not isinstance(event.data, list):
        return event
    return Event("printf", " ".join(map(str, event.data)) + "\n", event.final)


def _read(event: Event, usual: int) -> Iterator[Reading]:
    if event.text:
        yield from _read_text(event, usual)
    elif event.type == "value" and isinstance(event.data, int | float):
        yield Reading(event.data * usual, str(event.data), average=False,
                      final=event.final)  # fmt: skip
    elif event.type in {"map", "stats"}:
        for name, value in event.maps.items():
            yield from _read_map(event, name, value, usual)


def _read_map(event: Event, name: str, value: object, usual: int) -> Iterator[Reading]:
    average = event.type == "stats"
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()  # one key for all calls is as good as none
    if isinstance(value, dict) and value.keys() == STATS:
        value = value["average"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    words = _words(name)
    factor = next((ANYWHERE[word] for word in words if word in ANYWHERE), None)
    named = any(AVERAGE.fullmatch(word) for word in words)
    if not average and not named and any(OTHER.fullmatch(word) for word in words):
        return
    yield Reading(value * (factor or usual), f"{name}: {value}", average=average or named,
                  final=event.final)  # fmt: skip


def _each_with_its_number(found: re.Match[str]) -> str:
    names, numbers = found["names"].split("/"), found["numbers"].split("/")
    if len(names) != len(numbers):
        return found[0]
    unit = found["unit"] or ""
    return ", ".join(f"{name}: {number}{unit}" for name, number in zip(names, numbers, strict=True))


def _read_text(event: Event, usual: int) -> Iterator[Reading]:
    text = NAMES_AND_NUMBERS.sub(_each_with_its_number, event.text)
    numbers = list(NUMBER.finditer(text))
    starts = [*(number.start() for number in numbers), len(text)]
    begin = 0
    for number, end in zip(numbers, starts[1:], strict=True):
        before, after = text[begin : number.start()], text[number.end() : end]
        factor, rest = _unit_behind(after)
        per = PER.match(rest)
        rest = rest[per.end() :] if per else rest
        begin = end - len(rest)
        within = [ANYWHERE[word] for word in _words(before) if word in ANYWHERE]
        if factor is None and within:
            factor = within[-1]
        behind = _word_behind(rest, last=end == len(text))
        average = bool(per or AVERAGE.search(before) or AVERAGE.fullmatch(behind))
        other = OTHER.search(before) or (factor is None and OTHER.fullmatch(behind))
        if average or not other:
            yield Reading(float(number[0].replace(",", "")) * (factor or usual), event.text.strip(),
                          average=average, final=event.final)  # fmt: skip


def _unit_behind(text: str) -> tuple[int | None, str]:
    """The unit that `text` begins with, in nanoseconds, and what follows it."""
    found = BEHIND.match(text)
    factor = NANOSECONDS.get(found[1].lower()) if found else None
    return (factor, text[found.end() :]) if found and factor else (None, text)


def _word_behind(text: str, *, last: bool) -> str:
    """The word that `text` begins with, if it is of the number before it, not of the next."""
    found = BEHIND.match(text)
    if found is None:
        return ""
    belongs = last or SEPARATOR.match(text[found.end() :]) or OTHER.fullmatch(found[1])
    return found[1] if belongs else ""


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]
