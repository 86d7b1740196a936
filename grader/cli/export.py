"""`grader export`: reports in the forms that other systems read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from grader import export as exports
from grader import roster as rosters
from grader.cli.app import COULD_NOT, app, err, manual
from grader.errors import BadInput, GraderError
from grader.export import FORMATS, Given, collect
from grader.summary import printable

ABOUT = """Write reports in a form that another system reads.

One total, the same in all. While anything is undecided (ERROR, UNSUPPORTED or REVIEW) there is no \
grade, and never a 0: each format says so in its own way, and the exit code is 3.

Formats:

\b
"""
EPILOG = manual(
    "grader export csv reports -o class.csv",
    "grader export junit > junit.xml",
    "grader export gradescope reports/alice -o results.json",
    "grader export moodle-worksheet --worksheet Grades.csv --roster roster.csv -o filled.csv",
    exits="0 every submission has its grade, 2 bad usage, 3 a submission has none",
    environment="classroom50 reads CLASSROOM, ASSIGNMENT, SUBMISSION_TAG, COMMIT_URL, RELEASE_URL "
    "and, if they are there, ASSIGNMENT_TYPE, GITHUB_REPOSITORY and REVIEW_URL",
)


def _formats(beginning: str) -> list[tuple[str, str]]:
    return [(name, one.about) for name, one in FORMATS.items() if name.startswith(beginning)]


@app.command(
    help=ABOUT + "\n".join(f"{name:<17} {one.about}" for name, one in FORMATS.items()),
    epilog=EPILOG,
)
def export(
    format_: Annotated[
        str, typer.Argument(metavar="FORMAT", autocompletion=_formats, help="See above.")
    ],
    reports: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="REPORTS",
            help="Folders of reports, or of one submission's report; default: reports.",
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: standard output."),
    ] = None,
    decided: Annotated[
        bool,
        typer.Option(
            "--decided",
            help="Leave out what a person has yet to judge, in points and in possible points.",
        ),
    ] = False,
    roster: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="moodle-*: whose a submission is, as for grader grade."),
    ] = None,
    worksheet: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="moodle-worksheet: the one to fill, as downloaded."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=HEADER",
            help="moodle-worksheet: where the identifier, grade, maximum or feedback stands, "
            "if it cannot be told.",
        ),
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="classroom50, vmchecker: whole units a point; default 100 and 1.",
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            metavar="DIR", help="github: the submission's folder in the repository, for file names."
        ),
    ] = "",
) -> None:
    """See ABOUT, which has the formats."""
    found = collect.reports(reports or [Path("reports")])
    if decided:
        found = [one.without_reviews() for one in found]
    given = Given(
        environ=os.environ,
        scale=scale,
        roster=rosters.read(roster) if roster else {},
        worksheet=_read(worksheet) if worksheet else None,
        columns=dict(_pair(one) for one in column or ()),
        source=source,
    )
    written = exports.make(format_, found, given)
    _write(written.text, output)
    for note in written.notes:
        err.print(escape(printable(note)))
    if any(one.grade is None for one in found):
        raise typer.Exit(COULD_NOT)


def _pair(text: str) -> tuple[str, str]:
    what, separator, header = text.partition("=")
    if not separator:
        raise BadInput(f"--column: expected WHAT=HEADER, found {text!r}")
    return what, header


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error


def _write(text: str, path: Path | None) -> None:
    """Write the export as it is: UTF-8, and no line end but its own."""
    data = text.encode(errors="backslashreplace")
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise GraderError(f"{path}: cannot be written: {error.strerror}") from error
