"""`grader compare` and `grader clean`: what changed between two runs, and what is dead."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from runs import REPO, environment
from terminal import GRADER

from grader.check import Verdict
from grader.report import Result, Run, build, write
from grader.rubric import Lab

RUBRIC = Lab(REPO / "tests_lab").rubric
RUN = Run(seed=7, image="i", started="2026-01-01T00:00:00Z", kernel="6")


def grader(
    *arguments: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `grader`."""
    return subprocess.run(
        [GRADER, *map(str, arguments)], env=environment(**(env or {})), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def reported(folder: Path, **verdicts: Verdict) -> Path:
    """A folder of reports, by submission the verdict on 01d.leaves, which is worth 1.5 points."""
    for name, verdict in verdicts.items():
        points = 1.5 if verdict is Verdict.PASSED else 0.0
        result = Result("01d.leaves", "It leaves", verdict, points, 1.5, "netns", duration_s=0.1)
        about = {"id": name, "sha256": "0" * 64}
        write(build(RUBRIC, RUN, about, [result], 1.0), folder / name / "report.json")
    return folder


def test_nothing_changed_is_0(tmp_path: Path) -> None:
    """The same verdicts and points are no change, whatever else differs."""
    old = reported(tmp_path / "old", a=Verdict.PASSED)
    new = reported(tmp_path / "new", a=Verdict.PASSED)
    text = (new / "a" / "report.json").read_text().replace('"seed": 7', '"seed": 8')
    (new / "a" / "report.json").write_text(text)
    found = grader("compare", old, new)
    assert (found.returncode, found.stdout) == (0, "0 checks changed, in 0 of 1 submission\n")


def test_what_changed_is_1(tmp_path: Path) -> None:
    """Each changed check has verdicts and points, before and after; so has who came or went."""
    old = reported(tmp_path / "old", a=Verdict.FAILED, b=Verdict.PASSED, gone=Verdict.PASSED)
    new = reported(tmp_path / "new", a=Verdict.PASSED, b=Verdict.PASSED, come=Verdict.ERROR)
    found = grader("compare", old, new)
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "a: 0 → 1.5",
        "  01d.leaves               FAILED 0 → PASSED 1.5",
        "come: only in NEW, 0 points",
        "gone: only in OLD, 1.5 points",
        "1 check changed, in 1 of 4 submissions",
    ]


def test_no_reports_is_2(tmp_path: Path) -> None:
    """A folder without reports is bad usage."""
    found = grader("compare", tmp_path, tmp_path)
    assert found.returncode == 2
    assert "expected a folder of reports" in found.stderr


def test_a_bad_report_is_3(tmp_path: Path) -> None:
    """A report that cannot be read is named."""
    old = reported(tmp_path / "old", a=Verdict.PASSED)
    (old / "a" / "report.json").write_text("{}")
    found = grader("compare", old, old)
    assert found.returncode == 3
    assert "old/a/report.json: expected a report" in found.stderr


# --- clean ----------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """An environment with a cache and a state of the test's own."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def mess(tmp_path: Path, places: dict[str, str]) -> tuple[set[Path], set[Path]]:
    """What is dead, and what is alive or a stranger's."""
    cache, state = tmp_path / "cache" / "netlab-grader", tmp_path / "state" / "netlab-grader"
    gone, here = state / "checks" / "gone-1", state / "checks" / "here-2"
    old = here / "here" / ".netlab-report-1a2b3c4d.json"  # nobody holds its lock
    dead = {
        cache / "images" / ".build-x", cache / "templates" / ".part-1",
        cache / "images" / "x.log", gone, old,
    }  # fmt: skip
    alive = {
        cache / "images" / "stranger", cache / "templates" / "whole", here / "of",
        here / "here" / ".report-new.json", here / "here" / "report.json",
    }  # fmt: skip
    for folder in (cache / "images" / ".build-x" / "in", cache / "templates" / ".part-1", gone,
                   cache / "templates" / "whole", here / "here"):  # fmt: skip
        folder.mkdir(parents=True)
    (gone / "of").write_text(str(tmp_path / "no more"))
    (here / "of").write_text(str(tmp_path))
    for path in (dead | alive) - {gone, here / "of"}:
        if not path.exists():
            path.touch()
    return dead, alive


def test_clean(places: dict[str, str], mess: tuple[set[Path], set[Path]]) -> None:
    """All that is dead goes, each told; nothing else does; then there is nothing more."""
    dead, alive = mess
    told = grader("clean", "--dry-run", env=places)
    assert {line.split()[2].rstrip(":") for line in told.stdout.splitlines()} == set(map(str, dead))
    assert all(path.exists() for path in dead)
    found = grader("clean", env=places)
    assert found.returncode == 0, found.stderr
    assert {line.split()[1].rstrip(":") for line in found.stdout.splitlines()} == set(
        map(str, dead)
    )
    assert not any(path.exists() for path in dead)
    assert all(path.exists() for path in alive)
    assert grader("clean", env=places).stdout == "nothing to remove\n"


def test_clean_leaves_a_build_alone(
    places: dict[str, str], mess: tuple[set[Path], set[Path]], tmp_path: Path
) -> None:
    """While another holds the folder of images, what is in it is not dead."""
    images = tmp_path / "cache" / "netlab-grader" / "images"
    holder = subprocess.Popen(
        ["flock", str(images / ".lock"), "sh", "-c", "echo held; exec sleep 60"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        found = grader("clean", env=places)
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
    assert "left alone: an image is being made" in found.stdout
    assert (images / ".build-x").exists()
    assert not (images.parent / "templates" / ".part-1").exists()
