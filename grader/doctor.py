"""What this machine can grade, and the remedy where it can't: found by really making each part."""

from __future__ import annotations

import os
import platform
import shutil
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from grader import home, warm
from grader import image as images
from grader.errors import GraderError
from grader.image.store import images_folder
from grader.machine import microvm, usernamespace
from grader.machine.idmap import IdMap
from grader.machine.local import LocalMachine
from grader.machine.microvm import qemu
from grader.sandbox import OFFERS, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.image import Image

SANDBOX = "sandbox "
# What an image and a template take, with what their making needs meanwhile.
ROOM = 3_000_000_000
BTF = "/sys/kernel/btf/vmlinux"


@dataclass(frozen=True)
class Finding:
    """One thing that grading may rest on, and how it stands here."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Health:
    """All findings, and what follows from them."""

    findings: list[Finding]

    @property
    def sandboxes(self) -> dict[str, bool]:
        """Which kinds of sandbox work here."""
        found = {one.what: one.ok for one in self.findings}
        return {kind: found[SANDBOX + kind] for kind in OFFERS}

    @property
    def offers(self) -> dict[str, list[str]]:
        """By what a check may require: the kinds of sandbox that work here and offer it."""
        works = self.sandboxes
        every = sorted({one for offers in OFFERS.values() for one in offers})
        return {
            one: [kind for kind, offers in OFFERS.items() if one in offers and works[kind]]
            for one in every
        }

    @property
    def whole(self) -> bool:
        """Whether every check can be graded here."""
        return all(self.offers.values())

    def as_data(self) -> dict[str, Any]:
        """The same as data."""
        return {
            "findings": [asdict(one) for one in self.findings],
            "sandboxes": self.sandboxes,
            "offers": self.offers,
            "whole": self.whole,
        }


def examine(progress: Callable[[str], None] = lambda _: None) -> Health:
    """All findings, in the order in which they build on each other.

    `progress` is told what takes long.
    """
    return Health(
        [
            _finding("python", platform.python_version),
            _finding("id range", _ids),
            _finding("namespaces", _namespaces),
            _finding("disk", _disk),
            _finding("image", _image),
            _finding("sandbox netns", _netns),
            _finding("docker", _engine),
            _finding("sandbox docker", lambda: _docker(progress)),
            _finding("qemu", qemu.version),
            _finding("microVM template", lambda: _template(progress)),
            _finding("sandbox vm", _microvm),
        ]
    )


def _finding(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, ok=True, found=look())
    except GraderError as error:
        return Finding(what, ok=False, found=error.what, remedy=error.remedy)


def _ids() -> str:
    ids = IdMap.for_this_user()
    return f"users from {ids.uid_base}, groups from {ids.gid_base}"


def _namespaces() -> str:
    usernamespace.require()
    return "a user namespace with an id range can be made"


def _disk() -> str:
    """Room matters as long as something is still to be made."""
    folder = images_folder()
    free = shutil.disk_usage(folder).free
    made = images.find()
    said = f"{free / 1e9:.1f} GB free for {folder}"
    if free < ROOM and made is None:
        raise GraderError(f"only {said}", remedy=f"make room: {ROOM / 1e9:g} GB are needed")
    return said


def _image() -> str:
    return str(_built("not built").root)


def _built(otherwise: str) -> Image:
    image = images.find()
    if image is None:
        raise GraderError(otherwise, remedy=f"build it: {home.call('grader')} image build")
    return image


def _netns() -> str:
    """Make one and run a program in it: no other way tells whether it can be done."""
    image = _built("not tried, since there is no image")
    with LocalMachine(image.root) as machine, Sandbox(machine) as sandbox:
        _first_program(sandbox)
        return (
            f"runs programs on kernel {machine.kernel}; limits are per process (setrlimit) and "
            "per folder (tmpfs), processes are counted per sandbox; no cgroups are needed"
        )


def _first_program(sandbox: Sandbox) -> None:
    done = sandbox.run("ip", "link", "show", "lo", timeout=10)
    if done.exit != 0:
        raise GraderError(f"a first program {done.outcome}: {done.complaints.strip()}")


def _engine() -> str:
    from grader.machine.docker import Engine

    with Engine() as engine:
        lacks = engine.lacks()
        without = f"; it cannot limit {' or '.join(lacks)} (no such cgroup)" if lacks else ""
        return engine.version() + without


def _docker(progress: Callable[[str], None]) -> str:
    """Start the world's container, and a sandbox beside it."""
    from grader.machine.docker import DockerMachine

    image = _built("not tried, since there is no image")
    began = time.monotonic()
    with DockerMachine(image.root, image.id, progress) as machine:
        up = time.monotonic() - began
        with Sandbox(machine) as sandbox:
            _first_program(sandbox)
        done = time.monotonic() - began
    return f"kernel {machine.kernel}, up after {up:.2f} s, a first program done after {done:.2f}"


def _template(progress: Callable[[str], None]) -> str:
    """Make it if need be: only a guest that has started tells what executes it."""
    image = _built("not tried, since there is no image")
    made = microvm.ensure(warm.source(image), warm.warm, progress=progress)
    if made.accel == qemu.KVM:
        return "runs under kvm"
    why = "KVM was tried and is of no use"
    if not os.access(qemu.KVM_DEVICE, os.R_OK | os.W_OK):
        why = f"{qemu.KVM_DEVICE} is not there"
        if qemu.KVM_DEVICE.exists():
            why = f"this user may not open {qemu.KVM_DEVICE}; members of its group may"
    return f"runs under tcg, in software, some times slower: {why}"


def _microvm() -> str:
    """Clone one and run a program in a sandbox in it."""
    image = _built("not tried, since there is no image")
    began = time.monotonic()
    with microvm.start(warm.source(image), warm.warm) as machine:
        awake = time.monotonic() - began
        with Sandbox(machine) as sandbox:
            _first_program(sandbox)
        done = time.monotonic() - began
        if machine.run("test", "-r", BTF, timeout=10).exit != 0:
            what = f"its kernel {machine.kernel} has no type information (BTF) in {BTF}"
            command = f"{home.call('grader')} image prune --all"
            raise GraderError(what, remedy=f"build the image anew: {command}")
    return f"kernel {machine.kernel}, up after {awake:.2f} s, a first program done after {done:.2f}"
