"""The kill matrix: what passes and fails, over all submissions, as the grader is really run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml
from runs import REPO, Graded, grade

from grader.rubric import Lab

if TYPE_CHECKING:
    from pathlib import Path

SUBMISSIONS = REPO / "submissions"
KILLS = yaml.safe_load((SUBMISSIONS / "broken" / "kill.yaml").read_text(encoding="utf-8"))
UNOBSERVED = {"PASSED", "SKIPPED"}
WORKERS = "4"  # a capture mostly waits, so more of them than cores
# A measurement in a kernel of its own takes half a minute and both cores: some of these
# submissions are graded each time, all of them with this variable set (CONTRIBUTING.md).
MEASURED = "04b"
WHOLE = "NETLAB_WHOLE_MATRIX" in os.environ
OF_EACH_CHECK, EVERY = 2, 5
# It confirms 04b.average at the other end. What we know to be wrong without rules is wrong with
# thousands, too, and fails there first.
UNKILLED = {"04b.baseline"}

Verdicts = dict[str, dict[str, str]]


def names(kind: str) -> list[str]:
    """The submissions below submissions/KIND."""
    return sorted(f"{kind}/{path.name}" for path in (SUBMISSIONS / kind).iterdir() if path.is_dir())


def sample(kind: str) -> list[str]:
    """Those of a kind that are graded each time."""
    every = names(kind)
    measured = [name for name in every if MEASURED in name]
    if WHOLE:
        return every
    kept = set(measured[::EVERY])
    if kind == "broken":
        by_check: dict[str, list[str]] = {}
        for name in measured:
            by_check.setdefault(KILLS[name.removeprefix("broken/")]["fails"], []).append(name)
        kept = {name for some in by_check.values() for name in some[:OF_EACH_CHECK]}
    return [name for name in every if name not in measured or name in kept]


BROKEN, VARIANTS = sample("broken"), sample("variants")
GRADED = [*BROKEN, *VARIANTS, "reference", "alice"]


def grade_all(home: Path, *, but_for: str = MEASURED) -> tuple[Verdicts, str]:
    """Verdicts by submission and check, but for the measured task and what else -k is told."""
    options = ("-n", WORKERS, "-q", "-k", f"not ({but_for})")
    return read(grade(SUBMISSIONS, *options, home=home, timeout=3600))


def grade_measured(home: Path) -> tuple[Verdicts, str]:
    """Verdicts on the measured task."""
    folders = [SUBMISSIONS / name for name in GRADED if handed_in(name, f"{MEASURED}.")]
    return read(grade(*folders, "-n", "2", "-q", "-k", MEASURED, home=home, timeout=5400))


def read(graded: Graded) -> tuple[Verdicts, str]:
    """Verdicts by submission and check, of the tasks that a submission has a file for."""
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
    """All submissions, graded in two runs."""
    verdicts, said = grade_all(tmp_path_factory.mktemp("matrix"))
    measured, more = grade_measured(tmp_path_factory.mktemp("measured"))
    for name, found in measured.items():
        verdicts[name] = verdicts.get(name, {}) | found
    assert verdicts.keys() == set(GRADED), said + more
    return verdicts


def test_reference_has_full_marks(graded: Verdicts) -> None:
    """Every check passes on the reference."""
    assert not {c: v for c, v in graded["reference"].items() if v != "PASSED"}


def test_alice_loses_what_she_should(graded: Verdicts) -> None:
    """The example student loses the two points that README shows."""
    lost = {check for check, verdict in graded["alice"].items() if verdict not in UNOBSERVED}
    assert lost == {"01a.nanoseconds", "01b.only_root"}


@pytest.mark.parametrize("name", VARIANTS)
def test_unusual_right_answer_passes(graded: Verdicts, name: str) -> None:
    """A right answer passes every check, however unusual it looks."""
    wrong = {c: v for c, v in graded[name].items() if v != "PASSED"}
    assert not wrong


@pytest.mark.parametrize("name", BROKEN)
def test_wrong_answer_fails_what_it_names(graded: Verdicts, name: str) -> None:
    """A wrong answer fails exactly the check that kill.yaml names."""
    lost = {check: v for check, v in graded[name].items() if v not in UNOBSERVED}
    expected = KILLS[name.removeprefix("broken/")]
    assert lost == {expected["fails"]: expected.get("verdict", "FAILED")}


def test_every_check_is_killed(graded: Verdicts) -> None:
    """Each check fails on at least one named wrong submission."""
    killed = {
        check for name in BROKEN for check, verdict in graded[name].items() if verdict == "FAILED"
    }
    every = {one.id for checks in LAB.checks.values() for one in checks}
    assert killed == every - UNKILLED


def test_kill_yaml_names_what_is_there() -> None:
    """kill.yaml has one entry for each broken submission."""
    assert sorted(f"broken/{name}" for name in KILLS) == names("broken")


def observed_here(graded: Verdicts) -> Verdicts:
    """The verdicts of checks that this host's kernel can decide."""
    found = {
        name: {id_: v for id_, v in verdicts.items() if not LAB.check(id_).requires}
        for name, verdicts in graded.items()
    }
    return {name: verdicts for name, verdicts in found.items() if verdicts}


def test_second_run_says_the_same(
    graded: Verdicts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another run, of other worlds, gives identical verdicts."""
    home = tmp_path_factory.mktemp("again")
    again, said = grade_all(home, but_for=f"{MEASURED} or log_lines")
    different = {
        name: (verdicts, again.get(name))
        for name, verdicts in observed_here(graded).items()
        if again.get(name) != verdicts
    }
    assert not different, f"{different}\n{said}"
