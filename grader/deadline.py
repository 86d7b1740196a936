"""Time as a limit, never as a wait: named events are awaited until a deadline."""

import time
from collections.abc import Callable

from grader.errors import GraderError


class TimedOut(GraderError):
    """What was awaited did not come in time."""


class Deadline:
    """A moment on the monotonic clock, which no change of the wall clock moves."""

    def __init__(self, within: float) -> None:
        """`within`: seconds from now."""
        self._end = time.monotonic() + within

    @property
    def left(self) -> float:
        """Seconds until the moment, never negative."""
        return max(0.0, self._end - time.monotonic())


def wait_until(
    event: Callable[[], bool],
    *,
    within: float,
    what: str,
    every: float = 0.002,
    ended: Callable[[], str | None] = lambda: None,
) -> None:
    """Ask `event` every `every` seconds until it says yes.

    `ended` says why it cannot come any more, or None. Raises TimedOut, naming `what`, when it
    does so or when `within` seconds are over.
    """
    deadline = Deadline(within)
    while not event():
        if (reason := ended()) is not None:
            raise TimedOut(f"{what}: {reason}")
        if not deadline.left:
            raise TimedOut(f"{what}: not within {within:g} s")
        time.sleep(every)
