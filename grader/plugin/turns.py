"""Which checks run, and in which order workers are given them: none is idle at the end."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from grader.plugin.command_line import grading_of
from grader.plugin.tree import CheckItem


@dataclass
class Unit:
    """A task of a submission, which one worker grades: if in a microVM, and about how long (s)."""

    name: str
    guest: bool = False
    lasts: float = 1.0


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """How many workers `-n auto` is: three for two processors, since some tasks mostly wait."""
    if grading_of(config) is None:
        return None
    return len(os.sched_getaffinity(0)) * 3 // 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Bring along the checks that a selected one needs, once -k and --lf have selected."""
    if grading_of(session.config) is None:
        return
    chosen: dict[str, pytest.Item] = {}
    for item in session.items:
        for one in _with_needs(item):
            chosen.setdefault(one.nodeid, one)
    items = list(chosen.values())
    worker = getattr(session.config, "workerinput", None)
    session.items[:] = by_turns(items, worker["workercount"]) if worker else items


def _with_needs(item: pytest.Item) -> Iterator[pytest.Item]:
    if isinstance(item, CheckItem):
        for need in item.check.needs:
            task = item.task.state.homes[need]
            check = next(one for one in task.checks if one.id == need)
            yield from _with_needs(CheckItem.of(task, check))
    yield item


def by_turns(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The checks, task by task, in the order in which so many workers are given them."""
    units: dict[str, Unit] = {}
    for item in items:
        unit = units.setdefault(_task(item), Unit(_task(item)))
        if isinstance(item, CheckItem):
            unit.guest |= item.task.run.sandbox == "vm"
            unit.lasts = item.task.run.task.lasts_s
    places = {unit.name: place for place, unit in enumerate(ordered(units.values(), workers))}
    return sorted(items, key=lambda item: places[_task(item)])


def ordered(units: Iterable[Unit], workers: int) -> list[Unit]:
    """What lasts long first, and what computes and what waits at the same time.

    A microVM computes, while other tasks mostly wait. So every other worker begins with a microVM's
    and goes on with one of the others, and the rest the other way round: xdist gives two to each at
    first. What is left is mixed evenly.
    """
    longest = sorted(units, key=lambda unit: -unit.lasts)
    guests = deque(unit for unit in longest if unit.guest)
    others = deque(unit for unit in longest if not unit.guest)
    order = []
    for number in range(min(2 * workers, len(longest))):
        again, worker = divmod(number, workers)
        kind, other = (guests, others) if (again + worker) % 2 == 0 else (others, guests)
        order.append((kind or other).popleft())
    rest = sorted([*_spread(guests), *_spread(others)], key=lambda pair: pair[0])
    return [*order, *(unit for _, unit in rest)]


def _spread(units: Iterable[Unit]) -> Iterator[tuple[float, Unit]]:
    """Each with the part of all their time that lies before it."""
    whole, before = sum(unit.lasts for unit in units), 0.0
    for unit in units:
        yield before / whole, unit
        before += unit.lasts


def _task(item: pytest.Item) -> str:
    return item.nodeid.rpartition("::")[0]
