"""04c: plot.py draws throughput and latency against the number of rules, in one figure."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.deadline import Deadline
from grader.errors import CheckFailed, Overrun
from grader.evidence import Drawing, Drawn, Figure, Picture, look_at
from tests_lab.plot_data import LATENCY, RULES, THROUGHPUT, Plot, Table
from tests_lab.plot_labels import Labels, names, swapped, units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun

SCRIPT, RESULTS, FIGURE = "plot.py", "results.csv", "figure.png"
NAMES = ("measured", "host", "server", "evening")
QUANTITIES = {THROUGHPUT: "throughput", LATENCY: "latency"}
EXAMPLES = {THROUGHPUT: "Throughput (Mbit/s)", LATENCY: "Latency (ns)"}
UNITS = {THROUGHPUT: "Mbit/s, Gbit/s, …", LATENCY: "ns, µs, …"}
ARGUMENTS = "it is called as plot.py RESULTS.csv FIGURE.png: sys.argv[1] and sys.argv[2]"
MODULES = "beside Python's own modules there are matplotlib, numpy, pandas and seaborn"
SUBPLOTS = "fig, (top, bottom) = plt.subplots(2, 1), or ax.twinx()"
AT_LINE = re.compile(r'File "[^"]*plot\.py", line (\d+)[^\n]*\n\s*(\S[^\n]*)')
SHOWN = 300
MOST_OUTSIDE = 0.25


@dataclass(frozen=True)
class Run:
    """One call of plot.py: with which table, what it drew, what is in the file it saved."""

    table: Table
    name: str
    drawn: Drawn
    picture: Picture | None

    @property
    def command(self) -> str:
        """How it was called."""
        return f"`python3 {SCRIPT} {self.table.name} {self.name}`"

    @property
    def figure(self) -> Figure:
        """What it drew; ask only where it saved a figure."""
        assert self.drawn.figure is not None
        return self.drawn.figure

    @cached_property
    def plots(self) -> list[Plot]:
        """The axes in which something was drawn, as plots of its table."""
        return [plot for plot in plots_of(self.drawn, self.table) if len(plot.points) > 1]

    @cached_property
    def against_rules(self) -> list[Plot]:
        """Those that have something at each number of rules."""
        return [plot for plot in self.plots if plot.against_rules]

    @cached_property
    def shown(self) -> dict[str, Plot | None]:
        """The plot of each quantity."""
        found = {column: self.showing(column) for column in QUANTITIES}
        both = ((a, b) for a in found[THROUGHPUT] for b in found[LATENCY] if a is not b)
        first = (next(iter(found[column]), None) for column in (THROUGHPUT, LATENCY))
        one, other = next(both, first)
        return {THROUGHPUT: one, LATENCY: other}

    def showing(self, column: str) -> list[Plot]:
        """The plots that show a column, first those with its label."""
        found = [plot for plot in self.plots if plot.scale(column) is not None]
        return sorted(found, key=lambda plot: not names(plot.axes.y.label, column))

    def must_save(self, within: float) -> None:
        """Raise CheckFailed or Overrun, with the reason, if it saved no figure."""
        done = self.drawn
        if done.exit is None and not done.flooded:
            raise Overrun(f"{self.command} did not end within {within:g} s and was killed")
        if done.flooded:
            raise CheckFailed(f"{self.command} {done.outcome}", hint="print less than 8 MiB")
        if self.name not in done.names:
            raise self.unsaved()
        self.must_be_picture()
        if not plots_of(done, self.table) or (self.picture and self.picture.blank):
            raise CheckFailed(
                f"{self.command} saved a figure in which nothing is drawn",
                hint="after plt.close(), or after plt.show() where there is a screen, "
                "plt.savefig() saves a new, empty figure: save first",
            )

    def must_be_picture(self) -> None:
        """Raise CheckFailed if the file is no PNG drawn by matplotlib."""
        if self.drawn.image is None or self.picture is None:
            raise CheckFailed(f"{self.name} is larger than 8 MiB", hint="savefig(…, dpi=150)")
        if self.drawn.kind != "PNG":
            raise CheckFailed(
                f"expected {self.name} to be a PNG, found {self.drawn.kind}",
                hint="plt.savefig(sys.argv[2]) takes the format from the name",
            )
        if self.picture.damage:
            raise CheckFailed(f"{self.name} cannot be read: {printable(self.picture.damage)}")
        if self.drawn.figure is None:
            raise CheckFailed(
                f"{self.name} is there, but matplotlib drew no figure while {SCRIPT} ran",
                hint=f"draw with matplotlib, or what builds on it; {MODULES}",
            )

    def unsaved(self) -> CheckFailed:
        """Why there is no file."""
        done, facts = self.drawn, self.drawn.facts
        if done.exit != 0:
            return CheckFailed(f"{self.command} {self.failure}", hint=remedy(done.said))
        others = [*done.names, *(one for one in facts.targets if not one.startswith("/work/"))]
        found = "; ".join(printable(name) for name in others[:5])
        if others:
            return CheckFailed(
                f"expected {self.command} to save {self.name}; found instead: {found}",
                hint=ARGUMENTS,
            )
        if facts.shown:
            return CheckFailed(
                f"{self.command} calls show(), which opens a window where there is a screen, and "
                f"saves no figure",
                hint="plt.savefig(sys.argv[2]), before plt.show()",
            )
        drew = "drew a figure and did not save it" if facts.figures else "drew no figure"
        return CheckFailed(
            f"expected {self.command} to save {self.name}; it {drew}",
            hint=f"plt.savefig(sys.argv[2]): {ARGUMENTS}",
        )

    @property
    def failure(self) -> str:
        """How it failed, with the line of plot.py where it did."""
        said = self.drawn.said
        lines = AT_LINE.findall(said)
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
        where = f" in line {lines[-1][0]}, “{printable(lines[-1][1])}”" if lines else ""
        return f"{self.drawn.outcome}{where}" + (f": {printable(last)}" if last else "")


@dataclass(frozen=True)
class Runs:
    """Both calls: with the student's data, if there are any, and with other data."""

    given: Run
    other: Run
    within: float

    def __iter__(self) -> Iterator[Run]:
        return iter((self.given, self.other))


def plots_of(drawn: Drawn, table: Table) -> list[Plot]:
    """The axes in which something was drawn."""
    figure = drawn.figure
    every = [Plot(figure, axes, table) for axes in figure.axes] if figure else []
    return [plot for plot in every if plot.points]


def printable(text: str) -> str:
    """A student's text, in one line, of bounded length."""
    return "".join(one if one.isprintable() else " " for one in text)[:SHOWN].strip()


def remedy(said: str) -> str:
    """What to read, for a script that failed."""
    if "ModuleNotFoundError" in said or "ImportError" in said:
        return MODULES
    if "FileNotFoundError" in said or "IndexError: list index" in said:
        return ARGUMENTS
    if "MemoryError" in said:
        return "each process has 1 GiB of memory"
    if "KeyError" in said:
        return "the file's columns are rules,throughput_mbps,latency_ns"
    return f"{ARGUMENTS}; see output.txt"


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
                task.keep(name, lambda path, data=data: path.write_bytes(data))


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
        raise CheckFailed(
            f"expected two plots in {run.name}, throughput and latency against the number of "
            f"rules; found {len(run.plots)}"
            + (f": {SCRIPT} made several figures, and this is one of them" * several),
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
    drawn = ", ".join(f"{x:g}" for x in sorted({x for x, _ in plot.points})[:5])
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
    if len(plot.missing) < len(plot.rows):
        return (
            start + f"nothing is drawn at {missing} rules ({len(plot.missing)} of "
            f"{len(plot.rows)} rows). Is the header skipped twice, or the range fixed?",
        )
    return (start + f"one begins with {drawn}. The rules are {missing}, …",)


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
    for column, plot in run.shown.items():
        labels = Labels(run.figure, plot.axes) if plot else None
        if labels and all(swapped(label, column) for label in labels.y):
            raise CheckFailed(
                f"the plot of {column} has the label “{printable(labels.y[0])}” in {run.name}",
                hint="are labels or columns swapped?",
            )
        if labels and units(labels.x, column) and not labels.stated(column):
            raise CheckFailed(
                f"the x axis of the plot of {column}, where the rules are, has the label "
                f"“{printable(labels.x)}” in {run.name}",
                hint="are the labels of x and y swapped?",
            )


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
