"""The small labs of examples/, graded without a change to the engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from runs import REPO, Graded, grade

from grader import document
from grader.rubric import Rubric
from grader.starter import begin

if TYPE_CHECKING:
    from collections.abc import Iterable

EXAMPLES = REPO / "examples"
LABS = ("ping_lab", "ratelimit_lab")
PING, RATE = (EXAMPLES / name for name in LABS)
WHOLE = "NETLAB_WHOLE_MATRIX" in os.environ
# A microVM takes both cores for some seconds: of the counters some are tried.
COUNTERS = ("reference", "variants/count-printf", "broken/count-tcp-too")


def kills(lab: Path) -> dict[str, dict[str, Any]]:
    """The broken answers, each with the check that it must fail and the facts it is told."""
    text = (lab / "submissions" / "broken" / "kill.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found


def grade_task(lab: Path, task: str, folders: Iterable[Path], home: Path) -> Graded:
    """Grade one task of some submissions."""
    named = [f"{folder}::{task}" for folder in folders]
    chosen = "-o", f"netlab_lab={lab.relative_to(REPO)}", "-n", "2"
    return grade(*chosen, *named, home=home, timeout=900)


def folders_of(lab: Path, task: str) -> list[Path]:
    """The reference, and what was written for a task."""
    home = lab / "submissions"
    found = sorted(path for kind in ("broken", "variants") for path in (home / kind).iterdir())
    return [home / "reference", *(path for path in found if path.name.startswith(task))]


def must_agree(lab: Path, folders: Iterable[Path], graded: Graded) -> None:
    """The right answers pass, and the wrong ones fail what kill.yaml names, and only that."""
    lost = {
        name: {id_ for id_, verdict in graded.verdicts(name).items() if verdict == "FAILED"}
        for name in graded.reported
    }
    wanted: dict[str, set[str]] = {
        path.name: {kills(lab)[path.name]["fails"]} if path.parent.name == "broken" else set()
        for path in folders
    }
    assert lost == wanted
    must_tell(lab, graded)
    others = {verdict for name in lost for verdict in graded.verdicts(name).values()}
    assert others <= {"PASSED", "FAILED", "SKIPPED"}


def must_tell(lab: Path, graded: Graded) -> None:
    """Message and hint of what a wrong answer fails hold the facts that kill.yaml names."""
    for name in graded.reported:
        kind, _, answer = name.partition("/")
        if kind == "broken":
            wrong = kills(lab)[answer]
            told = graded.checks(name)[wrong["fails"]]
            words = f"{told['message']}\n{told['hint']}"
            assert wrong["says"]
            assert not [fact for fact in wrong["says"] if fact not in words], words


def test_the_first_lab(tmp_path: Path) -> None:
    """The lab of docs/writing-a-lab.md grades its submissions as its page says."""
    graded = grade("-o", "netlab_lab=examples/ping_lab", PING / "submissions", home=tmp_path)
    wrong = {f"broken/{name}": {one["fails"]} for name, one in kills(PING).items()}
    lost = {
        name: {id_ for id_, verdict in graded.verdicts(name).items() if verdict == "FAILED"}
        for name in graded.reported
    }
    right = {name: set() for name in ("reference", "variants/fping", "variants/one-by-one")}
    assert lost == right | wrong
    must_tell(PING, graded)
    assert graded.code == 1


def test_rate_limits(tmp_path: Path) -> None:
    """The second lab's first task is judged on the wire."""
    folders = folders_of(RATE, "limit")
    must_agree(RATE, folders, grade_task(RATE, "limit", folders, tmp_path))


def test_counters(tmp_path: Path) -> None:
    """The second lab's second task is judged on a kernel of its own."""
    folders = [
        path
        for path in folders_of(RATE, "count")
        if WHOLE or path.relative_to(RATE / "submissions").as_posix() in COUNTERS
    ]
    must_agree(RATE, folders, grade_task(RATE, "count", folders, tmp_path))


@pytest.mark.parametrize("name", LABS)
def test_each_check_is_failed_by_something(name: str) -> None:
    """Of each check there is a broken answer, and of each broken answer a line."""
    lab = EXAMPLES / name
    rubric = document.load(lab / "lab.yaml", Rubric)
    checks = {f"{id_}.{one}" for id_, task in rubric.tasks.items() for one in task.checks}
    assert {one["fails"] for one in kills(lab).values()} == checks
    broken = lab / "submissions" / "broken"
    assert {path.name for path in broken.iterdir()} == {*kills(lab), "kill.yaml"}


@pytest.mark.parametrize("name", LABS)
def test_untouched_templates_win_nothing(name: str, tmp_path: Path) -> None:
    """What grader init wrote fails, as nothing but comments."""
    begin(EXAMPLES / name, tmp_path / "begun")
    graded = grade("-o", f"netlab_lab=examples/{name}", tmp_path / "begun", home=tmp_path)
    found: dict[str, Any] = graded.checks("begun")
    assert {one["verdict"] for one in found.values()} == {"FAILED", "SKIPPED"}
    messages = [one["message"] for one in found.values() if one["verdict"] == "FAILED"]
    assert all(message.endswith("holds nothing but comments") for message in messages)
