"""count: count.bt counts, by process, the UDP datagrams that are sent over IPv4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from grader.check import check
from grader.errors import CheckFailed, GraderError
from grader.evidence import Bpftrace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.evidence import Event
    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

NEEDS_KERNEL = ["kernel_tracing"]
PAGE = "man 8 bpftrace: count, comm"
DISCARD = "9"
# Takes a name of its own (proc_pid_comm(5)), then sends datagrams, or goes from one refused
# connection to the next.
PROGRAM = r"""
import socket, sys
name, kind, number, address, port = sys.argv[1:]
with open("/proc/self/comm", "w") as comm:
    comm.write(name)
for i in range(int(number)):
    with socket.socket(socket.AF_INET, getattr(socket, kind)) as s:
        if kind == "SOCK_DGRAM":
            s.sendto(b"netlab", (address, int(port)))
        else:
            s.connect_ex((address, int(port)))
"""


@dataclass(frozen=True)
class Counted:
    """What was sent by processes of which name, and what the script printed of it at its end."""

    sent: dict[str, int]
    connected: str
    events: Sequence[Event]

    @property
    def printed(self) -> dict[str, int]:
        """Names with numbers: what stands in maps by a name, or in a line with one."""
        found: dict[str, int] = {}
        for event in self.events:
            for value in event.maps.values():
                found |= named(value)
            words = event.text.replace(":", " ").replace(",", " ").split()
            for name in {*self.sent, self.connected} & set(words):
                numbers = [int(word) for word in words if word.isdecimal()]
                found |= {name: numbers[-1]} if numbers else {}
        return found

    @property
    def shown(self) -> str:
        """What it printed, for a message."""
        said = [event.text.strip() or str(event.maps) for event in self.events]
        return "; ".join(text for text in said if text not in {"", "{}"})[:400] or "nothing"


def named(value: Any) -> dict[str, int]:
    """A map's numbers by its keys, of keys of several parts by each part."""
    if not isinstance(value, dict):
        return {}
    return {
        part.strip(): number
        for key, number in value.items()
        for part in str(key).split(",")
        if isinstance(number, int)
    }


@pytest.fixture(scope="module")
def trace(deliverable: Deliverable, machine: Machine, task: TaskRun) -> Iterator[Bpftrace]:
    """The script, running."""
    with Bpftrace(machine, deliverable.name, deliverable.data) as running:
        task.keep("printed.txt", running.save)
        yield running


@pytest.fixture(scope="module")
def counted(trace: Bpftrace, world: World, task: TaskRun) -> Counted:
    """Let processes of random names send while the script runs, then interrupt it."""
    parameters = task.task.parameters
    trace.attached(parameters["attaches_within_s"])
    names = [f"p{world.rng.getrandbits(32):08x}" for _ in range(parameters["processes"] + 1)]
    numbers = [world.rng.randrange(*parameters["datagrams"]) for _ in names]
    sent = dict(zip(names[1:], numbers[1:], strict=True))
    address = world.host("neighbour1").interface().address(4)
    send(world, names[0], "SOCK_STREAM", numbers[0], address)
    for name, number in sent.items():
        send(world, name, "SOCK_DGRAM", number, address)
    events = trace.interrupt(parameters["ends_within_s"])
    return Counted(sent, names[0], [event for event in events if event.final])


def send(world: World, name: str, kind: str, number: int, address: str) -> None:
    """Have a process of that name send."""
    argv = ["/usr/bin/python3", "-I", "-S", "-c", PROGRAM, name, kind, str(number), address]
    done = world.student.run(*argv, DISCARD, timeout=30)
    if done.exit != 0:
        raise GraderError(f"{name} {done.outcome}: {done.complaints[-300:]}")


@check("count.attaches", requires=NEEDS_KERNEL)
def attaches(counted: Counted, deliverable: Deliverable) -> str | None:  # noqa: ARG001
    """The script attaches its probes, and ends cleanly on Ctrl-C."""
    return "; ".join(deliverable.notes) or None


@check("count.by_process", needs="count.attaches", requires=NEEDS_KERNEL)
def by_process(counted: Counted) -> None:
    """At its end it prints a number for each process that sends, by name."""
    for name, number in counted.sent.items():
        if name not in counted.printed:
            raise CheckFailed(
                f"a process {name} sent {number} datagrams; after Ctrl-C the script printed "
                f"{counted.shown}",
                hint=f"a map with the key comm: {PAGE}",
            )


@check("count.exact", needs="count.by_process", requires=NEEDS_KERNEL)
def exact(counted: Counted) -> None:
    """It is the number of datagrams."""
    for name, number in counted.sent.items():
        found = counted.printed[name]
        if found != number:
            raise CheckFailed(
                f"{name} sent {number} datagrams, the script printed {found}",
                hint=f"count each call once: {PAGE}",
            )


@check("count.only_udp", needs="count.by_process", requires=NEEDS_KERNEL)
def only_udp(counted: Counted) -> None:
    """What is no UDP datagram is not counted."""
    found = counted.printed.get(counted.connected, 0)
    if found:
        raise CheckFailed(
            f"{counted.connected} tried TCP connections only, yet the script printed {found} of it",
            hint="a function of UDP alone: sudo bpftrace -l 'kprobe:udp*'",
        )
