"""`grader init`: the beginning of a submission."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grader import home, starter
from grader.cli.app import LAB, app, out


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")],
    *,
    lab: Annotated[Path, typer.Option(help="The folder of the lab.", show_default=False)] = LAB,
) -> None:
    """Begin a submission: write a commented template of each file that is not there yet."""
    for one in starter.begin(lab, folder):
        did = "[yellow]kept [/yellow]" if one.kept else "[green]wrote[/green]"
        out.print(f"{did}  {one.name:<18} {', '.join(one.tasks)}")
    command = f"{home.call('pytest')} {shlex.quote(str(folder))}"
    out.print(f"check what you have: {escape(command)}")
