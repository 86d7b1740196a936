"""Whose ids the sandboxes' are: never those of a kernel's own root.

To that root belong all settings below /proc, and RLIMIT_NPROC does not hold for it. On a host, the
agent itself is in a user namespace whose root is nobody there (grader.machine.idmap), and its
sandboxes have the same ids. In a microVM the agent is the kernel's root: for sandboxes it makes a
namespace such as a host gives it.

Source: user_namespaces(7).
"""

import os
import resource
import signal
from dataclasses import dataclass
from typing import Self

from . import namespaces as ns

RANGE = 65_536
FIRST = 2_000_000_000


@dataclass(frozen=True)
class Users:
    """The user namespace around the sandboxes: `root` is the id here of its root.

    `join` is how to get there: pairs of descriptor and setns(2) flags, none for this namespace.
    """

    root: int = 0
    join: tuple[tuple[int, int], ...] = ()

    @classmethod
    def apart(cls, image: str) -> Self:
        """Others than this namespace has; `image` is shown as theirs. Not for use in threads."""
        # They may lower this only, and who is first on a small machine gets little.
        resource.setrlimit(resource.RLIMIT_NPROC, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        users = _make(FIRST)
        ns.show_as_owned_by(users, image)
        return cls(FIRST, ((users, ns.CLONE_NEWUSER),))


def map_ids(pid: int, first: int) -> None:
    """Map the ids 0 to 65,535 of the new user namespace of `pid` to those from `first` on."""
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w", encoding="ascii") as file:
            file.write(f"0 {first} {RANGE}\n")


def _make(first: int) -> int:
    """A user namespace whose ids are those from `first` on here; returns its descriptor."""
    made_read, made_write = os.pipe()
    child = os.fork()
    if child == 0:
        ns.unshare(ns.CLONE_NEWUSER)
        os.write(made_write, b"m")
        signal.pause()
    os.close(made_write)
    os.read(made_read, 1)
    os.close(made_read)
    map_ids(child, first)
    users = os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    os.kill(child, signal.SIGKILL)
    return users
