"""What tcpdump printed, record by record, and which packets on the wire the records are.

A packet is recognised by its bytes in the hex dump, and where there is none, by the addresses,
ports and length in its summary. Source: tcpdump(1) and its print.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.evidence.packet import Packet

HEAD = re.compile(
    r"^\s*(?:(?P<number>\d+)\s\s)?\s*"
    r"(?P<stamp>-?(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+|\d{6,}\.\d{6,9})?\s*"
    r"(?P<rest>\S.*)$"
)
LINK = r"(?:\S+\s+(?:In|Out|B|M|P)\s+)?(?:ifindex \d+ )?"
MAC = r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2} "
# Behind a time stamp a packet begins like this; without one more of it must be there, since
# scripts may print lines of their own.
STAMPED = re.compile(rf"{LINK}(?:IP6?\b|ARP\b|ethertype\b|{MAC})")
BARE = re.compile(rf"{LINK}(?:IP6? (?:\(|\S+ > )|ARP, |{MAC})")
HEX = re.compile(r"^\s*0x(?P<offset>[0-9a-f]{4,}):  (?P<dump>.*)$")
ENDS = re.compile(r"(?P<src>\S+) > (?P<dst>\S+?): ")
LENGTH = re.compile(r"\blength:? (\d+)")
DUMP_WIDTH = 39
# Where an IP header can stand: at once, behind Ethernet, Linux cooked v1 and v2, null.
OFFSETS = (0, 14, 16, 20, 4)
SHORTEST = 20


@dataclass
class Record:
    """One packet as printed: summary lines and, perhaps, number, time, hex and ASCII."""

    lines: list[str]
    number: int | None = None
    stamp: str = ""
    dump: bytearray = field(default_factory=bytearray)
    ascii: str = ""
    dumped: bool = False
    packet: Packet | None = None
    offset: int | None = None

    @property
    def summary(self) -> str:
        """The text before the dump, in one line."""
        return " ".join(line.strip() for line in self.lines)

    @property
    def time_ns(self) -> int | None:
        """The time stamp as nanoseconds of the day, the epoch or since something; None if none."""
        clock = self.stamp.rpartition(" ")[2].removeprefix("-")
        whole, dot, fraction = clock.partition(".")
        if not dot:
            return None
        seconds = 0
        for part in whole.split(":"):
            seconds = seconds * 60 + int(part)
        time_ns = seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])
        # Stamps are taken on several processors: a packet may be older than the one before it.
        return -time_ns if self.stamp.startswith("-") else time_ns

    @property
    def length(self) -> int | None:
        """The last `length N` of the summary."""
        found = LENGTH.findall(self.summary)
        return int(found[-1]) if found else None


class Printed:
    """All that a command printed, matched with what was on the wire."""

    def __init__(self, text: str, wire: Sequence[Packet]) -> None:
        self.text = text
        self.records = list(_parse(text))
        _match(self.records, wire)

    @cached_property
    def _shown(self) -> set[int]:
        return {record.packet.number for record in self.records if record.packet}

    def shows(self, packet: Packet) -> bool:
        """Whether the packet was printed."""
        return packet.number in self._shown

    def missing(self, packets: Iterable[Packet]) -> list[Packet]:
        """Those of `packets` that were not printed."""
        return [packet for packet in packets if not self.shows(packet)]


def _parse(text: str) -> Iterable[Record]:
    record: Record | None = None
    for line in text.splitlines():
        if dump := HEX.match(line):
            if record is not None:
                _add_dump(record, dump["dump"])
            continue
        head = HEAD.match(line)
        if head and (STAMPED if head["stamp"] else BARE).match(head["rest"]):
            if record is not None:
                yield record
            number = int(head["number"]) if head["number"] else None
            record = Record([head["rest"]], number, head["stamp"] or "")
        elif record is not None:
            record.lines.append(line)
    if record is not None:
        yield record


def _add_dump(record: Record, dump: str) -> None:
    record.dumped = True
    digits = re.sub(r"[^0-9a-f]", "", dump[:DUMP_WIDTH])
    record.dump += bytes.fromhex(digits[: len(digits) // 2 * 2])
    record.ascii += dump[DUMP_WIDTH + 2 :]


def _match(records: Sequence[Record], wire: Sequence[Packet]) -> None:
    """Give each record its packet: the first that nothing was matched with yet."""
    free = [packet for packet in wire if packet.version]
    for record in records:
        found = _by_bytes(record, free) if len(record.dump) >= SHORTEST else None
        if found is None and len(record.dump) < SHORTEST:
            found = _by_summary(record, free)
        if found is not None:
            record.packet = found
            free.remove(found)


def _by_bytes(record: Record, free: Sequence[Packet]) -> Packet | None:
    for offset in OFFSETS:
        seen = bytes(record.dump[offset:])
        if len(seen) < SHORTEST:
            break
        for packet in free:
            if packet.ip.startswith(seen) or seen.startswith(packet.ip):
                record.offset = offset
                return packet
    return None


def _by_summary(record: Record, free: Sequence[Packet]) -> Packet | None:
    ends = ENDS.search(record.summary)
    if ends is None:
        return None
    for exact in (True, False):
        for packet in free:
            if (
                _end_is(ends["src"], packet.src, packet.sport, exact=exact)
                and _end_is(ends["dst"], packet.dst, packet.dport, exact=exact)
                # what is printed of a first fragment is the whole datagram's length
                and (packet.fragment or record.length in (None, len(packet.payload)))
            ):
                return packet
    return None


def _end_is(text: str, address: str, port: int, *, exact: bool) -> bool:
    """Whether `text` is the end of a conversation; not `exact`: names may stand in for numbers."""
    if exact:
        return text == (f"{address}.{port}" if port else address)
    host, _, service = text.rpartition(".")
    if service.isdigit():
        return int(service) == port
    return bool(host) and port < 1024
