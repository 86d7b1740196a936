"""Packets are taken apart as the standards say."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from grader.evidence import Packet

FOUR = {"src": "10.0.0.2", "dst": "203.0.113.5"}
SIX = {"src": "fd00::2", "dst": "2a00::5"}


def parse(layer: object, padding: bytes = b"") -> Packet:
    """The packet of a frame that carries `layer`, sent by the watched host."""
    return Packet.parse(1, 5, bytes(Ether() / layer) + padding, sent=True)


@pytest.mark.parametrize(
    ("ip", "version"), [(IP(**FOUR, ttl=7), 4), (IPv6(**SIX, hlim=7), 6)], ids=["IPv4", "IPv6"]
)
def test_udp(ip: object, version: int) -> None:
    """A datagram's addresses, ports, TTL and payload are found."""
    found = parse(ip / UDP(sport=40211, dport=123) / Raw(b"query"))
    ends = SIX if version == 6 else FOUR
    assert (found.version, found.protocol, found.src, found.dst) == (version, "udp", *ends.values())
    assert (found.sport, found.dport, found.ttl, found.payload) == (40211, 123, 7, b"query")


@pytest.mark.parametrize("ip", [IP(**FOUR), IPv6(**SIX)], ids=["IPv4", "IPv6"])
def test_tcp_options_are_no_payload(ip: object) -> None:
    """A segment's payload begins behind its options."""
    tcp = TCP(sport=80, dport=50000, flags="PA", options=[("MSS", 1460), ("WScale", 7)])
    found = parse(ip / tcp / Raw(b"HTTP"))
    assert (found.protocol, found.sport, found.flags, found.payload) == ("tcp", 80, "PA", b"HTTP")


def test_ip_options_are_no_payload() -> None:
    """A segment's payload begins behind the IP header's options too."""
    found = parse(IP(**FOUR, options=[IPOption_NOP()] * 4) / TCP(sport=80) / Raw(b"HTTP"))
    assert found.payload == b"HTTP"


def test_padding_is_left_out() -> None:
    """What Ethernet adds to a short frame belongs to neither packet nor payload."""
    for layer in (IP(**FOUR) / UDP() / b"x", IPv6(**SIX) / UDP() / b"x", IP(**FOUR) / TCP()):
        found = parse(layer, padding=bytes(30))
        assert found.ip == bytes(layer)
        assert found.payload == (b"x" if UDP in layer else b"")


def test_fragments() -> None:
    """Fragments are known as such; only the first one has ports."""
    whole = IP(**FOUR, id=7) / UDP(sport=1, dport=123) / Raw(bytes(300))
    first, *rest = [parse(one) for one in fragment(whole, fragsize=160)]
    assert first.fragment
    assert (first.protocol, first.dport) == ("udp", 123)
    assert all(one.fragment and one.dport == 0 and one.protocol != "udp" for one in rest)
    assert not parse(whole).fragment


def test_where_a_packet_begins() -> None:
    """Of a packet's fragments the first one begins it; a whole packet does, too."""
    whole = IP(**FOUR, id=7) / UDP(sport=1, dport=123) / Raw(bytes(300))
    assert [parse(one).begins for one in fragment(whole, fragsize=160)] == [True, False]
    assert parse(whole).begins
    heads = [IPv6(**SIX) / IPv6ExtHdrFragment(offset=n, m=1, id=7) / Raw(bytes(48)) for n in (0, 6)]
    assert [parse(one).begins for one in heads] == [True, False]
    assert parse(IPv6(**SIX) / UDP() / b"x").begins


def test_ipv6_fragments() -> None:
    """IPv6's fragments are known as such."""
    head = IPv6(**SIX) / IPv6ExtHdrFragment(offset=0, m=1, id=7)
    found = parse(head / UDP(sport=1, dport=123, len=100) / Raw(bytes(40)))
    assert found.fragment
    assert parse(IPv6(**SIX) / IPv6ExtHdrFragment(offset=6, id=7, nh=17) / Raw(bytes(40))).fragment


def test_extension_headers_are_passed_over() -> None:
    """A datagram behind IPv6's extension headers is a datagram."""
    head = IPv6(**SIX) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
    found = parse(head / UDP(sport=1, dport=123) / Raw(b"q"))
    assert (found.protocol, found.dport, found.payload) == ("udp", 123, b"q")


def test_what_an_error_quotes_is_no_datagram() -> None:
    """The packet inside an ICMP error has no ports of its own."""
    quoted = IP(**FOUR) / UDP(sport=40211, dport=53) / Raw(b"query")
    found = parse(IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(type=11) / quoted)
    assert (found.protocol, found.sport, found.dport) == ("icmp", 0, 0)


def test_icmpv6() -> None:
    """Echo over IPv6 is ICMP as well."""
    assert parse(IPv6(**SIX) / ICMPv6EchoRequest()).protocol == "icmp"


def test_arp() -> None:
    """An ARP request names who asks and who is asked for."""
    found = parse(ARP(op=1, psrc="10.0.0.2", pdst="10.0.0.1"))
    assert (found.protocol, found.version, found.ip) == ("arp", 0, b"")
    assert str(found) == "ARP 10.0.0.2 who has 10.0.0.1"


@pytest.mark.parametrize("frame", [b"", b"\0", bytes(14), bytes(13), b"\xff" * 60])
def test_noise_is_a_packet_of_no_version(frame: bytes) -> None:
    """A frame that is no IP packet is kept, and nothing is claimed of it."""
    found = Packet.parse(1, 5, frame, sent=False)
    assert (found.version, found.protocol, found.frame) == (0, "other", frame)


@pytest.mark.parametrize("layer", [IP(**FOUR) / TCP() / b"data", IPv6(**SIX) / UDP() / b"data"])
def test_a_cut_frame_is_taken_as_far_as_it_goes(layer: object) -> None:
    """No length of a cut frame stops the grader."""
    whole = bytes(Ether() / layer)
    for length in range(len(whole)):
        assert Packet.parse(1, 5, whole[:length], sent=True).frame == whole[:length]


def test_in_words() -> None:
    """A message shows protocol, flags and both ends, IPv6 in brackets."""
    assert str(parse(IP(**FOUR) / UDP(sport=1, dport=2))) == "UDP 10.0.0.2:1 → 203.0.113.5:2"
    assert str(parse(IPv6(**SIX) / TCP(sport=1, dport=2))) == "TCP [S] [fd00::2]:1 → [2a00::5]:2"
    assert str(parse(IP(**FOUR) / ICMP())) == "ICMP 10.0.0.2 → 203.0.113.5"
