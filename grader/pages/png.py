"""Whether bytes are a PNG picture of a sane size, told from its header without decoding it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = 33
SIGNATURE = b"\x89PNG\r\n\x1a\n"
WIDEST = 8192
PIXELS = 16_000_000  # decoded by a browser: 64 MB
LARGEST = 8 * 1024 * 1024


@dataclass(frozen=True)
class Size:
    """Pixels."""

    width: int
    height: int


def size(head: bytes, length: int) -> Size | str:
    """The size by the first bytes of a file of `length` bytes, or why it is not to be shown."""
    if length > LARGEST:
        return f"it has {length:,} bytes; at most {LARGEST:,} are shown"
    # https://www.w3.org/TR/png-3/#11IHDR: IHDR comes first, with 13 bytes.
    if head[:16] != SIGNATURE + b"\x00\x00\x00\x0dIHDR" or len(head) < HEADER:
        return "it is no PNG picture"
    width, height = struct.unpack(">II", head[16:24])
    if not (0 < width <= WIDEST and 0 < height <= WIDEST and width * height <= PIXELS):
        return f"it claims {width:,} by {height:,} pixels"
    return Size(width, height)
