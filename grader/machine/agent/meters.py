"""Meters: BPF programs that count and time a kernel function's calls, slice of time by slice.

A start is kept by thread; the idle threads of all processors have the same number, so for those by
processor. It is done twice: fentry and fexit lie closest to the function, kprobes around them.
"""

import itertools
import struct
import time
from contextlib import ExitStack

from . import bpf

CLOCK = time.CLOCK_BOOTTIME  # bpftrace's nsecs, too
SLICE_BITS = 25  # 33.6 ms
SLICES = 1 << 16  # 36 minutes; the last has all that comes later
# Calls, their nanoseconds in all, the longest one's; calls and nanoseconds with the kprobes' cost.
ROW = struct.Struct("5Q")
INNER, LONGEST, OUTER = 0, 16, 24
SIZE = ROW.size * SLICES
OPEN_CALLS = 4096
KEY, MOMENT = -8, -16  # on the stack

THREAD = (
    bpf.call("get_current_pid_tgid")
    + bpf.lower_half(0)
    + bpf.unless(0, "!=", 0, bpf.call("get_smp_processor_id") + bpf.invert(0))
    + bpf.store(bpf.STACK, 0, KEY)
)


def entry(starts: int) -> bytes:
    """Note when this thread's call begins."""
    return (
        bpf.call("ktime_get_boot_ns")
        + bpf.store(bpf.STACK, 0, MOMENT)
        + THREAD
        + bpf.put_map(1, starts)
        + bpf.put_stack(2, KEY)
        + bpf.put_stack(3, MOMENT)
        + bpf.put(4, 0)
        + bpf.call("map_update_elem")
        + bpf.leave()
    )


def end(starts: int, rows: int, began: int, place: int, extra: bytes = b"") -> bytes:
    """Count this thread's call and its time in the row of now, `place` bytes from its begin.

    A call that was open when the meter began has no start and is not counted. What is `extra` finds
    the time in register 6 and the row in 7.
    """
    thread = bpf.put_map(1, starts) + bpf.put_stack(2, KEY)
    return (
        THREAD
        + thread
        + bpf.call("map_lookup_elem")
        + bpf.unless(0, "!=", 0, bpf.leave())
        + bpf.load(6, 0)
        + bpf.call("ktime_get_boot_ns")
        + bpf.move(7, 0)
        + bpf.subtract(0, 6)
        + bpf.move(6, 0)
        + thread
        + bpf.call("map_delete_elem")
        + bpf.put(1, began)
        + bpf.subtract(7, 1)
        + bpf.shift_right(7, SLICE_BITS)
        + bpf.unless(7, "<=", SLICES - 1, bpf.put(7, SLICES - 1))
        + bpf.multiply(7, ROW.size)
        + bpf.put_value(1, rows)
        + bpf.add(7, 1)
        + bpf.put(1, 1)
        + bpf.add_to(7, 1, place)
        + bpf.add_to(7, 6, place + 8)
        + extra
        + bpf.leave()
    )


# Two threads at once may lose the longer one: it is only ever told, never judged by.
NOTE_LONGEST = bpf.load(1, 7, LONGEST) + bpf.unless_more(1, 6, bpf.store(7, 6, LONGEST))


class Meter:
    """The programs at a function, and what they have counted."""

    def __init__(self, function: str) -> None:
        """Attach them. Raises OSError."""
        self.began = time.clock_gettime_ns(CLOCK)
        with ExitStack() as maps, ExitStack() as links:
            hashes = (bpf.hash_map(OPEN_CALLS) for _ in range(2))
            inner, outer = (maps.enter_context(bpf.closing(one)) for one in hashes)
            rows = maps.enter_context(bpf.closing(bpf.array(SIZE)))
            self._rows = links.enter_context(bpf.mapped(rows, SIZE))
            for attach, code, at_return in (
                (bpf.attach_inside, entry(inner), False),
                (bpf.attach_inside, end(inner, rows, self.began, INNER, NOTE_LONGEST), True),
                (bpf.attach_around, entry(outer), False),
                (bpf.attach_around, end(outer, rows, self.began, OUTER), True),
            ):
                link = attach(function, code, at_return=at_return)
                links.enter_context(bpf.closing(link))
            self.close = links.pop_all().close

    def read(self, since: int) -> bytes:
        """The rows from number `since` to that of now."""
        now = (time.clock_gettime_ns(CLOCK) - self.began) >> SLICE_BITS
        last = min(now, SLICES - 1)
        return self._rows[since * ROW.size : (last + 1) * ROW.size]


class Meters:
    """Meters by number. They need a kernel with kprobes and BTF, and its own root."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._all: dict[int, Meter] = {}

    def call_start(self, function: str) -> dict[str, int]:
        """Begin to measure; returns the meter, when it began, and how long a row lasts."""
        meter = Meter(function)
        number = next(self._numbers)
        self._all[number] = meter
        return {"meter": number, "began_ns": meter.began, "row_ns": 1 << SLICE_BITS}

    def call_read(self, meter: int, since: int) -> bytes:
        """The rows from number `since` to that of now."""
        return self._all[meter].read(since)

    def call_close(self, meter: int) -> None:
        """End one."""
        self._all.pop(meter).close()
