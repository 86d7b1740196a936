"""What a regrade changed: two folders of reports, check by check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.decisions import REPORT, checks_in, read_report
from grader.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Plain = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A check that has another verdict or other points; None where there is no such check."""

    submission: str
    check: str
    before: Plain | None
    after: Plain | None


@dataclass(frozen=True)
class Compared:
    """The submissions of both, with their scores, None where there is no report; what changed."""

    scores: dict[str, tuple[float | None, float | None]]
    changes: list[Change]

    @property
    def same(self) -> bool:
        """Whether nothing has changed."""
        return not self.changes and all(None not in scores for scores in self.scores.values())


def compare(old: Path, new: Path) -> Compared:
    """What differs. Raises BadInput for a folder without reports, GraderError for a bad report."""
    before, after = _reports(old), _reports(new)
    names = sorted(before.keys() | after.keys())
    scores = {name: (_score(before.get(name)), _score(after.get(name))) for name in names}
    found = [
        change
        for name in sorted(before.keys() & after.keys())
        for change in _changes(name, before[name], after[name])
    ]
    return Compared(scores, found)


def _reports(folder: Path) -> dict[str, Plain]:
    found = {
        path.parent.relative_to(folder).as_posix(): read_report(path.parent)
        for path in sorted(folder.rglob(REPORT))
    }
    if not found:
        raise BadInput(
            f"{folder}: expected a folder of reports, found none in it",
            remedy="name what --report-dir was, for instance reports",
        )
    return found


def _score(report: Plain | None) -> float | None:
    return None if report is None else float(report["score"])


def _changes(name: str, before: Plain, after: Plain) -> Iterator[Change]:
    old = {one["id"]: one for one in checks_in(before)}
    new = {one["id"]: one for one in checks_in(after)}
    for id_ in dict.fromkeys([*old, *new]):
        first, second = old.get(id_), new.get(id_)
        if _told(first) != _told(second):
            yield Change(name, id_, first, second)


def _told(check: Plain | None) -> tuple[Any, ...]:
    return () if check is None else tuple(check[key] for key in ("verdict", "points", "max_points"))
