"""What the image's real tcpdump prints is read back, whatever options it was given."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from grader.evidence import Capture, Packet, Printed
from grader.evidence.capture import Frames
from grader.sandbox import Sandbox
from grader.traffic.crafted import Crafter, datagram, segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from grader.machine.client import Machine
    from grader.world import World

START = 1_700_000_000_000_000_001
STEP = 250_000_000
NTP = b"\x23\x00\x06\xec" + bytes(36)
STAMPS = ["", "-t", "-tt", "-ttt", "-tttt", "-ttttt"]
DUMPS = ["-x", "-xx", "-X", "-XX"]


def layers() -> list[object]:
    """NTP and web traffic over IPv4 and IPv6, a cut datagram, an echo request."""
    here, there = {"src": "10.0.0.2", "dst": "203.0.113.5"}, {"src": "fd00::2", "dst": "2a00::5"}
    four, six = {"src": "203.0.113.9", "dst": "10.0.0.2"}, {"src": "2a00::9", "dst": "fd00::2"}
    cut = IP(**here, id=7) / UDP(sport=40213, dport=1123) / Raw(b"Z" * 300)
    web = {"flags": "PA", "seq": 5, "ack": 7}
    return [
        IP(**here, id=1) / UDP(sport=40211, dport=123) / Raw(NTP + b"ABCDEFGH"),
        IPv6(**there) / UDP(sport=40212, dport=123) / Raw(NTP + b"abcdefgh"),
        IP(**four, id=2) / TCP(sport=80, dport=50000, **web) / Raw(b"HTTP/1.1 200 OK\r\n\r\nHi\n"),
        IPv6(**six) / TCP(sport=443, dport=50001, **web) / Raw(b"\x17\x03\x03" + bytes(20)),
        *fragment(cut, fragsize=160),
        IP(**here, id=3) / ICMP() / Raw(b"ping"),
    ]


FRAMES = Frames(
    [
        (START + i * STEP, i not in {2, 3}, bytes(Ether(src="02:00:00:00:00:01") / layer))
        for i, layer in enumerate(layers())
    ],
    [],
)
WIRE = FRAMES.packets
WITH_PORTS = [packet for packet in WIRE if packet.sport]


@pytest.fixture(scope="module")
def pcap(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The frames as a capture file, written by the engine."""
    path: Path = tmp_path_factory.mktemp("pcap") / "wire.pcap"
    FRAMES.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def reader(machine: Machine) -> Iterator[Sandbox]:
    """A sandbox that tcpdump reads the file in."""
    with Sandbox(machine) as made:
        yield made


def tcpdump(reader: Sandbox, pcap: bytes, *options: str) -> Printed:
    """What tcpdump prints of the file."""
    done = reader.run("tcpdump", "-r", "-", *filter(None, options), stdin=pcap, timeout=20)
    assert done.exit == 0, done.complaints
    return Printed(done.output, WIRE)


def assert_each_once(printed: Printed, wanted: Sequence[Packet]) -> None:
    """Each wanted packet is one record, in order."""
    found = [one.packet.number for one in printed.records if one.packet in wanted]
    assert found == [packet.number for packet in wanted]
    assert len(printed.records) == len(WIRE)


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("dump", DUMPS)
@pytest.mark.parametrize("more", ["", "-v", "-vvv", "-e", "-q", "-#"])
def test_dumped_packets_are_recognised(
    reader: Sandbox, pcap: bytes, stamp: str, dump: str, more: str
) -> None:
    """With a hex dump every packet is known, fragments and IPv6 too, and so is the dump's start."""
    printed = tcpdump(reader, pcap, "-n", stamp, dump, more)
    assert_each_once(printed, WIRE)
    assert {one.offset for one in printed.records} == {14 if len(dump) == 3 else 0}
    assert all(one.dumped for one in printed.records)


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("more", ["", "-v", "-e", "-q", "-#", "-S", "-A"])
def test_summaries_are_recognised(reader: Sandbox, pcap: bytes, stamp: str, more: str) -> None:
    """Without a dump a packet with ports is known by its addresses, ports and length."""
    printed = tcpdump(reader, pcap, "-n", stamp, more)
    assert not printed.missing(WITH_PORTS)
    assert len(printed.records) == len(WIRE)
    assert not any(one.dumped for one in printed.records)


@pytest.mark.parametrize(
    ("stamp", "digits", "since_first"),
    [("-tt", 6, False), ("-ttt", 6, False), ("-ttttt", 6, True)],
)
@pytest.mark.parametrize("precision", ["", "--nano", "--time-stamp-precision=nano"])
def test_time_stamps(
    reader: Sandbox, pcap: bytes, *, stamp: str, digits: int, since_first: bool, precision: str
) -> None:
    """Six digits or nine are told apart, and -ttttt counts from the first packet."""
    records = tcpdump(reader, pcap, "-n", stamp, precision).records
    expected = 9 if precision else digits
    assert {len(one.stamp.rpartition(".")[2]) for one in records} == {expected}
    if since_first:
        assert [one.time_ns for one in records] == [i * STEP for i in range(len(WIRE))]
    if stamp == "-tt":
        first = START if precision else START // 1000 * 1000
        assert records[0].time_ns == first


def test_no_time_stamp(reader: Sandbox, pcap: bytes) -> None:
    """With -t there is no time, and none is made up."""
    assert {one.time_ns for one in tcpdump(reader, pcap, "-n", "-t", "-X").records} == {None}


@pytest.mark.parametrize("option", ["-#", "--number"])
@pytest.mark.parametrize("stamp", STAMPS)
def test_numbers(reader: Sandbox, pcap: bytes, option: str, stamp: str) -> None:
    """Packet numbers are read, with every kind of time stamp and with none."""
    records = tcpdump(reader, pcap, "-n", option, stamp, "-X").records
    assert [one.number for one in records] == list(range(1, len(WIRE) + 1))


@pytest.mark.parametrize("stamp", STAMPS)
def test_no_numbers(reader: Sandbox, pcap: bytes, stamp: str) -> None:
    """Without -# no record has a number, also where the time is seconds since 1970."""
    assert {one.number for one in tcpdump(reader, pcap, "-n", stamp).records} == {None}


def test_ascii_is_beside_the_hex(reader: Sandbox, pcap: bytes) -> None:
    """-X shows the payload as text, -x does not."""
    shown = tcpdump(reader, pcap, "-n", "-X").records
    assert "ABCDEFGH" in shown[0].ascii
    assert len(shown[0].ascii) == len(WIRE[0].ip)
    assert tcpdump(reader, pcap, "-n", "-x").records[0].ascii == ""


def test_the_dump_is_the_packet(reader: Sandbox, pcap: bytes) -> None:
    """The bytes of a dump are the packet's, to the last one."""
    printed = tcpdump(reader, pcap, "-n", "-X")
    assert [bytes(one.dump) for one in printed.records] == [packet.ip for packet in WIRE]


def test_names_in_place_of_numbers(reader: Sandbox, pcap: bytes) -> None:
    """A packet whose service was printed by its name is known all the same."""
    printed = tcpdump(reader, pcap)
    assert "ntp" in printed.text
    assert printed.shows(WIRE[0])


def test_a_decoy_is_not_taken_for_its_like(reader: Sandbox, pcap: bytes) -> None:
    """Of what a filter leaves out nothing counts as printed."""
    printed = tcpdump(reader, pcap, "-n", "-X", "udp port 123")
    assert printed.missing(WIRE) == WIRE[2:]


def test_a_packet_printed_once_counts_once(reader: Sandbox, pcap: bytes) -> None:
    """Of two packets with the same bytes, one printed record accounts for one."""
    twin = Packet.parse(99, START, FRAMES[0][2], sent=True)
    text = tcpdump(reader, pcap, "-n", "-X", "ip and udp port 123").text
    assert Printed(text, [WIRE[0], twin]).missing([WIRE[0], twin]) == [twin]


@pytest.mark.parametrize("text", ["", "\n\n", "no packet", "0x0000:  4500", "1  ", "\x00\xff"])
def test_noise_is_no_packet(text: str) -> None:
    """What is not tcpdump's output has no records."""
    assert Printed(text, WIRE).records == []


def test_a_packet_may_be_older_than_the_one_before() -> None:
    """A negative time, of a packet that another processor stamped, is a time."""
    line = "   58  -00:00:00.000002073 IP 203.0.113.5.123 > 10.0.0.2.123: NTPv4, Server, length 48"
    (record,) = Printed(line, []).records
    assert (record.number, record.time_ns) == (58, -2073)


def test_arp_is_a_record_without_a_packet(reader: Sandbox, tmp_path: Path) -> None:
    """What is printed of ARP is a record, but of no IP packet."""
    frames = Frames([(START, True, bytes(Ether() / ARP(psrc="10.0.0.2", pdst="10.0.0.1")))], [])
    frames.save(tmp_path / "arp.pcap")
    done = reader.run(
        "tcpdump", "-n", "-r", "-", stdin=(tmp_path / "arp.pcap").read_bytes(), timeout=20
    )
    assert [one.packet for one in Printed(done.output, frames.packets).records] == [None]


LIVE = {
    "one interface": ("-i", "eth0", "-X"),
    "one interface, no dump": ("-i", "eth0"),
    "any": ("-i", "any", "-X"),
    "any, link header": ("-i", "any", "-XX"),
    "any, no dump": ("-i", "any"),
    "any, link header in words": ("-i", "any", "-e", "-ttttt", "--nano", "-#", "-X"),
    "any, cooked v1": ("-i", "any", "-y", "LINUX_SLL", "-XX"),
    "one interface, the kitchen sink": (
        "-i",
        "eth0",
        "-#",
        "-ttttt",
        "--nano",
        "-vvv",
        "-e",
        "-XX",
    ),
}


def test_live(world: World) -> None:
    """Captured live, on one interface or on any, each packet is printed once and known."""
    craft = Crafter(world)
    last = craft.ephemeral()
    with ExitStack() as stack:
        wire = stack.enter_context(Capture(world))
        running = {
            name: stack.enter_context(
                world.sandbox.start(
                    "tcpdump", "-n", "-l", "--immediate-mode", *options, "udp or tcp"
                )
            )
            for name, options in LIVE.items()
        }
        for process in running.values():
            assert process.expect("listening on", stream="stderr", within=15)
        for version in (4, 6):
            server = world.addresses("ro.pool.ntp.org", version)[0]
            site = world.addresses("ocw.cs.pub.ro", version)[0]
            one = datagram(craft.ephemeral(), 123)
            craft.send(craft.outgoing(one, craft.ntp_query(), version=version, to=server))
            page = segment(80, craft.ephemeral(), 1)
            craft.deliver(craft.incoming(page, b"HTTP/1.1 200 OK\r\n", version=version, of=site))
        craft.send(craft.outgoing(datagram(last, 9), craft.nonce(), to="8.8.8.8"))
        for process in running.values():
            assert process.expect(rf"\.{last} > ", within=15)
        sent = [p for p in wire.frames().packets if p.protocol == "udp" or p.payload]
        judged = [p for p in sent if p.dport == 123 or p.sport == 80]
        assert len(judged) == 4
        for name, process in running.items():
            printed = Printed(process.so_far().output, wire.frames().packets)
            assert not printed.missing(judged), name
            known = [one.packet.number for one in printed.records if one.packet]
            assert len(known) == len(set(known)), name
            dumped = [one for one in printed.records if one.packet in judged and one.dumped]
            link = "-XX" in LIVE[name]
            assert all(bool(one.offset) == link for one in dumped), name
