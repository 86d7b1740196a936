"""What runs of the grader that are dead have left, and nothing else: it may all be removed.

A run that ends, however it ends, leaves no process, namespace or container: those die with it.
What can stay are files: parts of an image or template that was being made, which are nobody's as
soon as their folder's lock is free; a report's temporary file, which its writer holds until it is
renamed; and the reports of `grader check` on folders that are gone.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from grader import checked, image, lock
from grader.errors import GraderError
from grader.machine import microvm
from grader.machine.idmap import IdMap
from grader.report import half_written, remove_half_written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Leftover:
    """A file or folder that nobody needs, and what it was."""

    path: Path
    what: str

    def remove(self) -> None:
        """Remove it. Raises GraderError if that cannot be done."""
        image.remove(self.path, IdMap.for_this_user())


class HalfWritten(Leftover):
    """A report's temporary file, which its writer held as long as it lived."""

    def remove(self) -> None:
        """Remove it. Raises GraderError if that cannot be done."""
        try:
            remove_half_written(self.path)
        except OSError as error:
            what = f"{self.path} could not be removed: {error.strerror}"
            raise GraderError(
                what, remedy="get the right to write there, and clean again"
            ) from error


@contextmanager
def found(reports: Path | None = None) -> Iterator[tuple[list[Leftover], list[str]]]:
    """What is left over, and what had to be left alone; the folders are held meanwhile.

    `reports` is a folder of reports to look through, too.
    """
    with _free(image.images_folder()) as images, _free(microvm.templates_folder()) as templates:
        left: list[Leftover] = []
        alone: list[str] = []
        if images:
            left += [Leftover(path, "an image half made") for path in image.unfinished()]
        else:
            alone.append("an image is being made")
        if templates:
            left += [Leftover(path, "a template half made") for path in microvm.unfinished()]
        else:
            alone.append("a microVM's template is being made")
        left += [Leftover(path, "checks of a folder that is gone") for path in checked.dead()]
        for place in (checked.folder(), *([reports] if reports else [])):
            left += [HalfWritten(path, "a report half written") for path in half_written(place)]
        yield left, alone


@contextmanager
def _free(folder: Path) -> Iterator[bool]:
    """Hold a folder, if nobody else does; whether that is so."""
    held = FileLock(folder / lock.NAME)
    try:
        held.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        held.release()
