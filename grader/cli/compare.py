"""`grader compare`: what a regrade changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from grader import compare as compared
from grader.cli.app import app, manual, out, plain

SOME = 1


@app.command(
    epilog=manual(
        "grader compare ~/reports ~/reports-after-the-fix",
        exits="0 nothing changed, 1 something did, 2 bad usage, 3 a report cannot be read",
    )
)
def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A folder of reports.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A folder of later ones.")],
) -> None:
    """Show what a regrade changed: verdicts and points, check by check."""
    found = compared.compare(old, new)
    for name, (before, after) in found.scores.items():
        mine = [one for one in found.changes if one.submission == name]
        if before is None or after is None:
            gone = "only in OLD" if after is None else "only in NEW"
            _say(f"{name}: {gone}, {before if after is None else after:g} points")
        elif mine:
            _say(f"{name}: {before:g} → {after:g}")
        for one in mine:
            _say(f"  {one.check:<24} {_told(one.before)} → {_told(one.after)}")
    changed = len({one.submission for one in found.changes})
    checks = _count(len(found.changes), "check")
    _say(f"{checks} changed, in {changed} of {_count(len(found.scores), 'submission')}")
    if not found.same:
        raise typer.Exit(SOME)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say(line: str) -> None:
    out.print(plain(line, out), markup=False)


def _told(check: dict[str, Any] | None) -> str:
    return "none" if check is None else f"{check['verdict']} {check['points']:g}"
