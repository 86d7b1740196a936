"""python benchmarks/run.py [GROUP…] [--rounds N]: measure, print the tables, draw the plots."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import agents, crowd, kinds, links, load, microvms, sandboxes, tables, tasks, worlds
from benchmarks.harness import measure
from grader import warm
from grader.errors import GraderError, Unsupported
from grader.image import find
from grader.machine.local import LocalMachine
from grader.machine.microvm import ensure
from grader.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.crowd import Crowd
    from benchmarks.harness import Benchmark, Result
    from benchmarks.kinds import Kind
    from benchmarks.load import Load
    from grader.image import Image
    from grader.machine.client import Machine

PLOT = Path(__file__).parent / "plot.py"
WITH_NUMPY = Limits(memory=4 << 30)
HOST, KINDS, MICROVMS, TASKS, CROWD, LOAD = GROUPS = (
    "host", "kinds", "microvms", "tasks", "crowd", "load",
)  # fmt: skip


@dataclass
class Found:
    """What has been measured so far: all that there is when it ends early."""

    results: list[Result] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)


def main() -> None:
    """Measure what was asked for; write results.md and a CSV and a plot of each kind."""
    options = _options()
    image = find()
    if image is None:
        raise SystemExit("the lab's image is not built; run: ./lab grader image build")
    options.output.mkdir(parents=True, exist_ok=True)
    found = Found()
    with LocalMachine(image.root) as machine:
        try:
            if HOST in options.groups:
                found.results += _measured(on_this_host(machine, image, options), options.rounds)
            if KINDS in options.groups:
                found.kinds += kinds.measure(image)
            if LOAD in options.groups:
                found.loads += load.on_this_host(machine, image, options.sandboxes)
            if options.groups - {HOST, KINDS}:
                in_microvms(machine, image, options, found)
        except Unsupported as error:
            print(f"no microVMs: {error.what}", file=sys.stderr)
        finally:
            write(machine, options, found)


def on_this_host(machine: Machine, image: Image, options: argparse.Namespace) -> list[Benchmark]:
    """What needs no other kernel."""
    return [
        sandboxes.benchmark(machine),
        links.benchmark(machine, {"mininet": options.mininet, "munet": options.munet}),
        worlds.benchmark(machine, image),
        agents.benchmark(image),
    ]


def in_microvms(machine: Machine, image: Image, options: argparse.Namespace, found: Found) -> None:
    """Templates, clones, gradings and crowds. Raises Unsupported without QEMU."""
    with microvms.own_cache(image):
        if MICROVMS in options.groups:
            found.results += _measured([microvms.making(image)], options.rounds)
        template = ensure(warm.source(image), warm.warm)
        if MICROVMS in options.groups:
            clones = microvms.benchmarks(template, image, machine)
            found.results += _measured(clones, options.rounds)
        if TASKS in options.groups:
            print("measuring: gradings", file=sys.stderr)
            found.results += tasks.measure(options.gradings)
        if CROWD in options.groups:
            print("measuring: many microVMs at once", file=sys.stderr)
            found.crowds += crowd.measure(template, image)
        if LOAD in options.groups:
            found.loads += load.in_microvms(template, options.clones)


def _measured(benchmarks: list[Benchmark], rounds: int) -> Iterator[Result]:
    for benchmark in benchmarks:
        print(f"measuring: {benchmark.title}", file=sys.stderr)
        yield from measure(benchmark, rounds)


def write(machine: LocalMachine, options: argparse.Namespace, found: Found) -> None:
    """Print the tables; write them, the figures and the plots."""
    text = (
        f"{options.rounds} rounds, contenders taking turns; Linux {platform.release()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}.\n"
    )
    figures = {}
    if found.results:
        text += f"\n{tables.markdown(found.results)}"
        figures["results"] = tables.comma_separated(found.results)
    if found.crowds:
        text += f"\n{crowd.markdown(found.crowds)}"
        figures["memory"] = crowd.comma_separated(found.crowds)
    if found.kinds:
        text += f"\n{kinds.markdown(found.kinds)}"
    if found.loads:
        text += f"\n{load.markdown(found.loads)}"
    for name, lines in figures.items():
        (options.output / f"{name}.csv").write_text(lines, encoding="utf-8")
        (options.output / f"{name}.png").write_bytes(plot(machine, name, lines))
    (options.output / "results.md").write_text(text, encoding="utf-8")
    print(text)


def plot(machine: LocalMachine, name: str, figures: str) -> bytes:
    """The plot as PNG, drawn by the image's matplotlib in a sandbox like any student's script."""
    with Sandbox(machine, WITH_NUMPY) as sandbox:
        script = sandbox.put("plot.py", PLOT.read_bytes())
        done = sandbox.run(
            "python3",
            script,
            name,
            stdin=figures.encode(),
            env={"MPLCONFIGDIR": "/work"},
            timeout=60,
        )
    if done.exit != 0:
        raise GraderError(f"plot.py {done.outcome}: {done.complaints}")
    return done.stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"what to measure: {', '.join(GROUPS)}; or all"
    )
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--gradings", type=int, default=2, help="of the reference submission")
    parser.add_argument("--sandboxes", type=int, default=1000, help="under load, in a row")
    parser.add_argument("--clones", type=int, default=300, help="under load, in a row")
    parser.add_argument("--output", type=Path, default=Path("reports/benchmarks"))
    parser.add_argument(
        "--mininet", default="/usr/bin/python3", help="a Python that can import mininet"
    )
    parser.add_argument("--munet", default="python3", help="a Python that can import munet")
    options = parser.parse_args()
    options.groups = set(options.groups or GROUPS)
    if unknown := options.groups - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
