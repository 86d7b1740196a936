"""What tasks cost in a grading: the durations in the report on the reference submission."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.harness import Figure, Result

REPO = Path(__file__).parents[1]
TASKS = ("01b", "04b")
WITHIN = 300


def measure(rounds: int) -> list[Result]:
    """A line for each task and the sandbox of its checks, whose machine and world are included."""
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, seconds in _graded().items():
            times[name].append(seconds)
    names = sorted(times, key=lambda name: "netns" not in name)  # netns first
    return [
        Result("graded: submissions/reference", name, up=Figure.of(times[name])) for name in names
    ]


def _graded() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="netlab-benchmark-") as home:
        command = [
            str(Path(sys.executable).with_name("pytest")), "-q", "-c", str(REPO / "tox.ini"),
            f"--rootdir={REPO}", "-o", f"cache_dir={home}/cache", f"--report-dir={home}/reports",
            str(REPO / "submissions/reference"), "-k", " or ".join(TASKS),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN)
        if done.returncode:  # a check that lost points took its time, too
            print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        report = json.loads(Path(home, "reports/reference/report.json").read_text(encoding="utf-8"))
    checks: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for task in report["tasks"]:
        for one in task["checks"]:
            checks[task["id"], one["sandbox"]][one["id"]] = one["duration_s"]
    return {_name(*key, list(found)): sum(found.values()) for key, found in checks.items()}


def _name(task: str, sandbox: str, ids: list[str]) -> str:
    what = ids[0] if len(ids) == 1 else f"{task}, {len(ids)} checks"
    return f"{what}, {sandbox} (ours)"
