"""`grader grade`: a class, in a batch that can be stopped and taken up again."""

from __future__ import annotations

from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader import home, pages
from grader import roster as rosters
from grader.classbook import SUMMARY, Row, rows, write_summary
from grader.cli.app import GRADED, LAB, SEEN, Kind, Lab, Seed, Tasks, app, err, manual, out, plain
from grader.cli.live import Live
from grader.engine import Order, Running
from grader.errors import BadInput
from grader.grading import Grading, exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.segment import Segment

    from grader.rubric import Rubric

    Cell = Callable[[Row], str | Text]

ENDED_BY_SIGNAL = 128
PIPED = 1000  # columns: what is no terminal has room for all


@app.command(
    epilog=manual(
        "grader grade ~/class-2026 -n 3 --report-dir ~/reports",
        "grader grade ~/class-2026 -n 3 --report-dir ~/reports --roster roster.csv",
        "grader grade ~/class-2026/alice --task 01d --seed 7 --report-dir /tmp/again",
        exits=GRADED,
        files="below --report-dir: SUBMISSION/report.json, run.json beside it, and the evidence of "
        "lost checks; summary.csv and index.html of the class. In a submission: submission.yaml, "
        "whose members and late days go to the summary",
        environment=f"{SEEN}; DOCKER_HOST names the Docker engine",
    )
)
def grade(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Submissions, or folders of them.")
    ],
    *,
    workers: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Workers.")] = 1,
    task: Tasks = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade also what was graded and is unchanged.")
    ] = False,
    roster: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help=f"Who is in the class, by {', '.join(rosters.COLUMNS)}."),
    ] = None,
    seed: Seed = None,
    sandbox: Kind = "auto",
    report_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where reports and evidence go.")
    ] = Path("reports"),
    lab: Lab = LAB,
) -> None:
    """Grade a class. What was graded before and is unchanged is kept; Ctrl-C loses nothing done.

    A submission is a folder with some of the lab's files; its id is its path
    below DIR. The roster is a CSV with a line for each person; of its columns
    only submission, which holds the id, must be there.
    """
    people = rosters.read(roster) if roster else {}
    order = Order(
        tuple(folder.resolve() for folder in folders), lab.resolve(), report_dir.resolve(),
        tasks=tuple(task or ()), seed=seed, sandbox=sandbox, workers=workers, resume=not force,
    )  # fmt: skip
    grading = _grading(order)
    submissions, links = grading.walk()
    live = Live(several=True)
    with Running(order, live.ending) as running:
        live.follow(running.events())
        code = running.code()
        signalled = running.signalled
    found = list(rows(order.reports, submissions, people))
    warnings = [f"{one.name}: not graded, since it is a link" for one in links]
    warnings += [warning for row in found for warning in row.owner.warnings]
    code = _finish(order, found, grading.lab.rubric, warnings, code)
    raise typer.Exit(ENDED_BY_SIGNAL + signalled if signalled else code)


def _grading(order: Order) -> Grading:
    """What is named, looked through: the same walk as the run's own. Raises BadInput."""
    for folder in order.folders:
        if not folder.is_dir():
            raise BadInput(f"{folder}: expected a folder to grade, found none there")
    return Grading(home.project(), order.lab, list(order.folders))


def _finish(
    order: Order, found: Sequence[Row], rubric: Rubric, warnings: Sequence[str], code: int
) -> int:
    """Write and show what came of it; returns the exit code."""
    order.reports.mkdir(parents=True, exist_ok=True)
    write_summary(order.reports / SUMMARY, found, rubric)
    _show(found, rubric)
    for warning in warnings:
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
    cells = _cells(found, rubric, tasks=tasks)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, name in enumerate(cells):
        if place in {0, len(cells) - 1}:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for row in found:
        table.add_row(*(cell(row) for cell in cells.values()))
    return table


def _cells(found: Sequence[Row], rubric: Rubric, *, tasks: bool) -> dict[str, Cell]:
    """By a column's name, what a row has in it; no column that all have empty."""
    cells: dict[str, Cell] = {"submission": lambda row: Text(plain(row.id, out), style="bold")}
    graded = [name for name in rubric.tasks if any(name in row.tasks for row in found)]
    for name in graded if tasks else ():
        cells[name] = partial(_points, name, rubric.tasks[name].points)
    cells["points"] = lambda row: Text(_number(row.score), style=_colour(row))
    cells["max"] = lambda row: _number(None if row.score is None else row.max_score)
    if any(row.undecided for row in found):
        cells["undecided"] = lambda row: _number(row.undecided or None, "")
    if any(row.owner.late_days is not None for row in found):
        cells["late"] = lambda row: _number(row.owner.late_days, "")
        if cost := rubric.late:
            cells["late points"] = lambda row: _number(
                None if row.score is None else cost.score(row.score, row.late)
            )
    worth = {} if tasks else {name: rubric.tasks[name].points for name in graded}
    cells["" if tasks else "lost in"] = partial(_note, worth)
    return cells


def _note(worth: Mapping[str, float], row: Row) -> Text:
    """Why there are no points, or of the tasks in `worth` those in which some were lost."""
    if row.fault:
        return Text(plain(row.fault.splitlines()[0], out), style="yellow")
    return Text(" ".join(name for name in worth if row.tasks.get(name, inf) < worth[name]))


def _points(task: str, worth: float, row: Row) -> Text:
    score = row.tasks.get(task)
    lost = score is not None and score < worth
    return Text(_number(score), style="red" if lost else "")


def _number(value: float | None, none: str = "-") -> str:
    return none if value is None else f"{value:g}"


def _colour(row: Row) -> str:
    if row.fault or row.ours:
        return "yellow"
    return "red" if any(verdict.lost for verdict in row.verdicts) else "green"
