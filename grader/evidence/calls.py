"""Our own measure of a kernel function: how often it was called, and how long its calls took."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.disposable import Disposable
from grader.errors import GraderError
from grader.machine.client import CallError, MachineError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from grader.machine.client import Machine

ROW = struct.Struct("5Q")
HEAD = "nanoseconds since boot, calls, their nanoseconds, the longest's, with kprobes: calls, ns\n"


@dataclass(frozen=True)
class Calls:
    """Calls of a function: how many, and nanoseconds in all and of the longest.

    `probed_count` and `probed_total_ns` are the same with what a kprobe and a kretprobe add, which
    on a slow machine is more than the function itself takes.
    """

    count: int
    total_ns: int
    longest_ns: int
    probed_count: int
    probed_total_ns: int

    @property
    def average_ns(self) -> float:
        """Nanoseconds per call; 0 for none."""
        return self.total_ns / self.count if self.count else 0.0

    @property
    def probed_average_ns(self) -> float:
        """Nanoseconds per call, probes included; never less than without."""
        probed = self.probed_total_ns / self.probed_count if self.probed_count else 0.0
        return max(probed, self.average_ns)

    def __add__(self, other: Calls) -> Calls:
        """Both together."""
        return Calls(
            self.count + other.count,
            self.total_ns + other.total_ns,
            max(self.longest_ns, other.longest_ns),
            self.probed_count + other.probed_count,
            self.probed_total_ns + other.probed_total_ns,
        )

    def __sub__(self, earlier: Calls) -> Calls:
        """The calls since `earlier`; the longest is still that of all."""
        return Calls(
            self.count - earlier.count,
            self.total_ns - earlier.total_ns,
            self.longest_ns,
            self.probed_count - earlier.probed_count,
            self.probed_total_ns - earlier.probed_total_ns,
        )


class CallMeter(Disposable):
    """Counts and times all calls of a function in a machine's kernel, in whichever namespace.

    What it has counted lies in rows, each of a slice of time.
    """

    def __init__(self, machine: Machine, function: str) -> None:
        """Attach the probes. Raises GraderError if the machine's kernel refuses them."""
        try:
            started = machine.call("meters.start", function=function)
        except CallError as error:
            raise GraderError(f"the grader's own probe on {function}: {error}") from error
        self._machine, self._number = machine, started["meter"]
        self._began_ns, self._row_ns = started["began_ns"], started["row_ns"]
        self._rows: list[Calls] = []

    def close(self) -> None:
        """Take the probes away."""
        self._machine.release("meters.close", meter=self._number)

    def read(self) -> Calls:
        """The calls until now."""
        self._fetch()
        return added(self._rows)

    def between(self, begin_ns: int, end_ns: int) -> Calls:
        """The calls of that time, by the clock that nsecs shows, and up to a row on either side."""
        self._fetch()
        first, last = (max(0, at - self._began_ns) // self._row_ns for at in (begin_ns, end_ns))
        return added(self._rows[first : last + 1])

    def _fetch(self) -> None:
        """Read the rows from the last one known, which has grown since, to that of now."""
        since = max(0, len(self._rows) - 1)
        read = self._machine.call("meters.read", meter=self._number, since=since)
        self._rows[since:] = (Calls(*row) for row in ROW.iter_unpack(read))

    def save(self, path: Path) -> None:
        """Write what was measured: the rows that have calls, of a lost machine what was read."""
        with suppress(MachineError):
            self._fetch()
        lines = (
            f"{self._began_ns + number * self._row_ns} {row.count} {row.total_ns} {row.longest_ns} "
            f"{row.probed_count} {row.probed_total_ns}\n"
            for number, row in enumerate(self._rows)
            if row != NONE
        )
        path.write_text(HEAD + "".join(lines), encoding="utf-8")


NONE = Calls(0, 0, 0, 0, 0)


def added(rows: Iterable[Calls]) -> Calls:
    """The calls of all rows."""
    return sum(rows, start=NONE)
