"""The three sandboxes side by side: what it costs to grade the same checks in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from benchmarks import worlds
from benchmarks.held import available_mib
from grader import warm
from grader.errors import Unsupported
from grader.machine import microvm
from grader.machine.docker import DockerMachine
from grader.machine.local import LocalMachine
from grader.sandbox import OFFERS, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image
    from grader.machine.client import Machine

REPO = Path(__file__).parents[1]
ROUNDS = 5
TASKS = "01a or 01b or 01c or 01d or 02a or 02b or 02c or 03a"
WITHIN = 1800


@dataclass(frozen=True)
class Kind:
    """Seconds, as medians, and MiB; or why there is none of this kind here."""

    name: str
    machine_s: float = 0.0
    sandbox_s: float = 0.0
    world_s: float = 0.0
    check_s: float = 0.0
    run_s: float = 0.0
    memory_mib: float = 0.0
    absent: str = ""


def measure(image: Image) -> Iterator[Kind]:
    """Each kind in turn; the image is imported and the template made beforehand."""
    for name in OFFERS:
        print(f"measuring: the sandbox {name}", file=sys.stderr)
        try:
            with _machine(name, image):
                pass
        except Unsupported as error:
            yield Kind(name, absent=error.what)
            continue
        rounds = [_once(name, image) for _ in range(ROUNDS)]
        machine, sandbox, world, memory = (median(column) for column in zip(*rounds, strict=True))
        yield Kind(name, machine, sandbox, world, *_graded(name), memory)


@contextmanager
def _machine(name: str, image: Image) -> Iterator[Machine]:
    if name == "vm":
        with microvm.start(warm.source(image), warm.warm) as guest:
            yield guest
    elif name == "docker":
        with DockerMachine(image.root, image.id) as container:
            yield container
    else:
        with LocalMachine(image.root) as local:
            yield local


def _once(name: str, image: Image) -> tuple[float, float, float, float]:
    """A machine, a sandbox with its first command, a world; and what the world's took of memory."""
    before, began = available_mib(), time.perf_counter()
    with _machine(name, image) as machine:
        started = time.perf_counter()
        with Sandbox(machine) as sandbox:
            if sandbox.run("true", timeout=30).exit != 0:
                raise RuntimeError(f"true failed in the sandbox {name}")
            done = time.perf_counter()
        world = worlds.Ours(machine, image)
        building = time.perf_counter()
        world.up()
        built = time.perf_counter()
        memory = before - available_mib()
        world.down()
    return started - began, done - started, built - building, memory


def _graded(name: str) -> tuple[float, float]:
    """Mean seconds of a check, and of the whole run over what all kinds support."""
    with tempfile.TemporaryDirectory(prefix="netlab-benchmark-") as home:
        command = [
            str(Path(sys.executable).with_name("pytest")), "-q", "-c", str(REPO / "tox.ini"),
            f"--rootdir={REPO}", "-o", f"cache_dir={home}/cache", f"--report-dir={home}/reports",
            str(REPO / "submissions/reference"), "-k", f"({TASKS}) and not log_lines",
            f"--sandbox={name}", "--seed=7",
        ]  # fmt: skip
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True, timeout=WITHIN)
        took = time.perf_counter() - began
        report = json.loads(Path(home, "reports/reference/report.json").read_text(encoding="utf-8"))
    seconds = [one["duration_s"] for task in report["tasks"] for one in task["checks"]]
    return mean(seconds), took


def markdown(kinds: list[Kind]) -> str:
    """A table with a line for each kind."""
    lines = [
        f"The three sandboxes on {os.cpu_count()} processors; the run: reference, 01a to 03a.",
        "",
        "| sandbox | machine, ms | first command, ms | world, ms | check, s | run, s | MiB |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for one in kinds:
        figures = (
            f"{one.machine_s * 1e3:.0f} | {one.sandbox_s * 1e3:.0f} | {one.world_s * 1e3:.0f} "
            f"| {one.check_s:.2f} | {one.run_s:.1f} | {one.memory_mib:.0f}"
        )
        lines.append(f"| {one.name} | {one.absent + ' | ' * 5 if one.absent else figures} |")
    return "\n".join(lines) + "\n"
