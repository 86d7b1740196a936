"""Processes on the machine: started through the zygote, output bounded, ended from outside."""

import fcntl
import itertools
import json
import os
import pty
import re
import selectors
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .zygote import Order, Zygote

CHUNK = 65_536
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}
# Children may hold a process's pipes open after its end: this long is waited for their end.
DRAIN_S = 0.2
# What is said of a process that may run on, but whose end will never be known.
UNWATCHED = "its watcher was killed"


class Stream:
    """What a process wrote to one descriptor: the first `limit` bytes, and how many came in all."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.total = 0
        self._limit = limit

    def add(self, chunk: bytes) -> bool:
        """Keep what still fits; False once the limit is passed."""
        self.total += len(chunk)
        self.data += chunk[: max(0, self._limit - len(self.data))]
        return self.total <= self._limit


class Process:
    """A running program and what it has written so far."""

    def __init__(
        self,
        number: int,
        *,
        limit: int = 0,
        terminal: int | None = None,
        stdin: int | None = None,
        kill: Callable[[int, int], None] = os.killpg,
    ) -> None:
        """`kill` signals the process group of a number that is the program's `pid`."""
        self.number = number
        self._kill = kill
        self.pid = 0
        self.exit: int | None = None
        self.error = ""
        self.facts: dict[str, Any] = {}
        self.flooded = False
        self.settled = False
        self.streams = {"stdout": Stream(limit), "stderr": Stream(limit)}
        self.terminal = terminal
        self.stdin = stdin
        self.changed = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether the program has exited, or never started."""
        return self.exit is not None or bool(self.error)

    def collect(self, pipes: dict[int, str]) -> None:
        """Read status and output until nobody can write any more, and say when all is settled."""
        partial = b""
        drained: float | None = None
        with selectors.PollSelector() as selector:  # needs no descriptor of its own
            for fd in pipes:
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map():
                wait = None if drained is None else max(0.0, drained - time.monotonic())
                for key, _ in selector.select(wait):
                    chunk = os.read(key.fd, CHUNK)
                    if not chunk:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                    elif pipes[key.fd] == "status":
                        partial = self._note(partial + chunk)
                    else:
                        self._keep(pipes[key.fd], chunk)
                if self.ended and not self.settled and drained is None:
                    drained = time.monotonic() + DRAIN_S
                elif drained is not None and time.monotonic() >= drained:
                    drained = None
                    self._settle()
        self._settle()

    def _settle(self) -> None:
        with self.changed:
            if not self.ended:
                self.error = UNWATCHED
            self.settled = True
            self.changed.notify_all()

    def _note(self, lines: bytes) -> bytes:
        *whole, partial = lines.split(b"\n")
        with self.changed:
            for line in whole:
                fact = json.loads(line)
                self.facts |= fact
                self.pid = fact.get("pid", self.pid)
                self.exit = fact.get("exit", self.exit)
                self.error = fact.get("error", self.error)
            self.changed.notify_all()
        return partial

    def _keep(self, stream: str, chunk: bytes) -> None:
        with self.changed:
            if not self.streams[stream].add(chunk) and not self.flooded:
                self.flooded = True
                self.signal(signal.SIGKILL)
            self.changed.notify_all()

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group, if it still runs."""
        if self.pid and not self.ended:
            with suppress(ProcessLookupError, PermissionError):
                self._kill(self.pid, number)

    def state(self) -> dict[str, Any]:
        """The process as data."""
        return {
            "process": self.number,
            "pid": self.pid,
            "exit": self.exit,
            "error": self.error,
            "flooded": self.flooded,
        }


class Processes:
    """All processes that the client started; the calls are methods named `call_*`."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._numbers = itertools.count(1)
        self._all: dict[int, Process] = {}

    def start(
        self,
        spec: dict[str, Any],
        order: Order,
        *,
        output_limit: int,
        terminal: bool,
        stdin: bytes | None,
        kill: Callable[[int, int], None] = os.killpg,
    ) -> Process:
        """Have a program started by whoever obeys `order`; `kill` signals it there."""
        feed = stdin is not None
        master, stdin_write, stdin_read = _open_stdin(terminal=terminal, feed=feed)
        pairs = _pipes(("status", "stdout", "stderr"), or_close=(master, stdin_write, stdin_read))
        process = Process(
            next(self._numbers), limit=output_limit, terminal=master, stdin=stdin_write, kill=kill
        )
        theirs = [pairs["status"][1], stdin_read, pairs["stdout"][1], pairs["stderr"][1]]
        for fd in theirs[1:] if terminal or feed else theirs[2:]:  # who owns it may open it again
            os.fchown(fd, self._zygote.users.root, self._zygote.users.root)
        self._all[process.number] = process
        pipes = {pair[0]: name for name, pair in pairs.items()}
        threading.Thread(target=process.collect, args=(pipes,), daemon=True).start()
        try:
            order({**spec, "terminal": terminal}, theirs)
        except OSError:
            self.call_forget(process.number)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        with process.changed:
            process.changed.wait_for(lambda: process.pid or process.error, timeout=10)
        if stdin is not None and stdin_write is not None:
            threading.Thread(target=_feed, args=(stdin_write, stdin), daemon=True).start()
            process.stdin = None
        return process

    def start_as_root(
        self,
        argv: list[str],
        join: list[tuple[int, int]],
        *,
        env: dict[str, str],
        output_limit: int,
        stdin: bytes | None,
    ) -> Process:
        """Start a program as the machine's root, outside of every sandbox."""
        spec = {
            "argv": argv,
            "cwd": "/tmp",  # noqa: S108
            "env": ENVIRONMENT | env,
            "user": None,
            "uid_root": None,
            "capabilities": None,
            "limits": {"CORE": 0},
            "rather_killed": False,
        }
        order = self._zygote.into(join)
        return self.start(spec, order, output_limit=output_limit, terminal=False, stdin=stdin)

    def call_start(
        self,
        argv: list[str],
        *,
        env: dict[str, str],
        output_limit: int,
        stdin: bytes | None = None,
    ) -> dict[str, Any]:
        """Start a program as the machine's root, in the machine's own namespaces."""
        process = self.start_as_root(argv, [], env=env, output_limit=output_limit, stdin=stdin)
        return process.state()

    def call_settle(self, process: int, timeout: float) -> dict[str, Any]:
        """Wait for the program's end and its last output, at most `timeout` seconds."""
        it = self._all[process]
        with it.changed:
            it.changed.wait_for(lambda: it.settled, timeout)
            return it.state()

    def call_finish(self, process: int) -> dict[str, Any]:
        """What the program has written; kill what is left of it and forget it."""
        try:
            return self.call_output(process)
        finally:
            self.call_forget(process)

    def call_expect(
        self, process: int, stream: str, pattern: str, timeout: float
    ) -> dict[str, Any]:
        """Wait until `stream` matches `pattern`; says if it did, and the process's state."""
        it = self._all[process]
        compiled = re.compile(pattern.encode())
        found: re.Match[bytes] | None = None

        def matched() -> bool:
            nonlocal found
            found = compiled.search(it.streams[stream].data)
            return found is not None or it.settled

        with it.changed:
            it.changed.wait_for(matched, timeout)
            return {"matched": found is not None, **it.state()}

    def call_output(self, process: int, since: int = 0) -> dict[str, Any]:
        """What the program has written so far: kept bytes and the count of all.

        Of each stream, the bytes from number `since` on.
        """
        it = self._all[process]
        with it.changed:
            facts = {name: bytes(stream.data[since:]) for name, stream in it.streams.items()}
            totals = {f"{name}_total": stream.total for name, stream in it.streams.items()}
            return {**facts, **totals, **it.state()}

    def call_signal(self, process: int, number: int) -> None:
        """Send a signal to the program's process group."""
        self._all[process].signal(number)

    def call_interrupt(self, process: int) -> None:
        """Ctrl-C: at the terminal if the program has one, else SIGINT to its process group."""
        it = self._all[process]
        if it.terminal is None:
            it.signal(signal.SIGINT)
        else:
            os.write(it.terminal, b"\x03")

    def call_forget(self, process: int) -> None:
        """Kill what is left of the program and free what is kept of it."""
        it = self._all.pop(process, None)
        if it is None:
            return
        it.signal(signal.SIGKILL)
        for fd in (it.terminal, it.stdin):
            if fd is not None:
                os.close(fd)


def _open_stdin(*, terminal: bool, feed: bool) -> tuple[int | None, int | None, int]:
    """Standard input: (terminal's master, write end, what the program reads)."""
    if terminal:
        master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 50, 200, 0, 0))
        return master, None, slave
    if feed:
        read, write = os.pipe()
        return None, write, read
    return None, None, os.open(os.devnull, os.O_RDONLY)


def _pipes(
    names: tuple[str, ...], *, or_close: tuple[int | None, ...]
) -> dict[str, tuple[int, int]]:
    """A pipe for each of `names`; if there are not so many, none is left open, nor the others."""
    pairs: dict[str, tuple[int, int]] = {}
    try:
        for name in names:
            pairs[name] = os.pipe()
    except OSError:
        for fd in (*or_close, *(fd for pair in pairs.values() for fd in pair)):
            if fd is not None:
                os.close(fd)
        raise
    return pairs


def _feed(fd: int, data: bytes) -> None:
    with suppress(BrokenPipeError), open(fd, "wb") as file:
        file.write(data)
