"""What exports say in words, safe wherever it is read: no command, no markup, no escape sequence.

Messages hold what submissions printed, and a submission's id is the name of somebody's folder.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from grader.export.graded import Graded

COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")  # noqa: RUF001 spreadsheets take the wide ones, too
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
LONGEST = 4000


def number(points: float) -> str:
    """Points as a person writes them: at most four decimals, a dot, no zeros behind."""
    return f"{points:.4f}".rstrip("0").rstrip(".")


def one_line(text: str) -> str:
    """`text` printable, in one line."""
    return " ".join(printable(text).split())


def commandless(text: str) -> str:
    """`text` printable, and without what the Actions runner takes for a command in a log.

    It obeys `::name::` at a line's beginning, and `##[name]` anywhere in a line.
    """
    return COMMAND.sub(r"\1\\::", printable(text)).replace("##[", "##\\[")


def no_formula(cell: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe first, as OWASP has it (CSV injection)."""
    return f"'{cell}" if cell != "-" and FORMULA.match(cell) else cell


def markdown(text: str) -> str:
    """`text` as Markdown shows it, letter by letter: a character's number makes no structure."""
    return PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", one_line(text))


def as_html(text: str) -> str:
    """Lines as HTML shows them."""
    return html.escape(printable(text)).replace("\n", "<br>")


def cut(text: str, most: int = LONGEST) -> str:
    """The beginning of `text`, and that it is no more than that."""
    return text if len(text) <= most else f"{text[: most - 2]} …"


def fitting(write: Callable[[int], str], limit: int) -> str:
    """What `write` makes of messages no longer than it is told: the longest below `limit` bytes."""
    for most in (LONGEST, 1000, 200, 40):
        text = write(most)
        if len(text.encode()) <= limit:
            break
    return text


def reason(check: dict[str, Any]) -> str:
    """Why a check is not passed, and where to read on."""
    hint = f"\nhint: {check['hint']}" if check["hint"] else ""
    return cut(printable(f"{check['message']}{hint}".strip()))


def points(part: Mapping[str, Any], checks: Iterable[Mapping[str, Any]]) -> str:
    """The points of a report or a task in words."""
    left = [one["max_points"] for one in checks if Verdict(one["verdict"]).open]
    undecided = f" ({number(sum(left))} undecided)" if left else ""
    return f"{number(part['score'])} / {number(part['max_score'])}{undecided}"


def total(graded: Graded) -> str:
    """The points of a submission in words."""
    return points(graded.report, graded.checks)


def why_open(graded: Graded) -> str:
    """In one line why there is no grade; empty if there is one."""
    ours = [f"{one['id']} ({one['verdict']})" for one in graded.ours]
    reviews = [one["id"] for one in graded.open if one["verdict"] == Verdict.REVIEW]
    said = []
    if ours:
        said.append(f"could not grade {', '.join(ours)}: no fault of the submission; grade again")
    if reviews:
        said.append(f"a person has yet to judge {', '.join(reviews)}")
    return "; ".join(said)


def feedback(graded: Graded) -> str:
    """Points by task and each lost point's reason, for a person."""
    lines = [total(graded)]
    if graded.open:
        lines.append(f"no grade yet: {why_open(graded)}")
    for task in graded.tasks:
        lines.append(f"{task['id']} {one_line(task['title'])}: {points(task, task['checks'])}")
        for check in task["checks"]:
            if check["verdict"] != Verdict.PASSED:
                missing = check["max_points"] - check["points"]
                lost = f" -{number(missing)}" if Verdict(check["verdict"]).lost and missing else ""
                lines.append(
                    f"  {check['verdict']}{lost} {check['id']}: {one_line(check['title'])}"
                )
                lines += [f"    {line}" for line in reason(check).splitlines()]
    return "\n".join(lines)
