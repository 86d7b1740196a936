"""Running a build's commands: their words go to a log, their failure shows its end."""

from __future__ import annotations

import os
import subprocess
from typing import IO, TYPE_CHECKING

from grader.errors import GraderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SHOWN = 15


def run_logged(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    remedy: str,
    stdin: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Run a command, `name` for people; `progress` gets each line that it prints.

    Raises GraderError with the log's end and path if it fails.
    """
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            argv,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            umask=0o022,  # a user's stricter one would show in the image
        ) as process,
    ):
        for line in process.stdout or ():
            file.write(line)
            progress(line.rstrip())
    if process.returncode:
        what = f"{name} exited with {process.returncode}; the end of its log {log}:\n{end_of(log)}"
        raise GraderError(what, remedy=remedy)


def end_of(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-SHOWN:]).rstrip()
