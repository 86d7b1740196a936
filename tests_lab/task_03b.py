"""03b: answers.yaml says which way a DNS query takes through the kernel; the grader traces it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NoReturn

import pytest
from pydantic import BeforeValidator

from grader import answers
from grader.check import check
from grader.document import Strict
from grader.errors import CheckFailed, GraderError
from grader.evidence import CallTrace, covers
from grader.evidence.calltrace import NAME, TRACEABLE, NotAttached
from grader.facts import Choice, Text, must_be_answered, shown
from tests_lab.call_path import OUTER, Way, functions_in, steps_in, strangers
from tests_lab.kernel_path import HOOK, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from grader.evidence import Recording
    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

SECTION = "03b"
NEEDS_KERNEL = ["kernel_tracing"]
KALLSYMS = "/proc/kallsyms"
ROOT, DRIVER = "udp_sendmsg", "veth_xmit"  # the world's links are pairs of veth
WHEN = 'comm == "dig"'  # nothing else of that name runs in this world, and it asks 8.8.8.8 only
REFERENCE = (
    *("ip_*", "__ip_*", "*xmit*", "*skb*"),
    *("ipt_do_table", "nft_do_chain", "neigh_resolve_output", "netdev_core_pick_tx"),
)
RETURNS = ("ip_*", "__ip_*", HOOK)
# The first field of struct nf_hook_state (include/linux/netfilter.h): no BTF need be read for it.
HOOK_NUMBER = {HOOK: "*(uint8 *)arg1"}
LOCAL_OUT, POST_ROUTING = 3, 4  # include/uapi/linux/netfilter.h: enum nf_inet_hooks
# Busy everywhere in the kernel: nothing of a packet's way, and dear to probe.
EVERYWHERE = re.compile(
    r"_*(?:raw_|spin_|rcu_|sched|irq|trace|bpf_|ktime|preempt|mem|str|mutex|local_bh|lock|x64_sys|"
    r"entry_|do_syscall|kmalloc|kfree|kmem|page|copy_|perf_|timer|hrtimer|clock|cgroup|fsnotify)"
)
MOST_OWN, MOST_LISTED = 12, 400
DIG = ("dig", "+tries=1", "+time=2", "+short", "fep.grid.pub.ro", "@8.8.8.8")
PAGE = "your own pwru_pass.txt has the functions in this order"
TRACE = "see path.txt"

HOOKS = Choice(
    {
        "LOCAL_OUT": [
            "OUTPUT", "NF_INET_LOCAL_OUT", "NF_IP_LOCAL_OUT", "LOCALOUT", "local output",
            "NF_INET_OUTPUT", "OUTPUT chain", "OUTPUT hook",
        ],
        "POST_ROUTING": ["POSTROUTING", "NF_INET_POST_ROUTING", "NF_IP_POST_ROUTING"],
        "PRE_ROUTING": ["PREROUTING", "NF_INET_PRE_ROUTING", "NF_IP_PRE_ROUTING"],
        "LOCAL_IN": ["INPUT", "NF_INET_LOCAL_IN", "NF_IP_LOCAL_IN", "NF_INET_INPUT"],
        "FORWARD": ["NF_INET_FORWARD", "NF_IP_FORWARD"],
        "INGRESS": ["NF_NETDEV_INGRESS", "NF_INET_INGRESS"],
        "EGRESS": ["NF_NETDEV_EGRESS"],
    }
)  # fmt: skip

EXPLANATION = "Explain each step of the query's journey, from the program to the wire"
DROP_EXPLANATION = "Why does the dropped query's path end where it does?"
GUIDE = """Full points: in the student's own words, for each part of the path what happens there.

- The system call reaches udp_sendmsg, which builds the packet: memory, payload, UDP header, and
  (ip_make_skb) the IP header.
- IP sends it out: length and checksum, then the hook LOCAL_OUT (iptables' OUTPUT), the route's
  output function ip_output, the hook POST_ROUTING, fragments if need be.
- The next hop's neighbour is found, its MAC address written (ARP if it is not known).
- The device layer takes it; a queueing discipline may hold it, or lets it through at once.
- It is made fit for the device (checksum), and the driver's transmit function gets it.

Half: right, but only what the functions' names say already, or a part is missing. Nothing: copied
without sense, or of another path. Times from the student's own trace are welcome, not asked for.
"""
DROP_GUIDE = """Full points: the rule in OUTPUT is found at the hook LOCAL_OUT, before ip_output;
its verdict is DROP, so nf_hook_slow frees the packet (kfree_skb, kfree_skb_reason or
sk_skb_reason_drop, by kernel) with the reason NETFILTER_DROP and returns an error, which the
sending program may see (EPERM). Nothing of ip_output or the device layer is called.

Half: says that iptables dropped it, but not where in the path, or what that means for the rest.
"""


def _as_entries(value: object) -> tuple[str, ...]:
    """A list's entries, or one text; what YAML takes for a key and its value is one entry."""
    if isinstance(value, dict):
        return tuple(f"{key}: {' '.join(_as_entries(one))}" for key, one in value.items())
    if isinstance(value, list):
        return tuple(text for one in value for text in _as_entries(one))
    return (str(value),)


class Answers(Strict):
    """The section's keys; what is not there is not answered."""

    path: Annotated[tuple[str, ...], BeforeValidator(_as_entries)] = ()
    built: Text = ""
    hook: Text = ""
    queued: Text = ""
    leaves: Text = ""
    dropped: Text = ""
    explanation: Text = ""
    drop_explanation: Text = ""

    @property
    def listed(self) -> list[str]:
        """The path's functions, in the student's order."""
        return [name for entry in self.path for name in steps_in(entry)][:MOST_LISTED]

    @property
    def named(self) -> list[str]:
        """All functions that are named anywhere."""
        closed = (self.built, self.queued, self.leaves, self.dropped)
        return [*self.listed, *(name for text in closed for name in functions_in(text))]


@pytest.fixture(scope="module")
def answered(deliverable: Deliverable) -> Answers:
    """The section."""
    return answers.read(deliverable, SECTION, Answers)


@dataclass(frozen=True)
class Bench:
    """The machine with the world on it, and which functions its kernel has."""

    machine: Machine
    world: World

    def functions(self, names: Iterable[str]) -> tuple[list[str], set[str]]:
        """Those of `names` that can be traced, and those that the kernel has at all."""
        wanted = [name for name in dict.fromkeys(names) if NAME.match(name)]
        traceable = self._listed_in(wanted, TRACEABLE, field=0)
        others = self._listed_in([n for n in wanted if n not in traceable], KALLSYMS, field=2)
        return [name for name in wanted if name in traceable], traceable | others

    def _listed_in(self, names: Sequence[str], file: str, *, field: int) -> set[str]:
        """Those of `names` that stand in a field of a file of the kernel's, without suffixes."""
        if not names:
            return set()
        done = self.machine.run(
            "grep", "-wFf", "-", file, timeout=60, stdin="\n".join(names).encode()
        )
        lines = (line.split() for line in done.output.splitlines())
        return {plain(line[field]) for line in lines if len(line) > field} & set(names)

    def dig(self, *, answers_come: bool) -> None:
        """Send one query, and see that it is answered or not, as it should be."""
        done = self.world.student.run(*DIG, timeout=30)
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
            self.machine, ROOT, when=WHEN, functions=functions, returns=RETURNS, notes=HOOK_NUMBER
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


@pytest.fixture(scope="module")
def bench(answered: Answers, machine: Machine, world: World) -> Bench:  # noqa: ARG001 first of all
    """Where the path is traced."""
    return Bench(machine, world)


@pytest.fixture(scope="module")
def way(bench: Bench, answered: Answers, task: TaskRun) -> Way:
    """The path that the grader has traced, with the functions that the student names."""
    traceable, symbols = bench.functions(answered.named)
    known = {ROOT, HOOK, *OUTER}
    own = [
        name
        for name in traceable
        if not (name in known or covers(REFERENCE, name) or EVERYWHERE.match(name))
    ][:MOST_OWN]
    bench.furnish()
    bench.dig(answers_come=True)  # neighbours are known from here on
    passed, dropped = bench.trace(own)
    if passed.first(DRIVER) is None or HOOK not in (one.function for one in dropped.entered):
        raise GraderError(
            f"the traced query did not reach {DRIVER}, or the dropped one not {HOOK}:\n"
            f"{passed.shown}\n{dropped.shown}"
        )
    found = Way(passed.up_to(DRIVER), dropped, symbols)
    task.keep("path.txt", lambda path: path.write_text(described(found, bench), encoding="utf-8"))
    return found


def described(way: Way, bench: Bench) -> str:
    """Both traces, for the student and whoever reviews."""
    return (
        f"What the grader traced on Linux {bench.machine.kernel}: functions as they were entered, "
        f"{HOOK} with the number of its hook (3: LOCAL_OUT, 4: POST_ROUTING).\n\n"
        f"The query that got out:\n{way.passed.shown}\n"
        f"The query that a rule in OUTPUT dropped:\n{way.dropped.shown}"
    )


@check("03b.reads")
def reads(answered: Answers, deliverable: Deliverable) -> str | None:
    """answers.yaml has a section 03b that can be read, with a path."""
    must_be_answered("03b.path", " ".join(answered.path), "the functions in order, as a list")
    if not answered.listed:
        raise CheckFailed(
            f"03b.path: expected kernel functions' names, found {shown(' '.join(answered.path))}",
            hint=PAGE,
        )
    return "; ".join(deliverable.notes) or None


@check("03b.real", needs="03b.reads", requires=NEEDS_KERNEL)
def real(way: Way, answered: Answers) -> None:
    """Every function of the path exists in a kernel."""
    name = way.invented(answered.listed)
    if name is not None:
        raise CheckFailed(f"03b.path: {unknown(way, name)}", hint=PAGE)


def unknown(way: Way, name: str) -> str:
    """That no kernel is known to have a function, and which one is meant, maybe."""
    near = way.nearest(name)
    meant = f"; the nearest name is {near}" if near else ""
    return f"{name} is no function of the kernel, as far as is known{meant}"


@check("03b.outgoing", needs="03b.reads", requires=NEEDS_KERNEL)
def outgoing(way: Way, answered: Answers) -> None:
    """No function of the path is of another way than an outgoing UDP query's."""
    for name, what in strangers(answered.listed):
        if name not in way.traced:
            raise CheckFailed(
                f"03b.path: {name} is of {what}; the traced query never enters it: {TRACE}",
                hint="follow one packet only, by its address in the first column of pwru's output",
            )


@check("03b.order", needs=("03b.real", "03b.outgoing"), requires=NEEDS_KERNEL)
def order(way: Way, answered: Answers) -> None:
    """The path's functions stand in the order in which they are entered."""
    wrong = way.misplaced(answered.listed)
    if wrong is not None:
        raise CheckFailed(
            f"03b.path: {wrong.function} stands behind {wrong.behind}, but is entered before it; "
            f"{TRACE}",
            hint=f"first what is entered first, also if it calls the next one; {PAGE}",
        )


@check("03b.whole", needs="03b.order", requires=NEEDS_KERNEL)
def whole(way: Way, answered: Answers) -> None:
    """The path leads from where the packet is made to the driver."""
    made, out, device = (way.step(key) for key in ("prepare_out", "output", "device"))
    leave = way.step("leave")
    parts = {
        f"the packet's making (from {ROOT} to __ip_local_out)": (way.step("sendmsg"), made),
        "IP's output (ip_output to ip_finish_output2)": (out, way.step("finish2")),
        "the device layer (from __dev_queue_xmit on)": (device, leave - 1 / 1000),
        "the driver (dev_hard_start_xmit, or the driver's own function)": (leave, float("inf")),
    }
    for what, (first, last) in parts.items():
        if not way.covers(answered.listed, first, last):
            listed = ", ".join(answered.listed[:12])
            raise CheckFailed(f"03b.path: nothing of {what}, in: {listed}", hint=PAGE)


@check("03b.built", needs="03b.reads", requires=NEEDS_KERNEL)
def built(way: Way, answered: Answers) -> None:
    """Where the packet is built."""
    must_be_in(
        way, "03b.built", answered.built, way.builds,
        f"between the entry of {ROOT} and that of __ip_local_out, which completes the IP header",
    )  # fmt: skip


@check("03b.hook", needs="03b.reads", requires=NEEDS_KERNEL)
def hook(way: Way, answered: Answers) -> None:
    """Which netfilter hook point nf_hook_slow is there."""
    must_be_answered("03b.hook", answered.hook, "a hook point, as OUTPUT or NF_INET_LOCAL_OUT")
    found = HOOKS.found(answered.hook)
    if not found:
        raise CheckFailed(
            f"03b.hook: expected a hook point, found {shown(answered.hook)}",
            hint=f"one of {', '.join(HOOKS.names)}",
        )
    seen = [
        {LOCAL_OUT: "LOCAL_OUT", POST_ROUTING: "POST_ROUTING"}.get(n, str(n)) for n in way.hooks()
    ]
    if not found <= set(seen):
        raise CheckFailed(
            f"03b.hook: {shown(answered.hook)} is not where an outgoing packet enters {HOOK}: "
            f"the traced one did at {' and '.join(seen)}; {TRACE}",
            hint="the packet is sent by this host itself, and has not been to another",
        )
    if found == {"POST_ROUTING"} and not only_behind_output(answered.listed):
        raise CheckFailed(
            f"03b.hook: {shown(answered.hook)}, but in 03b.path {HOOK} does not stand behind "
            "ip_output only: the first one, before ip_output, is LOCAL_OUT (iptables' OUTPUT)",
            hint=TRACE,
        )


def only_behind_output(listed: Sequence[str]) -> bool:
    """Whether the student's own trace shows nf_hook_slow, and only after ip_output."""
    first = next(
        (n for n, name in enumerate(listed) if name in {"ip_output", "ip_mc_output"}), None
    )
    return first is not None and HOOK in listed[first:] and HOOK not in listed[:first]


@check("03b.queued", needs="03b.reads", requires=NEEDS_KERNEL)
def queued(way: Way, answered: Answers) -> None:
    """Where the packet is queued."""
    must_be_in(
        way, "03b.queued", answered.queued, way.queues,
        "from __dev_queue_xmit on, before it is made fit for the device and dev_hard_start_xmit",
    )  # fmt: skip


@check("03b.leaves", needs="03b.reads", requires=NEEDS_KERNEL)
def leaves(way: Way, answered: Answers) -> None:
    """Where the packet leaves."""
    must_be_in(
        way, "03b.leaves", answered.leaves, way.sends,
        f"in dev_hard_start_xmit or the driver's own function, here {way.driver}",
    )  # fmt: skip


@check("03b.dropped", needs="03b.reads", requires=NEEDS_KERNEL)
def dropped(way: Way, answered: Answers) -> None:
    """Where the dropped packet's path ends."""
    must_be_in(
        way, "03b.dropped", answered.dropped, way.drops,
        f"in {HOOK}, where it is freed: {', '.join(way.dropped.within(HOOK)[:6])}",
    )  # fmt: skip


def must_be_in(
    way: Way, question: str, text: str, is_right: Callable[[str], bool], where: str
) -> None:
    """An answer names a function, and all that it names belong there."""
    must_be_answered(question, text, "a kernel function's name")
    names = functions_in(text)
    if not names:
        raise CheckFailed(f"{question}: expected a function's name, found {shown(text)}", hint=PAGE)
    for name in names:
        if is_right(name):
            continue
        if not way.exists(name):
            raise CheckFailed(f"{question}: {unknown(way, name)}", hint=PAGE)
        what = f" ({way.what(name)})" if way.what(name) else ""
        raise CheckFailed(
            f"{question}: {name}{what} is not it: in the traced kernel that is {where}; {TRACE}",
            hint="write one function's name" if len(names) > 1 else PAGE,
        )


@check("03b.explained", needs="03b.reads", requires=NEEDS_KERNEL)
def explained(way: Way, bench: Bench, answered: Answers) -> NoReturn:
    """Each step of the journey is explained."""
    guide = f"{GUIDE}\n{described(way, bench)}"
    answers.review(EXPLANATION, answered.explanation, guide)


@check("03b.drop_explained", needs="03b.reads", requires=NEEDS_KERNEL)
def drop_explained(way: Way, bench: Bench, answered: Answers) -> NoReturn:
    """Why the dropped query's path ends there is explained."""
    guide = f"{DROP_GUIDE}\n{described(way, bench)}"
    answers.review(DROP_EXPLANATION, answered.drop_explanation, guide)
