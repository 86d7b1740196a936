"""01c: iptables_ttl.sh sets the TTL of DNS queries, chosen by a BPF program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed
from grader.evidence import Capture, Ruleset, read_rules
from grader.evidence.counters import BACKENDS
from grader.script import must_have_ended, said
from tests_lab.ttl.programs import PAGE, takes_all, why_untouched
from tests_lab.ttl.sent import (
    DEFAULT_TTL,
    OTHER_USER,
    Left,
    awaited,
    others,
    queries,
    query,
    send,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fixtures.script import RunScript
    from fixtures.world import NewWorld
    from grader.evidence import Rule
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

CALL = "iptables_ttl.sh"
SHOWN = 7
DEFAULT = 'in bash, "${1:-1}" is the first argument, or 1'
LARGEST_TTL = 30


@dataclass(frozen=True)
class Ladder:
    """What became of a query after each call of the script: by TTL asked for.

    `default` are the queries after the call without an argument, `others` what is none, after
    the first call and the last.
    """

    default: Sequence[Left]
    default_done: Completed
    calls: dict[int, Left]
    answers: frozenset[int]
    others: Mapping[str, Sequence[Left]]
    needed: int
    rules: Ruleset

    @property
    def shown(self) -> str:
        """The first rules in the end, each without its program."""
        return shown(self.rules.rules)


def shown(rules: Sequence[Rule]) -> str:
    """The first of some rules, in a message, each without its program."""
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
    queries: Sequence[Left]

    @property
    def rules(self) -> str:
        """The rules after the call, in a message."""
        return "; ".join(str(rule) for rule in self.before.rules)


@pytest.fixture(scope="module")
def once(world: World, wire: Capture, task: TaskRun, run_script: RunScript) -> Once:
    """Call the script with a random TTL that suffices, then send queries of two users.

    The last one goes the way of one that has been answered.
    """
    asked = world.rng.randint(world.routers + 2, LARGEST_TTL)
    done = run_script(world, str(asked))
    must_have_ended(done, task.task.parameters["script_within_s"])
    before = read_rules(world.student)
    task.keep("rules.txt", lambda path: path.write_text(before.text))
    first = send(world, wire, {"a query to 8.8.8.8": awaited(query(world))})
    more = send(world, wire, queries(world))
    theirs = send(
        world,
        wire,
        {"a query of another user": query(world), "another query from that port": first[0].flow},
        OTHER_USER,
    )
    return Once(world, wire, done, asked, before, [*first, *more, *theirs])


@pytest.fixture(scope="module")
def ladder(new_world: NewWorld, task: TaskRun, run_script: RunScript) -> Ladder:
    """Call the script in another fresh world without an argument, then with 2, 3 and so on."""
    within = task.task.parameters["script_within_s"]
    with new_world("commands-calls") as world, Capture(world) as wire:
        default_done = run_script(world)
        must_have_ended(default_done, within)
        needed = world.routers + 1
        first = awaited(query(world))
        default = send(world, wire, {"a query to 8.8.8.8": first, **queries(world)})
        untouched = {f"after `{CALL}` without an argument ": send(world, wire, others(world))}
        calls = {1: default[0]}
        for ttl in range(2, needed + 1):
            must_have_ended(run_script(world, str(ttl)), within)
            calls[ttl] = send(world, wire, {"a query": awaited(query(world))})[0]
        untouched[f"after calls with 1 to {needed} "] = send(world, wire, others(world))
        frames, rules = wire.frames(), read_rules(world.student)
    task.keep("wire-calls.pcap", frames.save)
    task.keep("rules-calls.txt", lambda path: path.write_text(rules.text))
    answers = {one.dport for one in frames.packets if not one.sent and one.sport == first.port}
    return Ladder(default, default_done, calls, frozenset(answers), untouched, needed, rules)


@dataclass(frozen=True)
class WithoutBpf:
    """A query's TTL after a call, and when the rules with a BPF program had been taken away."""

    call: str
    asked: int
    before: int | None
    after: int | None


@pytest.fixture(scope="module")
def without_bpf(new_world: NewWorld, once: Once, run_script: RunScript) -> list[WithoutBpf]:
    """What becomes of the TTL without the BPF rules, after calls with and without an argument."""
    found = []
    for arguments in ((str(once.asked),), ()):
        name = "-default" * (not arguments)
        with new_world(f"commands-without-bpf{name}") as world, Capture(world) as wire:
            run_script(world, *arguments)
            before = send(world, wire, {"a query": query(world)})[0]
            take_away(world)
            after = send(world, wire, {"a query": query(world)})[0]
        asked = once.asked if arguments else 1
        found.append(WithoutBpf(" ".join([CALL, *arguments]), asked, before.ttl, after.ttl))
    return found


def take_away(world: World) -> None:
    """Delete all rules that match by a BPF program."""
    for backend in BACKENDS:
        saved = world.student.run(f"{backend}-save")
        kept = [line for line in saved.stdout.splitlines(keepends=True) if b"-m bpf" not in line]
        world.student.run(f"{backend}-restore", stdin=b"".join(kept))


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
def bpf_match(once: Once, without_bpf: Sequence[WithoutBpf]) -> None:
    """The packets are chosen by a BPF program."""
    programs = [
        rule for rule in once.before.rules if rule.table == "mangle" and rule.matches("bpf")
    ]
    rules = "; ".join(str(rule) for rule in once.before.rules if rule.table == "mangle")
    if not programs:
        raise CheckFailed(f"expected a match `-m bpf`, found: {rules}", hint=PAGE)
    sent = [one.packet for one in once.queries if one.packet]
    if all(takes_all(once.world.machine, rule, sent) for rule in programs):
        raise CheckFailed(
            f"expected a program that tells packets apart, found one that takes any: {rules}",
            hint=PAGE,
        )
    for one in without_bpf:
        if one.before == one.after == one.asked:
            raise CheckFailed(
                f"after `{one.call}`, without the rules with -m bpf the queries' TTL is "
                f"{one.after} all the same: something else chooses them; the rules: {rules}",
                hint=PAGE,
            )


@check("01c.sets_ttl", needs="01c.runs")
def sets_ttl(once: Once) -> None:
    """DNS queries leave with the TTL asked for, whatever server they go to."""
    for one in once.queries:
        if one.ttl != once.asked:
            raise CheckFailed(
                f"after `{CALL} {once.asked}` a DNS query (UDP) to {one.flow.host} port 53 is to "
                f"leave with TTL {once.asked}; of {one.what}, {one.shown}. The rules: "
                f"{once.rules}. See wire.pcap",
                hint=why_untouched(once.world.machine, once.before.rules, one.packet)
                if one.packet and one.ttl == DEFAULT_TTL
                else f"set it to $1: {PAGE}",
            )


@check("01c.default_ttl", needs="01c.sets_ttl")
def default_ttl(ladder: Ladder) -> None:
    """Without an argument the TTL is 1."""
    for one in ladder.default:
        if one.ttl != 1:
            raise CheckFailed(
                f"after `{CALL}` without an argument a DNS query is to leave with TTL 1; "
                f"of {one.what}, {one.shown}. See wire-calls.pcap",
                hint="\n".join(filter(None, [DEFAULT, said(ladder.default_done)])),
            )


@check("01c.only_dns", needs="01c.sets_ttl")
def only_dns(once: Once, ladder: Ladder) -> None:
    """Nothing else is changed: no other packet's TTL, and no more of a query."""
    for one in once.queries:
        if one.changed:
            raise CheckFailed(
                f"of a query only the TTL is to be changed; of {one.what}: {one.changed}. "
                f"The rules: {once.rules}",
                hint="the target TTL changes nothing else",
            )
    world, wire = once.world, once.wire
    must_be_untouched("", send(world, wire, others(world)), once.rules)
    first = len(wire.frames())
    world.student.run("ping", "-n", "-c1", "-W1", "8.8.8.8")
    echo = [p for p in wire.frames().packets[first:] if p.sent and p.protocol == "icmp"]
    must_be("ICMP", DEFAULT_TTL, next((p.ttl for p in echo if p.version == 4), None), once.rules)
    for when, sent in ladder.others.items():
        must_be_untouched(when, sent, ladder.shown)


def must_be_untouched(when: str, sent: Sequence[Left], rules: str) -> None:
    """Packets that are no DNS queries left as they always do."""
    for one in sent:
        must_be(f"{when}{one.what}", one.flow.ttl or DEFAULT_TTL, one.ttl, rules)


def must_be(what: str, expected: int, ttl: int | None, rules: str) -> None:
    """A packet that is no DNS query left with the TTL that it always has."""
    if ttl != expected:
        found = "none left" if ttl is None else f"it left with TTL {ttl}"
        raise CheckFailed(
            f"{what} must leave with TTL {expected} as before; {found}. The rules: {rules}",
            hint="only UDP *to* port 53: " + PAGE,
        )


@check("01c.goes_through", needs="01c.sets_ttl")
def goes_through(ladder: Ladder) -> None:
    """Called with 2, 3, …, the query gets through at exactly the number of hops."""
    for ttl, one in ladder.calls.items():
        if ttl > 1 and one.answered != (ttl >= ladder.needed):
            raise CheckFailed(
                f"the server is {ladder.needed} hops away; after calls with 1 to {ttl} the query "
                f"left with TTL {one.ttl} and was {'' if one.answered else 'not '}answered. The "
                f"rules, in their order: {ladder.shown}. See wire-calls.pcap and rules-calls.txt",
                hint=why_not_through(ladder, one),
            )


def why_not_through(ladder: Ladder, one: Left) -> str:
    """What is wrong with the rules, if a query has got too far or not far enough."""
    if one.flow.sport in ladder.answers:
        beside = shown([rule for rule in ladder.rules.rules if rule.target != "TTL"])
        return (
            "its answer came to this host, but not to the program: a rule keeps it out; those "
            f"that set no TTL: {beside}"
        )
    return (
        "the last rule that a query meets sets its TTL: append (-A), or replace the "
        "old one; ACCEPT ends the chain, and -m ttl sees what a rule before has set"
    )
