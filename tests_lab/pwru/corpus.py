"""Packets that a filter for outgoing DNS queries to 8.8.8.8 is to take, and such that it is not.

A filter may name the address of its author's own host, so each set is made for some source. Where
two readings of the task differ, a packet stands in neither: whatever has port 53 at either end and
8.8.8.8 at either end, but for UDP queries to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scapy.layers.dns import DNS, DNSQR, DNSRROPT
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from grader.traffic.crafted import EPHEMERAL

if TYPE_CHECKING:
    from random import Random

    from scapy.packet import Packet as Layer

SERVER, PORT = "8.8.8.8", 53
QUERIES = 8
LOOPBACK = "127"
SERVERS = ("8.8.4.4", "1.1.1.1", "9.9.9.9", "8.8.8.9", "8.8.0.8")
SERVERS6 = ("2606:4700:4700::1111", "2001:4860:4860::8888")
NAMES = ("fep.grid.pub.ro", "ocw.cs.pub.ro", "www.google.com", "a.ro", f"{'x' * 63}.pub.ro")
LITERAL = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){1,3}(?![\d.])")


@dataclass(frozen=True)
class Sample:
    """A packet: what it is, in words, and its bytes from the IP header on, or from Ethernet's."""

    what: str
    ip: bytes
    ethernet: bytes


def sources(own: str, filter_text: str) -> list[str]:
    """The addresses that the queries may come from: the host's own, and those that a filter has."""
    named = []
    for literal in LITERAL.findall(filter_text):
        parts = literal.split(".")
        possible = all(int(part) < 256 for part in parts) and parts[0] != LOOPBACK
        if possible and literal != SERVER:
            whole = [*parts, "0", "0"][:4]
            named.append(".".join([*whole[:3], whole[3] if whole[3] != "0" else "7"]))
    return [own, "192.168.1.7", *named[:8]]


def queries(source: str, rng: Random) -> list[Sample]:
    """UDP queries to the server: from low and high ports, of several names, types and lengths."""
    ports = [1024, 49152, 65535, *(rng.randint(*EPHEMERAL) for _ in range(QUERIES - 3))]
    kinds = ("A", "AAAA", "MX", "TXT")
    return [
        _sample(
            f"a DNS query, UDP {source}:{port} → {SERVER}:{PORT}",
            IP(src=source, dst=SERVER, id=rng.randrange(65536), **ip_of(number))
            / UDP(sport=port, dport=PORT)
            / DNS(
                id=rng.randrange(65536),
                rd=1,
                ad=number % 2,  # dig sets it, a resolver's library does not
                qd=DNSQR(qname=NAMES[number % len(NAMES)], qtype=kinds[number % len(kinds)]),
                ar=DNSRROPT() if number % 3 else [],  # as dig's
            ),
        )
        for number, port in enumerate(ports)
    ]


def ip_of(number: int) -> dict[str, Any]:
    """What programs and kernels choose in an IP header: TTL, DSCP, whether it may be cut."""
    ttls, flags = (64, 128, 255, 3), ("", "DF")
    return {"ttl": ttls[number % 4], "flags": flags[number % 2], "tos": 8 * (number % 3)}


def others(source: str, site: str, rng: Random) -> list[Sample]:
    """What is no DNS query to the server, though much of it has the server or the port."""
    layers: dict[str, Layer] = {}
    for server in (*SERVERS, site):
        one = UDP(sport=_port(rng), dport=PORT)
        layers[f"a DNS query to another server, UDP to {server}:{PORT}"] = (
            IP(src=source, dst=server) / one / DNS(qd=DNSQR(qname=NAMES[0]))
        )
        back = UDP(sport=PORT, dport=_port(rng))
        layers[f"another server's answer, UDP from {server}:{PORT}"] = (
            IP(src=server, dst=source) / back / DNS(qr=1, qd=DNSQR(qname=NAMES[0]))
        )
    for port in (52, 54, 80, 123, 443, 853, 1053, 5353, 33434, rng.randint(10_000, 30_000)):
        layers[f"no DNS, UDP to {SERVER}:{port}"] = (
            IP(src=source, dst=SERVER) / UDP(sport=_port(rng), dport=port) / b"nothing"
        )
    for port in (22, 80, 443, 853):
        layers[f"no DNS, TCP to {SERVER}:{port}"] = IP(src=source, dst=SERVER) / TCP(
            sport=_port(rng), dport=port, flags="S"
        )
        layers[f"no DNS, TCP from {SERVER}:{port}"] = IP(src=SERVER, dst=source) / TCP(
            sport=port, dport=_port(rng), flags="SA"
        )
        layers[f"no DNS, TCP to {site}:{port}"] = IP(src=source, dst=site) / TCP(
            sport=_port(rng), dport=port, flags="S"
        )
    layers[f"ping, ICMP to {SERVER}"] = IP(src=source, dst=SERVER) / ICMP() / b"nothing"
    layers[f"ping's answer, ICMP from {SERVER}"] = IP(src=SERVER, dst=source) / ICMP(type=0)
    layers["an NTP query, UDP to port 123"] = (
        IP(src=source, dst=site) / UDP(sport=_port(rng), dport=123) / bytes(48)
    )
    for server in SERVERS6:
        layers[f"a DNS query over IPv6, to {server}"] = (
            IPv6(src="fd00::7", dst=server)
            / UDP(sport=_port(rng), dport=PORT)
            / DNS(qd=DNSQR(qname=NAMES[0]))
        )
    return [_sample(what, layer) for what, layer in layers.items()]


def _port(rng: Random) -> int:
    return rng.randint(*EPHEMERAL)


def _sample(what: str, layer: Layer) -> Sample:
    link = Ether(src="02:00:00:00:00:07", dst="02:00:00:00:00:01")
    return Sample(what, bytes(layer), bytes(link / layer))
