"""02c: answers.yaml names the TCP options of a SYN; checked against captured ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader import answers
from grader.check import check
from grader.document import Strict
from grader.errors import CheckFailed, GraderError
from grader.facts import Items, answered, must_be_answered, numbers, shown
from grader.traffic import clients
from tests_lab.vocabulary import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.evidence import Capture, Packet
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

SECTION = "02c"
SYN = "S"
# nmap's TCP scan, as the lab's page has it, of one port.
SCAN = ("nmap", "-Pn", "-p", "443", "8.8.8.8")
WITHIN = 60
TCP_HEADER = 20
# https://www.iana.org/assignments/tcp-parameters: the options that a SYN may bear, by kind.
KINDS = {
    0: "end of option list",
    1: "NOP",
    2: "MSS",
    3: "window scale",
    4: "SACK permitted",
    8: "timestamps",
    19: "MD5 signature",
    28: "user timeout",
    29: "authentication",
    30: "multipath TCP",
    34: "fast open cookie",
}
END, NOP = 0, 1
# These only fill up to four bytes (RFC 9293, 3.1), so they may be named or not.
FILLING = {"end of option list", "NOP"}
HINT = "wireshark: Transmission Control Protocol, Options; tcpdump -v: options [...]; RFC 9293, 3.1"


class Answers(Strict):
    """The section's keys; what is not there is not answered."""

    syn_options: Items = ()
    nmap_syn_options: Items = ()


@dataclass(frozen=True)
class Syn:
    """A SYN and the names of its options."""

    packet: Packet
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"packet {self.packet.number}, {self.packet}, has {', '.join(self.options)}"

    @property
    def asked(self) -> set[str]:
        """The options that must be named."""
        return set(self.options) - FILLING


@dataclass(frozen=True)
class Syns:
    """The first SYN of curl, and of nmap."""

    curl: Syn
    nmap: Syn


def option_kinds(packet: Packet) -> Iterator[int]:
    """The kinds of a TCP header's options, in their order (RFC 9293, 3.1)."""
    header = packet.ip[(packet.ip[0] & 0xF) * 4 :]
    rest = header[TCP_HEADER : (header[12] >> 4) * 4]
    while rest:
        yield rest[0]
        if rest[0] == END:
            return
        length = 1 if rest[0] == NOP else max(rest[1], 2)
        rest = rest[length:]


def first_syn(wire: Capture, before: int, command: str) -> Syn:
    """The first SYN that left since frame `before`."""
    packets = wire.frames().packets[before:]
    found = next(
        (
            p
            for p in packets
            if p.sent and p.protocol == "tcp" and p.flags == SYN and p.version == 4
        ),
        None,
    )
    if found is None:
        raise GraderError(f"{command} sent no SYN", remedy="grade again")
    kinds = list(option_kinds(found))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise GraderError(f"{command} sent a SYN with options of unknown kinds {unknown}")
    return Syn(found, tuple(KINDS[kind] for kind in kinds))


@pytest.fixture(scope="module")
def given(deliverable: Deliverable) -> Answers:
    """The section, as it was handed in."""
    return answers.read(deliverable, SECTION, Answers)


@pytest.fixture(scope="module")
def seen(world: World, wire: Capture, task: TaskRun) -> Syns:
    """The SYNs of curl and nmap in this run's world, captured."""
    start = len(wire.frames())
    request = clients.web_request(clients.SITES[0], 4)
    clients.together(world, request)
    curl = first_syn(wire, start, "curl")
    start = len(wire.frames())
    world.commands.append(f"{world.student.name}# {' '.join(SCAN)}")
    done = world.student.run(*SCAN, timeout=WITHIN)
    if done.exit != 0:
        raise GraderError(f"nmap {done.outcome}: {done.complaints.strip()[-300:]}")
    syns = Syns(curl, first_syn(wire, start, "nmap"))
    text = f"curl: {syns.curl}\nnmap: {syns.nmap}\n"
    task.keep("options.txt", lambda path: path.write_text(text, encoding="utf-8"))
    return syns


def names_in(items: Items) -> tuple[set[str], list[str]]:
    """The options that an answer names, and its items that name none."""
    named = {item: OPTIONS.found(item) for item in items if answered(item)}
    # `1460` behind a comma is a value of the option before it.
    unknown = [one for one, names in named.items() if not names and not is_value(one)]
    return {name for names in named.values() for name in names}, unknown


def is_value(item: str) -> bool:
    """Whether an item is a number and nothing else."""
    return bool(numbers(item)) and not any(c.isalpha() for c in item)


@check("02c.reads")
def reads(given: Answers, deliverable: Deliverable) -> str | None:
    """answers.yaml has a section 02c that can be read."""
    if not any(answered(item) for item in (*given.syn_options, *given.nmap_syn_options)):
        raise CheckFailed(
            f"none of the questions in section {SECTION} is answered",
            hint=f"its keys are {', '.join(Answers.model_fields)}",
        )
    return "; ".join(deliverable.notes) or None


@check("02c.all_options", needs="02c.reads")
def all_options(given: Answers, seen: Syns) -> None:
    """Every option of curl's SYN is named."""
    must_be_answered("syn_options", ", ".join(given.syn_options), HINT)
    named, _ = names_in(given.syn_options)
    missing = seen.curl.asked - named
    if missing:
        raise CheckFailed(
            f"syn_options: {', '.join(sorted(missing))} not named, {len(missing)} of "
            f"{len(seen.curl.asked)}: {seen.curl}; found in {shown(', '.join(given.syn_options))}: "
            f"{', '.join(sorted(named)) or 'none'}. See wire.pcap",
            hint=HINT,
            credit=1 - len(missing) / len(seen.curl.asked),
        )


@check("02c.no_others", needs="02c.reads")
def no_others(given: Answers, seen: Syns) -> None:
    """Nothing else is named."""
    must_be_answered("syn_options", ", ".join(given.syn_options), HINT)
    must_name_only(seen.curl, "syn_options", given.syn_options)


@check("02c.nmap_options", needs="02c.reads")
def nmap_options(given: Answers, seen: Syns) -> None:
    """The options of nmap's SYN are named, and nothing else."""
    must_be_answered("nmap_syn_options", ", ".join(given.nmap_syn_options), HINT)
    missing = seen.nmap.asked - names_in(given.nmap_syn_options)[0]
    if missing:
        raise CheckFailed(
            f"nmap_syn_options: {', '.join(sorted(missing))} is not named: {seen.nmap}. "
            "See wire.pcap",
            hint=HINT,
        )
    must_name_only(seen.nmap, "nmap_syn_options", given.nmap_syn_options)


def must_name_only(syn: Syn, question: str, items: Items) -> None:
    """Raise CheckFailed for what is named and not in the SYN."""
    named, unknown = names_in(items)
    extra = named - FILLING - syn.asked
    if extra:
        raise CheckFailed(
            f"{question}: {', '.join(sorted(extra))} {'is' if len(extra) == 1 else 'are'} no "
            f"option there: {syn}. See wire.pcap",
            hint=HINT,
        )
    if unknown:
        raise CheckFailed(
            f"{question}: {shown(unknown[0])} is no option that is known here",
            hint="its name as in wireshark, tcpdump or the RFC, and each option only by its name",
        )
