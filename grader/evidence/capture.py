"""Captures of what passes a link of the world: opened before traffic, read after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scapy.utils import RawPcapWriter

from grader.disposable import Disposable
from grader.errors import GraderError
from grader.evidence.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from grader.world import World
    from grader.world.blueprint import Interface

ETHERNET = 1
SECOND = 1_000_000_000


class Frames(list[tuple[int, bool, bytes]]):
    """Frames with time in nanoseconds and direction: True for what the student's host sent."""

    def __init__(self, frames: Iterable[tuple[int, bool, bytes]], parsed: list[Packet]) -> None:
        """`parsed` are the packets of the first frames, as far as they have been needed."""
        super().__init__(frames)
        self._parsed = parsed

    @property
    def packets(self) -> list[Packet]:
        """The frames, taken apart and numbered from 1."""
        for number in range(len(self._parsed), len(self)):
            time_ns, sent, frame = self[number]
            self._parsed.append(Packet.parse(number + 1, time_ns, frame, sent=sent))
        return self._parsed[: len(self)]

    def save(self, path: Path) -> None:
        """Write a pcap file with nanosecond time stamps."""
        with RawPcapWriter(str(path), linktype=ETHERNET, nano=True) as writer:
            writer.write_header(None)
            for time_ns, _, frame in self:
                writer.write_packet(frame, sec=time_ns // SECOND, usec=time_ns % SECOND)


class Capture(Disposable):
    """All that passes a cable of the student's host, seen at the switch it is plugged into."""

    def __init__(self, world: World, interface: Interface | None = None) -> None:
        """`interface`: whose cable it is, if not that of the student's host's first."""
        self._machine = world.machine
        port = world.blueprint.other_end(interface or world.student.interface())
        self.host, self.interface = port.host, port.name
        self._seen: list[tuple[int, bool, bytes]] = []
        self._parsed: list[Packet] = []
        self._number = self._machine.call(
            "captures.open", world=world.number, host=port.host, interface=port.name
        )

    def close(self) -> None:
        """End the capture."""
        self._machine.release("captures.close", capture=self._number)

    def frames(self) -> Frames:
        """What has passed until now. Raises GraderError if the kernel lost any of it."""
        answer = self._machine.call(
            "captures.read", within=10, capture=self._number, since=len(self._seen)
        )
        if answer["lost"]:
            raise GraderError(
                f"the capture on {self.host}:{self.interface} lost {answer['lost']} packets",
                remedy="grade again on a machine with less load",
            )
        # What leaves the switch by a host's port is what that host receives.
        self._seen += [(time_ns, not left, frame) for time_ns, left, frame in answer["frames"]]
        return Frames(self._seen, self._parsed)
