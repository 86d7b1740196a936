"""A class as its reports have it: a row for each submission, and for who has handed in nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.decisions import REPORT, checks_in, read_report
from grader.errors import GraderError
from grader.export.wording import no_formula
from grader.people import Owner, owner
from grader.report import write_text
from grader.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from grader.roster import Roster
    from grader.rubric import Rubric

SUMMARY = "summary.csv"


@dataclass(frozen=True)
class Row:
    """One submission: its owner, its points by task, and what keeps it from being decided."""

    id: str
    owner: Owner = field(default_factory=Owner)
    tasks: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    max_score: float = 0.0
    undecided: float = 0.0
    verdicts: tuple[Verdict, ...] = ()
    fault: str = ""

    @property
    def ours(self) -> int:
        """How many of its checks could not be graded."""
        return sum(verdict.ours for verdict in self.verdicts)

    @property
    def late(self) -> int:
        """The days that it is late."""
        return self.owner.late_days or 0


def rows(reports: Path, submissions: Mapping[str, Path], roster: Roster) -> Iterator[Row]:
    """A row for each of `submissions`, then for each that the roster has besides."""
    for name, folder in sorted(submissions.items()):
        whose = owner(Submission(name, folder), roster)
        if not (reports / name / REPORT).exists():
            yield Row(name, whose, fault="not graded")
            continue
        try:
            yield _row(name, whose, read_report(reports / name))
        except GraderError as error:
            yield Row(name, whose, fault=error.what)
    for name in sorted(roster.keys() - submissions.keys()):
        yield Row(name, Owner(roster[name]), fault="not handed in")


def _row(name: str, whose: Owner, report: dict[str, Any]) -> Row:
    checks = checks_in(report)
    open_ = [one["max_points"] for one in checks if Verdict(one["verdict"]).open]
    return Row(
        name,
        whose,
        {task["id"]: task["score"] for task in report["tasks"]},
        report["score"],
        report["max_score"],
        round(sum(open_), 4),
        tuple(Verdict(one["verdict"]) for one in checks),
    )


def write_summary(path: Path, found: Iterable[Row], rubric: Rubric) -> None:
    """Write the rows as CSV, whole or not at all.

    `score` is what was won; what is `undecided` is in it as nothing, so a row that is not
    `complete` is no grade yet. `late_score` is there if the lab says what late days cost.
    """
    file = io.StringIO()
    table = csv.writer(file)
    late = ["late_score"] if rubric.late else []
    table.writerow(
        ["submission", "name", "email", "group", "members", "late_days", "score", *late,
         "max_score", "undecided", "complete", *rubric.tasks]
    )  # fmt: skip
    for row in found:
        cells = [row.id, *_told(row.owner), ", ".join(row.owner.members)]
        graded = row.score is not None
        late_score = [_late(row, rubric)] if rubric.late else []
        table.writerow(
            [*map(no_formula, cells), "" if row.owner.late_days is None else row.owner.late_days,
             f"{row.score:g}" if graded else "", *late_score,
             f"{row.max_score:g}" if graded else "", f"{row.undecided:g}" if graded else "",
             ("no" if row.undecided or row.ours else "yes") if graded else "no",
             *(_number(row.tasks.get(task)) for task in rubric.tasks)]
        )  # fmt: skip
    write_text(file.getvalue(), path)


def _late(row: Row, rubric: Rubric) -> str:
    left = None if row.score is None or not rubric.late else rubric.late.score(row.score, row.late)
    return _number(left)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _told(owner: Owner) -> Iterator[str]:
    """Name, email and group of those whose it is, a group's in one cell each."""
    for what in ("name", "email", "group"):
        found = [getattr(one, what) for one in owner.people]
        yield ", ".join(dict.fromkeys(filter(None, found)))
