"""What is exported: reports found in folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.decisions import REPORT, read_report
from grader.errors import BadInput
from grader.export.graded import Graded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def reports(paths: Sequence[Path]) -> list[Graded]:
    """The reports that `paths` name: folders of reports, a report's folder, or its file.

    Raises BadInput if one of them has none, GraderError if one cannot be read.
    """
    folders: dict[Path, None] = {}
    for path in paths:
        found = [path.parent] if path.name == REPORT else list(_folders(path))
        if not found:
            raise BadInput(
                f"{path}: expected reports, found none",
                remedy="grade first, or name the folder of the reports",
            )
        folders |= dict.fromkeys(found)
    return [Graded(read_report(folder)) for folder in folders]


def _folders(path: Path) -> Iterator[Path]:
    """The folders with a report; what lies below one is evidence."""
    if (path / REPORT).is_file():
        yield path
    elif path.is_dir():
        for inner in sorted(path.iterdir()):
            if inner.is_dir() and not inner.is_symlink():
                yield from _folders(inner)
