"""What a run that grades shows at its end, and how results cross from worker to controller."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from grader.check import Verdict
from grader.report import Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from grader.rubric import Rubric

DETAILED = 3
LETTERS = {
    Verdict.PASSED: (".", "green"),
    Verdict.FAILED: ("F", "red"),
    Verdict.TIMEOUT: ("T", "red"),
    Verdict.REFUSED: ("R", "red"),
    Verdict.SKIPPED: ("s", "yellow"),
    Verdict.REVIEW: ("r", "yellow"),
    Verdict.UNSUPPORTED: ("U", "yellow"),
    Verdict.ERROR: ("E", "red"),
}


def as_wire(submission: str, result: Result) -> dict[str, Any]:
    """A result as plain data."""
    return {"submission": submission, "result": asdict(result) | {"verdict": str(result.verdict)}}


def from_wire(wire: dict[str, Any]) -> Result:
    """The result that as_wire made plain."""
    facts = wire["result"]
    return Result(
        **facts | {"verdict": Verdict(facts["verdict"]), "evidence": tuple(facts["evidence"])}
    )


def status(verdict: Verdict) -> tuple[str, str, tuple[str, dict[str, bool]]]:
    """Category, letter and coloured word for pytest's progress."""
    letter, colour = LETTERS[verdict]
    # Not pytest's "failed": the reasons are shown with the grades, not twice.
    category = "lost" if verdict is Verdict.FAILED else str(verdict).lower()
    return category, letter, (str(verdict), {colour: True})


def printable(text: str) -> str:
    """`text` without anything that a terminal could obey."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def show(
    terminal: Any,
    rubric: Rubric,
    results: Mapping[str, tuple[Path, list[Result]]],
    reports: Mapping[str, Path],
) -> None:
    """Show each submission's points; for few submissions also every lost point's reason."""
    terminal.ensure_newline()
    terminal.section("grades", sep="=")
    for name, (_, found) in results.items():
        if len(results) <= DETAILED:
            _show_one(terminal, rubric, name, found, reports[name])
        else:
            _show_line(terminal, name, found)


def _points(results: list[Result]) -> str:
    won = round(sum(one.points for one in results), 4)
    worth = round(sum(one.max_points for one in results), 4)
    left = sum(one.max_points for one in results if one.verdict.open)
    undecided = f" ({left:g} undecided)" if left else ""
    return f"{won:g} / {worth:g}{undecided}"


def _colour(results: list[Result]) -> dict[str, bool]:
    if any(one.verdict.lost or one.verdict is Verdict.ERROR for one in results):
        return {"red": True}
    return {"yellow": True} if any(one.verdict.open for one in results) else {"green": True}


def _show_line(terminal: Any, name: str, found: list[Result]) -> None:
    losing = [one.id for one in found if one.verdict.lost and one.verdict is not Verdict.SKIPPED]
    terminal.write(f"{printable(name):<44} ")
    terminal.write(f"{_points(found):<28}", **_colour(found))
    terminal.write_line(f" {' '.join(losing)}".rstrip())


def _show_one(terminal: Any, rubric: Rubric, name: str, found: list[Result], folder: Path) -> None:
    terminal.write_line("")
    terminal.write(f"{printable(name)}: ", bold=True)
    terminal.write_line(_points(found), bold=True, **_colour(found))
    for task_id, task in rubric.tasks.items():
        mine = [one for one in found if one.task == task_id]
        if mine:
            terminal.write(f"  {task_id}  {task.title:<58} ")
            terminal.write_line(_points(mine), **_colour(mine))
            for one in mine:
                if one.verdict is not Verdict.SKIPPED:
                    _show_check(terminal, one, folder)
            _show_skipped(terminal, [one for one in mine if one.verdict is Verdict.SKIPPED])


def _show_skipped(terminal: Any, skipped: list[Result]) -> None:
    """Show in one line what was not judged because of another check."""
    if skipped:
        lost = sum(one.max_points for one in skipped)
        names = ", ".join(one.id.partition(".")[2] for one in skipped)
        terminal.write("       SKIPPED ", yellow=True)
        terminal.write_line(f"-{lost:g} not judged, since what they need did not pass: {names}")


def _show_check(terminal: Any, result: Result, folder: Path) -> None:
    if result.verdict is Verdict.PASSED:
        if result.message:
            terminal.write_line(f"       {result.id}: {printable(result.message)}", yellow=True)
        return
    _, colour = LETTERS[result.verdict]
    missing = result.max_points - result.points if result.verdict.lost else 0
    lost = f"-{missing:g} " if missing else ""
    terminal.write(f"       {result.verdict} {result.id} ", **{colour: True})
    terminal.write_line(f"{lost}{result.title}")
    lines = [*printable(result.message).splitlines()]
    if result.hint:
        lines += [f"hint: {line}" for line in printable(result.hint).splitlines()[:1]]
        lines += [f"      {line}" for line in printable(result.hint).splitlines()[1:]]
    if result.evidence:
        names = ", ".join(path.rpartition("/")[2] for path in result.evidence)
        lines.append(f"see {folder / result.id}/: {names}")
    for line in lines:
        terminal.write_line(f"           {line}")
