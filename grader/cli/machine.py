"""`grader doctor` and `grader shell`: what this machine can do, and a look around in a world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grader import doctor as doctors
from grader import shell as shells
from grader.cli.app import COULD_NOT, LAB, Lab, app, err, manual, out, progress


@app.command(
    epilog=manual(
        "grader doctor",
        "grader doctor --json",
        exits="0 all can be graded here, 3 something cannot",
        environment="DOCKER_HOST names the Docker engine",
    )
)
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="The same as data.")] = False
) -> None:
    """Say what this machine can grade, and the remedy where it can't."""
    with progress("looking around") as show:
        health = doctors.examine(progress=show)
    if as_json:
        out.print_json(json.dumps(health.as_data()))
    else:
        _show(health)
    if not health.whole:
        raise typer.Exit(COULD_NOT)


def _show(health: doctors.Health) -> None:
    lacking = "yellow" if health.whole else "red"  # what another sandbox makes up for
    for finding in health.findings:
        mark = "[green]ok[/green]" if finding.ok else f"[{lacking}]no[/{lacking}]"
        out.print(f"{mark}  {finding.what}: {escape(finding.found)}")
        if finding.remedy:
            out.print(f"    remedy: {escape(finding.remedy)}")
    out.print("What a check may require, and the sandboxes that show it here:")
    for what, kinds in health.offers.items():
        out.print(f"    {what}: {', '.join(kinds) if kinds else '[red]none[/red]'}")


@app.command(
    epilog=manual(
        "grader shell ~/lab06",
        "grader shell ~/lab06 --like reports/alice/01b.only_root",
        "grader shell --sandbox netns",
        exits="the shell's own; 2 bad usage, 3 no world can be made",
        environment="TERM and COLORTERM are the shell's, too, and nothing else",
    )
)
def shell(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A submission, whose files are in /work.")
    ] = None,
    *,
    sandbox: Annotated[
        str, typer.Option(metavar="KIND", help="vm, netns, docker, or auto: vm if it can be had.")
    ] = "auto",
    like: Annotated[
        Path | None,
        typer.Option(metavar="EVIDENCE", help="The world of a check, by its folder of evidence."),
    ] = None,
    lab: Lab = LAB,
) -> None:
    """Work on the student's host of a fresh world, in a shell."""
    drawn = shells.Drawn.kept(like, lab) if like else None
    raise typer.Exit(shells.run(folder, sandbox, lambda line: err.print(escape(line)), drawn))
