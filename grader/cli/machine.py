"""`grader doctor` and `grader shell`: what this machine can do, and a look around in a world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grader import doctor as doctors
from grader import shell as shells
from grader.cli.app import COULD_NOT, LAB, app, err, out, progress


@app.command()
def doctor() -> None:
    """Say what this machine can grade, and the remedy where it can't."""
    with progress("looking around") as show:
        findings = doctors.examine(progress=show)
    for finding in findings:
        mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
        out.print(f"{mark}  {finding.what}: {escape(finding.found)}")
        if finding.remedy:
            out.print(f"    remedy: {escape(finding.remedy)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(COULD_NOT)


@app.command()
def shell(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A submission, whose files are in /work.")
    ] = None,
    *,
    sandbox: Annotated[
        str, typer.Option(metavar="KIND", help="vm, netns, or auto: vm if it can be had.")
    ] = "auto",
    like: Annotated[
        Path | None,
        typer.Option(metavar="EVIDENCE", help="The world of a check, by its folder of evidence."),
    ] = None,
    lab: Annotated[Path, typer.Option(help="The folder of the lab.", show_default=False)] = LAB,
) -> None:
    """Work on the student's host of a fresh world, in a shell."""
    drawn = shells.Drawn.kept(like, lab) if like else None
    raise typer.Exit(shells.run(folder, sandbox, lambda line: err.print(escape(line)), drawn))
