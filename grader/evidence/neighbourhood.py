"""Which hosts of a LAN answer ARP and ICMP echo, asked by frames of our own.

The frames go from the switch to each host alone, in the name of the student's host, which need
neither be up nor gets to know them: what it knows of its neighbours is as before.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from grader.deadline import TimedOut, wait_until
from grader.evidence.capture import SECOND, Capture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.world import World
    from grader.world.blueprint import Interface

BROADCAST = "ff:ff:ff:ff:ff:ff"
REPLY, ECHO_REPLY = "2", b"\0"
ANSWERED_WITHIN = 10.0


@dataclass(frozen=True)
class Answers:
    """What a host has answered: how many ARP requests of two, and the echo request, after `echo_s`.

    The second ARP request comes behind the echo request: once it is answered, an echo reply that
    comes at once would have been seen.
    """

    arp: int
    echo_s: float | None

    @property
    def kinds(self) -> tuple[bool, bool]:
        """Whether it answers ARP, and echo."""
        return self.arp > 0, self.echo_s is not None


def ask(
    world: World, own: Interface, expected: Mapping[Interface, tuple[bool, bool]]
) -> dict[Interface, Answers]:
    """Ask hosts on the LAN of the student's interface `own`; returns what came.

    `expected` says of each whether it answers ARP, and echo: so much is waited for, and for some
    answer of each, at most 10 s.
    """
    with ExitStack() as stack:
        asked = {one: stack.enter_context(_Question(world, own, one)) for one in expected}

        def answered() -> bool:
            return all(asked[one].answered(*kinds) for one, kinds in expected.items())

        with suppress(TimedOut):
            wait_until(answered, within=ANSWERED_WITHIN, what="answers to ARP and echo requests")
        return {one: question.answers() for one, question in asked.items()}


class _Question:
    """Three frames to one host, and what comes back."""

    def __init__(self, world: World, own: Interface, host: Interface) -> None:
        self._host = host
        self._port = world.blueprint.other_end(host)
        self._own = own
        self._world = world
        self._capture = Capture(world, host)
        self._mark = world.rng.randbytes(16)

    def __enter__(self) -> _Question:
        src, dst = self._own.address(4), self._host.address(4)
        who = ARP(op=1, hwsrc=self._own.mac, psrc=src, pdst=dst)
        arp = bytes(Ether(src=self._own.mac, dst=BROADCAST) / who)
        echo = IP(src=src, dst=dst) / ICMP(id=self._mark[0]) / self._mark
        frames = [arp, bytes(Ether(src=self._own.mac, dst=self._host.mac) / echo), arp]
        self._world.host_of(self._port).inject(self._port.name, frames)
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.close()

    def answered(self, arp: bool, echo: bool) -> bool:  # noqa: FBT001 a host's two kinds
        found = self.answers()
        some = found.arp > 1 or found.echo_s is not None
        return some and found.arp >= 2 * arp and (found.echo_s is not None or not echo)

    def answers(self) -> Answers:
        frames = self._capture.frames()
        asked, arp, echo_s = 0, 0, None
        for packet, (time_ns, sent, frame) in zip(frames.packets, frames, strict=True):
            if not sent:
                asked = time_ns if self._mark in frame else asked
            elif packet.protocol == "arp" and packet.flags == REPLY:
                arp += packet.src == self._host.address(4)
            elif packet.protocol == "icmp" and packet.payload[:1] == ECHO_REPLY:
                echo_s = (time_ns - asked) / SECOND if self._mark in frame else echo_s
        return Answers(arp, echo_s)
