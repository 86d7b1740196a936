"""Whose the submissions are, and how late: what `grader grade` has written to summary.csv."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader import sheet
from grader.classbook import SUMMARY
from grader.errors import BadInput, GraderError
from grader.export.wording import no_formula
from grader.pages.reading import read_some

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 4 * 1024 * 1024
WANTED = ("submission", "name", "members", "late_days")


@dataclass(frozen=True)
class Owned:
    """Those whose a submission is, by the roster or else by themselves; the days it is late."""

    people: str = ""
    late_days: str = ""

    @property
    def late(self) -> str:
        """How late it is, in words; nothing if it is in time or nobody said."""
        if self.late_days in {"", "0"}:
            return ""
        return f"{self.late_days} day{'' if self.late_days == '1' else 's'} late"


def read(reports: Path) -> dict[str, Owned]:
    """By submission, those that have no report, too; empty if there is no summary.

    Raises GraderError for one that cannot be read.
    """
    path = reports / SUMMARY
    try:
        table = sheet.read(read_some(path, LARGEST), str(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise GraderError(f"{path}: cannot be read: {error.strerror}") from error
    if missing := [name for name in WANTED if name not in table.head]:
        raise BadInput(f"{path}:1: expected a column {missing[0]}, found none")
    rows = (dict(zip(table.head, map(_as_it_was, row), strict=True)) for row in table.rows)
    return {row["submission"]: _owned(row) for row in rows}


def _owned(row: Mapping[str, str]) -> Owned:
    return Owned(row["name"] or row["members"], row["late_days"])


def _as_it_was(cell: str) -> str:
    """A cell without the apostrophe that keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and no_formula(cell[1:]) == cell else cell
