"""The rules of iptables are read back, from nft and from legacy, as the kernel has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.evidence import Ruleset, read_rules
from grader.evidence.counters import BACKENDS, BACKENDS_6

if TYPE_CHECKING:
    from grader.world import World

EVERY = (*BACKENDS, *BACKENDS_6)


@pytest.fixture(autouse=True)
def empty(world: World) -> None:
    """No rules before a test."""
    for backend in EVERY:
        tables = "".join(f"*{name}\nCOMMIT\n" for name in ("filter", "mangle", "raw", "nat"))
        assert world.student.run(f"{backend}-restore", stdin=tables.encode()).exit == 0
        for chain in ("INPUT", "OUTPUT", "FORWARD"):
            world.student.run(backend, "-P", chain, "ACCEPT")


def iptables(world: World, *words: str, backend: str = "iptables-nft") -> None:
    """Run iptables on the student's host."""
    done = world.student.run(backend, *words)
    assert done.exit == 0, done.complaints


@pytest.mark.parametrize("backend", EVERY)
def test_a_rule_is_read(world: World, backend: str) -> None:
    """A rule's place, words, target and options are those that it was made of."""
    iptables(
        world, "-t", "mangle", "-A", "OUTPUT", "-p", "udp", "-m", "udp", "--dport", "53",
        "-j", "MARK", "--set-mark", "7", backend=backend,
    )  # fmt: skip
    (rule,) = read_rules(world.student, EVERY).rules
    assert (rule.backend, rule.table, rule.chain) == (backend, "mangle", "OUTPUT")
    assert (rule.target, rule.option("--dport"), rule.option("--sport")) == ("MARK", "53", None)
    assert rule.matches("udp")
    assert not rule.matches("tcp")
    assert rule.packets == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("prefix", ["root-packet: ", 'say "hi" ', "it's ", "back\\slash ", "a  b"])
def test_words_with_spaces_and_quotes(world: World, backend: str, prefix: str) -> None:
    """A prefix is read back to the last space and quote."""
    iptables(world, "-A", "OUTPUT", "-j", "LOG", "--log-prefix", prefix, backend=backend)
    (rule,) = read_rules(world.student).rules
    assert rule.option("--log-prefix") == prefix


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_comment_cannot_pass_for_a_rule(world: World, backend: str) -> None:
    """Line ends in a comment neither break the reading nor bring in chains and rules."""
    forged = "x\n:OUTPUT DROP [0:0]\n[9:9] -A OUTPUT -j LOG\n*raw\ny"
    iptables(
        world, "-A", "OUTPUT", "-m", "comment", "--comment", forged, "-j", "ACCEPT", backend=backend
    )
    found = read_rules(world.student)
    (rule,) = found.rules
    assert (rule.table, rule.target, rule.option("--comment")) == ("filter", "ACCEPT", forged)
    assert {chain.policy for chain in found.chains if chain.name == "OUTPUT"} == {"ACCEPT"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_policies_and_user_chains(world: World, backend: str) -> None:
    """A chain has its policy, and a user's own has none."""
    iptables(world, "-N", "mine", backend=backend)
    iptables(world, "-P", "FORWARD", "DROP", backend=backend)
    chains = {c.name: c.policy for c in read_rules(world.student, (backend,)).chains}
    assert (chains["FORWARD"], chains["OUTPUT"], chains["mine"]) == ("DROP", "ACCEPT", "-")


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_hook_reaches(world: World, backend: str) -> None:
    """From OUTPUT the rules of chains that are jumped or gone to are met, through two steps."""
    for chain in ("one", "two", "alone"):
        iptables(world, "-N", chain, backend=backend)
    iptables(world, "-A", "OUTPUT", "-p", "tcp", "-j", "one", backend=backend)
    iptables(world, "-A", "one", "-g", "two", backend=backend)
    iptables(world, "-A", "two", "-j", "LOG", backend=backend)
    iptables(world, "-A", "alone", "-j", "LOG", backend=backend)
    iptables(world, "-A", "INPUT", "-j", "LOG", backend=backend)
    iptables(world, "-t", "mangle", "-A", "OUTPUT", "-j", "LOG", backend=backend)
    found = read_rules(world.student)
    reached = [(rule.table, rule.chain) for rule in found.reached_from("OUTPUT")]
    assert sorted(reached) == [
        ("filter", "OUTPUT"), ("filter", "one"), ("filter", "two"), ("mangle", "OUTPUT"),
    ]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
def test_counters_count_packets(world: World, backend: str) -> None:
    """The difference of two readings is what each rule matched between them."""
    iptables(world, "-A", "OUTPUT", "-p", "icmp", backend=backend)
    iptables(world, "-A", "OUTPUT", "-p", "udp", backend=backend)
    world.student.run("ping", "-c", "2", "-i", "0.2", "127.0.0.1")
    before = read_rules(world.student)
    world.student.run("ping", "-c", "3", "-i", "0.2", "127.0.0.1")
    change = read_rules(world.student) - before
    # on loopback both the questions and the answers go out
    assert {rule.option("-p"): n for rule, n in change.items()} == {"icmp": 6, "udp": 0}


def test_a_new_rule_counts_from_zero(world: World) -> None:
    """A rule that was not there before has all its packets in the difference."""
    before = read_rules(world.student)
    iptables(world, "-A", "OUTPUT", "-p", "icmp")
    world.student.run("ping", "-c", "1", "127.0.0.1")
    assert list((read_rules(world.student) - before).values()) == [2]


def test_twin_rules_count_together(world: World) -> None:
    """Two rules with the same words are one in the difference, with the packets of both."""
    for _ in range(2):
        iptables(world, "-A", "OUTPUT", "-p", "icmp")
    before = read_rules(world.student)
    world.student.run("ping", "-c", "1", "127.0.0.1")
    assert list((read_rules(world.student) - before).values()) == [4]


def test_backends_are_told_apart(world: World) -> None:
    """The same rule in nft and in legacy are two rules."""
    for backend in BACKENDS:
        iptables(world, "-A", "OUTPUT", "-j", "ACCEPT", backend=backend)
    rules = read_rules(world.student).rules
    assert {rule.backend for rule in rules} == set(BACKENDS)


def test_no_rules(world: World) -> None:
    """A host that no rule was given has none."""
    assert read_rules(world.student, EVERY).rules == ()
    assert Ruleset((), (), "") - Ruleset((), (), "") == {}


def test_a_rule_in_words(world: World) -> None:
    """A message shows a rule as iptables-save does, with its table and its packets."""
    iptables(world, "-A", "OUTPUT", "-j", "LOG", "--log-prefix", "root-packet: ")
    (rule,) = read_rules(world.student).rules
    assert str(rule) == "-t filter -A OUTPUT -j LOG --log-prefix 'root-packet: ' [0 packets]"
