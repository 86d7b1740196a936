"""A table of a class as CSV: a line for each submission, a column for each task."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from grader.check import Verdict
from grader.export.graded import Written
from grader.export.wording import no_formula, number, one_line, why_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.export.graded import Given, Graded, Plain


def write(reports: Sequence[Graded], _given: Given) -> Written:
    """The table; a grade or a task's points stay empty while anything of them is undecided."""
    tasks = list(dict.fromkeys(task["id"] for graded in reports for task in graded.tasks))
    head = ["submission", "grade", "max", "state", *tasks, "undecided points", "seed", "sha256"]
    return Written(as_csv([head, *(_row(graded, tasks) for graded in reports)]))


def as_csv(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    """Rows as CSV (RFC 4180), no cell of which a spreadsheet computes."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([no_formula(cell) for cell in row] for row in rows)
    return file.getvalue()


def _row(graded: Graded, tasks: Sequence[str]) -> list[str]:
    by_id = {task["id"]: task for task in graded.tasks}
    report = graded.report
    return [
        one_line(graded.id),
        "" if graded.grade is None else number(graded.grade),
        number(graded.max_score),
        why_open(graded) or "graded",
        *(_points(by_id[name]) if name in by_id else "" for name in tasks),
        number(graded.undecided),
        str(report["seed"]),
        report["submission"]["sha256"],
    ]


def _points(task: Plain) -> str:
    """A task's points, if all of it is decided."""
    undecided = any(Verdict(one["verdict"]).open for one in task["checks"])
    return "" if undecided else number(task["score"])
