"""A container's standard streams, as the engine passes them on over one connection.

Each frame of output has a head of eight bytes: which stream, and how many bytes follow
(Docker Engine API, "Attach to a container").
"""

from __future__ import annotations

import io
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import Any

HEAD = struct.Struct(">BxxxI")
STDERR = 2
SEND_WITHIN = struct.pack("ll", 15, 0)
LAST_WORDS = 2000


class Output(io.RawIOBase):
    """What the container writes to standard output; the end of its complaints is kept aside."""

    def __init__(self, connected: socket.socket) -> None:
        self._stream = connected.makefile("rb")
        self._left = 0
        self._complaints: deque[int] = deque(maxlen=LAST_WORDS)

    def readable(self) -> bool:
        """For what buffers it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some; nothing at the end."""
        while not self._left:
            head = self._stream.read(HEAD.size)
            if len(head or b"") < HEAD.size:
                return 0
            stream, size = HEAD.unpack(head)
            if stream == STDERR:
                self._complaints.extend(self._stream.read(size))
            else:
                self._left = size
        data = self._stream.read1(min(self._left, len(buffer)))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def last_words(self) -> str:
        """The end of what it complained about."""
        return bytes(self._complaints).decode(errors="replace").strip()

    def close(self) -> None:
        """Let go of the stream; the connection is whoever's made it."""
        self._stream.close()
        super().close()


class Input(io.RawIOBase):
    """What the container reads. An engine that takes nothing any more has half a message: cut."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_WITHIN)
        self._socket = connected

    def writable(self) -> bool:
        """For what writes to it."""
        return True

    def write(self, data: Any) -> int:
        """Write all of it. Raises OSError."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            if isinstance(error, BlockingIOError):  # SO_SNDTIMEO
                raise ConnectionAbortedError("the engine takes nothing any more") from None
            raise
        return len(data)
