"""Terminals: a program that a person talks to, what is typed and shown passed on as it comes.

What the program writes stays in the kernel's buffer until it is read, so nothing here grows: one
that writes faster waits, as at any terminal. Sources: pty(7), ioctl_tty(2).
"""

import fcntl
import itertools
import os
import select
import signal
import struct
import termios
import threading
from collections.abc import Callable
from typing import Any

from . import namespaces as ns
from .network import Network
from .processes import ENVIRONMENT, Process
from .sandboxes import Sandboxes
from .zygote import Order, Zygote

# More than a pseudo terminal holds: a read after the program's end is then all there is.
LARGEST = 256 * 1024
STARTS_WITHIN = 10.0
# asm-generic/ioctls.h and termbits.h: Python has no names for these.
TIOCSPTLCK, TIOCGPTPEER, IUTF8 = 0x40045431, 0x5441, 0x4000


class Terminal:
    """The end of a pseudo terminal at which the person sits, and the program at the other."""

    def __init__(self, master: int, process: Process, ended: int) -> None:
        """`ended` is a pipe whose other end is closed when all is known of the program's end."""
        self._master = master
        self._process = process
        self._ended = ended
        self._reading, self._writing = threading.Lock(), threading.Lock()

    def read(self, timeout: float) -> dict[str, Any]:
        """What was written since the last read; waits for some, at most `timeout` seconds.

        `exit` is None until the program has ended; what came with it is the last.
        """
        with self._reading:
            ended = self._await(select.POLLIN, timeout)
            data = bytearray()
            try:
                while len(data) < LARGEST:
                    data += os.read(self._master, LARGEST)
            except BlockingIOError:
                pass
            except OSError:  # EIO: nobody has the other end open, though the program may run on
                ended = self._await(0, 0 if data else timeout)
            return {
                "data": bytes(data),
                "exit": self._process.exit if ended else None,
                "error": self._process.error if ended else "",
            }

    def write(self, data: bytes, timeout: float) -> int:
        """Type `data`; returns how much of it was taken within `timeout` seconds."""
        with self._writing:
            self._await(select.POLLOUT, timeout)
            try:
                return os.write(self._master, data)
            except BlockingIOError:
                return 0
            except OSError:  # EIO: nobody will ever read it
                return len(data)

    def resize(self, rows: int, columns: int) -> None:
        """Set the size; the kernel tells the program by SIGWINCH."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def close(self) -> None:
        """Kill the program, and hang up on what else it has started here."""
        self._process.signal(signal.SIGKILL)
        with self._reading, self._writing:  # whoever waits is woken by the program's end
            os.close(self._master)
            os.close(self._ended)

    def _await(self, events: int, timeout: float) -> bool:
        """Wait for `events` at the terminal or the program's end; whether it has ended."""
        poll = select.poll()
        poll.register(self._ended, 0)
        if events:
            poll.register(self._master, events)
        return any(fd == self._ended for fd, _ in poll.poll(timeout * 1000))


class Terminals:
    """All programs at terminals; the calls are methods named `call_*`.

    `program` is what to start: {argv, cwd, env, rows, columns}.
    """

    def __init__(self, zygote: Zygote, sandboxes: Sandboxes, network: Network) -> None:
        self._zygote = zygote
        self._sandboxes = sandboxes
        self._network = network
        self._numbers = itertools.count(1)
        self._all: dict[int, Terminal] = {}

    def call_in_sandbox(
        self,
        sandbox: int,
        *,
        capabilities: list[int],
        limits: dict[str, int],
        program: dict[str, Any],
    ) -> int:
        """Start a program in a sandbox, as its root; returns the terminal's number."""
        it = self._sandboxes.get(sandbox)
        spec = {
            "uid_root": 0,
            "capabilities": capabilities,
            "limits": limits,
            "rather_killed": True,
        }
        return self._start(f"/proc/{it.pid}/root", it.order, spec, program, kill=it.kill)

    def call_on_host(self, world: int, host: str, *, program: dict[str, Any]) -> int:
        """Start a program as the machine's root on a world's host; the terminal's number."""
        order = self._zygote.into([(self._network.netns(world, host), ns.CLONE_NEWNET)])
        spec = {
            "uid_root": None,
            "capabilities": None,
            "limits": {"CORE": 0},
            "rather_killed": False,
        }
        return self._start("", order, spec, program)

    def _start(
        self,
        root: str,
        order: Order,
        spec: dict[str, Any],
        program: dict[str, Any],
        *,
        kill: Callable[[int, int], None] = os.killpg,
    ) -> int:
        master, slave = _open(f"{root}/dev/pts/ptmx")
        status_read, status_write = os.pipe()
        wanted = {
            **spec,
            "argv": program["argv"],
            "cwd": program["cwd"],
            "env": ENVIRONMENT | program["env"],
            "user": None,
            "terminal": True,
        }
        order(wanted, [status_write, slave, slave, slave])
        for theirs in (slave, status_write):
            os.close(theirs)
        number = next(self._numbers)
        process = Process(number, kill=kill)
        ended_read, ended_write = os.pipe()

        def watch() -> None:
            process.collect({status_read: "status"})
            os.close(ended_write)

        threading.Thread(target=watch, daemon=True).start()
        with process.changed:
            process.changed.wait_for(lambda: process.pid or process.ended, STARTS_WITHIN)
        terminal = self._all[number] = Terminal(master, process, ended_read)
        terminal.resize(program["rows"], program["columns"])
        return number

    def call_read(self, terminal: int, timeout: float) -> dict[str, Any]:
        """Read what was written, `data`, and how the program ended, `exit`; see Terminal.read."""
        return self._all[terminal].read(timeout)

    def call_write(self, terminal: int, data: bytes, timeout: float) -> int:
        """Type `data`; returns how much of it was taken within `timeout` seconds."""
        return self._all[terminal].write(data, timeout)

    def call_resize(self, terminal: int, rows: int, columns: int) -> None:
        """Set the terminal's size."""
        self._all[terminal].resize(rows, columns)

    def call_close(self, terminal: int) -> None:
        """Kill the program and forget the terminal."""
        it = self._all.pop(terminal, None)
        if it is not None:
            it.close()


def _open(ptmx: str) -> tuple[int, int]:
    """A new pseudo terminal of the devpts at `ptmx`: the master, which never blocks, and the slave.

    It is the devpts that the program sees, so that tty(1) and /dev/pts name it there too.
    """
    master = os.open(ptmx, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    attributes = termios.tcgetattr(slave)
    attributes[0] |= IUTF8  # a backspace takes a whole character
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    return master, slave
