"""The roster: who is in the class, which submission is whose, and when it was due and handed in.

It is the teacher's, and serves grading and exports alike: a mistake in it is an error.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from grader import sheet
from grader.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 4 * 1024 * 1024
DAY = 24 * 3600
# What a column may be called besides its own name: Moodle's words.
ALSO = {"email address": "email", "full name": "name"}


def _nothing(value: object) -> object:
    return None if value == "" else value


def _zoned(value: dt.datetime | None) -> dt.datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("expected a time with its zone, as 2026-05-04T23:59+03:00")
    return value


Time = Annotated[dt.datetime | None, BeforeValidator(_nothing), AfterValidator(_zoned)]


class Person(BaseModel):
    """A line of the roster. Without both times, how late it is, is what the submission says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    submission: Annotated[str, Field(min_length=1, max_length=200)]
    name: str = ""
    email: str = ""
    group: str = ""
    due: Time = None
    submitted: Time = None

    @property
    def late_days(self) -> int | None:
        """The days begun between `due` and `submitted`, if both are known."""
        if self.due is None or self.submitted is None:
            return None
        return max(0, math.ceil((self.submitted - self.due).total_seconds() / DAY))

    @property
    def shown(self) -> str:
        """The person, in a word."""
        return self.email or self.name or self.submission


# By submission; people of a group have a line each.
Roster = Mapping[str, Sequence[Person]]
COLUMNS = tuple(Person.model_fields)


def read(path: Path) -> dict[str, list[Person]]:
    """The people of a CSV file by their submissions; columns that are not known are let be.

    Raises BadInput naming line and column.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    table = sheet.read(data, str(path))
    places = _places(path, table.head)
    found: dict[str, list[Person]] = {}
    lines: dict[tuple[str, str, str], int] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        one = _person(path, line, {name: row[place].strip() for name, place in places.items()})
        first = lines.setdefault((one.submission, one.name, one.email), line)
        if first != line:
            raise BadInput(
                f"{path}:{line}: submission: {one.shown!r} has a line for it already, {first}",
                remedy="give each person of a group a line, with name or email",
            )
        found.setdefault(one.submission, []).append(one)
    return found


def _places(path: Path, head: Sequence[str]) -> dict[str, int]:
    """In which column what stands."""
    found: dict[str, int] = {}
    for place, title in enumerate(head):
        plain = " ".join(title.replace("_", " ").casefold().split())
        name = ALSO.get(plain, plain)
        if name in found:
            raise BadInput(
                f"{path}:1: expected one column for {name}, found {head[found[name]].strip()!r} "
                f"and {title.strip()!r}"
            )
        if name in COLUMNS:
            found[name] = place
    if "submission" not in found:
        told = ", ".join(map(str.strip, head)) or "nothing"
        raise BadInput(
            f"{path}:1: expected a column submission, found {told}",
            remedy="call the column so that has the names of the submissions' folders",
        )
    return found


def _person(path: Path, line: int, cells: Mapping[str, str]) -> Person:
    try:
        return Person.model_validate(cells)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        reason = fault["msg"].removeprefix("Value error, ")
        raise BadInput(f"{path}:{line}: {place}: {reason}") from error
