"""What this machine can grade, and the remedy where it can't."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader import image as images
from grader import warm
from grader.errors import GraderError, Unsupported
from grader.machine import microvm
from grader.machine.idmap import IdMap
from grader.machine.local import LocalMachine
from grader.machine.microvm import qemu
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.image import Image


@dataclass(frozen=True)
class Finding:
    """One thing that grading rests on, and how it stands here."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def examine(progress: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """All findings, in the order in which they build on each other.

    `progress` is told what takes long.
    """
    return [
        _finding("python", platform.python_version),
        _finding("id range", _ids),
        _finding("namespaces", _namespaces),
        _finding("image", _image),
        _finding("sandbox netns", _sandbox),
        _finding("qemu", qemu.version),
        _finding("microVM template", lambda: _template(progress)),
        _finding("sandbox vm", _microvm),
    ]


def _finding(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, ok=True, found=look())
    except GraderError as error:
        return Finding(what, ok=False, found=error.what, remedy=error.remedy)


def _ids() -> str:
    ids = IdMap.for_this_user()
    return f"users from {ids.uid_base}, groups from {ids.gid_base}"


def _namespaces() -> str:
    ids = IdMap.for_this_user()
    try:
        ids.run(["true"], stderr=subprocess.PIPE)
    except GraderError as error:
        reason = error.what.splitlines()[-1]
        raise Unsupported(
            f"a user namespace with an id range cannot be made ({reason})",
            remedy="have user namespaces allowed (not in a chroot); see user_namespaces(7)",
        ) from error
    return "a user namespace with an id range can be made"


def _image() -> str:
    return str(_built("not built").root)


def _built(otherwise: str) -> Image:
    image = images.find()
    if image is None:
        raise GraderError(otherwise, remedy="build it: grader image build")
    return image


def _sandbox() -> str:
    """Make one and run a program in it: no other way tells whether it can be done."""
    image = _built("not tried, since there is no image")
    with LocalMachine(image.root) as machine, Sandbox(machine) as sandbox:
        _first_program(sandbox)
        return (
            f"runs programs on kernel {machine.kernel}; limits are per process (setrlimit) and "
            "per folder (tmpfs), processes are counted per sandbox; no cgroups yet"
        )


def _first_program(sandbox: Sandbox) -> None:
    done = sandbox.run("ip", "link", "show", "lo", timeout=10)
    if done.exit != 0:
        raise GraderError(f"a first program {done.outcome}: {done.complaints.strip()}")


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
    return f"kernel {machine.kernel}, up after {awake:.2f} s, a first program done after {done:.2f}"
