"""A folder to begin with: the lab's templates of the files that are to be handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader import document
from grader.errors import BadInput, GraderError
from grader.rubric import Rubric

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = "template"


@dataclass(frozen=True)
class Begun:
    """A file to be handed in, the tasks it belongs to, and whether it was there before."""

    name: str
    tasks: tuple[str, ...]
    kept: bool


def begin(lab: Path, folder: Path) -> list[Begun]:
    """Put the templates of the lab's files into `folder`; what is there stays as it is.

    Raises BadInput if the lab has none for a file, or `folder` cannot be one.
    """
    rubric = document.load(lab / "lab.yaml", Rubric)
    texts = {name: _template(lab, name) for name in rubric.files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadInput(f"{folder}: expected a folder, or nothing; found a file") from None
    except OSError as error:
        raise GraderError(f"{folder}: cannot be made: {error.strerror}") from error
    return [
        Begun(
            name,
            tuple(id_ for id_, task in rubric.tasks.items() if name in task.files),
            kept=not _write(folder / name, text),
        )
        for name, text in texts.items()
    ]


def _template(lab: Path, name: str) -> bytes:
    try:
        return (lab / TEMPLATE / name).read_bytes()
    except OSError as error:
        raise BadInput(
            f"{lab / TEMPLATE / name}: expected the template of {name}: {error.strerror}"
        ) from error


def _write(path: Path, data: bytes) -> bool:
    """Write a file, unless there is anything of its name already; whether it was written."""
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    except OSError as error:
        raise GraderError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        with file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise GraderError(f"{path}: cannot be written: {error.strerror}") from error
    return True
