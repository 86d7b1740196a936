"""Many clones alive at once: what memory each takes, and how long the last one takes to answer."""

from __future__ import annotations

import csv
import io
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import worlds
from benchmarks.held import available_mib
from grader.errors import GraderError
from grader.machine.microvm import clone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from grader.image import Image
    from grader.machine.microvm import MicroVM, Template

    Use = Callable[[MicroVM, ExitStack], None]

MIB = 1024 * 1024
IDLE, WITH_WORLD = "idle", "with a world"
COUNTS = (1, 4, 8, 16, 32, 64)
MOST = {IDLE: 64, WITH_WORLD: 16}
# No more clones are started when less than this is available, or the last took longer.
LEAST_MIB = 2048
LONGEST_S = {IDLE: 10.0, WITH_WORLD: 60.0}


@dataclass(frozen=True)
class Crowd:
    """So many clones at once: mean memory of each, and the last one's time until it was ready.

    `shared_mib` is the proportional set size, `own_mib` what it has written to.
    """

    what: str
    clones: int
    shared_mib: float
    own_mib: float
    last_s: float
    available_mib: float


def measure(template: Template, image: Image) -> Iterator[Crowd]:
    """Clones that have answered one command, then clones with a world each."""

    def answers(vm: MicroVM, _: ExitStack) -> None:
        vm.run("true", timeout=60)

    def inhabited(vm: MicroVM, alive: ExitStack) -> None:
        world = worlds.Ours(vm, image)
        world.up()
        alive.callback(world.down)

    uses: dict[str, Use] = {IDLE: answers, WITH_WORLD: inhabited}
    for what, use in uses.items():
        yield from _grown(what, template, use)


def _grown(what: str, template: Template, use: Use) -> Iterator[Crowd]:
    with ExitStack() as alive:
        vms: list[MicroVM] = []
        while True:
            start = time.perf_counter()
            try:
                vms.append(alive.enter_context(clone(template)))
                use(vms[-1], alive)
            except GraderError as error:
                print(f"the crowd ends ({what}, {len(vms)}): {error.what}", file=sys.stderr)
                return
            took, left = time.perf_counter() - start, available_mib()
            ends = len(vms) >= MOST[what] or left < LEAST_MIB or took > LONGEST_S[what]
            if ends or len(vms) in COUNTS:
                shared, own = _memory_mib(vms)
                yield Crowd(what, len(vms), shared, own, took, left)
            if ends:
                return


def _memory_mib(vms: Sequence[MicroVM]) -> tuple[float, float]:
    """The means of the clones' PSS and of what each has written (proc_pid_smaps(5))."""
    pss = own = 0
    for vm in vms:
        text = Path(f"/proc/{vm.pid}/smaps_rollup").read_text(encoding="ascii")
        sizes = {line.partition(":")[0]: line.split()[-2] for line in text.splitlines()[1:]}
        pss += int(sizes["Pss"])
        own += int(sizes["Private_Dirty"])
    return pss / len(vms) / 1024, own / len(vms) / 1024


def markdown(crowds: Sequence[Crowd]) -> str:
    """A table."""
    lines = [
        "| clones at once | each | PSS of each, MiB | its own, MiB | last ready, ms | left, GiB |",
        "|--:|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {one.clones} | {one.what} | {one.shared_mib:.0f} | {one.own_mib:.0f} "
        f"| {one.last_s * 1e3:.0f} | {one.available_mib / 1024:.1f} |"
        for one in crowds
    ]
    return "\n".join(lines) + "\n"


def comma_separated(crowds: Sequence[Crowd]) -> str:
    """A line for each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("what", "clones", "pss_mib", "own_mib", "last_ms", "available_mib"))
    for one in crowds:
        values = (one.shared_mib, one.own_mib, one.last_s * 1e3, one.available_mib)
        writer.writerow([one.what, one.clones, *(f"{value:.1f}" for value in values)])
    return buffer.getvalue()
