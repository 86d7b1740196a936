"""Where the lab lies: in the repository that this file belongs to, or in the installed package."""

from __future__ import annotations

import shlex
from pathlib import Path

from platformdirs import user_cache_path

from grader.errors import Unsupported

PACKAGE = Path(__file__).resolve().parent
# What setup.py puts into a wheel: the repository's files that are no part of the package.
INSTALLED = PACKAGE / "project"


def project() -> Path:
    """The project's root: the folder of tox.ini, conftest.py, tests_lab/ and fixtures/."""
    repository = PACKAGE.parent
    return repository if (repository / "tests_lab").is_dir() else INSTALLED


def lab() -> Path:
    """The folder of the lab that is shipped: lab.yaml, checks, templates."""
    return project() / "tests_lab"


def cache(name: str) -> Path:
    """A folder of this user's cache, made if it is not there. Raises Unsupported."""
    folder = user_cache_path("netlab-grader", appauthor=False) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unsupported(
            f"{folder}: expected a folder to keep things in: {error.strerror}",
            remedy="set HOME or XDG_CACHE_HOME to a folder that you may write to",
        ) from error
    return folder


def pinned() -> list[str]:
    """The arguments that make pytest take the project's configuration, whatever lies elsewhere."""
    root = project()
    options = ["-c", str(root / "tox.ini"), f"--rootdir={root}"]
    if root == INSTALLED:  # which may belong to another user
        options += ["-o", f"cache_dir={user_cache_path('netlab-grader') / 'pytest'}"]
    return options


def call(program: str, *, here: Path | None = None) -> str:
    """How a person starts `program` (pytest or grader): the beginning of a shell line.

    `here` is the folder where it is typed, by default the current one.
    """
    root = project()
    if root != INSTALLED:
        launcher = "./lab" if (here or Path.cwd()) == root else shlex.quote(str(root / "lab"))
        return f"{launcher} {program}"
    return shlex.join(["pytest", *pinned()[:2]]) if program == "pytest" else program
