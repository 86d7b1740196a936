"""04b: nf_latency.bt prints the average time per call spent in nf_hook_slow."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed
from tests_lab.latency.bench import Bench, even, interrupting, uneven
from tests_lab.latency.run import FUNCTION, PAGE, Run, timestamps_in
from tests_lab.latency.series import Series, common

if TYPE_CHECKING:
    from grader.evidence import CallMeter, Event
    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

NEEDS_KERNEL = ["kernel_tracing"]


@pytest.fixture(scope="module")
def bench(
    machine: Machine, call_meter: CallMeter, world: World, task: TaskRun, deliverable: Deliverable
) -> Bench:
    """The machine, the world and our own probe."""
    made = Bench(machine, world, task, deliverable, call_meter, Random(task.seed))  # noqa: S311
    made.own.extend(made.probed())
    return made


@pytest.fixture(scope="module")
def rules(task: TaskRun) -> int:
    """How many rules there are when there are many."""
    low, high = task.task.parameters["rules"]
    return Random(f"{task.seed}/rules").randrange(low, high)  # noqa: S311


@pytest.fixture(scope="module")
def loaded(bench: Bench, rules: int) -> Series:
    """The script's runs with many rules."""
    return Series(bench, "many_rules", rules, uneven)


@pytest.fixture(scope="module")
def idle(bench: Bench) -> Series:
    """The script's runs without rules."""
    return Series(bench, "no_rules", 0, even)


@pytest.fixture(scope="module")
def mixed(bench: Bench, rules: int) -> Series:
    """The script's runs while calls interrupt each other, and Ctrl-C in the middle of them."""
    return Series(bench, "interrupted", rules, interrupting)


@check("04b.attaches", requires=NEEDS_KERNEL)
def attaches(loaded: Series, deliverable: Deliverable) -> str | None:
    """The script compiles and all its probes attach."""
    loaded[0]  # raises if not
    return "; ".join(deliverable.notes) or None


@check("04b.ends", needs="04b.attaches", requires=NEEDS_KERNEL)
def ends(loaded: Series) -> None:
    """It measures until Ctrl-C, which ends it cleanly."""
    if loaded[0].failure is not None:
        raise loaded[0].failure


@check("04b.prints", needs="04b.ends", requires=NEEDS_KERNEL)
def prints(loaded: Series) -> None:
    """It prints one average for all calls."""
    run = loaded[0]
    if run.readings:
        return
    keyed = [name for event in run.events for name in event.maps if is_keyed(event, name)]
    what = (
        f"found only maps with keys ({', '.join(sorted(set(keyed)))})"
        if keyed
        else (f"found: {run.shown}")
    )
    raise CheckFailed(
        f"expected a number, the average time of all {run.calls.count} calls of {FUNCTION}, on "
        f"standard output when Ctrl-C has ended it; {what}",
        hint="avg() or stats() without keys, or a sum divided by a count; what END clears, or what "
        f"was never filled, is not printed: {PAGE}",
    )


def is_keyed(event: Event, name: str) -> bool:
    """Whether a printed map has keys."""
    value = event.maps[name]
    return isinstance(value, dict) and event.type in {"map", "stats"}


@check("04b.average", needs="04b.prints", requires=NEEDS_KERNEL)
def average(loaded: Series, idle: Series, task: TaskRun) -> str | None:
    """With thousands of rules, it is the average that the grader has measured."""
    agreed = loaded.must_agree(task.task.parameters["band"])
    if common(loaded, idle, task) == set():
        run = loaded[0]
        raise CheckFailed(
            f"it printed {len(run.last)} numbers that may be the average, the last of them "
            f"“{run.last[-1].shown}”; none of them changes as a measure does and is the average "
            f"both with {run.rules} rules in OUTPUT ({run.calls.average_ns:.0f} ns) and without "
            f"({idle[0].calls.average_ns:.0f} ns)",
            hint=f"print one number, which you have measured: {PAGE}",
        )
    return agreed


@check("04b.concurrent", needs="04b.average", requires=NEEDS_KERNEL)
def concurrent(loaded: Series, idle: Series, mixed: Series, task: TaskRun) -> str | None:
    """Calls that interrupt each other do not mix."""
    return mixed.must_agree(
        task.task.parameters["band_concurrent"],
        among=common(loaded, idle, task),
        hint="a start belongs to its thread: key it by tid, and forget it at the return",
    )


@check("04b.tidy", needs="04b.ends", requires=NEEDS_KERNEL)
def tidy(mixed: Series, task: TaskRun) -> str | None:
    """It prints no starts of calls at the end, and leaves no probe behind."""
    attempts = task.task.parameters["attempts"]
    failures: list[CheckFailed] = []
    for number in range(attempts):
        try:
            must_be_tidy(mixed[number])
        except CheckFailed as error:
            failures.append(error)
        else:
            return f"tidy in attempt {number + 1} of {attempts}" if number else None
    raise failures[0]


@check("04b.baseline", needs="04b.average", requires=NEEDS_KERNEL)
def baseline(loaded: Series, idle: Series, task: TaskRun) -> str | None:
    """Without rules, it is the average, too."""
    among = common(loaded, idle, task)
    return idle.must_agree(task.task.parameters["band_baseline"], among=among)


def must_be_tidy(run: Run) -> None:
    """One run ends as it should. Raises CheckFailed, at times of a tidy script, too.

    A thread can be interrupted inside of a script's own probe and write its start when END has
    cleared the map: a fentry program can be preempted (kernel/bpf/trampoline.c). That takes luck;
    what is never cleared is printed each time, since calls are always open under this load.
    """
    if run.failure is not None:
        raise run.failure
    if run.left:
        raise CheckFailed(f"after its end the kernel still has these probes: {run.left}")
    for event in run.events:
        for name, value in event.maps.items():
            stamps = timestamps_in(value, run)
            if event.final and event.type == "map" and stamps:
                raise CheckFailed(
                    f"after Ctrl-C it printed {name}, whose values are moments of calls "
                    f"({len(stamps)}), such as {stamps[0]}; a reader expects results only",
                    hint=f"bpftrace prints every map that is not empty: clear({name}) in END",
                )
