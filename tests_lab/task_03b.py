"""03b: answers.yaml says which way a DNS query takes through the kernel; the grader traces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NoReturn

import pytest
from pydantic import BeforeValidator

from grader import answers
from grader.check import check
from grader.document import Strict
from grader.errors import CheckFailed
from grader.facts import Choice, Text, must_be_answered, shown
from tests_lab.kernel.names import functions_in, steps_in, strangers
from tests_lab.kernel.path import HOOK
from tests_lab.kernel.query import ROOT, Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.known import Known
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from tests_lab.kernel.listed import Way

SECTION = "03b"
NEEDS_KERNEL = ["kernel_tracing"]
# include/uapi/linux/netfilter.h: enum nf_inet_hooks
HOOK_NAMES = {3: "LOCAL_OUT", 4: "POST_ROUTING"}
MOST_LISTED = 400
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
        named = [*self.listed, *(name for text in closed for name in functions_in(text))]
        return named[: 2 * MOST_LISTED]


@pytest.fixture(scope="module")
def answered(deliverable: Deliverable) -> Answers:
    """The section."""
    return answers.read(deliverable, SECTION, Answers)


@pytest.fixture(scope="module")
def way(answered: Answers, known: Known, task: TaskRun, request: pytest.FixtureRequest) -> Way:
    """The path that the grader has traced, with the functions that the student names.

    Most answers name nothing that has not been traced before: then no machine is started.
    """
    found = Bench(known, lambda: request.getfixturevalue("world")).way(answered.named)
    task.keep("path.txt", lambda path: path.write_text(found.shown, encoding="utf-8"))
    return found


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
    seen = [HOOK_NAMES.get(number, str(number)) for number in way.hooks()]
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
        f"in {HOOK}, where it is freed: {', '.join(way.dropped.within(HOOK)[1:6])}",
    )  # fmt: skip


def must_be_in(
    way: Way, question: str, text: str, is_right: Callable[[str], bool], where: str
) -> None:
    """An answer names a function, and all that it names belong there."""
    must_be_answered(question, text, "a kernel function's name")
    names = functions_in(text)
    if not any("_" in name or way.exists(name) for name in names):
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
def explained(way: Way, answered: Answers) -> NoReturn:
    """Each step of the journey is explained."""
    guide = f"{GUIDE}\n{way.shown}"
    answers.review(EXPLANATION, answered.explanation, guide)


@check("03b.drop_explained", needs="03b.reads", requires=NEEDS_KERNEL)
def drop_explained(way: Way, answered: Answers) -> NoReturn:
    """Why the dropped query's path ends there is explained."""
    guide = f"{DROP_GUIDE}\n{way.shown}"
    answers.review(DROP_EXPLANATION, answered.drop_explanation, guide)
