"""An interactive shell on the student's host of a fresh world, at this process's own terminal."""

from __future__ import annotations

import os
import secrets
import select
import signal
import sys
import termios
import threading
import tty
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from grader import home, warm
from grader import image as images
from grader.errors import BadInput, CheckFailed, GraderError, Unsupported
from grader.machine import microvm
from grader.machine.local import LocalMachine
from grader.machine.terminal import Terminal
from grader.rubric import topology_file
from grader.sandbox import AUTO, Limits
from grader.sandbox.sandbox import CAPABILITIES, WORK
from grader.submission import Submission
from grader.world import Topology, World
from grader.world.world import DRAWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from grader.image import Image
    from grader.machine.client import Machine
    from grader.machine.docker import DockerMachine

    Say = Callable[[str], None]

KINDS = (AUTO, "vm", "netns", "docker")
TOPOLOGY = home.project() / "fixtures" / "topologies" / "internet.yaml"
# A shell is used for hours, and one that it started must not be killed for having worked.
LIMITS = Limits(cpu_s=24 * 3600)
MOST_FILES = 200
KNOWN_TERMINAL = "xterm-256color"
# A mount namespace of its own has the host's interfaces in /sys, not the machine's, and a home that
# can be written. curl 8 prefers IPv6, whatever getaddrinfo(3) says; the lab's rules are about IPv4.
# The kernel's log begins here, without what it said while it started.
AS_MACHINE_ROOT = """
for place in sysfs:/sys tracefs:/sys/kernel/tracing debugfs:/sys/kernel/debug bpf:/sys/fs/bpf; do
    busybox mount -t "${place%%:*}" "${place%%:*}" "${place#*:}"
done
busybox mount -t tmpfs -o size=16m,mode=700 home /root
echo ipv4 >/root/.curlrc
dmesg --clear
exec bash
"""
HANGUP = 128 + signal.SIGHUP


@dataclass(frozen=True)
class Drawn:
    """Which world: of the topology in a file, drawn from a seed."""

    topology: Path = TOPOLOGY
    seed: str = field(default_factory=lambda: f"{secrets.randbits(32)}/shell")

    @classmethod
    def kept(cls, evidence: Path, lab: Path) -> Drawn:
        """The world that a check was judged in, by its folder of evidence.

        Raises BadInput if there is none, as for a check that needs no world.
        """
        for path in sorted(evidence.glob("*.txt")) if evidence.is_dir() else []:
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in islice(file, 5):
                    if line.startswith(DRAWN):
                        name, _, seed = line.removeprefix(DRAWN).rstrip("\n").partition(" ")
                        return cls(topology_file(lab, name), seed)
        raise BadInput(
            f"{evidence}: expected a check's evidence with the world that it was judged in, found "
            "none",
            remedy="name a folder such as reports/alice/01b.only_root; not every check has a world",
        )


def run(folder: Path | None, kind: str, say: Say, drawn: Drawn | None = None) -> int:
    """Let a person work in a world, with the files of `folder` in /work; returns bash's exit.

    `kind` is where: vm, netns, docker, or auto, which is vm if it can be had. The world is the one
    that was `drawn`, or a new one. Raises BadInput if there is no such kind or folder, or this
    process has no terminal; Unsupported without an image.
    """
    if kind not in KINDS:
        raise BadInput(f"--sandbox: expected {', '.join(KINDS)}; found {kind!r}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput(
            "a shell needs a terminal: standard input or output is none",
            remedy="start it from a terminal, without < > or |",
        )
    files = _files(folder, say) if folder else {}
    image = images.find()
    if image is None:
        remedy = f"run: {home.call('grader')} image build"
        raise Unsupported("the lab's image is not built", remedy=remedy)
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    with (
        restored(keyboard),
        _machine(image, kind, say) as machine,
        _world(machine, image, drawn or Drawn()) as world,
        _bash(machine, world, image, files) as terminal,
    ):
        say(_greeting(machine, world, files))
        tty.setraw(keyboard, termios.TCSADRAIN)
        code = _Relay(terminal, keyboard, screen).run()
    say("You have left the student's host.")
    return code


def _files(folder: Path, say: Say) -> dict[str, bytes]:
    """The plain text files of `folder`, read as they are for grading."""
    try:
        names = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise BadInput(f"{folder}: expected a folder to open: {error.strerror}") from error
    submission = Submission(folder.name, folder)
    found = {}
    for name in names[:MOST_FILES]:
        try:
            found[name] = submission.read(name).data
        except CheckFailed as refused:
            say(f"left out: {refused.message}")
    if len(names) > MOST_FILES:
        say(f"left out: all files but the first {MOST_FILES}")
    return found


@contextmanager
def _machine(image: Image, kind: str, say: Say) -> Iterator[Machine]:
    """A microVM, or for `auto`, if there can be none, this host."""
    made: microvm.MicroVM | LocalMachine | DockerMachine | None = None
    if kind == "docker":
        from grader.machine.docker import DockerMachine

        made = DockerMachine(image.root, image.id, say)
    elif kind != "netns":
        try:
            made = microvm.start(warm.source(image), warm.warm, progress=say)
        except GraderError as error:
            if kind != AUTO:
                raise
            say(f"no microVM, so this host's kernel: {error.what.splitlines()[0]}")
            say(f"remedy: {error.remedy}" if error.remedy else "see: grader doctor")
    with made or LocalMachine(image.root) as machine:
        yield machine


def _world(machine: Machine, image: Image, drawn: Drawn) -> World:
    """A world; on a machine with a kernel of its own the person is to be that kernel's root."""
    return World(
        machine,
        Topology.load(drawn.topology),
        seed=drawn.seed,
        **image.server(),
        limits=LIMITS,
        sandboxed=not _of_its_own(machine),
    )


def _of_its_own(machine: Machine) -> bool:
    return isinstance(machine, microvm.MicroVM)


def _bash(machine: Machine, world: World, image: Image, files: Mapping[str, bytes]) -> Terminal:
    """Start bash as root in /work, where `files` are."""
    size = os.get_terminal_size(sys.stdout.fileno())
    student = world.blueprint.student
    program: dict[str, object] = {
        "argv": ["bash"],
        "cwd": WORK,
        "env": {"IFACE": world.host(student).interface().name, **_environment(image)},
        "rows": size.lines,
        "columns": size.columns,
    }
    if not _of_its_own(machine):
        for name, data in files.items():
            world.sandbox.put(name, data)
        return Terminal(
            machine, "in_sandbox", sandbox=world.sandbox.number, program=program,
            capabilities=sorted(CAPABILITIES.values()), limits=LIMITS.of_a_process(),
        )  # fmt: skip
    for name, data in files.items():
        argv = ("/bin/sh", "-c", 'cat >"$1"', "sh", f"{WORK}/{name}")
        done = machine.run(*argv, stdin=data, timeout=10)
        if done.exit != 0:
            raise GraderError(f"{WORK}/{name} could not be written: {done.complaints}")
    program["argv"] = ["unshare", "--mount", "--", "/bin/sh", "-c", AS_MACHINE_ROOT]
    return Terminal(machine, "on_host", world=world.number, host=student, program=program)


def _environment(image: Image) -> dict[str, str]:
    """What programs need to know of the person's terminal; one that the image knows."""
    name = os.environ.get("TERM", KNOWN_TERMINAL)
    known = (image.root / "usr/share/terminfo" / name[:1] / name).is_file()
    found = {"TERM": name if known else KNOWN_TERMINAL}
    if "COLORTERM" in os.environ:
        found["COLORTERM"] = os.environ["COLORTERM"]
    return found


def _greeting(machine: Machine, world: World, files: Mapping[str, bytes]) -> str:
    interface = world.host(world.blueprint.student).interface()
    place = f"in a sandbox on this host's Linux {machine.kernel}, without dmesg and bpftrace"
    if _of_its_own(machine):
        place = f"in a microVM with Linux {machine.kernel}"
    held = f"{len(files)} of your files" if files else "no files yet"
    return (
        f"You are root on the student's host, {place}.\n"
        f"{interface.name} is {interface.address(4)}, {WORK} has {held}. "
        "To leave: exit or Ctrl-D; nothing is kept."
    )


@contextmanager
def restored(fd: int) -> Iterator[None]:
    """On every way out have the terminal `fd` as it was, without what was typed and not read.

    To be left last: while all ends, one may go on typing, as root, what is meant for the world's
    host; it must not reach the shell that comes next.
    """

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    with ExitStack() as stack:
        before = termios.tcgetattr(fd)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            stack.callback(signal.signal, number, signal.signal(number, leave))
        stack.enter_context(suppress(termios.error))  # the window is closed
        stack.callback(termios.tcsetattr, fd, termios.TCSAFLUSH, before)
        yield


class _Relay:
    """Passes on keys, output and the window's size."""

    def __init__(self, terminal: Terminal, keyboard: int, screen: int) -> None:
        self._terminal = terminal
        self._keyboard = keyboard
        self._screen = screen
        self._shown: Future[int] = Future()
        self._resized = True  # it may have been since the program was started
        self._waker = os.pipe()  # not closed: the thread may outlive the rest

    def run(self) -> int:
        """Go on until the program ends; returns how it did, as a shell says it."""
        former = signal.signal(signal.SIGWINCH, self._note_size)
        threading.Thread(target=self._show, daemon=True).start()
        try:
            self._pass_on(b"")
            while not self._shown.done():
                keys = self._typed()
                if keys == b"":
                    return HANGUP
                self._pass_on(keys or b"")
        finally:
            signal.signal(signal.SIGWINCH, former)
        code = self._shown.result()
        return code if code >= 0 else 128 - code

    def _typed(self) -> bytes | None:
        """Wait for something; what was typed, empty if the window is closed, None for the rest."""
        ready, _, _ = select.select([self._keyboard, self._waker[0]], [], [])
        if self._waker[0] in ready:
            os.read(self._waker[0], 64)
            return None
        try:
            return os.read(self._keyboard, 4096)
        except OSError:
            return b""

    def _pass_on(self, keys: bytes) -> None:
        """Have `keys` taken, and before each part of them the window's size, if it is another."""
        while not self._shown.done():
            if self._resized:
                self._resized = False
                size = os.get_terminal_size(self._screen)
                self._terminal.resize(size.lines, size.columns)
            if not keys:
                return
            keys = keys[self._terminal.write(keys) :]

    def _show(self) -> None:
        """Show what the program writes, to its end."""
        try:
            while self._terminal.exit is None:
                data = self._terminal.read()
                while data:
                    data = data[os.write(self._screen, data) :]
            self._shown.set_result(self._terminal.exit)
        except (GraderError, OSError) as error:
            self._shown.set_exception(error)
        os.write(self._waker[1], b"ended")

    def _note_size(self, *_: object) -> None:
        self._resized = True
        os.write(self._waker[1], b"size")
