"""What a class's page says: how the scores are distributed, what fails most, who is incomplete."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

from grader.check import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from grader.pages.owners import Owned
    from grader.pages.reading import Check, Report

BINS = 10
MOST = 15
# What a run says of a check that it skips.
NEEDED = re.compile(r"\bit needs (\S+), which is ")


@dataclass(frozen=True)
class Student:
    """A student on the class's page."""

    name: str
    href: str
    report: Report
    owned: Owned

    @property
    def share(self) -> float:
        """Of the points that could be had."""
        return share(self.report.score, self.report.max_score)

    @property
    def undecided(self) -> float:
        """Points that are neither won nor lost yet."""
        return round(sum(one.max_points for one in self.report.checks if one.verdict.open), 4)

    @property
    def open(self) -> str:
        """What is undecided, by verdict: `2 REVIEW, 1 ERROR`."""
        found = [one.verdict for one in self.report.checks if one.verdict.open]
        return ", ".join(f"{found.count(one)} {one}" for one in Verdict if one in found)

    def cell(self, task: str) -> Cell | None:
        """The points in a task; None if it was not graded."""
        found = next((one for one in self.report.tasks if one.id == task), None)
        if found is None:
            return None
        undecided = any(one.verdict.open for one in found.checks)
        return Cell(found.score, found.max_score, undecided=undecided)


@dataclass(frozen=True)
class Cell:
    """A student's points in a task."""

    score: float
    max_score: float
    undecided: bool

    @property
    def state(self) -> str:
        """How it went, in a word."""
        if self.undecided:
            return "undecided"
        if self.score >= self.max_score:
            return "full"
        return "part" if self.score else "none"


@dataclass(frozen=True)
class Bin:
    """How many scores lie in a tenth."""

    label: str
    count: int
    part: float


@dataclass(frozen=True)
class Trouble:
    """A check, how many lost it, and the points that they lost with it."""

    id: str
    title: str
    failed: int
    of: int
    points: float

    @property
    def part(self) -> float:
        """Of those that were judged."""
        return share(self.failed, self.of)


@dataclass(frozen=True)
class Overview:
    """A class."""

    students: tuple[Student, ...]

    @property
    def tasks(self) -> dict[str, str]:
        """Titles by id, of all tasks that were graded for anyone."""
        return {task.id: task.title for one in self.students for task in one.report.tasks}

    @property
    def labs(self) -> list[str]:
        """The labs that were graded; more than one if reports of several lie together."""
        return sorted({one.report.lab for one in self.students})

    @property
    def complete(self) -> list[Student]:
        """Those of whom all is decided."""
        return [one for one in self.students if one.report.complete]

    @property
    def incomplete(self) -> list[Student]:
        """Those of whom something is not."""
        return [one for one in self.students if not one.report.complete]

    @property
    def waiting(self) -> dict[str, list[Student]]:
        """Those of whom something is undecided, by what it is."""
        found: dict[str, list[Student]] = {}
        for one in self.incomplete:
            found.setdefault(f"{one.open} ({one.undecided:g} points)", []).append(one)
        return found

    @property
    def late(self) -> bool:
        """Whether anybody's is late."""
        return any(one.owned.late for one in self.students)

    @property
    def mean(self) -> float:
        """Mean share of the points."""
        return mean(one.share for one in self.students)

    @property
    def median(self) -> float:
        """Median share of the points."""
        return median(one.share for one in self.students)

    @property
    def bins(self) -> list[Bin]:
        """The scores in tenths; a full score is in the last one."""
        places = [min(int(one.share * BINS + 1e-9), BINS - 1) for one in self.students]
        most = max(map(places.count, range(BINS)), default=0)
        return [
            Bin(
                f"{at * 100 // BINS}-{(at + 1) * 100 // BINS} %",
                places.count(at),
                share(places.count(at), most),
            )
            for at in range(BINS)
        ]

    @property
    def troubles(self) -> list[Trouble]:
        """The checks that cost points, worst first. SKIPPED is another check's trouble."""
        found: dict[str, list[Check]] = {}
        behind: dict[str, float] = {}
        for student in self.students:
            for one in student.report.checks:
                if not one.verdict.open:
                    found.setdefault(one.id, []).append(one)
            for id_, points in _skipped_by(student.report.checks):
                behind[id_] = behind.get(id_, 0.0) + points
        troubles = [_trouble(checks, behind.get(id_, 0.0)) for id_, checks in found.items()]
        worst = sorted(troubles, key=lambda one: (-one.failed, -one.points, one.id))
        return [one for one in worst if one.failed][:MOST]


def _skipped_by(checks: Sequence[Check]) -> Iterator[tuple[str, float]]:
    """Of a student's checks that were skipped, which one they waited for, and their points."""
    by_id = {one.id: one for one in checks}
    for skipped in checks:
        one, seen = skipped, 0
        while one.verdict is Verdict.SKIPPED and seen < len(checks):
            need = NEEDED.search(one.message)
            one, seen = by_id.get(need[1] if need else "", skipped), seen + 1
        if one is not skipped:
            yield one.id, skipped.max_points


def _trouble(checks: Sequence[Check], behind: float) -> Trouble:
    """A check's trouble; `behind` are the points of those that needed it."""
    failed = [one for one in checks if one.verdict.lost and one.verdict is not Verdict.SKIPPED]
    points = sum(one.max_points - one.points for one in failed) + behind
    return Trouble(checks[0].id, checks[0].title, len(failed), len(checks), round(points, 4))


def share(part: float, whole: float) -> float:
    """A part as a number from 0 to 1."""
    return min(1.0, part / whole) if whole else 0.0


def tally(checks: Iterable[Check]) -> dict[Verdict, int]:
    """How many checks have which verdict, in the verdicts' order."""
    found = [one.verdict for one in checks]
    return {one: found.count(one) for one in Verdict if one in found}
