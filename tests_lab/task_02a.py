"""02a: arp_not_icmp.sh names the hosts of a LAN that answer ARP but not ICMP echo."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed, GraderError, Overrun
from grader.evidence import Answers, Capture, Line, ask, lines_with_addresses, marks
from grader.script import must_have_ended, said
from grader.world import neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fixtures.script import RunScript
    from fixtures.world import NewWorld
    from grader.evidence.capture import Frames
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World
    from grader.world.blueprint import Interface

FIRST, SECOND = "eth0", "eth1"
TWO_LANS = "two_offices"
# How hosts' names begin in office.yaml and two_offices.yaml, and why they are silent.
SILENT, SLOW, HIDDEN = "silent", "slow", "hidden"
WHY = {
    "silent_sysctl": "its kernel ignores echo requests",
    "silent_near": "its kernel ignores echo requests",
    "silent_echo": "its firewall drops echo requests",
    "silent_icmp": "its firewall drops all ICMP",
    "silent_rate": "it answers one echo request an hour",
}
MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
ARP_REQUEST, ECHO_REQUEST, ECHO_REPLY = "1", b"\x08", b"\x00"
# The handout asks for half a second's patience: an answer of ours must not take so long.
PATIENCE_S = 0.45
# For a script that found the table of neighbours full, or hosts that the machine's load made slow.
ATTEMPTS = 3
LESS_LOAD = "grade again on a machine with less load, or with fewer workers at a time (-n)"
PAGE = "man 8 arp-scan: --interface, --localnet; man 8 ping: -c, -W"
INTERFACE = "the interface is $1: arp-scan --interface=$1; ip addr, neigh, route: dev $1"
ON_STANDARD_OUTPUT = (
    "a file is not read, nor what is printed when the script has ended: `wait` for what runs in "
    "the background"
)
PING_EACH = (
    "ping each host that arp-scan finds, and print it only if that fails; or mark every host, as "
    "in `ADDRESS ==> ok`. What ping and arp-scan print themselves is not the answer"
)
NOT_PINGED = (
    "no echo request went to that host: does the loop come to every host, also if a command in it "
    "reads standard input? is it that address that is pinged, with options that ping knows?"
)
CHANGES = "network and hosts change from run to run: ask for them, as arp-scan --localnet does"
IN_TIME = (
    "ping only what answered ARP, or all at once: `ping … &` in the loop, `wait` behind it; and "
    "let each ping end soon (-c 1 -W 1)"
)


@dataclass(frozen=True)
class Lan:
    """A LAN of the student's host: its own interface there, and all other hosts by address.

    `others` are the student's addresses on other LANs.
    """

    own: Interface
    hosts: dict[str, Interface]
    others: tuple[str, ...]

    @classmethod
    def of(cls, world: World, own: Interface) -> Lan:
        """The LAN that `own` is on."""
        blueprint = world.blueprint
        switch = blueprint.other_end(own).host
        there = [one for one in blueprint.interfaces if one.mac and one != own]
        here = [one for one in there if blueprint.other_end(one).host == switch]
        mine = [one for one in blueprint.interfaces if one.host == own.host and one != own]
        return cls(
            own, {one.address(4): one for one in here}, tuple(one.addresses[0] for one in mine)
        )

    def called(self, *kinds: str) -> list[str]:
        """The addresses of hosts whose names begin with one of `kinds`."""
        return [address for address, one in self.hosts.items() if one.host.startswith(kinds)]

    @property
    def prompt(self) -> list[str]:
        """The addresses of hosts that answer ARP and echo at once."""
        return [a for a in self.hosts if a not in self.called(SILENT, SLOW, HIDDEN)]

    def elsewhere(self, address: str) -> bool:
        """Whether an address is of another LAN of the student's host."""
        return any(ip_address(address) in ip_interface(one).network for one in self.others)

    def expected(self) -> dict[Interface, tuple[bool, bool]]:
        """What each host is to answer: ARP, and echo."""
        return {
            one: (not one.host.startswith(HIDDEN), not one.host.startswith(SILENT))
            for one in self.hosts.values()
        }


@dataclass(frozen=True)
class Scan:
    """What the script printed, what passed meanwhile, and what the LAN's hosts do answer."""

    lan: Lan
    done: Completed
    lines: list[Line]
    marks: list[str]
    frames: Frames
    afterwards: Frames
    answers: dict[Interface, Answers]
    suffix: str
    crowded: bool  # whether the kernel had no room for all neighbours

    @property
    def wrong(self) -> str:
        """A host that does not answer as the topology says; empty if all do."""
        for one, kinds in self.lan.expected().items():
            if self.answers[one].kinds != kinds:
                return f"{one.host} does not answer as it should: {self.answers[one]}"
        return ""

    @property
    def belated(self) -> str:
        """A host that was printed after an answer that came too late; empty if there is none."""
        for address in self.lan.called(SLOW):
            if address in self.printed and (took := self.longest_wait(address)) > PATIENCE_S:
                return f"{address} took {took:.2f} s to answer the script"
        return ""

    @property
    def disturbed(self) -> bool:
        """Whether the machine, not the script, may be what is wrong."""
        return bool(self.crowded or self.wrong or self.belated)

    @cached_property
    def printed(self) -> dict[str, Line]:
        """Every address that is printed as an answer, with the last line that names it."""
        return {a: line for line in self._counted() for a in line.addresses}

    @cached_property
    def alone(self) -> set[str]:
        """Those that stand on a line of their own."""
        return {line.addresses[0] for line in self._counted() if len(line.addresses) == 1}

    def _counted(self) -> Iterator[Line]:
        return (line for line, mark in zip(self.lines, self.marks, strict=True) if mark != "ok")

    def asked(self, address: str) -> str:
        """What the script sent to an address, in words."""
        sent = [one for one in self.frames.packets if one.sent and one.dst == address]
        arp = sum(one.protocol == "arp" and one.flags == ARP_REQUEST for one in sent)
        echo, replied = self.pings(address), ", and it replied" * self.replied(address)
        return (
            f"{arp} ARP and {len(echo)} echo requests went to it{replied} (wire{self.suffix}.pcap)"
        )

    @property
    def asked_nobody(self) -> bool:
        """Whether no ARP request of the script came to the LAN."""
        sent = (one for one in self.frames.packets if one.sent and one.protocol == "arp")
        return all(one.flags != ARP_REQUEST for one in sent)

    def pings(self, address: str) -> list[bytes]:
        """The script's echo requests to an address, by identifier and sequence number (RFC 792)."""
        to_it = (one for one in self.frames.packets if one.sent and one.dst == address)
        echo = (one.payload for one in to_it if one.protocol == "icmp")
        return [payload[4:8] for payload in echo if payload[:1] == ECHO_REQUEST]

    def replied(self, address: str) -> bool:
        """Whether an address answered one of them."""
        asked = self.pings(address)
        came = (one for one in self.afterwards.packets if one.src == address)
        replies = (one.payload for one in came if one.protocol == "icmp")
        return any(one[:1] == ECHO_REPLY and one[4:8] in asked for one in replies)

    def longest_wait(self, address: str) -> float:
        """The seconds that an address took at most to answer one of the script's echo requests."""
        asked: dict[bytes, int] = {}
        longest = 0
        for one in self.afterwards.packets:
            about = one.payload[4:8]  # identifier and sequence number (RFC 792)
            if one.protocol != "icmp":
                continue
            if one.sent and one.dst == address and one.payload[:1] == ECHO_REQUEST:
                asked.setdefault(about, one.time_ns)
            elif one.src == address and one.payload[:1] == ECHO_REPLY and about in asked:
                longest = max(longest, one.time_ns - asked.pop(about))
        return longest / 1e9

    def save_hosts(self, path: Path) -> None:
        """Write what each host answers, as our own probe has seen it."""
        rows = [f"# {self.lan.own.name}: {self.lan.own.addresses[0]}"]
        for address, one in self.lan.hosts.items():
            found = self.answers[one]
            late = "no" if found.echo_s is None else f"after {found.echo_s * 1000:.1f} ms"
            arp = "yes" if found.arp else "no"
            rows.append(f"{address:15} {one.mac} {one.host:15} ARP: {arp:3} echo: {late}")
        path.write_text("\n".join([*rows, ""]), encoding="utf-8")


def look(world: World, task: TaskRun, run_script: RunScript, name: str, suffix: str = "") -> Scan:
    """Run the script on the LAN of interface `name`, then see ourselves what its hosts answer."""
    lan = Lan.of(world, world.student.interface(name))
    with Capture(world, lan.own) as wire:
        task.keep(f"wire{suffix}.pcap", lambda path: wire.frames().save(path))
        done = run_script(world, name, interface=name)
        frames = wire.frames()
        answers = ask(world, lan.own, lan.expected())
        afterwards = wire.frames()
    task.keep(f"wire{suffix}.pcap", frames.save)
    lines = lines_of_hosts(world, done.output)
    scan = Scan(lan, done, lines, marks(lines), frames, afterwards, answers, suffix, world.crowded)
    task.keep(f"hosts{suffix}.txt", scan.save_hosts)
    return scan


def lines_of_hosts(world: World, output: str) -> list[Line]:
    """The lines of `output` that name a host, without addresses that name none.

    These are the student's host's own, a network's and its broadcast address, and those that are
    neither of its LANs nor any host's: netmasks, versions.
    """
    student, every = world.blueprint.student, world.blueprint.interfaces
    own = [ip_interface(a) for one in every if one.host == student for a in one.addresses]
    others = {
        str(ip_interface(a).ip) for one in every if one.host != student for a in one.addresses
    }
    for network in (one.network for one in own if one.version == 4):
        others |= {str(address) for address in network.hosts()}
    others -= {str(one.ip) for one in own}
    lines = (
        replace(line, addresses=tuple(a for a in line.addresses if a in others))
        for line in lines_with_addresses(output)
    )
    return [line for line in lines if line.addresses]


@pytest.fixture(scope="module")
def scan(new_world: NewWorld, task: TaskRun, run_script: RunScript) -> Scan:
    """The script on a host with one LAN."""

    def attempt() -> Scan:
        with new_world("commands") as world:
            return look(world, task, run_script, FIRST)

    return undisturbed(task, attempt, lans=1)


@pytest.fixture(scope="module")
def second(new_world: NewWorld, task: TaskRun, run_script: RunScript) -> Scan:
    """The script on a host with two LANs, called for the second."""

    def attempt() -> Scan:
        with new_world("commands-two-lans", topology=TWO_LANS) as world:
            return look(world, task, run_script, SECOND, "-two-lans")

    return undisturbed(task, attempt, lans=2)


def undisturbed(task: TaskRun, attempt: Callable[[], Scan], lans: int) -> Scan:
    """The first scan that was not disturbed, or else the last.

    On this host's kernel a few are made at a time; after one that was disturbed, one alone. Raises
    GraderError if the LAN was not what its topology says in any of them.
    """
    for number in range(ATTEMPTS):
        if number:
            task.forget_fault()
        own_kernel = task.sandbox == "vm"
        with nullcontext() if own_kernel else neighbours.room(neighbours.LANS if number else lans):
            seen = attempt()
        if not seen.disturbed:
            break
    if seen.wrong:
        raise GraderError(seen.wrong, remedy=LESS_LOAD)
    return seen


def must_name_hosts(scan: Scan, within: float) -> None:
    """Raise CheckFailed or Overrun if the script did not come to name any host."""
    if scan.done.exit is None and not scan.done.flooded:
        raise Overrun(
            f"`bash arp_not_icmp.sh {scan.lan.own.name}` did not end within {within:g} s and was "
            f"killed; it had printed {len(scan.lines)} lines with addresses of hosts",
            hint=IN_TIME,
        )
    must_have_ended(scan.done, within)
    if scan.lines:
        return
    found, remedy = "nothing was printed", said(scan.done) or ON_STANDARD_OUTPUT
    if MAC.search(scan.done.output):
        found = "only MAC addresses were printed"
    elif lines_with_addresses(scan.done.complaints):
        found = "addresses went to standard error only"
    elif lines_with_addresses(scan.done.output):
        found, remedy = "the addresses printed belong to no other host", CHANGES
    elif scan.done.output.strip():
        found = "what was printed names none"
    raise CheckFailed(
        f"expected hosts' IPv4 addresses on standard output; {found}, and the script "
        f"{scan.done.outcome}. See output.txt",
        hint=remedy,
    )


def must_have_silent(scan: Scan) -> None:
    """Raise CheckFailed if a host that answers ARP only is not printed on a line of its own."""
    for address in scan.lan.called(SILENT):
        if address in scan.alone:
            continue
        marked = [line for line in scan.lines if address in line.addresses]
        found = "it is not printed"
        if address in scan.printed:
            found = f"it shares {scan.printed[address]}"
        elif marked:
            found = f"it is marked ok in {marked[-1]}"
        name = scan.lan.hosts[address].host
        raise CheckFailed(
            f"{address} answers ARP but not ICMP echo ({WHY[name.rstrip('0123456789')]}) and is to "
            f"stand on a line of its own: {found}. {scan.asked(address)}. See "
            f"hosts{scan.suffix}.txt",
            hint=hint_for_missing(scan, address, is_marked=bool(marked)),
        )


def hint_for_missing(scan: Scan, address: str, *, is_marked: bool) -> str:
    """What may have gone wrong where a silent host is missing."""
    if scan.printed and set(scan.printed) <= set(scan.lan.prompt) | set(scan.lan.called(SLOW)):
        return "these are the hosts that do answer: print those whose ping fails"
    if any(len(line.addresses) > 1 for line in scan.lines):
        return 'one address a line: quote the variable, as in echo "$list", or echo in the loop'
    words = [said(scan.done)] if scan.done.complaints.strip() else []
    if scan.asked_nobody:
        words.append(PAGE)
    elif not scan.pings(address):
        words.append(NOT_PINGED)
    elif is_marked and not scan.replied(address):
        words.append(
            "none of its echo requests was answered, so it is no `ok`: only ping's own exit status "
            "tells ($? is the last command's, in a pipe the last one's), and nmap -sn tries more "
            "than echo"
        )
    return "\n".join(words) or PAGE


def must_not_have(scan: Scan, addresses: list[str], why: str, hint: str) -> None:
    """Raise CheckFailed if one of `addresses` is printed."""
    for address in addresses:
        if address not in scan.printed:
            continue
        raise CheckFailed(
            f"{address} {why}, and is not to be printed; found in {scan.printed[address]}. "
            f"{scan.asked(address)}. See hosts{scan.suffix}.txt",
            hint=hint,
        )


@check("02a.runs")
def runs(scan: Scan, deliverable: Deliverable, task: TaskRun) -> str | None:
    """The script ends in time and prints addresses of hosts."""
    must_name_hosts(scan, task.task.parameters["script_within_s"])
    return "; ".join(deliverable.notes) or None


@check("02a.silent", needs="02a.runs")
def silent(scan: Scan) -> None:
    """Every host that answers ARP but not ICMP echo is printed."""
    must_have_silent(scan)


@check("02a.answering", needs="02a.silent")
def answering(scan: Scan) -> None:
    """No host that answers ICMP echo is printed."""
    printed = [address for address in scan.lan.prompt if address in scan.printed]
    hints = [PING_EACH, NOT_PINGED] if printed and not scan.pings(printed[0]) else [PING_EACH]
    must_not_have(
        scan,
        printed,
        "answers ARP and ICMP echo",
        "\n".join(hints),
    )


@check("02a.slow", needs="02a.answering")
def slow(scan: Scan) -> None:
    """A host that takes its time to answer is not printed."""
    (address,) = scan.lan.called(SLOW)
    late = scan.answers[scan.lan.hosts[address]].echo_s or 0.0
    if scan.belated:
        raise GraderError(scan.belated, remedy=LESS_LOAD)
    must_not_have(
        scan,
        [address],
        f"answers ICMP echo after {late * 1000:.0f} ms",
        "hosts need not answer at once: wait for half a second at least, as ping -W 1 does",
    )


@check("02a.absent", needs="02a.silent")
def absent(scan: Scan) -> None:
    """No address is printed that does not answer ARP."""
    answer = {*scan.lan.prompt, *scan.lan.called(SILENT, SLOW)}
    network = ip_interface(scan.lan.own.addresses[0]).network
    others = [address for address in scan.printed if address not in answer]
    must_not_have(
        scan,
        [address for address in others if ip_address(address) in network],
        "does not answer ARP",
        "that ping fails is not enough: a neighbour that is FAILED or INCOMPLETE did not answer "
        "ARP; man 8 ip-neighbour",
    )
    must_not_have(scan, others, f"is not on the LAN, {network}", "print the LAN's hosts only")


@check("02a.interface", needs="02a.silent")
def interface(second: Scan, task: TaskRun) -> None:
    """With two LANs, it is the one of the interface that is asked for."""
    try:
        must_name_hosts(second, task.task.parameters["script_within_s"])
        must_have_silent(second)
    except CheckFailed as lost:
        told = f"called for {SECOND}, on a host with two LANs: {lost.message}"
        raise type(lost)(told, hint=f"{INTERFACE}\n{lost.hint}".strip()) from lost
    must_not_have(
        second,
        [address for address in second.printed if second.lan.elsewhere(address)],
        f"is not on the LAN of {SECOND}, for which the script was called",
        INTERFACE,
    )
