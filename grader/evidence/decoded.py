"""Packets of a pcap file as tcpdump shows them; it runs in a sandbox, as all that reads packets."""

from __future__ import annotations

import io
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

from scapy.error import Scapy_Exception
from scapy.utils import RawPcapReader, RawPcapWriter

from grader.disposable import Disposable
from grader.errors import GraderError
from grader.evidence.capture import ETHERNET, SECOND
from grader.evidence.packet import Packet
from grader.machine.local import LocalMachine
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.image import Image

MOST = 20_000  # packets of a file that are looked at
WITHIN = 10.0
CONTINUED = 2  # lines of a packet after its first: the ends, and what it says


def saved(path: Path) -> list[Packet]:
    """The packets of a file that a capture has saved; none of one that cannot be read."""
    try:
        with RawPcapReader(str(path)) as reader:
            found = [
                (about.sec * SECOND + about.usec, frame) for frame, about in islice(reader, MOST)
            ]
    except (OSError, Scapy_Exception, EOFError):
        return []
    return [
        Packet.parse(number, time_ns, frame, sent=False)
        for number, (time_ns, frame) in enumerate(found, 1)
    ]


class Decoder(Disposable):
    """tcpdump of the image, started when it is first asked for."""

    def __init__(self, image: Image | None) -> None:
        """Without an image, packets are shown by their ends alone."""
        self._image = image
        self._stack = ExitStack()
        self._sandbox: Sandbox | None = None

    def close(self) -> None:
        """Let go of the sandbox."""
        self._stack.close()

    def lines(self, packets: Sequence[Packet]) -> list[str]:
        """Each packet, after its number: the IP header, from where to where, what it says."""
        try:
            shown = self._tcpdump(packets)
        except GraderError:
            shown = []
        if len(shown) != len(packets):
            shown = [[str(packet)] for packet in packets]
        found = []
        for packet, (first, *rest) in zip(packets, shown, strict=True):
            found.append(f"packet {packet.number}: {first}")
            found += [f"  {line.strip()}" for line in rest[:CONTINUED]]
        return found

    def _tcpdump(self, packets: Sequence[Packet]) -> list[list[str]]:
        """What tcpdump says of each packet, the first line and those that continue it."""
        if self._image is None:
            return []
        if self._sandbox is None:
            machine = self._stack.enter_context(LocalMachine(self._image.root))
            self._sandbox = self._stack.enter_context(Sandbox(machine))
        argv = ("tcpdump", "-nn", "-t", "-v", "-r", "-")
        done = self._sandbox.run(*argv, stdin=_pcap(packets), timeout=WITHIN)
        blocks: list[list[str]] = []
        for line in done.output.splitlines():
            if line[:1].isspace() and blocks:
                blocks[-1].append(line)
            else:
                blocks.append([line])
        return blocks


def _pcap(packets: Sequence[Packet]) -> bytes:
    file = io.BytesIO()
    writer = RawPcapWriter(file, linktype=ETHERNET, nano=True)
    writer.write_header(None)
    for packet in packets:
        sec, nanoseconds = divmod(packet.time_ns, SECOND)
        writer.write_packet(packet.frame, sec=sec, usec=nanoseconds)
    return file.getvalue()
