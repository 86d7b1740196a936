"""A report as its student reads it: what was lost, what shows it, and where to read on."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from grader.check import Verdict
from grader.cli.app import out, plain
from grader.excerpt import excerpts, manuals
from grader.summary import LETTERS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from rich.console import OverflowMethod

    from grader.evidence.decoded import Decoder
    from grader.excerpt import Excerpt
    from grader.rubric import Rubric

WIDEST = 100
LONGEST = 12  # lines of a hint

Plain = dict[str, Any]


@dataclass(frozen=True)
class Explained:
    """Prints a report; `folder` is the report's, `again` the command that repeats it."""

    report: Plain
    folder: Path
    rubric: Rubric
    decoder: Decoder
    again: str

    def show(self) -> None:
        """Print all of it."""
        for task in self.report["tasks"]:
            self._task(task)

    def _task(self, task: Plain) -> None:
        checks = task["checks"]
        shown: list[Excerpt] = []
        out.print()
        self._head(f"{task['id']}  {task['title']}", points(checks), colour(checks))
        for check in checks:
            verdict = Verdict(check["verdict"])
            if verdict is Verdict.PASSED and check["message"]:
                self._row("note", f"{check['id']}: {check['message']}")
            elif verdict not in {Verdict.PASSED, Verdict.SKIPPED}:
                self._check(check, verdict, shown)
        self._skipped([one for one in checks if one["verdict"] == Verdict.SKIPPED])
        if any(Verdict(one["verdict"]).lost for one in checks):
            command = f"{self.again} --task {task['id']} --seed {self.report['seed']}"
            # In one piece, however long: it is to be copied.
            out.print(Text("    again  ", style="dim").append(plain(command, out)))

    def _check(self, check: Plain, verdict: Verdict, shown: list[Excerpt]) -> None:
        """Explain a check; of a task's evidence, nothing is `shown` twice."""
        lost = check["max_points"] - check["points"] if verdict.lost else 0
        minus = f"  -{round(lost, 4):g}" if lost else ""
        head = Text(f"  {verdict} ", style=f"bold {LETTERS[verdict][1]}")
        head.append(f"{check['id']}{minus}  ", style="bold")
        head.append(plain(check["title"], out))
        self._hang(head)
        task = self.rubric.tasks[check["id"].partition(".")[0]]
        self._lines(check["message"], 4)
        for one in excerpts(self.folder, check, task.files, self.decoder):
            if one not in shown:
                self._excerpt(one)
                shown.append(one)
        hint = "\n".join(check["hint"].splitlines()[:LONGEST])
        self._row("remedy" if verdict.ours else "hint", hint)
        self._row("read", "; ".join(manuals(check, task.manuals)) if verdict.lost else "")
        if check["evidence"]:
            names = ", ".join(path.rpartition("/")[2] for path in check["evidence"])
            out.print(
                Text("    see    ", style="dim").append(f"{short(self.folder / check['id'])}/")
            )
            self._row("", names)

    def _excerpt(self, excerpt: Excerpt) -> None:
        out.print(Text(f"    {plain(excerpt.name, out)}", style="dim"))
        for line in excerpt.lines:
            self._lines(line, 6, gutter="│ ")
        if excerpt.more:
            lines = "line" if excerpt.more == 1 else "lines"
            out.print(Text(f"      ... {excerpt.more} {lines} more", style="dim"))

    def _skipped(self, skipped: list[Plain]) -> None:
        if skipped:
            lost = round(sum(one["max_points"] for one in skipped), 4)
            names = ", ".join(one["id"].partition(".")[2] for one in skipped)
            text = Text("  SKIPPED ", style="bold yellow").append(f"-{lost:g}  ", style="bold")
            self._hang(text.append(f"not judged, since what they need did not pass: {names}"))

    def _hang(self, text: Text) -> None:
        """Print a line that goes on, if it must, four columns in."""
        first, *rest = text.wrap(out, width() - 4)
        out.print(first)
        for part in rest:
            out.print(Text("    ").append_text(part))

    def _row(self, name: str, text: str) -> None:
        """A line under a check: what it is, then its text, which keeps its own column."""
        if text:
            self._lines(text, 4, label=f"{name:<7}")

    def _lines(self, text: str, indent: int, *, label: str = "", gutter: str = "") -> None:
        """Print a text in the columns that are left of the line."""
        before = plain(gutter, out)
        room = max(20, width() - indent - len(label) - len(before))
        first = label
        for line in plain(text, out).splitlines():
            for part in Text(line).wrap(out, room, overflow="fold") or [Text()]:
                part.rstrip()
                shown = Text(" " * indent).append(first + before, style="dim").append_text(part)
                shown.rstrip()
                out.print(shown)
                first = " " * len(label)

    def _head(self, title: str, right: str, style: str) -> None:
        """A line with something at its right end."""
        left = Text(plain(title, out), style="bold")
        left.truncate(max(10, width() - len(right) - 1), overflow=self._dots, pad=True)
        out.print(left.append(f" {right}", style=f"bold {style}"))

    @property
    def _dots(self) -> OverflowMethod:
        return "ellipsis" if plain("…", out) == "…" else "crop"


def width() -> int:
    """How many columns a line has."""
    return min(out.width, WIDEST)


def total(report: Plain) -> None:
    """Print the points of a report, and what of them is open."""
    checks = [one for task in report["tasks"] for one in task["checks"]]
    out.print()
    line = Text(f"{plain(report['submission']['id'], out)}: ", style="bold")
    out.print(line.append(points(checks), style=f"bold {colour(checks)}"))
    waiting = [one for one in checks if one["verdict"] == Verdict.REVIEW]
    if waiting:
        worth = round(sum(one["max_points"] for one in waiting), 4)
        out.print(f"{worth:g} of them are for a person to give, who reads your answers")
    if ours := [one for one in checks if Verdict(one["verdict"]).ours]:
        noun = "check" if len(ours) == 1 else "checks"
        out.print(f"{len(ours)} {noun} could not be graded here, which costs you nothing")


def count_hidden(hidden: Mapping[str, dt.date], rubric: Rubric) -> None:
    """Print how many checks are hidden, and until when; no names."""
    for until in sorted(set(hidden.values())):
        mine = [id_ for id_, date in hidden.items() if date == until]
        worth = round(sum(_worth(rubric, id_) for id_ in mine), 4)
        are = "check is" if len(mine) == 1 else "checks are"
        out.print(f"{len(mine)} {are} hidden until {until}, worth {worth:g} points")


def _worth(rubric: Rubric, id_: str) -> float:
    task, _, name = id_.partition(".")
    return rubric.tasks[task].checks[name]


def points(checks: list[Plain]) -> str:
    """What was won of what can be, and what is undecided."""
    won = round(sum(one["points"] for one in checks), 4)
    worth = round(sum(one["max_points"] for one in checks), 4)
    left = round(sum(one["max_points"] for one in checks if Verdict(one["verdict"]).open), 4)
    undecided = f" ({left:g} undecided)" if left else ""
    return f"{won:g} / {worth:g}{undecided}"


def colour(checks: list[Plain]) -> str:
    """Red where something was lost, yellow where something is open, green else."""
    verdicts = [Verdict(one["verdict"]) for one in checks]
    if any(verdict.lost for verdict in verdicts):
        return "red"
    return "yellow" if any(verdict.open for verdict in verdicts) else "green"


def short(path: Path) -> str:
    """A path as one would type it."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 HOME may be unset: then ~ stays
    if home != Path("/") and home in path.parents:
        return f"~/{shlex.quote(str(path.relative_to(home)))}"
    return shlex.quote(str(path))
