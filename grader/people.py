"""Whose a submission is: what it says of itself, and what the roster says.

`submission.yaml` is the student's: it is read as answers are, bounded and as text, and one that
cannot be read costs a warning.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from grader import answers
from grader.document import Strict
from grader.errors import CheckFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.roster import Person, Roster
    from grader.submission import Submission

ABOUT = "submission.yaml"

Word = Annotated[str, Field(min_length=1, max_length=100)]
Days = Annotated[int, Field(ge=0, le=365)]


class Handed(Strict):
    """What a submission says of itself: who made it, and how many days late it is."""

    members: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    late_days: Days | None = None


@dataclass(frozen=True)
class Owner:
    """Whose a submission is, as far as it is known, and what is odd about it."""

    people: Sequence[Person] = ()
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


def owner(submission: Submission, roster: Roster) -> Owner:
    """Whose a submission is. Where roster and submission differ, the roster counts."""
    said, warnings = handed(submission)
    people = roster.get(submission.id, ())
    days = [one.late_days for one in people if one.late_days is not None]
    # Where a group's lines differ, in doubt for the students.
    known = min(days) if days else None
    if known is not None and said.late_days not in {None, known}:
        warnings += (f"{submission.id}: says late_days: {said.late_days}, the roster {known}",)
    if roster and not people:
        warnings += (f"{submission.id}: is not in the roster",)
    late = said.late_days if known is None else known
    return Owner(people, said.members, late, warnings)
