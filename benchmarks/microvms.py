"""MicroVMs: what a template costs once, and a clone of it each time, by what is done in it."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from benchmarks import sandboxes, virtme, worlds
from benchmarks.harness import Benchmark
from grader import warm
from grader.evidence import Bpftrace
from grader.machine.microvm import clone, ensure, find, prune
from grader.machine.microvm.qemu import Qemu
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image
    from grader.machine.client import Machine
    from grader.machine.microvm import MicroVM, Template

SCRIPT = b"kprobe:nf_hook_slow { @ = count(); }\n"
ATTACHES_WITHIN = 60
# The slow ones' rounds, with the one that is not counted.
AT_MOST = {virtme.NAME: 4, "template (ours)": 2}


@contextmanager
def own_cache(image: Image) -> Iterator[None]:
    """A cache folder for the while, with the user's images in it but none of the templates."""
    with tempfile.TemporaryDirectory(prefix="netlab-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the sandboxes' users must reach the image
        (folder / "netlab-grader").mkdir()
        (folder / "netlab-grader/images").symlink_to(image.root.parent.parent)
        with patch.dict(os.environ, XDG_CACHE_HOME=name):
            yield


class Making:
    """A template, made whole."""

    name = "template (ours)"

    def __init__(self, image: Image) -> None:
        self._source = warm.source(image)
        self._marks: list[tuple[str, float]] = []

    @classmethod
    @contextmanager
    def ready(cls, image: Image) -> Iterator[Making]:
        """The contender."""
        yield cls(image)

    def up(self) -> dict[str, float]:
        """Make it; returns what its parts took."""
        self._marks.clear()
        ensure(self._source, self._warm, progress=self._told)
        ends = [when for _, when in self._marks[1:]]
        return {
            what: end - began for (what, began), end in zip(self._marks, ends, strict=False) if what
        }

    def _mark(self, what: str) -> None:
        self._marks.append((what, time.perf_counter()))

    def _told(self, line: str) -> None:
        """What the template's maker says marks the ends of its parts."""
        if line.startswith("KVM"):
            self._marks[-1] = "KVM tried in vain", self._marks[-1][1]
        self._mark(
            "cold boot to agent ready" if line.startswith("starting")
            else "warmed" if line.startswith("warming") else ""
        )  # fmt: skip

    def _warm(self, machine: Machine) -> None:
        warm.warm(machine)
        self._mark("saved")

    def check(self) -> None:
        """A clone wakes."""
        template = find(self._source)
        if template is None:
            raise RuntimeError("no template was kept")
        clone(template).close()

    def down(self) -> None:
        """Remove it."""
        prune()


class Cloned:
    """A clone of a template; what is done in it makes the difference."""

    name = "microVM clone (ours)"

    def __init__(self, template: Template, image: Image) -> None:
        self._template = template
        self._image = image
        self._vm: MicroVM

    @classmethod
    @contextmanager
    def ready(cls, template: Template, image: Image) -> Iterator[Cloned]:
        """The contender."""
        yield cls(template, image)

    def up(self) -> dict[str, float]:
        """Clone and do it; returns what the parts took."""
        start = time.perf_counter()
        self._vm = clone(self._template)
        cloned = time.perf_counter()
        try:
            return {"clone": cloned - start, **self._used()}
        except BaseException:
            self._vm.close()
            raise

    def _used(self) -> dict[str, float]:
        raise NotImplementedError

    def check(self) -> None:
        """`up` has looked."""

    def down(self) -> None:
        """Kill the guest."""
        self._vm.close()


class Commanded(Cloned):
    """… in which `true` is run, by the machine's root."""

    def up(self) -> dict[str, float]:
        """Clone, seeing when the guest's processors were let go, and run it."""
        resume, moments = Qemu.resume, [time.perf_counter()]

        def resumed(qemu: Qemu, state: Path) -> None:
            resume(qemu, state)
            moments.append(time.perf_counter())

        with patch.object(Qemu, "resume", resumed):
            parts = super().up()
        began, running = moments
        return {
            "resumed": running - began,
            "clock and entropy set": parts["clone"] - (running - began),
            "command": parts["command"],
        }

    def _used(self) -> dict[str, float]:
        start = time.perf_counter()
        if self._vm.run("true", timeout=10).exit != 0:
            raise RuntimeError("true failed in the microVM")
        return {"command": time.perf_counter() - start}


class Sandboxed(Cloned):
    """… with a sandbox in it."""

    name = "sandbox in a clone (ours)"

    def _used(self) -> dict[str, float]:
        start = time.perf_counter()
        with Sandbox(self._vm) as sandbox:
            if sandbox.run("true", timeout=10).exit != 0:
                raise RuntimeError("true failed in the microVM's sandbox")
            return {"sandbox and command": time.perf_counter() - start}


class Inhabited(Cloned):
    """… with a whole world in it."""

    name = "the lab's internet in a clone (ours)"

    def _used(self) -> dict[str, float]:
        self._world = worlds.Ours(self._vm, self._image)
        return self._world.up()

    def check(self) -> None:
        """A name is looked up and a page fetched."""
        self._world.check()


class Traced(Cloned):
    """… with a bpftrace script attached in it, its first."""

    name = "bpftrace in a clone (ours)"

    def _used(self) -> dict[str, float]:
        start = time.perf_counter()
        # Its context is not left: it goes with the guest, as in a grading.
        Bpftrace(self._vm, "benchmark.bt", SCRIPT).attached(ATTACHES_WITHIN)
        return {"attached": time.perf_counter() - start}


def making(image: Image) -> Benchmark:
    """The template's making; it takes place in the cache folder of the moment."""
    return Benchmark("a microVM's template", [Making.ready(image)], at_most=AT_MOST)


def benchmarks(template: Template, image: Image, machine: Machine) -> list[Benchmark]:
    """Clones of `template` beside this host's sandboxes and worlds, Docker and virtme-ng."""
    return [
        Benchmark(
            "a kernel of its own, first command done",
            [
                Commanded.ready(template, image),
                sandboxes.Ours.ready(machine),
                sandboxes.docker_if_there(),  # type: ignore[list-item]
                virtme.if_there(image, template.accel),  # type: ignore[list-item]
            ],
            target_ms=300,
            part_targets={"resumed": 100},
            at_most=AT_MOST,
        ),
        Benchmark(
            "a sandbox in a microVM, first command done",
            [Sandboxed.ready(template, image), sandboxes.Ours.ready(machine)],
        ),
        Benchmark(
            "a whole world in a microVM",
            [Inhabited.ready(template, image), worlds.Ours.ready(machine, image)],
        ),
        Benchmark("bpftrace's probe attached", [Traced.ready(template, image)]),
    ]
