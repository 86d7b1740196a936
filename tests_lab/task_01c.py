"""01c: iptables_ttl.sh sets the TTL of DNS queries, chosen by a BPF program."""

from __future__ import annotations

import re
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
SHOWN = 7
DEFAULT = 'in bash, "${1:-1}" is the first argument, or 1'
NAME = "fep.grid.pub.ro"
# Behind the header's id: one question, recursion desired (RFC 1035, 4.1).
HEADER = "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
TYPE_A_CLASS_IN = "\x00\x01\x00\x01"
PAGE = "man 8 iptables-extensions: bpf, TTL; man 8 nfbpf_compile"


@dataclass(frozen=True)
class Ladder:
    """What became of a query after each call of the script: by TTL asked for."""

    default: int | None
    default_done: Completed
    answered: dict[int, bool]
    ttls: dict[int, int | None]
    needed: int
    rules: Ruleset

    @property
    def shown(self) -> str:
        """The first rules in the end, each without its program."""
        rules = self.rules.rules
        short = [re.sub(r"(?<=-m bpf )--bytecode '[^']*'", "…", str(rule)) for rule in rules]
        more = [f"{len(short) - SHOWN} more"] if len(short) > SHOWN else []
        return "; ".join([*short[:SHOWN], *more]) or "none"


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
        rules,
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
            hint="\n".join(filter(None, [said(once.done), how_to_append(once.done)])),
        )
    return "; ".join(deliverable.notes) or None


def how_to_append(done: Completed) -> str:
    """What iptables wants, for a script that got no rule from it."""
    if "bpf:" in done.complaints:
        return (
            "--bytecode takes a compiled program, as nfbpf_compile prints it: on one line, with "
            "commas, and in quotes, so that the shell leaves it whole"
        )
    return f"the target TTL is of the table mangle only, its option --ttl-set: {PAGE}"


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
    program = program_of(rule)
    ends = IP(src="10.0.0.2", dst="8.8.8.8")
    packets = [
        bytes(ends / UDP(sport=50_000, dport=DNS)),
        bytes(ends / UDP(sport=50_000, dport=DNS + 1)),
        bytes(ends / TCP(sport=50_000, dport=80)),
        bytes(ends / ICMP()),
    ]
    return bool(program) and all(run(once, program, packets))


def program_of(rule: Rule) -> list[list[int]]:
    """The BPF program in a rule; empty if it has none."""
    _, _, steps = (rule.option("--bytecode") or "").partition(",")
    return [[int(number) for number in step.split()] for step in steps.split(",") if step.strip()]


def run(once: Once, program: list[list[int]], packets: list[bytes]) -> list[bool]:
    """Which packets the kernel says that a program takes."""
    taken: list[bool] = once.world.machine.call("filters.run", program=program, packets=packets)
    return taken


@check("01c.sets_ttl", needs="01c.runs")
def sets_ttl(once: Once) -> None:
    """DNS queries leave with the TTL asked for, whatever server they go to."""
    for server, ttl in once.queries:
        if ttl != once.asked:
            found = "no query left" if ttl is None else f"it left with TTL {ttl}"
            rules = "; ".join(str(rule) for rule in read_rules(once.world.student).rules)
            raise CheckFailed(
                f"after `iptables_ttl.sh {once.asked}` a DNS query (UDP) to {server} port 53 is to "
                f"leave with TTL {once.asked}; {found}. The rules: {rules}. See wire.pcap",
                hint=why_untouched(once, server) if ttl == DEFAULT_TTL else f"set it to $1: {PAGE}",
            )


def why_untouched(once: Once, server: str) -> str:
    """Why no rule has changed a query's TTL, as far as its BPF programs show."""
    packets = once.wire.frames().packets
    sent = next(p for p in packets if p.sent and p.dst == server and p.protocol == "udp")
    ends = IP(src=sent.src, dst=server)
    nearly = {
        "that query": sent.ip,
        "that query behind an Ethernet header; iptables hands a program the packet from the IP "
        "header on (RAW)": sent.frame,
        "UDP from port 53": bytes(ends / UDP(sport=DNS, dport=sent.sport)),
        "TCP to port 53": bytes(ends / TCP(sport=sent.sport, dport=DNS)),
        "a query to 8.8.8.8": bytes(IP(src=sent.src, dst="8.8.8.8") / UDP(dport=DNS)),
    }
    programs = [program for rule in once.before.rules if (program := program_of(rule))]
    taken = {
        what
        for program in programs
        for what, takes in zip(nearly, run(once, program, [*nearly.values()]), strict=True)
        if takes
    }
    if "that query" in taken:
        return (
            "the BPF program takes that query: do packets that this host sends to the network "
            f"meet the rule, and all else that it asks for? {PAGE}"
        )
    if {"UDP from port 53", "TCP to port 53"} <= taken:
        return (
            f"the BPF program takes all kinds of packets but that query: is a `not` wrong? {PAGE}"
        )
    instead = next((f", but {what}" for what in nearly if what in taken), "")
    return f"the BPF program does not take that query{instead}; {PAGE}"


@check("01c.default_ttl", needs="01c.sets_ttl")
def default_ttl(ladder: Ladder) -> None:
    """Without an argument the TTL is 1."""
    if ladder.default != 1:
        found = "no query left" if ladder.default is None else f"it left with TTL {ladder.default}"
        raise CheckFailed(
            f"after `iptables_ttl.sh` without an argument a DNS query is to leave with TTL 1; "
            f"{found}. See wire-calls.pcap",
            hint="\n".join(filter(None, [DEFAULT, said(ladder.default_done)])),
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
                f"left with TTL {left} and was {'' if answered else 'not '}answered. The rules, in "
                f"their order: {ladder.shown}. See wire-calls.pcap and rules-calls.txt",
                hint="the last rule that a query meets sets its TTL: append (-A), or replace the "
                "old one; ACCEPT ends the chain, and -m ttl sees what a rule before has set",
            )
