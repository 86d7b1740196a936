"""The two families of error: the student's side, and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class GraderError(Exception):
    """Our side could not do its work; never a student's zero.

    ``what`` names the item, what was expected and what was found; ``remedy`` says
    what the reader can do about it.
    """

    def __init__(self, what: str, *, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}\n{remedy}" if remedy else what)


class Unsupported(GraderError):
    """This machine lacks something that the work at hand needs."""


class BadInput(GraderError):
    """A lab, topology, rubric or call is not well formed."""


class CheckFailed(Exception):
    """The student's side: a claim about a deliverable does not hold.

    ``message`` says what was expected and what was seen, ``hint`` where to read on, ``credit``
    which part of the points (0 to 1) is earned all the same.
    """

    def __init__(self, message: str, *, hint: str = "", credit: float = 0.0) -> None:
        self.message = message
        self.hint = hint
        self.credit = credit
        super().__init__(message)


class Refused(CheckFailed):
    """A deliverable is not of a kind that is ever run."""


class Overrun(CheckFailed):
    """A deliverable did not end in the time it had."""


class NeedsReview(CheckFailed):
    """Only a person can decide, who reads ``files``: texts by the name they have as evidence."""

    def __init__(
        self, message: str, *, hint: str = "", files: Mapping[str, str] | None = None
    ) -> None:
        self.files = dict(files or {})
        super().__init__(message, hint=hint)
