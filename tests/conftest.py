"""Real parts for the tests: a machine for each worker, sandboxes and worlds on it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import engines
import pytest

from grader.machine.local import LocalMachine
from grader.sandbox import Sandbox
from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image
    from grader.machine.client import Machine

# A shell has what it starts in the background ignore these, and so would all that is tested.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

INTERNET = Path(__file__).resolve().parents[1] / "fixtures" / "topologies" / "internet.yaml"


@pytest.fixture(scope="session")
def machine(image: Image) -> Iterator[Machine]:
    """This host's kernel."""
    with LocalMachine(image.root) as running:
        yield running


@pytest.fixture(scope="session")
def internet() -> Path:
    """The topology of the lab's world."""
    return INTERNET


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """The address of a Docker engine."""
    with engines.host_alone(), engines.running() as address:
        yield address


@pytest.fixture
def sandbox(machine: Machine) -> Iterator[Sandbox]:
    """A sandbox of the test's own."""
    with Sandbox(machine) as made:
        yield made


@pytest.fixture(scope="module")
def world(machine: Machine, image: Image) -> Iterator[World]:
    """A small internet for the tests of a module."""
    made = World(
        machine,
        Topology.load(INTERNET),
        seed="tests",
        **image.server(),
    )
    with made as running:
        yield running
