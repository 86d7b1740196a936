"""A report as exports see it, and what a format is given and makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.errors import GraderError
from grader.report import sum_up

if TYPE_CHECKING:
    from grader.roster import Roster

Plain = dict[str, Any]


class NoGrade(GraderError):
    """There is no grade, and the format has no other way to say so than not to be written."""


@dataclass(frozen=True)
class Graded:
    """The report on one submission."""

    report: Plain

    @property
    def id(self) -> str:
        """The submission."""
        found: str = self.report["submission"]["id"]
        return found

    @property
    def tasks(self) -> list[Plain]:
        """The tasks, each with its checks."""
        found: list[Plain] = self.report["tasks"]
        return found

    @property
    def checks(self) -> list[Plain]:
        """All checks."""
        return [check for task in self.tasks for check in task["checks"]]

    @property
    def score(self) -> float:
        """The total, the same in every format."""
        found: float = self.report["score"]
        return found

    @property
    def max_score(self) -> float:
        """What the total could be at most."""
        found: float = self.report["max_score"]
        return found

    @property
    def open(self) -> list[Plain]:
        """The checks that are not decided; while there is one, the total is no grade."""
        return [one for one in self.checks if Verdict(one["verdict"]).open]

    @property
    def ours(self) -> list[Plain]:
        """The checks that could not be graded."""
        return [one for one in self.checks if Verdict(one["verdict"]).ours]

    @property
    def undecided(self) -> float:
        """The points that are neither won nor lost."""
        return float(sum(one["max_points"] for one in self.open))

    @property
    def grade(self) -> float | None:
        """The total as a grade; None, never 0, while anything is undecided."""
        return None if self.open else self.score

    def without_reviews(self) -> Graded:
        """The same without what a person has yet to judge, in points and in possible points."""
        tasks = []
        for task in self.tasks:
            left = [one for one in task["checks"] if one["verdict"] != Verdict.REVIEW]
            if left:
                tasks.append(task | {"checks": left})
        return Graded(sum_up(self.report | {"tasks": tasks}))


@dataclass(frozen=True)
class Given:
    """What a format may need besides reports."""

    environ: Mapping[str, str] = field(default_factory=dict)
    scale: int | None = None  # units a point, for formats that know whole numbers only
    roster: Roster = field(default_factory=dict)
    worksheet: bytes | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # of the worksheet: what, header
    source: str = ""  # where the submission lies in the repository that is annotated


@dataclass(frozen=True)
class Written:
    """An export, and what a person must know who uses it."""

    text: str
    notes: tuple[str, ...] = ()
