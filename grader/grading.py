"""One run that grades: what is to be graded, how, and what has come of it."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader.check import Check, Verdict
from grader.decisions import held, settle
from grader.errors import BadInput, Unsupported
from grader.image import find
from grader.machine import usernamespace
from grader.machine.docker import Engine
from grader.report import Result, Run, build, write
from grader.rubric import Lab
from grader.sandbox import AUTO, KINDS, OFFERS, cheapest
from grader.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXIT_PASSED, EXIT_LOST, EXIT_USAGE, EXIT_OPEN = 0, 1, 2, 3
HOME = "submissions"


class Grading:
    """The lab, the folders to be graded, the seed, and the results so far."""

    def __init__(self, root: Path, lab: Path, targets: list[Path]) -> None:
        """`root` is the project's folder, `lab` the lab's. Raises BadInput if the lab is not."""
        self.root = root
        self.targets = targets
        self.lab = Lab(lab)
        self.started = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.seed = 0
        self.reports = Path()
        self.sandbox = AUTO
        self.absent: frozenset[str] = frozenset()
        self.picked: list[str] = []
        self.expected: list[str] = []
        self.results: dict[str, Result] = {}
        self.links: list[Path] = []

    def configure(
        self, *, seed: int | None, sandbox: str, reports: Path, absent: Iterable[str] | None = None
    ) -> None:
        """Take the options; without a seed one is drawn. Raises BadInput for what is not sound.

        `absent` are the sandboxes that auto leaves out; None to find out.
        """
        if sandbox not in KINDS:
            raise BadInput(f"--sandbox: expected {', '.join(KINDS)}; found {sandbox!r}")
        self.sandbox = sandbox
        self.seed = secrets.randbelow(2**31) if seed is None else seed
        self.reports = reports
        if sandbox == AUTO:
            self.absent = _absent() if absent is None else frozenset(absent)
        self.links = self.walk()[1]

    def belongs(self, path: Path) -> bool:
        """Whether `path` is a target or lies in one."""
        return any(path == target or target in path.parents for target in self.targets)

    def picked_of(self, folder: Path) -> dict[str, set[str]]:
        """What node ids pick of a submission: by task the checks, or none where all are meant.

        Empty if nothing is picked: then all of the submission is to be graded.
        """
        whole: set[str] = set()
        found: dict[str, set[str]] = {}
        for one in self.picked:
            if one.startswith(f"{folder}::"):
                task, _, check = one.removeprefix(f"{folder}::").partition("::")
                found.setdefault(task, set()).add(check)
                whole |= set() if check else {task}
        return {task: set() if task in whole else checks for task, checks in found.items()}

    def holds(self, path: Path) -> bool:
        """Whether the folder `path` holds submissions, rather than being one.

        It does if it has folders and none of the lab's files.
        """
        try:
            entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        except OSError:
            return False  # a submission that cannot be opened is told so
        names = {entry.name for entry in entries}
        inner = any(entry.is_dir() and not entry.is_symlink() for entry in entries)
        return inner and not names & set(self.lab.rubric.files)

    def walk(self) -> tuple[dict[str, Path], list[Path]]:
        """All submissions by id, and the links among them, which are not followed.

        Raises BadInput if two have the same id, since their reports would be one.
        """
        found: dict[str, Path] = {}
        links = []
        todo = list(self.targets)
        while todo:
            folder = todo.pop()
            if not self.holds(folder):
                other = found.setdefault(self.id_of(folder), folder)
                if other != folder:
                    raise BadInput(
                        f"two submissions have the id {self.id_of(folder)!r}: {other}, {folder}",
                        remedy="grade them in runs with different --report-dir",
                    )
                continue
            inner = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
            links += [path for path in inner if path.is_symlink()]
            todo += [path for path in inner if path.is_dir() and not path.is_symlink()]
        return found, links

    def id_of(self, path: Path) -> str:
        """A submission's id: its path below submissions/ or below the folder that was named."""
        home = self.root / HOME
        for base in (home, *self.targets):
            if base in path.parents:
                return path.relative_to(base).as_posix()
        return path.name

    def sandbox_of(self, check: Check) -> str:
        """The kind of sandbox that `check` runs in; the first that is asked for if none will do."""
        try:
            return cheapest(check.requires, self.sandbox, self.absent)
        except Unsupported:
            return self.sandbox if self.sandbox != AUTO else next(iter(OFFERS))

    def supports(self, check: Check) -> None:
        """Raise Unsupported if no sandbox that may be taken can observe what `check` requires."""
        cheapest(check.requires, self.sandbox, self.absent)

    def complete(self) -> dict[str, tuple[Path, list[Result]]]:
        """All expected results by submission, as people have decided where they had to.

        What did not come is an error of ours, not a zero.
        """
        found: dict[str, tuple[Path, list[Result]]] = {}
        for nodeid in self.expected:
            place, task, name = nodeid.rsplit("::", 2)
            folder = Path(self.root, place)
            result = self.results.get(nodeid) or self._missing(f"{task}.{name}")
            found.setdefault(self.id_of(folder), (folder, []))[1].append(result)
        return {
            name: (folder, settle(results, self.reports / name))
            for name, (folder, results) in found.items()
        }

    def _missing(self, id: str) -> Result:  # noqa: A002 the word that rubric and report use
        check = self.lab.check(id)
        return Result(
            check.id,
            check.title,
            Verdict.ERROR,
            points=0.0,
            max_points=self.lab.rubric.tasks[check.task].checks[check.name],
            sandbox=self.sandbox_of(check),
            message="not graded: the run ended before this check",
            hint="grade again",
        )

    def write_reports(self) -> int:
        """Write a report for each submission; returns the exit code."""
        run = Run(self.seed, _image_id(), self.started)
        self.reports.mkdir(parents=True, exist_ok=True)
        with ExitStack() as holding:  # nobody decides between the reading and the writing
            with suppress(OSError, NotImplementedError):  # no lock is no reason to lose reports
                holding.enter_context(held(self.reports))
            results = self.complete()
            for name, (folder, found) in results.items():
                digest = Submission(name, folder).digest(self.lab.rubric.files)
                took = sum(one.duration_s for one in found)
                about = {"id": name, "sha256": digest}
                report = build(self.lab.rubric, run, about, found, took)
                write(report, self.reports / name / "report.json")
                _drop_stale(self.reports / name, found)
        return exit_code([one for _, found in results.values() for one in found])


def exit_code(results: Sequence[Result]) -> int:
    """What a run ends with: a fault of ours weighs more than a lost point."""
    if any(one.verdict.ours for one in results):
        return EXIT_OPEN
    return EXIT_LOST if any(one.verdict.lost for one in results) else EXIT_PASSED


def _absent() -> frozenset[str]:
    """netns, where this host has no user namespaces, yet an engine that can do without."""
    try:
        usernamespace.require()
    except Unsupported:
        with suppress(Unsupported), Engine(within=5):
            return frozenset({"netns"})
    return frozenset()


def _image_id() -> str:
    try:
        image = find()
    except Unsupported:
        return ""
    return image.id if image else ""


def _drop_stale(folder: Path, results: Sequence[Result]) -> None:
    """Remove what an earlier run kept of checks that now have no evidence."""
    for result in results:
        if not result.evidence:
            shutil.rmtree(folder / result.id, ignore_errors=True)
