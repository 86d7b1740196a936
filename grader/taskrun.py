"""One task of one submission while it is graded: what its fixtures and checks share."""

from __future__ import annotations

import shutil
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from grader.check import verdict_of
from grader.errors import CheckFailed, GraderError, NeedsReview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from grader.rubric import Task
    from grader.submission import Deliverable, Submission
    from grader.world import Topology


class TaskRun:
    """The submission, the task and its parameters, the seed, and what is kept as evidence."""

    def __init__(
        self,
        submission: Submission,
        name: str,
        task: Task,
        *,
        topologies: Mapping[str, Topology],
        seed: str,
        replay: str,
        sandbox: str,
    ) -> None:
        """`replay`: the command that grades this again in the same worlds; `sandbox`: its kind."""
        self.submission = submission
        self.name = name
        self.task = task
        self.topologies = topologies
        self.seed = seed
        self.replay = replay
        self.sandbox = sandbox
        self.notes: dict[str, str] = {}
        self._savers: dict[str, Callable[[Path], object]] = {}
        self._sound: list[Callable[[], None]] = []
        self._fault: GraderError | None = None

    def deliverable(self, name: str | None = None) -> Deliverable:
        """The task's file of that name, or its first.

        Raises CheckFailed or Refused if it is not there to be run.
        """
        found = self.submission.read(name or self.task.files[0])
        self.keep(found.name, lambda path: path.write_bytes(found.data))
        if found.blank:
            hint = "write below the comments, or see what `grader init` writes into an empty folder"
            raise CheckFailed(f"{found.name} {found.blank}", hint=hint)
        return found

    def topology(self, name: str | None = None) -> Topology:
        """The task's topology of that name, or its first."""
        return self.topologies[name or next(iter(self.topologies))]

    def keep(self, name: str, save: Callable[[Path], object]) -> None:
        """Have `save` write the evidence `name` for every check of this task that does not pass."""
        self._savers[name] = save

    @contextmanager
    def rely_on(self, sound: Callable[[], None]) -> Iterator[None]:
        """Meanwhile and at the end, have `sound` raise a GraderError if something of ours broke."""
        self._sound.append(sound)
        try:
            yield
        finally:
            self._fault = self.fault()
            self._sound.remove(sound)

    def fault(self) -> GraderError | None:
        """What of ours broke, so that a lost check may be nobody's doing."""
        for sound in self._sound if self._fault is None else ():
            try:
                sound()
            except GraderError as error:
                return error
        return self._fault

    def forget_fault(self) -> None:
        """What follows does not rely on what broke: it is tried again, with another."""
        self._fault = None

    def keep_evidence(
        self, folder: Path, check: str, error: BaseException | None
    ) -> tuple[str, ...]:
        """Write all evidence below `folder`; returns the files' paths relative to it.

        Raises OSError if there is no room for it, and leaves none then.
        """
        target = folder / check
        shutil.rmtree(target, ignore_errors=True)  # of an earlier run
        try:
            return self._write_evidence(target, check, error)
        except OSError:
            shutil.rmtree(target, ignore_errors=True)
            raise

    def _write_evidence(
        self, target: Path, check: str, error: BaseException | None
    ) -> tuple[str, ...]:
        target.mkdir(parents=True, exist_ok=True)
        kept = []
        if error is not None and verdict_of(error).ours:
            trace = "".join(traceback.format_exception(error))
            (target / "traceback.txt").write_text(trace, encoding="utf-8")
            kept.append(f"{check}/traceback.txt")
        if isinstance(error, NeedsReview):
            for name, text in error.files.items():
                (target / name).write_text(text, encoding="utf-8", errors="backslashreplace")
                kept.append(f"{check}/{name}")
        for name, save in self._savers.items():
            # A machine that is gone has no more to show; the verdict has its own reason.
            with suppress(GraderError):
                save(target / name)
                kept.append(f"{check}/{name}")
        return tuple(kept)
