"""Gradescope: results.json. Without any score the autograder has failed: nobody is given a 0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.export.wording import feedback, one_line, reason, total

if TYPE_CHECKING:
    from grader.export.graded import Given, Graded, Plain


def write(graded: Graded, _given: Given) -> str:
    """The document."""
    no_grade = graded.grade is None
    document: dict[str, Any] = {
        "execution_time": graded.report["duration_s"],
        "output": feedback(graded) if no_grade else total(graded),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(check, scored=not no_grade) for check in graded.checks],
        "extra_data": {
            "lab": graded.report["lab"],
            "seed": graded.report["seed"],
            "sha256": graded.report["submission"]["sha256"],
            "complete": graded.report["complete"],
        },
    }
    if not no_grade:
        document = {"score": graded.score} | document
    return json.dumps(document, indent=1) + "\n"


def _test(check: Plain, *, scored: bool) -> dict[str, Any]:
    """A check. Unless `scored` it has no points: Gradescope adds up those that there are."""
    verdict = Verdict(check["verdict"])
    test: dict[str, Any] = {
        "number": check["id"],
        "name": one_line(check["title"]),
        "output": "" if verdict is Verdict.PASSED else f"{verdict}: {reason(check)}",
        "output_format": "text",
        "visibility": "visible",
        "tags": [check["id"].partition(".")[0]],
        "extra_data": {"verdict": str(verdict), "sandbox": check["sandbox"]},
    }
    if not verdict.open:
        test["status"] = "passed" if verdict is Verdict.PASSED else "failed"
    if scored:
        test |= {"score": check["points"], "max_score": check["max_points"]}
    return test
