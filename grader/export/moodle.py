"""Moodle's gradebook: CSV, whose columns are mapped in the page that imports it.

A row without a grade would wipe the grade that is there: who has none has no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.export.graded import Written
from grader.export.table import as_csv
from grader.export.wording import as_html, cut, feedback, number, one_line, why_open

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.export.graded import Given, Graded

HEAD = ("Submission", "Email address", "Grade", "Feedback")
CELL = 20_000  # characters; a spreadsheet's cell takes 32,767


def write(reports: Sequence[Graded], given: Given) -> Written:
    """A row for each person: those that the roster has for a submission, or its id."""
    rows, notes = [list(HEAD)], []
    for graded in reports:
        if graded.grade is None:
            notes.append(f"{one_line(graded.id)}: left out: {why_open(graded)}")
            continue
        said = as_html(cut(feedback(graded), CELL))
        name = one_line(graded.id)
        emails = [person.email for person in given.roster.get(graded.id, ())]
        for email in emails or [name if "@" in name else ""]:
            rows.append([name, email, number(graded.grade), said])
            if not email:
                notes.append(f"{name}: no email address; map Submission to username or ID number")
    return Written(as_csv(rows), tuple(notes))
