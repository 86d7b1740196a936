"""A call of pwru once more, by pwru itself: in a microVM, as its root, on a query of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.errors import GraderError
from tests_lab.kernel.query import DIG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.machine.process import Completed
    from grader.world import World

PWRU = "/usr/bin/pwru"
LISTENING = r"Listening for events"
# An emulated processor takes a while for the types of the whole kernel.
LISTENS_WITHIN, TRACES_WITHIN, ENDS_WITHIN = 180.0, 5.0, 60.0
EVENT = r"(?m)^0x[0-9a-f]+ "
COMPLAINT = re.compile(r"unknown|invalid|fail|error", re.IGNORECASE)  # among lines of usage


def run(world: World, arguments: Sequence[str]) -> Completed:
    """Have pwru listen with these arguments while the student's host sends a query to 8.8.8.8.

    Raises GraderError if the image has no pwru.
    """
    if world.machine.run("test", "-x", PWRU, timeout=10).exit != 0:
        raise GraderError("the image has no pwru", remedy="add pwru to fixtures/image/packages.txt")
    with world.machine.start(PWRU, *arguments) as process:
        if process.expect(LISTENING, within=LISTENS_WITHIN, stream="stderr"):
            world.student.run(*DIG, timeout=30)
            process.expect(EVENT, within=TRACES_WITHIN)
            process.interrupt()
        return process.finish(ENDS_WITHIN)


def told(done: Completed) -> str:
    """What came of it, in a note."""
    events = len(re.findall(EVENT, done.output))
    if events:
        return f"run live, pwru traced {events} steps of a query"
    lines = [line for line in done.complaints.splitlines() if line.strip()]
    why = next((line for line in lines if COMPLAINT.search(line)), "".join(lines[-1:]))
    return f"run live, pwru {done.outcome} and printed no query: {why.strip()[:200]}"
