"""A sandbox: made by its machine, of namespaces or as a container; used alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.disposable import Disposable
from grader.machine.process import Completed, Process
from grader.sandbox.limits import Limits

if TYPE_CHECKING:
    from grader.machine.client import Machine

# The numbers of linux/capability.h: what tcpdump, iptables, sudo and timeout need, and no more.
CAPABILITIES = {"KILL": 5, "SETGID": 6, "SETUID": 7, "NET_ADMIN": 12, "NET_RAW": 13}
# Programs of ours in a sandbox's network, which read what it has made there; ports below 1024, too.
OURS = CAPABILITIES | {"NET_BIND_SERVICE": 10}
# Their lock, since /run may be another root's (iptables(8)).
OUR_ENVIRONMENT = {"XTABLES_LOCKFILE": "/tmp/xtables.lock"}  # noqa: S108
WORK = "/work"
ROOT = (0, 0)


class Sandbox(Disposable):
    """Where a submission's processes live on a machine, killed when its context is left.

    The image is the read-only root, /tmp, /run and /work are fresh memory, no new privileges can
    be gained, and nothing of the host is to be seen. On this host's kernel, and in a microVM, it
    has user, mount, process, network, IPC, host name and cgroup namespaces, with ids of its own;
    in Docker it is a container.
    """

    def __init__(self, machine: Machine, limits: Limits | None = None) -> None:
        """Raises MachineError if the sandbox cannot be made."""
        self.machine = machine
        self.limits = limits or Limits()
        self.number = machine.make_sandbox(
            hostname="student",
            processes=self.limits.processes,
            memory=self.limits.memory,
            tmpfs=self.limits.of_folders(),
        )

    def close(self) -> None:
        """Kill all that runs inside; its files and network vanish with it."""
        self.machine.destroy_sandbox(self.number)

    def start(
        self,
        *argv: str,
        env: dict[str, str] | None = None,
        stdin: bytes | None = None,
        terminal: bool = False,
    ) -> Process:
        """Start a program of the submission inside, as its root, within the limits."""
        return self._start(
            argv,
            inside=True,
            cwd=WORK,
            env=env or {},
            user=None,
            capabilities=sorted(CAPABILITIES.values()),
            limits=self.limits.of_a_process(),
            terminal=terminal,
            stdin=stdin,
        )

    def run(self, *argv: str, timeout: float, **options: Any) -> Completed:
        """Start a program inside and wait for it, at most `timeout` seconds; then it is killed."""
        return self.start(*argv, **options).finish(timeout)

    def start_beside(
        self,
        *argv: str,
        user: tuple[int, int] = ROOT,
        env: dict[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Process:
        """Start a program of ours in the sandbox's network, as `user` (uid, gid) of it.

        What runs inside can neither see nor stop it, nor change the files that it reads.
        """
        return self._start(
            argv,
            inside=False,
            cwd="/tmp",  # noqa: S108
            env=OUR_ENVIRONMENT | (env or {}),
            user=list(user),
            capabilities=sorted(OURS.values()),
            limits={"CORE": 0},
            stdin=stdin,
        )

    def captures(self) -> bool:
        """Whether some program in the sandbox's network has a bound packet socket."""
        return bool(self.machine.call("sandboxes.captures", sandbox=self.number))

    def idle(self) -> bool:
        """Whether nothing runs inside."""
        return bool(self.machine.call("sandboxes.idle", sandbox=self.number))

    def terminate(self) -> None:
        """Send SIGTERM to all that runs inside."""
        self.run("bash", "-c", "kill -TERM -1", timeout=5)

    def put(self, name: str, data: bytes) -> str:
        """Write a file into the work folder; returns its path."""
        path = f"{WORK}/{name}"
        done = self.run("/bin/sh", "-c", 'cat >"$1"', "sh", path, stdin=data, timeout=10)
        if done.exit != 0:
            raise OSError(f"{path} could not be written: {done.complaints or done.outcome}")
        return path

    def _start(self, argv: tuple[str, ...], **options: Any) -> Process:
        state = self.machine.call(
            "sandboxes.start",
            within=10,
            sandbox=self.number,
            argv=list(argv),
            output_limit=self.limits.output,
            **options,
        )
        return Process(self.machine, argv, state)
