"""A packet in a line, as Wireshark and tcpdump put it: from, to, protocol, what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scapy.layers.dns import DNS, dnsclasses, dnsqtypes
from scapy.layers.inet import ICMP, IP, TCP, UDP, icmptypes
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, _ICMPv6, _IPv6ExtHdr, icmp6types
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.ntp import NTP

from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from scapy.packet import Packet as Layer

    from grader.pages.pcap import Frame

LONGEST = 160
ROW = 16
FLAGS = {"F": "FIN", "S": "SYN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG"}
NTP_MODES = {
    1: "symmetric active",
    2: "symmetric passive",
    3: "client",
    4: "server",
    5: "broadcast",
}
RCODES = {1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented"}
HTTP = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"HTTP/")
TLS = {20: "Change Cipher Spec", 21: "Alert", 22: "Handshake", 23: "Application Data"}
HANDSHAKE = {1: "Client Hello", 2: "Server Hello", 11: "Certificate", 4: "New Session Ticket"}
UNREACHABLE = {0: "network", 1: "host", 2: "protocol", 3: "port", 13: "administratively"}


@dataclass(frozen=True)
class Line:
    """What a packet's row says."""

    src: str
    dst: str
    protocol: str
    info: str


class Dissector:
    """Takes the packets of one capture apart, in order: TCP's numbers are relative, as usual."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, int, str, int], int] = {}

    def line(self, frame: Frame) -> Line:
        """The packet's row. Whatever the bytes are, there is one."""
        try:
            ether = Ether(frame.data)
            found = self._ether(ether)
        except Exception as error:  # whatever a hostile packet makes scapy do
            return Line("", "", "?", f"cannot be taken apart ({type(error).__name__})")
        return Line(*(printable(part or "")[:LONGEST] for part in found))

    def _ether(self, ether: Layer) -> tuple[str, str, str, str]:
        inner = ether.payload
        while isinstance(inner, Dot1Q):
            inner = inner.payload
        if isinstance(inner, ARP):
            return (ether.src, ether.dst, "ARP", _arp(inner))
        if isinstance(inner, IP):
            protocol, info = self._upper(inner, inner.payload, ttl=inner.ttl)
            return (inner.src, inner.dst, protocol, info)
        if isinstance(inner, IPv6):
            protocol, info = self._over_ipv6(inner)
            return (inner.src, inner.dst, protocol, info)
        kind = getattr(ether, "type", None)
        info = "cut off" if kind is None else f"EtherType 0x{kind:04x}"
        return (getattr(ether, "src", ""), getattr(ether, "dst", ""), "Ethernet", info)

    def _over_ipv6(self, ip: Layer) -> tuple[str, str]:
        upper = ip.payload
        while isinstance(upper, _IPv6ExtHdr) and not isinstance(upper, IPv6ExtHdrFragment):
            upper = upper.payload
        if isinstance(upper, IPv6ExtHdrFragment):
            return "IPv6", f"Fragment at {upper.offset * 8}, id 0x{upper.id:08x}"
        if isinstance(upper, _ICMPv6):
            return "ICMPv6", _icmp6(upper)
        return self._upper(ip, upper, ttl=ip.hlim)

    def _upper(self, ip: Layer, upper: Layer, *, ttl: int) -> tuple[str, str]:
        if getattr(ip, "frag", 0):
            return "IPv4", f"Fragment at {ip.frag * 8}, id 0x{ip.id:04x}"
        if type(upper) is UDP:
            return _udp(upper, ttl)
        if type(upper) is TCP:
            return self._tcp(ip, upper)
        if type(upper) is ICMP:
            return "ICMP", f"{_icmp(upper)}, ttl={ttl}"
        number = ip.nh if isinstance(ip, IPv6) else ip.proto
        return ("IPv6" if isinstance(ip, IPv6) else "IPv4"), f"Protocol {number}"

    def _tcp(self, ip: Layer, tcp: Layer) -> tuple[str, str]:
        here = (ip.src, tcp.sport, ip.dst, tcp.dport)
        there = (ip.dst, tcp.dport, ip.src, tcp.sport)
        begins = "S" in tcp.flags
        if begins:
            self._first[here] = tcp.seq
        seq = (tcp.seq - self._first.setdefault(here, tcp.seq)) & 0xFFFFFFFF
        named = ", ".join(FLAGS[flag] for flag in str(tcp.flags) if flag in FLAGS)
        parts = [f"{tcp.sport} → {tcp.dport} [{named}] Seq={seq}"]
        if "A" in tcp.flags:
            parts.append(f"Ack={(tcp.ack - self._first.get(there, tcp.ack - 1)) & 0xFFFFFFFF}")
        payload = _payload(ip, tcp)
        parts += [f"Win={tcp.window}", f"Len={len(payload)}"]
        if begins:
            parts += [_option(name, value) for name, value in tcp.options if name != "NOP"]
        protocol, said = _said(payload)
        return protocol or "TCP", (f"{said} · " if said else "") + " ".join(parts)


def _payload(ip: Layer, tcp: Layer) -> bytes:
    """TCP's payload without Ethernet's padding."""
    whole = bytes(tcp.original or b"")
    header = (tcp.dataofs or 5) * 4
    if isinstance(ip, IP):
        return whole[header : max(header, ip.len - ip.ihl * 4)]
    return whole[header : max(header, ip.plen)]


def _option(name: object, value: object) -> str:
    short = {"MSS": "MSS", "WScale": "WS", "SAckOK": "SACK_PERM", "Timestamp": "TS"}
    word = short.get(str(name), str(name))
    if value in (b"", None):
        return word
    return f"{word}={value[0] if isinstance(value, tuple) and value else value}"


def _said(payload: bytes) -> tuple[str, str]:
    """The protocol above TCP and its first words, where they are known."""
    if payload.startswith(HTTP):
        return "HTTP", payload.split(b"\r\n", 1)[0].decode("latin-1")
    if len(payload) > 5 and payload[0] in TLS and payload[1] == 3:
        what = TLS[payload[0]]
        if payload[0] == 22:
            what = HANDSHAKE.get(payload[5], "encrypted or unknown handshake")
        return "TLS", what
    return "", ""


def _udp(udp: Layer, ttl: int) -> tuple[str, str]:
    inner = udp.payload
    ports = f"{udp.sport} → {udp.dport}"
    if isinstance(inner, DNS):
        return "DNS", f"{_dns(inner)} · {ports}, ttl={ttl}"
    if isinstance(inner, NTP) and 123 in (udp.sport, udp.dport):
        mode = NTP_MODES.get(int(getattr(inner, "mode", 0)), "other mode")
        return "NTP", f"NTP version {getattr(inner, 'version', '?')}, {mode} · {ports}"
    return "UDP", f"{ports} Len={max(0, (udp.len or 8) - 8)}, ttl={ttl}"


def _dns(dns: Layer) -> str:
    asked = [
        f"{dnsqtypes.get(one.qtype, one.qtype)} {_name(one.qname)}" for one in (dns.qd or [])[:1]
    ]
    if any(dnsclasses.get(one.qclass) != "IN" for one in (dns.qd or [])[:1]):
        asked.append("not IN")
    words = ["Standard query", *(["response"] if dns.qr else []), f"0x{dns.id:04x}", *asked]
    if dns.qr:
        words += [RCODES.get(dns.rcode, "refused")] if dns.rcode else []
        words += [
            f"{dnsqtypes.get(one.type, one.type)} {_name(getattr(one, 'rdata', ''))}"
            for one in (dns.an or [])[:3]
        ]
    return " ".join(words)


def _name(value: object) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.removesuffix(".")


def _arp(arp: Layer) -> str:
    if arp.op == 1:
        if arp.psrc == arp.pdst:
            return f"Announcement for {arp.psrc}"
        return f"Who has {arp.pdst}? Tell {arp.psrc}"
    return f"{arp.psrc} is at {arp.hwsrc}" if arp.op == 2 else f"Operation {arp.op}"


def _icmp(icmp: Layer) -> str:
    if icmp.type in (0, 8):
        what = "Echo (ping) request" if icmp.type == 8 else "Echo (ping) reply"
        return f"{what} id=0x{icmp.id:04x}, seq={icmp.seq}"
    if icmp.type == 11:
        return "Time-to-live exceeded in transit"
    if icmp.type == 3:
        return f"Destination unreachable ({UNREACHABLE.get(icmp.code, f'code {icmp.code}')})"
    return str(icmptypes.get(icmp.type, f"type {icmp.type}"))


def _icmp6(icmp: Layer) -> str:
    target = getattr(icmp, "tgt", "")
    of: Callable[[str], str] = lambda word: f"{word} for {target}" if target else word  # noqa: E731
    if icmp.type == 135:
        return of("Neighbor Solicitation")
    if icmp.type == 136:
        return f"Neighbor Advertisement {target}"
    seq = f", seq={icmp.seq}" if icmp.type in (128, 129) else ""
    return f"{icmp6types.get(icmp.type, f'type {icmp.type}')}{seq}"


def hexdump(data: bytes) -> str:
    """Bytes as tcpdump -XX shows them."""
    lines = []
    for start in range(0, len(data), ROW):
        row = data[start : start + ROW]
        digits = row.hex()
        words = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"0x{start:04x}:  {words:<39}  {text}")
    return "\n".join(lines)
