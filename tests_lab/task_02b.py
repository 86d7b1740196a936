"""02b: answers.yaml says what traceroute and nmap send; checked against captures of both."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from grader import answers
from grader.check import check
from grader.document import Strict
from grader.errors import CheckFailed, GraderError
from grader.facts import Text, answered, must_be_number, numbers
from tests_lab.vocabulary import ARRIVALS, ORDERS, PROTOCOLS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.evidence import Capture, Packet
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

SECTION = "02b"
TARGET = "8.8.8.8"
# As the lab's page has them; -F scans fewer ports, and traces the same way.
TRACEROUTE = ("traceroute", TARGET)
NMAP = ("nmap", "-sn", "-Pn", "-tr", TARGET)
NMAP_SCAN = ("nmap", "-F", "-Pn", "-tr", TARGET)
# Both tools give up at this TTL (man 8 traceroute: -m; nmap's traceroute.cc: MAX_TTL). All other
# packets that they send, to name servers or to scan, leave with more.
MOST_HOPS = 30
WITHIN = 60
UNREACHABLE, ECHO = 3, 8
PORT = 3
SYN = "S"
MAN_TRACEROUTE = "man 8 traceroute: LIST OF AVAILABLE METHODS"
MAN_NMAP = "man nmap: --traceroute"
LATER = {"then", "afterwards", "after", "later", "finally", "followed"}


class Answers(Strict):
    """The section's keys; what is not there is not answered."""

    traceroute_protocol: Text = ""
    traceroute_first_port: Text = ""
    traceroute_port_step: Text = ""
    traceroute_probes_per_hop: Text = ""
    traceroute_arrival: Text = ""
    nmap_protocol: Text = ""
    nmap_first_ttl: Text = ""
    nmap_ttl_order: Text = ""
    nmap_protocol_after_scan: Text = ""
    nmap_port_after_scan: Text = ""


@dataclass(frozen=True)
class Trace:
    """What passed while a tool traced the route."""

    command: str
    packets: Sequence[Packet]

    @property
    def probes(self) -> list[Packet]:
        """The probes: packets to the target with a TTL that may be too small for it."""
        sent = [p for p in self.packets if p.sent and p.dst == TARGET and 0 < p.ttl <= MOST_HOPS]
        if not sent:
            raise GraderError(f"{self.command} sent no probes", remedy="grade again")
        return sent

    @property
    def first(self) -> Packet:
        """The first probe."""
        return self.probes[0]

    @property
    def arrival(self) -> Packet:
        """The first answer of the target to a probe."""
        number = self.first.number
        came = [p for p in self.packets if not p.sent and p.src == TARGET and p.number > number]
        found = next((p for p in came if p.protocol != "udp"), None)
        if found is None:
            raise GraderError(f"{self.command} did not reach {TARGET}", remedy="grade again")
        return found

    def tells(self, packet: Packet, what: str = "") -> str:
        """A packet in a message."""
        ttl = f" with TTL {packet.ttl}" if packet.sent else ""
        return f"`{self.command}`: packet {packet.number}, {packet}{ttl}{what}. See wire.pcap"


@dataclass(frozen=True)
class Traces:
    """The page's three commands."""

    traceroute: Trace
    nmap: Trace
    scan: Trace


def trace(world: World, wire: Capture, *command: str) -> Trace:
    """Run one of the tools as root of the student's host."""
    line = " ".join(command)
    world.commands.append(f"{world.student.name}# {line}")
    before = len(wire.frames())
    done = world.student.run(*command, timeout=WITHIN)
    if done.exit != 0:
        raise GraderError(f"{line} {done.outcome}: {done.complaints.strip()[-300:]}")
    return Trace(line, wire.frames().packets[before:])


@pytest.fixture(scope="module")
def given(deliverable: Deliverable) -> Answers:
    """The section, as it was handed in."""
    return answers.read(deliverable, SECTION, Answers)


@pytest.fixture(scope="module")
def seen(world: World, wire: Capture, task: TaskRun) -> Traces:
    """All three commands in this run's world, captured."""
    made = [trace(world, wire, *command) for command in (TRACEROUTE, NMAP, NMAP_SCAN)]
    task.keep("packets.txt", lambda path: path.write_text(listing(made), encoding="utf-8"))
    return Traces(*made)


def listing(traces: Sequence[Trace]) -> str:
    """The probes of each command, for people without wireshark."""
    lines = []
    for one in traces:
        lines += [f"$ {one.command}", *(f"{p.number:5} TTL {p.ttl:3} {p}" for p in one.probes)]
    return "\n".join([*lines, ""])


def protocol_of(packet: Packet) -> str:
    """A probe's protocol, by the name that answers have."""
    if packet.protocol == "icmp" and packet.payload[:1] != bytes([ECHO]):
        raise GraderError(f"an ICMP probe of type {packet.payload[:1].hex()} is not known here")
    return packet.protocol.upper()


@check("02b.reads")
def reads(given: Answers, deliverable: Deliverable) -> str | None:
    """answers.yaml has a section 02b that can be read."""
    if not any(answered(getattr(given, key)) for key in Answers.model_fields):
        raise CheckFailed(
            f"none of the questions in section {SECTION} is answered",
            hint=f"its keys are {', '.join(Answers.model_fields)}",
        )
    return "; ".join(deliverable.notes) or None


@check("02b.traceroute_protocol", needs="02b.reads")
def traceroute_protocol(given: Answers, seen: Traces) -> None:
    """What traceroute sends by default."""
    first = seen.traceroute.first
    PROTOCOLS.must_be(
        "traceroute_protocol", given.traceroute_protocol, {protocol_of(first)},
        seen=seen.traceroute.tells(first), hint=MAN_TRACEROUTE,
    )  # fmt: skip


@check("02b.traceroute_first_port", needs="02b.reads")
def traceroute_first_port(given: Answers, seen: Traces) -> None:
    """The port that its first probe goes to."""
    first = seen.traceroute.first
    must_be_number(
        "traceroute_first_port", given.traceroute_first_port, {first.dport},
        seen=seen.traceroute.tells(first), hint=MAN_TRACEROUTE,
    )  # fmt: skip


@check("02b.traceroute_port_step", needs="02b.reads")
def traceroute_port_step(given: Answers, seen: Traces) -> None:
    """By how much that port grows from one probe to the next."""
    first, second = seen.traceroute.probes[:2]
    must_be_number(
        "traceroute_port_step", given.traceroute_port_step, {second.dport - first.dport},
        seen=seen.traceroute.tells(first, f", then {second}"), hint=MAN_TRACEROUTE,
    )  # fmt: skip


@check("02b.traceroute_probes_per_hop", needs="02b.reads")
def traceroute_probes_per_hop(given: Answers, seen: Traces) -> None:
    """How many probes it sends with each TTL."""
    first = seen.traceroute.first
    same = sum(probe.ttl == first.ttl for probe in seen.traceroute.probes)
    must_be_number(
        "traceroute_probes_per_hop", given.traceroute_probes_per_hop, {same},
        seen=seen.traceroute.tells(first, f", is one of {same} with that TTL"),
        hint="man 8 traceroute: -q",
    )  # fmt: skip


@check("02b.traceroute_arrival", needs="02b.reads")
def traceroute_arrival(given: Answers, seen: Traces) -> None:
    """The message by which the target itself answers traceroute's probes."""
    came = seen.traceroute.arrival
    if came.protocol != "icmp" or came.payload[:2] != bytes([UNREACHABLE, PORT]):
        raise GraderError(f"{came} is no ICMP port unreachable", remedy="grade again")
    ARRIVALS.must_be(
        "traceroute_arrival", given.traceroute_arrival, {"destination port unreachable"},
        seen=seen.traceroute.tells(came, f", has type {UNREACHABLE} and code {PORT}"),
        hint="RFC 792: the types and codes of ICMP",
    )  # fmt: skip


@check("02b.nmap_protocol", needs="02b.reads")
def nmap_protocol(given: Answers, seen: Traces) -> None:
    """What nmap sends to trace a route without a port scan."""
    first = seen.nmap.first
    PROTOCOLS.must_be(
        "nmap_protocol", given.nmap_protocol, {protocol_of(first)},
        seen=seen.nmap.tells(first), hint=MAN_NMAP,
    )  # fmt: skip


@check("02b.nmap_first_ttl", needs="02b.reads")
def nmap_first_ttl(given: Answers, seen: Traces) -> None:
    """The TTL of nmap's first probe."""
    first = seen.nmap.first
    must_be_number(
        "nmap_first_ttl", given.nmap_first_ttl, {first.ttl},
        seen=seen.nmap.tells(first), hint=MAN_NMAP,
    )  # fmt: skip


@check("02b.nmap_ttl_order", needs="02b.reads")
def nmap_ttl_order(given: Answers, seen: Traces) -> None:
    """Whether nmap's TTL then goes up or down."""
    first, second = seen.nmap.probes[:2]
    right = "down" if second.ttl < first.ttl else "up"
    ORDERS.must_be(
        "nmap_ttl_order", order_in(given.nmap_ttl_order), {right},
        seen=seen.nmap.tells(first, f", then TTL {second.ttl}"), hint=MAN_NMAP,
    )  # fmt: skip


def order_in(text: str) -> str:
    """The first order that an answer gives: `10, 9, …, 1` is down, and so is `down, then up`."""
    names, ttls = ORDERS.named(text), numbers(text)
    if not names and len(ttls) > 1:
        falls = all(one > other for one, other in pairwise(ttls))
        rises = all(one < other for one, other in pairwise(ttls))
        return "down" if falls else "up" if rises else text
    words = set(text.casefold().replace(",", " ").replace(";", " ").split())
    return names[0] if len(names) > 1 and words & LATER else text


@check("02b.nmap_protocol_after_scan", needs="02b.reads")
def nmap_protocol_after_scan(given: Answers, seen: Traces) -> None:
    """What nmap sends to trace a route after its default port scan."""
    first = seen.scan.first
    PROTOCOLS.must_be(
        "nmap_protocol_after_scan", given.nmap_protocol_after_scan, {protocol_of(first)},
        seen=seen.scan.tells(first), hint=MAN_NMAP,
    )  # fmt: skip


@check("02b.nmap_port_after_scan", needs="02b.reads")
def nmap_port_after_scan(given: Answers, seen: Traces) -> None:
    """Where the port that those probes go to comes from."""
    first = seen.scan.first
    before = [p for p in seen.scan.packets if p.number < first.number and not p.sent]
    answer = next((p for p in before if p.src == TARGET and p.sport == first.dport), None)
    ports = {probe.dport for probe in seen.scan.probes}
    if answer is None or len(ports) != 1:
        raise GraderError(f"{seen.scan.command} traced to ports {ports}, none of its scan")
    SOURCES.must_be(
        "nmap_port_after_scan", given.nmap_port_after_scan, {"the scan"},
        seen=seen.scan.tells(first, f", after its answer to the scan, packet {answer.number}"),
        hint=MAN_NMAP,
    )  # fmt: skip
