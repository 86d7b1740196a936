"""Results are gathered, reports written, points shown: by the run itself, never by its workers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

from grader import home, progress, summary, warm
from grader.check import Verdict
from grader.plugin.command_line import grading_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xdist.workermanage import WorkerController

    from grader.grading import Grading


def pytest_configure(config: pytest.Config) -> None:
    """Have a run that grades gather what its checks or its workers' found."""
    grading = grading_of(config)
    if grading is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Gatherer(config, grading))


def pytest_report_teststatus(report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show verdicts by their own names."""
    wire = getattr(report, "netlab", None)
    return None if wire is None else summary.status(Verdict(wire["result"]["verdict"]))


class Gatherer:
    """The hooks of a run that grades."""

    def __init__(self, config: pytest.Config, grading: Grading) -> None:
        self._config, self._grading = config, grading
        self._teller = progress.Teller(config.getoption("netlab_progress"))

    # --- what is to be graded --------------------------------------------------------------

    def pytest_report_header(self) -> str:
        """Print the seed that repeats this run."""
        grading = self._grading
        return (
            f"netlab: {grading.lab.rubric.lab}, sandbox {grading.sandbox}, seed {grading.seed}"
            f" (repeat with --seed={grading.seed}), reports in {grading.reports}"
        )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what is to be graded."""
        self._plan([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Know what the workers are to grade: each has found the same."""
        if not self._grading.expected:
            self._plan(ids)

    def _plan(self, nodeids: Sequence[str]) -> None:
        """Tell it, and make what it waits for."""
        grading = self._grading
        grading.expect(nodeids)
        self._teller.tell(progress.PLANNED, checks=grading.counts, kept=grading.kept)
        if self._config.getoption("collectonly"):
            return
        ids = {".".join(nodeid.rsplit("::", 2)[1:]) for nodeid in grading.expected}
        warm.prepare({grading.sandbox_of(grading.lab.check(id_)) for id_ in ids}, self._say)

    def _say(self, line: str) -> None:
        """Show that what is made takes its time."""
        self._teller.tell(progress.SAID, line=line)
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(f"netlab: {line}")

    # --- workers -----------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Give a worker this run's seed and choice."""
        node.workerinput["netlab_seed"] = self._grading.seed
        node.workerinput["netlab_picked"] = self._grading.picked
        node.workerinput["netlab_kept"] = self._grading.kept
        node.workerinput["netlab_absent"] = sorted(self._grading.absent)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep the checks of a task, which share a world, on one worker, and the tasks in order."""
        from xdist.scheduler import LoadScopeScheduling  # only there with xdist

        config.option.loadscopereorder = False
        return LoadScopeScheduling(config, log)

    # --- as results come -----------------------------------------------------------------------

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that a check begins."""
        check = ".".join(nodeid.rsplit("::", 2)[1:])
        submission = self._grading.submission_of(nodeid)
        self._teller.tell(progress.BEGUN, submission=submission, check=check)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather results; those of workers arrive this way, too."""
        wire = getattr(report, "netlab", None)
        if wire is not None:
            self._grading.results[report.nodeid] = summary.from_wire(wire)
            self._teller.tell(progress.JUDGED, **wire)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember the session for the hook that is not told it."""
        self._session = session

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write a submission's report once its last check has ended."""
        name = self._grading.ended(nodeid)
        if name is not None:
            self._teller.tell(progress.REPORTED, submission=name)
        if self._teller.alone:
            self._session.shouldstop = "whoever started this run is gone"

    # --- the end ---------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports and set the exit code."""
        if self._config.getoption("collectonly"):
            return
        if self._grading.expected or self._grading.kept:
            session.exitstatus = self._grading.write_reports()

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show points per task, and for every lost point why."""
        if self._config.getoption("collectonly"):
            return
        grading = self._grading
        results = grading.complete()
        reports = {name: grading.reports / name for name in results}
        summary.show(terminalreporter, grading.lab.rubric, results, reports)
        if grading.kept:
            terminalreporter.write_line(
                f"kept: {len(grading.kept)} that are as they were graded before"
            )
        terminalreporter.write_line(f"reports: {grading.reports}")
        for name, error in grading.unwritten.items():
            shown = summary.printable(str(grading.reports / name))
            why = f"{progress.UNWRITTEN}{shown}: {error.strerror or error}"
            terminalreporter.write_line(why, red=True)
        every = [one for _, found in results.values() for one in found]
        if waiting := sum(one.verdict is Verdict.REVIEW for one in every):
            command = f"{home.call('grader')} review {shlex.quote(str(grading.reports))}"
            terminalreporter.write_line(f"{waiting} for a person to judge: {command}", yellow=True)
        for link in grading.links:
            shown = summary.printable(str(link))
            terminalreporter.write_line(f"not graded: {shown} is a link", yellow=True)
