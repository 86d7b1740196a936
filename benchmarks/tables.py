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
        if one.up is None or ours is None:
            lines.append(f"| {title} | {one.name} | {one.absent} | | | | {reach} |")
            continue
        ratio = one.up.median / ours.median
        lines.append(
            f"| {title} | {one.name} | {one.up.median * 1e3:.1f} | {_quartiles(one.up)} "
            f"| {_down(one.down)} | {ratio:{'.1f' if ratio >= 1 else '.2g'}} | {reach} |"
        )
        lines += [_part(one, part, figure) for part, figure in one.parts.items()]
    return "\n".join(lines) + "\n"


def _part(one: Result, part: str, figure: Figure) -> str:
    reach = f"{one.part_targets[part]:g}" if part in one.part_targets else ""
    return f"| | … {part} | {figure.median * 1e3:.1f} | {_quartiles(figure)} | | | {reach} |"


def _down(figure: Figure | None) -> str:
    if figure is None or figure.median <= 1e-5:
        return "in set-up"
    return f"{figure.median * 1e3:.1f}"


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
