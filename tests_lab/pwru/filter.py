"""A call of pwru, judged by which packets its filter takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.errors import CheckFailed, GraderError
from grader.machine.client import CallError
from tests_lab.pwru import command as pwru_command
from tests_lab.pwru import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from grader.world import World
    from tests_lab.pwru.command import Command
    from tests_lab.pwru.corpus import Sample

HINT = "man 7 pcap-filter: dst host, dst port; in quotes, so that the shell leaves it alone"
SITE = "www.google.com"
# Loads of a word, a half word and a byte from a fixed place (linux/bpf_common.h).
LOADS = {0x20, 0x28, 0x30}
SKF_AD_OFF = 0xFFFFF000


@dataclass(frozen=True)
class Call:
    """One call of pwru, and what its filter takes of the packets that it should, or should not."""

    shown: str
    refused: CheckFailed | None = None
    command: Command | None = None
    missed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    source: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def merit(self) -> int:
        """How much of it is right."""
        if self.refused or self.command is None:
            return -1
        return (not self.missed) + (not self.extra) + self.command.relative


class Filter:
    """A pcap filter as pwru uses it: compiled for packets with and without Ethernet's header.

    pwru takes the program that fits the skb; one on its way out gets its link header late. What
    does not compile for IP takes no packet there. Source: cilium/pwru, internal/libpcap/inject.go.
    """

    def __init__(self, world: World, expression: str) -> None:
        """Raises CheckFailed if it cannot be compiled for Ethernet, and so not at all."""
        self._world = world
        self._programs: dict[str, list[list[int]]] = {}
        complaint = ""
        for link in ("RAW", "EN10MB"):
            done = world.student.run("nfbpf_compile", link, expression, timeout=60)
            if done.exit == 0:
                steps = done.output.strip().split(",")[1:]
                self._programs[link] = [[int(number) for number in one.split()] for one in steps]
            complaint = complaint or done.complaints.strip()
            if done.exit != 0 and not done.complaints.startswith("nfbpf_compile: "):
                raise GraderError(f"nfbpf_compile {done.outcome}: {done.complaints[-300:]}")
        if "EN10MB" not in self._programs:
            raise CheckFailed(
                "pwru's filter, all its words that are no options, cannot be compiled: "
                f"“{expression[:200]}”; {complaint.removeprefix('nfbpf_compile: ')[-200:]}",
                hint=HINT,
            )
        if any(is_ancillary(*step) for program in self._programs.values() for step in program):
            raise CheckFailed(
                f"pwru cannot use the filter “{expression[:200]}”: it asks for what is not in a "
                "packet's bytes, such as its direction or interface",
                hint="an outgoing packet is known by its destination",
            )

    def at_ip(self, samples: Iterable[Sample]) -> list[bool]:
        """Which it takes while there is no link header."""
        return self._run("RAW", [one.ip for one in samples])

    def anywhere(self, samples: Iterable[Sample]) -> list[bool]:
        """Which it takes at some time on their way."""
        framed = self._run("EN10MB", [one.ethernet for one in samples])
        return [any(both) for both in zip(self.at_ip(samples), framed, strict=True)]

    def _run(self, link: str, packets: list[bytes]) -> list[bool]:
        program = self._programs.get(link)
        if program is None:
            return [False] * len(packets)
        try:
            taken: list[bool] = self._world.machine.call(
                "filters.run", program=program, packets=packets
            )
        except CallError as error:
            raise CheckFailed(
                f"the filter's program is refused by the kernel: {error.what[:200]}", hint=HINT
            ) from error
        return taken


def is_ancillary(code: int, _: int, __: int, value: int) -> bool:
    """Whether a step loads what the kernel knows of a packet, which pwru's translation refuses.

    Sources: linux/filter.h (SKF_AD_OFF), README of github.com/cloudflare/cbpfc.
    """
    return code in LOADS and value >= SKF_AD_OFF


def judged(world: World, arguments: list[str], own: str) -> Call | None:
    """One call, with its filter run over our packets; None for a look at the help."""
    shown = " ".join(["pwru", *arguments])[:300]
    try:
        command = pwru_command.parse(arguments)
        if not command.traces:
            return None
        taking = Filter(world, command.filter)
        call = Call(shown, command=command, arguments=tuple(arguments))
        tries = [
            _tried(replace(call, source=source), taking, world)
            for source in corpus.sources(own, command.filter)
        ]
    except CheckFailed as refused:
        return Call(shown, refused=refused)
    return min(tries, key=lambda call: (bool(call.missed), len(call.extra)))


def _tried(call: Call, taking: Filter, world: World) -> Call:
    """The call, tried with queries and other packets of one host."""
    rng: Random = world.rng
    queries = corpus.queries(call.source, rng)
    others = corpus.others(call.source, world.addresses(SITE, 4)[0], rng)
    missed = [one.what for one, ok in zip(queries, taking.at_ip(queries), strict=True) if not ok]
    extra = [one.what for one, ok in zip(others, taking.anywhere(others), strict=True) if ok]
    return replace(call, missed=tuple(missed), extra=tuple(extra))
