"""The command `grader`: thin, and the only module that prints for people."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from grader import doctor as doctors
from grader import image as images
from grader.errors import BadInput, GraderError

BAD_USAGE = 2
COULD_NOT = 3

app = typer.Typer(
    help="Grade network labs by what the students' files do.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
image_app = typer.Typer(
    help="The lab's root file system, built once and used by all sandboxes.", no_args_is_help=True
)
app.add_typer(image_app, name="image")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; errors of ours end with code 3, bad input with 2."""
    try:
        app()
    except GraderError as error:
        err.print(f"[red]{escape(error.what)}[/red]")
        if error.remedy:
            err.print(f"remedy: {escape(error.remedy)}")
        sys.exit(BAD_USAGE if isinstance(error, BadInput) else COULD_NOT)


@app.command()
def doctor() -> None:
    """Say what this machine can grade, and the remedy where it can't."""
    findings = doctors.examine()
    for finding in findings:
        mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
        out.print(f"{mark}  {finding.what}: {escape(finding.found)}")
        if finding.remedy:
            out.print(f"    remedy: {escape(finding.remedy)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(COULD_NOT)


@image_app.command()
def build() -> None:
    """Build the image if it is not here yet, and print where it is."""
    with err.status("looking for the image") as status:
        began = time.monotonic()

        def show(line: str) -> None:
            err.print(f"{time.monotonic() - began:5.0f} s  {escape(line)}")
            status.update(escape(line.strip()))

        image = images.ensure(progress=show)
    out.print(str(image.root.parent), markup=False)


@image_app.command()
def path() -> None:
    """Print where the image is."""
    image = images.find()
    if image is None:
        what = "the image has not been built"
        raise GraderError(what, remedy="build it: grader image build")
    out.print(str(image.root.parent), markup=False)


@image_app.command("list")
def list_() -> None:
    """List the images of this user; * marks the one in use."""
    current = images.find()
    for image in images.stored():
        facts = image.facts()
        mark = "*" if image == current else " "
        megabytes = facts["bytes"] // 1_000_000
        out.print(
            f"{mark} {image.id}  {facts['suite']}  {facts['built']}  "
            f"{megabytes} MB  {len(facts['packages'])} packages"
        )


@image_app.command()
def prune(
    *, every: Annotated[bool, typer.Option("--all", help="Remove the current image too.")] = False
) -> None:
    """Remove old images, and what builds that were killed have left."""
    for gone in images.prune(keep_current=not every):
        out.print(f"removed {gone}", markup=False)
