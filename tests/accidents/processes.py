"""The processes below this one, orphans among them."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SET_CHILD_SUBREAPER = 36  # prctl(2)
libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def adopting() -> Iterator[None]:
    """Meanwhile whose parent dies becomes a child of this process, so that it can be found."""
    libc.prctl(SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(SET_CHILD_SUBREAPER, 0)


def below(pid: int) -> dict[int, list[str]]:
    """All processes below one, without the dead: their command lines."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append(int(path.parent.name))
    found: dict[int, list[str]] = {}
    todo = [*children.get(pid, [])]
    while todo:
        one = todo.pop()
        with suppress(OSError):
            found[one] = Path(f"/proc/{one}/cmdline").read_text(errors="replace").split("\0")
        todo += children.get(one, [])
    return found


def parent(pid: int) -> int:
    """The process that has started another, or has adopted it."""
    stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return int(stat.rpartition(")")[2].split()[1])


def left(known: set[int]) -> dict[int, list[str]]:
    """What lives below this process, but for the `known` ones; dead orphans are let go of."""
    for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in map(int, path.read_text().split()):
            if pid not in known:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
    return {pid: argv for pid, argv in below(os.getpid()).items() if pid not in known}
