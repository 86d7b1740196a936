"""`grader clean`: what dead runs have left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grader import leftovers
from grader.cli.app import COULD_NOT, app, err, manual, out, plain
from grader.errors import BadInput, GraderError


@app.command(
    epilog=manual(
        "grader clean --dry-run",
        "grader clean ~/reports",
        exits="0 what is dead is gone, 2 bad usage, 3 something cannot be removed",
        files="it looks through ~/.cache/netlab-grader and ~/.local/state/netlab-grader (or below "
        "$XDG_CACHE_HOME and $XDG_STATE_HOME)",
    )
)
def clean(
    reports: Annotated[
        Path | None, typer.Argument(metavar="REPORTS", help="Look through these reports, too.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove what dead runs have left: things half made, checks of folders that are gone.

    Images, templates and reports that are whole stay: see `grader image prune`.
    """
    if reports is not None and not reports.is_dir():
        raise BadInput(f"{reports}: expected a folder of reports, found none")
    failed = False
    with leftovers.found(reports) as (left, alone):
        for one in left:
            try:
                if not dry_run:
                    one.remove()
            except GraderError as error:
                failed = True
                err.print(f"[red]{escape(error.what)}[/red]\nremedy: {escape(error.remedy)}")
                continue
            did = "would remove" if dry_run else "removed"
            out.print(plain(f"{did} {one.path}: {one.what}", out), markup=False)
    for what in alone:
        out.print(f"left alone: {what}")
    if not left:
        out.print("nothing to remove")
    if failed:
        raise typer.Exit(COULD_NOT)
