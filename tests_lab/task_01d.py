"""01d: uncaught.sh sends a packet that iptables does not get to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.deadline import TimedOut, wait_until
from grader.errors import CheckFailed, GraderError
from grader.evidence import Capture, Packet, Ruleset, read_rules
from grader.evidence.counters import BACKENDS, BACKENDS_6
from grader.evidence.tracer import Tracer
from grader.script import must_have_ended, said

if TYPE_CHECKING:
    from fixtures.script import RunScript
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

# The chains with a policy, per table; nat takes none but ACCEPT (iptables-extensions(8)).
CHAINS = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}
SHUT = "".join(
    f"*{table}\n" + "".join(f":{chain} DROP [0:0]\n" for chain in chains) + "COMMIT\n"
    for table, chains in CHAINS.items()
)
REQUEST = "1"
CABLES = "eth0", "veth-host"
HINT = "iptables sees IP packets on their way through the stack; what is sent another way?"


@dataclass(frozen=True)
class Escape:
    """What left the host while the script ran, and the policies afterwards."""

    done: Completed
    left: Sequence[Packet]
    accepted: Sequence[Packet]
    passed: int
    after: Ruleset

    @property
    def uncaught(self) -> list[Packet]:
        """What left past netfilter, without the ARP requests that accepted packets bring about."""
        if self.washed:
            return []
        past = [packet for packet in self.left if packet not in self.accepted]
        if not self.accepted:
            return past
        return [p for p in past if not (p.protocol == "arp" and p.flags == REQUEST)]

    @property
    def washed(self) -> bool:
        """Whether more packets passed iptables than bear its mark: what has none proves nothing.

        A packet that was cut, or doubled, on its way to the cable passed once.
        """
        return self.passed > len({packet.ip for packet in self.accepted if packet.begins})


@pytest.fixture(scope="module")
def cables(world: World, task: TaskRun) -> Iterator[tuple[Capture, ...]]:
    """A capture on each cable of the student's host: a packet leaves it by any of them."""
    with ExitStack() as stack:
        found = tuple(
            stack.enter_context(Capture(world, world.student.interface(name))) for name in CABLES
        )
        first, second = found
        task.keep("wire.pcap", lambda path: first.frames().save(path))
        task.keep(f"wire-{CABLES[1]}.pcap", lambda path: second.frames().save(path))
        yield found


@pytest.fixture(scope="module")
def escape(
    world: World, cables: tuple[Capture, ...], task: TaskRun, run_script: RunScript
) -> Escape:
    """Set every policy to DROP, run the script, and see what leaves."""
    for backend in (*BACKENDS, *BACKENDS_6):
        done = world.student.run(f"{backend}-restore", stdin=SHUT.encode())
        if done.exit != 0:
            raise GraderError(f"{backend}-restore {done.outcome}: {done.complaints.strip()}")
    with Tracer(world) as tracer:
        first = [len(cable.frames()) for cable in cables]
        done = run_script(world)
        with suppress(TimedOut):
            within = task.task.parameters["background_within_s"]
            wait_until(world.sandbox.idle, within=within, what="the end of background processes")
        left = [
            packet
            for cable, number in zip(cables, first, strict=True)
            for packet in cable.frames().packets[number:]
            if packet.sent
        ]
        passed = tracer.count()
        after = read_rules(world.student, (*BACKENDS, *BACKENDS_6))
    task.keep("rules.txt", lambda path: path.write_text(after.text))
    return Escape(done, left, [packet for packet in left if tracer.passed(packet)], passed, after)


def first_of(packets: Sequence[Packet]) -> Packet:
    """The first that somebody sent, if any: the kernel itself reports its groups (RFC 3810)."""
    return next((one for one in packets if not one.dst.startswith("ff02:")), packets[0])


@check("01d.leaves")
def leaves(escape: Escape, deliverable: Deliverable, task: TaskRun) -> str | None:
    """A packet leaves the host past iptables."""
    if not escape.uncaught:
        must_have_ended(escape.done, task.task.parameters["script_within_s"])
        if escape.washed:
            reason = (
                f"iptables let packets pass ({escape.passed}), since a policy or a rule was "
                f"changed, and not all on the wire still show it ({len(escape.accepted)} do)"
            )
        elif escape.accepted:
            reason = (
                f"what left, {first_of(escape.accepted)} first, went through OUTPUT: iptables saw "
                "it and let it pass, since a policy or a rule was changed; ARP requests beside it "
                "do not count"
            )
        else:
            reason = f"nothing left the host; the script {escape.done.outcome}; {caught(escape)}"
        raise CheckFailed(
            f"expected a packet on {' or '.join(CABLES)} while every policy is DROP: {reason}. "
            "See wire.pcap and wire-veth-host.pcap",
            hint="\n".join(filter(None, [HINT, said(escape.done)])),
        )
    stopped = ["the script did not end by itself"] if escape.done.exit is None else []
    return "; ".join([*deliverable.notes, *stopped]) or None


def caught(escape: Escape) -> str:
    """What came to OUTPUT, in words: nothing of it left."""
    chains = [chain for chain in escape.after.chains if chain.name == "OUTPUT"]
    ipv4 = sum(chain.packets for chain in chains if chain.backend in BACKENDS)
    ipv6 = sum(chain.packets for chain in chains if chain.backend in BACKENDS_6)
    if ipv4:
        return f"iptables saw what was sent, and dropped it in OUTPUT (IPv4 packets: {ipv4})"
    also = f"; ip6tables' dropped {ipv6}, the kernel's own among them" if ipv6 else ""
    return f"no IPv4 packet came to iptables' OUTPUT{also}"


@check("01d.policies_stay", needs="01d.leaves")
def policies_stay(escape: Escape) -> None:
    """Every policy of iptables and ip6tables is DROP afterwards."""
    found = {(c.backend, c.table, c.name): c.policy for c in escape.after.chains}
    for backend in (*BACKENDS, *BACKENDS_6):
        for table, chains in CHAINS.items():
            for chain in chains:
                policy = found.get((backend, table, chain), "ACCEPT")
                if policy != "DROP":
                    raise CheckFailed(
                        f"expected policy DROP after the script, found {policy}: {backend} "
                        f"-t {table} chain {chain}",
                        hint="a packet that iptables cannot catch needs no change of policy",
                    )
