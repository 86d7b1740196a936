"""A class of thirty, mixed: graded, shown, exported, graded again, and compared."""

from __future__ import annotations

import csv
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from browser import view as window
from junitparser import JUnitXml
from mixed_class import (
    ABSENT,
    ALIKE,
    BAD,
    FAULTY,
    GOOD,
    HOSTILE,
    LATE,
    SCRIPT,
    TASKS,
    TEAM,
    hand_in,
    roster,
)
from runs import CAUGHT, UNCAUGHT, environment
from targets import commands, worksheets_grades
from terminal import GRADER
from totals import TOTALS, facts, rows
from worksheets import ENGLISH, worksheet

from grader import home
from grader.export import FORMATS, collect
from grader.grading import Grading
from grader.roster import read as read_roster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from grader.export import Graded

ALL = 12.0
NO_UTF_8 = r"caf\xe9"  # as it is told
# What each task gives; who is not named has all points.
WORTH = dict(zip(TASKS, (2.0, 6.0, 4.0), strict=True))
LOST: dict[str, dict[str, float]] = {
    "elena": {"01d": 0},
    "gabi": {"01d": 1.5},
    "horia": {"01d": 0, "02b": 5.5, "02c": 0},
    "ioana": {"02b": 0, "02c": 3.5},
    "jon": {"02b": 0},
    "kira": {"02b": 0, "02c": 0},
    "luca": {"02b": 0, "02c": 0},
    "mihai": dict.fromkeys(TASKS, 0),
    "nadia": {"02b": 0, "02c": 0},
    **{name: {"01d": 0} for name in ("oana", "petre", "radu", "sorin", "tudor", "ursu")},
    "vlad": dict.fromkeys(TASKS, 0),
    **{name: {"01d": 0, "02c": 3} for name in HOSTILE},
    NO_UTF_8: {"01d": 0},
    LATE: {"01d": 0},
}
CLASSES = ("junit", "github", "github-summary", "moodle-gradebook", "moodle-worksheet", "csv")


@dataclass(frozen=True)
class Class:
    """The submissions, their reports, the roster, and what the run that graded them printed."""

    folder: Path
    reports: Path
    roster: Path
    done: subprocess.CompletedProcess[str]


def grader(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `grader` in pipes."""
    return subprocess.run(
        [GRADER, *map(str, arguments)], env=environment(COLUMNS="100"), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def grade(folder: Path, reports: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Grade a class on the cheap tasks, two submissions at a time."""
    tasks = [word for task in TASKS for word in ("--task", task)]
    return grader("grade", folder, "-n2", "--seed=7", *tasks, "--report-dir", reports, *arguments)


@pytest.fixture(scope="module")
def class_(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """All thirty, graded."""
    place = tmp_path_factory.mktemp("thirty")
    folder, reports = hand_in(place), place / "reports"
    names = Grading(home.project(), home.lab(), [folder]).walk()[0]
    path = roster(place / "roster.csv", list(names))
    return Class(folder, reports, path, grade(folder, reports, "--roster", path))


@pytest.fixture(scope="module")
def graded(class_: Class) -> dict[str, Graded]:
    """Their reports, by submission."""
    return {one.id: one for one in collect.reports([class_.reports])}


# --- graded ---------------------------------------------------------------------------------------


def test_each_gets_what_is_due(class_: Class, graded: dict[str, Graded]) -> None:
    """Thirty are graded, whatever one of them is, and each loses what is wrong in it, no more."""
    assert class_.done.returncode == 1, class_.done.stdout + class_.done.stderr
    assert len(graded) == 30
    found = {name: {one["id"]: one["score"] for one in its.tasks} for name, its in graded.items()}
    assert found == {name: WORTH | LOST.get(name, {}) for name in graded}
    assert LOST.keys() <= found.keys()
    assert not any(one.open for one in graded.values())


def test_what_is_odd_is_told(class_: Class) -> None:
    """A link, late days that differ, and a faulty submission.yaml are told, in a line each."""
    told = re.findall(r"^warning: (.*)", class_.done.stderr, re.MULTILINE)
    assert told[0] == "copycat: not graded, since it is a link"
    assert told[1] == f"{LATE}: says late_days: 1, the roster 2"
    assert told[2].startswith(f"{FAULTY}: left out: submission.yaml:1: expected plain answers")
    assert len(told) == 3


def test_the_terminal_obeys_nobody(class_: Class) -> None:
    """Whatever folders are called, a line of the table is theirs, and no character is a control."""
    for said in (class_.done.stdout, class_.done.stderr):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said)
    table = class_.done.stdout.split("submission", 1)[1].splitlines()
    assert sum(bool(re.search(r"\d +12\b", line)) for line in table) == 30
    assert "30 graded, mean 8.4" in table


def test_the_summary(class_: Class) -> None:
    """summary.csv has thirty and one who is absent, people of a group in a cell, no formula."""
    with (class_.reports / "summary.csv").open(encoding="utf-8", newline="") as file:
        found = {row["submission"]: row for row in csv.DictReader(file, strict=True)}
    assert len(found) == 31
    assert (found[TEAM]["name"], found[TEAM]["members"]) == ("Una, Ulli", "una, ulli")
    assert (found[LATE]["late_days"], found[LATE]["score"]) == ("2", "10")
    assert (found[ABSENT]["score"], found[ABSENT]["complete"]) == ("", "no")
    assert "'=HYPERLINK(1)" in found


# --- shown ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with chromium() as found:
        yield found


def test_the_pages(class_: Class, browser: Browser) -> None:
    """The class's page has a row for each that leads to a page of theirs, and nothing runs."""
    with window(browser) as view:
        view.go(class_.reports / "index.html")
        links = view.page.locator("section[aria-labelledby=students] tbody a")
        assert links.count() == 30
        for name in (*HOSTILE, TEAM, NO_UTF_8):
            view.go(class_.reports / "index.html")
            shown = name.replace("\x1b", r"\x1b")
            view.page.get_by_role("link", name=shown, exact=True).click()
            assert view.page.locator("h1").inner_text() == shown
            assert view.page.evaluate("document.documentElement.dataset.ran") is None
        assert view.dialogs == []


def test_who_is_alike(class_: Class) -> None:
    """Of two with one script, in other words, both are named; nobody is for what all have."""
    done = grader("similar", class_.folder)
    assert done.returncode == 0, done.stderr
    listed = done.stdout.split("Look at these", 1)[1].split("% alike")[0]
    assert re.search(rf"{SCRIPT} +({'|'.join(ALIKE)}) +({'|'.join(ALIKE)}) ", listed)
    assert not set(re.findall(r"\w+", listed)) & (set(GOOD) | set(BAD)) - set(ALIKE)
    assert "\x1b" not in done.stdout


# --- exported -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_one_total(name: str, graded: dict[str, Graded]) -> None:
    """Each format's own reader finds each report's total."""
    found = {id_: TOTALS[name](one) for id_, one in graded.items()}
    assert found == {id_: pytest.approx((one.score, ALL)) for id_, one in graded.items()}


@pytest.fixture(scope="module")
def exported(
    class_: Class, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, subprocess.CompletedProcess[str]]:
    """The class in each format that holds one."""
    people = [one for people in read_roster(class_.roster).values() for one in people]
    sheet = tmp_path_factory.mktemp("moodle") / "Grades.csv"
    sheet.write_bytes(
        worksheet(
            people=[(str(n), one.name, one.email) for n, one in enumerate(people, 100)],
            maximum=f"{ALL:.2f}",
        )
    )
    given = ("--roster", class_.roster, "--worksheet", sheet)
    return {name: grader("export", name, class_.reports, *given) for name in CLASSES}


def test_the_class_in_each_format(exported: dict[str, Any], graded: dict[str, Graded]) -> None:
    """A format of a class has all thirty with their totals; one of people has all of a group."""
    assert {name: done.returncode for name, done in exported.items()} == dict.fromkeys(CLASSES, 0)
    said = {name: done.stdout for name, done in exported.items()}
    scores = {id_: one.score for id_, one in graded.items()}
    suites = list(JUnitXml.fromstring(said["junit"].encode()))
    assert sorted(float(facts(one)["score"]) for one in suites) == sorted(scores.values())
    assert [float(row["grade"]) for row in rows(said["csv"])] == list(scores.values())
    assert said["github-summary"].count(f" / {ALL:g}") >= 30
    assert {one.name for one in commands(said["github"])} == {"error"}
    wanted = sorted([*scores.values(), scores[TEAM]])  # which are two
    assert sorted(float(row["Grade"]) for row in rows(said["moodle-gradebook"])) == wanted
    filled = worksheets_grades(said["moodle-worksheet"], ENGLISH)
    assert sorted(float(grade) for grade, _ in filled.values()) == wanted
    assert exported["moodle-worksheet"].stderr == "1 of the worksheet's 32 people have no report\n"


# --- graded again ---------------------------------------------------------------------------------


def test_what_changed_is_graded_again_and_compared(class_: Class, tmp_path: Path) -> None:
    """After three have changed, those are graded and no others, and compare names just them."""
    for path in (class_.folder, class_.reports):  # with pipes in it, which shutil does not copy
        subprocess.run(["cp", "-a", path, tmp_path], check=True)
    folder, reports = tmp_path / class_.folder.name, tmp_path / class_.reports.name
    (folder / "ana" / SCRIPT).write_text(CAUGHT)
    (folder / "elena" / SCRIPT).write_text(UNCAUGHT)
    (folder / HOSTILE[0] / SCRIPT).write_text(UNCAUGHT)
    (folder / "zoe" / "submission.yaml").write_text("late_days: 1\n")  # not judged
    done = grade(folder, reports, "--roster", class_.roster)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "27 kept: graded before, and nothing has changed since" in done.stderr
    assert set(re.findall(r"^\d/3  (.+)  \d", done.stderr, re.MULTILINE)) == {
        "ana", "elena", HOSTILE[0],
    }  # fmt: skip
    compared = grader("compare", class_.reports, reports)
    assert compared.returncode == 1, compared.stderr
    lines = [line for line in compared.stdout.splitlines() if not line.startswith("  ")]
    assert lines == [
        f"{HOSTILE[0]}: 9 → 11", "ana: 12 → 10", "elena: 10 → 12",
        "6 checks changed, in 3 of 30 submissions",
    ]  # fmt: skip
