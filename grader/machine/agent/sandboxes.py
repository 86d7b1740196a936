"""Sandboxes on the machine: namespaces with an id range of their own, made and killed whole.

Or a container's, which its engine has made and the agent adopts.
"""

import itertools
import os
import signal
import threading
from contextlib import ExitStack
from typing import Any

from . import namespaces as ns
from .container import Container
from .processes import ENVIRONMENT, Process, Processes
from .zygote import Zygote

IMAGE = "/machine"
# Ids of the user namespace around them that make sandboxes, one each in turn (see zygote).
FIRST_CREATOR, CREATORS = 40_000, 20_000
ENTER_ALL = ns.CLONE_NEWUSER | ns.ALL_BUT_USER
ENTER_NETWORK = ns.CLONE_NEWNET


class Sandbox:
    """One set of namespaces, held by its first process."""

    kill = staticmethod(os.killpg)

    def __init__(self, process: Process, zygote: Zygote) -> None:
        self.process = process
        self.pid = process.pid
        with ExitStack() as undo:
            undo.callback(process.signal, signal.SIGKILL)
            self.pidfd = os.pidfd_open(process.pid)
            undo.callback(os.close, self.pidfd)
            self.netns = os.open(f"/proc/{process.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            undo.pop_all()
        self.order = zygote.into([(self.pidfd, ENTER_ALL)])
        self.order_beside = zygote.into([*zygote.users.join, (self.netns, ENTER_NETWORK)])

    def close(self) -> None:
        """Kill everything inside, wait until it is gone, let go of the namespaces."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        with self.process.changed:
            self.process.changed.wait_for(lambda: self.process.ended, timeout=10)
        os.close(self.pidfd)
        os.close(self.netns)


class Sandboxes:
    """All sandboxes of this machine."""

    def __init__(self, zygote: Zygote, processes: Processes) -> None:
        self._zygote = zygote
        self._processes = processes
        self._numbers = itertools.count(1)
        self._all: dict[int, Sandbox | Container] = {}

    def call_make(self, hostname: str, processes: int, tmpfs: dict[str, str]) -> dict[str, Any]:
        """Make a sandbox; returns its number. Raises OSError with the step that failed."""
        number = next(self._numbers)
        status_read, status_write = os.pipe()
        spec = {
            "image": IMAGE,
            "hostname": hostname,
            "processes": processes,
            "tmpfs": tmpfs,
            "creator": FIRST_CREATOR + number % CREATORS,
        }
        self._zygote.make_sandbox(spec, status_write)
        os.close(status_write)
        process = Process(number)
        threading.Thread(target=process.collect, args=({status_read: "status"},)).start()
        self._await(process, "ready")
        self._await(process, "pid")  # told by another process, so perhaps later
        self._all[number] = Sandbox(process, self._zygote)
        return {"sandbox": number, "pid": process.pid}

    def call_adopt(self, pid: int) -> dict[str, Any]:
        """Take over the container whose first process, as seen here, is `pid`; its number."""
        number = next(self._numbers)
        self._all[number] = Container(pid, self._zygote, self._processes)
        return {"sandbox": number, "pid": pid}

    @staticmethod
    def _await(process: Process, fact: str) -> None:
        with process.changed:
            process.changed.wait_for(lambda: fact in process.facts or process.ended, timeout=10)
            if fact not in process.facts:
                process.signal(signal.SIGKILL)
                raise OSError(f"sandbox is not {fact}: {process.error or process.exit or 'silent'}")

    def call_start(
        self,
        sandbox: int,
        argv: list[str],
        *,
        inside: bool,
        cwd: str,
        env: dict[str, str],
        user: list[int] | None,
        capabilities: list[int] | None,
        limits: dict[str, int],
        output_limit: int,
        terminal: bool = False,
        stdin: bytes | None = None,
    ) -> dict[str, Any]:
        """Start a program in the sandbox, or, not `inside`, beside it: in its network as its root.

        A program beside it can neither be seen nor stopped by what runs inside.
        """
        spec = {
            "argv": argv,
            "cwd": cwd,
            "env": ENVIRONMENT | env,
            "user": user,
            "uid_root": 0,
            "capabilities": capabilities,
            "limits": limits,
            "rather_killed": inside,
        }
        it = self._all[sandbox]
        return self._processes.start(
            spec,
            it.order if inside else it.order_beside,
            kill=it.kill if inside else os.killpg,
            output_limit=output_limit,
            terminal=terminal,
            stdin=stdin,
        ).state()

    def call_captures(self, sandbox: int) -> bool:
        """Whether a packet(7) socket in the sandbox's network is bound and receives."""
        with open(f"/proc/{self._all[sandbox].pid}/net/packet", encoding="ascii") as table:
            return any(line.split()[5] == "1" for line in table.readlines()[1:])

    def call_idle(self, sandbox: int) -> bool:
        """Whether nothing runs inside but the first process."""
        inside = os.listdir(f"/proc/{self._all[sandbox].pid}/root/proc")
        return not any(name.isdigit() and name != "1" for name in inside)

    def netns(self, sandbox: int) -> int:
        """A descriptor of the sandbox's network namespace; the sandbox's to close."""
        return self._all[sandbox].netns

    def get(self, sandbox: int) -> Sandbox | Container:
        """The sandbox: its first process, and how processes are started and signalled inside."""
        return self._all[sandbox]

    def call_destroy(self, sandbox: int) -> None:
        """Kill all that runs in the sandbox and wait until it is gone."""
        it = self._all.pop(sandbox, None)
        if it is not None:
            it.close()
