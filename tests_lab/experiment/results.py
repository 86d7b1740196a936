"""04c: results.csv, the student's own data from 0 to about 3,000 rules."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from grader.check import check
from grader.errors import CheckFailed
from tests_lab.experiment.table import Row, Table, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from grader.taskrun import TaskRun

NAME = "results.csv"
MOST_ROWS = 500


@dataclass(frozen=True)
class Points:
    """One measure over the number of rules."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    @cached_property
    def slope(self) -> float:
        """The middle one of the slopes between all pairs (Theil, 1950): outliers don't move it."""
        some = [(b - a, d - c) for (a, c), (b, d) in combinations(self._pairs, 2) if b != a]
        return statistics.median(dy / dx for dx, dy in some) if some else 0.0

    @property
    def line(self) -> Callable[[float], float]:
        """The line of that slope through the middle of the points."""
        slope = self.slope
        offset = statistics.median(y - slope * x for x, y in self._pairs)
        return lambda x: offset + slope * x

    @cached_property
    def off_line(self) -> list[float]:
        """How far each is from the line."""
        line = self.line
        return [abs(y - line(x)) for x, y in self._pairs]

    @property
    def rise(self) -> float:
        """By how much the line rises from the first to the last."""
        return self.slope * (max(self.x) - min(self.x))

    def halves(self) -> tuple[Points, Points]:
        """The points with fewer rules and those with more."""
        middle = (min(self.x) + max(self.x)) / 2
        few = [(x, y) for x, y in self._pairs if x <= middle]
        return of_pairs(few), of_pairs([(x, y) for x, y in self._pairs if x >= middle])

    @property
    def _pairs(self) -> list[tuple[float, float]]:
        return list(zip(self.x, self.y, strict=True))


def of_pairs(pairs: Sequence[tuple[float, float]]) -> Points:
    """Points from pairs."""
    return Points(tuple(x for x, _ in pairs), tuple(y for _, y in pairs))


def latencies(rows: Sequence[Row]) -> Points:
    """The latencies over the rules; without rules, there may be no hook and no call to measure."""
    return of_pairs(
        [
            (row.rules, row.latency)
            for row in rows
            if row.latency is not None and (row.rules or row.latency)
        ]
    )


def throughputs(rows: Sequence[Row]) -> Points:
    """The throughputs over the rules."""
    return of_pairs([(row.rules, row.throughput) for row in rows if row.throughput is not None])


@pytest.fixture(scope="module")
def data(task: TaskRun) -> Table:
    """The student's table."""
    return read_table(task.deliverable(NAME).text, NAME)


@check("04c.data_complete")
def data_complete(data: Table, task: TaskRun) -> str | None:
    """results.csv has rows from the start to about 3,000 rules, about 100 apart."""
    must_be_complete(data, task.task.parameters["data"])
    return "; ".join(data.notes) or None


def must_be_complete(data: Table, limits: Mapping[str, Any]) -> None:
    """Raise CheckFailed if there are not enough rows."""
    if len(data.rows) > MOST_ROWS:
        raise CheckFailed(f"{NAME} has {len(data.rows)} rows; at most {MOST_ROWS} are read")
    gaps = [row for row in data.rows if not row.whole]
    counts = sorted(
        {row.rules for row in data.rows if row.whole or (row.throughput and not row.rules)}
    )
    if len(counts) < limits["rows"]:
        also = f", and {len(gaps)} rows that lack one" if gaps else ""
        first = f", such as line {gaps[0].line}, “{gaps[0].text}”" if gaps else ""
        raise CheckFailed(
            f"expected rows with both measures for at least {limits['rows']} numbers of rules, "
            f"found {len(counts)}{also}{first}",
            hint="each row is three plain numbers: rules,throughput_mbps,latency_ns",
        )
    if counts[0] > limits["from"] or counts[-1] < limits["to"]:
        raise CheckFailed(
            f"expected rows from 0 (at most {limits['from']}) to about 3000 rules (at least "
            f"{limits['to']}); found {counts[0]} to {counts[-1]}"
        )
    wide = [(a, b) for a, b in pairwise(counts) if b - a > limits["apart"]]
    if wide:
        raise CheckFailed(
            f"expected a row about every 100 rules (at most {limits['apart']} apart); there is "
            f"none between {wide[0][0]} and {wide[0][1]}"
        )


@check("04c.data_latency", needs="04c.data_complete")
def data_latency(data: Table, task: TaskRun) -> None:
    """The latencies are plausible nanoseconds, and grow linearly with the rules."""
    must_be_linear(latencies(data.rows), task.task.parameters["data"])


def must_be_linear(points: Points, limits: Mapping[str, Any]) -> None:
    """Raise CheckFailed if these are no nanoseconds, or do not lie about a rising line."""
    low, high = limits["ns_a_rule"]
    most, per_rule = max(points.y), points.slope
    if min(points.y) <= 0:
        raise CheckFailed(
            f"a latency in {NAME} is {min(points.y):g}: a call takes some time",
            hint="begin iperf3 when bpftrace has attached its probes",
        )
    noise = statistics.median(points.off_line)
    if points.rise <= 0 or noise > limits["noise"] * points.rise:
        raise CheckFailed(
            f"the latency is to grow with the rules; a line through it rises by {points.rise:.0f} "
            f"ns in all, {per_rule:.2f} ns a rule, and half of the rows are more than {noise:.0f} "
            "ns off it",
            hint="each rule takes its time: do the packets of the test meet the rules?",
        )
    if most < low * max(points.x):
        raise CheckFailed(
            f"the longest latency is {most:g}; for so many rules that is too short for "
            "nanoseconds: less than a processor's cycle a rule",
            hint="it may be in microseconds or milliseconds; the header says latency_ns",
        )
    if min(points.y) > high * max(points.x):
        raise CheckFailed(
            f"the shortest latency is {min(points.y):g}, too long for nanoseconds",
            hint="is it a sum, where the average per call is asked for?",
        )
    if not low <= per_rule <= high:
        raise CheckFailed(
            f"the latency grows by {per_rule:.3g} ns a rule; plausible are {low:g} to {high:g}",
            hint="is it an average per call, in nanoseconds?",
        )
    first, second = (half.slope for half in points.halves())
    if min(first, second) <= 0 or max(first, second) > limits["bend"] * min(first, second):
        raise CheckFailed(
            f"the latency is to grow linearly; it grows by {first:.2f} ns a rule in the first half "
            f"and by {second:.2f} in the second",
            hint="measure again on an idle computer, or longer at each step",
        )


@check("04c.data_throughput", needs="04c.data_complete")
def data_throughput(data: Table, task: TaskRun) -> None:
    """The throughputs are plausible Mbit/s, and do not rise with the rules."""
    must_not_rise(throughputs(data.rows), task.task.parameters["data"])


def must_not_rise(points: Points, limits: Mapping[str, Any]) -> None:
    """Raise CheckFailed if these are no Mbit/s, or rise."""
    low, high = limits["mbps"]
    middle = statistics.median(points.y)
    if min(points.y) < 0:
        raise CheckFailed(f"a throughput in {NAME} is negative: {min(points.y):g}")
    if not low <= middle <= high:
        raise CheckFailed(
            f"the throughputs are about {middle:g}; plausible between a host and its own "
            f"namespace or container are {low:g} to {high:g} Mbit/s",
            hint=f"it may be in {'Gbit/s' if middle < low else 'kbit/s or bit/s'}; the header says "
            "throughput_mbps",
        )
    some = [y for _, y in sorted(zip(points.x, points.y, strict=True))]
    third = max(1, len(some) // 3)
    before, after = statistics.median(some[:third]), statistics.median(some[-third:])
    if after > limits["rises"] * before:
        raise CheckFailed(
            f"the throughput rises with the rules: about {before:g} Mbit/s in the first third of "
            f"the rows, {after:g} in the last",
            hint="more rules are more work for each packet; measure again on an idle computer",
        )


@check("04c.data_genuine", needs="04c.data_complete")
def data_genuine(data: Table, task: TaskRun) -> None:
    """The data are measured: no measure is constant or a perfect line, and no rows are copies."""
    must_be_measured(data.rows, task.task.parameters["data"])


def must_be_measured(rows: Sequence[Row], limits: Mapping[str, Any]) -> None:
    """Raise CheckFailed for numbers that no measurement gives."""
    for what, points in ("latencies", latencies(rows)), ("throughputs", throughputs(rows)):
        spread = max(points.y) - min(points.y)
        # Latencies that do not grow are another check's.
        if not spread and what == "throughputs":
            raise CheckFailed(f"all {what} are {points.y[0]:g}; measurements differ")
        if spread and max(points.off_line) <= limits["perfect"] * spread:
            raise CheckFailed(
                f"the {what} lie on one straight line, {points.slope:g} for each rule; "
                "measurements stray",
                hint="hand in what experiment.sh has measured",
            )
    pairs = [(row.throughput, row.latency) for row in rows if row.whole]
    copies = len(pairs) - len(set(pairs))
    if copies > limits["copies"] * len(pairs):
        raise CheckFailed(
            f"{copies} of {len(pairs)} rows repeat another row's throughput and latency; "
            "two measurements do not give the same",
            hint="measure anew at each step",
        )
