"""Timing: contenders take turns, so that what else the machine does hits all of them alike."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager


class Contender(Protocol):
    """What is set up and taken down, round by round."""

    name: str

    def up(self) -> Mapping[str, float] | None:
        """Set up; may return the seconds that named parts of it took."""

    def check(self) -> None:
        """Raise if what `up` made does not work; not timed."""

    def down(self) -> None:
        """Take down all that `up` made."""


class Unable(Exception):
    """A neighbour is installed, yet cannot do its work here; why."""


@dataclass(frozen=True)
class Absent:
    """A neighbour that cannot be measured here, and why."""

    name: str
    reason: str = "not installed"


@dataclass(frozen=True)
class Benchmark:
    """One thing to measure: its title, the number to reach, and who contends.

    `part_targets`: the numbers that parts of ours are to reach, by the part's name; `at_most`: in
    how many rounds, of slow ones, by the contender's name.
    """

    title: str
    contenders: Sequence[AbstractContextManager[Contender] | Absent]
    target_ms: float | None = None
    part_targets: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """Seconds of many rounds: quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, seconds: list[float]) -> Figure:
        """The quartiles of `seconds`."""
        if len(seconds) == 1:
            return cls(*seconds * 3)
        return cls(*statistics.quantiles(seconds, n=4, method="inclusive"))


@dataclass(frozen=True)
class Result:
    """What came of one contender."""

    benchmark: str
    name: str
    target_ms: float | None = None
    up: Figure | None = None
    down: Figure | None = None
    parts: dict[str, Figure] = field(default_factory=dict)
    part_targets: Mapping[str, float] = field(default_factory=dict)
    absent: str = ""


def measure(benchmark: Benchmark, rounds: int) -> list[Result]:
    """One untimed round, then `rounds` timed ones in which the contenders take turns.

    Who takes part in a single round only is timed in that; who is unable in the first is absent.
    """
    present: list[Contender] = []
    absent: list[Absent] = []
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        for one in benchmark.contenders:
            if isinstance(one, Absent):
                absent.append(one)
            else:
                present.append(stack.enter_context(one))
        for number in range(rounds + 1):
            turn = number % max(1, len(present))  # nobody always follows the same one
            for contender in present[turn:] + present[:turn]:
                if number >= benchmark.at_most.get(contender.name, rounds + 1):
                    continue
                try:
                    spent = _one_round(contender)
                except Unable as error:
                    if number:
                        raise
                    present.remove(contender)
                    absent.append(Absent(contender.name, str(error)))
                    continue
                for what, seconds in spent.items():
                    times[contender.name][what].append(seconds)
    results = []
    for contender in present:
        figures = {
            what: Figure.of(some[1:] or some) for what, some in times[contender.name].items()
        }
        up, down = figures.pop("up"), figures.pop("down")
        targets = benchmark.target_ms, up, down, figures, benchmark.part_targets
        results.append(Result(benchmark.title, contender.name, *targets))
    return results + [
        Result(benchmark.title, one.name, benchmark.target_ms, absent=one.reason) for one in absent
    ]


def _one_round(contender: Contender) -> dict[str, float]:
    start = time.perf_counter()
    parts = contender.up()
    up = time.perf_counter() - start
    try:
        contender.check()
    finally:
        start = time.perf_counter()
        contender.down()
    return {"up": up, "down": time.perf_counter() - start, **(parts or {})}
