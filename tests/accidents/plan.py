"""What is to happen to a run: who is killed, and when.

The moment is drawn by phases, since the shortest, the writing of reports, matters most: when the
run tells that a phase has begun, a random part of the time is waited that it usually takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runs import CAUGHT, UNCAUGHT, submission

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from hosts import Host

LEAVES, STAY = "01d.leaves", "01d.policies_stay"
TRUE = {
    "alice": {LEAVES: "PASSED", STAY: "PASSED"},
    "bob": {LEAVES: "FAILED", STAY: "SKIPPED"},
}
OURS = {"ERROR", "UNSUPPORTED"}
NONE = "none"  # the run was over before
AGENT = ["/usr/bin/python3", "-I", "-c"]
# Who is killed, and how many workers the run has for that; by the sandbox's kind.
VICTIMS = {
    "netns": {"pytest": 1, "group": 1, "worker": 2, "agent": 1},
    "vm": {"pytest": 1, "group": 1, "qemu": 1},
}
# How often a phase is drawn. `grading` is told apart afterwards, by what ran.
PHASES = {"start": 2, "grading": 6, "report": 4, "end": 1}


@dataclass(frozen=True)
class Plan:
    """What is to happen: who is killed in which phase, after which part of it."""

    kind: str
    victim: str
    phase: str
    of: str
    part: float
    again: bool  # there are reports of an earlier run
    seed: int


def drawn(rng: random.Random, kind: str, victim: str) -> Plan:
    """A plan at random."""
    phase = rng.choices([*PHASES], [*PHASES.values()])[0]
    if victim not in {"pytest", "group"}:  # others are there only while it grades
        phase = "grading"
    return Plan(
        kind, victim, phase, rng.choice([*names(kind)]), rng.random(), rng.random() < 0.5,
        rng.randrange(2**31),
    )  # fmt: skip


def names(kind: str) -> list[str]:
    """Who is graded: in microVMs, which take time, one only."""
    return [*TRUE] if kind == "netns" else ["alice"]


def options(plan: Plan, home: Path) -> list[str]:
    """What is graded how."""
    folders = [str(home / "class" / name) for name in names(plan.kind)]
    return [*folders, "--task", "01d", f"--sandbox={plan.kind}", f"--seed={plan.seed}"]


def prepared(home: Path) -> None:
    """Write the class."""
    submission(home / "class" / "alice", uncaught_sh=UNCAUGHT)
    submission(home / "class" / "bob", uncaught_sh=CAUGHT)


@dataclass(frozen=True)
class Place:
    """Where runs are: their folder, their host, and a folder for temporary files."""

    home: Path
    host: Host
    temporary: Path
