"""Time limits: what others keep a machine from running is not counted."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, cast

import pytest

from grader.machine.patience import (
    Patience,
    waited_by_threads_s,
    waited_for_processors_s,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.machine.client import Machine


class Waiting:
    """Stands for a machine that is kept waiting as the test says."""

    patience = 1.5

    def __init__(self) -> None:
        self.waited = 0.0

    def kept_waiting_s(self) -> float:
        """What the test says."""
        return self.waited


@pytest.fixture
def busy_processor() -> Iterator[None]:
    """Two threads of this process that share one processor."""
    before, ends = os.sched_getaffinity(0), threading.Event()
    os.sched_setaffinity(0, {min(before)})
    other = os.fork()
    if not other:
        while True:
            pass
    yield
    os.kill(other, 9)
    os.waitpid(other, 0)
    os.sched_setaffinity(0, before)
    ends.set()


def test_time_of_others_is_added() -> None:
    """A limit is longer by what the machine had to wait since the limit was set."""
    machine = Waiting()
    machine.waited = 1000.0
    patience = Patience(cast("Machine", machine), 50)
    assert 49 < patience.left <= 50
    machine.waited += 30
    assert 79 < patience.left <= 80


def test_it_ends_all_the_same() -> None:
    """However long a machine has to wait, a limit is a limit."""
    machine = Waiting()
    patience = Patience(cast("Machine", machine), 2)
    machine.waited = 1e6
    assert 2.9 < patience.left <= 2 + 1.5 * 2


@pytest.mark.usefixtures("busy_processor")
def test_waiting_is_seen() -> None:
    """A process that shares its processor is known to wait, by its own count and the host's."""
    pid = os.getpid()
    own, host = waited_by_threads_s(pid), waited_for_processors_s()
    while waited_by_threads_s(pid) - own < 0.2:
        pass
    assert waited_for_processors_s() > host
