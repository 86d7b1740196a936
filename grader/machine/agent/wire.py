"""Frames on a byte stream: four bytes of length, big-endian, then JSON; bytes as base64."""

import base64
import json
import struct
import threading
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
LARGEST = 256 * 1024 * 1024


class WireError(Exception):
    """The stream does not carry well-formed frames."""


class Channel:
    """One end of a stream of messages. `send` may be called from any thread, `receive` from one."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message. Raises OSError when the other end is gone."""
        body = json.dumps(message, default=_pack, separators=(",", ":")).encode()
        with self._sending:
            self._writer.write(LENGTH.pack(len(body)) + body)
            self._writer.flush()

    def receive(self) -> dict[str, Any] | None:
        """Read one message; None at the end of the stream. Raises WireError on anything else."""
        head = self._reader.read(LENGTH.size)
        if not head:
            return None
        size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else LARGEST + 1
        if size > LARGEST:
            raise WireError(f"expected a frame of at most {LARGEST} bytes, found {head!r}")
        body = self._reader.read(size)
        if len(body) < size:
            raise WireError(f"a frame of {size} bytes ended after {len(body)}")
        message = json.loads(body, object_hook=_unpack)
        if not isinstance(message, dict):
            raise WireError(f"expected an object, found {body[:80]!r}")
        return message


def _pack(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} cannot cross the wire")


def _unpack(value: dict[str, Any]) -> object:
    if value.keys() == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    return value
