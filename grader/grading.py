"""One run that grades: what is to be graded, how, and what has come of it."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from grader import resume
from grader.check import Check, Verdict
from grader.decisions import checks_in, held, read_report, settle
from grader.errors import BadInput, Unsupported
from grader.image import find
from grader.machine import usernamespace
from grader.report import Result, Run, build, half_written, remove_half_written, write
from grader.rubric import Lab
from grader.sandbox import AUTO, KINDS, OFFERS, cheapest
from grader.submission import Submission, in_utf_8

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

EXIT_PASSED, EXIT_LOST, EXIT_USAGE, EXIT_OPEN = 0, 1, 2, 3
HOME = "submissions"
MACOS = "__MACOSX"  # which its zip files have beside the folder that was packed
# What stands among the reports of a class.
RESERVED = {"index.html", "summary.csv", "anonymous-pages"}


class Grading:
    """The lab, the folders to be graded, the seed, and the results so far."""

    def __init__(self, root: Path, lab: Path, targets: list[Path]) -> None:
        """`root` is the project's folder, `lab` the lab's. Raises BadInput if one is not sound."""
        for target in targets:
            if str(target) != in_utf_8(str(target)):
                raise BadInput(
                    f"expected a path in UTF-8, found {in_utf_8(str(target))}",
                    remedy="rename the folder",
                )
        self.root = root
        self.targets = targets
        self.home = lab
        self.lab = Lab(lab)
        self.started = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.seed = 0
        self.reports = Path()
        self.sandbox = AUTO
        self.absent: frozenset[str] = frozenset()
        self.picked: list[str] = []
        self.tasks: set[str] = set()
        self.hidden: set[str] = set()
        self.kept: list[str] = []
        self.expected: list[str] = []
        self.results: dict[str, Result] = {}
        self.unwritten: dict[str, OSError] = {}
        self.submissions: dict[str, Path] = {}
        self.links: list[Path] = []
        self._ids: dict[str, list[str]] = {}
        self._missing: dict[str, set[str]] = {}
        self._made_of = ""

    def configure(
        self,
        *,
        seed: int | None,
        sandbox: str,
        reports: Path,
        absent: Iterable[str] | None = None,
        tasks: Sequence[str] = (),
        student: bool = False,
    ) -> None:
        """Take the options; without a seed one is drawn. Raises BadInput for what is not sound.

        `absent` are the sandboxes that auto leaves out; None to find out. Of `tasks`, if any are
        named, alone; for a `student` without what the lab hides as yet.
        """
        if sandbox not in KINDS:
            raise BadInput(f"--sandbox: expected {', '.join(KINDS)}; found {sandbox!r}")
        known = self.lab.rubric.tasks
        for unknown in (task for task in tasks if task not in known):
            raise BadInput(f"--task: expected {', '.join(known)}; found {unknown!r}")
        self.sandbox = sandbox
        self.seed = secrets.randbelow(2**31) if seed is None else seed
        self.reports = reports
        self.tasks = set(tasks)
        if student:
            self.hidden = set(self.lab.rubric.hidden(dt.datetime.now().astimezone().date()))
        if sandbox == AUTO:
            self.absent = _absent() if absent is None else frozenset(absent)
        self.submissions, self.links = self.walk()

    def checks_of(self, task: str) -> list[Check]:
        """The checks of a task that this run may show; none of one that it leaves out."""
        if self.tasks and task not in self.tasks:
            return []
        return [check for check in self.lab.checks[task] if check.id not in self.hidden]

    def keep_what_stands(self, seed: int | None) -> None:
        """Keep the reports of those submissions that would be graded as they were."""
        checks = [check.id for task in self.lab.checks for check in self.checks_of(task)]
        self.kept = [
            name
            for name, folder in self.submissions.items()
            if resume.stands(
                self.reports / name,
                Submission(name, folder),
                self.lab.rubric.files,
                made_of=self.made_of,
                checks=checks,
                seed=seed,
            )
        ]

    @property
    def made_of(self) -> str:
        """What the reports of this run are made of, besides submissions."""
        if not self._made_of:
            self._made_of = resume.inputs(
                self.home, self.root / "fixtures", self.sandbox, self.image
            )
        return self._made_of

    @cached_property
    def image(self) -> str:
        """The id of the image that is there, or nothing."""
        try:
            image = find()
        except Unsupported:
            return ""
        return image.id if image else ""

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
            entries = inside(path)
        except OSError:
            return False  # a submission that cannot be opened is told so
        names = {entry.name for entry in entries}
        inner = any(entry.is_dir() and not entry.is_symlink() for entry in entries)
        return inner and not names & set(self.lab.rubric.files)

    def walk(self) -> tuple[dict[str, Path], list[Path]]:
        """All submissions by id, and the links among them, which are not followed.

        Raises BadInput if two have the same id, since their reports would be one, or one has
        the name of a file that is written beside them.
        """
        found: dict[str, Path] = {}
        links = []
        todo = list(self.targets)
        while todo:
            folder = todo.pop()
            if not self.holds(folder):
                _take(found, self.id_of(folder), folder)
                continue
            inner = inside(folder)
            links += [path for path in inner if path.is_symlink()]
            todo += [path for path in inner if path.is_dir() and not path.is_symlink()]
        return found, links

    def id_of(self, path: Path) -> str:
        """A submission's id: its path below submissions/ or below the folder that was named."""
        home = self.root / HOME
        for base in (home, *self.targets):
            if base in path.parents:
                return in_utf_8(path.relative_to(base).as_posix())
        return in_utf_8(path.name)

    def sandbox_of(self, check: Check) -> str:
        """The kind of sandbox that `check` runs in; the first that is asked for if none will do."""
        try:
            return cheapest(check.requires, self.sandbox, self.absent)
        except Unsupported:
            return self.sandbox if self.sandbox != AUTO else next(iter(OFFERS))

    def supports(self, check: Check) -> None:
        """Raise Unsupported if no sandbox that may be taken can observe what `check` requires."""
        cheapest(check.requires, self.sandbox, self.absent)

    def expect(self, nodeids: Sequence[str]) -> None:
        """Know which checks are to come."""
        self.expected = list(nodeids)
        self._ids = {}
        for nodeid in nodeids:
            self._ids.setdefault(self.submission_of(nodeid), []).append(nodeid)
        self._missing = {name: set(mine) for name, mine in self._ids.items()}

    def submission_of(self, nodeid: str) -> str:
        """The id of the submission that a check's node belongs to."""
        return self.id_of(Path(self.root, nodeid.rsplit("::", 2)[0]))

    @property
    def counts(self) -> dict[str, int]:
        """How many checks are to come, by submission."""
        return {name: len(mine) for name, mine in self._ids.items()}

    def ended(self, nodeid: str) -> str | None:
        """Take note that a check has ended; its submission, if its report could be written now."""
        name = self.submission_of(nodeid)
        missing = self._missing.get(name, set())
        missing.discard(nodeid)
        if missing or nodeid not in self.results:
            return None
        try:
            self.write_report(name)
        except OSError:  # the others go on; it is tried again at the end, and then told
            missing.add(nodeid)
            return None
        return name

    def complete(self) -> dict[str, tuple[Path, list[Result]]]:
        """All expected results by submission, as people have decided where they had to."""
        return {name: self._gathered(name) for name in self._ids}

    def _gathered(self, name: str) -> tuple[Path, list[Result]]:
        """A submission's folder and results. What did not come is an error of ours, not a zero."""
        ids = self._ids[name]
        found = [self.results.get(one) or self._not_graded(one) for one in ids]
        return self.submissions[name], settle(found, self.reports / name)

    def _not_graded(self, nodeid: str) -> Result:
        check = self.lab.check(".".join(nodeid.rsplit("::", 2)[1:]))
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
        """Write the reports that are not written yet; returns the exit code.

        Those that cannot be written are in `unwritten`, each with the reason.
        """
        for name, missing in self._missing.items():
            if missing:
                try:
                    self.write_report(name)
                except OSError as error:
                    self.unwritten[name] = error
        if self.unwritten:
            return EXIT_OPEN
        verdicts = [one.verdict for _, found in self.complete().values() for one in found]
        return exit_code([*verdicts, *self._kept_verdicts()])

    def _kept_verdicts(self) -> Iterator[Verdict]:
        for name in self.kept:
            for one in checks_in(read_report(self.reports / name)):
                yield Verdict(one["verdict"])

    def write_report(self, name: str) -> None:
        """Write a submission's report, and what it was made of."""
        run = Run(self.seed, self.image, self.started)
        self.reports.mkdir(parents=True, exist_ok=True)
        with ExitStack() as holding:  # nobody decides between the reading and the writing
            with suppress(OSError, NotImplementedError):  # no lock is no reason to lose reports
                holding.enter_context(held(self.reports))
            folder, found = self._gathered(name)
            digest = Submission(name, folder).digest(self.lab.rubric.files)
            took = sum(one.duration_s for one in found)
            report = build(self.lab.rubric, run, {"id": name, "sha256": digest}, found, took)
            write(report, self.reports / name / "report.json")
            resume.note(self.reports / name, report, self.made_of)
            _drop_stale(self.reports / name, found)


def inside(folder: Path) -> list[Path]:
    """What lies in a folder, in order, without what an operating system has put there."""
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in found if path.name != MACOS)


def _take(found: dict[str, Path], name: str, folder: Path) -> None:
    other = found.setdefault(name, folder)
    if other != folder:
        raise BadInput(
            f"two submissions have the id {name!r}: {other}, {folder}",
            remedy="grade them in runs with different --report-dir",
        )
    if name in RESERVED:
        raise BadInput(
            f"{folder}: a submission cannot be called {name}: among the reports stands a file of "
            "that name",
            remedy="rename the folder",
        )


def exit_code(verdicts: Collection[Verdict]) -> int:
    """What a run ends with: a fault of ours weighs more than a lost point."""
    if any(verdict.ours for verdict in verdicts):
        return EXIT_OPEN
    return EXIT_LOST if any(verdict.lost for verdict in verdicts) else EXIT_PASSED


def _absent() -> frozenset[str]:
    """netns, where this host has no user namespaces, yet an engine that can do without."""
    try:
        usernamespace.require()
    except Unsupported:
        from grader.machine.docker import Engine

        with suppress(Unsupported), Engine(within=5):
            return frozenset({"netns"})
    return frozenset()


def _drop_stale(folder: Path, results: Sequence[Result]) -> None:
    """Remove what an earlier run kept of checks that now have no evidence, or wrote by half."""
    for result in results:
        if not result.evidence:
            shutil.rmtree(folder / result.id, ignore_errors=True)
    for path in half_written(folder):
        with suppress(OSError):
            remove_half_written(path)
