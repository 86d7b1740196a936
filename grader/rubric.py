"""The rubric: a lab's tasks, files, points and parameters, validated before anything starts."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from grader import document
from grader.check import Check, checks_of
from grader.document import Strict
from grader.errors import BadInput
from grader.world import Topology

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Points = Annotated[float, Field(ge=0)]
TaskId = Annotated[str, Field(pattern=r"^[0-9a-z_-]+$")]
# As man(1) is told it by people: tcpdump(1).
Manual = Annotated[str, Field(pattern=r"^[\w.+-]+\([1-9]\w*\)$")]


class Task(Strict):
    """One task: its files, its points, and how they are divided among its checks.

    `topology` is where its worlds are, by name, or several, if it is not the lab's; `manuals` are
    the pages to read; `hidden_until` has the checks that students do not see before a date;
    `lasts_s` is about how long it takes, by which workers share the tasks out.
    """

    title: str
    files: tuple[str, ...] = Field(min_length=1)
    module: str
    points: Points
    checks: dict[str, Points]
    topology: Names = ()
    manuals: tuple[Manual, ...] = ()
    lasts_s: Annotated[float, Field(gt=0)] = 1.0
    hidden_until: dict[str, dt.date] = {}
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _sums_up(self) -> Self:
        total = sum(self.checks.values())
        if abs(total - self.points) > 1e-9:
            raise ValueError(f"points: expected the checks' sum, {total:g}, found {self.points:g}")
        return self

    @model_validator(mode="after")
    def _hides_what_is_there(self) -> Self:
        for name in self.hidden_until.keys() - self.checks.keys():
            raise ValueError(
                f"hidden_until: {name!r} is no check; there are {', '.join(self.checks)}"
            )
        return self

    def hidden(self, today: dt.date) -> dict[str, dt.date]:
        """The checks that a student does not see yet, with the date from which on they are seen."""
        return {name: until for name, until in self.hidden_until.items() if today < until}


class Late(Strict):
    """What days late cost: of what was won, a part for each day after the free ones."""

    free_days: Annotated[int, Field(ge=0)] = 0
    lose_per_day: Annotated[float, Field(ge=0, le=1)]
    most_days: Annotated[int, Field(ge=0)] | None = None

    def score(self, score: float, days: int) -> float:
        """What is left of `score`."""
        if self.most_days is not None and days > self.most_days:
            return 0.0
        return round(score * max(0.0, 1 - self.lose_per_day * max(0, days - self.free_days)), 4)


class Rubric(Strict):
    """A lab. `late` is what days late cost, if anything."""

    schema_: Literal["netlab-lab/1"] = Field(alias="schema")
    lab: str
    title: str
    topology: str
    late: Late | None = None
    tasks: dict[TaskId, Task]

    @property
    def files(self) -> tuple[str, ...]:
        """All files that may be handed in."""
        return tuple(dict.fromkeys(name for task in self.tasks.values() for name in task.files))

    def hidden(self, today: dt.date) -> dict[str, dt.date]:
        """The ids of all checks that a student does not see yet, with their dates."""
        return {
            f"{task_id}.{name}": until
            for task_id, task in self.tasks.items()
            for name, until in task.hidden(today).items()
        }


class Lab:
    """A rubric with the modules of its checks and its topology, all validated."""

    def __init__(self, folder: Path) -> None:
        """Load `folder`/lab.yaml and what it names. Raises BadInput naming file and item."""
        sys.path.append(str(folder.parent))  # a lab may lie anywhere, not only in the project
        path = folder / "lab.yaml"
        self.rubric = document.load(path, Rubric)
        self.modules: dict[str, ModuleType] = {}
        self.checks: dict[str, list[Check]] = {}
        for name, task in self.rubric.tasks.items():
            module = _module(path, name, f"{folder.name}.{task.module}")
            self.modules[name] = module
            found = checks_of(module, name)
            _agree(path, name, task, found)
            self.checks[name] = _in_order(path, name, task, found)
            _seen_without_hidden(path, name, task, self.checks[name])
        named = {self.rubric.topology, *(n for t in self.rubric.tasks.values() for n in t.topology)}
        self._topologies = {
            name: Topology.load(topology_file(folder, name)) for name in sorted(named)
        }

    def topologies(self, task: str) -> dict[str, Topology]:
        """The topologies of a task by name; its worlds are of the first, if none is asked for."""
        names = self.rubric.tasks[task].topology or (self.rubric.topology,)
        return {name: self._topologies[name] for name in names}

    def check(self, id: str) -> Check:  # noqa: A002 the word that rubric and report use
        """The check of that id. Raises KeyError for none."""
        task = id.partition(".")[0]
        return {one.id: one for one in self.checks[task]}[id]


def topology_file(lab: Path, name: str) -> Path:
    """Where the lab's own topology of that name is, or that of fixtures/ beside it."""
    file = f"{name}.yaml"
    own, shared = lab / "topologies", lab.parent / "fixtures" / "topologies"
    return (own if (own / file).is_file() else shared) / file


def _module(path: Path, task: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in {name, name.rpartition(".")[0]}:
            raise
        raise BadInput(f"{path}: tasks.{task}.module: there is no module {name}") from error


def _agree(path: Path, name: str, task: Task, checks: list[Check]) -> None:
    """Every check has points and every points a check."""
    written, priced = {one.name for one in checks}, set(task.checks)
    for missing in sorted(written - priced):
        raise BadInput(f"{path}: tasks.{name}.checks: no points for check {missing!r}")
    for unknown in sorted(priced - written):
        raise BadInput(
            f"{path}: tasks.{name}.checks: {unknown!r} is no check of {task.module}",
            remedy=f"its checks are {', '.join(sorted(written))}",
        )


def _in_order(path: Path, name: str, task: Task, checks: list[Check]) -> list[Check]:
    """The checks in the rubric's order. Raises BadInput if one stands before one it needs."""
    by_name = {one.name: one for one in checks}
    ordered = [by_name[one] for one in task.checks]
    known: set[str] = set()
    for one in ordered:
        for need in one.needs:
            if need not in known:
                raise BadInput(
                    f"{path}: tasks.{name}.checks: {one.name!r} needs {need!r}, which does not "
                    "stand before it"
                )
        known.add(one.id)
    return ordered


def _seen_without_hidden(path: Path, name: str, task: Task, checks: list[Check]) -> None:
    """No check is seen before one that it needs: its verdict would tell the other's."""
    for one in checks:
        for need in one.needs:
            hidden = task.hidden_until.get(need.partition(".")[2])
            if hidden and task.hidden_until.get(one.name, dt.date.min) < hidden:
                raise BadInput(
                    f"{path}: tasks.{name}.hidden_until: {one.name!r} needs {need!r}, which is "
                    f"hidden until {hidden}",
                    remedy=f"hide {one.name!r} until {hidden}, too",
                )
