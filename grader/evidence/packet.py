"""One captured packet, taken apart by scapy into what checks ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, _IPv6ExtHdr
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet as Layer

NO_PORT = 0
UDP_HEADER = 8


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
        layer = Ether(frame).payload
        base = {"number": number, "time_ns": time_ns, "sent": sent, "frame": frame}
        if isinstance(layer, ARP):
            return cls(**base, protocol="arp", src=layer.psrc, dst=layer.pdst, flags=str(layer.op))
        if not isinstance(layer, IP | IPv6):
            return cls(**base)
        return cls(**base, **_parse_ip(layer))

    def __str__(self) -> str:
        """The packet in a message: `UDP 10.0.0.2:40211 → 203.0.113.5:123`."""
        if self.protocol == "arp":
            question = {"1": "who has", "2": "is at"}.get(self.flags, "ARP")
            return f"ARP {self.src} {question} {self.dst}"
        if not self.version:
            return f"a frame of {len(self.frame)} bytes"
        name = self.protocol.upper() + (f" [{self.flags}]" if self.flags else "")
        return f"{name} {self._end(self.src, self.sport)} → {self._end(self.dst, self.dport)}"

    def _end(self, address: str, port: int) -> str:
        if not port:
            return address
        return f"[{address}]:{port}" if self.version == 6 else f"{address}:{port}"  # noqa: PLR2004


def _parse_ip(layer: Layer) -> dict[str, object]:
    six = isinstance(layer, IPv6)
    total = 40 + layer.plen if six else layer.len
    facts: dict[str, object] = {
        "ip": bytes(layer.original)[:total],
        "version": 6 if six else 4,
        "src": layer.src,
        "dst": layer.dst,
        "ttl": layer.hlim if six else layer.ttl,
        "fragment": not six and bool(layer.frag or layer.flags.MF),
    }
    upper = layer.payload
    while isinstance(upper, _IPv6ExtHdr):
        upper = upper.payload
    # By exact type: the packet that an ICMP error quotes is a subclass of its protocol.
    if type(upper) is UDP:
        payload = bytes(upper.original)[UDP_HEADER : upper.len]
        facts |= {"protocol": "udp", "sport": upper.sport, "dport": upper.dport, "payload": payload}
    elif type(upper) is TCP:
        payload = bytes(upper.original)[upper.dataofs * 4 : total - _header_length(layer)]
        facts |= {"protocol": "tcp", "sport": upper.sport, "dport": upper.dport, "payload": payload}
        facts["flags"] = str(upper.flags)
    elif type(upper) is ICMP or (six and layer.nh == 58):  # noqa: PLR2004 ICMPv6
        facts |= {"protocol": "icmp", "payload": bytes(upper.original)}
    else:
        facts |= {"protocol": "ip", "payload": bytes(upper.original or b"")}
    return facts


def _header_length(layer: Layer) -> int:
    return 40 if isinstance(layer, IPv6) else int(layer.ihl) * 4
