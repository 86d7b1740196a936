"""The report on one submission: what every export is made from, written by the grader alone."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader import __version__
from grader.check import Verdict
from grader.rubric import Rubric

SCHEMA = "netlab-report/1"
UNFINISHED = ".report-"  # how the names of files begin that are not written whole yet


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
    fd, temporary = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
    try:
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
