"""04c: the experiment, its results, and the plot of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from grader.check import check
from grader.errors import CheckFailed, GraderError, Overrun
from grader.evidence import CallMeter
from grader.script import must_have_ended, said
from grader.world import World
from tests_lab.experiment.agreement import (
    FUNCTION,
    is_near,
    is_rate,
    must_be_averages,
    must_be_rates,
    right_at_once,
    widened,
    written,
)
from tests_lab.experiment.laboratory import FIRST, SERVER, Experiment, Laboratory
from tests_lab.experiment.results import (
    data,
    data_complete,
    data_genuine,
    data_latency,
    data_throughput,
)
from tests_lab.experiment.table import Row
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
    "FUNCTION",
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
