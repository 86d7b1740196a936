"""The command `grader`: thin, and the only module that prints for people."""

from __future__ import annotations

import getpass
import importlib
import shlex
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from grader import doctor as doctors
from grader import image as images
from grader import review as reviews
from grader import shell as shells
from grader import starter, warm
from grader.dialogue import Dialogue
from grader.errors import BadInput, GraderError
from grader.machine import microvm
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.image import Image

BAD_USAGE = 2
COULD_NOT = 3
LAB = Path(__file__).resolve().parents[1] / "tests_lab"

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
    with _progress("looking around") as show:
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
) -> None:
    """Work on the student's host of a fresh world, in a shell."""
    raise typer.Exit(shells.run(folder, sandbox, lambda line: err.print(escape(line))))


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
    out.print(f"check what you have: ./lab pytest {escape(shlex.quote(str(folder)))}")


@app.command()
def review(
    reports: Annotated[
        Path, typer.Argument(metavar="[REPORTS]", help="The folder of reports.")
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
    """Judge the answers that only a person can: all students' to one question, then the next."""
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
        raise BadInput(what, remedy="start it in a terminal, or take: grader review --list")
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


@contextmanager
def _progress(what: str) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is being done, with the seconds since the beginning."""
    with err.status(what) as status:
        began = time.monotonic()

        def show(line: str) -> None:
            err.print(f"{time.monotonic() - began:5.0f} s  {escape(line)}")
            status.update(escape(line.strip()))

        yield show


@image_app.command()
def build() -> None:
    """Build the image if it is not here yet, and print where it is."""
    with _progress("looking for the image") as show:
        image = images.ensure(progress=show)
    out.print(str(image.root.parent), markup=False)


@image_app.command()
def template() -> None:
    """Make the template of the image's microVMs if it is not here yet, and print where it is."""
    with _progress("looking for the microVM's template") as show:
        made = microvm.ensure(warm.source(_image()), warm.warm, progress=show)
    out.print(str(made.folder), markup=False)


@image_app.command()
def path() -> None:
    """Print where the image is."""
    out.print(str(_image().root.parent), markup=False)


def _image() -> Image:
    image = images.find()
    if image is None:
        what = "the image has not been built"
        raise GraderError(what, remedy="build it: grader image build")
    return image


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
    *, every: Annotated[bool, typer.Option("--all", help="Remove the current ones too.")] = False
) -> None:
    """Remove old images and microVM templates, and what builds that were killed have left."""
    for gone in (*warm.prune(keep_current=not every), *images.prune(keep_current=not every)):
        out.print(f"removed {gone}", markup=False)
