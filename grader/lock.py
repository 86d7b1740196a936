"""One run at a time where several may want the same folder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME = ".lock"


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
