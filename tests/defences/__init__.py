"""Defences, each taken away once: what an attack gets with it, which is nothing, and without it."""

from __future__ import annotations

import io
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.machine import client
from grader.machine.local import LocalMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from grader.image import Image
    from grader.machine.client import Machine

    Attack = Callable[["Setting"], str]
    Removal = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Setting:
    """Where an attack takes place: the image, and an empty folder of this host's for its files."""

    image: Image
    folder: Path

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        """A fresh machine, whose agent has what defences there are just now."""
        with LocalMachine(self.image.root) as running:
            yield running


@dataclass(frozen=True)
class Defence:
    """What it is, where in the code, which test holds it, and what it is against.

    `attack` returns what it has got, the empty string for nothing; `removed` takes the defence away
    for the while, in this process and in what it starts. Both keep to what is made for them: no
    attack could harm this host without it.
    """

    name: str
    rows: tuple[int, ...]
    where: str
    held_by: str
    attack: Attack
    removed: Removal


def agent(module: str, code: str) -> Removal:
    """Machines get an agent with `code` at the end of one of its modules."""
    shipped = client.agent_archive

    def weakened() -> bytes:
        buffer = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(shipped()[12:])) as whole,
            zipfile.ZipFile(buffer, "w") as weak,
        ):
            for name in whole.namelist():
                more = f"\n{code}\n" if name == f"agent/{module}.py" else ""
                weak.writestr(name, whole.read(name) + more.encode())
        return f"{len(buffer.getvalue()):012d}".encode() + buffer.getvalue()

    return lambda patch: patch.setattr(client, "agent_archive", weakened)
