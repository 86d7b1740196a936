"""Reports in the forms that other systems read. Each is made from report.json, by one module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.errors import BadInput
from grader.export import (
    classroom,
    classroom50,
    github,
    gradescope,
    junit,
    moodle,
    prairielearn,
    table,
    vmchecker,
    worksheet,
)
from grader.export.graded import Given, Graded, NoGrade, Written

__all__ = ["FORMATS", "Format", "Given", "Graded", "NoGrade", "Written", "make"]


@dataclass(frozen=True)
class Format:
    """A form of export: who reads it, and the function that makes it."""

    about: str
    write: Callable[[Sequence[Graded], Given], Written]


def _each(write: Callable[[Graded, Given], str]) -> Callable[[Sequence[Graded], Given], Written]:
    """A format that holds one submission."""

    def one(reports: Sequence[Graded], given: Given) -> Written:
        if len(reports) != 1:
            names = ", ".join(report.id for report in reports[:3])
            raise BadInput(
                f"expected one report, as this format holds one; found {len(reports)}: {names} …",
                remedy="name the folder of one submission's report",
            )
        return Written(write(reports[0], given))

    return one


FORMATS = {
    "junit": Format("JUnit XML, for CI systems", junit.write),
    "github": Format("GitHub Actions: annotations, as commands of the log", github.annotate),
    "github-summary": Format("GitHub Actions: the job's summary, Markdown", github.summary),
    "classroom50": Format("Classroom 50: result.json of one submission", _each(classroom50.write)),
    "classroom": Format(
        "GitHub Classroom's reporter: result=BASE64, for $GITHUB_OUTPUT", _each(classroom.write)
    ),
    "gradescope": Format("Gradescope: results.json of one submission", _each(gradescope.write)),
    "prairielearn": Format(
        "PrairieLearn: results.json of one submission", _each(prairielearn.write)
    ),
    "vmchecker": Format("VMchecker-next: what its job prints", _each(vmchecker.write)),
    "moodle-gradebook": Format("Moodle: CSV for the gradebook's import", moodle.write),
    "moodle-worksheet": Format("Moodle: a downloaded offline worksheet, filled", worksheet.write),
    "csv": Format("a table: a line for each submission, a column for each task", table.write),
}


def make(name: str, reports: Sequence[Graded], given: Given) -> Written:
    """The reports in the format of that name."""
    found = FORMATS.get(name)
    if found is None:
        raise BadInput(f"expected a format, one of {', '.join(FORMATS)}; found {name!r}")
    return found.write(reports, given)
