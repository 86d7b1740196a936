"""A program that runs on a machine, and what came of it."""

from __future__ import annotations

import shlex
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.disposable import Disposable
from grader.machine.agent.processes import UNWATCHED
from grader.machine.patience import Patience

if TYPE_CHECKING:
    from grader.machine.client import Machine

# What is left of a time limit and not worth another look.
SHORT = 0.05


@dataclass(frozen=True)
class Completed:
    """How a program ended, or stands: `exit` is None while it runs, negative for a signal."""

    argv: tuple[str, ...]
    exit: int | None
    stdout: bytes
    stderr: bytes
    flooded: bool = False
    error: str = ""

    @property
    def output(self) -> str:
        """Standard output as text; what is not UTF-8 is replaced."""
        return self.stdout.decode(errors="replace")

    @property
    def complaints(self) -> str:
        """Standard error as text; what is not UTF-8 is replaced."""
        return self.stderr.decode(errors="replace")

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        if self.error:
            return f"could not start: {self.error}"
        if self.flooded:
            return "was stopped, since it wrote more than may be kept"
        if self.exit is None:
            return "did not end"
        if self.exit < 0:
            return f"was ended by {signal.Signals(-self.exit).name}"
        return f"exited with {self.exit}"


class Process(Disposable):
    """A started program. Leaving its context kills what is left of it."""

    def __init__(self, machine: Machine, argv: tuple[str, ...], state: dict[str, Any]) -> None:
        self.argv = argv
        self.pid = int(state["pid"])
        self._machine = machine
        self._number = state["process"]

    def wait(self, within: float) -> Completed:
        """Wait for its end, at most `within` seconds; look at `exit` to know.

        What others keep the machine from running does not count, here and below: see Patience.
        """
        self._await("settle", within)
        return self.so_far()

    def finish(self, within: float) -> Completed:
        """Wait for its end, at most `within` seconds, then kill what is left and forget it."""
        self._await("settle", within)
        return self._completed(self._call("finish"))

    def expect(self, pattern: str, *, stream: str = "stdout", within: float) -> bool:
        """Wait until what it wrote to `stream` matches the regular expression `pattern`.

        False if it ended, or `within` seconds passed, without that.
        """
        state = self._await("expect", within, stream=stream, pattern=pattern)
        return bool(state["matched"])

    def _await(self, name: str, within: float, **args: Any) -> dict[str, Any]:
        """Have the agent wait, and again as long as it has been kept from running."""
        patience = Patience(self._machine, within)
        left = within
        while True:
            state: dict[str, Any] = self._call(name, within=left, timeout=left, **args)
            left = patience.left
            if state["exit"] is not None or state["error"] or state.get("matched") or left < SHORT:
                return state

    def so_far(self, *, since: int = 0) -> Completed:
        """What it has written until now, of each stream from byte number `since` on."""
        return self._completed(self._call("output", since=since))

    def _completed(self, state: dict[str, Any]) -> Completed:
        if state["error"] == UNWATCHED:  # by a host short of memory: not by what it watched
            raise self._machine.failed(f"{shown(self.argv)}: {UNWATCHED}")
        return Completed(
            self.argv,
            state["exit"],
            state["stdout"],
            state["stderr"],
            state["flooded"],
            state["error"],
        )

    def interrupt(self) -> None:
        """Ctrl-C, at its terminal if it has one."""
        self._call("interrupt")

    def signal(self, number: int) -> None:
        """Send a signal to its process group."""
        self._call("signal", number=number)

    def close(self) -> None:
        """Kill what is left of it and forget it."""
        self._machine.release("processes.forget", process=self._number)

    def _call(self, name: str, *, within: float = 0.0, **args: Any) -> Any:
        return self._machine.call(f"processes.{name}", within=within, process=self._number, **args)


def shown(argv: tuple[str, ...]) -> str:
    """A command as one would type it."""
    return shlex.join(argv)
