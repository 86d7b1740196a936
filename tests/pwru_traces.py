"""03a's traces by pwru itself, of a query that is answered and of one that a rule drops.

submissions/reference has them from here: `python -m tests.pwru_traces FOLDER`.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader import warm
from grader.errors import GraderError
from grader.image import find
from grader.machine import microvm
from grader.machine.client import MachineError
from grader.world import Topology, World
from tests_lab.pwru import live

if TYPE_CHECKING:
    from grader.image import Image

TOPOLOGY = Path(__file__).parents[1] / "fixtures/topologies/internet.yaml"
DROP = ("iptables", "-A", "OUTPUT", "-p", "udp", "-d", "8.8.8.8", "--dport", "53", "-j", "DROP")
CALL = (
    "--timestamp", "relative", "--output-tuple", "--output-meta",
    "dst host 8.8.8.8 and dst port 53",
)  # fmt: skip
ATTEMPTS = 3


def traces(world: World) -> tuple[str, str]:
    """What pwru prints of both queries, one after the other."""
    passed = live.run(world, CALL)
    done = world.student.run(*DROP)
    dropped = live.run(world, CALL)
    for one in (passed, done, dropped):
        if one.exit != 0:
            raise GraderError(f"{one.outcome}: {one.complaints[-500:]}")
    return passed.output, dropped.output


def fresh(image: Image, seed: str) -> tuple[str, str]:
    """Both traces, made in a microVM; in another one if its kernel crashes under the probes."""
    for _ in range(ATTEMPTS - 1):
        with suppress(MachineError):
            return attempt(image, seed)
    return attempt(image, seed)


def attempt(image: Image, seed: str) -> tuple[str, str]:
    """Both traces, made in one microVM."""
    with (
        microvm.start(warm.source(image), warm.warm) as machine,
        World(machine, Topology.load(TOPOLOGY), seed=seed, **image.server()) as world,
    ):
        return traces(world)


def main(folder: str) -> None:
    """Write pwru_pass.txt and pwru_drop.txt into `folder`."""
    image = find()
    if image is None:
        sys.exit("no image: grader image build")
    for name, text in zip(("pwru_pass.txt", "pwru_drop.txt"), fresh(image, "traces"), strict=True):
        Path(folder, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
