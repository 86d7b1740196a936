"""What a run that grades tells while it runs: events, as lines of JSON on a pipe."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

Event = dict[str, Any]

# kind: its facts beside `kind`
#   planned   checks: how many by submission; kept: submissions that need not be graded again
#   said      line: what is being made ready
#   begun     submission, check
#   judged    submission, result (as summary.as_wire makes it)
#   reported  submission: its report is written
PLANNED, SAID, BEGUN, JUDGED, REPORTED = "planned", "said", "begun", "judged", "reported"
# How the lines begin that say at a run's end which reports could not be written.
UNWRITTEN = "not written: "


class Teller:
    """Tells events to whoever holds the pipe's other end; to nobody if there is no pipe."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self.alone = False  # whoever listened is gone

    def tell(self, kind: str, **facts: Any) -> None:
        """Tell one event."""
        if self._fd is None or self.alone:
            return
        data = (json.dumps({"kind": kind, **facts}) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            self.alone = True


def heard(stream: TextIO) -> Iterator[Event]:
    """The events that were told, until the teller's end; one that was cut off is left out."""
    for line in stream:
        if line.endswith("\n"):
            event: Event = json.loads(line)
            yield event
