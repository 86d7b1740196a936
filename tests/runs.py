"""Real runs of pytest that grade, as a person starts them, and what they left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REPO = Path(__file__).resolve().parents[1]
REFERENCE = REPO / "submissions" / "reference"
PYTEST = str(Path(sys.executable).with_name("pytest"))
PINNED = ("-c", str(REPO / "tox.ini"), f"--rootdir={REPO}")
# A script that gets nothing past iptables, and one that does: the cheapest task.
CAUGHT = "ping -c 1 -W 1 8.8.8.8\n"
UNCAUGHT = (REFERENCE / "uncaught.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Graded:
    """What a run printed, how it ended, and where its reports are."""

    code: int
    out: str
    err: str
    reports: Path

    def report(self, name: str) -> dict[str, Any]:
        """The report on a submission."""
        text = (self.reports / name / "report.json").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    def checks(self, name: str) -> dict[str, dict[str, Any]]:
        """The checks in the report on a submission, by id."""
        return {one["id"]: one for task in self.report(name)["tasks"] for one in task["checks"]}

    def verdicts(self, name: str) -> dict[str, str]:
        """The verdicts in the report on a submission."""
        return {id_: one["verdict"] for id_, one in self.checks(name).items()}

    @property
    def reported(self) -> set[str]:
        """The ids of all submissions that have a report."""
        found = self.reports.rglob("report.json")
        return {path.parent.relative_to(self.reports).as_posix() for path in found}


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without what its own pytest has put there."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return plain | extra


def command(*arguments: str | Path, home: Path, pinned: bool = True) -> list[str]:
    """The command of a run that leaves nothing outside of the folder `home`."""
    return [
        PYTEST,
        *(PINNED if pinned else ()),
        "-o", f"cache_dir={home / 'cache'}",
        f"--report-dir={home / 'reports'}",
        *map(str, arguments),
    ]  # fmt: skip


def grade(
    *arguments: str | Path,
    home: Path,
    cwd: Path = REPO,
    env: Mapping[str, str] | None = None,
    pinned: bool = True,
    timeout: float = 180,
) -> Graded:
    """Run pytest with `arguments`; reports and cache are below `home`."""
    done = subprocess.run(
        command(*arguments, home=home, pinned=pinned),
        cwd=cwd,
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout,
    )
    return Graded(done.returncode, done.stdout, done.stderr, home / "reports")


def submission(folder: Path, **files: str | bytes) -> Path:
    """Make a submission with `files`, whose names have _ for the last dot (`uncaught_sh`)."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, content in files.items():
        stem, _, suffix = key.rpartition("_")
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{stem}.{suffix}").write_bytes(data)
    return folder


def copy_of_reference(folder: Path, *without: str) -> Path:
    """A copy of the submission that has full marks, `without` some of its files."""
    return Path(shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns(*without)))
