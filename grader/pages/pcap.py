"""Some packets of a pcap file, and how many there are, whatever the file holds.

scapy's reader would unpack gzip and believe any length: a capture's content is in part a
submission's work, so lengths are bounded here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ETHERNET = 1
SNAPLEN = 262_144  # tcpdump's own largest
COUNTED = 200_000
NANO = 1_000_000_000
# https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html: magic, its byte order, and how
# many nanoseconds the time stamps' fractions count.
MAGICS = {
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}


@dataclass(frozen=True)
class Frame:
    """A packet: its number, the time since the first one, its bytes, its length on the wire."""

    number: int
    since_ns: int
    data: bytes = field(repr=False)
    length: int


@dataclass(frozen=True)
class Frames:
    """Some packets, the count of all, and what was wrong with the file, if anything."""

    some: tuple[Frame, ...] = ()
    count: int = 0
    fault: str = ""
    more: bool = False


class Malformed(Exception):
    """No pcap file, or none from here on."""


def read(file: BinaryIO, *, wanted: Callable[[int], bool], longest: int) -> Frames:
    """Read the packets whose numbers are `wanted`, at most `longest` bytes of each; count all."""
    frames: list[Frame] = []
    count = 0
    fault = ""
    try:
        began = 0
        for at_ns, length, data in _records(file, wanted, longest):
            began = began or at_ns
            count += 1
            if data is not None:
                frames.append(Frame(count, at_ns - began, data, length))
            if count == COUNTED:
                return Frames(tuple(frames), count, more=True)
    except Malformed as error:
        fault = str(error)
    return Frames(tuple(frames), count, fault)


def _records(
    file: BinaryIO, wanted: Callable[[int], bool], longest: int
) -> Iterator[tuple[int, int, bytes | None]]:
    head = file.read(24)
    if head[:4] not in MAGICS or len(head) < 24:
        raise Malformed("this is no pcap file")
    order, unit = MAGICS[head[:4]]
    linktype = struct.unpack(f"{order}I", head[20:24])[0] & 0xFFFF
    if linktype != ETHERNET:
        raise Malformed(f"its packets are not Ethernet's (link type {linktype})")
    number = 0
    while about := file.read(16):
        number += 1
        if len(about) < 16:
            raise Malformed(f"packet {number} is cut off")
        seconds, fraction, kept, length = struct.unpack(f"{order}IIII", about)
        if kept > SNAPLEN:
            raise Malformed(f"packet {number} claims {kept:,} bytes")
        data = file.read(kept)
        if len(data) < kept:
            raise Malformed(f"packet {number} is cut off")
        at_ns = seconds * NANO + fraction * unit
        yield at_ns, length, data[:longest] if wanted(number) else None
