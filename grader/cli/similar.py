"""`grader similar`: submissions that a person should lay side by side."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader import similar as likeness
from grader.cli.app import LAB, Lab, app, manual
from grader.errors import BadInput
from grader.grading import Grading
from grader.summary import printable

if TYPE_CHECKING:
    from grader.similar import Alike, Line, Pair

GIVEN = ("template",)
BESIDE = ("submissions/reference", "docs/handout.md")


@app.command(
    epilog=manual(
        "grader similar ~/class-2026",
        "grader similar ~/class-2026 --threshold 90 --given ~/lecture --most 3",
        exits="0 whatever is found, 2 bad usage",
    )
)
def similar(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of submissions.")],
    *,
    threshold: Annotated[
        float, typer.Option(min=0, max=100, help="How alike, in percent, is worth a look.")
    ] = likeness.THRESHOLD,
    given: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file or folder whose lines are nobody's own."),
    ] = None,
    most: Annotated[int, typer.Option(min=0, help="So many pairs are shown side by side.")] = 10,
    lab: Lab = LAB,
) -> None:
    """Find submissions that are alike. Accuses nobody: it says which ones to look at."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: expected a folder of submissions, found none")
    home = lab.resolve().parent
    grading = Grading(home, lab.resolve(), [folder.resolve()])
    known = [lab / name for name in GIVEN] + [home / name for name in BESIDE]
    found = likeness.look(
        grading.walk()[0],
        grading.lab.rubric.files,
        given=[*(path for path in known if path.exists()), *(given or [])],
        threshold=threshold,
    )
    _show(Console(highlight=False), found, most)


def _show(console: Console, found: Alike, most: int) -> None:
    compared = ", ".join(f"{count} {name}" for name, count in found.compared.items() if count)
    console.print(f"compared: {compared or 'nothing: no file has enough of its own'}", markup=False)
    if not found.pairs:
        console.print("no two are more alike than is usual")
        return
    console.print(f"\nLook at these ({len(found.pairs)}):", style="bold")
    table = Table(box=None, pad_edge=False)
    for head in ("alike", "usual"):
        table.add_column(head, justify="right")
    for head in ("file", "of", "and of"):
        table.add_column(head, overflow="fold")
    table.add_column("words", justify="right")
    for pair in found.pairs:
        usual = "" if pair.usual is None else f"{pair.usual:.0f} %"
        names = [Text(printable(name)) for name in pair.students]
        table.add_row(f"{pair.score:.0f} %", usual, Text(pair.file), *names, str(pair.size))
    console.print(table)
    for pair in found.pairs[:most]:
        console.print()
        console.print(_excerpts(pair))
    console.print(
        "\nBeing alike proves nothing: a lecture's example, a group, or only one way to do it are "
        "reasons, too. Left out: comments, blanks, what the lab gives or a third of the class has.",
        style="dim",
    )


def _excerpts(pair: Pair) -> Table:
    title = Text(f"{pair.file}, {pair.score:.0f} % alike")
    table = Table(title=title, title_justify="left", expand=True)
    for name in pair.students:
        table.add_column("", justify="right", style="dim")
        table.add_column(Text(printable(name)), ratio=1, overflow="fold")
    for left, right in zip_longest(*pair.excerpts):
        table.add_row(*_line(left), *_line(right))
    return table


def _line(line: Line | None) -> tuple[str, Text]:
    if line is None:
        return "", Text("")
    return str(line.number), Text(printable(line.text.expandtabs(4)))
