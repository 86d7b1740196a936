"""PrairieLearn: results.json. `gradable: false` costs the student no attempt and no points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.export.wording import cut, fitting, one_line, reason, total, why_open

if TYPE_CHECKING:
    from grader.export.graded import Given, Graded, Plain

LIMIT = 1_000_000  # bytes of the file


def write(graded: Graded, _given: Given) -> str:
    """The document, with shorter messages if it were longer than what is taken."""
    return fitting(lambda most: json.dumps(_document(graded, most), indent=1) + "\n", LIMIT)


def _document(graded: Graded, most: int) -> dict[str, Any]:
    if graded.grade is None or not graded.max_score:
        said = why_open(graded) or "nothing that was graded has points"
        return {"gradable": False, "message": said, "format_errors": [said]}
    return {
        "gradable": True,
        "score": graded.score / graded.max_score,
        "message": total(graded),
        "output": "",
        "images": [],
        "tests": [_test(check, most) for check in graded.checks],
    }


def _test(check: Plain, most: int) -> dict[str, Any]:
    return {
        "name": check["id"],
        "description": one_line(check["title"]),
        "points": check["points"],
        "max_points": check["max_points"],
        "message": "" if check["verdict"] == Verdict.PASSED else check["verdict"],
        "output": cut(reason(check), most),
        "images": [],
    }
