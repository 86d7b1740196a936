"""What is seen of a run while it runs: a line that moves in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column

from grader.check import Verdict
from grader.cli.app import err, plain
from grader.summary import from_wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.progress import Event

SPINNER = "line"  # of ASCII alone
WIDE = 70  # from so many columns on there is room for a bar


class Live:
    """Follows a run's events; of `several` submissions they are counted, of one its checks."""

    def __init__(self, *, several: bool) -> None:
        self._several = several
        self._began = time.monotonic()
        self._checks: dict[str, int] = {}
        self._done: dict[str, int] = defaultdict(int)
        self._won: dict[str, float] = defaultdict(float)
        self._worth: dict[str, float] = defaultdict(float)
        self._reported: list[str] = []
        self._task_now = ""
        self.kept: list[str] = []
        bar = [BarColumn(bar_width=14)] if err.width >= WIDE else []
        self._bar = Progress(
            SpinnerColumn(SPINNER),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            *bar,
            TextColumn("{task.fields[count]}", markup=False, table_column=Column(no_wrap=True)),
            console=err,
            transient=True,
            expand=True,
            disable=not err.is_terminal,
        )
        self._line = self._bar.add_task("making ready", total=None, count="")

    def follow(self, events: Iterable[Event]) -> None:
        """Show what happens, to the end."""
        seen = {
            "planned": self._plan,
            "said": self._say_what,
            "begun": self._begin,
            "judged": self._judge,
            "reported": self._report,
        }
        with self._bar:
            for event in events:
                seen[event["kind"]](event)

    def ending(self) -> None:
        """Say that the run was asked to end."""
        self._say("ending: what was graded is written down; once more, and it is killed")

    @property
    def submissions(self) -> list[str]:
        """Those that were to be graded."""
        return list(self._checks)

    def _say(self, line: str) -> None:
        self._bar.console.print(plain(line, err), markup=False)

    def _plan(self, event: Event) -> None:
        if event["kept"] and not self.kept:
            self._say(f"{len(event['kept'])} kept: graded before, and nothing has changed since")
        self._checks, self.kept = event["checks"], event["kept"]
        self._bar.update(self._line, total=sum(self._checks.values()) or 1, count=self._count())

    def _say_what(self, event: Event) -> None:
        if err.is_terminal:
            self._bar.update(self._line, description=plain(event["line"], err))
        else:
            self._say(event["line"])

    def _begin(self, event: Event) -> None:
        who = f"{event['submission']} " if self._several else ""
        self._bar.update(self._line, description=plain(f"{who}{event['check']}", err))
        task = event["check"].partition(".")[0]
        if not (self._several or err.is_terminal or task == self._task_now):
            self._say(f"checking {task}")
        self._task_now = task

    def _judge(self, event: Event) -> None:
        name, result = event["submission"], from_wire(event)
        self._done[name] += 1
        self._won[name] += result.points
        self._worth[name] += result.max_points
        self._bar.update(self._line, completed=sum(self._done.values()), count=self._count())
        if not self._several and result.verdict.lost and result.verdict is not Verdict.SKIPPED:
            self._say(f"{result.verdict} {result.id}: {result.title}")

    def _report(self, event: Event) -> None:
        name = event["submission"]
        self._reported.append(name)
        if self._several and not err.is_terminal:
            points = f"{round(self._won[name], 4):g} / {round(self._worth[name], 4):g}"
            self._say(f"{len(self._reported)}/{len(self._checks)}  {name}  {points}")
        self._bar.update(self._line, count=self._count())

    def _count(self) -> str:
        done, total = sum(self._done.values()), sum(self._checks.values())
        if not self._several:
            return f"{done}/{total}"
        return f"{len(self._reported)}/{len(self._checks)}{self._pace(done, total)}"

    def _pace(self, done: int, total: int) -> str:
        """The rate and the time left, by checks, of which each submission has the same."""
        took = time.monotonic() - self._began
        if not done or took < 1:
            return ""
        each = total / len(self._checks)
        left = took * (total - done) / done
        return f", {done / each / took * 60:.1f} a minute, {_span(left)} left"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
