"""Real clients on the student's host: ntpdate, curl and dig, as one would type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import GraderError

if TYPE_CHECKING:
    from grader.machine.process import Completed
    from grader.world import World

NTP_POOL = "ro.pool.ntp.org"
SITES = ("ocw.cs.pub.ro", "www.google.com")
WITHIN = 15.0
# The page's commands take defaults; these keep a fault of ours from waiting for ever.
CURL = ("curl", "--silent", "--show-error", "--max-time", "10")


def ntp_query(version: int) -> tuple[str, ...]:
    """The command that asks the pool for the time over IP `version`."""
    return ("ntpdate", f"-{version}", "-q", NTP_POOL)


def web_request(url: str, version: int) -> tuple[str, ...]:
    """The command that fetches `url` over IP `version`."""
    return (*CURL, f"-{version}", url)


def together(world: World, *commands: tuple[str, ...]) -> list[Completed]:
    """Run commands on the student's host at once. Raises GraderError if one does not succeed."""
    started = [world.student.start(*command) for command in commands]
    world.commands += [f"{world.student.name}# {' '.join(command)}" for command in commands]
    finished = []
    for process in started:
        with process:
            finished.append(process.wait(WITHIN))
    for done in finished:
        if done.exit != 0:
            raise GraderError(
                f"{' '.join(done.argv)} {done.outcome}: {done.complaints.strip()[-300:]}",
                remedy="grade again; if it stays, see commands.txt",
            )
    return finished
