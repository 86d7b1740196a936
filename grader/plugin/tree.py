"""The tree that pytest runs: submissions, their tasks, the tasks' checks."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grader import home
from grader.check import Check, Verdict, verdict_of
from grader.grading import Grading, inside
from grader.plugin.command_line import GRADING, grading_of
from grader.sandbox import AUTO
from grader.submission import Submission, in_utf_8
from grader.taskrun import TaskRun


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Make a folder below a target a node of ours; pytest never looks into it itself."""
    grading = grading_of(parent.config)
    if grading is None or not grading.belongs(path):
        return None
    kind = SubmissionsNode if grading.holds(path) else SubmissionNode
    inside = grading.root in path.parents
    # Absolute outside of the project, where pytest's own would depend on what was named.
    place = path.relative_to(grading.root) if inside else path
    nodeid = type(parent.id)(path=in_utf_8(place.as_posix()))
    # xdist sends names and ids of nodes, which must be UTF-8.
    name = in_utf_8(path.name)
    node: pytest.Collector = kind.from_parent(parent, name=name, path=path, nodeid=nodeid)
    return node


class SubmissionsNode(pytest.Directory):
    """A folder of submissions."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One node a folder, in the order of their names; links are not followed."""
        for path in inside(self.path):
            if path.is_dir() and not path.is_symlink():
                node = pytest_collect_directory(path, self)
                if node is not None:
                    yield node


class SubmissionNode(pytest.Directory):
    """One submission: a node for each task of the lab."""

    def collect(self) -> Iterator[pytest.Collector]:
        """The tasks that may be picked, in the rubric's order."""
        grading = self.config.stash[GRADING]
        submission = Submission(grading.id_of(self.path), self.path)
        if submission.id in grading.kept:
            return
        picked = grading.picked_of(self.path)
        for name in grading.lab.checks:
            if picked and name not in picked:
                continue
            shared = TaskState()
            checks = grading.checks_of(name)
            for sandbox in dict.fromkeys(grading.sandbox_of(check) for check in checks):
                yield TaskNode.of(self, grading, submission, name, sandbox=sandbox, state=shared)


@dataclass
class TaskState:
    """What a task's nodes share: verdicts, where checks belong, whether a machine was replaced."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    homes: dict[str, TaskNode] = field(default_factory=dict)
    replaced: bool = False


class TaskNode(pytest.Module):
    """One task of one submission: what pytest calls a module, so that its fixtures are shared.

    A task whose checks need different sandboxes has a node for each, all of the same id.
    """

    run: TaskRun
    checks: list[Check]
    state: TaskState

    @classmethod
    def of(
        cls,
        parent: SubmissionNode,
        grading: Grading,
        submission: Submission,
        name: str,
        *,
        sandbox: str,
        state: TaskState,
    ) -> TaskNode:
        """The node of those checks of task `name` that run in `sandbox`."""
        module = grading.lab.modules[name]
        node: TaskNode = cls.from_parent(
            parent,
            path=Path(str(module.__file__)),
            name=name,
            nodeid=parent.id.child(name),
        )
        node.run = TaskRun(
            submission,
            name,
            grading.lab.rubric.tasks[name],
            topologies=grading.lab.topologies(name),
            seed=f"{grading.seed}/{submission.id}/{name}",
            replay=_replay(grading, node.nodeid),
            sandbox=sandbox,
        )
        every = grading.checks_of(name)
        node.checks = [check for check in every if grading.sandbox_of(check) == sandbox]
        node.state = state
        state.homes |= dict.fromkeys((check.id for check in node.checks), node)
        return node

    def _getobj(self) -> Any:
        return self.config.stash[GRADING].lab.modules[self.name]

    def collect(self) -> Iterator[pytest.Item]:
        """One item a check that is picked."""
        self.session._fixturemanager.parsefactories(self)  # noqa: SLF001
        grading = self.config.stash[GRADING]
        names = grading.picked_of(self.run.submission.folder).get(self.name, set())
        for check in self.checks:
            if not names or check.name in names:
                yield CheckItem.of(self, check)


def _replay(grading: Grading, nodeid: str) -> str:
    """The command that grades a node again; its id is a path below the project's folder."""
    program = home.call("pytest", here=home.project())
    sandbox = "" if grading.sandbox == AUTO else f" --sandbox={grading.sandbox}"
    return f"{program} {shlex.quote(nodeid)} --seed={grading.seed}{sandbox}"


class CheckItem(pytest.Function):
    """One check of one submission."""

    check: Check

    @classmethod
    def of(cls, parent: TaskNode, check: Check) -> CheckItem:
        """The item of `check`."""
        item: CheckItem = cls.from_parent(parent, name=check.name, callobj=check.function)
        item.check = check
        return item

    @property
    def task(self) -> TaskNode:
        """The task that the check belongs to."""
        node = self.parent
        if not isinstance(node, TaskNode):
            raise TypeError(f"{self.nodeid} does not belong to a task")
        return node

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> str:
        """What is said of an exception: only a fault of ours has a trace worth reading."""
        if verdict_of(excinfo.value) is Verdict.ERROR:
            return "".join(traceback.format_exception(excinfo.value))
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says that the check is: in the submission, not in the module."""
        return Path(in_utf_8(str(self.task.run.submission.folder))), None, self.nodeid
