"""The application that commands are added to, where they print, and how they end."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from grader import home
from grader.errors import BadInput, GraderError
from grader.summary import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD_USAGE = 2
COULD_NOT = 3
LAB = home.lab()
# Options that several commands have.
Lab = Annotated[
    Path, typer.Option(help="The folder of the lab; default: Lab 06's.", show_default=False)
]
Kind = Annotated[
    str, typer.Option("--sandbox", metavar="KIND", help="Where files run: auto, netns, docker, vm.")
]
Seed = Annotated[int | None, typer.Option(help="Repeat the run that printed it; default: drawn.")]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", metavar="ID", help="This task only, as 01a; repeatable."),
]

ABOUT = """Grade network labs by what the students' files do.

Submissions are folders. Each file in one is run in a disposable sandbox with a small internet \
around it, and judged by the packets, counters, kernel log and figures that come of it. Grading is \
done by pytest; the commands below prepare it and work on its reports. `grader COMMAND --help` \
describes a command whole."""
# What commands that grade have in their manuals.
GRADED = (
    "0 all passed, 1 points were lost, 2 bad usage, 3 something could not be graded, 128 and a "
    "signal's number if one ended it"
)
SEEN = "NO_COLOR takes the colours away; COLUMNS says how wide a terminal is"
COMPLETION = """Completion for this shell, of the words of every command: \
eval "$(grader --show-completion)"; --install-completion also writes it where your shell reads it \
each time."""


def manual(*examples: str, exits: str, files: str = "", environment: str = "") -> str:
    """The end of a command's --help, which is its manual page: there is no other."""
    parts = {"Exit codes": exits, "Files": files, "Environment": environment}
    told = [f"{name}: {text}." for name, text in parts.items() if text]
    if examples:
        told.append("\n  ".join(["Examples:", *examples]))
    return escape("\n\n".join(told))


app = typer.Typer(
    help=ABOUT,
    epilog=f"{COMPLETION}\n\n"
    + manual(
        "grader init ~/lab06",
        "grader check ~/lab06 --task 01d",
        "grader grade ~/class-2026 -n 3 --report-dir ~/reports",
        "grader export csv ~/reports -o class.csv",
        exits="0 all is well, 1 points were lost, 2 bad usage, 3 something could not be graded or "
        "done",
        files="~/.cache/netlab-grader (or below $XDG_CACHE_HOME) holds the image and the "
        "microVMs' template, ~/.local/state/netlab-grader (or below $XDG_STATE_HOME) the reports "
        "of your own checks, reports/ in the current folder what was graded",
        environment=f"{SEEN}; DOCKER_HOST names the Docker engine",
    ),
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
# What a terminal may not be able to write, in its plainer form.
PLAIN = str.maketrans(
    {
        "→": "->", "…": "...", "“": '"', "”": '"', "’": "'", "·": "-",  # noqa: RUF001
        "│": "|", "━": "=", "–": "-", "×": "x", "µ": "u",  # noqa: RUF001
    }
)  # fmt: skip


def plain(text: str, console: Console) -> str:
    """`text` in what `console` can write, without anything that a terminal could obey."""
    shown = printable(text.expandtabs())
    try:
        shown.encode(console.encoding)
    except UnicodeEncodeError:
        return shown.translate(PLAIN).encode(console.encoding, "replace").decode(console.encoding)
    return shown


def main() -> None:
    """Run the command line; errors of ours end with code 3, bad input with 2."""
    try:
        app()
    except GraderError as error:
        err.print(f"[red]{escape(error.what)}[/red]")
        if error.remedy:
            err.print(f"remedy: {escape(error.remedy)}")
        sys.exit(BAD_USAGE if isinstance(error, BadInput) else COULD_NOT)


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is being done, with the seconds since the beginning."""
    with err.status(what) as status:
        began = time.monotonic()

        def show(line: str) -> None:
            err.print(f"{time.monotonic() - began:5.0f} s  {escape(line)}")
            status.update(escape(line.strip()))

        yield show
