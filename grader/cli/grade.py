"""`grader grade`: a class, in a batch that can be stopped and taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader import home, pages
from grader import roster as rosters
from grader.classbook import SUMMARY, Row, rows, write_summary
from grader.cli.app import LAB, app, err, out, plain
from grader.cli.live import Live
from grader.engine import Order, Running
from grader.errors import BadInput
from grader.grading import Grading, exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.segment import Segment

    from grader.rubric import Rubric

ENDED_BY_SIGNAL = 128
PIPED = 1000  # columns: what is no terminal has room for all


@app.command()
def grade(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="Submissions, or folders of them.")
    ],
    *,
    workers: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Workers.")] = 1,
    task: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This task only, as 01a; repeatable.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade also what was graded and is unchanged.")
    ] = False,
    roster: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help=f"Who is in the class, by {', '.join(rosters.COLUMNS)}."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Repeat the run that printed it.")] = None,
    sandbox: Annotated[str, typer.Option(metavar="KIND", help="auto, netns or vm.")] = "auto",
    report_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where reports and evidence go.")
    ] = Path("reports"),
    lab: Annotated[Path, typer.Option(help="The folder of the lab.", show_default=False)] = LAB,
) -> None:
    """Grade a class. What was graded before and is unchanged is kept; Ctrl-C loses nothing done.

    Exit codes: 0 all passed, 1 points lost, 2 bad usage, 3 something could not be graded.
    """
    people = rosters.read(roster) if roster else {}
    order = Order(
        tuple(folder.resolve() for folder in folders), lab.resolve(), report_dir.resolve(),
        tasks=tuple(task or ()), seed=seed, sandbox=sandbox, workers=workers, resume=not force,
    )  # fmt: skip
    grading = _grading(order)
    submissions = grading.walk()[0]
    live = Live(several=True)
    with Running(order, live.ending) as running:
        live.follow(running.events())
        code = running.code()
        signalled = running.signalled
    found = list(rows(order.reports, submissions, people))
    code = _finish(order, found, grading.lab.rubric, code)
    raise typer.Exit(ENDED_BY_SIGNAL + signalled if signalled else code)


def _grading(order: Order) -> Grading:
    """What is named, looked through: the same walk as the run's own. Raises BadInput."""
    for folder in order.folders:
        if not folder.is_dir():
            raise BadInput(f"{folder}: expected a folder to grade, found none there")
    return Grading(home.project(), order.lab, list(order.folders))


def _finish(order: Order, found: Sequence[Row], rubric: Rubric, code: int) -> int:
    """Write and show what came of it; returns the exit code."""
    order.reports.mkdir(parents=True, exist_ok=True)
    write_summary(order.reports / SUMMARY, found, rubric)
    _show(found, rubric)
    for row in found:
        for warning in row.owner.warnings:
            err.print(Text(plain(f"warning: {warning}", err), style="yellow"))
    out.print(plain(f"summary: {order.reports / SUMMARY}", out), markup=False)
    out.print(plain(f"pages: {pages.write(order.reports)}", out), markup=False)
    handed_in = [row for row in found if row.verdicts]
    return max(code, exit_code([one for row in handed_in for one in row.verdicts]))


# --- the table ----------------------------------------------------------------------------------


def _show(found: Sequence[Row], rubric: Rubric) -> None:
    """A line for each submission, with its points by task where there is room."""
    wide, narrow = _table(found, rubric, tasks=True), _table(found, rubric, tasks=False)
    console = out if out.is_terminal else Console(width=PIPED, highlight=False)
    room = console.width
    fits = console.measure(wide).minimum <= room and _columns(wide, console) <= room
    out.print()
    for line in console.render_lines(wide if fits else narrow, pad=False):
        out.print(_stripped(line))
    graded = [row for row in found if row.score is not None]
    if graded:
        mean = sum(row.score or 0 for row in graded) / len(graded)
        open_ = sum(bool(row.undecided or row.ours) for row in graded)
        undecided = f", {open_} undecided in part" if open_ else ""
        out.print(f"{len(graded)} graded, mean {mean:.1f}{undecided}")


def _stripped(line: Sequence[Segment]) -> Text:
    """A line of a table without the blanks that fill its last columns."""
    text = Text.assemble(*((one.text, one.style or "") for one in line))
    text.rstrip()
    return text


def _columns(table: Table, console: Console) -> int:
    return console.measure(table).maximum


def _table(found: Sequence[Row], rubric: Rubric, *, tasks: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("submission", overflow="fold", ratio=None)
    late = any(row.owner.late_days is not None for row in found)
    graded = [name for name in rubric.tasks if any(name in row.tasks for row in found)]
    for name in graded if tasks else ():
        table.add_column(name, justify="right", no_wrap=True)
    names = ["points", "max", "undecided", *(["late"] if late else [])]
    for name in [*names, *(["late points"] if late and rubric.late else [])]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("" if tasks else "lost in")
    for row in found:
        table.add_row(*_cells(row, rubric, graded, tasks=tasks, late=late))
    return table


def _cells(
    row: Row, rubric: Rubric, graded: Sequence[str], *, tasks: bool, late: bool
) -> list[str | Text]:
    known = row.score is not None
    cells: list[str | Text] = [Text(plain(row.id, out), style="bold")]
    cells += [_points(row.tasks.get(name), rubric.tasks[name].points) for name in graded if tasks]
    cells.append(Text(f"{row.score:g}" if known else "-", style=_colour(row)))
    cells.append(f"{row.max_score:g}" if known else "-")
    cells.append(f"{row.undecided:g}" if row.undecided else "")
    if late:
        cells.append("" if row.owner.late_days is None else str(row.late))
        if rubric.late:
            left = rubric.late.score(row.score, row.late) if row.score is not None else None
            cells.append("-" if left is None else f"{left:g}")
    lost = [n for n in graded if n in row.tasks and row.tasks[n] < rubric.tasks[n].points]
    note = row.fault.splitlines()[0] if row.fault else " ".join(() if tasks else lost)
    cells.append(Text(plain(note, out), style="yellow" if row.fault else ""))
    return cells


def _points(score: float | None, worth: float) -> Text:
    if score is None:
        return Text("-")
    return Text(f"{score:g}", style="" if score >= worth else "red")


def _colour(row: Row) -> str:
    if row.fault or row.ours:
        return "yellow"
    return "red" if any(verdict.lost for verdict in row.verdicts) else "green"
