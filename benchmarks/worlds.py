"""A whole world, ready for its first query: student, LAN, routers, internet, NTP, DNS, HTTP(S)."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Benchmark
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image
    from grader.machine.client import Machine

TOPOLOGY = Path(__file__).parents[1] / "fixtures/topologies/internet.yaml"
# Which part of a world's set-up a call is; what calls do not take is the grader's own side.
PARTS = {"sandboxes.make": "sandbox", "network.build": "network", "files.write": "services"}
PARTS |= dict.fromkeys(("network.start", "network.listening"), "services")


class Timed:
    """A machine that notes how long its calls take."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.spent: dict[str, float] = defaultdict(float)

    def __getattr__(self, name: str) -> object:
        return getattr(self._machine, name)

    def call(self, name: str, **args: Any) -> Any:
        """As the machine's."""
        start = time.perf_counter()
        try:
            return self._machine.call(name, **args)
        finally:
            self.spent[PARTS.get(name, "services")] += time.perf_counter() - start


class Ours:
    """The lab's own topology, another seed each round."""

    name = "the lab's internet (ours)"

    def __init__(self, machine: Machine, image: Image) -> None:
        self._timed = Timed(machine)
        self._topology = Topology.load(TOPOLOGY)
        self._server = image.server()
        self._seeds = itertools.count()
        self._world: World

    @classmethod
    @contextmanager
    def ready(cls, machine: Machine, image: Image) -> Iterator[Ours]:
        """The contender, while the machine lives."""
        yield cls(machine, image)

    def up(self) -> dict[str, float]:
        """Make the world; returns what its parts took."""
        self._timed.spent.clear()
        start = time.perf_counter()
        self._world = World(
            self._timed,  # type: ignore[arg-type]
            self._topology,
            seed=f"benchmark/{next(self._seeds)}",
            **self._server,
        )
        self._world.__enter__()
        spent = dict(self._timed.spent)
        return spent | {"own side": time.perf_counter() - start - sum(spent.values())}

    def check(self) -> None:
        """A name is looked up and a page fetched."""
        command = ("curl", "-s", "-m", "3", "http://ocw.cs.pub.ro/")
        seen = self._world.student.run(*command)
        if self._world.identity.nonce not in seen.output:
            raise RuntimeError(f"no page: {seen.outcome}")

    def down(self) -> None:
        """Leave it."""
        self._world.__exit__(None, None, None)


def benchmark(machine: Machine, image: Image) -> Benchmark:
    """Ours alone: no neighbour has such a world."""
    return Benchmark("a whole world", [Ours.ready(machine, image)], target_ms=150)
