"""Our own measure of a kernel function: how often it was called, and how long its calls took."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.deadline import wait_until
from grader.disposable import Disposable
from grader.errors import CheckFailed, GraderError
from grader.evidence.trace import Bpftrace, read_events

if TYPE_CHECKING:
    from pathlib import Path

    from grader.machine.client import Machine

# By thread; the idle threads of all processors have the same number, so by processor for those.
# Twice: fentry and fexit lie closest to the function, kprobes around them.
SCRIPT = """
fentry:@FUNCTION@ { @inner[tid, tid ? 0 : cpu] = nsecs; }
fexit:@FUNCTION@ /@inner[tid, tid ? 0 : cpu]/ {
    $took = nsecs - @inner[tid, tid ? 0 : cpu];
    delete(@inner[tid, tid ? 0 : cpu]);
    @calls = count(); @total = sum($took); @longest = max((int64)$took);
}
kprobe:@FUNCTION@ { @outer[tid, tid ? 0 : cpu] = nsecs; }
kretprobe:@FUNCTION@ /@outer[tid, tid ? 0 : cpu]/ {
    $took = nsecs - @outer[tid, tid ? 0 : cpu];
    delete(@outer[tid, tid ? 0 : cpu]);
    @probed_calls = count(); @probed_total = sum($took);
}
interval:ms:50 {
    printf("%llu %llu %llu %lld %llu %llu\\n", nsecs, (uint64)@calls, (uint64)@total,
        (int64)@longest, (uint64)@probed_calls, (uint64)@probed_total);
}
"""
LINE = re.compile(r"(\d+) (\d+) (\d+) (\d+) (\d+) (\d+)\n")
ATTACHED_WITHIN = 60.0
PRINTS_WITHIN = 10.0


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
    """Counts and times all calls of a function in a machine's kernel, in whichever namespace."""

    def __init__(self, machine: Machine, function: str) -> None:
        """Begin to attach; the first `read` waits until that is done."""
        script = SCRIPT.replace("@FUNCTION@", function).encode()
        self._function = function
        self._trace = Bpftrace(machine, "meter.bt", script)
        self._attached = False
        self._read = 0

    def close(self) -> None:
        """Take the probes away."""
        self._trace.close()

    def read(self) -> Calls:
        """The calls until now, or a little later. Raises GraderError if the probe failed."""
        if not self._attached:
            self._attach()
        self._printed()  # before this call
        lines: list[tuple[int, ...]] = []

        def printed_twice() -> bool:
            lines.extend(self._printed())
            return len(lines) >= 2

        # The first may have been under way when this was called: the next was not.
        wait_until(
            printed_twice,
            within=PRINTS_WITHIN,
            what="the grader's own probe",
            every=0.02,
            ended=self._ended,
        )
        return Calls(*lines[-1][1:])

    def between(self, begin_ns: int, end_ns: int) -> Calls:
        """The calls of that time, by the clock that nsecs shows, and up to 50 ms on either side."""
        lines = _numbers(self._trace.so_far().output)
        before = [line for line in lines if line[0] <= begin_ns] or lines[:1]
        after = [line for line in lines if line[0] >= end_ns] or lines[-1:]
        if not lines:
            raise GraderError("the grader's own probe printed nothing")
        return Calls(*after[0][1:]) - Calls(*before[-1][1:])

    def _attach(self) -> None:
        try:
            self._trace.attached(ATTACHED_WITHIN)
        except CheckFailed as error:
            raise GraderError(f"the grader's own probe on {self._function}: {error}") from error
        self._attached = True

    def _ended(self) -> str | None:
        if self._trace.so_far(since=self._read).exit is None:
            return None
        now = self._trace.so_far()
        return f"it {now.outcome}: {now.complaints[-300:]}"

    def _printed(self) -> list[tuple[int, ...]]:
        """What whole lines have been printed since the last time: there are twenty a second."""
        output = self._trace.so_far(since=self._read).output
        output = output[: output.rfind("\n") + 1]  # bpftrace's JSON is ASCII
        self._read += len(output)
        return _numbers(output)

    def save(self, path: Path) -> None:
        """Write what was measured."""
        self._trace.save(path)


def _numbers(output: str) -> list[tuple[int, ...]]:
    """The lines' numbers: nanoseconds since boot, then those of Calls."""
    found = (LINE.search(event.text) for event in read_events(output))
    return [tuple(map(int, one.groups())) for one in found if one]
