"""04c's results.csv as data, and whether a figure's axes show it."""

from __future__ import annotations

import csv
import math
import statistics
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from grader.evidence import Axes, Figure

RULES, THROUGHPUT, LATENCY = "rules", "throughput_mbps", "latency_ns"
COLUMNS = (RULES, THROUGHPUT, LATENCY)
MOST_ROWS = 500
FEWEST_RULES = 3
# Rounded for show, a value is still itself; drawn as a share or a sum, it is not.
RELATIVE = 0.01
COARSEST = 0.05
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
        """The table in a file, if it is one that can be drawn."""
        try:
            lines = csv.reader(data.decode().splitlines())
            header = [field.strip().lower() for field in next(lines)]
            places = [header.index(column) for column in COLUMNS]
            numbers = [[float(line[place]) for place in places] for line in lines if line]
        except (ValueError, IndexError, StopIteration, csv.Error):
            return None
        rows = tuple(_grouped(line for line in numbers if all(map(math.isfinite, line))))
        if len(rows) < FEWEST_RULES or len(numbers) > MOST_ROWS:
            return None
        return cls(name, data, rows)

    @classmethod
    def made(cls, name: str, rng: Random, *, like: Table | None = None) -> Table:
        """One as the experiment could give: uneven steps, noise, as many decimals as in `like`.

        No column but the first is in any order.
        """
        decimals = like.decimals if like else (0, 0, 0)
        steps = [rng.randint(4, 26) * 10 + rng.randint(0, 9) for _ in range(rng.randint(8, 11))]
        rules = [sum(steps[:n]) for n in range(len(steps) + 1)]
        speed, call, rule = rng.uniform(2e4, 6e4), rng.uniform(200, 600), rng.uniform(3, 9)
        throughputs = [speed / (1 + number / 900) * rng.uniform(0.94, 1.06) for number in rules]
        latencies = [(call + rule * number) * rng.uniform(0.94, 1.06) for number in rules]
        odd = rng.randrange(3, len(rules) - 1)
        throughputs[odd], latencies[odd] = throughputs[odd - 1] * 1.08, latencies[odd - 1] * 0.92
        lines = [",".join(COLUMNS)]
        for row in zip(rules, throughputs, latencies, strict=True):
            values = zip(row, decimals, strict=True)
            lines.append(",".join(f"{value:.{places}f}" for value, places in values))
        table = cls.read(name, "".join(f"{line}\n" for line in lines).encode())
        assert table is not None
        return table

    @property
    def decimals(self) -> tuple[int, int, int]:
        """How many decimals each column has."""
        lines = list(csv.DictReader(self.data.decode().splitlines(), skipinitialspace=True))
        found = [
            max(len((line.get(column) or "").strip().partition(".")[2]) for line in lines)
            for column in COLUMNS
        ]
        return min(found[0], 1), min(found[1], 3), min(found[2], 3)


def _grouped(lines: Iterable[Sequence[float]]) -> Iterable[Row]:
    groups: dict[float, list[Sequence[float]]] = {}
    for line in lines:
        groups.setdefault(line[0], []).append(line)
    for rules, group in sorted(groups.items()):
        columns = {
            name: (min(line[n] for line in group), max(line[n] for line in group))
            for n, name in enumerate(COLUMNS)
        }
        yield Row(rules, columns)


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
        names = [*enumerate(self.axes.x.categories or ())]
        for axes in (self.axes, *self.figure.sharing(self.axes)):
            names = names or list(axes.x.ticks)
        places = {place: number(name) for place, name in names}
        found = set()
        for x, y in (p for one in self.axes.drawn if one.kind == "bars" for p in one.points):
            place = min(places, key=lambda place: abs(place - x), default=None)
            value = None if place is None or abs(place - x) > BESIDE else places[place]
            if value is not None:
                found.add((value, y))
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
        usual = statistics.median(ratios or [1.0])
        scale = min(SCALES[column], key=lambda scale: abs(math.log((usual or 1.0) / scale)))
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
        found.append([y for _, y in points[start:end]])
    return found


def _near(y: float, values: tuple[float, float], scale: float, slack: float) -> bool:
    low, high = (value * scale for value in values)
    slack = max(slack, RELATIVE * max(abs(low), abs(high)))
    return low - slack <= y <= high + slack
