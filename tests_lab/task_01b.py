"""01b: iptables_log.sh logs root's TCP packets from ephemeral ports, and lets everything pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed
from grader.evidence import (
    Capture,
    KernelLog,
    KernelRecord,
    LoggedPacket,
    Packet,
    Rule,
    Ruleset,
    read_rules,
)
from grader.script import must_have_ended, said
from grader.traffic import clients
from grader.traffic.sockets import Flow, Talk

if TYPE_CHECKING:
    from fixtures.script import RunScript
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

ROOT, STUDENT, ROOTS_GROUP, STUDENTS_GROUP = (0, 0), (1000, 1000), (1000, 0), (0, 1000)
# A request in pieces, each a packet of its own.
REQUEST = (
    "HEAD / HTTP/1.1\r\n",
    "Host: ocw.cs.pub.ro\r\n",
    f"X-Padding: {'=' * 1000}\r\n",
    "\r\n",
)
# The header of a question for the root's name servers (RFC 1035, 4.1.1).
DNS_QUESTION = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"
# Nothing listens there: ports below 1024, and above.
# Debian's adduser gives daemons 100-999, people 1000-59999.
SYSTEM_USERS, OTHER_USERS = (100, 1000), (1001, 60_000)
CABLE = "10.99.0.2"
CLOSED, CLOSED_HIGH = (9, 19), (33_434, 33_435)
SETTLE_ATTEMPTS = 50
STOPS = ("DROP", "REJECT")
ENDS = ("ACCEPT", *STOPS)
PAGE = "man 8 iptables-extensions: LOG, owner, multiport, tcp"


@dataclass(frozen=True)
class Observed:
    """What some sockets sent, and how many of their packets LOG rules counted, in OUTPUT or not.

    `lines` are those of the kernel log about them, if it was read.
    """

    what: str
    sent: int
    logged: int
    anywhere: int
    outcomes: Sequence[str]
    rules: Mapping[Rule, int]
    lines: Sequence[KernelRecord] = ()

    @property
    def answered(self) -> bool:
        """Whether every socket that waited for an answer got one."""
        return all(outcome in {"answered", "sent"} for outcome in self.outcomes)


@dataclass(frozen=True)
class Bench:
    """The student's host with the script's rules in place, and tools to try them."""

    world: World
    wire: Capture
    done: Completed
    rules: Ruleset
    ports: tuple[int, int]

    def fresh_ports(self, count: int, rng: Random) -> list[int]:
        """Different random ports that are ephemeral by every usual range."""
        return rng.sample(range(self.ports[0] + 1, self.ports[1]), count)

    def observe(
        self,
        what: str,
        flows: Sequence[Flow],
        user: tuple[int, int] = ROOT,
        log: KernelLog | None = None,
    ) -> Observed:
        """Open the sockets as `user` and count what leaves and what is logged."""
        sports = {flow.sport for flow in flows}
        first = len(self.wire.frames())

        def mine(packet: Packet) -> bool:
            return packet.sent and packet.sport in sports and packet.number > first

        before = read_rules(self.world.student)
        records = len(log.records()) if log else 0
        with Talk(self.world, flows, user) as talk:
            # A late acknowledgement may pass between two looks: look until nothing has passed.
            # What a rule refuses is sent again, too, and never passes: only rules and log know.
            looked: object = None
            for _ in range(SETTLE_ATTEMPTS):
                seen = len(self.wire.frames())
                after = read_rules(self.world.student)
                lines = log.records()[records:] if log else []
                lines = [one for one in lines if concerns(one.packet, sports)]
                frames = self.wire.frames()
                counted = {
                    rule: n for rule, n in (after - before).items() if rule.target == "LOG" and n
                }
                agree = log is None or by_prefix(counted) == prefixes(lines)
                if len(frames) == seen and (agree or looked == (counted, lines)):
                    break
                looked = counted, lines
            sent = sum(mine(packet) for packet in frames.packets)
        from_output = {
            rule: n for rule, n in counted.items() if rule in set(after.reached_from("OUTPUT"))
        }
        return Observed(
            what, sent, sum(from_output.values()), sum(counted.values()),
            talk.outcomes, counted, lines,
        )  # fmt: skip


def log_rules(rules: Ruleset) -> list[Rule]:
    """The LOG rules that a packet can meet in OUTPUT."""
    return [rule for rule in rules.reached_from("OUTPUT") if rule.target == "LOG"]


def leading_to_log(rules: Ruleset) -> list[Rule]:
    """The LOG rules of OUTPUT, and those before them that end a packet's walk."""
    found = [rule for rule in rules.reached_from("OUTPUT") if rule.target in {"LOG", *ENDS}]
    last = max((n for n, rule in enumerate(found, 1) if rule.target == "LOG"), default=0)
    return found[:last]


@pytest.fixture(scope="module")
def bench(world: World, wire: Capture, task: TaskRun, run_script: RunScript) -> Bench:
    """Run the script and read the rules that it has left."""
    done = run_script(world)
    must_have_ended(done, task.task.parameters["script_within_s"])
    rules = read_rules(world.student)
    task.keep("rules.txt", lambda path: path.write_text(read_rules(world.student).text))
    low, high = task.task.parameters["ephemeral"]
    return Bench(world, wire, done, rules, (low, high))


def web(world: World, sport: int, version: int = 4) -> Flow:
    """A connection that fetches a page, in several packets."""
    host = world.addresses(clients.SITES[0], version)[0]
    return Flow("tcp", host, 80, sport, REQUEST, answered=True, finishes=True)


def knock(world: World, sport: int, port: int = CLOSED[0], site: str = clients.SITES[0]) -> Flow:
    """One packet: the request for a connection that is refused."""
    return Flow("tcp", world.addresses(site, 4)[0], port, sport, timeout=0)


def question(world: World, sport: int) -> Flow:
    """A DNS query over UDP."""
    server = world.addresses("dns.google", 4)[0]
    return Flow("udp", server, 53, sport, (DNS_QUESTION,), answered=True)


@check("01b.runs")
def runs(bench: Bench, deliverable: Deliverable) -> str | None:
    """The script leaves a LOG rule that packets meet in OUTPUT."""
    if not log_rules(bench.rules):
        raise CheckFailed(
            f"expected a rule with target LOG in OUTPUT of some table, {instead(bench.rules)}; the "
            f"script {bench.done.outcome}",
            hint=said(bench.done) or f"a rule is to be there after the script, too: {PAGE}",
        )
    return "; ".join(deliverable.notes) or None


def instead(rules: Ruleset) -> str:
    """What there is where no LOG rule can be met in OUTPUT."""
    if "incompatible" in rules.text:
        return "found a table that nft has made and that iptables-save cannot show"
    elsewhere = next((rule for rule in rules.rules if rule.target == "LOG"), None)
    if elsewhere:
        return f"found only one that OUTPUT does not lead to: {elsewhere}"
    similar = next((rule for rule in rules.rules if "LOG" in rule.target), None)
    return f"found only {similar}" if similar else "found no such rule after the script"


@check("01b.logs_root_tcp", needs="01b.runs")
def logs_root_tcp(bench: Bench) -> None:
    """TCP from ephemeral ports, of sockets that root owns, is logged."""
    low, high = bench.ports
    one, other = clients.SITES
    # Two packets each: few, so that a rule with a limit shows as one in every_packet.
    kinds = [
        ("root", ROOT, [knock(bench.world, low, port, one) for port in CLOSED]),
        ("root", ROOT, [knock(bench.world, high, port, other) for port in CLOSED_HIGH]),
        ("root, in a group that is not root's,", STUDENTS_GROUP,
         [knock(bench.world, low + 1, port, one) for port in CLOSED]),
    ]  # fmt: skip
    for who, user, flows in kinds:
        if not bench.observe("SYNs", flows, user).logged:
            rules = read_rules(bench.world.student)
            shown = "; ".join(str(rule) for rule in leading_to_log(rules))
            to = f"{flows[0].host} port {flows[0].port}"
            raise CheckFailed(
                f"{who} sent two TCP packets from port {flows[0].sport}, the first to {to}, and "
                f"no LOG rule in OUTPUT counted one; the rules are: {shown or 'gone'}",
                hint="ephemeral is the source port, and no other match is needed than TCP, that "
                f"port and the owner; what a rule before LOG accepts or drops is gone: {PAGE}",
            )


@check("01b.every_packet", needs="01b.logs_root_tcp")
def every_packet(bench: Bench, task: TaskRun, rng: Random) -> str | None:
    """Every packet is logged: of a whole connection, and of a burst."""
    ports = bench.fresh_ports(2 + task.task.parameters["burst"], rng)
    connection = bench.observe("packets of a connection", [web(bench.world, ports[0])])
    burst = bench.observe("packets in a burst", [knock(bench.world, port) for port in ports[1:-1]])
    by_cable = [Flow("tcp", CABLE, CLOSED[0], ports[-1], timeout=0)]
    cable = bench.observe(f"packets by veth-host, to {CABLE}", by_cable)
    for seen in (connection, burst, cable):
        # What a rule stops after it was logged never shows on the wire.
        expected = max(seen.sent, len(seen.outcomes))
        if seen.logged < expected:
            rules = [*seen.rules] or log_rules(bench.rules)
            only_nat = {rule.table for rule in rules} == {"nat"}
            raise CheckFailed(
                f"of {expected} {seen.what}, all root's TCP from ephemeral ports, LOG counted "
                f"{seen.logged}; its rules: {'; '.join(map(str, rules))}",
                hint="the table nat sees the first packet of each connection only"
                if only_nat
                else "no limit, and no state, flag, length or interface that only some packets "
                "have",
            )
    twice = connection.logged > connection.sent > 0
    return "packets are logged more than once: rules overlap" if twice else None


@check("01b.prefix", needs="01b.runs")
def prefix(bench: Bench, task: TaskRun, rng: Random) -> None:
    """The log prefix is exactly the one asked for."""
    expected = task.task.parameters["prefix"]
    seen = bench.observe("a SYN", [knock(bench.world, bench.fresh_ports(1, rng)[0])])
    in_output = log_rules(bench.rules)
    for rule in [rule for rule in in_output if rule in seen.rules] or in_output:
        found = rule.option("--log-prefix")
        if found != expected:
            quote = "quote it, so that the shell keeps the space: "
            shown = "none" if found is None else repr(found)
            raise CheckFailed(
                f"expected the prefix {expected!r}, found {shown} in: {rule}",
                hint=quote * (found == expected.rstrip()) + f'--log-prefix "{expected}"',
            )


@check("01b.only_root", needs="01b.logs_root_tcp")
def only_root(bench: Bench, rng: Random) -> None:
    """Packets of other users' sockets are not logged."""
    low, high = (rng.randrange(*ids) for ids in (SYSTEM_USERS, OTHER_USERS))
    for user in (STUDENT, ROOTS_GROUP, (low, low), (high, high), (1, 1)):
        seen = bench.observe("TCP", [web(bench.world, bench.fresh_ports(1, rng)[0])], user)
        must_not_log(seen, f"TCP of a socket of uid {user[0]}, gid {user[1]}", "owner is a match")


@check("01b.only_tcp", needs="01b.logs_root_tcp")
def only_tcp(bench: Bench, rng: Random) -> None:
    """UDP is not logged."""
    flows = [question(bench.world, port) for port in bench.fresh_ports(3, rng)]
    must_not_log(bench.observe("UDP", flows), "root's DNS queries over UDP", "only TCP")


@check("01b.only_ephemeral", needs="01b.logs_root_tcp")
def only_ephemeral(bench: Bench, task: TaskRun, rng: Random) -> None:
    """Packets from ports that are not ephemeral are not logged."""
    below = task.task.parameters["below"]
    for sport in (80, 1024, rng.randrange(1025, below - 1), below - 1):
        to = rng.choice(bench.fresh_ports(4, rng))
        seen = bench.observe("TCP", [knock(bench.world, sport), knock(bench.world, sport, to)])
        what = f"root's TCP packets from port {sport} (one of them to port {to})"
        must_not_log(seen, what, "the source port decides")


def must_not_log(seen: Observed, what: str, option: str) -> None:
    """None of what was sent was counted by a LOG rule of any chain."""
    if seen.anywhere:
        raise CheckFailed(
            f"{what} must not be logged, yet {seen.anywhere} of the packets "
            f"{'was' if seen.anywhere == 1 else 'were'}, by: {'; '.join(map(str, seen.rules))}",
            hint=f"{option}: {PAGE}",
        )


@check("01b.passes", needs="01b.runs")
def passes(bench: Bench, rng: Random) -> None:
    """All traffic still passes."""
    world = bench.world
    ports = bench.fresh_ports(4, rng)
    tries: list[tuple[str, Flow, tuple[int, int]]] = [
        ("root's HTTP request from an ephemeral port", web(world, ports[0]), ROOT),
        ("another user's HTTP request", web(world, ports[1]), STUDENT),
        ("root's DNS query", question(world, ports[2]), ROOT),
        ("another user's DNS query", question(world, ports[3]), STUDENT),
        ("root's HTTP request from port 1023", web(world, 1023), ROOT),
        ("an HTTP request over IPv6", web(world, 0, version=6), ROOT),
    ]
    for what, flow, user in tries:
        with Talk(world, [flow], user) as talk:
            if not talk.answered:
                to = f"{flow.host} port {flow.port}"
                raise stopped(world, f"{what} to {to} got no answer ({talk.outcomes[0]})")
    ping = world.student.run("ping", "-n", "-c1", "-W1", world.addresses("dns.google", 4)[0])
    if ping.exit != 0:
        raise stopped(world, "a ping to 8.8.8.8 got no answer")


def stopped(world: World, what: str) -> CheckFailed:
    """Something does not pass, and what may have stopped it."""
    rules = read_rules(world.student)
    found = [f"policy DROP of -t {c.table} {c.name}" for c in rules.chains if c.policy == "DROP"]
    found += [str(rule) for rule in rules.rules if rule.target in STOPS and rule.packets]
    return CheckFailed(
        f"{what}; with no rule it does. Of iptables, these stop packets: "
        f"{'; '.join(found) or 'none'}",
        hint="LOG lets packets go on; look for DROP, REJECT and policies",
    )


@check("01b.log_lines", needs="01b.logs_root_tcp", requires=["kernel_log"])
def log_lines(bench: Bench, kernel_log: KernelLog, rng: Random) -> None:
    """The kernel log has a line for each packet that the rules count, and no other such line."""
    world = bench.world
    ports = bench.fresh_ports(4, rng)
    low = rng.randrange(1025, 32_000)
    tries = [
        (ROOT, [web(world, ports[0]), knock(world, ports[1])]),
        (STUDENT, [web(world, ports[2])]),
        (ROOT, [question(world, ports[3]), knock(world, low)]),
    ]
    for user, flows in tries:
        seen = bench.observe("packets", flows, user, kernel_log)
        must_agree(seen)
        if seen.sent and not seen.lines and flows is tries[0][1]:
            raise CheckFailed(
                f"root sent {seen.sent} TCP packets from ephemeral ports, and this time no rule "
                "has logged any",
                hint="does the script do the same each time that it is run?",
            )


def concerns(packet: LoggedPacket | None, ports: set[int]) -> bool:
    """Whether a line tells of a packet of one of our sockets."""
    return packet is not None and bool({packet.sport, packet.dport} & ports)


def came_in(line: KernelRecord) -> bool:
    """Whether a line tells of a packet that arrived."""
    return line.packet is not None and bool(line.packet.fields.get("IN"))


def by_prefix(rules: Mapping[Rule, int]) -> Counter[str]:
    """How many packets were counted by rules that have the same prefix."""
    found: Counter[str] = Counter()
    for rule, packets in rules.items():
        found[rule.option("--log-prefix") or ""] += packets
    return found


def prefixes(lines: Sequence[KernelRecord]) -> Counter[str]:
    """How many lines about packets have the same prefix."""
    return Counter(one.packet.prefix for one in lines if one.packet)


def must_agree(seen: Observed) -> None:
    """For each prefix, there are as many lines as packets were counted by rules that have it."""
    counted, logged = by_prefix(seen.rules), prefixes(seen.lines)
    for prefix in sorted(counted | logged):
        if counted[prefix] == logged[prefix]:
            continue
        lines = [one for one in seen.lines if one.packet and one.packet.prefix == prefix]
        # A rule of OUTPUT logs nothing that came in.
        nearest = max(lines, key=came_in, default=None)
        hint = "no rule that iptables lists has logged them: look at nft list ruleset"
        if counted[prefix] > logged[prefix]:
            hint = "is a logger switched off? see sysctl net.netfilter.nf_log"
        raise CheckFailed(
            f"rules with the prefix {prefix!r} counted {counted[prefix]} packets, and the kernel "
            f"log has {logged[prefix]} lines with it"
            + (f", such as: {nearest}" if nearest else ""),
            hint=f"{hint}; {PAGE}",
        )
