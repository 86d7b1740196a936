"""Whether rows of results agree with what was measured meanwhile, or else what they look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import CheckFailed
from tests_lab.experiment.laboratory import AGAIN, WORK, Experiment
from tests_lab.experiment.table import HEADER, Row, Table, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.evidence import Calls
    from tests_lab.experiment.watched import Test

FUNCTION = "nf_hook_slow"
# What is further off than this is not tried again.
NOISE = 5
# So many times an average is no average, however noisy the machine.
MANY = 50
OTHER_RATES = {
    "Gbit/s": 1e-3,
    "kbit/s": 1e3,
    "bit/s": 1e6,
    "MByte/s": 1 / 8,
    "GByte/s": 1 / 8e3,
    "Byte/s": 1e6 / 8,
}
OTHER_TIMES = {"microseconds": 1e-3, "milliseconds": 1e-6, "seconds": 1e-9}


def written(experiment: Experiment) -> Table:
    """What the script has written."""
    if experiment.table is None:
        also = f"; in {WORK} there is {', '.join(experiment.written[:5])}"
        raise CheckFailed(
            f"no file RESULTS.csv was written{also if experiment.written else ''}",
            hint="the second argument, $2, is the path to write to",
        )
    return read_table(experiment.table.decode(errors="replace"), "RESULTS.csv")


def must_be_rates(experiment: Experiment, band: Sequence[float]) -> None:
    """Each row agrees with what passed the cable during one of the tests with so many rules."""
    for row in written(experiment).rows:
        if not is_rate(row, experiment, band):
            last = experiment.at(row.rules)[-1]
            passed = f"{last.mbps(last.seconds):.0f} Mbit/s passed the cable"
            tests = experiment.at(row.rules)
            real = [rate for one in tests for rate in rates(one, experiment)]
            raise CheckFailed(
                f"line {row.line} of RESULTS.csv, {row.rules} rules: the throughput is "
                f"{number(row.throughput)}, but {passed}. See {experiment.measured}",
                hint=off_by(row.throughput, real, OTHER_RATES) or amount(row.throughput, tests),
            )


def is_rate(row: Row, experiment: Experiment, band: Sequence[float]) -> bool:
    """Whether a row's throughput is that of a test, within a band of factors."""
    low, high = band
    return row.throughput is not None and any(
        low * min(rates(one, experiment)) <= row.throughput <= high * max(rates(one, experiment))
        for one in experiment.at(row.rules)
    )


def rates(test: Test, experiment: Experiment) -> list[float]:
    """Megabits a second, by the time that data went over the cable and by the time asked for.

    On a busy machine the first may be longer, and iperf3's own lies between them.
    """
    return [test.mbps(test.seconds), test.mbps(experiment.duration)]


def right_at_once(
    must_be_right: Callable[[Experiment], None],
    experiment: Experiment,
    *,
    near: bool,
    again: Callable[[], Experiment],
) -> bool:
    """Whether an experiment is right; if it is `near` only, whether a longer one is.

    Raises CheckFailed, of the first, if neither is: noise spoils a short measure, and makes no
    wrong one right.
    """
    try:
        must_be_right(experiment)
    except CheckFailed as wrong:
        if experiment.name == AGAIN or not near:
            raise
        try:
            must_be_right(again())
        except CheckFailed:
            raise wrong from None
        return False
    return True


def widened(band: Sequence[float]) -> tuple[float, float]:
    """What is not in it is off by more than noise."""
    return band[0] / NOISE, band[1] * NOISE


def must_be_averages(experiment: Experiment, band: Sequence[float]) -> None:
    """Each row agrees with our own measure, during one of the tests with so many rules."""
    for row in written(experiment).rows:
        real = experiment.calls_at(row.rules)
        if row.latency is None and not row.rules and not any(one.count for one in real):
            continue  # without any hook, nothing calls the function
        if not agrees(row.latency, real, band):
            raise CheckFailed(
                f"line {row.line} of RESULTS.csv, {row.rules} rules: the latency is "
                f"{number(row.latency)}, but {real[-1].count} calls of {FUNCTION} during the test "
                f"took {real[-1].average_ns:.0f} ns on average, {real[-1].probed_average_ns:.0f} "
                f"ns with the cost of a kprobe and a kretprobe. See {experiment.measured}",
                hint=off_by(
                    row.latency,
                    [ns for one in real for ns in (one.average_ns, one.probed_average_ns)],
                    OTHER_TIMES,
                )
                or summed(row.latency, real),
            )


def agrees(value: float | None, real: list[Calls], band: Sequence[float]) -> bool:
    """Whether a number is one of our averages, within a band of factors."""
    low, high = band
    return value is not None and any(
        low * one.average_ns <= value <= high * one.probed_average_ns for one in real
    )


def is_near(experiment: Experiment, band: Sequence[float]) -> bool:
    """Whether the numbers are not far off, or missing: noise may have done it, or haste."""
    wide = widened(band)
    return all(
        not row.latency or agrees(row.latency, experiment.calls_at(row.rules), wide)
        for row in written(experiment).rows
    )


def number(value: float | None) -> str:
    """A number as it is shown."""
    return "no number" if value is None else f"{value:g}"


def off_by(value: float | None, real: list[float], units: dict[str, float]) -> str:
    """Which unit the number is in, if in another."""
    for unit, factor in units.items():
        if value and any(0.6 < value / factor / one < 1.7 for one in real if one):
            return f"it looks like {unit}; the header says {HEADER[1:][units is OTHER_TIMES]}"
    return ""


def amount(value: float | None, tests: Sequence[Test]) -> str:
    """Whether a number is of data, not of data a second."""
    if value and any(one.bytes and 0.6 < value * 1e6 / one.bytes < 1.7 for one in tests):
        return f"it looks like the MByte of the whole test; the header says {HEADER[1]}"
    return ""


def summed(value: float | None, real: list[Calls]) -> str:
    """Whether a number is far too large for one call's time."""
    longest = max((one.probed_average_ns for one in real), default=0.0)
    if value and longest and value > MANY * longest:
        return f"it is {value / longest:.0f} times that: is it the sum of all calls' times?"
    return ""
