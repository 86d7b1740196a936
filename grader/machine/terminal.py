"""A program at a terminal of a machine, as the person sees it who sits there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.disposable import Disposable
from grader.machine.client import CallError

if TYPE_CHECKING:
    from grader.machine.client import Machine

READS_FOR = 30.0
WRITES_FOR = 1.0


class Terminal(Disposable):
    """A started program and its terminal. Leaving its context kills the program.

    One thread may read while another writes.
    """

    def __init__(self, machine: Machine, call: str, **args: Any) -> None:
        """Start by `call`, in_sandbox or on_host of grader/machine/agent/terminals.py."""
        self.exit: int | None = None
        self._machine = machine
        self._number = machine.call(f"terminals.{call}", within=10, **args)

    def read(self) -> bytes:
        """What was written since the last time; nothing if there was none for a while.

        `exit` is set once the program has ended: this was the last then. Raises CallError if it
        could not even start.
        """
        state = self._call("read", within=READS_FOR, timeout=READS_FOR)
        if state["error"]:
            raise CallError(state["error"])
        if not isinstance(state["data"], bytes):
            raise CallError(f"terminals.read: expected bytes, found {state['data']!a}")
        self.exit = state["exit"]
        return state["data"]

    def write(self, data: bytes) -> int:
        """Type `data`; returns how many bytes were taken, fewer if the program does not read."""
        return int(self._call("write", within=WRITES_FOR, data=data, timeout=WRITES_FOR))

    def resize(self, rows: int, columns: int) -> None:
        """Tell the program the size of the person's window."""
        self._call("resize", rows=rows, columns=columns)

    def close(self) -> None:
        """Kill the program and what else is at its terminal."""
        self._call("close")

    def _call(self, name: str, *, within: float = 0.0, **args: Any) -> Any:
        return self._machine.call(f"terminals.{name}", within=within, terminal=self._number, **args)
