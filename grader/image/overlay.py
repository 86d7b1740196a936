"""The archives between the stages: what is laid over Debian, and the whole root file system."""

from __future__ import annotations

import subprocess
import tarfile
from typing import TYPE_CHECKING

from grader.image.recipe import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.image.recipe import Recipe
    from grader.machine.idmap import IdMap

MODES = {"program": 0o755, "file": 0o644, "link": 0o777}


def write_overlay(target: Path, recipe: Recipe, *, wheels: Path | None, trusted: Path) -> None:
    """Pack wheels, the trusted certificate, rootfs/ and finish, all owned by root."""
    with tarfile.open(target, "w", dereference=False) as archive:
        if wheels:
            below = f"usr/local/lib/python{recipe.python}/dist-packages"
            for name, path in _files(wheels):
                _add(archive, path, f"{below}/{name}")
        _add(archive, trusted, "usr/local/share/ca-certificates/netlab.crt")
        for name, path in recipe.overlay():
            _add(archive, path, name)
        if recipe.finish:
            _add(archive, recipe.finish, "finish")


def unpack(source: Path, target: Path, ids: IdMap) -> None:
    """Unpack a root file system, in the new folder `target`, as `ids` owns it; without devices."""
    target.mkdir()
    target.chmod(0o755)
    ids.own(target)
    with source.open("rb") as archive:
        ids.run(
            ["tar", "--extract", "--numeric-owner", "--same-permissions", "--exclude=./dev/*",
             "--xattrs", "--xattrs-include=security.capability", "--directory", target.name],
            cwd=target.parent, stdin=archive, stderr=subprocess.PIPE,
        )  # fmt: skip


def _files(top: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(top.rglob("*")):
        if path.is_symlink() or path.is_file():
            yield path.relative_to(top).as_posix(), path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    member = archive.gettarinfo(path, name)
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = MODES[kind_of(path)]
    if member.isreg():
        with path.open("rb") as content:
            archive.addfile(member, content)
    else:
        archive.addfile(member)
