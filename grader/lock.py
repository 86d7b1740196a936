"""One run at a time, or a few, where several may want the same."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME = ".lock"
LOOKS_EVERY = 0.05  # seconds


@contextmanager
def alone(
    folder: Path,
    *,
    waiting: str = "",
    progress: Callable[[str], None] = lambda _: None,
    mode: int = 0o644,
) -> Iterator[None]:
    """Hold `folder` alone; what another holder had begun is then nobody's.

    `progress` is told `waiting` if another holds it. Its death lets go of it. `mode` is the lock
    file's: who may not write to it cannot hold the folder.
    """
    lock = FileLock(folder / NAME, mode=mode)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(waiting)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def places(folder: Path, wanted: int, of: int) -> Iterator[None]:
    """Hold `wanted` of the `of` places that `folder` has; a death lets go of them.

    Nobody takes a place while another waits for its own: who wants all of them does get them.
    """
    every = [FileLock(folder / f".place-{number}") for number in range(of)]
    with ExitStack() as held:
        with alone(folder):
            while wanted:
                if any(not one.is_locked and _taken(one, held) for one in every):
                    wanted -= 1
                else:
                    time.sleep(LOOKS_EVERY)
        yield


def _taken(lock: FileLock, held: ExitStack) -> bool:
    """Take a lock, if it is free, until `held` is left; whether it was."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    held.callback(lock.release)
    return True
