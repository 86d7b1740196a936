"""The kill matrix: what passes and fails, over all submissions, as the grader is really run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from runs import REPO, Graded, grade

from grader.rubric import Lab

if TYPE_CHECKING:
    from pathlib import Path

SUBMISSIONS = REPO / "submissions"
KILLS = yaml.safe_load((SUBMISSIONS / "broken" / "kill.yaml").read_text(encoding="utf-8"))
LAB = Lab(REPO / "tests_lab")
WORKERS = "4"  # a capture mostly waits, so more of them than cores
# What takes both cores in a kernel of its own, by the file that it judges, and how -k names it.
# Some of these submissions are graded each time, all of them with this variable set
# (CONTRIBUTING.md).
MEASURED = {"03b": "answers.yaml", "04b": "nf_latency.bt", "04c": "experiment.sh"}
CHECKS_MEASURED = "03b or 04b or (04c and not plot_ and not data_)"
WHOLE = "NETLAB_WHOLE_MATRIX" in os.environ
OF_EACH_CHECK, EVERY, AGAIN = 1, 6, 3
# It confirms 04b.average at the other end. What we know to be wrong without rules is wrong with
# thousands, too, and fails there first.
UNKILLED = {"04b.baseline"}
MISSING = "was not handed in"

# A fact that is shorter would be found in any message.
SHORTEST, SHORTEST_OF_ALL = 3, 8

Verdicts = dict[str, dict[str, str]]
Told = dict[tuple[str, str], str]


def names(kind: str) -> list[str]:
    """The submissions below submissions/KIND."""
    return sorted(f"{kind}/{path.name}" for path in (SUBMISSIONS / kind).iterdir() if path.is_dir())


def task_of(name: str) -> str | None:
    """The task that a broken or unusual submission is about; None for a whole one."""
    kind, _, rest = name.partition("/")
    return rest.partition("-")[0] if kind in {"broken", "variants"} else None


def is_measured(name: str) -> bool:
    """Whether grading a submission takes a kernel of its own and both cores."""
    task = task_of(name)
    file = None if task is None else MEASURED.get(task)
    return task is None or (file is not None and (SUBMISSIONS / name / file).exists())


def sample(kind: str) -> list[str]:
    """Those of a kind that are graded each time."""
    every = names(kind)
    measured = [name for name in every if is_measured(name)]
    if WHOLE:
        return every
    groups: dict[str, list[str]] = {}
    for name in measured:
        about = KILLS[name.removeprefix("broken/")]["fails"] if kind == "broken" else task_of(name)
        groups.setdefault(about, []).append(name)
    some = slice(OF_EACH_CHECK) if kind == "broken" else slice(None, None, EVERY)
    kept = {name for group in groups.values() for name in group[some]}
    return [name for name in every if name not in measured or name in kept]


BROKEN, VARIANTS = sample("broken"), sample("variants")
GRADED = [*BROKEN, *VARIANTS, "reference", "alice"]


def nodes(names: list[str], *, measured: bool) -> list[str]:
    """What pytest is told to grade: of each submission its own task, or all of a whole one."""
    found = []
    for name in names:
        tasks = [task_of(name)] if task_of(name) else [*LAB.rubric.tasks]
        if is_measured(name) or not measured:
            chosen = [one for one in tasks if not measured or one in MEASURED]
            found += [f"{SUBMISSIONS / name}::{task}" for task in chosen]
    return found


def grade_all(home: Path, names: list[str], *, but_for: str) -> Graded:
    """A run of all checks but for what -k is told."""
    options = ("-n", WORKERS, "-q", "-k", f"not ({but_for})")
    return grade(*nodes(names, measured=False), *options, home=home, timeout=3600)


def grade_measured(home: Path) -> Graded:
    """A run of what takes long."""
    return grade(*nodes(GRADED, measured=True), "-n", "2", "-q", home=home, timeout=5400)


def read(graded: Graded) -> Verdicts:
    """Verdicts by submission and check, of what a submission is about and has a file for."""
    return {name: about(name, graded.checks(name)) for name in graded.reported}


def tail(graded: Graded) -> str:
    """The end of what a run has printed."""
    return graded.out[-3000:] + graded.err[-3000:]


def about(name: str, checks: dict[str, Any]) -> dict[str, str]:
    """The verdicts on a submission's own task, without those on files that are not there."""
    task = task_of(name)
    found: dict[str, str] = {}
    absent: set[str] = set()
    for id_, one in checks.items():
        if one["message"].endswith(MISSING) or absent.intersection(LAB.check(id_).needs):
            absent.add(id_)
        elif task in (None, LAB.check(id_).task):
            found[id_] = one["verdict"]
    return found


def lost(verdicts: dict[str, str]) -> dict[str, str]:
    """What was decided against a submission."""
    return {id_: v for id_, v in verdicts.items() if v not in {"PASSED", "SKIPPED", "REVIEW"}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graded, Graded]:
    """All submissions, graded in two runs."""
    return (
        grade_all(tmp_path_factory.mktemp("matrix"), GRADED, but_for=CHECKS_MEASURED),
        grade_measured(tmp_path_factory.mktemp("measured")),
    )


@pytest.fixture(scope="module")
def graded(runs: tuple[Graded, Graded]) -> Verdicts:
    """The verdicts of both runs."""
    verdicts: Verdicts = {}
    for run in runs:
        for name, found in read(run).items():
            verdicts[name] = verdicts.get(name, {}) | found
    assert verdicts.keys() == set(GRADED), "".join(map(tail, runs))
    return verdicts


@pytest.fixture(scope="module")
def explained(runs: tuple[Graded, Graded]) -> Told:
    """What each submission is told, by its name and check: message and hint."""
    return {
        (name, id_): f"{one['message']}\n{one['hint']}"
        for run in runs
        for name in run.reported
        for id_, one in run.checks(name).items()
    }


def test_reference_has_full_marks(graded: Verdicts) -> None:
    """Every check passes on the reference, but for what a person reads."""
    reference = graded["reference"]
    assert reference.keys() == {one.id for checks in LAB.checks.values() for one in checks}
    assert set(reference.values()) == {"PASSED", "REVIEW"}


def test_alice_loses_what_she_should(graded: Verdicts) -> None:
    """The example student loses the points that README shows."""
    assert lost(graded["alice"]).keys() == {"01a.nanoseconds", "01b.only_root", "04c.plot_units"}


@pytest.mark.parametrize("name", VARIANTS)
def test_unusual_right_answer_passes(graded: Verdicts, explained: Told, name: str) -> None:
    """A right answer passes every check, however unusual it looks."""
    assert graded[name]
    refused = {c: v for c, v in graded[name].items() if v not in {"PASSED", "REVIEW"}}
    assert not refused, [explained[name, id_] for id_ in refused]


@pytest.mark.parametrize("name", BROKEN)
def test_wrong_answer_fails_what_it_names(graded: Verdicts, explained: Told, name: str) -> None:
    """A wrong answer fails exactly the check that kill.yaml names."""
    expected = KILLS[name.removeprefix("broken/")]
    found = lost(graded[name])
    told = [explained[name, id_] for id_ in found]
    assert found == {expected["fails"]: expected.get("verdict", "FAILED")}, told


@pytest.mark.parametrize("name", BROKEN)
def test_wrong_answer_is_told_why(explained: Told, name: str) -> None:
    """What a wrong answer is told holds the facts that kill.yaml names: its cause."""
    expected = KILLS[name.removeprefix("broken/")]
    told = explained[name, expected["fails"]]
    assert not [fact for fact in expected["says"] if fact not in told], told


def test_facts_are_facts() -> None:
    """Each entry of kill.yaml has facts, not all in the check's title, none in any message."""
    empty = [
        name
        for name, entry in KILLS.items()
        if not (facts := entry.get("says"))
        or min(map(len, facts)) < SHORTEST
        or max(map(len, facts)) < SHORTEST_OF_ALL
        or all(fact.casefold() in LAB.check(entry["fails"]).title.casefold() for fact in facts)
    ]
    assert not empty


def test_every_check_is_killed(graded: Verdicts) -> None:
    """Each check fails on at least one named wrong submission."""
    killed = {check for name in BROKEN for check in lost(graded[name])}
    every = {one.id for checks in LAB.checks.values() for one in checks}
    assert killed == every - UNKILLED


def test_kill_yaml_names_what_is_there() -> None:
    """kill.yaml has one entry for each broken submission."""
    assert sorted(f"broken/{name}" for name in KILLS) == names("broken")


def test_second_run_says_the_same(
    graded: Verdicts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another run, of other worlds, gives identical verdicts."""
    names = GRADED if WHOLE else GRADED[::AGAIN]
    home = tmp_path_factory.mktemp("again")
    run = grade_all(home, names, but_for=f"{CHECKS_MEASURED} or log_lines")
    again = read(run)
    different = {
        f"{name} {id_}": (graded[name][id_], verdict)
        for name, verdicts in again.items()
        for id_, verdict in verdicts.items()
        if graded[name][id_] != verdict
    }
    assert again.keys() <= graded.keys(), tail(run)
    assert not different, tail(run)
