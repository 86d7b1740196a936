"""The way of a DNS query through the kernel, as the grader traces it: one that passes, one dropped.

The student's host gets rules that match nothing at both of netfilter's hooks of outgoing packets,
by both kinds of iptables, and a queueing discipline, so that its path is like a computer's at home.
Functions that a student names are traced, too, as far as the kernel has them. The same functions of
the same kernel are traced once: a second query would go the same way.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderError
from grader.evidence import CallTrace, Recording, covers
from grader.evidence.calltrace import NAME, TRACEABLE, NotAttached
from tests_lab.kernel.listed import Way
from tests_lab.kernel.names import OUTER
from tests_lab.kernel.path import HOOK, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from grader.known import Known
    from grader.world import World

ROOT = "udp_sendmsg"
KALLSYMS = "/proc/kallsyms"
DRIVER = "veth_xmit"  # the world's links are pairs of veth
WHEN = 'comm == "dig"'  # nothing else of that name runs in this world, and it asks 8.8.8.8 only
REFERENCE = (
    *("ip_*", "__ip_*", "*xmit*", "*skb*"),
    *("ipt_do_table", "nft_do_chain", "neigh_resolve_output", "netdev_core_pick_tx"),
)
RETURNS = ("ip_*", "__ip_*", HOOK)
# The first field of struct nf_hook_state (include/linux/netfilter.h): no BTF need be read for it.
HOOK_NUMBER = {HOOK: "*(uint8 *)arg1"}
# Busy everywhere in the kernel: nothing of a packet's way, and dear to probe.
EVERYWHERE = re.compile(
    r"_*(?:raw_|spin_|rcu_|sched|irq|trace|bpf_|ktime|preempt|mem|str|mutex|local_bh|lock|x64_sys|"
    r"entry_|do_syscall|kmalloc|kfree|kmem|page|copy_|perf_|timer|hrtimer|clock|cgroup|fsnotify)"
)
MOST_OWN = 12
DIG = ("dig", "+tries=1", "+short", "fep.grid.pub.ro", "@8.8.8.8")
PATIENCE_S = {True: 20, False: 1}  # whether an answer comes


@dataclass(frozen=True)
class Functions:
    """A kernel's release, which of its functions can be traced, and which it has at all."""

    kernel: str
    traceable: frozenset[str]
    every: frozenset[str]


@dataclass(frozen=True)
class Traced:
    """The two queries' calls."""

    passed: Recording
    dropped: Recording


@dataclass(frozen=True)
class Bench:
    """Where the queries are sent, and what is known already of the kernel there.

    `place` makes that world when it is first needed.
    """

    known: Known
    place: Callable[[], World]

    @property
    def world(self) -> World:
        """The world, on a machine of its own."""
        return self.place()

    def way(self, named: Iterable[str]) -> Way:
        """The queries' way, traced with the functions that a student has named."""
        functions = self.known.get(f"functions {TRACEABLE} {KALLSYMS}", Functions, self.functions)
        wanted = [name for name in dict.fromkeys(named) if NAME.match(name)]
        known = {ROOT, HOOK, *OUTER}
        own = [
            name
            for name in wanted
            if name in functions.traceable
            and not (name in known or covers(REFERENCE, name) or EVERYWHERE.match(name))
        ][:MOST_OWN]
        question = f"way {ROOT} {REFERENCE} {RETURNS} {HOOK_NUMBER} {sorted(own)}"
        traced = self.known.get(question, Traced, lambda: self.traced(own))
        return Way(
            traced.passed.up_to(DRIVER),
            traced.dropped,
            functions.every.intersection(wanted),
            kernel=functions.kernel,
        )

    def functions(self) -> Functions:
        """Read what the kernel has. Compiler's suffixes are left out."""
        machine = self.world.machine

        def names(*argv: str) -> frozenset[str]:
            done = machine.run(*argv, timeout=120)
            if done.exit != 0 or not done.output:
                raise GraderError(f"{' '.join(argv)} {done.outcome}: {done.complaints[-300:]}")
            return frozenset(map(plain, done.output.split()))

        traceable = names("cut", "-d ", "-f1", TRACEABLE)
        text = names("awk", "$2 ~ /[tTwW]/ { print $3 }", KALLSYMS)
        return Functions(machine.kernel, traceable, traceable | text)

    def traced(self, own: Sequence[str]) -> Traced:
        """Trace both queries, with a student's `own` functions."""
        self.furnish()
        self.dig(answers_come=True)  # neighbours are known from here on
        passed, dropped = self.trace(own)
        if passed.first(DRIVER) is None or dropped.first(HOOK) is None:
            raise GraderError(
                f"the traced query did not reach {DRIVER}, or the dropped one not {HOOK}:\n"
                f"{passed.shown}\n{dropped.shown}"
            )
        return Traced(passed, dropped)

    def dig(self, *, answers_come: bool) -> None:
        """Send one query, and see that it is answered or not, as it should be."""
        done = self.world.student.run(*DIG, f"+time={PATIENCE_S[answers_come]}", timeout=60)
        if (done.exit == 0 and bool(done.output.strip())) != answers_come:
            raise GraderError(f"{' '.join(DIG)} {done.outcome}: {done.output[-300:]}")

    def change(self, *argv: str) -> None:
        """Change the student's host."""
        done = self.world.student.run(*argv, timeout=20)
        if done.exit != 0:
            raise GraderError(f"{' '.join(argv)} {done.outcome}: {done.complaints[-300:]}")

    def furnish(self) -> None:
        """Have rules of both kinds at both hooks, and a queue, as a student's computer has."""
        never = f"-p udp --dport {self.world.rng.randint(1024, 32000)} -j DROP"
        both = ("iptables-nft", "iptables-legacy")
        rules = [f"{one} -A OUTPUT {never}" for one in both]
        rules += [f"{one} -t mangle -A POSTROUTING {never}" for one in both]
        interface = self.world.student.interface().name
        rules.append(f"tc qdisc replace dev {interface} root fq_codel")
        self.change("sh", "-ec", "\n".join(rules))

    def trace(self, own: Sequence[str]) -> list[Recording]:
        """Trace one query that passes, and one that a rule drops.

        The kernel refuses probes on some functions; then the student's `own` are left out.
        """
        try:
            with self._attached((*REFERENCE, *own)) as trace:
                return self._queries(trace)
        except NotAttached:
            with self._attached(REFERENCE) as trace:
                return self._queries(trace)

    @contextmanager
    def _attached(self, functions: Sequence[str]) -> Iterator[CallTrace]:
        with CallTrace(
            self.world.machine,
            ROOT,
            when=WHEN,
            functions=functions,
            returns=RETURNS,
            notes=HOOK_NUMBER,
        ) as trace:
            trace.attached()
            yield trace

    def _queries(self, trace: CallTrace) -> list[Recording]:
        self.dig(answers_come=True)
        passed = trace.recorded(1)[0]
        rule = ("-p", "udp", "-d", "8.8.8.8", "--dport", "53", "-j", "DROP")
        self.change("iptables", "-I", "OUTPUT", *rule)
        self.dig(answers_come=False)
        return [passed, trace.recorded(2)[1]]
