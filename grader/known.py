"""What was once measured of a kernel, kept for the next who asks: every clone has the same.

It lies beside the microVMs' template and goes with it, so it is never of another kernel, image or
agent than the one that would be measured now.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Known:
    """Answers by question, as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, question: str, kind: type[T], measure: Callable[[], T]) -> T:
        """The answer that is kept; or else what `measure` finds, of type `kind`, kept from now on.

        `question` holds all that the answer depends on, apart from the kernel. Nothing is kept if
        `measure` raises, or if there is no room: then it is measured again.
        """
        adapter = TypeAdapter(kind)
        path = self._folder / hashlib.sha256(question.encode()).hexdigest()
        try:
            return adapter.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            found = measure()
        self._keep(path, adapter.dump_json(found))
        return found

    def _keep(self, path: Path, data: bytes) -> None:
        try:
            self._folder.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(data)
            os.replace(file.name, path)  # noqa: PTH105 a path's own replace says no more
        except OSError:
            return
