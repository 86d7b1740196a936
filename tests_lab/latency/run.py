"""One run of the script: what it printed, what was measured meanwhile, and what is like what."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grader.evidence import Calls, Event, Reading, readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.errors import CheckFailed

FUNCTION = "nf_hook_slow"
PAGE = "man 8 bpftrace"
WRAPPED = 2**63
SHOWN, SHOWN_CHARACTERS = 8, 500
FEW = 4
TIMESTAMP_SLACK_NS = 1_000_000_000


@dataclass(frozen=True)
class Run:
    """One run of the script: how it ended, what it printed, what really happened meanwhile.

    `failure` says what was wrong with its end, if it was.
    """

    failure: CheckFailed | None
    events: Sequence[Event]
    calls: Calls
    rules: int
    left: str
    kprobes: int
    began_ns: int
    ended_ns: int

    @cached_property
    def readings(self) -> list[Reading]:
        """What it printed as the average."""
        return readings(list(self.events))

    @property
    def expected_ns(self) -> tuple[float, float]:
        """Our average, from and to: a script's probes cost what ours of the same kind do."""
        without, probed = self.calls.average_ns, self.calls.probed_average_ns
        if self.kprobes == 0:
            return without, without
        return (probed, probed) if self.kprobes >= 2 else (without, probed)

    @property
    def last(self) -> list[Reading]:
        """What it printed as the average after Ctrl-C, or else last before it."""
        return [one for one in self.readings if one.final] or self.readings[-1:]

    @cached_property
    def candidates(self) -> dict[str, list[float]]:
        """What may be meant as the average, by its place, counted from the end.

        That is the last number there, or the middle one of all. Of many of a kind the last counts.
        """
        found: dict[str, list[float]] = {}
        for place in dict.fromkeys(one.place for one in self.last):
            ends = [one.ns for one in self.last if one.place == place][::-1]
            alike = [one.ns for one in self.readings if one.place == place]
            for number, ns in enumerate(ends if len(ends) <= FEW else ends[:1]):
                middle = [] if number else [statistics.median(alike)]
                found[f"{place} {number}"] = [ns, *middle]
        return found

    def places(self, band: Sequence[float]) -> set[str]:
        """The places of those that are ours within factors."""
        low, high = band[0] * self.expected_ns[0], band[1] * self.expected_ns[1]
        return {
            place
            for place, values in self.candidates.items()
            if any(low <= value <= high for value in values)
        }

    @property
    def shown(self) -> str:
        """The end of its output, for a message."""
        said = [told(event) for event in self.events if event.type != "attached_probes"]
        return "; ".join(text for text in said[-SHOWN:] if text)[-SHOWN_CHARACTERS:] or "nothing"


def told(event: Event) -> str:
    """An event, in a message."""
    if event.type in {"hist", "lhist"}:
        return f"a histogram, {', '.join(event.maps)}"
    return (event.text or str(event.maps or event.data)).strip()


def timestamps_in(value: object, run: Run) -> list[int]:
    """The moments of this run in a map's value: of nsecs; or of elapsed, if they have keys.

    One number alone may be the time of a call that lasted long, since others interrupted it.
    """
    values = value.values() if isinstance(value, dict) else [value]
    numbers = [one for one in values if isinstance(one, int)]
    low, high = run.began_ns - TIMESTAMP_SLACK_NS, run.ended_ns + TIMESTAMP_SLACK_NS
    moments = [one for one in numbers if low <= one <= high]
    lasted = run.ended_ns - run.began_ns
    late = [one for one in numbers if lasted / 4 < one < lasted]
    return moments or (late if isinstance(value, dict) and len(late) == len(numbers) else [])


def likely(shown: Reading, run: Run) -> str:
    """What the number may be instead, and what the average is."""
    looks = resembles(shown.ns, run)
    return (
        f"{looks and f'it looks like {looks}. '}"
        f"The average is of every call of {FUNCTION}, from its entry to its return, and of nothing "
        "else. Calls of several threads overlap: a start belongs to its tid, and a return without "
        f"one does not count: {PAGE}"
    )


def resembles(number: float, run: Run) -> str:
    """What is near to a number that is not the average; empty if nothing is."""
    if number < 0 or number >= WRAPPED:
        return "the start minus the end"
    if run.began_ns <= number <= run.ended_ns:
        return "nsecs itself, a moment; a time is the difference of two"
    calls = run.calls
    average, probed = calls.average_ns, calls.probed_average_ns
    total, probed_total = calls.total_ns, max(calls.total_ns, calls.probed_total_ns)
    near = {
        "the sum of all calls' times; divide it by how many there were": (total, probed_total),
        "how many calls there were": (calls.count, calls.count),
        "the longest call's time": (calls.longest_ns, calls.longest_ns),
        "a number of microseconds; say so, or print nanoseconds": (average / 1e3, probed / 1e3),
        "a number of milliseconds; say so, or print nanoseconds": (average / 1e6, probed / 1e6),
        "nanoseconds that are called microseconds": (average * 1e3, probed * 1e3),
        "half of it, as if something were counted twice": (average / 2, probed / 2),
    }
    found = (what for what, (low, high) in near.items() if 0.8 * low < number < 1.25 * high)
    return next(found, "")
