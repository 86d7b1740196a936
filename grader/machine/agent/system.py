"""The machine as a whole: its kernel, and what a microVM's clone is told when it wakes."""

import fcntl
import os
import struct
import time

# include/uapi/linux/random.h
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207


class System:
    """What is the machine's own, of no sandbox."""

    def call_kernel(self) -> str:
        """The kernel's release, as uname(2) says it."""
        return os.uname().release

    def call_wake(self, entropy: bytes, time_ns: int) -> str:
        """Set the clock, and a random state that no other clone has; returns the kernel's release.

        `time_ns` is in nanoseconds since the epoch. See random(4).
        """
        time.clock_settime_ns(time.CLOCK_REALTIME, time_ns)
        with open("/dev/random", "wb", buffering=0) as device:
            order = struct.pack("ii", 8 * len(entropy), len(entropy)) + entropy
            fcntl.ioctl(device, RNDADDENTROPY, order)
            fcntl.ioctl(device, RNDRESEEDCRNG)
        return self.call_kernel()
