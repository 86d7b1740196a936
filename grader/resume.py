"""What a report was made of, kept beside it: who has not changed since need not be graded again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from grader import __version__
from grader.check import Verdict
from grader.decisions import checks_in, read_report
from grader.document import Strict
from grader.errors import GraderError
from grader.report import write

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from grader.submission import Submission

NAME = "run.json"
SCHEMA: Literal["netlab-run/1"] = "netlab-run/1"
ENGINE = Path(__file__).resolve().parent
# The image has an identity of its own.
LEFT_OUT = {"image", "__pycache__", "submissions"}


class Made(Strict):
    """Of what a report was made, besides the submission's files; `started` says which report."""

    schema_: Literal["netlab-run/1"] = Field(default=SCHEMA, alias="schema")
    started: str
    inputs: str


def inputs(lab: Path, fixtures: Path, *options: str) -> str:
    """SHA-256 of all that grades: the lab, its fixtures, the engine, and the run's options."""
    total = hashlib.sha256(repr((__version__, options)).encode())
    for folder in (lab, fixtures, ENGINE):
        for path in _sources(folder):
            data = path.read_bytes()
            total.update(f"{path.relative_to(folder)}\0{len(data)}\0".encode() + data)
    return total.hexdigest()


def _sources(folder: Path) -> Iterable[Path]:
    found = (path for kind in ("*.py", "*.yaml") for path in folder.rglob(kind))
    return sorted(p for p in found if not LEFT_OUT & set(p.relative_to(folder).parts[:-1]))


def note(folder: Path, report: dict[str, Any], made_of: str) -> None:
    """Write beside the report in `folder` what it was made of."""
    made = Made(started=report["started"], inputs=made_of)
    write(made.model_dump(by_alias=True, mode="json"), folder / NAME)


def stands(
    folder: Path,
    submission: Submission,
    files: Collection[str],
    *,
    made_of: str,
    checks: Collection[str],
    seed: int | None,
) -> bool:
    """Whether the report in `folder` is what grading `checks` again would give.

    It is if its submission's files, what it was made of and the seed, if one is asked for, are the
    same, and nothing in it is a fault of ours. What waits for a person's decision may wait.
    """
    try:
        report = read_report(folder)
        made = Made.model_validate_json((folder / NAME).read_bytes())
    except (GraderError, OSError, ValidationError):
        return False
    verdicts = {one["id"]: Verdict(one["verdict"]) for one in checks_in(report)}
    return (
        made.inputs == made_of
        and made.started == report["started"]
        and seed in {None, report["seed"]}
        and verdicts.keys() == set(checks)
        and not any(verdict.ours for verdict in verdicts.values())
        and report["submission"]["sha256"] == submission.digest(files)
    )
