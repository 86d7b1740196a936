"""`grader init`: the beginning of a submission."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grader import home, starter
from grader.cli.app import LAB, Lab, app, manual, out


@app.command(
    epilog=manual(
        "grader init ~/lab06",
        exits="0 all files are there, 2 bad usage, 3 one cannot be written",
    )
)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")],
    *,
    lab: Lab = LAB,
) -> None:
    """Begin a submission: write a commented template of each file that is not there yet."""
    for one in starter.begin(lab, folder):
        did = "[yellow]kept [/yellow]" if one.kept else "[green]wrote[/green]"
        out.print(f"{did}  {one.name:<18} {', '.join(one.tasks)}")
    command = f"{home.call('pytest')} {shlex.quote(str(folder))}"
    out.print(f"check what you have: {escape(command)}")
