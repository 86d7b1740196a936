"""A machine that is a helper container: the world lives in it, each sandbox is one beside it.

The helper has the rights on the engine's kernel that worlds need; nobody on this host needs any.
"""

from __future__ import annotations

import io
import os
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from grader.disposable import Disposable
from grader.errors import GraderError, Unsupported
from grader.machine.agent import first
from grader.machine.client import BOOTSTRAP, Machine, MachineError, ship_agent
from grader.machine.docker.engine import Engine
from grader.machine.docker.stream import Input, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

START_WITHIN = 30.0
ADOPT_WITHIN = 40.0
PYTHON = "/usr/bin/python3"
# Before the agent starts: /proc as it is, with what Docker masks and makes read-only, since worlds
# set sysctls of their networks; and the image's names of hosts in place of the engine's.
PREPARE = (
    "mount -t proc proc /proc &&"
    ' for file in /machine/*; do mount --bind "$file" "/etc/${file##*/}" || exit; done &&'
    ' exec "$@"'
)
# Worlds: SYS_ADMIN to make and join namespaces, SYS_PTRACE to open a container's by its process,
# the rest as their services and the kernel's own rules want it.
RIGHTS = [
    "SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID",
    "SETPCAP", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER", "SYS_CHROOT",
]  # fmt: skip
SANDBOX_RIGHTS = ["KILL", "NET_ADMIN", "NET_RAW", "SETGID", "SETUID"]
# tmpfs mounts of Docker's forbid programs unless they are told not to.
MEMORY = {"/tmp": "exec,size=256m,mode=1777", "/run": "exec,size=64m,mode=755"}  # noqa: S108
COMMON: dict[str, Any] = {
    "network_mode": "none",
    "cap_drop": ["ALL"],
    "read_only": True,
    "auto_remove": True,
    "ipc_mode": "private",
    "log_config": {"Type": "none", "Config": {}},  # what runs inside fills no disk
}
DENIED = "take an engine that runs as root, or grade with --sandbox=netns or vm"


class DockerMachine(Machine, Disposable):
    """An agent in a container of the engine's. It dies with its owner, whatever way that ends."""

    def __init__(
        self, root: Path, name: str, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        """Start on the image `name`, whose files are below `root`.

        Raises Unsupported if this host's engine cannot do it, MachineError if it failed.
        """
        self._engine = Engine()
        self._container = ""
        self._stream: socket.socket | None = None
        self._sandboxes: dict[int, str] = {}
        try:
            self._engine.sweep()
            self._image = self._engine.import_image(root, name, progress)
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        command = ["/bin/sh", "-c", PREPARE, "sh", PYTHON, "-I", "-c", BOOTSTRAP]
        try:
            self._container = self._create(
                command, stdin_open=True, pid_mode="host", userns_mode="host", tmpfs=MEMORY,
                cap_add=RIGHTS,
                security_opt=["no-new-privileges", "apparmor=unconfined", "label=disable"],
            )  # fmt: skip
            self._stream = self._attach()
            self._output = Output(self._stream)
            with self._engine.asking("starting the world's container"):
                self._engine.api.start(self._container)
            reader = cast("BinaryIO", io.BufferedReader(self._output))
            writer = cast("BinaryIO", Input(self._stream))
            ship_agent(writer)
            super().__init__(reader, writer)
            self.ready(START_WITHIN)
        except (MachineError, OSError) as error:
            what = error.what if isinstance(error, GraderError) else self._why_none(error)
            raise Unsupported(
                f"no world can be made in a container: {what}", remedy=_remedy(error)
            ) from error

    def make_sandbox(
        self, *, hostname: str, processes: int, memory: int, tmpfs: Mapping[str, str]
    ) -> int:
        """A container with the rights that a submission has, adopted by the agent; its number."""
        command = [PYTHON, "-I", "-S", "-c", first.BOOTSTRAP]
        folders = {folder: self._options(options) for folder, options in tmpfs.items()}
        container = self._create(
            command, hostname=hostname, tmpfs=folders, cap_add=SANDBOX_RIGHTS,
            security_opt=["no-new-privileges"], pids_limit=processes, mem_limit=memory,
            memswap_limit=memory, nano_cpus=(os.cpu_count() or 1) * 1_000_000_000,
            shm_size="16m", cgroupns="private",
        )  # fmt: skip
        try:
            with self._engine.asking("starting the sandbox's container"):
                self._engine.api.start(container)
                pid = self._engine.api.inspect_container(container)["State"]["Pid"]
            number = int(self.call("sandboxes.adopt", within=ADOPT_WITHIN, pid=pid)["sandbox"])
        except BaseException:
            with suppress(MachineError):
                self._engine.remove(container)
            raise
        self._sandboxes[number] = container
        return number

    def _options(self, options: str) -> str:
        """A folder's mount options, as the engine knows them."""
        if self._engine.podman:  # there the limit of memory is what ends a flood of files
            options = re.sub(r"nr_inodes=\d+,?", "", options).rstrip(",")
        return f"exec,{options}"

    def destroy_sandbox(self, number: int) -> None:
        """End what runs in it; the engine then removes the container by itself."""
        super().destroy_sandbox(number)
        self._sandboxes.pop(number, None)

    def why_gone(self) -> str:
        """What the agent's container said last."""
        said = self._output.last_words()
        return f"; the world's container said: {said}" if said else ""

    def _why_none(self, error: OSError) -> str:
        """Why the agent could not be sent to its container: what that said, once it is all read."""
        with suppress(OSError):
            if self._stream is not None:
                self._stream.settimeout(ADOPT_WITHIN)
                self._output.readall()
        return f"{error.strerror or error}{self.why_gone()}"

    def close(self) -> None:
        """Remove the container, and with it all that runs on this machine."""
        for container in (*self._sandboxes.values(), self._container):
            if container:
                with suppress(MachineError):  # an engine that is gone has nothing running
                    self._engine.remove(container)
        if self._stream is not None:
            with suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
            self.join(5)  # a stream that a thread reads cannot be closed
            self._output.close()
            self._stream.close()
        self._engine.close()

    def _create(self, command: list[str], *, hostname: str = "", stdin_open: bool = False,
                **options: Any) -> str:  # fmt: skip
        with self._engine.asking("making a container"):
            limits = self._engine.api.create_host_config(**COMMON, **options)
            made = self._engine.api.create_container(
                self._image, command, hostname=hostname or None, stdin_open=stdin_open,
                labels=self._engine.labels(), host_config=limits,
            )  # fmt: skip
        return str(made["Id"])

    def _attach(self) -> socket.socket:
        with self._engine.asking("attaching to the world's container"):
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            attached = self._engine.api.attach_socket(self._container, params=streams)
        # A descriptor of our own: the SDK's belongs to a response that is never read to its end.
        connected = socket.socket(fileno=os.dup(attached.fileno()))
        connected.settimeout(None)
        attached._sock.close()  # noqa: SLF001 it and what reads from it both hold it open
        attached.close()
        return connected


def _remedy(error: Exception) -> str:
    return getattr(error, "remedy", "") or DENIED
