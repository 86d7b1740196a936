"""The one engine, a run of pytest with the project's own configuration, as a process of ours.

It is in a process group of its own: what a terminal's keys and its end mean is decided here, and
told to the run once. A run that is asked to end still writes its reports.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader import home, progress
from grader.disposable import Disposable
from grader.errors import BadInput, GraderError
from grader.grading import EXIT_LOST, EXIT_OPEN, EXIT_PASSED, EXIT_USAGE
from grader.report import MAKE_ROOM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

PYTEST = Path(sys.executable).with_name("pytest")
NO_TESTS = 5  # pytest's code where nothing was to be done
SHOWN = 4000
CRASHED = "INTERNALERROR>"  # pytest's own end with the code 3


@dataclass(frozen=True)
class Order:
    """What is to be graded, and how."""

    folders: tuple[Path, ...]
    lab: Path
    reports: Path
    tasks: tuple[str, ...] = ()
    seed: int | None = None
    sandbox: str = "auto"
    workers: int = 1
    student: bool = False
    resume: bool = False

    def command(self, fd: int) -> list[str]:
        """The command of the run, which tells its events to the descriptor `fd`."""
        return [
            str(PYTEST), *home.pinned(),
            # The project's folder may be read-only, and what is not read need not be coloured.
            "-p", "no:cacheprovider", "--color=no",
            "-o", f"netlab_lab={self.lab}", f"--report-dir={self.reports}",
            f"--progress-fd={fd}", f"--sandbox={self.sandbox}",
            *(f"--task={task}" for task in self.tasks),
            *([] if self.seed is None else [f"--seed={self.seed}"]),
            *(["-n", str(self.workers)] if self.workers > 1 else []),
            *(["--student"] if self.student else []),
            *(["--resume"] if self.resume else []),
            *map(str, self.folders),
        ]  # fmt: skip


class Running(Disposable):
    """A run under way. Leaving its context ends it, whatever it does."""

    def __init__(self, order: Order, asked: Callable[[], None] = lambda: None) -> None:
        """Start; `asked` is called when the run has been asked to end."""
        self._asked = asked
        self.signalled = 0  # the signal that asked for the end, if any
        with ExitStack() as undo:
            self._said: IO[bytes] = undo.enter_context(tempfile.TemporaryFile())
            near, far = os.pipe()
            self._events = undo.enter_context(os.fdopen(near, encoding="utf-8"))
            try:
                self._process = subprocess.Popen(
                    order.command(far), pass_fds=[far], stdin=subprocess.DEVNULL,
                    stdout=self._said, stderr=subprocess.STDOUT, process_group=0,
                    env=_environment(),
                )  # fmt: skip
            finally:
                os.close(far)
            undo.callback(self._end)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                undo.callback(signal.signal, number, signal.signal(number, self._ask))
            self._undo = undo.pop_all()

    def close(self) -> None:
        """End the run."""
        self._undo.close()

    def events(self) -> Iterator[progress.Event]:
        """What it tells, until it ends."""
        yield from progress.heard(self._events)
        self._process.wait()

    def code(self) -> int:
        """The exit code of a run that has ended.

        Raises BadInput for what it was asked to do, GraderError if it came to grief.
        """
        code = self._process.wait()
        if code == NO_TESTS:
            return EXIT_PASSED
        if code in {EXIT_PASSED, EXIT_LOST} or self.signalled:
            return code
        self._said.seek(0)
        said = self._said.read()[-SHOWN:].decode(errors="replace").strip()
        lines = [one for one in said.splitlines() if one.startswith(progress.UNWRITTEN)]
        if lines:  # the report that is there is of an earlier run
            raise GraderError("\n".join(lines), remedy=MAKE_ROOM)
        if code == EXIT_OPEN and CRASHED not in said:
            return code
        if code == EXIT_USAGE:
            raise BadInput(said.rpartition("ERROR: ")[2] or said)
        raise GraderError(f"the run that grades ended with {code}:\n{said}", remedy="grade again")

    def _ask(self, number: int, _: object) -> None:
        """Have the run end, as Ctrl-C does; at the second time, kill it."""
        again = bool(self.signalled)
        self.signalled = number
        self._signal(signal.SIGKILL if again else signal.SIGINT)
        if not again:
            self._asked()

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _end(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()


def _environment() -> dict[str, str]:
    """This process's environment, without what configures pytest by it."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return plain | {"PYTHONSAFEPATH": "1"}
