"""Results as text: Markdown to read, CSV to compute with."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Figure, Result


def markdown(results: Sequence[Result]) -> str:
    """A table: medians with quartiles, in ms, and the ratio to ours, which is first of each."""
    lines = [
        "| what | who | set-up, ms | quartiles | teardown, ms | ratio to ours | reach, ms |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    ours: Figure | None = None
    before = ""
    for one in results:
        if one.benchmark != before:
            before, ours = one.benchmark, one.up
            title, reach = one.benchmark, f"{one.target_ms:g}" if one.target_ms else ""
        else:
            title, reach = "", ""
        if one.up is None or one.down is None or ours is None:
            lines.append(f"| {title} | {one.name} | {one.absent} | | | | {reach} |")
            continue
        ratio = f"{one.up.median / ours.median:.1f}"
        down = f"{one.down.median * 1e3:.1f}" if one.down.median > 1e-5 else "in set-up"
        lines.append(
            f"| {title} | {one.name} | {one.up.median * 1e3:.1f} | {_quartiles(one.up)} "
            f"| {down} | {ratio} | {reach} |"
        )
        lines += [
            f"| | … {part} | {figure.median * 1e3:.1f} | {_quartiles(figure)} | | | |"
            for part, figure in one.parts.items()
        ]
    return "\n".join(lines) + "\n"


def _quartiles(figure: Figure) -> str:
    return f"{figure.low * 1e3:.1f} to {figure.high * 1e3:.1f}"


COLUMNS = ("benchmark", "name", "phase", "low_ms", "median_ms", "high_ms", "target_ms", "absent")


def comma_separated(results: Sequence[Result]) -> str:
    """A line for each figure, and one for each neighbour that is absent."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in results:
        target = one.target_ms or ""
        figures = {"up": one.up, "down": one.down, **one.parts}
        for phase, figure in figures.items():
            if figure is not None:
                values = [f"{s * 1e3:.3f}" for s in (figure.low, figure.median, figure.high)]
                writer.writerow([one.benchmark, one.name, phase, *values, target, ""])
        if one.absent:
            writer.writerow([one.benchmark, one.name, "up", "", "", "", target, one.absent])
    return buffer.getvalue()
