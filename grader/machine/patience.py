"""A time limit that a busy computer does not shorten: nobody loses points for others' load."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.machine.client import Machine

PRESSURE = Path("/proc/pressure/cpu")


class Patience:
    """`within` seconds in which the machine runs: what others keep it waiting is added.

    At most the machine's `patience` times the limit is, however long it is kept from running.
    """

    def __init__(self, machine: Machine, within: float) -> None:
        self._machine = machine
        self._within = within
        self._waited = machine.kept_waiting_s()
        self._began = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds that are left by now, never negative; it can grow."""
        lost = self._machine.kept_waiting_s() - self._waited
        passed = time.monotonic() - self._began
        return max(0.0, self._within + min(lost, self._machine.patience * self._within) - passed)


def waited_for_processors_s() -> float:
    """For how long some program of this host, whichever, has waited for a processor, in all.

    Source: Documentation/accounting/psi.rst (`some`, in microseconds). 0 without it.
    """
    with suppress(OSError, ValueError):
        some = PRESSURE.read_text(encoding="ascii").splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    return 0.0


def waited_by_threads_s(pid: int) -> float:
    """For how long a process's threads have been ready to run and did not, added up.

    Source: Documentation/scheduler/sched-stats.rst (/proc/PID/schedstat, the second field).
    """
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):
            total += int(thread.read_text(encoding="ascii").split()[1])
    return total / 1e9
