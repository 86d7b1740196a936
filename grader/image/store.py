"""The folder where this user's images are kept.

`netlab-grader/images/<id>/` in the user's cache folder holds `rootfs/`, `tls/` and
`image.json`. A folder of that name is complete: it got its name last.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import platformdirs

from grader import home, lock
from grader.deadline import TimedOut, wait_until
from grader.errors import GraderError
from grader.image.recipe import Recipe
from grader.machine.idmap import IdMap

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

GONE_WITHIN = 5.0
BUILD = ".build-"


@dataclass(frozen=True)
class Image:
    """A root file system that sandboxes can be made of.

    `root` is the tree, owned by the ids of the sandboxes' users; `disk` the same as a squashfs
    for microVMs; `tls` holds ca.crt, ca.key, server.crt and server.key of the world's HTTPS server.
    """

    id: str
    root: Path
    disk: Path
    tls: Path

    @classmethod
    def at(cls, folder: Path) -> Image:
        """The image kept in `folder`."""
        return cls(
            id=folder.name, root=folder / "rootfs", disk=folder / "disk.sqfs", tls=folder / "tls"
        )

    def server(self) -> dict[str, bytes]:
        """The certificate (with its chain) and key, in PEM, of the world's HTTPS server."""
        return {
            "certificate": (self.tls / "server.crt").read_bytes(),
            "key": (self.tls / "server.key").read_bytes(),
        }

    def facts(self) -> dict[str, Any]:
        """What was written down at the build: suite, time, the packages' versions."""
        text = (self.root.parent / "image.json").read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text)
        return facts


def images_folder() -> Path:
    """The folder of all images, made if need be; any user may search it, so mode 0755.

    Raises Unsupported where it cannot be made.
    """
    folder = platformdirs.user_cache_path("netlab-grader", appauthor=False) / "images"
    if not folder.is_dir():
        home.cache("images").chmod(0o755)
    return folder


def at(name: str) -> Image | None:
    """The image of this id, if it is here."""
    folder = images_folder() / name
    return Image.at(folder) if (folder / "image.json").is_file() else None


def find(recipe: Recipe | None = None) -> Image | None:
    """The recipe's image, if it has been built. Raises Unsupported without an id range."""
    return at((recipe or Recipe()).identity(IdMap.for_this_user()))


def stored() -> list[Image]:
    """All images of this user."""
    return [Image.at(path.parent) for path in sorted(images_folder().glob("*/image.json"))]


def prune(recipe: Recipe | None = None, *, keep_current: bool = True) -> list[Path]:
    """Remove all images but the recipe's, and what killed builds left; say what went."""
    ids = IdMap.for_this_user()
    kept = {lock.NAME} | ({(recipe or Recipe()).identity(ids)} if keep_current else set())
    with locked():
        old = [path for path in sorted(images_folder().iterdir()) if path.name not in kept]
        for path in old:
            remove(path, ids)
    return old


def locked(
    progress: Callable[[str], None] = lambda _: None,
) -> AbstractContextManager[None]:
    """Hold the images folder alone; what another build had begun is then nobody's."""
    waiting = "waiting for another build of an image to end"
    return lock.alone(images_folder(), waiting=waiting, progress=progress)


def remove(path: Path, ids: IdMap) -> None:
    """Remove a tree that may belong to the sandboxes' users.

    Whoever was killed with a build may still be at work in it, so it is tried for a while.
    """

    def gone() -> bool:
        with suppress(OSError, subprocess.CalledProcessError):  # what counts is whether it is gone
            if not path.is_symlink() and not path.is_dir():
                path.unlink(missing_ok=True)
            elif os.geteuid() == 0:
                rm = shutil.which("rm") or "/bin/rm"
                command = [rm, "-rf", "--one-file-system", "--", str(path)]
                subprocess.run(command, check=True, stderr=subprocess.PIPE)
            else:
                ids.run(["rm", "-rf", "--", path.name], cwd=path.parent, stderr=subprocess.PIPE)
        return not os.path.lexists(path)

    try:
        wait_until(gone, within=GONE_WITHIN, what=f"{path} to be gone", every=0.1)
    except TimedOut as late:
        remedy = f"remove it: sudo rm -r {path}"
        raise GraderError(f"{path} could not be removed", remedy=remedy) from late
