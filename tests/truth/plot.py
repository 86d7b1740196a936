"""04c: plot.py. Right or wrong by construction: what is drawn is known when the script is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from truth.draft import Draft, Drawing, Known

if TYPE_CHECKING:
    from collections.abc import Callable

FILE, TASK = "plot.py", "04c"
Oracle = Known
BUT_FOR = "04c and not plot_"  # what experiment.sh and results.csv are for
READERS = {
    "pandas": "import pandas as pd\nd = pd.read_csv({source})\n",
    "numpy": "import numpy as np\na = np.loadtxt({source}, delimiter=',', skiprows=1)\n"
    "d = dict(zip(('rules', 'throughput_mbps', 'latency_ns'), a.T))\n",
    "genfromtxt": "import numpy as np\nd = np.genfromtxt({source}, delimiter=',', names=True)\n",
    "csv": "import csv\nwith open({source}) as f:\n    rows = list(csv.DictReader(f))\n"
    "d = {{k: [float(r[k]) for r in rows] for k in rows[0]}}\n",
    "by hand": "import numpy as np\nlines = open({source}).read().split()\n"
    "names, *rows = [line.split(',') for line in lines]\n"
    "d = {{n: np.array([float(r[i]) for r in rows]) for i, n in enumerate(names)}}\n",
}
ROWS = {
    "first row lost": "d = {k: list(d[k])[1:] for k in COLUMNS}\n",
    "last row lost": "d = {k: list(d[k])[:-1] for k in COLUMNS}\n",
    "every other row": "d = {k: list(d[k])[::2] for k in COLUMNS}\n",
    "one row lost": "d = {k: list(d[k])[:4] + list(d[k])[5:] for k in COLUMNS}\n",
}
UNITS = {
    "throughput_mbps": (("", "Mbit/s"), ("", "Mbps"), ("", "Mb/s"), ("/ 1000", "Gbit/s"),
                        ("/ 1000", "Gbps"), ("/ 8", "MB/s"), ("* 1000", "kbit/s"),
                        ("", "megabits per second"), ("/ 8", "MByte/s"), ("* 1e6", "bit/s")),
    "latency_ns": (("", "ns"), ("", "nanoseconds"), ("/ 1000", "µs"), ("/ 1e3", "us"),
                   ("/ 1e3", "microseconds"), ("/ 1e6", "ms"), ("", "nsec"), ("/ 1e9", "s")),
}  # fmt: skip
WRONG_UNITS = {
    "throughput_mbps": (("/ 1000", "Mbit/s"), ("", "Gbit/s"), ("", "MB/s"), ("/ 8", "Mbit/s"),
                        ("", "kbit/s"), ("* 1e6", "Mbps")),
    "latency_ns": (("", "µs"), ("/ 1000", "ns"), ("", "ms"), ("/ 1e6", "µs"), ("/ 1e9", "ms")),
}  # fmt: skip
TITLES = {
    "throughput_mbps": ("throughput", "Throughput", "TCP throughput", "Bandwidth", "bitrate"),
    "latency_ns": ("latency", "Average latency", "nf_hook_slow latency", "Latency per call"),
}  # fmt: skip
OTHER = {"throughput_mbps": "latency_ns", "latency_ns": "throughput_mbps"}
FORMS = ("{} ({})", "{} [{}]", "{}, {}", "{} / {}", "{} in {}")
RULES = ("rules", "Number of rules", "iptables rules in OUTPUT", "# rules")
BESIDE = ("grid(True)", "set_title('on my laptop')", "margins(.1)")
LAYOUTS = ("rows", "columns", "twin", "pyplot", "grid", "apart", "mosaic", "add")


@dataclass(frozen=True)
class Panel:
    """One of the two plots."""

    column: str
    scale: str
    label: str
    kind: str
    x: str = "rules"
    x_label: str = "rules"

    @property
    def values(self) -> str:
        """What is drawn, in Python."""
        whole = f"np.asarray(d['{self.column}'], float)"
        return f"({whole} {self.scale})" if self.scale else whole

    def drawn(self, axes: str) -> str:
        """The lines of the script that draw it."""
        x, y = f"np.asarray(d['{self.x}'], float)", self.values
        call = {
            "line": f"{axes}.plot({x}, {y})",
            "markers": f"{axes}.plot({x}, {y}, 'o', ms=3)",
            "dashed": f"{axes}.plot({x}, {y}, marker='x', ls='--', color='g', label='m')",
            "scatter": f"{axes}.scatter({x}, {y})",
            "steps": f"{axes}.step({x}, {y}, where='mid')",
            "bars": f"{axes}.bar({x}, {y}, width=30)",
            "errors": f"{axes}.errorbar({x}, {y}, yerr={y} * 0.1, fmt='.-')",
            "stems": f"{axes}.stem({x}, {y})",
            "filled": f"{axes}.fill_between({x}, {y}, alpha=.2)\n{axes}.plot({x}, {y})",
            "semilogy": f"{axes}.semilogy({x}, {y}, '-s')",
            "fit": f"{axes}.plot({x}, {y}, '.')\n"
            f"{axes}.plot({x}, np.polyval(np.polyfit({x}, {y}, 1), {x}), 'r')",
        }[self.kind]
        return f"{call}\n"


KINDS = ("line", "markers", "dashed", "scatter", "steps", "bars", "errors", "stems", "filled",
         "semilogy", "fit")  # fmt: skip
MISTAKES: dict[str, frozenset[str]] = {
    "columns swapped": frozenset({"plot_labels", "plot_units"}),
    "labels swapped": frozenset({"plot_labels", "plot_units"}),
    "one column twice": frozenset({"plot_throughput", "plot_latency", "plot_units", "plot_labels"}),
    "another unit": frozenset({"plot_units"}),
    "no unit": frozenset({"plot_units"}),
    "no y label": frozenset({"plot_labels"}),
    "no x label": frozenset({"plot_labels"}),
    "no labels": frozenset({"plot_labels"}),
    "axes turned": frozenset({"plot_rules", "plot_labels"}),
    "against each other": frozenset({"plot_rules", "plot_both"}),
    "by row's number": frozenset({"plot_rules"}),
    "fixed output": frozenset({"plot_given"}),
    "fixed input": frozenset({"plot_given"}),
    "own output": frozenset({"plot_runs"}),
    "not saved": frozenset({"plot_runs"}),
    "added up": frozenset({"plot_throughput", "plot_latency"}),
    "sorted": frozenset({"plot_throughput", "plot_latency"}),
    "smoothed": frozenset({"plot_throughput", "plot_latency"}),
    "shares": frozenset({"plot_throughput", "plot_latency", "plot_units"}),
    "cut off": frozenset({"plot_throughput", "plot_latency"}),
    "zoomed in": frozenset({"plot_throughput", "plot_latency"}),
    "one forgotten": frozenset({"plot_both"}),
    "one y axis": frozenset({"plot_both"}),
    **dict.fromkeys(ROWS, frozenset({"plot_rules"})),
}


def panel(column: str, drawing: Drawing, units: tuple[tuple[str, str], ...]) -> Panel:
    """A plot of a column."""
    scale, unit = drawing.one(units)
    label = drawing.one(FORMS).format(drawing.one(TITLES[column]), unit)
    return Panel(column, scale, label, drawing.one(KINDS), x_label=drawing.one(RULES))


def spoiled(panels: list[Panel], mistake: str, drawing: Drawing) -> list[Panel]:
    """The panels after a mistake in what one of them shows, or both."""
    first, second = panels
    at = drawing.number(0, 1)
    one, other = panels[at], panels[1 - at]
    both = {
        "columns swapped": [
            replace(first, column=second.column),
            replace(second, column=first.column),
        ],
        "labels swapped": [replace(first, label=second.label), replace(second, label=first.label)],
        "no x label": [replace(two, x_label="") for two in panels],
        "no labels": [replace(two, label="", x_label="") for two in panels],
        "one forgotten": [one],
    }
    if mistake in both:
        return both[mistake]
    wrong_unit = panel(one.column, drawing, WRONG_UNITS[one.column])
    single = {
        "one column twice": replace(one, column=other.column),
        "another unit": replace(wrong_unit, x_label=one.x_label),
        "no unit": replace(one, label=drawing.one(TITLES[one.column])),
        "no y label": replace(one, label=""),
        "against each other": replace(one, x=other.column),
        "by row's number": replace(one, x="number"),
        "axes turned": replace(one, kind="line", x=one.column, column="rules", scale=""),
    }
    changed = single.get(mistake, one)
    return [changed, other] if at == 0 else [other, changed]


def prepared(mistake: str | None, drawing: Drawing) -> str:
    """What happens to the data before they are drawn."""
    head = "COLUMNS = ('rules', 'throughput_mbps', 'latency_ns')\n"
    if mistake in ROWS:
        return head + ROWS[mistake]
    column = drawing.one(OTHER)
    whole = f"np.asarray(d['{column}'], float)"
    ways = {
        "added up": f"np.cumsum({whole})",
        "sorted": f"np.sort({whole}){drawing.one(['', '[::-1]'])}",
        "smoothed": f"np.convolve(np.pad({whole}, 2, mode='edge'), np.ones(5) / 5, 'valid')",
        "shares": f"{whole} / {whole}[0] * 100",
    }
    if mistake in ways:
        return f"{head}d = {{k: d[k] for k in COLUMNS}}\nd['{column}'] = {ways[mistake]}\n"
    if mistake == "by row's number":
        return head + "d = {k: d[k] for k in COLUMNS}\nd['number'] = np.arange(len(d['rules']))\n"
    return ""


def laid_out(panels: list[Panel], drawing: Drawing, mistake: str | None) -> str:
    """Figure and axes, with what is drawn in them."""
    layout = drawing.one(LAYOUTS)
    opened = {
        "rows": "fig, (a, b) = plt.subplots(2, 1)\n",
        "columns": "fig, (a, b) = plt.subplots(1, 2, figsize=(10, 4))\n",
        "twin": "fig, a = plt.subplots()\nb = a.twinx()\n",
        "grid": "fig, axs = plt.subplots(2, 2)\na, b = axs[0][0], axs[1][1]\n",
        "apart": "fig = plt.figure()\na = fig.add_axes([.15, .6, .8, .35])\n"
        "b = fig.add_axes([.15, .1, .8, .35])\n",
        "mosaic": "fig, axs = plt.subplot_mosaic('AB')\na, b = axs['A'], axs['B']\n",
        "add": "fig = plt.figure()\na = fig.add_subplot(2, 1, 1)\nb = fig.add_subplot(2, 1, 2)\n",
        "pyplot": "fig = plt.figure()\na = plt.subplot(211)\nb = plt.subplot(212)\n",
    }[layout]
    if mistake == "one y axis":
        opened = "fig, a = plt.subplots()\nb = a\n"
    if mistake == "one forgotten":
        opened = "fig, a = plt.subplots()\n"
    lines = [opened]
    for axes, one in zip("ab", panels, strict=False):
        lines.append(one.drawn(axes))
        lines.append(f"{axes}.set_xlabel({one.x_label!r})\n" * bool(one.x_label))
        lines.append(f"{axes}.set_ylabel({one.label!r})\n" * bool(one.label))
        lines.append(f"{axes}.{drawing.one(BESIDE)}\n")
    if mistake in {"cut off", "zoomed in"}:
        axes, one = drawing.one(list(zip("ab", panels, strict=True)))
        middle = f"np.median({one.values})"
        low, high = {"cut off": ("-1", middle), "zoomed in": (middle, f"{one.values}.max()")}[
            mistake
        ]
        lines.append(f"{axes}.set_ylim({low}, {high})\n")
    return "".join(lines)


@st.composite
def drafts(draw: Callable[..., object]) -> Draft:
    """Scripts: some as they should be, others with a mistake."""
    drawing = Drawing(draw)  # type: ignore[arg-type]
    mistake = drawing.one(MISTAKES) if drawing.maybe() else None
    panels = [panel(column, drawing, UNITS[column]) for column in OTHER]
    if mistake:
        drawing.note(mistake)
        panels = spoiled(panels, mistake, drawing)
    if len(panels) == 2 and drawing.maybe():
        panels.reverse()
    source, target = "sys.argv[1]", "sys.argv[2]"
    source = "'results.csv'" if mistake == "fixed input" else source
    target = {"fixed output": "'figure.png'", "own output": "'latency.png'"}.get(
        mistake or "", target
    )
    backend = drawing.one(["", "import matplotlib\nmatplotlib.use('Agg')\n"])
    save = drawing.one(["plt.savefig({}, dpi=90)", "fig.savefig({})", "fig.savefig({}, dpi=150)",
                        "fig.tight_layout()\nfig.savefig({})"]).format(target)  # fmt: skip
    if mistake == "not saved":
        save = "plt.show()"
    reader = READERS[drawing.one(READERS)].format(source=source)
    text = (
        f"import sys\n{backend}import matplotlib.pyplot as plt\nimport numpy as np\n{reader}"
        f"{prepared(mistake, drawing)}{laid_out(panels, drawing, mistake)}{save}\n"
    )
    return Draft(text, tuple(drawing.made), MISTAKES.get(mistake or "", frozenset()))
