"""QEMU: one process with one guest, driven over QMP, its words bounded, dead with its owner.

All that it opens it gets as descriptors, so that it needs no right to any path; run by root it
becomes a user of the machines' own range, and it has no network of its own in any case.

Sources: qemu(1), https://www.qemu.org/docs/master/interop/qmp-spec.html, setpriv(1), unshare(1).
"""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import socket
import stat
import struct
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.deadline import Deadline
from grader.disposable import Disposable
from grader.errors import Unsupported
from grader.machine.client import MachineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.machine.idmap import IdMap

PROGRAM = "qemu-system-x86_64"
REMEDY = "install the package qemu-system-x86: sudo apt-get install qemu-system-x86"
KVM, TCG = "kvm", "tcg"
CPUS = 2
MEMORY_MIB = 512
KEPT = 64 * 1024
SHOWN = 1500
MIGRATES_WITHIN = 20.0
# A guest that reads nothing for so long hangs, and whoever writes to it must not.
SENDS_WITHIN = 20
ENDS_WITHIN = 2.0
LONGEST_LINE = 1024 * 1024
# What a kernel says before it says everything that it knows.
FAULT = re.compile(r"^.*(Kernel panic|BUG: |Oops: )", re.MULTILINE)
KVM_DEVICE = Path("/dev/kvm")
# As QEMU's own process, just before it becomes QEMU: an owner that died before the signal of its
# death was asked for is no longer the parent.
ORPHANS_END = '[ "$PPID" = "$0" ] && exec "$@"'
SECCOMP = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


def program() -> str:
    """The path of QEMU. Raises Unsupported, with the remedy, if it is not installed."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise Unsupported(f"{PROGRAM} is not installed", remedy=REMEDY)
    return found


def version() -> str:
    """QEMU's version, as it prints it. Raises Unsupported."""
    done = subprocess.run([program(), "-version"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unsupported(f"{PROGRAM} does not run: {done.stderr.strip()}", remedy=REMEDY)
    return done.stdout.partition("\n")[0]


@dataclass(frozen=True)
class Files:
    """What a guest is made of: its kernel, initrd, disk and memory."""

    kernel: Path
    initrd: Path
    disk: Path
    memory: Path


def accelerator(kind: str) -> list[str]:
    """The options that say what executes the guest's instructions: `kvm` or `tcg`."""
    if kind == KVM:
        return ["-accel", "kvm", "-cpu", "host"]
    # x86-64-v2: what a later processor could do besides costs more to emulate than it saves.
    return ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem"]


def hardware(fds: Mapping[str, int], command_line: str, *, shared: bool) -> list[str]:
    """The options for the guest's hardware; a template and its clones must have the same."""
    memory = f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={_path(fds['memory'])}"
    return [
        "-M", "q35,memory-backend=ram,usb=off,vmport=off,hpet=off",
        "-object", f"{memory},share={'on' if shared else 'off'}",
        "-m", f"{MEMORY_MIB}M", "-smp", str(CPUS),
        "-kernel", _path(fds["kernel"]), "-initrd", _path(fds["initrd"]), "-append", command_line,
        "-drive",
        f"if=none,id=disk,file={_path(fds['disk'])},format=raw,readonly=on,file.locking=off",
        "-device", "virtio-blk-pci,drive=disk",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=agent,fd={fds['agent']}",
        "-device", "virtserialport,chardev=agent,name=agent",
    ]  # fmt: skip


def house(fds: Mapping[str, int]) -> list[str]:
    """The options that every QEMU has: no extras, no network, confined, watched."""
    return [
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none",
        "-sandbox", SECCOMP,
        "-chardev", f"socket,id=serial,fd={fds['serial']}", "-serial", "chardev:serial",
        "-chardev", f"socket,id=qmp,fd={fds['qmp']}", "-mon", "chardev=qmp,mode=control",
    ]  # fmt: skip


def confined(ids: IdMap) -> list[str]:
    """The command before QEMU's own: an unprivileged user, no network, dead with its parent."""
    if ids.uid is None:  # root
        groups = _groups_of_kvm()
        enter = [
            "unshare", "--net", "--ipc", "--",
            "setpriv", f"--reuid={ids.uid_base}", f"--regid={ids.gid_base}",
            f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups",
        ]  # fmt: skip
    else:
        enter = ["unshare", "--user", "--map-current-user", "--net", "--ipc", "--", "setpriv"]
    # The signal last: a change of credentials forgets it (prctl(2)).
    last = ["--no-new-privs", "--pdeathsig", "KILL", "--"]
    return [*enter, *last, "sh", "-c", ORPHANS_END, str(os.getpid())]


def _groups_of_kvm() -> list[int]:
    """The group that may use KVM, if that is what makes the difference."""
    try:
        device = KVM_DEVICE.stat()
    except OSError:
        return []
    wanted = stat.S_IRGRP | stat.S_IWGRP
    return [device.st_gid] if device.st_mode & wanted == wanted else []


def _path(fd: int) -> str:
    return f"/proc/self/fd/{fd}"


class Qemu(Disposable):
    """A guest's process. Its `agent` socket is the far end of the guest's port of that name."""

    def __init__(
        self, files: Files, ids: IdMap, *, accel: str, command_line: str, shared: bool,
        incoming: bool = False,
    ) -> None:  # fmt: skip
        """Start; `shared` writes to the memory's file, else changes stay with this process.

        A guest that is `incoming` waits for `resume`. Raises Unsupported without QEMU,
        MachineError if it does not start.
        """
        with ExitStack() as undo:
            try:
                self._start(undo, files, ids, accel, command_line, shared=shared, incoming=incoming)
            except OSError as error:
                raise MachineError(f"QEMU could not be started: {error}") from error
            try:
                self._monitor.greet()
            except MachineError as error:
                raise MachineError(f"QEMU did not start: {self._end() or error}") from error
            undo.pop_all()

    def _start(
        self, undo: ExitStack, files: Files, ids: IdMap, accel: str, command_line: str,
        *, shared: bool, incoming: bool,
    ) -> None:  # fmt: skip
        """Start the process; `undo` gets what lets go of everything."""
        with ExitStack() as theirs:
            opened: dict[str, int] = {}
            for name, mode in (
                ("kernel", os.O_RDONLY), ("initrd", os.O_RDONLY), ("disk", os.O_RDONLY),
                ("memory", os.O_RDWR),
            ):  # fmt: skip
                opened[name] = os.open(getattr(files, name), mode)
                theirs.callback(os.close, opened[name])
            ends: dict[str, socket.socket] = {}
            for name in ("agent", "serial", "qmp"):
                near, far = socket.socketpair()
                ends[name] = undo.enter_context(near)
                opened[name] = theirs.enter_context(far).fileno()
            within = struct.pack("ll", SENDS_WITHIN, 0)
            ends["agent"].setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, within)
            command = [
                *confined(ids), program(), *accelerator(accel), *house(opened),
                *hardware(opened, command_line, shared=shared),
                *(["-incoming", "defer"] if incoming else []),
            ]  # fmt: skip
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, pass_fds=list(opened.values()), cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath)}, start_new_session=True,
            )  # fmt: skip
            undo.enter_context(self._process)
            undo.callback(self._kill)
        self.agent = ends["agent"]
        self._monitor = undo.enter_context(_Monitor(ends["qmp"]))
        self._said = _Tail(ends["serial"], self._process)
        undo.callback(self.close)

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._process.pid

    def resume(self, state: Path) -> None:
        """Load what `save` has written to `state` and let the guest run. Raises MachineError."""
        self._migrate("migrate-incoming", state, os.O_RDONLY)
        self._monitor.execute("cont")

    def save(self, state: Path) -> None:
        """Stop the guest for good and write what is not memory to `state`. Raises MachineError."""
        self._monitor.execute("stop")
        self._migrate("migrate", state, os.O_RDWR)

    def _migrate(self, command: str, state: Path, mode: int) -> None:
        try:
            self._migrate_devices(command, state, mode)
        except (MachineError, OSError) as error:
            raise MachineError(f"{error}\n{self._end()}".strip()) from error

    def _migrate_devices(self, command: str, state: Path, mode: int) -> None:
        """Let the memory out, for its file is there already (x-ignore-shared)."""
        capability = {"capability": "x-ignore-shared", "state": True}
        self._monitor.execute("migrate-set-capabilities", capabilities=[capability])
        with open(state, opener=lambda path, _: os.open(path, mode)) as file:
            self._monitor.execute("getfd", pass_fd=file.fileno(), fdname="state")
        self._monitor.execute(command, uri="fd:state")
        deadline = Deadline(MIGRATES_WITHIN)
        while (found := self._monitor.execute("query-migrate")).get("status") != "completed":
            if found.get("status") in {"failed", "cancelled"} or not deadline.left:
                reason = f"{found.get('status')} {found.get('error-desc', '')}".strip()
                raise MachineError(f"QEMU: {command}: the guest's state is {reason}")
            time.sleep(0.002)

    def last_words(self) -> str:
        """The end of what the guest wrote to its serial port and QEMU to standard error.

        If its kernel has complained, that from there on.
        """
        text = self._said.text()
        fault = FAULT.search(text)
        return (text[fault.start() :][:SHOWN] if fault else text[-SHOWN:]).strip()

    def _end(self) -> str:
        """The last words, all of them if QEMU is just ending."""
        self.ends()
        return self.last_words()

    def ends(self) -> bool:
        """Whether QEMU has ended or is just doing so; its last words are then all there."""
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            return False
        self._said.join()
        return True

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill it and let go of its sockets."""
        self._kill()
        self._monitor.close()
        with suppress(OSError):
            self.agent.shutdown(socket.SHUT_RDWR)  # a thread may be reading
        self.agent.close()
        self._said.close()


class _Tail:
    """The last of what comes from a serial port and from standard error, read by a thread."""

    def __init__(self, serial: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self._serial, self._stderr = serial, process.stderr
        self._kept = bytearray()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            for source in (self._serial, self._stderr):
                if source is not None:
                    selector.register(source, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    try:
                        chunk = os.read(key.fd, KEPT)
                    except OSError:
                        chunk = b""
                    if not chunk:
                        selector.unregister(key.fileobj)
                    with self._lock:
                        self._kept += chunk
                        del self._kept[:-KEPT]

    def text(self) -> str:
        with self._lock:
            text = self._kept.decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|[\x00-\x08\x0b-\x1f\x7f]", "", text)

    def join(self) -> None:
        """When QEMU is dead: wait until all that it wrote is here."""
        self._thread.join(5)

    def close(self) -> None:
        """When QEMU is dead: both sources are at their end."""
        self.join()
        self._serial.close()
        if self._stderr is not None:
            self._stderr.close()


class _Monitor(Disposable):
    """QMP: one JSON object a line, a command answered before the next."""

    within = 20.0

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(self.within)
        self._socket = connected
        self._lines = connected.makefile("rb")

    def greet(self) -> None:
        """Take the greeting and leave the mode of negotiation."""
        self._next()
        self.execute("qmp_capabilities")

    def execute(self, command: str, *, pass_fd: int | None = None, **arguments: Any) -> Any:
        """Have QEMU do `command`. Raises MachineError with its reason if it could not."""
        message = json.dumps({"execute": command, "arguments": arguments}).encode()
        try:
            socket.send_fds(self._socket, [message], [] if pass_fd is None else [pass_fd])
        except OSError as error:
            raise MachineError(f"QEMU's monitor is gone: {error}") from error
        deadline = Deadline(self.within)
        while deadline.left:
            answer = self._next()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise MachineError(f"QEMU: {command}: {answer['error']['desc']}")
        raise MachineError(f"QEMU: {command}: no answer within {self.within:g} s")

    def _next(self) -> dict[str, Any]:
        try:
            line = self._lines.readline(LONGEST_LINE)
            if not line:
                raise MachineError("QEMU has ended")
            message: dict[str, Any] = json.loads(line)
        except OSError as error:
            raise MachineError(f"QEMU's monitor is silent: {error}") from error
        except ValueError as error:
            raise MachineError(f"QEMU's monitor does not make sense: {error}") from error
        return message

    def close(self) -> None:
        """Let go of the connection."""
        self._lines.close()
        self._socket.close()
