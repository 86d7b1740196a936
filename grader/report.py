"""The report on one submission: what every export is made from, written by the grader alone."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader import __version__
from grader.check import Verdict
from grader.rubric import Rubric

SCHEMA = "netlab-report/1"
MAKE_ROOM = "make room for the reports, or get the right to write there, and grade again"
UNFINISHED = ".netlab-report-"  # how the names of files begin that are not written whole yet
OURS = re.compile(re.escape(UNFINISHED) + r"[a-z0-9_]{8}(\.[a-z]+)?")  # see tempfile.mkstemp


@dataclass(frozen=True)
class Result:
    """One check's outcome, as the report's contract names its parts."""

    id: str
    title: str
    verdict: Verdict
    points: float
    max_points: float
    sandbox: str
    message: str = ""
    hint: str = ""
    evidence: tuple[str, ...] = ()
    duration_s: float = 0.0

    @property
    def task(self) -> str:
        """The task's id."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class Run:
    """What is the same for all submissions of one run."""

    seed: int
    image: str
    started: str
    kernel: str = platform.release()


def build(
    rubric: Rubric,
    run: Run,
    submission: dict[str, str],
    results: Sequence[Result],
    duration_s: float,
) -> dict[str, Any]:
    """The report as plain data, by the contract's schema (report.schema.json)."""
    tasks = []
    for name, task in rubric.tasks.items():
        mine = [one for one in results if one.task == name]
        if not mine:
            continue
        tasks.append({"id": name, "title": task.title, "checks": [_plain(one) for one in mine]})
    return sum_up(
        {
            "schema": SCHEMA,
            "lab": rubric.lab,
            "seed": run.seed,
            "submission": submission,
            "grader": {"version": __version__, "image": run.image, "kernel": run.kernel},
            "started": run.started,
            "duration_s": round(duration_s, 3),
            "tasks": tasks,
        }
    )


def sum_up(report: dict[str, Any]) -> dict[str, Any]:
    """A report with the sums of its checks' points."""
    tasks = [
        {
            "id": task["id"],
            "title": task["title"],
            "score": _total(one["points"] for one in task["checks"]),
            "max_score": _total(one["max_points"] for one in task["checks"]),
            "checks": task["checks"],
        }
        for task in report["tasks"]
    ]
    verdicts = [Verdict(one["verdict"]) for task in tasks for one in task["checks"]]
    sums = {
        "score": _total(task["score"] for task in tasks),
        "max_score": _total(task["max_score"] for task in tasks),
        "complete": not any(one.open for one in verdicts),
        "tasks": tasks,
    }
    return {name: value for name, value in report.items() if name not in sums} | sums


def _total(points: Any) -> float:
    return round(float(sum(points)), 4)


def _plain(result: Result) -> dict[str, Any]:
    plain = asdict(result)
    plain["verdict"] = str(result.verdict)
    plain["evidence"] = list(result.evidence)
    plain["duration_s"] = round(result.duration_s, 3)
    return plain


def write(report: dict[str, Any], path: Path) -> None:
    """Replace `path` by the report, whole or not at all, whatever moment the machine stops at."""
    write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Replace `path` by a text in the same way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = _own(path)
    try:
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _own(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked: it is somebody's until it has its own name."""
    while True:
        fd, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(fd, fcntl.LOCK_EX)
            if not os.fstat(fd).st_nlink:  # taken for a dead writer's, before it was locked
                os.close(fd)
                continue
        return fd, Path(name)


def half_written(folder: Path) -> list[Path]:
    """What dead writers have left in a folder and below: a living one holds its own."""
    named = (path for path in sorted(folder.rglob(f"{UNFINISHED}*")) if OURS.fullmatch(path.name))
    return [path for path in named if _asked(path)]


def remove_half_written(path: Path) -> None:
    """Remove what a dead writer has left; what is a living one's stays."""
    _asked(path, Path.unlink)


def _asked(path: Path, do: Callable[[Path], object] = lambda _: None) -> bool:
    """Whether a file is no living writer's; if so, it is held while `do` is called with it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        nobodys = stat.S_ISREG(os.fstat(fd).st_mode)
        if nobodys:
            do(path)
        return nobodys
    finally:
        os.close(fd)
