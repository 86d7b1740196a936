"""Whatever step of writing a report fails: the old one or the new one is there, whole."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from runs import REPO, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="tests/faults.py knows this machine's calls only"
)
KILLED = -signal.SIGKILL
# How the libraries say which fault it was.
SAID = {"ENOSPC": "No space left", "EIO": "Input/output error", "EACCES": "Permission denied"}
Outcome = dict[str, Any]


@pytest.fixture(scope="module", params=["write", "grading"])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A report is written with a fault at each system call, in turn and in each way."""
    home: Path = tmp_path_factory.mktemp("faults")
    done = subprocess.run(
        [sys.executable, "-P", str(REPO / "tests" / "report_faults.py"), request.param, str(home)],
        env=environment(PYTHONPATH=os.pathsep.join([str(REPO), str(REPO / "tests")])),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    calls = {one["call"] for one in found}
    assert {"openat", "flock", "write", "fsync", "chmod", "rename", "close"} <= calls
    return found


def test_the_report_is_whole(outcomes: list[Outcome]) -> None:
    """It is the old or the new one; what else could not be read costs nobody a verdict."""
    for one in outcomes:
        assert one["state"] in {"old", "new"} or one["state"].startswith(("undecided", "another"))
        if one["code"] == 0:
            assert one["state"] != "old", one


def test_a_failure_is_told(outcomes: list[Outcome]) -> None:
    """What was not written is an OSError that says why, and nothing else is raised."""
    for one in outcomes:
        assert one["code"] in {0, 1, KILLED}, one
        if one["code"] == 1:
            assert SAID[one["fault"]] in one["said"], one


def test_what_is_half_written_is_known(outcomes: list[Outcome]) -> None:
    """At most one temporary file is left, if the writer was killed, and it is found to be dead."""
    for one in outcomes:
        spared = one["code"] == KILLED or one["call"] == "unlink"
        assert len(one["left"]) <= spared, one
        assert one["after"] == [], one
    assert any(one["left"] for one in outcomes)


def test_faults_were_at_every_step(outcomes: list[Outcome]) -> None:
    """Some were before the report got its name and some after it, of each kind."""
    for fault in {one["fault"] for one in outcomes}:
        states = [one["state"] for one in outcomes if one["fault"] == fault]
        assert {"old", "new"} <= {*states}
