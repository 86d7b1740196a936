"""The pytest plugin: submissions become trees of checks, verdicts become reports.

The only module that imports pytest. No file of a submission is collected, imported or read as
configuration: a run that grades loads the lab's own conftest.py and nothing else's.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from grader import home, progress, summary, warm
from grader.check import Check, NeedFailed, Verdict, verdict_of
from grader.errors import BadInput, CheckFailed, GraderError, Unsupported
from grader.grading import EXIT_USAGE, Grading, inside
from grader.machine.client import CallError, MachineError
from grader.report import Result
from grader.sandbox import AUTO, KINDS
from grader.submission import Submission, in_utf_8
from grader.taskrun import TaskRun

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

GRADING = pytest.StashKey[Grading]()
RESULT = pytest.StashKey[Result]()
DURATION = pytest.StashKey[float]()
DIED = pytest.StashKey[bool]()


def grading_of(config: pytest.Config) -> Grading | None:
    """The grading that this run does, or None if it runs other tests."""
    return config.stash.get(GRADING, None)


# --- what the command line names -----------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the grader's options."""
    group = parser.getgroup("netlab", "grading of network labs")
    group.addoption(
        "--sandbox", dest="netlab_sandbox", default="auto", metavar="KIND",
        help=f"where submissions run: {', '.join(KINDS)} (default: %(default)s)",
    )  # fmt: skip
    group.addoption(
        "--report-dir", dest="netlab_reports", default="reports", metavar="DIR",
        help="where reports and evidence are written (default: %(default)s)",
    )  # fmt: skip
    group.addoption(
        "--seed", dest="netlab_seed", type=int, default=None, metavar="N",
        help="repeat the run that printed this seed",
    )  # fmt: skip
    group.addoption(
        "--task", dest="netlab_tasks", action="append", default=[], metavar="ID",
        help="grade this task only, may be given more than once",
    )  # fmt: skip
    group.addoption(
        "--resume", dest="netlab_resume", action="store_true",
        help="keep the reports of submissions that would be graded as they were",
    )  # fmt: skip
    group.addoption(
        "--student", dest="netlab_student", action="store_true",
        help="leave out the checks that the lab hides until a date that has not come",
    )  # fmt: skip
    group.addoption(
        "--progress-fd", dest="netlab_progress", type=int, default=None, metavar="FD",
        help="tell events to this file descriptor, as lines of JSON",
    )  # fmt: skip
    parser.addini("netlab_lab", "the folder of the lab's checks and lab.yaml", default="tests_lab")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Find out whether submissions are named, and if so keep pytest from their files."""
    try:
        _prepare(early_config, args)
    except pytest.UsageError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        raise SystemExit(EXIT_USAGE) from error  # pytest's own code would be 4


def _prepare(early_config: pytest.Config, args: list[str]) -> None:
    namespace = early_config.known_args_namespace
    named = list(namespace.file_or_dir)
    here = early_config.invocation_params.dir
    asked = namespace.help or namespace.version
    if _lab_file(early_config).is_file() and not (named or asked or here == early_config.rootpath):
        # pytest would collect the current folder, which may be a submission.
        raise pytest.UsageError("expected a folder to grade, found none; for this one, name it: .")
    targets = {arg: _target(early_config, here, arg) for arg in named}
    for arg in named if _lab_file(early_config).is_file() else ():
        if not (here / arg.partition("::")[0]).exists():
            raise pytest.UsageError(f"{arg}: expected a folder to grade, found nothing there")
    folders = [path for path in targets.values() if path is not None]
    if not folders:
        return
    if len(folders) < len(targets):
        others = ", ".join(arg for arg, path in targets.items() if path is None)
        raise pytest.UsageError(
            f"submissions are graded in a run of their own; also named here: {others}"
        )
    _must_be_pinned(early_config, folders)
    namespace.noconftest = True
    # xdist's workers are `python -c`: without it they import from the current folder first.
    os.environ["PYTHONSAFEPATH"] = "1"
    args.append("--continue-on-collection-errors")  # one faulty submission never stops the rest
    picked = []
    for position, arg in enumerate(args):
        folder, separator, rest = arg.partition("::")
        if separator and targets.get(arg) is not None:
            args[position] = folder
            picked.append(f"{targets[arg]}::{rest}")
    try:
        grading = Grading(early_config.rootpath, _lab_file(early_config).parent, folders)
    except BadInput as error:
        raise pytest.UsageError(str(error)) from error
    grading.picked = picked
    early_config.stash[GRADING] = grading
    _load_fixtures(early_config)


def _replay(grading: Grading, nodeid: str) -> str:
    """The command that grades a node again; its id is a path below the project's folder."""
    program = home.call("pytest", here=home.project())
    sandbox = "" if grading.sandbox == AUTO else f" --sandbox={grading.sandbox}"
    return f"{program} {shlex.quote(nodeid)} --seed={grading.seed}{sandbox}"


def _must_be_pinned(config: pytest.Config, folders: list[Path]) -> None:
    """Raise UsageError if a submission may have said what the configuration is."""
    inside = config.inipath and any(path in config.inipath.parents for path in folders)
    if inside and config.rootpath == home.INSTALLED:
        raise pytest.UsageError(
            f"expected a folder of submissions, found one that the grader is installed in, "
            f"{home.INSTALLED}; name the submissions' own folder"
        )
    if config.inipath is None or inside:
        raise pytest.UsageError(
            f"expected the grader's own configuration, found {config.inipath}; "
            f"grade with {home.call('pytest')}"
        )


def _target(config: pytest.Config, here: Path, arg: str) -> Path | None:
    """The folder that `arg` names to be graded; None for a path of the project's own tests."""
    path = (here / arg.partition("::")[0]).resolve()
    own = [config.rootpath / name for name in (*config.getini("testpaths"), "tests", "grader")]
    # A submission that holds a pytest.ini becomes pytest's root, but has no lab.
    project = _lab_file(config).is_file() and (
        config.rootpath == path or path in config.rootpath.parents
    )
    project = project and config.rootpath != home.INSTALLED  # which has no tests to be run
    if not path.is_dir() or project or any(path == one or one in path.parents for one in own):
        return None
    return path


def _lab_file(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini("netlab_lab")) / "lab.yaml"


def _load_fixtures(config: pytest.Config) -> None:
    """Load the lab's conftest.py, which names its fixture modules."""
    path = config.rootpath / "conftest.py"
    spec = importlib.util.spec_from_file_location("netlab_conftest", path)
    if spec is None or spec.loader is None:
        raise pytest.UsageError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, spec.name)


def pytest_configure(config: pytest.Config) -> None:
    """Take the options of a run that grades; a worker takes its controller's seed and choice."""
    grading = grading_of(config)
    if grading is None:
        return
    inherited: dict[str, Any] = getattr(config, "workerinput", {})
    grading.picked = inherited.get("netlab_picked", grading.picked)
    try:
        grading.configure(
            seed=inherited.get("netlab_seed", config.getoption("netlab_seed")),
            sandbox=config.getoption("netlab_sandbox"),
            reports=Path(config.invocation_params.dir, config.getoption("netlab_reports")),
            tasks=config.getoption("netlab_tasks"),
            student=config.getoption("netlab_student"),
            absent=inherited.get("netlab_absent"),
        )
        if "netlab_kept" in inherited:
            grading.kept = inherited["netlab_kept"]
        elif config.getoption("netlab_resume"):
            grading.keep_what_stands(config.getoption("netlab_seed"))
    except BadInput as error:
        pytest.exit(str(error), returncode=EXIT_USAGE)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Turn pytest's code for bad usage into the grader's."""
    if grading_of(config) is None:
        return (yield)
    try:
        code = yield
    except pytest.UsageError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return EXIT_USAGE
    return EXIT_USAGE if code == pytest.ExitCode.USAGE_ERROR else code


# --- the tree --------------------------------------------------------------------------------


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


def _with_needs(item: pytest.Item) -> Iterator[pytest.Item]:
    if isinstance(item, CheckItem):
        for need in item.check.needs:
            home = item.task.state.homes[need]
            check = next(one for one in home.checks if one.id == need)
            yield from _with_needs(CheckItem.of(home, check))
    yield item


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Bring along the checks that a selected one needs, once -k and --lf have selected."""
    grading = grading_of(session.config)
    if grading is None:
        return
    chosen: dict[str, pytest.Item] = {}
    for item in session.items:
        for one in _with_needs(item):
            chosen.setdefault(one.nodeid, one)
    session.items[:] = chosen.values()
    grading.expect(list(chosen))
    if not hasattr(session.config, "workerinput"):
        _plan(session.config, grading)


def _plan(config: pytest.Config, grading: Grading) -> None:
    """Tell what is to be graded, and make what it waits for."""
    _told.tell(progress.PLANNED, checks=grading.counts, kept=grading.kept)
    _prepare_machines(config, grading)


def _prepare_machines(config: pytest.Config, grading: Grading) -> None:
    """Make what the checks' machines are made of, and show that it takes its time."""
    ids = {".".join(nodeid.rsplit("::", 2)[1:]) for nodeid in grading.expected}
    kinds = {grading.sandbox_of(grading.lab.check(id_)) for id_ in ids}
    if config.getoption("collectonly"):
        return
    terminal = config.pluginmanager.get_plugin("terminalreporter")

    def show(line: str) -> None:
        _told.tell(progress.SAID, line=line)
        if terminal is not None:
            terminal.write_line(f"netlab: {line}")

    warm.prepare(kinds, show)


# --- running -----------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Give a task whose machine died under it another one, once: it may not be the student's doing.

    A kernel on emulated processors can crash while probes are set in functions that run.
    """
    if not isinstance(item, CheckItem) or item.task.run.sandbox != "vm":
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if item.stash.get(DIED, False) and not item.task.state.replaced:
        item.task.state.replaced = True
        with suppress(Exception):  # what is left of a dead machine's fixtures
            item.session._setupstate.teardown_exact(item.task.parent)  # type: ignore[arg-type]  # noqa: SLF001
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold a check back if what it requires is not there or a check that it needs did not pass."""
    if not isinstance(item, CheckItem):
        return
    for need in item.check.needs:
        verdict = item.task.state.verdicts.get(need, Verdict.ERROR)
        reason = f"not judged: it needs {need}, which is {verdict}"
        if verdict is Verdict.UNSUPPORTED:
            raise Unsupported(reason)
        if verdict.open:
            raise GraderError(reason)
        if verdict is not Verdict.PASSED:
            raise NeedFailed(reason)
    item.config.stash[GRADING].supports(item.check)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Call a check; it may return a note to the student, where pytest itself wants None."""
    if not isinstance(pyfuncitem, CheckItem):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001
    note = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted})
    if note:
        pyfuncitem.task.run.notes[pyfuncitem.check.id] = str(note)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    """Turn what happened into a verdict, and attach the result to pytest's report."""
    report: Any = yield
    if isinstance(item, CheckItem):
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, MachineError) and not isinstance(error, CallError):
            item.stash[DIED] = True
        item.stash[DURATION] = item.stash.get(DURATION, 0.0) + call.duration
        if call.when == "call" or error is not None:
            if isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
                return report
            result = _judge(item, error)
            item.stash[RESULT] = result
            item.task.state.verdicts[item.check.id] = result.verdict
            _show_as(report, result, report.longrepr)
            report.netlab = summary.as_wire(item.task.run.submission.id, result)
    return report


def _judge(item: CheckItem, error: BaseException | None) -> Result:
    run, check = item.task.run, item.check
    verdict = verdict_of(error)
    worth = run.task.checks[check.name]
    message, hint, credit = run.notes.get(check.id, ""), "", 0.0
    if isinstance(error, CheckFailed):
        message, hint, credit = error.message, error.hint, error.credit
    elif isinstance(error, GraderError):
        message, hint = error.what, error.remedy
    elif error is not None:
        message = str(error) if verdict is Verdict.SKIPPED else f"{type(error).__name__}: {error}"
    points = worth if verdict is Verdict.PASSED else round(worth * credit, 4)
    grading = item.config.stash[GRADING]
    evidence: tuple[str, ...] = ()
    if verdict not in {Verdict.PASSED, Verdict.SKIPPED, Verdict.UNSUPPORTED}:
        folder = grading.reports / run.submission.id
        evidence = run.keep_evidence(folder, check.id, error)
    return Result(
        check.id, check.title, verdict, points, worth, run.sandbox,
        message, hint, evidence, item.stash[DURATION],
    )  # fmt: skip


def _show_as(report: Any, result: Result, trace: object) -> None:
    """What pytest itself is told: lost is failed, undecided is skipped, ours is an error."""
    text = f"{result.verdict}: {result.message}"
    if result.verdict is Verdict.PASSED:
        report.outcome, report.longrepr = "passed", None
    elif result.verdict in {Verdict.SKIPPED, Verdict.REVIEW, Verdict.UNSUPPORTED}:
        report.outcome, report.longrepr = "skipped", (result.id, 0, text)
    else:
        report.outcome = "failed"
        report.longrepr = trace if result.verdict is Verdict.ERROR else text


def pytest_report_teststatus(report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show verdicts by their own names."""
    wire = getattr(report, "netlab", None)
    return None if wire is None else summary.status(Verdict(wire["result"]["verdict"]))


def pytest_runtest_logreport(report: Any) -> None:
    """Gather results; under xdist they arrive at the controller this way."""
    wire = getattr(report, "netlab", None)
    if wire is not None and _current is not None:
        _current.results[report.nodeid] = summary.from_wire(wire)
        _told.tell(progress.JUDGED, **wire)


def pytest_runtest_logstart(nodeid: str) -> None:
    """Tell that a check begins."""
    if _current is not None:
        check = ".".join(nodeid.rsplit("::", 2)[1:])
        _told.tell(progress.BEGUN, submission=_current.submission_of(nodeid), check=check)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Write a submission's report once its last check has ended."""
    if _current is None or _session is None or hasattr(_session.config, "workerinput"):
        return
    name = _current.ended(nodeid)
    if name is not None:
        _told.tell(progress.REPORTED, submission=name)
    if _told.alone:
        _session.shouldstop = "whoever started this run is gone"


_current: Grading | None = None
_session: pytest.Session | None = None
_told = progress.Teller(None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the grading for the hooks that are not told the configuration."""
    global _current, _session, _told  # noqa: PLW0603 they are told nothing else
    _current, _session = grading_of(session.config), session
    worker = hasattr(session.config, "workerinput")
    _told = progress.Teller(None if worker else session.config.getoption("netlab_progress"))


# --- workers -------------------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Give a worker the controller's seed and choice."""
    grading = grading_of(node.config)
    if grading is not None:
        node.workerinput["netlab_seed"] = grading.seed
        node.workerinput["netlab_picked"] = grading.picked
        node.workerinput["netlab_kept"] = grading.kept
        node.workerinput["netlab_absent"] = sorted(grading.absent)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the checks of a task, which share a world, on one worker."""
    if grading_of(config) is None:
        return None
    from xdist.scheduler import LoadScopeScheduling  # only there with xdist

    return LoadScopeScheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: WorkerController, ids: Sequence[str]) -> None:
    """Know what the workers are to grade."""
    grading = grading_of(node.config)
    if grading is not None:
        first = not grading.expected
        if first:
            grading.expect(ids)
            _plan(node.config, grading)


# --- the end -------------------------------------------------------------------------------------


def pytest_report_header(config: pytest.Config) -> str | None:
    """Print the seed that repeats this run."""
    grading = grading_of(config)
    if grading is None:
        return None
    return (
        f"netlab: {grading.lab.rubric.lab}, sandbox {grading.sandbox}, seed {grading.seed}"
        f" (repeat with --seed={grading.seed}), reports in {grading.reports}"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the reports and set the exit code; workers leave both to the controller."""
    grading = grading_of(session.config)
    if grading is None or hasattr(session.config, "workerinput"):
        return
    if session.config.getoption("collectonly") or not (grading.expected or grading.kept):
        return
    session.exitstatus = grading.write_reports()


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show points per task, and for every lost point why."""
    grading = grading_of(terminalreporter.config)
    if grading is None or terminalreporter.config.getoption("collectonly"):
        return
    results = grading.complete()
    reports = {name: grading.reports / name for name in results}
    summary.show(terminalreporter, grading.lab.rubric, results, reports)
    if grading.kept:
        terminalreporter.write_line(
            f"kept: {len(grading.kept)} that are as they were graded before"
        )
    terminalreporter.write_line(f"reports: {grading.reports}")
    every = [one for _, found in results.values() for one in found]
    if waiting := sum(one.verdict is Verdict.REVIEW for one in every):
        command = f"{home.call('grader')} review {shlex.quote(str(grading.reports))}"
        terminalreporter.write_line(f"{waiting} for a person to judge: {command}", yellow=True)
    for link in grading.links:
        shown = summary.printable(str(link))
        terminalreporter.write_line(f"not graded: {shown} is a link", yellow=True)
