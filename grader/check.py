"""Checks: one claim each about one deliverable, and the verdicts on them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from grader.errors import BadInput, CheckFailed, NeedsReview, Overrun, Refused, Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

F = TypeVar("F", bound="Callable[..., Any]")


class Verdict(StrEnum):
    """What is said of a check."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    REFUSED = "REFUSED"
    SKIPPED = "SKIPPED"
    REVIEW = "REVIEW"
    UNSUPPORTED = "UNSUPPORTED"
    ERROR = "ERROR"

    @property
    def open(self) -> bool:
        """Whether the check has not been decided: its points are neither won nor lost."""
        return self in {Verdict.REVIEW, Verdict.UNSUPPORTED, Verdict.ERROR}

    @property
    def ours(self) -> bool:
        """Whether the fault is on our side."""
        return self in {Verdict.UNSUPPORTED, Verdict.ERROR}

    @property
    def lost(self) -> bool:
        """Whether the student's side failed, itself or by a needed check."""
        return not self.open and self is not Verdict.PASSED


class NeedFailed(Exception):
    """A check that this one needs did not pass."""


def verdict_of(error: BaseException | None) -> Verdict:
    """The verdict that an exception stands for; anything unknown is our fault."""
    kinds: list[tuple[type[BaseException], Verdict]] = [
        (NeedFailed, Verdict.SKIPPED),
        (Refused, Verdict.REFUSED),
        (Overrun, Verdict.TIMEOUT),
        (NeedsReview, Verdict.REVIEW),
        (CheckFailed, Verdict.FAILED),
        (Unsupported, Verdict.UNSUPPORTED),
    ]
    if error is None:
        return Verdict.PASSED
    return next((verdict for kind, verdict in kinds if isinstance(error, kind)), Verdict.ERROR)


@dataclass(frozen=True)
class Check:
    """One claim: its id (`01a.runs`), the title students read, and what it depends on."""

    id: str
    title: str
    needs: tuple[str, ...]
    requires: frozenset[str]
    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The id without its task."""
        return self.id.partition(".")[2]

    @property
    def task(self) -> str:
        """The task's id."""
        return self.id.partition(".")[0]


def check(
    id: str,  # noqa: A002 the word that rubric and report use
    *,
    needs: str | Iterable[str] = (),
    requires: Iterable[str] = (),
) -> Callable[[F], F]:
    """Make a function a check. Its docstring's first line is the title.

    It takes pytest fixtures, returns if the claim holds (a returned text is a note to the
    student) and raises CheckFailed if not. `needs` are checks of the same task that must have
    passed, `requires` capabilities that the sandbox must offer.
    """

    def mark(function: F) -> F:
        title = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
        if not title:
            raise BadInput(f"check {id!r}: expected a docstring, its title; found none")
        wanted = (needs,) if isinstance(needs, str) else tuple(needs)
        function.__netlab_check__ = Check(  # type: ignore[attr-defined]
            id, title, wanted, frozenset(requires), function
        )
        return function

    return mark


def checks_of(module: ModuleType, task: str) -> list[Check]:
    """The checks in `module`'s namespace. Raises BadInput for one of another task."""
    found = [
        value.__netlab_check__
        for value in vars(module).values()
        if hasattr(value, "__netlab_check__")
    ]
    for one in found:
        if one.task != task:
            raise BadInput(f"check {one.id!r} stands in the module of task {task!r}")
    return found
