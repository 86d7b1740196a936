"""`grader review`: what a person decides."""

from __future__ import annotations

import getpass
import importlib
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from grader import home
from grader import review as reviews
from grader.cli.app import COULD_NOT, app, err, manual, out
from grader.dialogue import Dialogue
from grader.errors import BadInput
from grader.summary import printable


@app.command(
    epilog=manual(
        "grader review ~/reports",
        "grader review ~/reports --anonymous --only 03b",
        "grader review ~/reports --list",
        exits="0 all that was given is stored, 2 bad usage, 3 a report cannot be read or written",
        files="points go to REPORTS/SUBMISSION/reviews.json, which is the only copy",
    )
)
def review(
    reports: Annotated[
        Path, typer.Argument(metavar="REPORTS", help="The folder of reports.")
    ] = Path("reports"),
    *,
    only: Annotated[str, typer.Option(metavar="ID", help="A task (03b) or a check's id.")] = "",
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Hide names, and shuffle the students.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws pseudonyms and order.")] = 0,
    everything: Annotated[
        bool, typer.Option("--all", help="Show what is decided, too, to change or undo it.")
    ] = False,
    reviewer: Annotated[str, typer.Option(help="Stored with the points; default: you.")] = "",
    list_only: Annotated[bool, typer.Option("--list", help="Only list the answers.")] = False,
) -> None:
    """Judge the answers that only a person can: all students' to one question, then the next.

    Type 2.5 or 2.5 A COMMENT to give points, f to give all, c A COMMENT to
    comment, s or Enter to skip, b to go back, u to undo, e 1 to see a file of
    the evidence, g to see the guide, q to stop.
    """
    found = reviews.look(reports, only)
    names = {one.submission: one.submission for one in found.items}
    items = list(found.items)
    if anonymous:
        names, items = reviews.pseudonyms(names, seed), reviews.shuffled(items, seed)
    for fault in found.faults:
        err.print(f"[red]left out: {escape(fault.what)}[/red]\nremedy: {escape(fault.remedy)}")
    if list_only or not items:
        for item in items:
            said = item.decision.said if item.decision and item.state == "decided" else item.state
            name = printable(names[item.submission])
            out.print(f"{item.id:<24} {name:<24} {printable(said)}", markup=False)
        if not items:
            out.print("nothing to review")
    elif not sys.stdin.isatty():
        what = "review is a conversation, and standard input is no terminal"
        command = f"{home.call('grader')} review --list"
        raise BadInput(what, remedy=f"start it in a terminal, or take: {command}")
    else:
        with suppress(ImportError):
            importlib.import_module("readline")  # lets what is typed be edited
        console = Console(highlight=False)
        Dialogue(items, names, _who(reviewer), console, input, everything=everything).run()
    if found.faults:
        raise typer.Exit(COULD_NOT)


def _who(reviewer: str) -> str:
    try:
        return printable(reviewer.strip() or getpass.getuser())
    except (KeyError, OSError):  # no name for this user's id
        raise BadInput("who is the reviewer?", remedy="name yourself: --reviewer NAME") from None
