"""A microVM that dies under a task is replaced once; after that the verdict is ERROR."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from runs import REPO, Graded, grade, submission

if TYPE_CHECKING:
    from pathlib import Path

RUBRIC = """
schema: netlab-lab/1
lab: crash
title: A kernel that crashes
topology: lan
tasks:
  t:
    title: One
    files: [a.sh]
    module: task_t
    points: 2
    checks: {first: 1, crashes: 1}
"""
MODULE = '''
import pathlib
from grader.check import check

TIMES = pathlib.Path("@COUNT@")

@check("t.first", requires=["kernel_log"])
def first(world):
    """It holds."""

@check("t.crashes", requires=["kernel_log"])
def crashes(world, machine):
    """The kernel lives."""
    left = int(TIMES.read_text())
    TIMES.write_text(str(left - 1))
    if left > 0:
        machine.run("sh", "-c", "echo c > /proc/sysrq-trigger", timeout=20)
'''


def run(folder: Path, times: int) -> Graded:
    """Grade with a check that crashes its kernel so many times."""
    lab = folder / f"crash_lab_{times}"
    (lab / "topologies").mkdir(parents=True)
    shutil.copy(REPO / "examples/ping_lab/topologies/lan.yaml", lab / "topologies")
    (lab / "__init__.py").touch()
    (lab / "lab.yaml").write_text(RUBRIC, encoding="utf-8")
    count = folder / f"count{times}"
    count.write_text(str(times), encoding="ascii")
    (lab / "task_t.py").write_text(MODULE.replace("@COUNT@", str(count)), encoding="utf-8")
    submission(folder / "alice", a_sh="true\n")
    return grade(folder / "alice", "-o", f"netlab_lab={lab}", home=folder, timeout=300)


def test_a_machine_that_died_is_replaced(tmp_path: Path) -> None:
    """The check is judged on another machine, and what went before stands."""
    found = run(tmp_path, 1)
    assert found.verdicts("alice") == {"t.first": "PASSED", "t.crashes": "PASSED"}, found.out
    assert found.code == 0


def test_a_second_death_is_an_error(tmp_path: Path) -> None:
    """The message shows the end of the serial log, and nothing is scored as the student's."""
    found = run(tmp_path, 2)
    assert found.verdicts("alice") == {"t.first": "PASSED", "t.crashes": "ERROR"}, found.out
    assert "sysrq" in found.checks("alice")["t.crashes"]["message"]
    assert found.code == 3
