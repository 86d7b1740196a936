"""A report.json as pages take it: read with a limit, and believed in nothing."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import TYPE_CHECKING, Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.check import Verdict
from grader.errors import GraderError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 32 * 1024 * 1024
Points = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# A pipe without a writer must not be waited for.
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Part(BaseModel):
    """A part of a report; what later versions add is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Check(Part):
    """One check."""

    id: str = Field(pattern=r"^[0-9a-z_-]+\.\w+$")
    title: str
    verdict: Verdict
    points: Points
    max_points: Points
    sandbox: str = ""
    message: str = ""
    hint: str = ""
    evidence: tuple[str, ...] = ()


class Task(Part):
    """One task."""

    id: str = Field(pattern=r"^[0-9a-z_-]+$")
    title: str
    score: Points
    max_score: Points
    checks: tuple[Check, ...]


class About(Part):
    """Whose report it is."""

    id: str
    sha256: str = ""


class Versions(Part):
    """What it was graded with."""

    version: str = ""
    image: str = ""
    kernel: str = ""


class Report(Part):
    """The report on one submission."""

    lab: str
    seed: int
    submission: About
    grader: Versions
    started: str = ""
    duration_s: Points = 0.0
    score: Points
    max_score: Points
    complete: bool
    tasks: tuple[Task, ...]

    @property
    def checks(self) -> list[Check]:
        """All checks."""
        return [one for task in self.tasks for one in task.checks]


def read_report(path: Path) -> Report:
    """The report in `path`. Raises GraderError, naming the fault, for what is none."""
    try:
        data = read_some(path, LARGEST + 1)
        if len(data) > LARGEST:
            raise _no_report(path, f"more than {LARGEST:,} bytes")
        # A name that is no UTF-8 stands there as lone surrogates, which are no JSON to pydantic.
        plain = json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace")
        return Report.model_validate_json(plain)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise _no_report(path, f"{place}: {fault['msg']}" if place else fault["msg"]) from None
    except (OSError, ValueError, RecursionError) as error:
        raise _no_report(path, getattr(error, "strerror", None) or str(error)) from error


def read_some(path: Path, limit: int) -> bytes:
    """At most the first `limit` bytes. Raises OSError if it is no plain file, or a link to one."""
    with open_plain(path) as file:
        return file.read(limit)


def open_plain(path: Path) -> BinaryIO:
    """Open a file to read. Raises OSError if it is no plain file, or a link to one."""
    fd = os.open(path, OPEN_FILE)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return os.fdopen(fd, "rb")


def _no_report(path: Path, found: str) -> GraderError:
    return GraderError(f"{path}: expected a report, found: {found}", remedy="grade again")
