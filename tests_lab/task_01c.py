"""01c: iptables_ttl.sh sets the TTL of DNS queries, chosen by a BPF program."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

from grader.check import check
from grader.errors import CheckFailed
from grader.evidence import Capture, Rule, Ruleset, read_rules
from grader.evidence.counters import BACKENDS
from grader.script import must_have_ended, said
from grader.traffic import clients
from grader.traffic.crafted import EPHEMERAL
from grader.traffic.sockets import Flow, Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.script import RunScript
    from fixtures.world import NewWorld
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

DNS = 53
DEFAULT_TTL = 64
NAME = "fep.grid.pub.ro"
# Behind the header's id: one question, recursion desired (RFC 1035, 4.1).
HEADER = "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
TYPE_A_CLASS_IN = "\x00\x01\x00\x01"
RAW = "iptables hands the program the packet from the IP header on (RAW); "
PAGE = "man 8 iptables-extensions: bpf, TTL; man 8 nfbpf_compile"


@dataclass(frozen=True)
class Ladder:
    """What became of a query after each call of the script: by TTL asked for."""

    default: int | None
    default_done: Completed
    answered: dict[int, bool]
    ttls: dict[int, int | None]
    needed: int


@dataclass(frozen=True)
class Once:
    """The script called once with an argument in a fresh world."""

    world: World
    wire: Capture
    done: Completed
    asked: int
    before: Ruleset
    queries: Sequence[tuple[str, int | None]]

    @property
    def right(self) -> bool:
        """Whether every query left with the TTL asked for."""
        return all(ttl == self.asked for _, ttl in self.queries)


def query(world: World, sport: int, server: str = "8.8.8.8", port: int = DNS) -> Flow:
    """A DNS query for the page's name."""
    labels = "".join(chr(len(label)) + label for label in NAME.split("."))
    number = f"{chr(world.rng.randrange(256))}{chr(world.rng.randrange(256))}"
    message = f"{number}{HEADER}{labels}\x00{TYPE_A_CLASS_IN}"
    return Flow("udp", server, port, sport, (message,), answered=port == DNS, timeout=0.5)


def ephemeral(world: World) -> int:
    """A random source port."""
    return world.rng.randint(*EPHEMERAL)


def sent_ttl(wire: Capture, protocol: str, sport: int, first: int) -> int | None:
    """The TTL of the first packet from `sport` since frame `first`; None if there was none."""
    packets = wire.frames().packets[first:]
    return next(
        (p.ttl for p in packets if p.sent and p.protocol == protocol and p.sport == sport), None
    )


def ask(world: World, wire: Capture, flow: Flow) -> tuple[int | None, bool]:
    """Send a flow; the TTL that it left with, and whether it was answered."""
    first = len(wire.frames())
    with Talk(world, [flow], (0, 0)) as talk:
        return sent_ttl(wire, flow.protocol, flow.sport, first), talk.answered


@pytest.fixture(scope="module")
def once(world: World, wire: Capture, task: TaskRun, run_script: RunScript) -> Once:
    """Call the script with a random TTL, then send queries to two servers."""
    asked = world.rng.randint(3, 30)
    done = run_script(world, str(asked))
    must_have_ended(done, task.task.parameters["script_within_s"])
    before = read_rules(world.student)
    task.keep("rules.txt", lambda path: path.write_text(before.text))
    servers = ("8.8.8.8", "8.8.4.4")
    queries = [(s, ask(world, wire, query(world, ephemeral(world), s))[0]) for s in servers]
    return Once(world, wire, done, asked, before, queries)


@pytest.fixture(scope="module")
def ladder(new_world: NewWorld, task: TaskRun, run_script: RunScript) -> Ladder:
    """Call the script in another fresh world without an argument, then with 2, 3 and so on."""
    within = task.task.parameters["script_within_s"]
    with new_world("commands-calls") as world, Capture(world) as wire:
        default_done = run_script(world)
        must_have_ended(default_done, within)
        needed = world.routers + 1
        calls = {1: ask(world, wire, query(world, ephemeral(world)))}
        for ttl in range(2, needed + 1):
            must_have_ended(run_script(world, str(ttl)), within)
            calls[ttl] = ask(world, wire, query(world, ephemeral(world)))
        frames, rules = wire.frames(), read_rules(world.student)
    task.keep("wire-calls.pcap", frames.save)
    task.keep("rules-calls.txt", lambda path: path.write_text(rules.text))
    return Ladder(
        calls[1][0],
        default_done,
        {ttl: answered for ttl, (_, answered) in calls.items()},
        {ttl: left for ttl, (left, _) in calls.items()},
        needed,
    )


@pytest.fixture(scope="module")
def without_bpf(new_world: NewWorld, once: Once, run_script: RunScript) -> int | None:
    """The TTL of a query in a fresh world where the script's BPF rules have been taken away."""
    with new_world("commands-without-bpf") as world, Capture(world) as wire:
        run_script(world, str(once.asked))
        for backend in BACKENDS:
            saved = world.student.run(f"{backend}-save", "-t", "mangle")
            kept = [
                line for line in saved.stdout.splitlines(keepends=True) if b"-m bpf" not in line
            ]
            world.student.run(f"{backend}-restore", stdin=b"".join(kept))
        return ask(world, wire, query(world, ephemeral(world)))[0]


@check("01c.runs")
def runs(once: Once, deliverable: Deliverable) -> str | None:
    """The script, called with a TTL, leaves a rule with target TTL."""
    if not any(rule.target == "TTL" for rule in once.before.rules):
        raise CheckFailed(
            f"expected a rule with target TTL after `iptables_ttl.sh {once.asked}`, found none; "
            f"the script {once.done.outcome}",
            hint=said(once.done) or PAGE,
        )
    return "; ".join(deliverable.notes) or None


@check("01c.bpf_match", needs="01c.runs")
def bpf_match(once: Once, without_bpf: int | None) -> None:
    """The packets are chosen by a BPF program."""
    programs = [
        rule for rule in once.before.rules if rule.table == "mangle" and rule.matches("bpf")
    ]
    rules = "; ".join(str(rule) for rule in once.before.rules if rule.table == "mangle")
    if not programs:
        raise CheckFailed(f"expected a match `-m bpf`, found: {rules}", hint=PAGE)
    if all(accepts_all(once, rule) for rule in programs):
        raise CheckFailed(
            f"expected a program that tells packets apart, found one that takes any: {rules}",
            hint=PAGE,
        )
    if once.right and without_bpf == once.asked:
        raise CheckFailed(
            f"without the rules with -m bpf the queries' TTL is {without_bpf} all the same: "
            f"something else chooses them, in: {rules}",
            hint=PAGE,
        )


def accepts_all(once: Once, rule: Rule) -> bool:
    """Whether the rule's program takes any packet, run by the kernel over a few."""
    bytecode = rule.option("--bytecode")
    if bytecode is None:
        return False
    program = [[int(n) for n in line.split()] for line in bytecode.split(",")[1:] if line.strip()]
    ends = IP(src="10.0.0.2", dst="8.8.8.8")
    packets = [
        bytes(ends / UDP(sport=50_000, dport=54)),
        bytes(ends / TCP(sport=50_000, dport=80)),
        bytes(ends / ICMP()),
    ]
    taken: list[bool] = once.world.machine.call("filters.run", program=program, packets=packets)
    return all(taken)


@check("01c.sets_ttl", needs="01c.runs")
def sets_ttl(once: Once) -> None:
    """DNS queries leave with the TTL asked for, whatever server they go to."""
    for server, ttl in once.queries:
        if ttl != once.asked:
            found = "no query left" if ttl is None else f"it left with TTL {ttl}"
            raise CheckFailed(
                f"after `iptables_ttl.sh {once.asked}` a DNS query (UDP) to {server} port 53 is to "
                f"leave with TTL {once.asked}; {found}. See wire.pcap",
                hint=RAW + PAGE if ttl == DEFAULT_TTL else "the TTL asked for is $1; " + PAGE,
            )


@check("01c.default_ttl", needs="01c.sets_ttl")
def default_ttl(ladder: Ladder) -> None:
    """Without an argument the TTL is 1."""
    if ladder.default != 1:
        found = "no query left" if ladder.default is None else f"it left with TTL {ladder.default}"
        raise CheckFailed(
            f"after `iptables_ttl.sh` without an argument a DNS query is to leave with TTL 1; "
            f"{found}. See wire-calls.pcap",
            hint=said(ladder.default_done) or 'in bash, "${1:-1}" is the first argument, or 1',
        )


@check("01c.only_dns", needs="01c.sets_ttl")
def only_dns(once: Once, rng: Random) -> None:
    """No other packet's TTL is touched."""
    world, wire = once.world, once.wire
    site = world.addresses(clients.SITES[0], 4)[0]
    others = {
        **{
            f"UDP to port {port}": Flow(
                "udp", "8.8.8.8", port, rng.randint(*EPHEMERAL), ("nothing",)
            )
            for port in (52, 54, 123, 1053, 5353)
        },
        "UDP from port 53": Flow("udp", site, rng.randint(*EPHEMERAL), DNS, ("nothing",)),
        "TCP to port 53": Flow("tcp", "8.8.8.8", DNS, rng.randint(*EPHEMERAL)),
        "TCP to port 80": Flow("tcp", site, 80, rng.randint(*EPHEMERAL)),
        "TCP from port 53": Flow("tcp", site, 80, DNS),
    }
    for what, flow in others.items():
        must_be_default(what, ask(world, wire, flow)[0], once)
    first = len(wire.frames())
    world.student.run("ping", "-n", "-c1", "-W1", "8.8.8.8")
    echo = [p for p in wire.frames().packets[first:] if p.sent and p.protocol == "icmp"]
    must_be_default("ICMP", next((p.ttl for p in echo if p.version == 4), None), once)


def must_be_default(what: str, ttl: int | None, once: Once) -> None:
    """A packet that is no DNS query left as it always does."""
    if ttl != DEFAULT_TTL:
        found = "none left" if ttl is None else f"it left with TTL {ttl}"
        rules = "; ".join(str(rule) for rule in once.before.rules)
        raise CheckFailed(
            f"{what} must leave with TTL {DEFAULT_TTL} as before; {found}. The rules: {rules}",
            hint="only UDP *to* port 53: " + PAGE,
        )


@check("01c.goes_through", needs="01c.sets_ttl")
def goes_through(ladder: Ladder) -> None:
    """Called with 2, 3, …, the query gets through at exactly the number of hops."""
    for ttl, answered in ladder.answered.items():
        if ttl > 1 and answered != (ttl >= ladder.needed):
            left = ladder.ttls[ttl]
            raise CheckFailed(
                f"the server is {ladder.needed} hops away; after calls with 1 to {ttl} the query "
                f"left with TTL {left} and was {'' if answered else 'not '}answered. "
                "See wire-calls.pcap and rules-calls.txt",
                hint="the last rule that sets the TTL wins: append (-A), or replace the old one",
            )
