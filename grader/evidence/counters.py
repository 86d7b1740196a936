"""The rules of iptables with their packet counters, nft and legacy, as the kernel has them now.

Source: iptables-save(8), iptables(8).
"""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.errors import GraderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.world import Host

BACKENDS = ("iptables-nft", "iptables-legacy")
BACKENDS_6 = ("ip6tables-nft", "ip6tables-legacy")
LONGEST_WORD = 40
POLICY = re.compile(r":(?P<chain>\S+) (?P<policy>\S+) \[(?P<packets>\d+):\d+\]")
RULE = re.compile(r"\[(?P<packets>\d+):\d+\] -A (?P<chain>\S+) ?(?P<rest>.*)", re.DOTALL)
# A quoted word may hold line ends and escaped quotes (xtables_save_string in libxtables).
QUOTED = r'"(?:\\.|[^"\\])*"'
LINE = re.compile(rf'(?:{QUOTED}|[^"\n])+', re.DOTALL)
WORD = re.compile(rf"{QUOTED}|\S+", re.DOTALL)
# A hundred thousand rules take a busy machine a while.
READS_WITHIN = 60.0


@dataclass(frozen=True)
class Rule:
    """One rule: where it stands, its words after the chain, and how many packets it matched."""

    backend: str
    table: str
    chain: str
    words: tuple[str, ...]
    packets: int = field(compare=False)

    @property
    def target(self) -> str:
        """Where it jumps or goes to; empty for a rule that only counts."""
        return self.option("-j") or self.option("-g") or ""

    def option(self, name: str) -> str | None:
        """The word behind `name`, or None."""
        words = self.words
        return next((b for a, b in itertools.pairwise(words) if a == name), None)

    def matches(self, module: str) -> bool:
        """Whether the rule uses the match extension `module`."""
        return any(pair == ("-m", module) for pair in zip(self.words, self.words[1:], strict=False))

    def __str__(self) -> str:
        """The rule as iptables-save prints it, with its table and counter; long words cut."""
        short = (w if len(w) <= LONGEST_WORD else f"{w[: LONGEST_WORD - 1]}…" for w in self.words)
        rest = " ".join(shlex.quote(word) for word in short)
        return f"-t {self.table} -A {self.chain} {rest} [{self.packets} packets]"


@dataclass(frozen=True)
class Chain:
    """A chain's policy (`-` for a user's own) and what has fallen to it."""

    backend: str
    table: str
    name: str
    policy: str
    packets: int = field(compare=False)


@dataclass(frozen=True)
class Ruleset:
    """All chains and rules of a host at one moment."""

    chains: tuple[Chain, ...]
    rules: tuple[Rule, ...]
    text: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Ruleset:
        """The rules in a `text` of such a set, as it is kept as evidence."""
        chains: list[Chain] = []
        rules: list[Rule] = []
        parts = re.split(rf"^# ({'|'.join((*BACKENDS, *BACKENDS_6))})$", text, flags=re.MULTILINE)
        for backend, saved in zip(parts[1::2], parts[2::2], strict=True):
            _parse(backend, saved, chains, rules)
        return cls(tuple(chains), tuple(rules), text)

    def reached_from(self, hook: str) -> Iterator[Rule]:
        """The rules that a packet can meet in the built-in chains `hook` of all tables."""
        for backend, table in dict.fromkeys((c.backend, c.table) for c in self.chains):
            here = [r for r in self.rules if (r.backend, r.table) == (backend, table)]
            seen: set[str] = set()
            todo = [hook]
            while todo:
                name = todo.pop()
                if name not in seen:
                    seen.add(name)
                    inside = [rule for rule in here if rule.chain == name]
                    todo += [rule.target for rule in inside]
                    yield from inside

    def __sub__(self, earlier: Ruleset) -> dict[Rule, int]:
        """How many packets each rule has matched since `earlier`; a new rule counts from 0."""
        before: dict[Rule, list[int]] = {}
        for rule in earlier.rules:
            before.setdefault(rule, []).append(rule.packets)
        change: dict[Rule, int] = {}
        for rule in self.rules:
            known = before.get(rule)
            change[rule] = change.get(rule, 0) + rule.packets - (known.pop(0) if known else 0)
        return change


def read_rules(host: Host, backends: tuple[str, ...] = BACKENDS) -> Ruleset:
    """The rules of `host` now. Raises GraderError if they cannot be read."""
    texts = []
    for backend in backends:
        done = host.start(f"{backend}-save", "-c").finish(READS_WITHIN)
        if done.exit != 0:
            raise GraderError(f"{backend}-save {done.outcome}: {done.complaints.strip()}")
        texts.append(f"# {backend}\n{done.output}")
    return Ruleset.parse("\n".join(texts))


def _parse(backend: str, text: str, chains: list[Chain], rules: list[Rule]) -> None:
    table = ""
    for line in LINE.findall(text):
        if line.startswith("*"):
            table = line[1:]
        elif found := POLICY.match(line):
            packets = int(found["packets"])
            chains.append(Chain(backend, table, found["chain"], found["policy"], packets))
        elif found := RULE.match(line):
            words = tuple(_unquoted(word) for word in WORD.findall(found["rest"]))
            rules.append(Rule(backend, table, found["chain"], words, int(found["packets"])))


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL) if word[0] == '"' else word
