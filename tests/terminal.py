"""A person at a real terminal, in which `grader` runs."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from runs import environment

from grader.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

GRADER = str(Path(sys.executable).with_name("grader"))
PROMPT = r"student:/work# "


class Person:
    """Somebody at a terminal, who has started `grader` with `arguments`."""

    def __init__(
        self,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        columns: int = 100,
    ) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(30, columns)
        self.before = self.modes
        self.run = subprocess.Popen(
            ["setsid", "--ctty", GRADER, *map(str, arguments)],
            stdin=self._slave, stdout=self._slave, stderr=self._slave, cwd=cwd,
            env=environment(**{"TERM": "xterm-256color", "COLUMNS": "", **(env or {})}),
        )  # fmt: skip
        self.seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def modes(self) -> list[Any]:
        """How the terminal treats keys and output."""
        return termios.tcgetattr(self._slave)

    def resize(self, rows: int, columns: int) -> None:
        """Drag the window's corner."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str, *, within: float = 20.0) -> None:
        """Press keys; a terminal takes some thousand before they must be read."""
        data = text.encode()
        deadline = Deadline(within)
        while data:
            if not select.select([], [self._master], [], deadline.left)[1]:
                pytest.fail(f"{len(data)} keys were not taken within {within:g} s")
            data = data[os.write(self._master, data[:1000]) :]

    def sees(self, pattern: str, *, within: float = 10.0) -> re.Match[str]:
        """Wait until `pattern` appears behind what was awaited before."""
        deadline = Deadline(within)
        while not (found := re.search(pattern, self.seen)):
            if not self._look(deadline.left):
                pytest.fail(f"expected {pattern!r} within {within:g} s, saw {self.seen[-3000:]!r}")
        self.seen = self.seen[found.end() :]
        return found

    def tries(self, command: str, pattern: str, *, within: float = 10.0) -> re.Match[str]:
        """Type a command and wait for what it shows, and for the next prompt."""
        self.type(f"{command}\n")
        found = self.sees(pattern, within=within)
        self.sees(PROMPT)
        return found

    def starts(self, command: str) -> None:
        """Type a command that takes keys; return once they are no more the shell's own."""
        self.type(f"echo $((6 * 7)); {command}\n")
        self.sees(r"\n42\r\n")

    def leaves(self, within: float = 30.0) -> int:
        """Wait for the end of what was started; returns its exit."""
        deadline = Deadline(within)
        while self.run.poll() is None:
            self._look(min(0.05, deadline.left))
            assert deadline.left, f"expected an end, saw {self.seen[-3000:]!r}"
        while self._look(0):
            pass
        return self.run.returncode

    def _look(self, within: float) -> bool:
        if not select.select([self._master], [], [], within)[0]:
            return False
        self.seen += self._decoder.decode(os.read(self._master, 65_536))
        # What bash says around each line typed: whether pasting is bracketed.
        self.seen = self.seen.replace("\x1b[?2004l\r", "").replace("\x1b[?2004h", "")
        return True

    def goes(self) -> None:
        """Close the window, whatever still runs in it."""
        self.run.kill()
        self.run.wait()
        os.close(self._master)
        os.close(self._slave)


@contextmanager
def at_a_terminal(
    *arguments: str | Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    columns: int = 100,
) -> Iterator[Person]:
    """Somebody who has started `grader` with `arguments` in a terminal so many columns wide."""
    somebody = Person(*arguments, env=env, cwd=cwd, columns=columns)
    try:
        yield somebody
    finally:
        somebody.goes()
