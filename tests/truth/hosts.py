"""The student's host, with what a script has done to iptables there, and packets sent past it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runs import REPO

from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.image import Image
    from grader.machine.client import Machine

PROBE = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
INTERNET = REPO / "fixtures" / "topologies" / "internet.yaml"
CHAIN = re.compile(r"^Chain (\S+)")
PREFIX = re.compile(r'prefix "(.*)"')
Attempt = tuple[str, int, str, int, bool]


@dataclass(frozen=True)
class Group:
    """Sockets of one user: protocol, source port, host, port, whether an answer is awaited."""

    name: str
    attempts: Sequence[Attempt]
    uid: int = 0
    gid: int = 0
    counts: bool = True


@dataclass(frozen=True)
class Seen:
    """What became of a group: its packets on the wire, answers, and LOG's count by prefix."""

    name: str
    tries: int
    awaited: int
    rules: int
    prefixes: set[str | None]
    setters: int
    programs: int
    ttls: list[int]
    answered: int
    logged: dict[str | None, int]
    elsewhere: int

    @property
    def count(self) -> int:
        """How many packets rules of OUTPUT have logged."""
        return sum(self.logged.values())


@dataclass(frozen=True)
class Row:
    """A line of iptables -L."""

    packets: int
    target: str
    text: str


def chains(listing: str) -> dict[str, list[Row]]:
    """The rows of each chain of a table."""
    found: dict[str, list[Row]] = {}
    rows: list[Row] = []
    for line in listing.splitlines():
        words = line.split()
        if match := CHAIN.match(line):
            rows = found.setdefault(match[1], [])
        elif words and words[0].isdigit():
            rows.append(Row(int(words[0]), words[2], line))
    return found


def from_output(table: dict[str, list[Row]], chain: str = "OUTPUT") -> list[Row]:
    """The LOG rows that a packet can meet in OUTPUT."""
    rows = []
    for row in table.get(chain, []):
        if row.target in table and row.target != chain:
            rows += from_output(table, row.target)
        elif row.target == "LOG":
            rows.append(row)
    return rows


def logged(listings: dict[str, str]) -> tuple[Counter[str | None], int]:
    """How much LOG rules in OUTPUT have counted, by prefix, and how much all of them have."""
    by_prefix: Counter[str | None] = Counter()
    every = 0
    for listing in listings.values():
        table = chains(listing)
        for row in from_output(table):
            prefix = PREFIX.search(row.text)
            by_prefix[prefix[1] if prefix else None] += row.packets
        every += sum(row.packets for rows in table.values() for row in rows if row.target == "LOG")
    return by_prefix, every


def new_world(machine: Machine, image: Image, seed: str) -> World:
    """A small internet."""
    return World(machine, Topology.load(INTERNET), seed=seed, **image.server())


def rows_of(listings: dict[str, str]) -> Iterator[Row]:
    """Every row of every table."""
    for listing in listings.values():
        for rows in chains(listing).values():
            yield from rows


def observe(world: World, groups: Sequence[Group]) -> list[Seen]:
    """Send what the groups say, and see."""
    plan = json.dumps([vars(group) for group in groups])
    done = world.student.run("python3", "-I", "-c", PROBE, plan, timeout=60)
    assert done.exit == 0, done.complaints
    told = zip(groups, json.loads(done.output), strict=True)
    return [seen_of(group, one) for group, one in told]


def seen_of(group: Group, told: dict[str, Any]) -> Seen:
    """What the probe has told of a group."""
    before, every = logged(told["before"])
    after, every_after = logged(told["after"])
    after.subtract(before)
    return Seen(
        name=group.name,
        tries=len(group.attempts),
        awaited=sum(talks for *_, talks in group.attempts),
        rules=sum(len(from_output(chains(one))) for one in told["after"].values()),
        prefixes=set(after),
        setters=sum(row.target == "TTL" for row in rows_of(told["after"])),
        programs=sum("match bpf" in row.text for row in rows_of(told["after"])),
        ttls=told["ttls"],
        answered=told["answered"],
        logged={prefix: n for prefix, n in after.items() if n},
        elsewhere=every_after - every - sum(after.values()),
    )
