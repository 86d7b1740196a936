"""limit: limit.sh RATE makes the host answer at most so many echo requests a second."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed, GraderError
from grader.script import must_have_ended, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.script import RunScript
    from grader.evidence import Capture, Packet
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

ECHO_REPLY, ECHO_REQUEST = 0, 8
CLOSED = "9"
# So many times the rate must have been asked for.
MANY = 3
RECEIVED = re.compile(r"(\d+) received")
PAGE = "man 8 nft: LIMIT STATEMENT; man 8 iptables-extensions: limit"


@dataclass(frozen=True)
class Flood:
    """The script called with a rate, then echo requests of two neighbours at once."""

    rate: int
    done: Completed
    requests: Sequence[Packet]
    replies: Sequence[Packet]

    @property
    def seconds(self) -> float:
        """From the first request to the last."""
        return (self.requests[-1].time_ns - self.requests[0].time_ns) / 1e9

    @property
    def shown(self) -> str:
        """What was seen."""
        return (
            f"of {len(self.requests)} requests in {self.seconds:.1f} s, {len(self.replies)} were "
            "answered. See wire.pcap"
        )


def echoes(packets: Sequence[Packet], kind: int, *, sent: bool) -> list[Packet]:
    """ICMP messages of a kind, sent or received by the student's host."""
    icmp = [p for p in packets if p.protocol == "icmp" and p.version == 4 and p.sent == sent]
    return [p for p in icmp if p.payload[0] == kind]


@pytest.fixture(scope="module")
def flood(world: World, wire: Capture, task: TaskRun, run_script: RunScript) -> Flood:
    """Call the script once, then ping the host from two neighbours, faster than it may answer."""
    parameters = task.task.parameters
    rate = world.rng.randrange(*parameters["rates"])
    done = run_script(world, str(rate))
    must_have_ended(done, parameters["script_within_s"])
    first = len(wire.frames())
    address = world.student.interface().address(4)
    often = ["-w", str(parameters["flood_s"]), "-i", str(parameters["interval_s"])]
    pings = [
        world.host(name).start("ping", "-n", "-q", *often, address)
        for name in world.hosts_called("neighbour")[:2]
    ]
    for ping in pings:
        ping.finish(60)
    packets = wire.frames().packets[first:]
    requests = echoes(packets, ECHO_REQUEST, sent=False)
    found = Flood(rate, done, requests, echoes(packets, ECHO_REPLY, sent=True))
    if len(requests) < 2 or len(requests) < MANY * rate * found.seconds:
        what = f"only {len(requests)} echo requests came: too few to exceed {rate} a second"
        raise GraderError(what, remedy="fewer workers, then grade again")
    return found


@check("limit.runs")
def runs(flood: Flood, deliverable: Deliverable) -> str | None:
    """Called with a rate, the script leaves a host that answers echo requests."""
    if not flood.replies:
        raise CheckFailed(
            f"expected answers to some echo requests, saw none to {len(flood.requests)}; "
            f"the script {flood.done.outcome}. See wire.pcap",
            hint=said(flood.done) or PAGE,
        )
    return "; ".join(deliverable.notes) or None


@check("limit.not_more", needs="limit.runs")
def not_more(flood: Flood) -> None:
    """No more requests are answered than the rate allows, whoever sends them."""
    # A token bucket begins full; we let it hold a second's worth.
    most = flood.rate * (flood.seconds + 1) + 2
    if len(flood.replies) > most:
        raise CheckFailed(
            f"at {flood.rate} a second, expected at most {most:.0f} answers; {flood.shown}",
            hint=f"what exceeds the limit must be dropped, for all senders together: {PAGE}",
        )


@check("limit.not_less", needs="limit.runs")
def not_less(flood: Flood, task: TaskRun) -> None:
    """As many are answered as the rate allows."""
    least = flood.rate * flood.seconds * task.task.parameters["least"] - 1
    if len(flood.replies) < least:
        raise CheckFailed(
            f"at {flood.rate} a second, expected at least {least:.0f} answers; {flood.shown}",
            hint=f'the rate is "$1", a second: {PAGE}',
        )


@check("limit.only_echo", needs="limit.runs")
def only_echo(flood: Flood, world: World, wire: Capture, task: TaskRun) -> None:  # noqa: ARG001
    """No other packet is limited."""
    number = task.task.parameters["others"]
    name = world.hosts_called("neighbour")[0]
    neighbour = world.host(name).interface().address(4)
    ping = ["ping", "-n", "-q", "-c", str(number), "-i", "0.01", neighbour]
    done = world.student.run(*ping, timeout=30)
    found = RECEIVED.search(done.output)
    if found is None:
        raise GraderError(f"ping {done.outcome}: {done.complaints[-300:]}")
    must_be_all("answers to the host's own pings", int(found[1]), number)
    first = len(wire.frames())
    address = world.student.interface().address(4)
    often = ["-c", str(number), "--rate", "100"]
    world.host(name).run("nping", "--tcp", "-p", CLOSED, *often, address, timeout=30)
    tcp = [p for p in wire.frames().packets[first:] if p.protocol == "tcp"]
    syns, resets = (sum(p.sent == sent for p in tcp) for sent in (False, True))
    must_be_all("TCP connections to a closed port, each refused by a reset", resets, syns)


def must_be_all(what: str, found: int, number: int) -> None:
    """Everything got through that has nothing to do with the limit."""
    if found < number:
        raise CheckFailed(
            f"expected {number} {what}, saw {found}. See wire.pcap",
            hint=f"only echo requests that come in are limited: {PAGE}",
        )
