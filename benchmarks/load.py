"""Load: sandboxes, worlds and clones by the hundred, in a row and at once; what of them is left."""

from __future__ import annotations

import itertools
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.held import Held, Memory, available_mib
from benchmarks.worlds import TOPOLOGY
from grader.deadline import TimedOut, wait_until
from grader.errors import GraderError
from grader.machine.microvm import clone
from grader.sandbox import Sandbox
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from grader.image import Image
    from grader.machine.client import Machine
    from grader.machine.microvm import Template

    # Makes one, which is gone when the stack is left.
    Make = Callable[[ExitStack], object]

# Neither their time nor their memory counts: what is loaded, cached and pooled once.
WARMING = 20
COMPARED = 100
GONE_WITHIN = 20.0
# So much of the memory that is there at the start may be taken, for others work here, too.
SHARE = 0.5


@dataclass(frozen=True)
class Load:
    """What came of making so many: seconds of each, what was left, memory before and after.

    `each_mib` is the share (PSS) of one while all are alive; `ended` why there are no more.
    """

    what: str
    seconds: Sequence[float]
    left: dict[str, int]
    before: Memory
    after: Memory
    each_mib: float | None = None
    ended: str = ""

    @property
    def compared(self) -> int:
        """How many at the beginning are compared with as many at the end."""
        return max(1, min(COMPARED, len(self.seconds) // 3))

    @property
    def first_s(self) -> float:
        """The median of the first."""
        return median(self.seconds[: self.compared])

    @property
    def last_s(self) -> float:
        """The median of the last."""
        return median(self.seconds[-self.compared :])


def in_a_row(what: str, make: Make, number: int, *, warming: int = WARMING) -> Load:
    """Make one after another, each gone before the next."""
    held = Held.now()
    for _ in range(warming):
        _timed(make)
    before = Memory.now()
    seconds = [_timed(make) for _ in range(number)]
    return Load(f"{what} in a row", seconds, left(held), before, Memory.now())


def at_once(what: str, make: Make, most: int, *, warming: int = WARMING) -> Load:
    """Make more and more, all alive, until there are `most`, or memory or something else ends."""
    held = Held.now()
    for _ in range(warming):
        _timed(make)
    before = Memory.now()
    least = available_mib() * (1 - SHARE)
    seconds: list[float] = []
    ended = ""
    with ExitStack() as alive:
        while len(seconds) < most and not ended:
            start = time.perf_counter()
            try:
                make(alive)
            except GraderError as error:
                ended = error.what.partition("\n")[0]
                break
            seconds.append(time.perf_counter() - start)
            if available_mib() < least:
                ended = f"{SHARE:.0%} of the memory was taken"
        each = (Memory.now().shares - before.shares) / max(1, len(seconds))
    return Load(f"{what} at once", seconds, left(held), before, Memory.now(), each, ended)


def left(before: Held) -> dict[str, int]:
    """What there is more than before, when all that was to end has had its time."""
    try:
        wait_until(lambda: not Held.now().growth(before), within=GONE_WITHIN, what="the end of all")
    except TimedOut:
        return Held.now().growth(before)
    return {}


def _timed(make: Make) -> float:
    start = time.perf_counter()
    with ExitStack() as stack:
        make(stack)
    return time.perf_counter() - start


def sandbox(machine: Machine) -> Make:
    """Makes a sandbox in which a first command has ended."""

    def make(stack: ExitStack) -> None:
        _require(stack.enter_context(Sandbox(machine)).run("true", timeout=30).exit)

    return make


def world(machine: Machine, image: Image) -> Make:
    """Makes the lab's internet with a student in it, each time another."""
    topology, seeds = Topology.load(TOPOLOGY), itertools.count()
    server: dict[str, Any] = dict(image.server())

    def make(stack: ExitStack) -> None:
        seed = f"load/{next(seeds)}"
        made = stack.enter_context(World(machine, topology, seed=seed, **server))
        _require(made.sandbox.run("true", timeout=30).exit)

    return make


def guest(template: Template) -> Make:
    """Makes a clone in which a first command has ended."""

    def make(stack: ExitStack) -> None:
        _require(stack.enter_context(clone(template)).run("true", timeout=60).exit)

    return make


def _require(exit_code: int | None) -> None:
    if exit_code != 0:
        raise GraderError(f"true did not exit with 0, but {exit_code}")


def on_this_host(machine: Machine, image: Image, number: int) -> Iterator[Load]:
    """Sandboxes and worlds: `number` sandboxes, and a third of that worlds."""
    makes = {
        "sandboxes": (sandbox(machine), number),
        "worlds": (world(machine, image), number // 3),
    }
    for measure in (in_a_row, at_once):
        for what, (make, most) in makes.items():
            yield _told(measure(what, make, most))


def in_microvms(template: Template, number: int) -> Iterator[Load]:
    """Clones."""
    for measure in (in_a_row, at_once):
        yield _told(measure("clones", guest(template), number, warming=3))


def _told(load: Load) -> Load:
    print(f"measured: {load.what}", file=sys.stderr)
    return load


def markdown(loads: Sequence[Load]) -> str:
    """A table; memory is what it has grown by from before the first to after the last."""
    lines = [
        "| what | number | first, ms | last, ms | ratio | left | grader, MiB | agent, MiB | each |",
        "|---|--:|--:|--:|--:|---|--:|--:|--:|",
    ]
    for one in loads:
        grader, agents = (
            getattr(one.after, who) - getattr(one.before, who) for who in ("grader", "agents")
        )
        each = "" if one.each_mib is None else f"{one.each_mib:.1f}"
        left = ", ".join(f"{more:+d} {what}" for what, more in one.left.items()) or "nothing"
        lines.append(
            f"| {one.what} | {len(one.seconds)} | {one.first_s * 1e3:.1f} | {one.last_s * 1e3:.1f} "
            f"| {one.last_s / one.first_s:.2f} | {left} | {grader:+.1f} | {agents:+.1f} | {each} |"
        )
    lines += [f"\n{one.what}: {one.ended}." for one in loads if one.ended]
    return "\n".join(lines) + "\n"
