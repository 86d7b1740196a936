"""ping: ping.sh sends echo requests, which are counted and measured on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed
from grader.script import must_have_ended, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.script import RunScript
    from grader.evidence import Capture, Packet
    from grader.machine.process import Completed
    from grader.taskrun import TaskRun
    from grader.world import World

ECHO_REQUEST = 8
ICMP_HEADER = 8
PAGE = "man 8 ping"


@dataclass(frozen=True)
class Tried:
    """The script called with a neighbour's address, and the echo requests that left meanwhile."""

    address: str
    done: Completed
    requests: Sequence[Packet]


def is_request(packet: Packet) -> bool:
    """An echo request of the student's host."""
    sent = packet.sent and packet.protocol == "icmp" and packet.version == 4
    return sent and packet.payload[0] == ECHO_REQUEST


@pytest.fixture(scope="module")
def tried(world: World, wire: Capture, task: TaskRun, run_script: RunScript) -> Tried:
    """Call the script once, with the address of a neighbour drawn from the seed."""
    neighbour = world.rng.choice(world.hosts_called("neighbour"))
    address = world.host(neighbour).interface().address(4)
    done = run_script(world, address)
    must_have_ended(done, task.task.parameters["script_within_s"])
    return Tried(address, done, [p for p in wire.frames().packets if is_request(p)])


@check("ping.sends")
def sends(tried: Tried) -> None:
    """Echo requests leave for the address given, and for no other."""
    if not tried.requests:
        raise CheckFailed(
            f"expected echo requests to {tried.address}, saw none; "
            f"the script {tried.done.outcome}. See wire.pcap",
            hint=said(tried.done) or PAGE,
        )
    astray = [packet for packet in tried.requests if packet.dst != tried.address]
    if astray:
        raise CheckFailed(
            f"expected echo requests to {tried.address} only; packet {astray[0].number} went to "
            f"{astray[0].dst}. See wire.pcap",
            hint='in bash, "$1" is the first argument',
        )


@check("ping.count", needs="ping.sends")
def count(tried: Tried, task: TaskRun) -> None:
    """There are exactly as many as the task asks for."""
    wanted = task.task.parameters["count"]
    if len(tried.requests) != wanted:
        raise CheckFailed(
            f"expected {wanted} echo requests, saw {len(tried.requests)}. See wire.pcap",
            hint=f"{PAGE}: -c",
        )


@check("ping.size", needs="ping.sends")
def size(tried: Tried, task: TaskRun) -> None:
    """Each carries as many bytes as the task asks for."""
    wanted = task.task.parameters["payload"]
    for packet in tried.requests:
        found = len(packet.payload) - ICMP_HEADER
        if found != wanted:
            raise CheckFailed(
                f"expected {wanted} bytes behind the ICMP header, found {found} in packet "
                f"{packet.number}. See wire.pcap",
                hint=f"{PAGE}: -s",
            )
