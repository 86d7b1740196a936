"""Captures on the world's side: packet(7) sockets, so that what was opened has seen everything.

A capture is opened before traffic is sent and holds every frame from then on, with the kernel's
time stamps and its count of losses.
"""

import itertools
import os
import select
import socket
import struct
import threading
from contextlib import suppress
from typing import Any

from .network import Network, inside

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 8 * 1024 * 1024
TIMESPEC = struct.Struct("qq")
STATISTICS = struct.Struct("II")
LARGEST_FRAME = 262_144
LONGEST = 64 * 1024 * 1024


class Capture:
    """Frames of one interface: (nanoseconds since the epoch, whether it left by it, bytes)."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER)
                break
            except PermissionError:
                continue
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((interface, ETH_P_ALL))
        self._lock = threading.Lock()
        self._frames: list[tuple[int, bool, bytes]] = []
        self._bytes = 0
        self.lost = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._socket.setblocking(False)
        self._wake, self._closer = os.pipe()
        self._reader.start()

    def _read(self) -> None:
        """Take frames as they come, until `close` wakes this thread for the last time."""
        poll = select.poll()  # unlike select(2), for descriptors of any number
        for fd in (self._socket.fileno(), self._wake):
            poll.register(fd, select.POLLIN)
        while self._wake not in dict(poll.poll()):
            self._take()
        os.close(self._wake)
        self._socket.close()

    def _take(self) -> None:
        """Take over all that lies in the socket."""
        with self._lock, suppress(BlockingIOError):
            while True:
                self._keep(*self._socket.recvmsg(LARGEST_FRAME, 64))

    def _keep(self, data: bytes, control: list[Any], _: int, address: tuple[Any, ...]) -> None:
        stamp = next((c[2] for c in control if c[1] == SO_TIMESTAMPNS), bytes(16))
        seconds, nanoseconds = TIMESPEC.unpack(stamp)
        self._bytes += len(data)
        if self._bytes > LONGEST:
            self.lost += 1
            return
        left = address[2] == socket.PACKET_OUTGOING
        self._frames.append((seconds * 1_000_000_000 + nanoseconds, left, data))

    def frames(self) -> list[tuple[int, bool, bytes]]:
        """What has been seen so far, flushed: also what still lay in the socket."""
        self._take()
        counts = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, STATISTICS.size)
        self.lost += STATISTICS.unpack(counts)[1]
        with self._lock:
            return list(self._frames)

    def close(self) -> None:
        """Stop reading and free the socket."""
        os.close(self._closer)


class Captures:
    """All captures of this machine."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._numbers = itertools.count(1)
        self._all: dict[int, Capture] = {}

    def call_open(self, world: int, host: str, interface: str) -> int:
        """Begin to capture on an interface of a host of the world; returns the capture's number."""
        number = next(self._numbers)
        netns = self._network.netns(world, host)
        self._all[number] = inside(netns, lambda: Capture(interface))
        return number

    def call_read(self, capture: int, since: int) -> dict[str, Any]:
        """Frames from number `since` on: [nanoseconds of the epoch, left by it, bytes]; losses."""
        it = self._all[capture]
        return {"frames": it.frames()[since:], "lost": it.lost}

    def call_send(self, world: int, host: str, interface: str, frames: list[bytes]) -> None:
        """Send ready-made frames out of an interface of a host of the world."""

        def send() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
                sender.bind((interface, 0))
                for frame in frames:
                    sender.send(frame)

        inside(self._network.netns(world, host), send)

    def call_close(self, capture: int) -> None:
        """End a capture."""
        it = self._all.pop(capture, None)
        if it is not None:
            it.close()
