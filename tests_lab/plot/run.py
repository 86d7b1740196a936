"""One call of 04c's plot.py: what it saved, and why not; which of its plots shows what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grader.errors import CheckFailed, Overrun
from tests_lab.plot.data import LATENCY, THROUGHPUT, Plot, Table
from tests_lab.plot.labels import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.evidence import Drawn, Figure, Picture

SCRIPT = "plot.py"
QUANTITIES = {THROUGHPUT: "throughput", LATENCY: "latency"}
ARGUMENTS = "it is called as plot.py RESULTS.csv FIGURE.png: sys.argv[1] and sys.argv[2]"
MODULES = "beside Python's own modules there are matplotlib, numpy, pandas and seaborn"
AT_LINE = re.compile(r'File "[^"]*plot\.py", line (\d+)[^\n]*\n\s*(\S[^\n]*)')
SHOWN = 300


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
            raise Overrun(
                f"{self.command} did not end within {within:g} s and was killed",
                hint=f"it reads the table, draws, saves and ends; {ARGUMENTS}",
            )
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
    if "TypeError" in said and "'str'" in said:
        return "what csv gives is text: make it numbers, float(…)"
    if "KeyError" in said:
        return "the file's columns are rules,throughput_mbps,latency_ns"
    return f"{ARGUMENTS}; see output.txt"
