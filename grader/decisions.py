"""What people decided on checks that only a person can judge: kept beside the report.

`reviews.json` is a list that only grows: decisions, and marks that take the last one back. The
report follows it, and can be made from it again at any time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from grader.check import Verdict
from grader.document import Strict
from grader.errors import BadInput, GraderError
from grader.lock import alone
from grader.report import Result, sum_up, write

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "reviews.json"
REPORT = "report.json"
SCHEMA: Literal["netlab-reviews/1"] = "netlab-reviews/1"
# What a check that raises NeedsReview hands over, by the files' names.
QUESTION, ANSWER, GUIDE = "question.txt", "answer.txt", "guide.md"
FOLLOWS = ("verdict", "points", "message", "hint")

Plain = dict[str, Any]


class Was(Strict):
    """What the report said before a person decided."""

    message: str
    hint: str


class Decision(Strict):
    """What a person gave for an answer, and the answer that it was given for."""

    kind: Literal["decided"] = "decided"
    check: str
    points: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    max_points: float
    comment: str
    reviewer: str
    time: str
    answer_sha256: str
    was: Was

    @property
    def said(self) -> str:
        """Who decided what and when."""
        what = f"{self.reviewer} gave {self.points:g} of {self.max_points:g} points"
        when = f"{self.time[:10]} {self.time[11:16]} UTC"
        return f"{what}, {when}" + (f": {self.comment}" if self.comment else "")

    @property
    def follows(self) -> Plain:
        """What becomes of the report's check."""
        full = self.points >= self.max_points
        verdict = str(Verdict.PASSED if full else Verdict.FAILED)
        return dict(zip(FOLLOWS, (verdict, self.points, self.said, ""), strict=True))

    @property
    def followed(self) -> Plain:
        """What stood there before."""
        before = (str(Verdict.REVIEW), 0.0, self.was.message, self.was.hint)
        return dict(zip(FOLLOWS, before, strict=True))

    def holds_for(self, folder: Path, check: Plain) -> bool:
        """Whether the answer in a report's check, and what it is worth, are still the same."""
        same = self.answer_sha256 == answer_digest(folder, check)
        return same and self.max_points == check["max_points"]


class Undone(Strict):
    """A person took the last decision on a check back."""

    kind: Literal["undone"] = "undone"
    check: str
    reviewer: str
    time: str


Entry = Annotated[Decision | Undone, Field(discriminator="kind")]


class Record(Strict):
    """All that people decided on one submission, in order."""

    schema_: Literal["netlab-reviews/1"] = Field(default=SCHEMA, alias="schema")
    entries: tuple[Entry, ...] = ()

    def stack(self, check: str) -> list[Decision]:
        """The decisions on a check that were not taken back; the last one stands."""
        found: list[Decision] = []
        for entry in self.entries:
            if entry.check == check and isinstance(entry, Decision):
                found.append(entry)
            elif entry.check == check and found:
                found.pop()
        return found

    def standing(self, check: str) -> Decision | None:
        """The decision on a check that stands."""
        return next(reversed(self.stack(check)), None)

    def count(self, check: str) -> int:
        """How often anything was decided or undone there."""
        return sum(entry.check == check for entry in self.entries)


@dataclass(frozen=True)
class Seen:
    """What a reviewer had before the eyes: the answer, and how often anything was decided on it."""

    entries: int
    answer_sha256: str


class Overtaken(GraderError):
    """Another reviewer was faster."""


def read(folder: Path) -> Record:
    """The decisions beside the report in `folder`. Raises GraderError if they cannot be read."""
    path = folder / NAME
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Record()
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        found = f"{path}: expected decisions, found: {f'{place}: ' if place else ''}{fault['msg']}"
    except OSError as error:
        found = f"{path}: cannot be read: {error.strerror}"
    raise GraderError(
        found, remedy="nothing was changed: mend the file, or move it away to decide anew"
    )


def read_report(folder: Path) -> Plain:
    """The report in `folder`. Raises GraderError if it cannot be read."""
    path = folder / REPORT
    try:
        report: Plain = json.loads(path.read_bytes())
        for one in checks_in(report):
            Result(**one)
        sum_up(report)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GraderError(
            f"{path}: expected a report, found {error!r}", remedy="grade again"
        ) from None
    return report


def checks_in(report: Plain) -> list[Plain]:
    """All checks of a report."""
    return [one for task in report["tasks"] for one in task["checks"]]


def text_of(folder: Path, check: Plain, name: str) -> str | None:
    """The text of a check's evidence of that name; None if there is none.

    Raises GraderError if it should be there and is not: without it nothing can be said of it.
    """
    path = next((one for one in check["evidence"] if one.endswith(f"/{name}")), None)
    try:
        return (folder / path).read_text(encoding="utf-8", errors="replace") if path else None
    except OSError as error:
        what = f"{folder / str(path)}: cannot be read: {error.strerror}"
        raise GraderError(
            what, remedy="put the evidence back beside the report, or grade again"
        ) from error


def answer_digest(folder: Path, check: Plain) -> str:
    """SHA-256 of what a person is shown: the answer or, without one, the check's message."""
    answer = text_of(folder, check, ANSWER)
    shown = check["message"] if answer is None else answer
    return hashlib.sha256(shown.encode(errors="surrogatepass")).hexdigest()


# --- the report follows -----------------------------------------------------------------------


def undecided(check: Plain, record: Record) -> Plain:
    """A report's check as it was before any decision."""
    for entry in reversed(record.entries):
        if isinstance(entry, Decision) and entry.check == check["id"]:
            mine = {name: check[name] for name in FOLLOWS}
            if mine == entry.follows:
                return check | entry.followed
    return check


def decided(check: Plain, record: Record, folder: Path) -> Plain:
    """A report's check as the decisions have it."""
    before = undecided(check, record)
    decision = record.standing(check["id"])
    if before["verdict"] != Verdict.REVIEW or decision is None:
        return before
    return before | decision.follows if decision.holds_for(folder, before) else before


def settle(results: list[Result], folder: Path) -> list[Result]:
    """Fresh results of a run as the decisions have them that still hold.

    Decisions that cannot be read decide nothing, and the results say so.
    """
    if not any(one.verdict is Verdict.REVIEW for one in results):
        return results
    try:
        record = read(folder)
        return [_settled(one, record, folder) for one in results]
    except GraderError as error:
        return [_told(one, error.what) for one in results]


def _told(result: Result, what: str) -> Result:
    if result.verdict is not Verdict.REVIEW:
        return result
    return replace(result, hint=f"{result.hint}\n{what}".strip())


def _settled(result: Result, record: Record, folder: Path) -> Result:
    plain = asdict(result) | {"evidence": list(result.evidence), "verdict": str(result.verdict)}
    plain = decided(plain, record, folder)
    return replace(
        result, **{name: plain[name] for name in FOLLOWS} | {"verdict": Verdict(plain["verdict"])}
    )


def held(reports: Path) -> AbstractContextManager[None]:
    """Hold a folder of reports, in which nobody then grades or decides; any of its writers may."""
    return alone(reports, mode=0o666)


@contextmanager
def _writing(reports: Path) -> Iterator[None]:
    try:
        with held(reports):
            yield
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        path, why = getattr(error, "filename", None), getattr(error, "strerror", None)
        what = f"{path or reports}: cannot be written: {why or error}"
        raise GraderError(what, remedy="make room there, or get the right to write") from error


def current(reports: Path, name: str) -> tuple[Plain, Record]:
    """A submission's report, made to follow what was decided, and the decisions."""
    with _writing(reports):
        record = read(reports / name)
        return follow(reports / name, record), record


def follow(folder: Path, record: Record) -> Plain:
    """Make the report in `folder` say what was decided; returns it."""
    report = read_report(folder)
    tasks = [
        task | {"checks": [decided(one, record, folder) for one in task["checks"]]}
        for task in report["tasks"]
    ]
    new = sum_up(report | {"tasks": tasks})
    if new != report:
        write(new, folder / REPORT)
    return new


# --- deciding ---------------------------------------------------------------------------------


def decide(
    reports: Path, name: str, check: str, points: float, *, comment: str, reviewer: str, seen: Seen
) -> None:
    """Store what `reviewer` gives for an answer as it was when it was shown.

    Raises Overtaken if it is another now or another reviewer was faster, BadInput for points out
    of range.
    """
    folder = reports / name
    with _writing(reports):
        record = _untouched(folder, check, seen)
        found = undecided(_check_in(read_report(folder), check), record)
        if not 0 <= points <= found["max_points"]:
            raise BadInput(
                f"{check}: expected 0 to {found['max_points']:g} points, found {points:g}"
            )
        if found["verdict"] != Verdict.REVIEW:
            raise BadInput(f"{name}: {check} is {found['verdict']}: there is nothing to review")
        if answer_digest(folder, found) != seen.answer_sha256:
            raise Overtaken(
                "not stored, since the answer was graded again meanwhile, and is another"
            )
        decision = Decision(
            check=check,
            points=points,
            max_points=found["max_points"],
            comment=comment,
            reviewer=reviewer,
            time=_now(),
            answer_sha256=seen.answer_sha256,
            was=Was(message=found["message"], hint=found["hint"]),
        )
        _append(folder, record, decision)


def undo(reports: Path, name: str, check: str, *, reviewer: str, seen: Seen) -> None:
    """Take the decision on a check back that stands: the one before it, if any, stands again."""
    folder = reports / name
    with _writing(reports):
        record = _untouched(folder, check, seen)
        if record.standing(check) is None:
            raise BadInput(f"{name}: nothing was decided on {check}")
        _append(folder, record, Undone(check=check, reviewer=reviewer, time=_now()))


def _untouched(folder: Path, check: str, seen: Seen) -> Record:
    record = read(folder)
    if record.count(check) != seen.entries:
        standing = record.standing(check)
        found = standing.said if standing else "another reviewer took the decision back"
        raise Overtaken(f"not stored, since meanwhile: {found}")
    return record


def _check_in(report: Plain, id_: str) -> Plain:
    found = next((one for one in checks_in(report) if one["id"] == id_), None)
    if found is None:
        raise BadInput(f"{report['submission']['id']}: its report has no check {id_}")
    return found


def _append(folder: Path, record: Record, entry: Decision | Undone) -> None:
    """Write the decision first: a report that lags behind is made to follow by the next look."""
    longer = record.model_copy(update={"entries": (*record.entries, entry)})
    write(longer.model_dump(by_alias=True, mode="json"), folder / NAME)
    follow(folder, longer)


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
