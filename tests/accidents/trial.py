"""One run that grades, killed at a random moment; what it left, and what the next makes of it."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accidents.aftermath import reports, unfinished, unrepaired, untrue, verdicts
from accidents.plan import AGENT, NONE, OURS, Place, Plan, prepared
from accidents.processes import adopting, below, left
from accidents.running import Running, Usual
from grader.deadline import TimedOut, wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


# A microVM's template may have to be made first, on a busy host.
REACHES_WITHIN = 600.0


@dataclass(frozen=True)
class Outcome:
    """What happened: when it was, and what was wrong afterwards."""

    plan: Plan
    phase: str
    faults: tuple[str, ...]
    undecided: int  # checks that were ERROR until they were graded again


def killed(plan: Plan, usual: Usual, place: Place, rng: random.Random) -> Outcome:
    """Carry a plan out, look at all that is left, and have the next run put it right."""
    home = place.home
    prepared(home)
    if plan.again:
        shutil.copytree(usual.reports, home / "reports")
    old = reports(home)
    known = {*below(os.getpid())}
    with adopting():
        run = Running(plan, place)
        try:
            phase = _strike(run, usual.lengths, rng)
            code = run.process.wait(REACHES_WITHIN)
        finally:
            run.close()
        faults = _left(known, place)
    new = reports(home)
    faults += untrue(plan, old, home)
    if plan.victim not in {"pytest", "group"} and phase != NONE:
        faults += unfinished(plan, code, new)
    undecided = sum(one in OURS for name in new for one in verdicts(new[name]).values())
    faults += unrepaired(plan, home)
    return Outcome(plan, phase, tuple(faults), undecided)


def _left(known: set[int], place: Place) -> list[str]:
    """What a run that is dead has left on its host."""
    try:
        wait_until(lambda: not left(known), within=30, what=f"the end of {left(known)}")
        place.host.assert_unchanged(set(), place.temporary)
    except (AssertionError, TimedOut) as error:
        return [f"left: {error}"]
    return []


def _strike(run: Running, usual: dict[str, float], rng: random.Random) -> str:
    """Wait for the moment, and kill; which phase it was in."""
    plan = run.plan

    def now() -> bool:
        began = run.at(plan.phase, plan.of)
        moment = None if began is None else run.began + began + plan.part * usual[plan.phase]
        return moment is not None and time.monotonic() >= moment

    over = lambda: run.process.poll() is not None  # noqa: E731
    wait_until(lambda: over() or now(), within=REACHES_WITHIN, what=plan.phase)
    victims: list[int] = []
    wait_until(lambda: over() or bool(_victims(run, victims)), within=60, what=plan.victim)
    if not victims:
        return NONE
    phase = run.phase()
    if plan.victim == "group":
        os.killpg(run.process.pid, signal.SIGKILL)
    else:
        os.kill(rng.choice(victims), signal.SIGKILL)
    return phase


def _victims(run: Running, found: list[int]) -> list[int]:
    """The processes of which one is to be killed."""
    victim = run.plan.victim
    if victim in {"pytest", "group"}:
        found[:] = [run.process.pid]
        return found
    parts = below(run.process.pid)
    fits: dict[str, Callable[[list[str]], bool]] = {
        "worker": lambda argv: "exec(eval(sys.stdin" in " ".join(argv),
        "agent": lambda argv: argv[:3] == AGENT,
        "qemu": lambda argv: argv[0].endswith("qemu-system-x86_64"),
    }
    found[:] = [pid for pid, argv in parts.items() if fits[victim](argv)]
    return found
