"""A check is called, and what happened becomes its verdict."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from grader import summary
from grader.check import NeedFailed, Verdict, verdict_of
from grader.errors import CheckFailed, GraderError, Unsupported
from grader.machine.client import CallError, MachineError
from grader.plugin.command_line import GRADING
from grader.plugin.tree import CheckItem
from grader.report import MAKE_ROOM, Result

DURATION = pytest.StashKey[float]()
DIED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Give a task whose machine died under it another one, once: it may not be the student's doing.

    A kernel on emulated processors can crash while probes are set in functions that run, and a
    host that is short of memory kills whom it likes.
    """
    if not isinstance(item, CheckItem):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if item.stash.get(DIED, False) and not item.task.state.replaced:
        item.task.state.replaced = True
        with suppress(Exception):  # what is left of a dead machine's fixtures
            item.session._setupstate.teardown_exact(item.task.parent)  # type: ignore[arg-type]  # noqa: SLF001
        item.task.run.forget_fault()
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
        if isinstance(error, CheckFailed) and (fault := item.task.run.fault()):
            fault.__cause__ = error
            error = fault
        if isinstance(error, MachineError) and not isinstance(error, CallError):
            item.stash[DIED] = True
        item.stash[DURATION] = item.stash.get(DURATION, 0.0) + call.duration
        if call.when == "call" or error is not None:
            if isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
                return report
            result = _judge(item, error)
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
    grading = item.config.stash[GRADING]
    evidence: tuple[str, ...] = ()
    if verdict not in {Verdict.PASSED, Verdict.SKIPPED, Verdict.UNSUPPORTED}:
        folder = grading.reports / run.submission.id
        try:
            evidence = run.keep_evidence(folder, check.id, error)
        except OSError as lost:
            why = f"its evidence could not be kept: {lost.strerror or lost}"
            hint = f"{hint}\n{why}".strip()
            if verdict is Verdict.REVIEW:  # a person would be shown no answer
                verdict, message, hint, credit = Verdict.ERROR, why, MAKE_ROOM, 0.0
    points = worth if verdict is Verdict.PASSED else round(worth * credit, 4)
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
