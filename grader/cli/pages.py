"""`grader pages`: the reports to look at in a browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from grader import pages as sites
from grader.cli.app import app, err, manual, out


@app.command(
    epilog=manual(
        "grader pages --open",
        "grader pages ~/reports --anonymous",
        exits="0 they are made, 2 there are no reports, 3 they cannot be written",
        files="REPORTS/index.html and REPORTS/SUBMISSION/index.html are written, or with "
        "--anonymous REPORTS/anonymous-pages/",
        environment="BROWSER is what --open starts",
    )
)
def pages(
    reports: Annotated[
        Path, typer.Argument(metavar="REPORTS", help="The folder of reports.")
    ] = Path("reports"),
    *,
    open_: Annotated[bool, typer.Option("--open", help="Show them in a browser.")] = False,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Hide names, in a folder of pages of their own.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws the pseudonyms, as for review.")] = 0,
) -> None:
    """Make the reports' pages: the class, and a page for each student with the evidence."""
    index = sites.write(reports, anonymous=anonymous, seed=seed)
    out.print(str(index), markup=False)
    if open_ and not webbrowser.open(index.resolve().as_uri()):
        err.print("no browser was found: open the file yourself")
