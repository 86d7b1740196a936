"""One captured packet, taken apart by scapy into what checks ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, _IPv6ExtHdr
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet as Layer

NO_PORT = 0
UDP_HEADER = 8
ETHERNET_HEADER = 14
IPV6_HEADER = 40
ICMPV6, FRAGMENT = 58, 44


@dataclass(frozen=True)
class Packet:
    """A packet on the wire. `sent`: by the host that is watched, rather than to it.

    `number` counts from 1 in its capture, `time_ns` is nanoseconds since the epoch, `ip` the
    bytes from the IP header on without padding (empty for ARP). Ports are 0 where there are none.
    """

    number: int
    time_ns: int
    sent: bool
    frame: bytes = field(repr=False)
    ip: bytes = field(repr=False, default=b"")
    version: int = 0
    protocol: str = "other"
    src: str = ""
    dst: str = ""
    sport: int = NO_PORT
    dport: int = NO_PORT
    ttl: int = 0
    payload: bytes = field(repr=False, default=b"")
    flags: str = ""
    fragment: bool = False

    @classmethod
    def parse(cls, number: int, time_ns: int, frame: bytes, *, sent: bool) -> Packet:
        """Take `frame`, from the Ethernet header on, apart."""
        bare = cls(number, time_ns, sent, frame)
        if len(frame) < ETHERNET_HEADER:
            return bare
        layer = Ether(frame).payload
        if isinstance(layer, ARP):
            about = {"src": layer.psrc, "dst": layer.pdst, "flags": str(layer.op)}
            return replace(bare, protocol="arp", **about)
        if not isinstance(layer, IP | IPv6):
            return bare
        return _add_upper(_add_ip(bare, layer), layer)

    @property
    def begins(self) -> bool:
        """Whether it is no later fragment (RFC 791, 3.1; RFC 8200, 4.5: its header comes first)."""
        if self.version == 4:
            return not int.from_bytes(self.ip[6:8], "big") & 0x1FFF
        later = self.version == 6 and self.ip[6] == FRAGMENT
        return not (later and int.from_bytes(self.ip[42:44], "big") >> 3)

    def __str__(self) -> str:
        """The packet in a message: `UDP 10.0.0.2:40211 → 203.0.113.5:123`."""
        if self.protocol == "arp":
            question = {"1": "who has", "2": "is at"}.get(self.flags, "ARP")
            return f"ARP {self.src} {question} {self.dst}"
        if not self.version:
            return f"a frame of {len(self.frame)} bytes"
        name = self.protocol.upper() + (f" [{self.flags}]" if self.flags else "")
        name += " fragment" if self.fragment else ""
        return f"{name} {self._end(self.src, self.sport)} → {self._end(self.dst, self.dport)}"

    def _end(self, address: str, port: int) -> str:
        if not port:
            return address
        return f"[{address}]:{port}" if self.version == 6 else f"{address}:{port}"


def _add_ip(packet: Packet, layer: Layer) -> Packet:
    if isinstance(layer, IPv6):
        whole = bytes(layer.original)[: IPV6_HEADER + layer.plen]
        return replace(packet, ip=whole, version=6, src=layer.src, dst=layer.dst, ttl=layer.hlim)
    return replace(
        packet,
        ip=bytes(layer.original)[: layer.len],
        version=4,
        src=layer.src,
        dst=layer.dst,
        ttl=layer.ttl,
        fragment=bool(layer.frag or layer.flags.MF),
    )


def _add_upper(packet: Packet, layer: Layer) -> Packet:
    upper = layer.payload
    while isinstance(upper, _IPv6ExtHdr):
        packet = replace(packet, fragment=packet.fragment or type(upper) is IPv6ExtHdrFragment)
        upper = upper.payload
    whole = bytes(upper.original or b"")
    # By exact type: the packet that an ICMP error quotes is a subclass of its protocol.
    if type(upper) is UDP:
        payload = whole[UDP_HEADER : upper.len]
        return replace(
            packet, protocol="udp", sport=upper.sport, dport=upper.dport, payload=payload
        )
    if type(upper) is TCP:
        payload = whole[upper.dataofs * 4 : len(packet.ip) - _header_length(layer)]
        return replace(
            packet,
            protocol="tcp",
            sport=upper.sport,
            dport=upper.dport,
            payload=payload,
            flags=str(upper.flags),
        )
    icmp = type(upper) is ICMP or (packet.version == 6 and layer.nh == ICMPV6)
    return replace(packet, protocol="icmp" if icmp else "ip", payload=whole)


def _header_length(layer: Layer) -> int:
    return IPV6_HEADER if isinstance(layer, IPv6) else int(layer.ihl) * 4
