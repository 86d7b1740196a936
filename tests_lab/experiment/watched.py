"""04c: what was seen of an experiment: iperf3's tests, and the rules meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOME_DATA = 50_000


@dataclass(frozen=True)
class Look:
    """The rules at one moment, by chain, and when they had been listed."""

    chains: tuple[dict[str, Any], ...]
    done_ns: int = 0

    @property
    def counts(self) -> set[int]:
        """How many rules a packet meets in OUTPUT; jumps to chains of one's own count or not."""
        reached = self._reached
        rules = sum(chain["rules"] for chain in reached)
        return {rules, rules - sum(sum(chain["jumps"].values()) for chain in reached)}

    @property
    def count(self) -> int:
        """How many there are, jumps left out."""
        return min(self.counts)

    @property
    def matched(self) -> list[str]:
        """Some of the rules in OUTPUT that have matched."""
        return [rule for chain in self._reached for rule in chain["shown"]]

    @property
    def elsewhere(self) -> dict[str, int]:
        """How many rules are in chains that no packet meets in OUTPUT."""
        reached = self._reached
        return {
            f"{one['table']} {one['chain']}": one["rules"]
            for one in self.chains
            if one not in reached and one["rules"]
        }

    @property
    def policies(self) -> dict[tuple[str, str], str]:
        """The policies that are not ACCEPT."""
        return {
            (one["table"], one["chain"]): one["policy"]
            for one in self.chains
            if one["policy"] not in {"ACCEPT", "-"}
        }

    @cached_property
    def _reached(self) -> list[dict[str, Any]]:
        todo = [one for one in self.chains if one["chain"] == "OUTPUT"]
        found: list[dict[str, Any]] = []
        while todo:
            chain = todo.pop()
            if chain not in found:
                found.append(chain)
                todo += [
                    one
                    for one in self.chains
                    if one["chain"] in chain["jumps"]
                    and (one["backend"], one["table"]) == (chain["backend"], chain["table"])
                ]
        return found


@dataclass
class Test:
    """One iperf3 test: its connections, what passed, and the rules meanwhile."""

    begun_ns: int
    received: int
    sent: int
    ports: set[int] = field(default_factory=set)
    loaded_ns: int = 0
    ended_ns: int = 0
    bytes: int = 0
    look: Look | None = None

    @property
    def measures(self) -> bool:
        """Whether data have passed: over TCP, on a second connection; UDP, beside the first."""
        return len(self.ports) > 1 or self.bytes > SOME_DATA

    def had(self, rules: int, step: int) -> bool:
        """Whether there were so many rules.

        On a busy machine they may have been listed late, when the next step was made already.
        """
        if self.look is None:
            return False
        return rules in self.look.counts or (self.late and rules + step in self.look.counts)

    @property
    def late(self) -> bool:
        """Whether the rules had not been listed when it ended: they may be of a later moment."""
        return self.look is None or self.look.done_ns > self.ended_ns

    @property
    def seconds(self) -> float:
        """How long data went over it."""
        return max(0, self.ended_ns - (self.loaded_ns or self.begun_ns)) / 1e9

    def mbps(self, seconds: float) -> float:
        """Megabits a second, had it lasted so long."""
        return self.bytes * 8 / 1e6 / seconds if seconds > 0 else 0.0


@dataclass(frozen=True)
class Watched:
    """All that was seen: the tests in order, the rules at the end and what still ran then."""

    tests: tuple[Test, ...]
    last: Look
    left: tuple[str, ...] | None


def paired(tests: Sequence[Test], wanted: Sequence[int], step: int) -> dict[int, Test]:
    """A test for each number of `wanted` rules, as far as there are: none stands for two."""
    found: dict[int, Test] = {}

    def pair(rules: int, tried: list[Test]) -> bool:
        """Find it a test that is free, or whose number can do with another."""
        for one in tests:
            if not one.had(rules, step) or any(one is other for other in tried):
                continue
            tried.append(one)
            held = next((number for number, test in found.items() if test is one), None)
            if held is None or pair(held, tried):
                found[rules] = one
                return True
        return False

    for rules in sorted(wanted, reverse=True):  # those that were listed late are of lower ones
        pair(rules, [])
    return found


def read_watched(output: str) -> Watched:
    """What the watcher's lines say."""
    tests: list[Test] = []
    open_: set[int] = set()
    last, left = Look(()), None
    for line in output.splitlines():
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        match fact["event"]:
            case "open":
                if not open_:
                    tests.append(Test(fact["at"], fact["received"], fact["sent"]))
                open_.add(fact["port"])
                tests[-1].ports.add(fact["port"])
                if len(tests[-1].ports) == 2 and not tests[-1].loaded_ns:
                    tests[-1].loaded_ns = fact["at"]
            case "close":
                open_.discard(fact["port"])
                _close(tests[-1], fact)
            case "look" if fact["test"]:
                tests[fact["test"] - 1].look = Look(tuple(fact["chains"]), fact["at"])
            case "look":
                last = Look(tuple(fact["chains"]))
            case "left":
                left = tuple(fact["processes"])
    return Watched(tuple(one for one in tests if one.measures), last, left)


def _close(test: Test, fact: Mapping[str, Any]) -> None:
    """A connection has ended: the data's, the first of them, ends the test."""
    test.ended_ns = test.ended_ns or fact["at"]
    both = fact["received"] - test.received, fact["sent"] - test.sent
    test.bytes = max(test.bytes, *both)
