"""04c's results.csv as data, and whether a figure's axes show it."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from grader.errors import CheckFailed
from tests_lab.experiment.table import HEADER, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from grader.evidence import Axes, Figure
    from tests_lab.experiment import table

RULES, THROUGHPUT, LATENCY = HEADER
MOST_ROWS = 500
FEWEST_RULES = 3
# Rounded for show, a value is still itself; drawn as a share or a sum, it is not.
RELATIVE = 0.01
COARSEST = 0.05
# What is drawn at one number of rules, at most; only what is made to be read slowly has more.
MOST_AT_ONE = 200
PER_MANY = (1, 1e-3, 1e-2)
# How far a bar's edge may be from the place where its name stands.
BESIDE = 0.45


@dataclass(frozen=True)
class Row:
    """What was measured at a number of rules; from and to, if that was done several times."""

    rules: float
    values: dict[str, tuple[float, float]]

    def middle(self, column: str) -> float:
        """The column's value."""
        return sum(self.values[column]) / 2


@dataclass(frozen=True)
class Table:
    """A results.csv."""

    name: str
    data: bytes
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, name: str, data: bytes) -> Table | None:
        """The table in a file, if it is one that a script must be able to draw."""
        text = data.decode()
        try:
            found = read_table(text, name)
        except CheckFailed:
            return None
        lines = [line for line in text.splitlines() if line.strip()]
        rows = tuple(_grouped(found.rows))
        as_asked = not found.notes and len(lines) == 1 + len(found.rows) <= MOST_ROWS
        as_asked = as_asked and all(line.count(",") == len(HEADER) - 1 for line in lines)
        return cls(name, data, rows) if as_asked and len(rows) >= FEWEST_RULES else None

    @classmethod
    def made(cls, name: str, rng: Random, *, like: Table | None = None) -> Table:
        """One as the experiment could give: uneven steps, noise, header and decimals as in `like`.

        No column but the first is in any order. It has more rows than the experiment gives, within
        as many rules: a script that counts on so many leaves some out.
        """
        decimals = like.decimals if like else (0, 0, 0)
        steps = [rng.randint(41, 84) for _ in range(rng.randint(32, 34))]
        rules = [sum(steps[:n]) for n in range(len(steps) + 1)]
        speed, call, rule = rng.uniform(2e4, 6e4), rng.uniform(200, 600), rng.uniform(3, 9)
        throughputs = [speed / (1 + number / 900) * rng.uniform(0.94, 1.06) for number in rules]
        latencies = [(call + rule * number) * rng.uniform(0.94, 1.06) for number in rules]
        odd = rng.randrange(3, len(rules) - 1)
        throughputs[odd], latencies[odd] = throughputs[odd - 1] * 1.08, latencies[odd - 1] * 0.92
        lines = [like.header if like else ",".join(HEADER)]
        for row in zip(rules, throughputs, latencies, strict=True):
            values = zip(row, decimals, strict=True)
            lines.append(",".join(f"{value:.{places}f}" for value, places in values))
        table = cls.read(name, "".join(f"{line}\n" for line in lines).encode())
        assert table is not None
        return table

    @property
    def header(self) -> str:
        """Its first line, in its own spelling."""
        return self.data.decode().lstrip().partition("\n")[0]

    @property
    def decimals(self) -> tuple[int, ...]:
        """How many decimals the numbers of each column have, at most three."""
        lines = [line.split(",") for line in self.data.decode().splitlines() if line.strip()]
        columns = list(zip(*lines[1:], strict=False))[: len(HEADER)]
        return tuple(
            min(3, max(len(field.strip(' "').partition(".")[2]) for field in column))
            for column in columns
        )


def _grouped(lines: Iterable[table.Row]) -> Iterable[Row]:
    groups: dict[int, list[tuple[float, float]]] = {}
    for line in lines:
        if line.throughput is not None and line.latency is not None:
            groups.setdefault(line.rules, []).append((line.throughput, line.latency))
    for rules, group in sorted(groups.items()):
        columns = zip((THROUGHPUT, LATENCY), zip(*group, strict=True), strict=True)
        yield Row(rules, {name: (min(values), max(values)) for name, values in columns})


class Plot:
    """One pair of a figure's axes, and a table that it may show."""

    def __init__(self, figure: Figure, axes: Axes, table: Table) -> None:
        self.figure = figure
        self.axes = axes
        self.rows = table.rows

    @cached_property
    def points(self) -> list[tuple[float, float]]:
        """All that can be seen drawn, from left to right."""
        found = {point for series in self.axes.drawn for point in series.points}
        return sorted(found)

    @property
    def drawn(self) -> tuple[object, ...]:
        """All that can be seen, in numbers and in names."""
        return self.points, self.axes.x.categories, self.axes.y.categories

    @cached_property
    def _bars(self) -> list[tuple[float, float]]:
        """Bars that stand at names that are numbers, each at its number."""
        names: list[tuple[float, str]] = [*enumerate(self.axes.x.categories or ())]
        for axes in (self.axes, *self.figure.sharing(self.axes)):
            names = names or list(axes.x.ticks)
        numbers = ((place, number(name)) for place, name in names)
        places = sorted((place, value) for place, value in numbers if value is not None)
        found = set()
        for x, y in (p for one in self.axes.drawn if one.kind == "bars" for p in one.points):
            at = bisect_left(places, (x - BESIDE, -math.inf))
            if at < len(places) and places[at][0] <= x + BESIDE:
                found.add((places[at][1], y))
        return sorted(found)

    @cached_property
    def found(self) -> list[list[float]]:
        """What is drawn at each row's number of rules; the best of several ways to see it."""
        plain = self.axes.x.categories is None
        ways = [_at(self.points, self.rows, per) for per in PER_MANY] if plain else []
        ways.append(_at(self._bars, self.rows, 1))
        return max(ways, key=lambda way: sum(map(bool, way)))

    @property
    def missing(self) -> list[float]:
        """The numbers of rules at which nothing is drawn."""
        return [row.rules for row, ys in zip(self.rows, self.found, strict=True) if not ys]

    @property
    def against_rules(self) -> bool:
        """Whether there is something at each row's number of rules."""
        return not self.missing

    def scale(self, column: str) -> float | None:
        """Drawn values over the column's, if that is one of the factors between units."""
        return next((one for one in SCALES[column] if self.shows(column, one)), None)

    def shows(self, column: str, scale: float) -> bool:
        """Whether the column times `scale` is drawn, rounded at most."""
        largest = max(abs(row.values[column][1]) for row in self.rows) * scale
        slack = min(self._rounding, COARSEST * largest)
        return all(
            any(_near(y, row.values[column], scale, slack) for y in ys)
            for row, ys in zip(self.rows, self.found, strict=True)
        )

    @cached_property
    def _rounding(self) -> float:
        """Half of the last decimal that any of the values has."""
        values = [y for ys in self.found for y in ys]
        places = (n for n in range(7) if all(abs(y - round(y, n)) < 1e-9 for y in values))
        return 0.51 * 10.0 ** -next(places, 7)

    def outside(self, column: str, scale: float) -> int:
        """How many of the column's values lie where the axes do not reach."""
        return sum(
            not self.axes.y.shows(row.middle(column) * scale)
            or not (self._bars or any(self.axes.x.shows(row.rules * per) for per in PER_MANY))
            for row in self.rows
        )

    def turned(self) -> bool:
        """Whether the rules are on the y axis."""
        ys = sorted((y, x) for x, y in self.points)
        return all(_at(ys, self.rows, 1))

    def counted(self) -> bool:
        """Whether the x axis counts the rows."""
        xs = {x for x, _ in self.points}
        return xs == set(range(len(xs))) and len(xs) >= len(self.rows)

    def furthest(self, column: str) -> tuple[Row, float]:
        """The row whose drawn value is furthest from the column's, in the likeliest unit."""
        pairs = [(row, ys[0]) for row, ys in zip(self.rows, self.found, strict=True) if ys]
        ratios = [abs(y / row.middle(column)) for row, y in pairs if row.middle(column)]
        usual = min(max(statistics.median(ratios or [1.0]), 1e-12), 1e12)
        scale = min(SCALES[column], key=lambda scale: abs(math.log(usual / scale)))
        return max(pairs, key=lambda pair: abs(pair[1] - scale * pair[0].middle(column)))


# A value of 1 in the table, in the units that labels may state: bits and bytes; seconds.
SCALES: dict[str, tuple[float, ...]] = {
    THROUGHPUT: tuple(
        1e6 / (base**power * bits)
        for bits in (1, 8)
        for base in (1000, 1024)
        for power in range(5)
        if not (base == 1024 and power == 0)
    ),
    LATENCY: (1.0, 1e-3, 1e-6, 1e-9, 1e3),
}


def number(text: str) -> float | None:
    """A number as it stands at a tick, perhaps with a comma before each three digits."""
    plain = text.replace("\N{MINUS SIGN}", "-").replace(",", "").replace(" ", "")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _at(points: list[tuple[float, float]], rows: Sequence[Row], per: float) -> list[list[float]]:
    """For each row, the y of the points at its rules."""
    gap = min(after.rules - before.rules for before, after in pairwise(rows)) * per
    found = []
    for row in rows:
        x = row.rules * per
        slack = min(gap / 4, 0.005 * max(abs(x), per))
        start = bisect_left(points, (x - slack, -math.inf))
        end = bisect_left(points, (x + slack, math.inf))
        found.append([y for _, y in points[start : min(end, start + MOST_AT_ONE)]])
    return found


def _near(y: float, values: tuple[float, float], scale: float, slack: float) -> bool:
    low, high = (value * scale for value in values)
    slack = max(slack, RELATIVE * max(abs(low), abs(high)))
    return low - slack <= y <= high + slack
