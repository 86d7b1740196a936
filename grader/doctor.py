"""What this machine can grade, and the remedy where it can't."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader import image as images
from grader.errors import GraderError, Unsupported
from grader.machine.idmap import IdMap
from grader.machine.local import LocalMachine
from grader.sandbox import NetnsSandbox

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Finding:
    """One thing that grading rests on, and how it stands here."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """All findings, in the order in which they build on each other."""
    return [
        _finding("python", platform.python_version),
        _finding("id range", _ids),
        _finding("namespaces", _namespaces),
        _finding("image", _image),
        _finding("sandbox netns", _sandbox),
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
    image = images.find()
    if image is None:
        what = "not built"
        raise GraderError(what, remedy="build it: grader image build")
    return str(image.root)


def _sandbox() -> str:
    """Make one and run a program in it: no other way tells whether it can be done."""
    image = images.find()
    if image is None:
        what = "not tried, since there is no image"
        raise GraderError(what, remedy="build it: grader image build")
    with LocalMachine(image.root) as machine, NetnsSandbox(machine) as sandbox:
        done = sandbox.run("ip", "link", "show", "lo", timeout=10)
        if done.exit != 0:
            raise GraderError(f"a first program {done.outcome}: {done.complaints.strip()}")
        return (
            f"runs programs on kernel {machine.kernel}; limits are per process (setrlimit) and "
            "per folder (tmpfs), processes are counted per sandbox; no cgroups yet"
        )
