"""lab.yaml: what is wrong with it is named before anything starts."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from grader.check import NeedFailed, Verdict, check, checks_of, verdict_of
from grader.errors import (
    BadInput,
    CheckFailed,
    GraderError,
    NeedsReview,
    Overrun,
    Refused,
    Unsupported,
)
from grader.rubric import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = Path(__file__).resolve().parents[1]
LAB_YAML = """\
schema: netlab-lab/1
lab: small
title: A small lab
topology: internet
tasks:
  t1:
    title: The only task
    files: [a.sh]
    module: task_one
    points: 3
    checks:
      runs: 1
      works: 2
"""
MODULE = '''
from grader.check import check

@check("t1.runs")
def runs():
    """It runs."""

@check("t1.works", needs="t1.runs")
def works():
    """It works."""
'''
FAULTS = {
    "sum": ("points: 3", "points: 4", 7, "tasks.t1: points: expected the checks' sum, 3, found 4"),
    "negative": ("runs: 1", "runs: -1", 12, "tasks.t1.checks.runs"),
    "unknown key": ("title: The", "weight: 2\n    title: The", 7, "tasks.t1.weight"),
    "no files": ("[a.sh]", "[]", 8, "tasks.t1.files"),
    "no number": ("works: 2", "works: many", 13, "tasks.t1.checks.works"),
    "another schema": ("netlab-lab/1", "netlab-lab/2", 1, "schema"),
    "a bad id": ("  t1:", "  T 1:", 7, "tasks.T 1"),
    "a bad topology": ("points: 3", "points: 3\n    topology: [1]", 11, "tasks.t1.topology"),
    "missing title": ("title: A small lab", "", 1, "title"),
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small lab of its own beside the topologies of this one; its folder."""
    folder = tmp_path / f"lab_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "lab.yaml").write_text(LAB_YAML, encoding="utf-8")
    (folder / "task_one.py").write_text(MODULE, encoding="utf-8")
    shutil.copytree(REPO / "fixtures" / "topologies", tmp_path / "fixtures" / "topologies")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def change(path: Path, right: str, wrong: str) -> None:
    """Put `wrong` in the place of `right`."""
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")


def module(**functions: object) -> ModuleType:
    """A module with these names."""
    made = ModuleType("made")
    vars(made).update(functions)
    return made


def test_another_lab_needs_no_change_of_the_engine(lab: Path) -> None:
    """A lab beside this one is loaded with its checks in the order of its lab.yaml."""
    loaded = Lab(lab)
    assert [one.id for one in loaded.checks["t1"]] == ["t1.runs", "t1.works"]
    assert loaded.check("t1.works").needs == ("t1.runs",)
    assert loaded.rubric.files == ("a.sh",)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(lab: Path, fault: str) -> None:
    """What is wrong in lab.yaml is said with file, line and item."""
    right, wrong, line, item = FAULTS[fault]
    change(lab / "lab.yaml", right, wrong)
    with pytest.raises(BadInput) as caught:
        Lab(lab)
    assert re.search(rf"lab\.yaml:{line}: ", caught.value.what), caught.value.what
    assert item in caught.value.what


def test_a_check_without_points_is_named(lab: Path) -> None:
    """A check that lab.yaml gives no points is an error that names both."""
    change(lab / "lab.yaml", "points: 3", "points: 1")
    change(lab / "lab.yaml", "      works: 2\n", "")
    with pytest.raises(BadInput, match=r"lab\.yaml: tasks\.t1\.checks: no points for .*'works'"):
        Lab(lab)


def test_points_without_a_check_are_named(lab: Path) -> None:
    """Points for a check that is not written are an error that lists those that are."""
    change(lab / "lab.yaml", "works: 2", "wroks: 2")
    change(lab / "task_one.py", '"t1.works"', '"t1.works"')
    change(lab / "lab.yaml", "      wroks: 2\n", "      wroks: 1\n      works: 1\n")
    with pytest.raises(BadInput, match="'wroks' is no check of task_one") as caught:
        Lab(lab)
    assert "runs, works" in caught.value.remedy


def test_a_topology_that_is_not_there_is_named(lab: Path) -> None:
    """A topology that has no file is an error that names the file."""
    change(lab / "lab.yaml", "topology: internet", "topology: extranet")
    with pytest.raises(BadInput, match=r"extranet\.yaml"):
        Lab(lab)


def test_a_task_has_the_labs_topology_or_its_own(lab: Path) -> None:
    """A task has the topology of the lab, one of its own, or several, of which the first leads."""
    assert list(Lab(lab).topologies("t1")) == ["internet"]
    change(lab / "lab.yaml", "points: 3", "points: 3\n    topology: office")
    assert list(Lab(lab).topologies("t1")) == ["office"]
    change(lab / "lab.yaml", "topology: office", "topology: [two_offices, office]")
    found = Lab(lab).topologies("t1")
    assert list(found) == ["two_offices", "office"]
    assert "slow" in found["office"].hosts


def test_a_tasks_topology_that_is_not_there_is_named(lab: Path) -> None:
    """A task's topology that has no file is an error that names the file."""
    change(lab / "lab.yaml", "points: 3", "points: 3\n    topology: [office, factory]")
    with pytest.raises(BadInput, match=r"factory\.yaml"):
        Lab(lab)


def test_a_module_that_is_not_there_is_named(lab: Path) -> None:
    """A task whose module is not there is an error that names task and module."""
    change(lab / "lab.yaml", "module: task_one", "module: task_two")
    with pytest.raises(BadInput, match=r"lab\.yaml: tasks\.t1\.module: .*task_two"):
        Lab(lab)


def test_a_check_without_a_title_is_named() -> None:
    """A check without a docstring is an error."""
    with pytest.raises(BadInput, match=r"'t1\.bare': expected a docstring"):
        check("t1.bare")(lambda: None)


def test_a_need_that_comes_later_is_named(lab: Path) -> None:
    """A check that stands in lab.yaml before one that it needs is an error that names both."""
    text = (lab / "lab.yaml").read_text(encoding="utf-8")
    first = next(line for line in text.splitlines(keepends=True) if " runs: " in line)
    change(lab / "lab.yaml", first, "")
    change(lab / "lab.yaml", "      works: 2\n", f"      works: 2\n{first}")
    with pytest.raises(BadInput, match=r"t1\.checks: 'works' needs 't1\.runs'"):
        Lab(lab)


def test_a_check_of_another_task_is_named() -> None:
    """A check whose id names another task than its module's is an error."""

    @check("t2.stray")
    def stray() -> None:
        """It strays."""

    with pytest.raises(BadInput, match=r"'t2\.stray' stands in the module of task 't1'"):
        checks_of(module(stray=stray), "t1")


def test_a_title_is_the_docstrings_first_line() -> None:
    """Students read the docstring's first line, without its full stop."""

    @check("t1.titled")
    def titled() -> None:
        """It has a title.

        And words for programmers.
        """

    assert checks_of(module(titled=titled), "t1")[0].title == "It has a title"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.PASSED),
        (CheckFailed(""), Verdict.FAILED),
        (Overrun(""), Verdict.TIMEOUT),
        (Refused(""), Verdict.REFUSED),
        (NeedFailed(""), Verdict.SKIPPED),
        (NeedsReview(""), Verdict.REVIEW),
        (Unsupported(""), Verdict.UNSUPPORTED),
        (GraderError(""), Verdict.ERROR),
        (BadInput(""), Verdict.ERROR),
        (ZeroDivisionError(), Verdict.ERROR),
        (AssertionError(), Verdict.ERROR),
        (KeyError("x"), Verdict.ERROR),
    ],
)
def test_every_error_is_somebodys(error: BaseException | None, verdict: Verdict) -> None:
    """The student's faults cost points; whatever else goes wrong is ours."""
    assert verdict_of(error) is verdict


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_passed_lost_or_open(verdict: Verdict) -> None:
    """Each verdict is exactly one of passed, lost and undecided; ours is always undecided."""
    assert (verdict is Verdict.PASSED) + verdict.lost + verdict.open == 1
    assert verdict.open or not verdict.ours


def test_this_labs_points() -> None:
    """The lab's eleven tasks are worth a hundred points."""
    tasks = Lab(REPO / "tests_lab").rubric.tasks
    worth = {name: task.points for name, task in tasks.items()}
    first, second = {"01a": 10, "01b": 4, "01c": 4, "01d": 2}, {"02a": 10, "02b": 6, "02c": 4}
    assert worth == first | second | {"03a": 10, "03b": 20, "04b": 15, "04c": 15}
    assert [*worth] == sorted(worth)
