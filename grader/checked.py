"""Where the reports are that a student's own checks leave: outside of what is handed in."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from pathlib import Path

OF = "of"  # the file that names the submission's folder


def folder() -> Path:
    """The folder of them all."""
    return platformdirs.user_state_path("netlab-grader", appauthor=False) / "checks"


def reports_of(submission: Path) -> Path:
    """The folder of reports on the submission in a folder, made if need be."""
    whole = submission.resolve()
    digest = hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]
    place = folder() / f"{whole.name}-{digest}"
    place.mkdir(parents=True, exist_ok=True)
    (place / OF).write_bytes(os.fsencode(whole))
    return place


def dead() -> list[Path]:
    """Reports on submissions that are no longer there."""
    found = []
    for path in sorted(folder().glob(f"*/{OF}")):
        whole = os.fsdecode(path.read_bytes())
        if whole and not os.path.isdir(whole):  # noqa: PTH112 any bytes at all are a name here
            found.append(path.parent)
    return found
