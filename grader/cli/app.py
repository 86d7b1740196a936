"""The application that commands are added to, where they print, and how they end."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

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

ABOUT = """Grade network labs by what the students' files do.

Submissions are folders. Each file in one is run in a disposable sandbox with a small internet \
around it, and judged by the packets, counters, kernel log and figures that come of it. Grading is \
done by pytest; the commands below prepare it and work on its reports. `grader COMMAND --help` \
describes a command whole."""
EPILOG = """Exit codes: 0 all is well, 1 points were lost, 2 bad usage, 3 something could not be \
graded or done.

Files: ~/.cache/netlab-grader (or below $XDG_CACHE_HOME) holds the image and the microVMs' \
template; reports/ in the current folder what was graded.

Completion for this shell, of the words of every command: eval "$(grader --show-completion)"; \
--install-completion also writes it where your shell reads it each time."""

app = typer.Typer(
    help=ABOUT,
    epilog=EPILOG,
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
