"""Classroom 50: result.json, version 1, as its runner and its collector check it.

Points are whole numbers there: units, 100 to a point unless another scale is given. The total is
rounded to the next unit, half up, and the checks' units add up to it. Each test has its points as
they are, too (`points`, `max-points`): extra keys of tests are kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.errors import BadInput
from grader.export.graded import NoGrade
from grader.export.units import apportion, units
from grader.export.wording import one_line, why_open

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.export.graded import Given, Graded

SCALE = 100
NEEDED = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")


def write(graded: Graded, given: Given) -> str:
    """The document. Raises NoGrade: then there must be no result, and the job must fail."""
    if graded.grade is None:
        raise NoGrade(
            f"{graded.id}: no result.json: {why_open(graded)}",
            remedy="grade again, or grader review; --decided leaves out what a person must judge",
        )
    environ = given.environ
    missing = [name for name in NEEDED if not environ.get(name)]
    if missing:
        raise BadInput(
            f"expected {', '.join(NEEDED)} in the environment; not there: {', '.join(missing)}",
            remedy="they are set where Classroom 50 starts autograder.py: call it from there",
        )
    document: dict[str, Any] = {
        "schema": "classroom50/result/v1",
        "classroom": environ["CLASSROOM"],
        "assignment": environ["ASSIGNMENT"],
        # The runner writes its own over these two.
        "assignment_type": environ.get("ASSIGNMENT_TYPE") or "individual",
        "owner": _owner(environ) or one_line(graded.id),
        "submission": environ["SUBMISSION_TAG"],
        "commit": environ["COMMIT_URL"],
        "release": environ["RELEASE_URL"],
        "review": environ.get("REVIEW_URL") or environ["COMMIT_URL"],
        "datetime": graded.report["started"],
    }
    return json.dumps(document | _scores(graded, given.scale or SCALE), indent=1) + "\n"


def _owner(environ: Mapping[str, str]) -> str:
    """The student: the repository is CLASSROOM-ASSIGNMENT-NAME, else who pushed."""
    name = environ.get("GITHUB_REPOSITORY", "").rpartition("/")[2]
    prefix = f"{environ['CLASSROOM']}-{environ['ASSIGNMENT']}-"
    if name.lower().startswith(prefix.lower()) and len(name) > len(prefix):
        return name[len(prefix) :]
    return environ.get("USERNAME") or environ.get("GITHUB_ACTOR", "")


def _scores(graded: Graded, scale: int) -> dict[str, Any]:
    most = apportion([one["max_points"] for one in graded.checks], scale)
    won = apportion([one["points"] for one in graded.checks], scale, most=most)
    return {
        "score": units(graded.score, scale),
        "max-score": units(graded.max_score, scale),
        "tests": [
            {
                "test-name": one_line(f"{check['id']} {check['title']}"),
                "passed": check["verdict"] == Verdict.PASSED,
                "score": score,
                "max-score": worth,
                "points": check["points"],
                "max-points": check["max_points"],
            }
            for check, score, worth in zip(graded.checks, won, most, strict=True)
        ],
    }
