"""Draws the CSV that comes on standard input, as PNG on standard output; runs in the image.

`python3 plot.py results` or `python3 plot.py memory`, after the CSV's name.
"""

import csv
import io
import sys
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

OURS, THEIRS, REACH, INK, FAINT, GREY = (
    "#0b7a75", "#7b8794", "#c2410c", "#1f2933", "#e4e7eb", "#7b8794",
)  # fmt: skip
SHADES = ("#0b7a75", "#3d9a95", "#7dbdb9", "#a5d0cd", "#c3dfdd")
WHOLE = ("up", "down")
# A part that takes less of the whole has no room for its name.
LABELLED = 0.06
Rows = list[dict[str, str]]
Groups = dict[str, dict[str, dict[str, dict[str, str]]]]


def main() -> None:
    """One of the two pictures."""
    plt.rcParams.update({"font.size": 10, "text.color": INK, "ytick.color": INK})
    rows = list(csv.DictReader(io.TextIOWrapper(sys.stdin.buffer)))
    figure = {"results": times, "memory": memory}[sys.argv[1]](rows)
    figure.savefig(sys.stdout.buffer, format="png", dpi=140)


def times(lines: Rows) -> Any:
    """All contenders on one axis; below it, of what the set-ups with parts consist."""
    groups: Groups = {}
    for row in lines:
        groups.setdefault(row["benchmark"], {}).setdefault(row["name"], {})[row["phase"]] = row
    parted = {
        f"{name}: where its time goes": phases
        for names in groups.values()
        for name, phases in names.items()
        if set(phases) - set(WHOLE)
    }
    rows = sum(len(names) + 1.4 for names in groups.values())
    figure, panels = plt.subplots(
        1 + len(parted), 1, figsize=(9.5, 0.36 * rows + 1.2 + 1.3 * len(parted)),
        height_ratios=[0.36 * rows] + [0.55] * len(parted), squeeze=False, layout="constrained",
    )  # fmt: skip
    figure.suptitle(
        "Set-up time: medians, quartiles, and the numbers to reach", weight="bold", fontsize=13
    )
    contenders(panels[0, 0], groups)
    for panel, (title, phases) in zip(panels[1:, 0], parted.items(), strict=True):
        parts(panel, title, phases)
    return figure


def memory(lines: Rows) -> Any:
    """Above, what each of many clones takes; below, how long the last of them took."""
    figure, panels = plt.subplots(2, 1, figsize=(9.5, 6.5), sharex=True, layout="constrained")
    figure.suptitle("Many microVMs at once", weight="bold", fontsize=13)
    for panel, key, title in (
        (panels[0], "pss_mib", "proportional set size of each, MiB"),
        (panels[1], "last_ms", "the last one was ready after, ms"),
    ):
        panel.set_title(title, loc="left", weight="bold", fontsize=10)
        for what, colour in (("idle", OURS), ("with a world", REACH)):
            points = [(int(row["clones"]), float(row[key])) for row in lines if row["what"] == what]
            panel.plot(*zip(*points, strict=True), "o-", color=colour)
            for place, value in points:
                panel.annotate(
                    f"{value:.0f}", (place, value), (0, 7), textcoords="offset points",
                    ha="center", color=colour,
                )  # fmt: skip
            panel.annotate(
                what, points[-1], (12, 0), textcoords="offset points", va="center", color=colour,
                weight="bold",
            )  # fmt: skip
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.margins(0.12, 0.2)
        panel.set_ylim(bottom=0)
        plain(panel)
    panels[1].set_xlabel("clones alive at once", color=GREY)
    return figure


def contenders(panel: Any, groups: Groups) -> None:
    """A dot for each on a logarithmic axis: they differ by factors."""
    left = panel.get_yaxis_transform()
    place = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    for title, names in groups.items():
        panel.text(-0.29, place, title, transform=left, weight="bold", va="center")
        first = place + 0.5
        for name, phases in names.items():
            place += 1
            ticks.append(place)
            labels.append(name)
            one(panel, place, phases["up"], OURS if "(ours)" in name else THEIRS)
        reach = next(iter(names.values()))["up"]["target_ms"]
        if reach:
            panel.vlines(float(reach), first, place + 0.5, color=REACH, linestyle=(0, (4, 2)))
            panel.text(
                float(reach), first - 0.12, f"≤ {float(reach):g} ms", color=REACH, fontsize=8.5,
                ha="center", va="bottom",
            )  # fmt: skip
        place += 1.4
    panel.set_yticks(ticks, labels)
    panel.set_ylim(place - 0.6, -0.5)
    panel.set_xscale("log")
    low, high = panel.get_xlim()
    panel.set_xlim(low / 1.2, high * 1.8)
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.4g} ms")
    plain(panel)


def one(panel: Any, place: float, up: dict[str, str], colour: str) -> None:
    """A contender's median and quartiles, or why it has none."""
    if up["absent"]:
        panel.text(
            0.02, place, up["absent"], transform=panel.get_yaxis_transform(), va="center",
            style="italic", color=GREY,
        )  # fmt: skip
        return
    low, median, high = (float(up[key]) for key in ("low_ms", "median_ms", "high_ms"))
    panel.hlines(place, low, high, color=colour, linewidth=3, alpha=0.45)
    panel.plot(median, place, "o", color=colour, markersize=8)
    label = f"{median:.1f}" if median < 100 else f"{median:,.0f}"
    crossed = up["target_ms"] and high < float(up["target_ms"]) < 2.5 * high
    panel.annotate(
        label, (low if crossed else high, place), (-9 if crossed else 9, 0),
        textcoords="offset points", va="center", ha="right" if crossed else "left",
        color=colour if colour == OURS else INK, weight="bold" if colour == OURS else "normal",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def parts(panel: Any, title: str, phases: dict[str, dict[str, str]]) -> None:
    """One bar, cut into its parts, each labelled below itself."""
    panel.set_title(title, loc="left", weight="bold", fontsize=10)
    start = 0.0
    found = [(name, float(row["median_ms"])) for name, row in phases.items() if name not in WHOLE]
    for shade, (name, value) in zip(SHADES, found, strict=False):
        panel.barh(0, value, left=start, height=0.7, color=shade, edgecolor="white", linewidth=2)
        if value > LABELLED * sum(one for _, one in found):
            panel.text(
                start + value / 2, 0, f"{value:,.0f}", ha="center", va="center", weight="bold",
                color=INK if shade in SHADES[2:] else "white",
            )  # fmt: skip
            panel.text(start + value / 2, 0.52, name, ha="center", va="top", fontsize=9)
        start += value
    panel.set_xlim(0, start)
    panel.set_ylim(1.0, -0.4)
    panel.axis("off")


def plain(panel: Any) -> None:
    """Only what is read."""
    panel.spines[["top", "right", "left", "bottom"]].set_visible(False)
    panel.tick_params(axis="both", which="both", length=0)
    panel.tick_params(axis="x", colors=GREY, labelsize=8.5)
    panel.grid(axis="x", color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)


main()
