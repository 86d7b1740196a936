"""Packets made by scapy: what real clients do not send on demand. Each carries a nonce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

if TYPE_CHECKING:
    from scapy.packet import Packet as Layer

    from grader.world import World

EPHEMERAL = (49_152, 60_999)
# LI 0, version 4, mode 3: a client's question (RFC 5905, 7.3).
NTP_CLIENT = b"\x23\x00\x06\xec"
NTP_LENGTH = 48


class Crafter:
    """Makes frames on the cable of the student's host and puts them there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        blueprint = world.blueprint
        self._student = blueprint.interface(blueprint.student)
        self._gateway = blueprint.interface(blueprint.path[0])
        self._port = next(
            one
            for link in blueprint.links
            for one, other in (link, link[::-1])
            if other == self._student
        )

    def nonce(self, length: int = 16) -> bytes:
        """Bytes by which a packet is recognised again."""
        return self._rng.randbytes(length)

    def ephemeral(self) -> int:
        """A random port that every usual range calls ephemeral."""
        return self._rng.randint(*EPHEMERAL)

    def ntp_query(self) -> bytes:
        """The payload of an NTP client's question, its transmit time stamp random."""
        return NTP_CLIENT + bytes(NTP_LENGTH - 12) + self.nonce(8)

    def outgoing(self, upper: Layer, payload: bytes, *, version: int = 4, to: str) -> list[bytes]:
        """A frame from the student's host to the address `to`."""
        ip = self._ip(version, src=self._student.address(version), dst=to)
        ether = Ether(src=self._student.mac, dst=self._gateway.mac)
        return [bytes(ether / ip / upper / Raw(payload))]

    def incoming(self, upper: Layer, payload: bytes, *, version: int = 4, of: str) -> list[bytes]:
        """A frame to the student's host from the address `of`."""
        ip = self._ip(version, src=of, dst=self._student.address(version))
        ether = Ether(src=self._gateway.mac, dst=self._student.mac)
        return [bytes(ether / ip / upper / Raw(payload))]

    def fragmented(self, payload: bytes, size: int, *, dport: int, to: str) -> list[bytes]:
        """Frames of one UDP datagram from the student's host, cut every `size` bytes."""
        ip = self._ip(4, src=self._student.address(4), dst=to)
        datagram = ip / UDP(sport=self.ephemeral(), dport=dport) / Raw(payload)
        parts = fragment(datagram, fragsize=size)  # type: ignore[no-untyped-call]
        ether = Ether(src=self._student.mac, dst=self._gateway.mac)
        return [bytes(ether / part) for part in parts]

    def _ip(self, version: int, **ends: Any) -> Layer:
        if version == 6:
            return IPv6(hlim=64, **ends)
        return IP(ttl=64, id=self._rng.randrange(1, 65_536), **ends)

    def send(self, frames: list[bytes]) -> None:
        """Send frames out of the student's interface."""
        self._world.student.inject(self._student.name, frames)

    def deliver(self, frames: list[bytes]) -> None:
        """Send frames from the switch to the student's interface."""
        self._world.host_of(self._port).inject(self._port.name, frames)


def syn(sport: int, dport: int, sequence: int) -> Layer:
    """A TCP segment that asks for a connection."""
    return TCP(sport=sport, dport=dport, flags="S", seq=sequence)


def segment(sport: int, dport: int, sequence: int) -> Layer:
    """A TCP segment in the middle of a connection."""
    return TCP(sport=sport, dport=dport, flags="PA", seq=sequence, ack=1)


def datagram(sport: int, dport: int) -> Layer:
    """A UDP header."""
    return UDP(sport=sport, dport=dport)
