"""04c: plot.py draws throughput and latency against the number of rules, in one figure."""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.deadline import Deadline
from grader.errors import CheckFailed
from grader.evidence import Drawing, look_at
from tests_lab.plot.data import LATENCY, RULES, THROUGHPUT, Plot, Table
from tests_lab.plot.labels import Labels, names, swapped, units
from tests_lab.plot.run import ARGUMENTS, QUANTITIES, SCRIPT, Run, Runs, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun

RESULTS, FIGURE = "results.csv", "figure.png"
NAMES = ("measured", "host", "server", "evening")
EXAMPLES = {THROUGHPUT: "Throughput (Mbit/s)", LATENCY: "Latency (ns)"}
UNITS = {THROUGHPUT: "Mbit/s, Gbit/s, …", LATENCY: "ns, µs, …"}
SUBPLOTS = "fig, (top, bottom) = plt.subplots(2, 1), or ax.twinx()"
MOST_OUTSIDE = 0.25


def handed_in(task: TaskRun) -> Table | None:
    """The student's own results, if there are any that can be drawn."""
    try:
        found = task.submission.read(RESULTS)
    except CheckFailed:  # which another check says
        return None
    return Table.read(RESULTS, found.data)


@pytest.fixture(scope="module")
def plot_script(task: TaskRun) -> Deliverable:
    """plot.py, read once."""
    return task.deliverable(SCRIPT)


@pytest.fixture(scope="module")
def plotted(task: TaskRun, plot_script: Deliverable, machine: Machine) -> Runs:
    """Both calls of plot.py, at the same time, each in a sandbox of its own."""
    rng = Random(f"{task.seed}/plot")  # noqa: S311 repeatable, not secret
    own = handed_in(task)
    given = own or Table.made(RESULTS, rng)
    name = f"{rng.choice(NAMES)}-{rng.randint(10, 99)}"
    other = Table.made(f"{name}.csv", rng, like=own)
    limit = "plot_within_emulated_s" if task.sandbox == "vm" else "plot_within_s"
    within = task.task.parameters[limit]
    script = {SCRIPT: plot_script.data}
    # The first results.csv is there in the second call, too, as it is in a student's folder.
    calls = [
        (given, FIGURE, script | {RESULTS: given.data}),
        (other, f"{name}-plot.png", script | {RESULTS: given.data, other.name: other.data}),
    ]
    with ExitStack() as end:
        started = [
            end.enter_context(
                Drawing(machine, files, ("python3", SCRIPT, table.name, figure), figure)
            )
            for table, figure, files in calls
        ]
        deadline = Deadline(within)
        drawn = [one.finish(deadline.left) for one in started]
    runs = [
        Run(table, figure, one, look_at(machine, one.image) if one.image else None)
        for (table, figure, _), one in zip(calls, drawn, strict=True)
    ]
    keep(task, runs)
    return Runs(runs[0], runs[1], within)


def keep(task: TaskRun, runs: Sequence[Run]) -> None:
    """Keep pictures, tables, output, and what was drawn."""
    said = "".join(
        f"$ python3 {SCRIPT} {run.table.name} {run.name}\n{run.drawn.said}\n[it "
        f"{run.drawn.outcome}]\n"
        for run in runs
    )
    task.keep("output.txt", lambda path: path.write_text(said, encoding="utf-8"))
    figures = {run.name: run.drawn.figure.model_dump() for run in runs if run.drawn.figure}
    if figures:
        text = json.dumps(figures)
        task.keep("drawn.json", lambda path: path.write_text(text, encoding="utf-8"))
    for run in runs:
        for name, data in ((run.table.name, run.table.data), (run.name, run.drawn.image)):
            if data is not None:
                task.keep(name, partial(write_to, data=data))


@check("04c.plot_runs")
def plot_runs(plotted: Runs, plot_script: Deliverable) -> str | None:
    """Called with RESULTS.csv and FIGURE.png, plot.py saves a figure as PNG."""
    run = plotted.given
    run.must_save(plotted.within)
    facts = run.drawn.facts
    notes = [*plot_script.notes]
    if run.drawn.exit != 0:
        notes.append(f"it saved the figure, but then {run.failure}")
    if facts.early:
        notes.append("where there is a screen, show() waits and throws the figure away: save first")
    if facts.switched:
        notes.append(f"there is no screen for the backend {printable(facts.switched)}: Agg drew it")
    return "; ".join(notes) or None


@check("04c.plot_given", needs="04c.plot_runs")
def plot_given(plotted: Runs) -> None:
    """It draws the data it is given, to the file it is given, whatever their names."""
    given, other = plotted
    if other.name not in other.drawn.names and FIGURE in other.drawn.names:
        raise CheckFailed(
            f"expected {other.command} to save {other.name}; it saved {FIGURE} instead",
            hint=f"don't write names into the script: {ARGUMENTS}",
        )
    other.must_save(plotted.within)
    wrong = [Plot(plot.figure, plot.axes, given.table) for plot in other.plots]
    same = [plot.drawn for plot in given.plots] == [plot.drawn for plot in other.plots]
    looks = given.picture and other.picture and given.picture.digest == other.picture.digest
    read = any(plot.scale(column) for plot in wrong for column in QUANTITIES)
    right = any(plot.scale(column) for plot in other.plots for column in QUANTITIES)
    if same or looks or (read and not right):
        found = f"the data of {RESULTS}" if read else f"the same as from {RESULTS}"
        raise CheckFailed(
            f"{other.command} drew {found}, though {other.table.name} has other data. See "
            f"{other.table.name} and {other.name}",
            hint=f"read the file that is named first, and draw what is in it: {ARGUMENTS}",
        )


@check("04c.plot_both", needs="04c.plot_given")
def plot_both(plotted: Runs) -> None:
    """There are two plots in the one figure."""
    for run in plotted:
        one, other = run.shown[THROUGHPUT], run.shown[LATENCY]
        if len(run.plots) > 1 and (one is not other or one is None):
            continue
        if one is not None and one is other:
            raise CheckFailed(
                f"{run.name} has throughput and latency on one y axis, though one is in Mbit/s and "
                "the other in ns: expected two plots, each with a y axis of its own",
                hint=SUBPLOTS,
            )
        several = run.drawn.facts.figures > 1 or len(run.drawn.facts.targets) > 1
        unseen = any(axes.series and not axes.drawn for axes in run.figure.axes)
        raise CheckFailed(
            f"expected two plots in {run.name}, throughput and latency against the number of "
            f"rules; found {len(run.plots)}"
            + (f": {SCRIPT} made several figures, and this is one of them" * several)
            + (", and one of which nothing can be seen, neither line nor marker" * unseen),
            hint=f"both plots go into one figure: {SUBPLOTS}",
        )


@check("04c.plot_rules", needs="04c.plot_both")
def plot_rules(plotted: Runs) -> None:
    """Both have the number of rules on the x axis, and each row of the file."""
    for run in plotted:
        if len(run.against_rules) < 2:
            raise CheckFailed(*against_what(run))


def against_what(run: Run) -> tuple[str]:
    """What stands on the x axis instead of the rules."""
    plot = min(run.plots, key=lambda plot: (plot.against_rules, len(plot.missing)))
    start = f"expected the rules of {run.table.name} on the x axis of each plot in {run.name}; "
    missing = ", ".join(f"{rules:g}" for rules in plot.missing[:5])
    expected = ", ".join(f"{row.rules:g}" for row in plot.rows[:5])
    drawn = sorted({x for x, _ in plot.points})
    begins = ", ".join(f"{x:g}" for x in drawn[:5])
    if plot.axes.x.categories is not None:
        return (
            start + "found text: names such as "
            f"“{printable(', '.join(plot.axes.x.categories[:3]))}” stand at equal distances, "
            "whatever number they are. What csv gives is text: make it numbers, float(…), before "
            "it is drawn",
        )
    if plot.turned():
        return (start + "they are on the y axis of one. plot(x, y) takes the rules first",)
    if plot.counted():
        return (
            start + f"found 0, 1, 2, … (the number of the row) on one. plot(x, y) takes the "
            f"{RULES} as x",
        )
    # Of other numbers a few are a row's by chance.
    if 2 * (len(plot.rows) - len(plot.missing)) > len(drawn):
        return (
            start + f"nothing is drawn at {missing} rules ({len(plot.missing)} of "
            f"{len(plot.rows)} rows). Is the header skipped twice, or the range fixed?",
        )
    return (start + f"one begins with {begins}. The rules are {expected}, …",)


@check("04c.plot_throughput", needs="04c.plot_rules")
def plot_throughput(plotted: Runs) -> None:
    """One shows the throughput of each row."""
    must_show(plotted, THROUGHPUT)


@check("04c.plot_latency", needs="04c.plot_rules")
def plot_latency(plotted: Runs) -> None:
    """One shows the latency of each row."""
    must_show(plotted, LATENCY)


def must_show(plotted: Runs, column: str) -> None:
    """Raise CheckFailed if a column's values are not drawn, or cannot be seen."""
    for run in plotted:
        plot = run.shown[column]
        if plot is None:
            raise CheckFailed(*instead(run, column))
        outside = plot.outside(column, plot.scale(column) or 1.0)
        if outside > MOST_OUTSIDE * len(plot.rows):
            low, high = plot.axes.y.view
            raise CheckFailed(
                f"{outside} of {len(plot.rows)} values of {column} lie outside of what {run.name} "
                f"shows: its y axis goes from {low:g} to {high:g}",
                hint="leave the limits to matplotlib, or take them from the data",
            )


def instead(run: Run, column: str) -> tuple[str]:
    """What is drawn instead of a column."""
    start = f"no plot in {run.name} shows {column} of {run.table.name}: "
    taken = [plot for plot in run.shown.values() if plot is not None]
    free = [plot for plot in run.against_rules if plot not in taken] or run.against_rules
    plot = next((one for one in free if names(one.axes.y.label, column)), free[0])
    if plot.axes.y.categories is not None:
        return (start + "text is drawn, names at equal distances. Make it numbers: float(…)",)
    other = LATENCY if column == THROUGHPUT else THROUGHPUT
    if plot.scale(other) is not None:
        return (start + f"{len(run.showing(other))} plots show {other}",)
    row, y = plot.furthest(column)
    return (
        start + f"at {row.rules:g} rules it is {row.middle(column):g}, and {y:g} is drawn. "
        "Expected the values themselves, if need be in another unit",
    )


@check("04c.plot_labels", needs="04c.plot_both")
def plot_labels(plotted: Runs) -> None:
    """Each axis has numbers, and a label that says what is on it."""
    run = plotted.other
    for what, plot in subjects(run):
        labels = Labels(run.figure, plot.axes)
        if not labels.y or not labels.x:
            axis = "x" if labels.y else "y"
            raise CheckFailed(
                f"the {axis} axis of the {what} has no label in {run.name}",
                hint=f"ax.set_{axis}label(…) of each: a title, a legend or a label of other axes "
                "does not replace it",
            )
        if labels.unnumbered:
            raise CheckFailed(
                f"the {labels.unnumbered} axis of the {what} has no numbers in {run.name}",
                hint="leave the ticks and their labels",
            )
    for column, drawn in run.shown.items():
        if drawn is None:
            continue
        labels = Labels(run.figure, drawn.axes)
        if all(swapped(label, column) for label in labels.y):
            raise CheckFailed(
                f"the plot of {column} has the label “{printable(labels.y[0])}” in {run.name}",
                hint="are labels or columns swapped?",
            )
        if units(labels.x, column) and not labels.stated(column):
            raise CheckFailed(
                f"the x axis of the plot of {column}, where the rules are, has the label "
                f"“{printable(labels.x)}” in {run.name}",
                hint="are the labels of x and y swapped?",
            )


def write_to(path: Path, *, data: bytes) -> None:
    """Write a file of the evidence."""
    path.write_bytes(data)


def subjects(run: Run) -> list[tuple[str, Plot]]:
    """The plots that must be labelled, by name: the two wanted ones, or those there are."""
    found = [(f"plot of {column}", plot) for column, plot in run.shown.items() if plot]
    if len(found) == 2:
        return found
    return [(f"{n}. plot", plot) for n, plot in enumerate(run.plots, 1)]


@check("04c.plot_units", needs="04c.plot_labels")
def plot_units(plotted: Runs) -> None:
    """The y axes' labels name the unit of what is drawn."""
    run = plotted.other
    for column, plot in run.shown.items():
        stated = [Labels(run.figure, one.axes) for one in ([plot] if plot else run.plots)]
        said = ", ".join(f"“{printable(label)}”" for one in stated for label in one.y)
        turned = not plot and any(units(one.x, column) for one in stated)
        if not turned and not any(one.stated(column) for one in stated):
            raise CheckFailed(
                f"expected a unit of {QUANTITIES[column]} ({UNITS[column]}) in the y axis' label; "
                f"found {said} in {run.name}",
                hint=f"for instance “{EXAMPLES[column]}”",
            )
        scale = plot.scale(column) if plot else None
        if scale is not None and not stated[0].agree(column, scale):
            row = plot.rows[-1] if plot else None
            value = row.middle(column) if row else 0.0
            raise CheckFailed(
                f"the label {said} in {run.name} does not name the unit of what is drawn: the "
                f"{column} of {value:g} is drawn as {value * scale:g}",
                hint="what is drawn and what the label says must be in the same unit",
            )
