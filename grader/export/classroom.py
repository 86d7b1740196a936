"""The reporter of GitHub Classroom as it was: `result=` for $GITHUB_OUTPUT, JSON in base64.

The reporter adds up the tests' `score`, and prints names and messages into the log as they are.
With a `max_score` of 0 it reports no points, which is the only way to say that there are none.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.export.wording import commandless, cut, fitting, one_line, reason, why_open

if TYPE_CHECKING:
    from grader.export.graded import Given, Graded, Plain

# Bytes. The reporter gets it in an environment variable: Linux takes 128 KiB in one.
LIMIT = 120_000


def write(graded: Graded, _given: Given) -> str:
    """One line, to be appended to the file that $GITHUB_OUTPUT names."""
    return fitting(lambda most: f"result={_encoded(_document(graded, most))}\n", LIMIT)


def _encoded(document: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def _document(graded: Graded, most: int) -> dict[str, Any]:
    if graded.grade is None:
        said = commandless(why_open(graded))
        tests = [_test("no grade yet", "error", 0, said)]
        return {"version": 3, "status": "error", "max_score": 0, "tests": tests}
    passed = all(one["verdict"] == Verdict.PASSED for one in graded.checks)
    return {
        "version": 3,
        "status": "pass" if passed else "fail",
        "max_score": graded.max_score,
        "tests": [_of(check, most) for check in graded.checks],
    }


def _of(check: Plain, most: int) -> dict[str, Any]:
    status = "pass" if check["verdict"] == Verdict.PASSED else "fail"
    name = commandless(one_line(f"{check['id']} {check['title']}"))
    said = commandless(cut(reason(check), most))
    return _test(name, status, check["points"], said) | {"duration": check["duration_s"]}


def _test(name: str, status: str, score: float, message: str) -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "score": score,
        "message": message,
        "test_code": "",
        "filename": "",
        "line_no": 0,
        "duration": 0,
        "output": "",
    }
