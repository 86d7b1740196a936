"""The agent's start: once a run, or once a worker, before the first sandbox."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.harness import Benchmark
from grader.machine.local import LocalMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image


class Ours:
    """A LocalMachine, until its agent serves."""

    name = "agent (ours)"

    def __init__(self, image: Image) -> None:
        self._image = image
        self._machine: LocalMachine

    @classmethod
    @contextmanager
    def ready(cls, image: Image) -> Iterator[Ours]:
        """The contender."""
        yield cls(image)

    def up(self) -> None:
        """Start it."""
        self._machine = LocalMachine(self._image.root)

    def check(self) -> None:
        """It answers."""
        if not self._machine.kernel:
            raise RuntimeError("the agent does not know its kernel")

    def down(self) -> None:
        """Kill it, and with it all on its machine."""
        self._machine.close()


def benchmark(image: Image) -> Benchmark:
    """Ours alone."""
    return Benchmark("agent start", [Ours.ready(image)])
