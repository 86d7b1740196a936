"""VMchecker-next: what its job prints, from which the Moodle plugin takes grade and feedback.

It looks between two markers for `Total: N`, a whole number, and takes 0 if it finds none, unless
the job failed: so there is no text without a grade, and none but ours may hold a marker or a total.
The feedback is the first 300 lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.export.graded import NoGrade
from grader.export.units import exact, units
from grader.export.wording import feedback, number, why_open

if TYPE_CHECKING:
    from grader.export.graded import Given, Graded

BEGIN, END = "<VMCK_NEXT_BEGIN>", "<VMCK_NEXT_END>"
LINES = 300
MARKS = re.compile(r"<(?=VMCK_NEXT_)|(?<=Total)(?=:)", re.IGNORECASE)


def write(graded: Graded, given: Given) -> str:
    """The text. Raises NoGrade: then the job must fail, or it would be a 0."""
    if graded.grade is None:
        raise NoGrade(
            f"{graded.id}: no total: {why_open(graded)}",
            remedy="let the job fail with this exit code: a job that passes without a total is a 0",
        )
    scale = given.scale or 1
    lines = MARKS.sub(lambda found: f"{found[0]}\\", feedback(graded)).splitlines()
    total = f"Total: {units(graded.score, scale)}"
    if not exact(graded.score, scale):
        total += f" (rounded from {number(graded.score * scale)})"
    if len(lines) > LINES - 2:
        lines = [*lines[: LINES - 3], "…"]
    return "\n".join([BEGIN, total, *lines, END]) + "\n"
