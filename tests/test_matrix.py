"""The kill matrix: what passes and fails, over all submissions, as the grader is really run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from runs import REPO, grade

from grader.rubric import Lab

if TYPE_CHECKING:
    from pathlib import Path

SUBMISSIONS = REPO / "submissions"
KILLS = yaml.safe_load((SUBMISSIONS / "broken" / "kill.yaml").read_text(encoding="utf-8"))
UNOBSERVED = {"PASSED", "SKIPPED", "UNSUPPORTED"}
WORKERS = "4"  # a capture mostly waits, so more of them than cores

Verdicts = dict[str, dict[str, str]]


def names(kind: str) -> list[str]:
    """The submissions below submissions/KIND."""
    return sorted(f"{kind}/{path.name}" for path in (SUBMISSIONS / kind).iterdir() if path.is_dir())


BROKEN, VARIANTS = names("broken"), names("variants")


def grade_all(home: Path) -> tuple[Verdicts, str]:
    """Verdicts by submission and check, of the tasks that a submission has a file for."""
    graded = grade(SUBMISSIONS, "-n", WORKERS, "-q", home=home, timeout=1800)
    verdicts = {
        name: {id_: v for id_, v in graded.verdicts(name).items() if handed_in(name, id_)}
        for name in graded.reported
    }
    return verdicts, graded.out[-3000:] + graded.err[-3000:]


LAB = Lab(REPO / "tests_lab")


def handed_in(name: str, check: str) -> bool:
    """Whether a submission has a file for a check's task."""
    files = LAB.rubric.tasks[check.partition(".")[0]].files
    return any((SUBMISSIONS / name / file).exists() for file in files)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """All submissions, graded in one run."""
    verdicts, said = grade_all(tmp_path_factory.mktemp("matrix"))
    assert len(verdicts) == len(BROKEN) + len(VARIANTS) + 2, said
    return verdicts


def test_reference_has_full_marks(graded: Verdicts) -> None:
    """Every check that can be observed passes on the reference."""
    assert not {c: v for c, v in graded["reference"].items() if v not in {"PASSED", "UNSUPPORTED"}}


def test_alice_loses_what_she_should(graded: Verdicts) -> None:
    """The example student loses the two points that README shows."""
    lost = {check for check, verdict in graded["alice"].items() if verdict not in UNOBSERVED}
    assert lost == {"01a.nanoseconds", "01b.only_root"}


@pytest.mark.parametrize("name", VARIANTS)
def test_unusual_right_answer_passes(graded: Verdicts, name: str) -> None:
    """A right answer passes every check, however unusual it looks."""
    wrong = {c: v for c, v in graded[name].items() if v not in {"PASSED", "UNSUPPORTED"}}
    assert not wrong


@pytest.mark.parametrize("name", BROKEN)
def test_wrong_answer_fails_what_it_names(graded: Verdicts, name: str) -> None:
    """A wrong answer fails exactly the check that kill.yaml names."""
    lost = {check: v for check, v in graded[name].items() if v not in UNOBSERVED}
    expected = KILLS[name.removeprefix("broken/")]["fails"]
    assert lost == {expected: "FAILED"}


def test_every_check_is_killed(graded: Verdicts) -> None:
    """Each check that can be observed fails on at least one named wrong submission."""
    killed = {
        check for name in BROKEN for check, verdict in graded[name].items() if verdict == "FAILED"
    }
    every = {one.id for checks in LAB.checks.values() for one in checks if not one.requires}
    assert killed == every


def test_kill_yaml_names_what_is_there() -> None:
    """kill.yaml has one entry for each broken submission."""
    assert sorted(f"broken/{name}" for name in KILLS) == BROKEN


def test_second_run_says_the_same(
    graded: Verdicts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another run, of other worlds, gives identical verdicts."""
    again, said = grade_all(tmp_path_factory.mktemp("again"))
    different = {
        name: (verdicts, again.get(name))
        for name, verdicts in graded.items()
        if again.get(name) != verdicts
    }
    assert not different, f"{different}\n{said}"
