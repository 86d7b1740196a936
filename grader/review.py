"""What of a class is for a person to judge, in the order in which it is judged fairly.

All students' answers to one question come before the next question.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from grader import decisions
from grader.check import Verdict
from grader.decisions import REPORT, Decision, Plain, Seen
from grader.errors import BadInput, GraderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DIGITS = 4


class State(StrEnum):
    """How far an answer has come."""

    OPEN = "open"
    STALE = "changed since it was decided"
    DECIDED = "decided"


@dataclass(frozen=True)
class Item:
    """One student's answer to one question."""

    reports: Path
    submission: str
    task: str
    check: Plain
    state: State
    decision: Decision | None
    seen: Seen

    @property
    def folder(self) -> Path:
        """The report's folder."""
        return self.reports / self.submission

    @property
    def id(self) -> str:
        """The question."""
        found: str = self.check["id"]
        return found

    @property
    def worth(self) -> float:
        """The points that a full answer gets."""
        found: float = self.check["max_points"]
        return found

    @property
    def question(self) -> str | None:
        """What was asked, if the check handed it over."""
        return decisions.text_of(self.folder, self.check, decisions.QUESTION)

    @property
    def answer(self) -> str | None:
        """What the student wrote, if the check handed it over."""
        return decisions.text_of(self.folder, self.check, decisions.ANSWER)

    @property
    def guide(self) -> str | None:
        """How it is to be marked."""
        return decisions.text_of(self.folder, self.check, decisions.GUIDE)

    @property
    def evidence(self) -> list[str]:
        """The other files that the grader kept, relative to the report's folder."""
        names = (decisions.QUESTION, decisions.ANSWER, decisions.GUIDE)
        shown = tuple(f"/{name}" for name in names)
        return [path for path in self.check["evidence"] if not path.endswith(shown)]

    def again(self) -> Item:
        """The same, as it is now. Raises GraderError if there is nothing to judge any more."""
        now = (one for one in items_of(self.reports, self.submission) if one.id == self.id)
        found = next(now, None)
        if found is None:
            raise GraderError(f"{self.id} of this student was graded again: no more to judge")
        return found

    def decide(self, points: float, *, comment: str, reviewer: str) -> None:
        """Store points. Raises Overtaken if another reviewer was faster."""
        decisions.decide(
            self.reports,
            self.submission,
            self.id,
            points,
            comment=comment,
            reviewer=reviewer,
            seen=self.seen,
        )

    def undo(self, reviewer: str) -> None:
        """Take back what was decided last. Raises Overtaken if another reviewer was faster."""
        decisions.undo(self.reports, self.submission, self.id, reviewer=reviewer, seen=self.seen)


@dataclass(frozen=True)
class Class:
    """The answers in a folder of reports, and what of it cannot be read."""

    items: tuple[Item, ...]
    faults: tuple[GraderError, ...]


def look(reports: Path, only: str = "") -> Class:
    """All answers below `reports` that are or were for a person; `only`: of a task or check.

    Raises BadInput if there is no report at all.
    """
    items: list[Item] = []
    faults: list[GraderError] = []
    for name in names_of(reports):
        try:
            items += items_of(reports, name)
        except GraderError as fault:
            faults.append(fault)
    chosen = [one for one in items if not only or one.id == only or one.id.startswith(f"{only}.")]
    return Class(tuple(_by_question(chosen)), tuple(faults))


def names_of(reports: Path) -> list[str]:
    """The submissions with a report below `reports`. Raises BadInput if there is none at all."""
    names = sorted(_names(reports))
    if not names:
        raise BadInput(
            f"{reports}: expected reports, found none",
            remedy="grade first, or name the folder that --report-dir named",
        )
    return names


def _names(reports: Path, folder: Path | None = None) -> Iterator[str]:
    """The submissions with a report; what lies below a report's folder is evidence."""
    try:
        inner = [path for path in (folder or reports).iterdir() if path.is_dir()]
    except OSError:
        return
    for path in inner:
        if (path / REPORT).exists():
            yield path.relative_to(reports).as_posix()
        elif not path.is_symlink():
            yield from _names(reports, path)


def items_of(reports: Path, name: str) -> list[Item]:
    """One submission's answers; its report is first made to follow what was decided."""
    folder = reports / name
    report, record = decisions.current(reports, name)
    found = []
    for task in report["tasks"]:
        for check in task["checks"]:
            before = decisions.undecided(check, record)
            if before["verdict"] == Verdict.REVIEW:
                decision = record.standing(check["id"])
                state = State.STALE if decision else State.OPEN
                if check["verdict"] != Verdict.REVIEW:
                    state = State.DECIDED
                title = f"{task['id']} {task['title']}"
                digest = decisions.answer_digest(folder, before)
                seen = Seen(record.count(check["id"]), digest)
                found.append(Item(reports, name, title, check, state, decision, seen))
    return found


def _by_question(items: Iterable[Item]) -> list[Item]:
    found = list(items)
    order = {id_: place for place, id_ in enumerate(dict.fromkeys(one.id for one in found))}
    return sorted(found, key=lambda one: (one.id.partition(".")[0], order[one.id]))


def shuffled(items: Iterable[Item], seed: int) -> list[Item]:
    """Question by question as before, the students of each in an order drawn from `seed`."""
    found = list(items)
    for place, id_ in enumerate(dict.fromkeys(one.id for one in found)):
        mine = [spot for spot, one in enumerate(found) if one.id == id_]
        drawn = [found[spot] for spot in mine]
        Random(f"{seed}/{place}").shuffle(drawn)  # noqa: S311 repeatable, not secret
        for spot, one in zip(mine, drawn, strict=True):
            found[spot] = one
    return found


def pseudonyms(submissions: Iterable[str], seed: int) -> dict[str, str]:
    """A name for each submission that does not tell it, and stays while the seed does."""
    names: dict[str, str] = {}
    for one in sorted(set(submissions)):
        digest = hashlib.sha256(f"{seed}/{one}".encode()).hexdigest()
        length = DIGITS
        while f"student {digest[:length]}" in names.values():
            length += 1
        names[one] = f"student {digest[:length]}"
    return names
