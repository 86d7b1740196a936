"""GitHub Actions: annotations of a step, and the job's summary.

A lost check is an error, one that we could not grade a warning, one for a person a notice.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from grader.check import Verdict
from grader.export.graded import Written
from grader.export.wording import (
    commandless,
    markdown,
    number,
    one_line,
    points,
    reason,
    total,
    why_open,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.export.graded import Given, Graded, Plain

MOST = 10  # annotations of each level that a step may have
LIMIT = 1024 * 1024  # bytes of a step's summary: https://docs.github.com/actions, job summaries
LEFT_OUT = "\nThe rest is left out: GitHub shows 1024 KiB. The reports have all of it.\n"


def annotate(reports: Sequence[Graded], given: Given) -> Written:
    """Commands that the runner makes annotations of, and one line that it prints as it is."""
    levels: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for graded in reports:
        for check in graded.checks:
            if level := _level(Verdict(check["verdict"])):
                levels[level].append(_annotation(level, graded, check, given))
    lines = [commandless(f"{one_line(one.id)}: {_total(one)}") for one in reports]
    for level, found in levels.items():
        lines += found if len(found) <= MOST else [*found[: MOST - 1], _more(level, found)]
    return Written("\n".join(lines) + "\n")


def _level(verdict: Verdict) -> str:
    if verdict.ours:
        return "warning"
    if verdict is Verdict.REVIEW:
        return "notice"
    # A skipped check lost its points by another, which is shown.
    return "error" if verdict.lost and verdict is not Verdict.SKIPPED else ""


def _annotation(level: str, graded: Graded, check: Plain, given: Given) -> str:
    ours = Verdict(check["verdict"]).ours
    said = "could not grade" if ours else str(check["verdict"])
    title = one_line(f"{graded.id} {check['id']}: {said}: {check['title']}")
    file = _file(check, given)
    where = f"file={_property(file)},line=1," if file else ""
    return f"::{level} {where}title={_property(title)}::{_data(reason(check) or said)}"


def _more(level: str, found: list[str]) -> str:
    left = len(found) - MOST + 1
    return f"::{level} title=and {left} more::GitHub shows {MOST}; the summary has all"


def _file(check: Plain, given: Given) -> str:
    """The student's file that a check is about: the grader keeps it first among the evidence."""
    if not given.source or not check["evidence"]:
        return ""
    name = one_line(check["evidence"][0].rpartition("/")[2])
    return name if given.source == "." else f"{given.source.rstrip('/')}/{name}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _total(graded: Graded) -> str:
    return f"{total(graded)}{f'; {why_open(graded)}' if graded.open else ''}"


def summary(reports: Sequence[Graded], _given: Given) -> Written:
    """The job's summary: points by task, and each lost point's reason, folded."""
    text, size = [], len(LEFT_OUT.encode())
    for part in _parts(reports):
        size += len(part.encode())
        if size > LIMIT:
            text.append(LEFT_OUT)
            break
        text.append(part)
    return Written("".join(text))


def _parts(reports: Sequence[Graded]) -> Iterator[str]:
    """The summary in pieces, each whole by itself: it may end after any."""
    for graded in reports:
        yield f"## {markdown(graded.id)}: {total(graded)}\n\n"
        if graded.open:
            yield f"**No grade yet**: {markdown(why_open(graded))}\n\n"
        yield "| task | | points |\n|---|---|---|\n"
        for task in graded.tasks:
            yield (
                f"| {markdown(task['id'])} | {markdown(task['title'])} "
                f"| {points(task, task['checks'])} |\n"
            )
        yield "\n"
        for check in graded.checks:
            if check["verdict"] != Verdict.PASSED:
                yield _details(check)


def _details(check: Plain) -> str:
    verdict = Verdict(check["verdict"])
    missing = check["max_points"] - check["points"]
    lost = f" −{number(missing)}" if verdict.lost and missing else ""  # noqa: RUF001 a minus
    title = html.escape(one_line(f"{check['id']} {check['title']}"))
    # Inside of <pre> nothing is Markdown; an empty line would end other HTML, but not this.
    body = html.escape(reason(check))
    return f"<details><summary>{verdict}{lost} {title}</summary><pre>{body}</pre></details>\n\n"
