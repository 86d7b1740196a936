"""The kernel's log, read as records from /dev/kmsg, which no reader can clear for another.

Source: Documentation/ABI/testing/dev-kmsg.
"""

import itertools
import os
from contextlib import suppress

LARGEST = 8192
MOST = 200_000


class KernelLog:
    """Places in the log from which on records are wanted. Needs this kernel's own root."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._all: dict[int, int] = {}

    def call_open(self) -> int:
        """Set a bookmark behind the last record; returns its number."""
        number = next(self._numbers)
        file = self._all[number] = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(file, 0, os.SEEK_END)
        return number

    def call_read(self, bookmark: int) -> dict[str, object]:
        """The records since the bookmark or the last read, and how often some were overwritten.

        A record is as the kernel gives it: `prefix,sequence,microseconds,flags;text`.
        """
        file = self._all[bookmark]
        records: list[bytes] = []
        lost = 0
        with suppress(BlockingIOError):
            while len(records) < MOST:
                try:
                    records.append(os.read(file, LARGEST))
                except BrokenPipeError:
                    lost += 1
        return {"records": records, "lost": lost}

    def call_close(self, bookmark: int) -> None:
        """Forget a bookmark."""
        os.close(self._all.pop(bookmark))
