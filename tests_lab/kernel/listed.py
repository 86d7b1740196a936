"""What an answer says of a query's way through the kernel, against the way that was traced.

The order is that of the trace. Where a student's kernel has other functions than the traced one,
kernel_path.py and kernel_names.py say where they stand; what they do not know is not
held against anyone, unless it is of another way: of arriving packets, of TCP, of IPv6.
"""

from __future__ import annotations

import math
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from tests_lab.kernel.names import (
    BEHIND_PAIRS,
    CLASSIFIES,
    FITTING,
    HELPER,
    HOOKED,
    LEAVES,
    NO_QUEUE,
    NOT_BUILDING,
    OUTER,
    PAIRS,
    QUEUE,
    QUEUES,
    TUNNELS,
    family,
    is_driver,
    is_queue,
    part_of,
)
from tests_lab.kernel.path import CONSUMES, DROPS, HOOK, LEAVE, PATH, POSITION, REMAINS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from grader.evidence import Recording

BY_KEY = {step.key: number for number, step in enumerate(PATH)}


class Place(NamedTuple):
    """Where a function can stand in the traced order: from, to."""

    first: float
    last: float


JUST = 1e-6  # before the next step
# What a packet has been handed to.
DRIVER, TUNNEL, PAIR, HOST = "driver", "tunnel", "pair", "host"
ANYWHERE = Place(-math.inf, math.inf)


class Order(NamedTuple):
    """A function that stands behind one that comes later."""

    function: str
    behind: str


def _passed(name: str, behind: Collection[str]) -> set[str]:
    """What the packet has been handed to with a function, after what it had been before."""
    found = {
        DRIVER: is_driver(name),
        TUNNEL: bool(TUNNELS.match(name)),
        PAIR: name in PAIRS,
        HOST: PAIR in behind and family(name) in BEHIND_PAIRS,
    }
    return {what for what, is_ in found.items() if is_}


class Way:
    """The traced way of the query that got out, and of the one that was dropped."""

    def __init__(
        self, passed: Recording, dropped: Recording, symbols: Collection[str], *, kernel: str = ""
    ) -> None:
        """`passed` ends at the driver; `symbols`: functions that the traced kernel has."""
        self.passed, self.dropped, self._kernel = passed, dropped, kernel
        self._symbols = frozenset(symbols)
        self.driver = passed.entered[-1].function
        self.traced = frozenset(one.function for one in passed.entered)

    @cached_property
    def _steps(self) -> list[float]:
        """The position of each step of PATH: its number in the trace, or right behind the last."""
        found: list[float] = []
        base = 0.0
        for number, step in enumerate(PATH):
            firsts = [
                first
                for name in step.functions
                if name != HOOK and (first := self.passed.first(name)) is not None
            ]
            base = float(max(base, *firsts)) if firsts else base
            found.append(base if firsts else base + (number + 1) / 1000)
        return found

    def step(self, key: str) -> float:
        """Where a step of PATH begins."""
        return self._steps[BY_KEY[key]]

    def places(self, function: str) -> list[Place]:
        """Where a function can stand; anywhere if nothing is known of it."""
        if HELPER.match(function):
            return [ANYWHERE]
        traced = [Place(n, n) for n in self.passed.every(function)]
        return traced or [self._place(function)]

    def _place(self, function: str) -> Place:
        """Where a function stands that the traced kernel does not enter."""
        place = ANYWHERE
        if function in OUTER:
            place = Place(*[float(OUTER.index(function) - len(OUTER))] * 2)
        elif function in POSITION:
            place = self._untraced(POSITION[function])
        elif step := part_of(function):
            place = self._around(step)
        elif is_queue(function):
            place = Place(self.step("device"), self.step("leave") - JUST)
        elif function in {*LEAVES, *DROPS, *CONSUMES, *REMAINS} or is_driver(function):
            place = Place(self.step("leave"), math.inf)
        return place

    def _untraced(self, number: int) -> Place:
        """Where a step stands that has no function in the trace: up to the next one that has."""
        first = self._steps[number]
        later = (at for at in self._steps[number + 1 :] if at > first and at.is_integer())
        return Place(first, next(later, math.inf) - JUST)

    def _around(self, key: str) -> Place:
        if key in {"LOCAL_OUT", "POST_ROUTING"}:  # what hangs there may hang at either
            return Place(self.step("prepare_out"), self.step("finish") - JUST)
        number = BY_KEY["output"] - 1 if key == "prepare_done" else BY_KEY[key]
        return Place(self._steps[number], self._steps[number + 1] - JUST)

    def misplaced(self, listed: Sequence[str]) -> Order | None:
        """The first function that stands behind one that is entered after it."""
        now, latest = -math.inf, ""
        behind: set[str] = set()
        for name in listed:
            places = self.places(name)
            free = [max(now, place.first) for place in places if place.last >= now]
            if not free and (again := self._again(name, behind)):
                free, now = [again], -math.inf
                behind &= {TUNNEL}
            if not free:
                return Order(name, latest)
            if min(free) > now:
                now, latest = min(free), name
            behind |= _passed(name, behind)
        return None

    def _again(self, name: str, behind: Collection[str]) -> float | None:
        """A bridge, a bond or a tunnel sends by another device: the way begins again there.

        Or the host does, to which a container's device has handed the packet, and which routes it.
        """
        first = min(place.first for place in self.places(name))
        begins = {
            DRIVER: self.step("device") - 1 / 100,
            TUNNEL: self.step("send"),
            HOST: self.step("prepare_out") + JUST,
        }
        return first if any(first >= begins[one] for one in behind if one in begins) else None

    def exists(self, function: str) -> bool:
        """Whether some kernel has such a function, as far as is known."""
        return (
            function in self._symbols
            or function in self.traced
            or function in POSITION
            or function == HOOK
            or function in {*OUTER, *LEAVES, *QUEUES, *DROPS, *CONSUMES, *REMAINS, *PAIRS}
            or function in {"NF_HOOK", "NF_DROP"}
            or part_of(function) != ""
        )

    def invented(self, listed: Sequence[str]) -> str | None:
        """The first function that no kernel has; what a module may have where it stands is let be.

        A student's hardware, queueing discipline and security modules are not ours.
        """
        hook = device = choosing = left = False
        for name in listed:
            modules = (
                left
                or choosing
                or (device and (is_driver(name) or QUEUE.match(name) or CLASSIFIES.match(name)))
                or (hook and HOOKED.match(name))
            )
            if not (self.exists(name) or modules):
                return name
            hook |= name == HOOK
            # A driver's ndo_select_queue may call what it likes.
            choosing = "_select_queue" in name or (choosing and not self.exists(name))
            device |= name in {"dev_queue_xmit", "__dev_queue_xmit"}
            left |= name in {"dev_hard_start_xmit", *LEAVES} or is_driver(name)
        return None

    def nearest(self, function: str) -> str:
        """The real function whose name is most like it, or nothing."""
        known = {*self.traced, *POSITION, *DROPS, *LEAVES, *QUEUES, HOOK}
        lower = {one.casefold(): one for one in sorted({*self._symbols, *known})}
        for names in (sorted(known), list(lower)):
            near = get_close_matches(function.casefold(), names, n=1, cutoff=0.7)
            if near:
                return lower[near[0].casefold()]
        return ""

    def what(self, function: str) -> str:
        """What happens in a function, as far as the table says."""
        key = part_of(function)
        number = POSITION.get(function, BY_KEY.get(key))
        return family(function) or (PATH[number].what if number is not None else "")

    def builds(self, function: str) -> bool:
        """Whether it builds the packet: from udp_sendmsg on until its headers are complete."""
        if NOT_BUILDING.match(function):
            return False
        key = part_of(function)
        if key:
            return BY_KEY.get(key, LEAVE) <= BY_KEY["prepare_out"]
        if function in POSITION:
            number = POSITION[function]
            return number <= BY_KEY["prepare_out"]
        before = self.step("prepare_out")
        return any(number <= before for number in self.passed.every(function))

    def queues(self, function: str) -> bool:
        """Whether it is part of the device layer that takes and queues the packet."""
        if FITTING.match(function) or function in NO_QUEUE:
            return False
        if function in POSITION:
            number = POSITION[function]
            return BY_KEY["device"] <= number <= BY_KEY["schedule"]
        first, last = self.step("queue"), self.step("leave")
        traced = any(first <= number < last for number in self.passed.every(function))
        return traced or is_queue(function)

    def sends(self, function: str) -> bool:
        """Whether it hands the packet to the driver, or is a driver's."""
        return function in {"dev_hard_start_xmit", *LEAVES, self.driver} or is_driver(function)

    def drops(self, function: str) -> bool:
        """Whether the dropped query ends there: in the hook, or where it is freed in it."""
        return (
            function in {HOOK, "NF_HOOK", "NF_DROP", *DROPS, *REMAINS}
            or function in self.dropped.within(HOOK)
            or part_of(function) == "LOCAL_OUT"
        )

    def covers(self, listed: Sequence[str], first: float, last: float) -> bool:
        """Whether one of the functions stands between two positions, `last` included."""
        return any(
            first <= place.first and place.last <= last
            for name in listed
            for place in self.places(name)
        )

    @property
    def shown(self) -> str:
        """Both traces, for the student and whoever reviews."""
        return (
            f"What the grader traced on Linux {self._kernel}: functions as they were entered, "
            f"{HOOK} with the number of its hook (3: LOCAL_OUT, 4: POST_ROUTING).\n\n"
            f"The query that got out:\n{self.passed.shown}\n"
            f"The query that a rule in OUTPUT dropped:\n{self.dropped.shown}"
        )

    def hooks(self) -> list[int]:
        """The numbers of the hooks at which nf_hook_slow was entered, in order."""
        return [note for one in self.passed.entered if one.function == HOOK for note in one.notes]
