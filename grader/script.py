"""What is said of a script that did not do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import CheckFailed, Overrun

if TYPE_CHECKING:
    from grader.machine.process import Completed

SHOWN = 500


def must_have_ended(done: Completed, within: float) -> None:
    """Raise Overrun if the script did not end, CheckFailed if it flooded its output."""
    if done.flooded:
        raise CheckFailed(f"the script {done.outcome}", hint="print less than 4 MiB")
    if done.exit is None:
        raise Overrun(f"the script did not end within {within:g} s and was killed", hint=said(done))


def said(done: Completed) -> str:
    """The last lines of what a program complained about or printed."""
    text = done.complaints.strip() or done.output.strip()
    if len(text) <= SHOWN:
        return text
    _, cut, whole_lines = text[-SHOWN:].partition("\n")
    return f"…\n{whole_lines}" if cut else f"…{text[-SHOWN:]}"
