"""04c: the experiment, its results, and the plot of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from grader.check import check
from grader.errors import CheckFailed, GraderError, Overrun
from grader.evidence import CallMeter, Calls
from grader.script import must_have_ended, said
from grader.world import World
from tests_lab.experiment.laboratory import AGAIN, FIRST, SERVER, WORK, Experiment, Laboratory
from tests_lab.experiment.results import (
    data,
    data_complete,
    data_genuine,
    data_latency,
    data_throughput,
)
from tests_lab.experiment.table import HEADER, Row, Table, read_table
from tests_lab.experiment.watched import Test
from tests_lab.plot.checks import (
    plot_both,
    plot_given,
    plot_labels,
    plot_latency,
    plot_rules,
    plot_runs,
    plot_script,
    plot_throughput,
    plot_units,
    plotted,
)

if TYPE_CHECKING:
    from fixtures.world import NewWorld
    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun


__all__ = [
    "data",
    "data_complete",
    "data_genuine",
    "data_latency",
    "data_throughput",
    "plot_both",
    "plot_given",
    "plot_labels",
    "plot_latency",
    "plot_rules",
    "plot_runs",
    "plot_script",
    "plot_throughput",
    "plot_units",
    "plotted",
]

NEEDS_KERNEL = ["kernel_tracing"]
FUNCTION = "nf_hook_slow"
# What is further off than this is not tried again.
NOISE = 5
# So many times an average is no average, however noisy the machine.
MANY = 50
FLUSH = "sudo iptables -F OUTPUT"
ARGUMENTS = "the server, for iperf3 -c, is the first argument, the file to write the second"


@pytest.fixture(scope="module")
def internet(new_world: NewWorld) -> Iterator[World]:
    """A world whose student's host is the machine's root's."""
    with new_world("commands", sandboxed=False) as running:
        yield running


@pytest.fixture(scope="module")
def laboratory(
    deliverable: Deliverable,
    machine: Machine,
    call_meter: CallMeter,
    internet: World,
    task: TaskRun,
) -> Laboratory:
    """Where the script is run."""
    made = Laboratory(machine, internet, call_meter, task)
    made.put({deliverable.name: deliverable.data, **beside(task)})
    return made


@pytest.fixture(scope="module")
def experiment(laboratory: Laboratory, task: TaskRun) -> Experiment:
    """The script, run to its end, watched: once, or if that shows too little, once more, longer."""
    parameters = task.task.parameters
    first = laboratory.run(FIRST, parameters["duration_s"])
    if first.tidy and is_doubtful(first, parameters):
        return laboratory.longer
    return first


def is_doubtful(experiment: Experiment, parameters: Mapping[str, Any]) -> bool:
    """Whether another, longer run tells a busy computer's doing from a script's.

    Tests that last somewhat too long may be either's, if the script has a DURATION of its own; no
    iperf3 that was given this one ends before it.
    Rules that are listed after their test may be those of a later step.
    """
    tests, usual = experiment.watched.tests, experiment.duration + parameters["odd_by_s"]
    low = experiment.duration * parameters["at_least"]
    high = experiment.duration + parameters["longer_by_s"]
    odd = [
        one
        for one in tests
        if low <= one.seconds < experiment.duration or usual < one.seconds <= high
    ]
    return 2 * len(odd) > len(tests) or (
        experiment.late and bool(experiment.missing or unseen(experiment))
    )


def unseen(experiment: Experiment) -> list[Row]:
    """The rows of which no test was seen with so many rules; none if there is no table."""
    try:
        return [row for row in written(experiment).rows if not experiment.at(row.rules)]
    except CheckFailed:
        return []


def beside(task: TaskRun) -> dict[str, bytes]:
    """The submission's other files that the script may use, as far as they are there."""
    found = {}
    for name in task.task.parameters["beside"]:
        try:
            found[name] = task.submission.read(name).data
        except CheckFailed:
            continue
    return found


@check("04c.runs", requires=NEEDS_KERNEL)
def runs(experiment: Experiment, deliverable: Deliverable) -> str | None:
    """The script comes to its end."""
    done, tests = experiment.done, experiment.watched.tests
    if experiment.runaway is None:
        if done.exit is None and not done.flooded:
            raise Overrun(
                f"the script did not end within {experiment.within:g} s and was killed; it had "
                f"come to {len(tests)} tests of iperf3",
                hint="`wait` waits for all that runs in the background, and bpftrace ends on "
                f"kill -INT only\n{said(done)}".strip(),
            )
        must_have_ended(done, experiment.within)
    return "; ".join(deliverable.notes) or None


@check("04c.iperf3", needs="04c.runs", requires=NEEDS_KERNEL)
def iperf3(experiment: Experiment, task: TaskRun) -> None:
    """It measures with iperf3 over the cable, for DURATION seconds each time."""
    tests, duration = experiment.watched.tests, experiment.duration
    if not tests:
        raise CheckFailed(
            f"no iperf3 test came to {SERVER} over the cable",
            hint="\n".join(filter(None, [ARGUMENTS, said(experiment.done)])),
        )
    parameters = task.task.parameters
    low, high = duration * parameters["at_least"], duration + parameters["longer_by_s"]
    good = [one for one in tests if low <= one.seconds <= high]
    if 2 * len(good) < len(tests):
        times = ", ".join(f"{one.seconds:.1f}" for one in tests[:8])
        raise CheckFailed(
            f"each test is to last DURATION = {duration:g} s; they lasted {times} s. "
            f"See {experiment.seen}",
            hint='iperf3 -t "$DURATION", whatever number that is',
        )


@check("04c.steps", needs="04c.iperf3", requires=NEEDS_KERNEL)
def steps(experiment: Experiment) -> None:
    """It adds RULES_STEP rules to OUTPUT at a time, up to RULES_MAX, and measures at each step."""
    asked = f"with RULES_STEP={experiment.step} and RULES_MAX={experiment.maximum}"
    seen = [one.look.count for one in experiment.watched.tests if one.look]
    if experiment.runaway is not None:
        raise CheckFailed(
            f"{asked} there were {experiment.runaway} rules in OUTPUT, and the script was stopped",
            hint="RULES_MAX and RULES_STEP are in the environment",
        )
    if missing := experiment.missing:
        if experiment.late:
            raise GraderError(
                f"the rules could not be listed while each test ran. See {experiment.seen}",
                remedy="grade again on a machine with less load",
            )
        raise CheckFailed(
            f"{asked} there was no test at {', '.join(map(str, missing))} rules in OUTPUT; "
            f"the tests were at {', '.join(map(str, seen)) or 'none'}. See {experiment.seen}",
            hint=misplaced(experiment),
        )


def misplaced(experiment: Experiment) -> str:
    """Where the rules were instead, or when."""
    tests = experiment.watched.tests
    where = {name for one in tests if one.look for name in one.look.elsewhere}
    if where:
        return f"there were rules in {', '.join(sorted(where))}; packets of this host meet OUTPUT"
    counts = [one.look.count for one in tests if one.look]
    if experiment.missing == [experiment.maximum] and counts[:1] == [0]:
        return "the last rules were added behind the last test: add a step's rules, then measure"
    return "RULES_MAX and RULES_STEP are in the environment; add to the chain OUTPUT, with iptables"


@check("04c.never_match", needs="04c.steps", requires=NEEDS_KERNEL)
def never_match(experiment: Experiment) -> None:
    """No rule that it adds matches a packet: each packet meets them all."""
    for one in experiment.watched.tests:
        if one.look and one.look.matched:
            raise CheckFailed(
                f"during the test with {one.look.count} rules this rule matched packets, while "
                f"all are to be evaluated in vain: {one.look.matched[0]}",
                hint="addresses or ports that the test does not use",
            )


@check("04c.rows", needs="04c.steps", requires=NEEDS_KERNEL)
def rows(experiment: Experiment) -> str | None:
    """RESULTS.csv has a row for each step, with the number of rules that there were."""
    table = written(experiment)
    found = {row.rules for row in table.rows}
    missing = [count for count in experiment.wanted if count not in found]
    if missing:
        raise CheckFailed(
            f"RESULTS.csv has no row for {', '.join(map(str, missing))} rules; it has "
            f"{', '.join(str(row.rules) for row in table.rows[:20]) or 'no rows'}. "
            f"See {experiment.measured}"
        )
    for row in unseen(experiment):
        raise CheckFailed(
            f"line {row.line} of RESULTS.csv is of {row.rules} rules, but no test was made "
            f"with so many in OUTPUT. See {experiment.measured} and {experiment.seen}"
        )
    return "; ".join(table.notes) or None


def written(experiment: Experiment) -> Table:
    """What the script has written."""
    if experiment.table is None:
        also = f"; in {WORK} there is {', '.join(experiment.written[:5])}"
        raise CheckFailed(
            f"no file RESULTS.csv was written{also if experiment.written else ''}",
            hint="the second argument, $2, is the path to write to",
        )
    return read_table(experiment.table.decode(errors="replace"), "RESULTS.csv")


@check("04c.throughput", needs="04c.rows", requires=NEEDS_KERNEL)
def throughput(experiment: Experiment, laboratory: Laboratory, task: TaskRun) -> str | None:
    """The throughput in each row is what passed the cable, in Mbit/s."""
    band = task.task.parameters["band_throughput"]
    wide = widened(band)
    if right_at_once(
        lambda one: must_be_rates(one, band),
        experiment,
        near=all(is_rate(row, experiment, wide) for row in written(experiment).rows),
        again=lambda: laboratory.longer,
    ):
        return None
    return f"right with DURATION={laboratory.longer.duration:g} only: the machine is busy"


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


@check("04c.latency", needs="04c.rows", requires=NEEDS_KERNEL)
def latency(experiment: Experiment, laboratory: Laboratory, task: TaskRun) -> str | None:
    """The latency in each row is the average time in nf_hook_slow, in nanoseconds."""
    band = task.task.parameters["band_latency"]
    # bpftrace takes seconds to attach where processors are emulated: it may have come late.
    if right_at_once(
        lambda one: must_be_averages(one, band),
        experiment,
        near=is_near(experiment, band),
        again=lambda: laboratory.longer,
    ):
        return None
    longer = f"right with DURATION={laboratory.longer.duration:g} only"
    return f"{longer}: wait until bpftrace has attached its probes"


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


OTHER_RATES = {
    "Gbit/s": 1e-3,
    "kbit/s": 1e3,
    "bit/s": 1e6,
    "MByte/s": 1 / 8,
    "GByte/s": 1 / 8e3,
    "Byte/s": 1e6 / 8,
}
OTHER_TIMES = {"microseconds": 1e-3, "milliseconds": 1e-6, "seconds": 1e-9}


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


@check("04c.flushes", needs="04c.steps", requires=NEEDS_KERNEL)
def flushes(experiment: Experiment) -> None:
    """Afterwards OUTPUT is empty, policies are as before, and nothing is left running."""
    last = experiment.watched.last
    if experiment.watched.left:
        raise CheckFailed(
            f"the script has ended, but these still run: {', '.join(experiment.watched.left[:8])}",
            hint="kill -INT what was started in the background, and wait for it",
        )
    if last.count:
        raise CheckFailed(f"after its end {last.count} rules are left in OUTPUT", hint=FLUSH)
    if last.elsewhere:
        where = ", ".join(f"{count} in {name}" for name, count in last.elsewhere.items())
        raise CheckFailed(f"after its end rules are left: {where}", hint="flush what you fill")
    if last.policies:
        raise CheckFailed(
            "after its end these policies are not ACCEPT: "
            f"{', '.join(' '.join(one) for one in last.policies)}"
        )
