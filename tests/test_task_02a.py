"""02a: what the machine disturbed is tried again, and costs nobody points."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from runs import REPO

from grader.errors import GraderError
from grader.world import Topology, World
from tests_lab.task_02a import ATTEMPTS, FIRST, Scan, look, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.image import Image
    from grader.machine.client import Machine
    from grader.machine.process import Completed
    from grader.taskrun import TaskRun

OFFICE = Topology.load(REPO / "fixtures" / "topologies" / "office.yaml")
HASTY = 'for host in "$@"; do ping -c 1 -W 0.1 $host >/dev/null || echo $host; done; sleep 1'


def in_(sandbox: str) -> TaskRun:
    """A task that is graded there and keeps nothing."""
    return cast(
        "TaskRun", SimpleNamespace(sandbox=sandbox, keep=lambda *_: None, forget_fault=lambda: None)
    )


def attempts(*found: dict[str, Any]) -> tuple[Callable[[], Scan], list[Scan]]:
    """A function that scans as `found` says, one after another; and what it has returned."""
    todo, made = iter(found), []

    def attempt() -> Scan:
        made.append(cast("Scan", SimpleNamespace(**{"disturbed": False, "wrong": ""} | next(todo))))
        return made[-1]

    return attempt, made


@pytest.mark.parametrize("sandbox", ["netns", "vm"])
@pytest.mark.parametrize("times", range(ATTEMPTS))
def test_what_was_disturbed_is_tried_again(sandbox: str, times: int) -> None:
    """The first scan that was not disturbed counts."""
    disturbed = {"disturbed": True, "wrong": "slow does not answer as it should"}
    attempt, made = attempts(*times * [disturbed], {}, {})
    assert undisturbed(in_(sandbox), attempt, 1) is made[times]
    assert len(made) == times + 1


def test_what_is_never_undisturbed_is_an_error() -> None:
    """A LAN that is never what its topology says is no ground for a verdict."""
    disturbed = {"disturbed": True, "wrong": "slow does not answer as it should"}
    attempt, _ = attempts(*ATTEMPTS * [disturbed])
    with pytest.raises(GraderError, match="slow does not answer"):
        undisturbed(in_("netns"), attempt, 2)


@pytest.mark.parametrize("delay_ms", [150, 700])
def test_a_late_answer_of_ours_is_noticed(machine: Machine, image: Image, delay_ms: int) -> None:
    """Who prints a host that took longer than anybody need wait was disturbed."""
    hosts = dict(OFFICE.hosts)
    hosts["slow"] = hosts["slow"].model_copy(update={"echo_delay_ms": delay_ms})
    topology = OFFICE.model_copy(update={"hosts": hosts})

    def run(world: World, *_: str, interface: str) -> Completed:
        assert interface == FIRST
        address = world.blueprint.interface("slow").address(4)
        return world.sandbox.run("bash", "-c", HASTY, "bash", address, timeout=20)

    with World(machine, topology, seed="late", **image.server()) as world:
        scan = look(world, in_("netns"), cast("Any", run), FIRST)
    assert world.blueprint.interface("slow").address(4) in scan.printed
    assert scan.disturbed is bool(scan.belated) is (delay_ms > 450)
    assert not scan.wrong
