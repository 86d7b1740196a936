"""The kernel's table of neighbours: where it was full, nothing is held against a submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runs import grade

from grader.world import Topology, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from grader.image import Image
    from grader.machine.microvm import MicroVM

# More than there is room for, all of them fresh, so that none makes way for another.
FILL = """\
for net in 1 2 3 4 5; do for host in {1..250}; do
    echo "neigh replace 10.99.$net.$host lladdr 02:00:00:00:00:01 dev eth0 nud reachable"
done; done | ip -force -batch - 2>&1 | tail -n 1
"""


@pytest.fixture(scope="module")
def vm(new_microvm: Callable[[], MicroVM]) -> Iterator[MicroVM]:
    """A kernel whose table nobody else needs."""
    with new_microvm() as running:
        yield running


def test_a_full_table_is_noticed_in_every_world(vm: MicroVM, image: Image, internet: Path) -> None:
    """A world knows that another one's hosts have left no room; the next one starts afresh."""
    topology = Topology.load(internet)
    with (
        World(vm, topology, seed="a", **image.server()) as greedy,
        World(vm, topology, seed="b", **image.server()) as other,
    ):
        assert not other.crowded
        done = greedy.student.run("bash", "-c", FILL, timeout=60)
        assert "No buffer space available" in done.output, done.output
        assert greedy.crowded
        assert other.crowded
        with World(vm, topology, seed="c", **image.server()) as late:
            assert not late.crowded


def test_what_was_lost_with_a_full_table_is_undecided(tmp_path: Path) -> None:
    """It is an error that says what to do, and what would have been lost is told to us."""
    submission = tmp_path / "submission"
    submission.mkdir()
    (submission / "iptables_ttl.sh").write_text(f"#!/bin/bash\n{FILL}", encoding="utf-8")
    graded = grade(f"{submission}::01c", "--sandbox=vm", home=tmp_path)
    (check,) = (one for one in graded.checks("submission").values() if one["id"] == "01c.runs")
    assert check["verdict"] == "ERROR", graded.out
    assert "table of neighbours" in check["message"]
    assert "gc_thresh3" in check["hint"]
    (trace,) = (one for one in check["evidence"] if one.endswith("traceback.txt"))
    lost = (graded.reports / "submission" / trace).read_text(encoding="utf-8")
    assert "expected a rule with target TTL" in lost
