"""Many sandboxes, worlds and microVMs: nothing is left of them, and the last are like the first.

The fair part of `python benchmarks/run.py load`, which makes thousands and measures time, too.
"""

from __future__ import annotations

import os
import resource
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from runs import REPO

from benchmarks import load
from benchmarks.held import Held, Memory
from grader import warm
from grader.errors import Unsupported
from grader.evidence import Capture
from grader.machine import microvm
from grader.machine.local import LocalMachine
from grader.sandbox import Sandbox
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.image import Image
    from grader.machine.client import Machine

    In = Callable[..., load.Load]

MANY, SOME, FEW = 60, 12, 3
OFFICE = REPO / "fixtures" / "topologies" / "office.yaml"
SELECTS = 1024  # FD_SETSIZE
# A MiB a sandbox is a leak of pages, less than that a pool that grows; counts are held exactly.
GROWN_MIB = 12.0
EACH_WAY = pytest.mark.parametrize("measure", [load.in_a_row, load.at_once])


@pytest.fixture(scope="module")
def own(image: Image) -> Iterator[Machine]:
    """A machine that nothing else uses meanwhile."""
    with LocalMachine(image.root) as running:
        yield running


def assert_nothing_left(found: load.Load, number: int) -> None:
    """All were made; counts are as before, memory nearly so."""
    assert (len(found.seconds), found.ended, found.left) == (number, "", {})
    assert found.after.grader - found.before.grader < GROWN_MIB, found
    assert found.after.agents - found.before.agents < GROWN_MIB, found


@EACH_WAY
def test_sandboxes(own: Machine, measure: In) -> None:
    """Nothing is left of many sandboxes, one after another or all at once."""
    assert_nothing_left(measure("sandboxes", load.sandbox(own), MANY), MANY)


@EACH_WAY
def test_worlds(own: Machine, image: Image, measure: In) -> None:
    """Nothing is left of worlds either, with their routers, services and captures."""
    assert_nothing_left(measure("worlds", load.world(own, image), SOME, warming=3), SOME)


@EACH_WAY
def test_clones(image: Image, measure: In) -> None:
    """Nothing is left of microVMs, and many at once share the memory of their template."""
    try:
        template = microvm.ensure(warm.source(image), warm.warm)
    except Unsupported as error:
        pytest.skip(error.what)
    found = measure("clones", load.guest(template), FEW, warming=1)
    assert_nothing_left(found, FEW)
    assert (found.each_mib or 0) < microvm.template.MEMORY_MIB / 2


@contextmanager
def descriptors(most: int) -> Iterator[None]:
    """What is started meanwhile may open so many files at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < most:
        pytest.skip(f"no more than {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("more", [90, 91, 92])  # so that another step is the one that fails
def test_too_many_for_the_agent(image: Image, more: int) -> None:
    """A sandbox for which the agent has no descriptors is an error at once, and leaves nothing."""
    with descriptors(len(os.listdir("/proc/self/fd")) + more):  # noqa: PTH208
        machine = LocalMachine(image.root)
    with machine:
        make = load.sandbox(machine)
        found = load.at_once("sandboxes", make, 200, warming=1)
        assert "Too many open files" in found.ended
        assert found.left == {}
        assert len(load.in_a_row("sandboxes", make, 2, warming=0).seconds) == 2


def test_a_busy_agent_serves_as_ever(image: Image) -> None:
    """Late echoes and captures go on where descriptors have numbers that select(2) lacks."""
    with descriptors(4096):
        machine = LocalMachine(image.root)
    with machine, ExitStack() as alive:
        while alive.enter_context(Sandbox(machine)).number < SELECTS // 3 + 1:
            pass
        world = alive.enter_context(World(machine, Topology.load(OFFICE), seed="load"))
        slow = world.host("slow").interface().address(4)
        before = Held.now()
        with Capture(world) as wire:
            done = world.sandbox.run("ping", "-c1", "-W9", slow, timeout=30)
            assert done.exit == 0, done.output
            assert len(wire.frames().packets) >= 2
        assert load.left(before) == {}


def test_what_is_left_is_noticed(own: Machine) -> None:
    """A sandbox that nobody closes, and a file that nobody does, count as left."""
    before = Held.now()
    with Sandbox(own), open(os.devnull):  # noqa: PTH123
        found = Held.now().growth(before)
    assert found["processes"] == 2  # its first process, and who waits for that
    assert found["namespaces"] >= 7
    assert found["descriptors"] >= 2
    assert load.left(before) == {}


def test_memory_is_noticed(own: Machine) -> None:
    """What a process below this one has written to counts as the agents' memory, and its share."""
    with Sandbox(own) as sandbox:
        before = Memory.now()
        code = "x = b'x' * (64 << 20)\nprint('up', flush=True)\ninput()"
        with sandbox.start("python3", "-c", code, stdin=None, terminal=True) as process:
            assert process.expect("up", within=20)
            now = Memory.now()
    assert now.agents - before.agents > 60
    assert now.shares - before.shares > 60
