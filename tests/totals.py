"""A report's total and its maximum as each format's reader finds them."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from junitparser import JUnitXml, Properties, TestCase, TestSuite
from targets import outputs, reporters_points, vmcheckers_grade
from worksheets import worksheet

from grader.export import Given, Graded, make
from grader.roster import Person

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSROOM = {
    "CLASSROOM": "net",
    "ASSIGNMENT": "lab06",
    "SUBMISSION_TAG": "submit/2026-01-01T00-00-00Z-abc",
    "COMMIT_URL": "https://example.org/c",
    "RELEASE_URL": "https://example.org/r",
    "GITHUB_REPOSITORY": "course/net-lab06-alice",
}
GIVEN = Given(environ=CLASSROOM)


def text(name: str, *reports: Graded, given: Given = GIVEN) -> str:
    """An export's text."""
    return make(name, reports, given).text


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(table, newline=""), strict=True))


TOTALS: dict[str, Callable[[Graded], tuple[float, float]]] = {
    "junit": lambda one: _junit_total(text("junit", one)),
    "github": lambda one: _words(text("github", one)),
    "github-summary": lambda one: _words(text("github-summary", one)),
    "classroom50": lambda one: _units(json.loads(text("classroom50", one, given=_fine()))),
    "classroom": lambda one: reporters_points(outputs(text("classroom", one))["result"])[1:],
    "gradescope": lambda one: _gradescope_total(json.loads(text("gradescope", one))),
    "prairielearn": lambda one: _prairielearn_total(json.loads(text("prairielearn", one))),
    "vmchecker": lambda one: (
        int(vmcheckers_grade(text("vmchecker", one, given=_fine()))[1]) / 10_000,
        one.max_score,
    ),
    "moodle-gradebook": lambda one: (
        float(rows(text("moodle-gradebook", one))[0]["Grade"]),
        one.max_score,
    ),
    "moodle-worksheet": lambda one: _worksheet_total(one),  # noqa: PLW0108 it is defined below
    "csv": lambda one: _csv_total(rows(text("csv", one))[0]),
}


def _fine() -> Given:
    return Given(environ=CLASSROOM, scale=10_000)


def _junit_total(document: str) -> tuple[float, float]:
    (suite,) = JUnitXml.fromstring(document.encode())
    cases = [facts(case) for case in suite]
    told = facts(suite)
    assert float(told["score"]) == pytest.approx(sum(float(one["points"]) for one in cases))
    return float(told["score"]), sum(float(one["max_points"]) for one in cases)


def facts(part: TestSuite | TestCase) -> dict[str, str]:
    """The properties of a suite or a case of JUnit."""
    return {one.name: one.value for found in part.iterchildren(Properties) for one in found}


def _words(said: str) -> tuple[float, float]:
    found = re.search(r": ([0-9.]+) / ([0-9.]+)$", said, re.MULTILINE)
    assert found
    return float(found[1]), float(found[2])


def _units(document: dict[str, Any]) -> tuple[float, float]:
    assert sum(one["score"] for one in document["tests"]) == document["score"]
    assert sum(one["max-score"] for one in document["tests"]) == document["max-score"]
    return document["score"] / 10_000, document["max-score"] / 10_000


def _gradescope_total(document: dict[str, Any]) -> tuple[float, float]:
    assert document["score"] == pytest.approx(sum(one["score"] for one in document["tests"]))
    return document["score"], sum(one["max_score"] for one in document["tests"])


def _prairielearn_total(document: dict[str, Any]) -> tuple[float, float]:
    most = sum(one["max_points"] for one in document["tests"])
    assert sum(one["points"] for one in document["tests"]) == pytest.approx(
        document["score"] * most
    )
    return document["score"] * most, most


def _worksheet_total(one: Graded) -> tuple[float, float]:
    sheet = worksheet(people=[("1", "A", "a@example.org")], maximum=f"{one.max_score:.2f}")
    roster = {one.id: [Person(submission=one.id, email="a@example.org")]}
    filled = text("moodle-worksheet", one, given=Given(worksheet=sheet, roster=roster))
    return float(rows(filled.removeprefix("\ufeff"))[0]["Grade"]), one.max_score


def _csv_total(row: dict[str, str]) -> tuple[float, float]:
    tasks = [float(value) for name, value in row.items() if re.fullmatch(r"\d\d[a-z]", name)]
    assert float(row["grade"]) == pytest.approx(sum(tasks))
    return float(row["grade"]), float(row["max"])
