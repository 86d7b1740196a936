"""A run under way: what it has told, how far it is, how long each phase takes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runs import REPO, command, environment

from accidents.plan import LEAVES, PHASES, STAY, VICTIMS, Place, Plan, names, options, prepared
from accidents.processes import below
from grader import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Running:
    """A run under way, and what it has told."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self.plan = plan
        self.began = time.monotonic()
        self.told: list[tuple[float, progress.Event]] = []
        near, far = os.pipe()
        workers = VICTIMS[plan.kind][plan.victim]
        self.process = subprocess.Popen(
            [
                *place.host.within,
                *command(*options(plan, place.home), f"--progress-fd={far}", home=place.home),
                *(["-n", str(workers)] if workers > 1 else []),
            ],
            cwd=REPO, env=environment(TMPDIR=str(place.temporary)), pass_fds=[far],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(far)
        self._listener = threading.Thread(target=self._listen, args=(near,), daemon=True)
        self._listener.start()

    def _listen(self, near: int) -> None:
        with os.fdopen(near, encoding="utf-8") as stream:
            for event in progress.heard(stream):
                self.told.append((time.monotonic() - self.began, event))

    def close(self) -> None:
        """Kill what is left, and hear it out."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        self._listener.join(60)

    def at(self, phase: str, of: str) -> float | None:
        """When a phase began, in seconds from the start; None if it has not."""
        if phase == "start":
            return 0.0
        wanted: dict[str, Callable[[progress.Event], bool]] = {
            "grading": lambda one: one["kind"] == progress.BEGUN and one["check"] == LEAVES,
            "report": lambda one: one["kind"] == progress.JUDGED and one["result"]["id"] == STAY,
            "end": lambda one: one["kind"] == progress.REPORTED,
        }
        mine = [(when, one) for when, one in self.told if one.get("submission") == of]
        return next((when for when, one in mine if wanted[phase](one)), None)

    def phase(self) -> str:
        """Where it is now, by what it has told and by what runs."""
        kinds = [(one["kind"], one) for _, one in self.told]
        if not any(kind == progress.BEGUN for kind, _ in kinds):
            return "start"
        last, event = kinds[-1]
        if sum(kind == progress.REPORTED for kind, _ in kinds) == len(names(self.plan.kind)):
            return "end"
        if last == progress.JUDGED and event["result"]["id"] == STAY:
            return "report"
        running = [" ".join(argv) for argv in below(self.process.pid).values()]
        if self.plan.kind == "vm":
            return "microVM" if any("qemu" in one for one in running) else "between"
        if any("uncaught.sh" in one for one in running):
            return "script"
        return "traffic" if any("nft --interactive" in one for one in running) else "world"


@dataclass(frozen=True)
class Usual:
    """A run that nobody disturbs: how long each phase takes, and the reports."""

    lengths: dict[str, float]
    reports: Path

    @classmethod
    def of(cls, kind: str, place: Place) -> Usual:
        """Grade the class once."""
        prepared(place.home)
        plan = Plan(kind, "pytest", "end", "alice", 0.0, again=False, seed=1)
        run = Running(plan, place)
        try:
            code = run.process.wait(600)
            over = time.monotonic() - run.began
        finally:
            run.close()
        assert code == (1 if "bob" in names(kind) else 0), run.told
        first, last = run.at("grading", names(kind)[0]), names(kind)[-1]
        begins = [run.at(phase, last) or 0.0 for phase in PHASES]
        spans = (end - begin for begin, end in zip(begins, [*begins[1:], over], strict=True))
        found = dict(zip(PHASES, spans, strict=True)) | {"start": first or 0.0}
        return cls(found, place.home / "reports")
