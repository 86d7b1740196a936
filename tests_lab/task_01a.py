"""01a: tcpdump.sh prints outgoing NTP queries and incoming HTTP(S) responses, well formatted."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.deadline import TimedOut, wait_until
from grader.errors import CheckFailed, Overrun
from grader.evidence import Capture, Packet, Printed, Record
from grader.machine.process import Completed
from grader.script import said
from grader.traffic import clients
from grader.traffic.crafted import Crafter, datagram, segment, syn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.machine.process import Process
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

HTTP, HTTPS, NTP = 80, 443, 123
# Of how many tolerances the first packet may be stamped late, and which part of all by one.
FIRST_LATE, MOST_LATE = 10, 0.1
PAGE = "man 1 tcpdump; man 7 pcap-filter"
FILTERS = (
    "man 7 pcap-filter: inbound, outbound; `and` and `or` have the same precedence, so mind the "
    "parentheses; man 1 tcpdump: -Q is of the whole capture"
)


@dataclass(frozen=True)
class Session:
    """The command from start to Ctrl-C: what it printed, what passed, from when on it counts."""

    done: Completed
    printed: Printed
    wire: Sequence[Packet]
    judged_from: int
    ended_early: bool
    late: bool
    killed: bool

    def packets(self, wanted: Callable[[Packet], bool]) -> list[Packet]:
        """The judged packets on the wire that are `wanted`."""
        return [p for p in self.wire if p.number > self.judged_from and wanted(p)]


def is_query(packet: Packet) -> bool:
    """An outgoing NTP query."""
    return packet.sent and packet.protocol == "udp" and packet.dport == NTP


def is_response(packet: Packet, *ports: int) -> bool:
    """An incoming segment of a web server."""
    return not packet.sent and packet.protocol == "tcp" and packet.sport in (ports or (HTTP, HTTPS))


def is_own_server(packet: Packet) -> bool:
    """What only a host that serves NTP or HTTP itself would see: worth a hint, no points."""
    query = not packet.sent and packet.protocol == "udp" and packet.dport == NTP
    return query or (packet.sent and packet.protocol == "tcp" and packet.sport in (HTTP, HTTPS))


@pytest.fixture(scope="module")
def session(task: TaskRun, world: World, wire: Capture) -> Session:
    """Run the command on a terminal, send traffic past it, end it with Ctrl-C."""
    limits = task.task.parameters
    world.commands.append("student# IFACE=eth0 bash tcpdump.sh   # with a terminal, then Ctrl-C")
    with world.sandbox.start("bash", "tcpdump.sh", env={"IFACE": "eth0"}, terminal=True) as process:
        task.keep("stdout.txt", lambda path: path.write_bytes(process_output(done)[0]))
        task.keep("stderr.txt", lambda path: path.write_bytes(process_output(done)[1]))
        done = process.so_far()
        try:
            wait_until(
                lambda: captures(world, process),
                within=limits["ready_within_s"],
                what="no capture has begun on the student's host",
                ended=lambda: "the command has ended" if has_ended(process) else None,
            )
        except TimedOut as error:
            done = process.so_far()
            raise never_captured(done, error) from None
        clients.together(world, clients.ntp_query(4), clients.web_request(clients.SITES[0], 4))
        # Not a wait for an event: libpcap filters its first ring block in user space.
        time.sleep(limits["settle_s"])
        judged_from = len(wire.frames())
        send_traffic(world)
        time.sleep(limits["settle_s"])
        early = has_ended(process) and not world.sandbox.captures()
        process.interrupt()
        done = process.wait(limits["ends_within_s"])
        late = done.exit is None and not done.flooded
        if late:
            world.sandbox.terminate()
            done = process.wait(1.0)
        killed = late and done.exit is None
        packets = wire.frames().packets
        printed = Printed(done.output, packets)
        return Session(done, printed, packets, judged_from, early, late, killed)


def process_output(done: Completed) -> tuple[bytes, bytes]:
    """Both streams, as evidence."""
    return done.stdout, done.stderr


def captures(world: World, process: Process) -> bool:
    """Whether something captures on the student's host, by its sockets or by its own word."""
    return world.sandbox.captures() or b"listening on" in process.so_far().stderr


def has_ended(process: Process) -> bool:
    """Whether the script itself is over."""
    now = process.so_far()
    return now.exit is not None or bool(now.error)


def never_captured(done: Completed, error: TimedOut) -> CheckFailed:
    """Why there is nothing to judge."""
    words = said(done)
    if done.exit is None:
        return Overrun(error.what, hint=words or "start tcpdump at once")
    if done.exit == 0:
        words = (
            "tcpdump captures until Ctrl-C, in the foreground; with -d, -D, -h or --version it "
            f"only prints something and ends. Printed was: {words or 'nothing'}"
        )
    return CheckFailed(
        f"the command {done.outcome} before it captured anything", hint=words or PAGE
    )


def send_traffic(world: World) -> None:
    """Send what is to be printed, and around it what is not."""
    decoys_out, decoys_in = crafted_decoys(world)
    craft = Crafter(world)
    craft.send(decoys_out)
    clients.together(
        world,
        *(clients.ntp_query(version) for version in (4, 6)),
        *(
            clients.web_request(f"{scheme}://{site}/", version)
            for scheme, site in zip(("http", "https"), clients.SITES, strict=True)
            for version in (4, 6)
        ),
        clients.web_request(f"http://{clients.SITES[0]}:8080/", 4),
        ("dig", "+short", "fep.grid.pub.ro", "@8.8.8.8"),
    )
    craft.deliver(decoys_in)
    craft.send(crafted_queries(world))
    craft.deliver(crafted_ends(world))
    serve_nothing(world)


def serve_nothing(world: World) -> None:
    """Send what only a host that is a server itself would see (is_own_server)."""
    craft = Crafter(world)
    other = world.addresses(clients.SITES[0], 4)[0]
    craft.deliver(craft.incoming(datagram(craft.ephemeral(), NTP), craft.ntp_query(), of=other))
    reply = segment(HTTP, craft.ephemeral(), world.rng.getrandbits(31))
    craft.send(craft.outgoing(reply, b"HTTP/1.1 200 OK\r\n" + craft.nonce(), to=other))


def crafted_queries(world: World) -> list[bytes]:
    """NTP queries from port 123 and from random ports, to any server, over IPv4 and IPv6."""
    craft = Crafter(world)
    frames = []
    for version in (4, 6):
        server = world.addresses(clients.NTP_POOL, version)[-1]
        for sport in (NTP, craft.ephemeral(), craft.ephemeral()):
            for to in (server, nameless(world, version)):
                header = datagram(sport, NTP)
                frames += craft.outgoing(header, craft.ntp_query(), version=version, to=to)
    return frames


def nameless(world: World, version: int) -> str:
    """An address that no name of the world has (RFC 5737, RFC 3849)."""
    prefix = {4: "192.0.2.", 6: "2001:db8::"}[version]
    return f"{prefix}{world.rng.randint(1, 99)}"


def crafted_ends(world: World) -> list[bytes]:
    """The last segments of responses, which are short: of chunks (RFC 9112, 7.1), and of TLS.

    They are of sites with a name and without.
    """
    craft = Crafter(world)
    frames = []
    for version in (4, 6):
        web = world.addresses(clients.SITES[0], version)[0]
        for port, payload in ((HTTP, b"0\r\n\r\n"), (HTTPS, craft.nonce(31))):
            for of in (web, nameless(world, version)):
                one = segment(port, craft.ephemeral(), world.rng.getrandbits(31))
                frames += craft.incoming(one, payload, version=version, of=of)
    return frames


def crafted_decoys(world: World) -> tuple[list[bytes], list[bytes]]:
    """Outgoing and incoming packets that are nearly right."""
    craft = Crafter(world)
    out, back = [], []
    for version in (4, 6):
        web = world.addresses(clients.SITES[0], version)[0]
        time_server = world.addresses(clients.NTP_POOL, version)[0]
        port, nonce = craft.ephemeral, craft.nonce
        for wrong in (NTP + 1, 1000 + NTP, 53, HTTP, HTTPS):
            header = datagram(port(), wrong)
            out += craft.outgoing(header, craft.ntp_query(), version=version, to=time_server)
        out += craft.outgoing(
            syn(port(), NTP, world.rng.getrandbits(31)), b"", version=version, to=time_server
        )
        for source in (HTTP, HTTPS, 1000 + NTP):
            back += craft.incoming(datagram(source, port()), nonce(64), version=version, of=web)
        for source in (HTTP + 1, HTTPS + 1, 200, 8000):
            one = segment(source, port(), world.rng.getrandbits(31))
            back += craft.incoming(one, b"HTTP/1.1 200 OK\r\n" + nonce(), version=version, of=web)
    # A later fragment has 123 where a first one has its destination port.
    size, udp_header = 160, 8
    payload = craft.nonce(size - udp_header) + b"\0\0\0" + bytes([NTP]) + craft.nonce(60)
    server = world.addresses(clients.NTP_POOL, 4)[0]
    out += craft.fragmented(payload, size, dport=1000 + NTP, to=server)
    return out, back


@check("01a.runs")
def runs(session: Session, deliverable: Deliverable) -> str | None:
    """The command captures, prints packets, and ends on Ctrl-C."""
    if session.killed:
        raise Overrun(
            "the command was still running 5 s after Ctrl-C, and after SIGTERM too",
            hint="let tcpdump run in the foreground, where Ctrl-C reaches it",
        )
    if session.done.flooded:
        raise CheckFailed(f"the command {session.done.outcome}", hint="print packets only")
    if session.ended_early:
        # A filter may be refused after its socket was opened, which is what is waited for.
        words = said(session.done) if session.done.exit else ""
        raise CheckFailed(
            f"the command {session.done.outcome} before Ctrl-C, while packets were still to come",
            hint="capture until Ctrl-C: without -c, and without a timeout of a few seconds"
            + f". It said: {words}" * bool(words),
        )
    if not any(record.packet for record in session.printed.records):
        complaints = session.done.complaints.strip()[-400:]
        raise CheckFailed(
            "no packet that was on the wire was printed, though "
            f"{len(session.packets(is_query))} NTP queries and "
            f"{len(session.packets(is_response))} segments of HTTP(S) responses passed eth0",
            hint="listen on $IFACE; without -w, which writes packets to a file, tcpdump prints them"
            + f". It said: {complaints}" * bool(complaints),
        )
    late = ["the command did not end on Ctrl-C, and got SIGTERM 5 s later"] if session.late else []
    return "; ".join([*deliverable.notes, *late]) or None


def must_show(session: Session, packets: list[Packet], what: str, because: str) -> None:
    """Every one of `packets` was printed."""
    missing = session.printed.missing(packets)
    if missing:
        first = missing[0]
        mirrored = session.packets(lambda p: is_mirrored(p, first))
        shown = len(mirrored) - len(session.printed.missing(mirrored))
        near = f"; {shown} packets the other way round were printed instead" if shown else ""
        if len(missing) < len(packets):
            kept = next(one for one in packets if one not in missing)
            near = f"; packet {kept.number} ({kept}) is one of those that were"
        raise CheckFailed(
            f"{len(missing)} of {len(packets)} {what} were not printed, the first of them "
            f"packet {first.number} ({first}); {because}{near}. See wire.pcap",
            hint=FILTERS,
        )


def is_mirrored(packet: Packet, other: Packet) -> bool:
    """Whether a packet goes the other way between the same services."""
    service = min(other.sport, other.dport)
    return (
        packet.protocol == other.protocol
        and packet.sent != other.sent
        and not is_own_server(packet)
        and service in (packet.sport, packet.dport)
    )


@check("01a.ntp_queries", needs="01a.runs")
def ntp_queries(session: Session) -> None:
    """Every outgoing NTP query is printed."""
    sent = session.packets(lambda p: is_query(p) and p.version == 4)
    must_show(session, sent, "outgoing NTP queries", "queries go from any port to UDP port 123")


def full_segments(session: Session, version: int, port: int) -> list[Packet]:
    """The segments with payload that came from `port`."""
    return session.packets(
        lambda p: is_response(p, port) and p.version == version and bool(p.payload)
    )


def incoming_from(port: int) -> str:
    """What a response is, in a message."""
    return f"a response is every incoming segment with payload from TCP port {port}"


@check("01a.http_responses", needs="01a.runs")
def http_responses(session: Session) -> None:
    """Every segment of an incoming HTTP response is printed."""
    came = full_segments(session, 4, HTTP)
    must_show(session, came, "segments of HTTP responses", incoming_from(HTTP))


@check("01a.https_responses", needs="01a.runs")
def https_responses(session: Session) -> None:
    """Every segment of an incoming HTTPS response is printed."""
    came = full_segments(session, 4, HTTPS)
    must_show(session, came, "segments of HTTPS responses", incoming_from(HTTPS))


@check("01a.ipv6", needs="01a.runs")
def ipv6(session: Session) -> None:
    """What is printed of IPv4 is printed of IPv6 too."""
    kinds: dict[str, Callable[[int], list[Packet]]] = {
        "outgoing NTP queries": lambda v: session.packets(lambda p: is_query(p) and p.version == v),
        "segments of HTTP responses": lambda v: full_segments(session, v, HTTP),
        "segments of HTTPS responses": lambda v: full_segments(session, v, HTTPS),
    }
    ipv4_only = "the filter must not ask for IPv4 only, as `ip` and `udp[…]` do"
    some = "some over IPv6 were; a pipe may keep output back (-l)"
    shown = 0
    for what, of_version in kinds.items():
        if not session.printed.missing(of_version(4)):
            wanted = of_version(6)
            none = len(session.printed.missing(wanted)) == len(wanted)
            must_show(session, wanted, f"{what} over IPv6", ipv4_only if none else some)
            shown += 1
    if not shown:
        raise CheckFailed("no kind of packet was printed completely even over IPv4", hint=PAGE)


@check("01a.decoys", needs="01a.runs")
def decoys(session: Session) -> str | None:
    """Nothing else is printed."""
    wrong = [
        record.packet
        for record in session.printed.records
        if record.packet is not None
        and not is_query(record.packet)
        and not is_response(record.packet)
        and not is_own_server(record.packet)
    ]
    if wrong:
        raise CheckFailed(
            f"packets printed that are neither outgoing NTP queries nor incoming HTTP(S) "
            f"responses: {len(wrong)}, the first of them packet {wrong[0].number} ({wrong[0]}, "
            f"{'outgoing' if wrong[0].sent else 'incoming'}). See wire.pcap",
            hint="an NTP query is UDP to port 123; a response is TCP from port 80 or 443; only "
            "the first fragment of a packet has ports",
        )
    # The reply to a query from port 123 has that port on both ends: no sign of a server here.
    shown = [r.packet for r in session.printed.records if r.packet and is_own_server(r.packet)]
    own = [packet for packet in shown if packet.sent or packet.sport != NTP]
    if not own:
        return None
    return (
        "no points lost, but the filter does not look at directions: on a host that is a server "
        f"itself it shows more, here {own[0]} ({'outgoing' if own[0].sent else 'incoming'})"
    )


@check("01a.numbered", needs="01a.runs")
def numbered(session: Session) -> None:
    """Each packet has its number."""
    found = [record.number for record in session.printed.records]
    if found != list(range(1, len(found) + 1)):
        bare = next(i for i, number in enumerate(found) if number != i + 1)
        raise CheckFailed(
            f"expected packet number {bare + 1} before packet {bare + 1}, found "
            f"{found[bare] if found[bare] is not None else 'none'}: "
            f"{session.printed.records[bare].summary[:80]}",
            hint="man 1 tcpdump: -# or --number",
        )


@check("01a.nanoseconds", needs="01a.runs")
def nanoseconds(session: Session, task: TaskRun) -> None:
    """Each packet has the nanoseconds since the first one."""
    hint = "man 1 tcpdump: -ttttt and --nano (--time-stamp-precision=nano)"
    timed = [record for record in session.printed.records if record.packet is not None]
    if not timed:
        raise CheckFailed("no printed packet is one that was on the wire", hint=hint)
    for record in session.printed.records:
        if len(record.stamp.rpartition(".")[2]) != 9:
            raise CheckFailed(
                f"expected nine digits behind the seconds, found {record.stamp or 'no time'!r} "
                f"before {record.summary[:60]}",
                hint=hint,
            )
    if session.printed.records[0].time_ns != 0:
        raise CheckFailed(
            f"expected 00:00:00.000000000 for the first packet, found "
            f"{session.printed.records[0].stamp}: time is to count from the first packet",
            hint=hint,
        )
    tolerance = task.task.parameters["clock_tolerance_ms"] * 1_000_000
    first = timed[0]
    shifts = [(shift_ns(record, first), record) for record in timed]
    # Processors stamp on their own, and one that waits stamps late: also the first packet.
    middle = statistics.median(shift for shift, _ in shifts)
    far = [(shift, one) for shift, one in shifts if abs(shift - middle) > tolerance]
    if abs(middle) > FIRST_LATE * tolerance:
        far = shifts[1:]
    if len(far) > len(shifts) * MOST_LATE:
        shift, record = max(far, key=lambda one: abs(one[0]))
        shown = (record.time_ns or 0) - (first.time_ns or 0)
        raise CheckFailed(
            f"packet {record.packet and record.packet.number} ({record.packet}) came "
            f"{(shown - shift) / 1e9:.6f} s after the first one printed; its time says "
            f"{shown / 1e9:.6f} s: time is to count from the first packet",
            hint=hint,
        )


def shift_ns(record: Record, first: Record) -> int:
    """By how much a printed time differs from that of the wire, both since the first packet."""
    if record.packet is None or first.packet is None:
        return 0
    expected = record.packet.time_ns - first.packet.time_ns
    return (record.time_ns or 0) - (first.time_ns or 0) - expected


@check("01a.hex_ascii", needs="01a.runs")
def hex_ascii(session: Session) -> None:
    """Each packet is shown in hex and ASCII, without its link header."""
    hint = "man 1 tcpdump: -X, neither -XX (link header) nor -x (no ASCII) nor -A (no hex)"
    for record in session.printed.records:
        if not record.dumped:
            raise CheckFailed(f"no hex dump behind: {record.summary[:80]}", hint=hint)
        if record.offset:
            raise CheckFailed(
                f"expected the dump to begin with the IP header, found {record.offset} bytes of "
                f"link header before it, behind: {record.summary[:60]}",
                hint=hint,
            )
        shown = len(record.dump)
        if record.packet and shown < len(record.packet.ip):
            raise CheckFailed(
                f"the dump has {shown} of the packet's {len(record.packet.ip)} bytes, behind: "
                f"{record.summary[:60]}",
                hint="-s cuts packets off; a pipe that is cut off needs -l",
            )
        expected = "".join(chr(b) if 32 < b < 127 else "." for b in record.dump)
        if record.ascii.replace(" ", ".") != expected.replace(" ", "."):
            raise CheckFailed(
                f"no ASCII beside the hex dump, behind: {record.summary[:60]}", hint=hint
            )


@check("01a.no_names", needs="01a.runs")
def no_names(session: Session) -> None:
    """Hosts and ports are numbers, not names."""
    for record in session.printed.records:
        packet = record.packet
        if packet is None:
            continue
        src, dst = (
            f"{address}.{port}" if port else address
            for address, port in ((packet.src, packet.sport), (packet.dst, packet.dport))
        )
        ends = f"{src} > {dst}"
        if ends not in record.summary:
            raise CheckFailed(
                f"expected {ends!r} for packet {packet.number}, found: {record.summary[:100]}",
                hint="man 1 tcpdump: -n",
            )
