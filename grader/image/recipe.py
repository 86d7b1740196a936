"""What an image is made of, and the name that follows from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader import home
from grader.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.machine.idmap import IdMap

# To be raised when this package makes another image of the same inputs.
FORMAT = 2

LAB = home.project() / "fixtures" / "image"


@dataclass(frozen=True)
class Recipe:
    """The inputs of one image: a folder of files, and which Debian to make it of.

    In the folder: `packages.txt`, and if wanted `requirements.txt` (wheels for the image's
    Python), `rootfs/` (files laid over the packages') and `finish` (a script run inside).
    """

    folder: Path = LAB
    suite: str = "trixie"
    variant: str = "apt"
    architecture: str = "amd64"
    python: str = "3.13"

    @property
    def packages(self) -> tuple[str, ...]:
        """The names in packages.txt."""
        path = self.folder / "packages.txt"
        if not path.is_file():
            what = f"{path}: expected the list of the image's packages, found no file"
            raise BadInput(what, remedy="take the folder from the repository again")
        lines = path.read_text(encoding="utf-8").splitlines()
        return tuple(name for line in lines if (name := line.partition("#")[0].strip()))

    @property
    def requirements(self) -> Path | None:
        """The wheels' requirements file, if the recipe has one."""
        return self._optional("requirements.txt")

    @property
    def finish(self) -> Path | None:
        """The script that runs inside the new image, if the recipe has one."""
        return self._optional("finish")

    def overlay(self) -> Iterator[tuple[str, Path]]:
        """The files under rootfs/: name in the image, path here; in a fixed order."""
        top = self.folder / "rootfs"
        for path in sorted(top.rglob("*")):
            if path.is_symlink() or path.is_file():
                yield path.relative_to(top).as_posix(), path

    def identity(self, ids: IdMap) -> str:
        """A name that another image has if any input differs.

        The id range is an input: the tree's files belong, on disk, to the sandboxes' users.
        """
        digest = hashlib.sha256()
        for part in self._inputs(ids):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()[:32]

    def _inputs(self, ids: IdMap) -> Iterator[bytes]:
        plain = (FORMAT, self.suite, self.variant, self.architecture, self.python)
        yield repr((*plain, ids.uid_base, ids.gid_base, self.packages)).encode()
        for path in (self.requirements, self.finish):
            yield path.read_bytes() if path else b""
        for name, path in self.overlay():
            yield name.encode()
            yield kind_of(path).encode()
            yield str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()

    def _optional(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None


def kind_of(path: Path) -> str:
    """What of a file's mode goes into an image: git keeps no more than this."""
    if path.is_symlink():
        return "link"
    return "program" if path.stat().st_mode & 0o100 else "file"
