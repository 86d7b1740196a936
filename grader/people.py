"""Whose a submission is: what it says of itself, and what the roster says.

`submission.yaml` is the student's: it is read as answers are, bounded and as text, and one that
cannot be read costs a warning. The roster is the teacher's: a mistake in it is an error.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from grader import answers
from grader.document import Strict
from grader.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from grader.submission import Submission

ABOUT = "submission.yaml"
LARGEST = 4 * 1024 * 1024
DAY = 24 * 3600


def _nothing(value: object) -> object:
    return None if value == "" else value


Word = Annotated[str, Field(min_length=1, max_length=100)]
Days = Annotated[int, Field(ge=0, le=365)]
Time = Annotated[dt.datetime | None, BeforeValidator(_nothing)]


class Handed(Strict):
    """What a submission says of itself: who made it, and how many days late it is."""

    members: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    late_days: Days | None = None


class Person(Strict):
    """A line of the roster. Without `submitted`, how late it is, is what the submission says."""

    id: Word
    name: str = ""
    email: str = ""
    group: str = ""
    due: Time = None
    submitted: Time = None

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        for name in ("due", "submitted"):
            time: dt.datetime | None = getattr(self, name)
            if time is not None and time.tzinfo is None:
                raise ValueError(
                    f"{name}: expected a time with its zone, as 2026-05-04T23:59+03:00"
                )
        return self

    @property
    def late_days(self) -> int | None:
        """The days begun between `due` and `submitted`, if both are known."""
        if self.due is None or self.submitted is None:
            return None
        return max(0, math.ceil((self.submitted - self.due).total_seconds() / DAY))


@dataclass(frozen=True)
class Owner:
    """Whose a submission is, as far as it is known, and what is odd about it."""

    person: Person | None = None
    members: tuple[str, ...] = ()
    late_days: int | None = None
    warnings: tuple[str, ...] = ()


def handed(submission: Submission) -> tuple[Handed, tuple[str, ...]]:
    """What a submission says of itself, and the warning if that cannot be read."""
    if not os.path.lexists(submission.folder / ABOUT):
        return Handed(), ()
    try:
        return answers.whole(submission.read(ABOUT), Handed), ()
    except CheckFailed as refused:
        return Handed(), (f"{submission.id}: left out: {refused.message}",)


def roster(path: Path) -> dict[str, Person]:
    """The people of a CSV file by their ids, which are their submissions' names.

    Its first line names the columns: `id`, and any of the others. Raises BadInput naming line and
    column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read(LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: expected a CSV file in UTF-8, found {error}") from error
    return {person.id: person for person in _people(path, text)}


def _people(path: Path, text: str) -> Iterator[Person]:
    rows = csv.reader(text.splitlines(keepends=True), strict=True)
    known, seen = list(Person.model_fields), set()
    try:
        head = [name.strip() for name in next(rows, [])]
        _must_be_columns(path, head, known)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            person = _person(path, rows.line_num, head, row)
            if person.id in seen:
                raise BadInput(f"{path}:{rows.line_num}: id: {person.id!r} stands there twice")
            seen.add(person.id)
            yield person
    except csv.Error as error:
        raise BadInput(f"{path}:{rows.line_num}: not CSV: {error}") from error


def _must_be_columns(path: Path, head: list[str], known: list[str]) -> None:
    for name in head:
        if name not in known or head.count(name) > 1:
            raise BadInput(
                f"{path}:1: expected each of the columns {', '.join(known)} once at most, "
                f"found {name!r}",
                remedy="its first line names the columns, which commas separate",
            )
    if "id" not in head:
        raise BadInput(f"{path}:1: expected a column id, found {', '.join(head) or 'nothing'}")


def _person(path: Path, line: int, head: list[str], row: list[str]) -> Person:
    if len(row) != len(head):
        raise BadInput(f"{path}:{line}: expected {len(head)} cells, found {len(row)}")
    cells = {name: cell.strip() for name, cell in zip(head, row, strict=True)}
    try:
        return Person.model_validate(cells)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "the line"
        reason = fault["msg"].removeprefix("Value error, ")
        raise BadInput(f"{path}:{line}: {place}: {reason}") from error


def owner(submission: Submission, people: Mapping[str, Person]) -> Owner:
    """Whose a submission is. Where roster and submission differ, the roster counts."""
    said, warnings = handed(submission)
    person = people.get(submission.id)
    known = person.late_days if person else None
    if known is not None and said.late_days not in {None, known}:
        warnings += (f"{submission.id}: says late_days: {said.late_days}, the roster {known}",)
    if people and person is None:
        warnings += (f"{submission.id}: is not in the roster",)
    late = said.late_days if known is None else known
    return Owner(person, said.members, late, warnings)
