"""Random packets of every kind that a filter could tell apart, and what tcpdump takes of them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, CookedLinux
from scapy.packet import Raw
from scapy.utils import PcapWriter, RawPcapReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scapy.packet import Packet as Layer

    from grader.sandbox import Sandbox

COOKED, RAW = 113, 101
PORTS = (123, 80, 443, 53, 22, 79, 81, 122, 124, 132, 433, 442, 444, 1123, 8080, 5353)
SERVERS = ("8.8.8.8", "8.8.8.8", "8.8.8.9", "8.8.4.4", "8.8.0.8", "1.1.1.1", "93.184.215.14")
OWN = "10.3.2.7"


@dataclass(frozen=True)
class Packet:
    """One packet: what a filter is to judge it by, and the packet itself."""

    version: int
    sent: bool
    protocol: str
    sport: int
    dport: int
    other: str
    payload: int
    later_fragment: bool
    layer: Layer


def drawn(count: int, seed: str) -> list[Packet]:
    """So many packets, the same for the same seed."""
    rng = Random(seed)  # noqa: S311 repeatable, not secret
    return [_packet(rng) for _ in range(count)]


def _port(rng: Random) -> int:
    return rng.choice(PORTS) if rng.random() < 0.7 else rng.randint(1, 65535)


def _packet(rng: Random) -> Packet:
    protocol = rng.choices(["udp", "tcp", "icmp", "arp"], [10, 10, 1, 1])[0]
    version = rng.choices([4, 6], [3, 2])[0] if protocol in {"udp", "tcp"} else 4
    sent, sport, dport = rng.random() < 0.5, _port(rng), _port(rng)
    payload = rng.choice([0, 1, 48, 300, 900]) if protocol == "tcp" else rng.choice([8, 48, 300])
    other = rng.choice(SERVERS)
    here, there = (OWN, other) if version == 4 else ("fd00::7", f"2001:db8::{rng.randint(1, 9)}")
    src, dst = (here, there) if sent else (there, here)
    data = Raw(rng.randbytes(payload))
    if protocol == "arp":
        return Packet(4, sent, protocol, 0, 0, other, 0, later_fragment=False,
                      layer=ARP(psrc=src, pdst=dst))  # fmt: skip
    later = version == 4 and protocol == "udp" and rng.random() < 0.1
    above = {
        "udp": UDP(sport=sport, dport=dport),
        "tcp": TCP(sport=sport, dport=dport, flags="PA" if payload else rng.choice("SAFR")),
        "icmp": ICMP(),
    }[protocol]
    below = IP(src=src, dst=dst, frag=185 * later) if version == 4 else IPv6(src=src, dst=dst)
    return Packet(
        version, sent, protocol, sport, dport, other, payload, later, below / above / data
    )


def cooked(packet: Packet) -> Layer:
    """With a header that has the packet's direction, as tcpdump -i any saves it."""
    return CookedLinux(pkttype=4 if packet.sent else 0) / packet.layer


def saved(layers: Sequence[Layer], link: int) -> bytes:
    """A pcap of packets, each stamped with its place in seconds."""
    file = io.BytesIO()
    file.close = lambda: None  # type: ignore[method-assign]  # PcapWriter's is its file's, too
    with PcapWriter(file, linktype=link) as writer:
        writer.write_header(None)
        for number, layer in enumerate(layers):
            writer.write_packet(bytes(layer), sec=number, usec=0)
    return file.getvalue()


def places(pcap: bytes) -> set[int]:
    """The stamps of what is in a pcap."""
    return {meta.sec for _, meta in RawPcapReader(io.BytesIO(pcap))} if pcap else set()


def taken(sandbox: Sandbox, pcap: str, *words: str) -> set[int] | None:
    """What tcpdump itself takes of a pcap in the sandbox; None for a filter that it refuses."""
    done = sandbox.run("tcpdump", "-n", "-r", pcap, "-w", "-", *words, timeout=20)
    return places(done.stdout) if done.exit == 0 else None
