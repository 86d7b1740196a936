"""Odd surroundings and several runs at once: graded as ever, or the reason is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from runs import CAUGHT, REPO, UNCAUGHT, Graded, command, environment, grade, submission
from terminal import GRADER

from grader.machine.client import Machine
from grader.machine.microvm import MicroVM, clone, ensure
from grader.report import UNFINISHED, half_written, write
from grader.warm import source, warm

LEAVES, STAY = "01d.leaves", "01d.policies_stay"
RIGHT = {LEAVES: "PASSED", STAY: "PASSED"}
WRONG = {LEAVES: "FAILED", STAY: "SKIPPED"}
SCHEMA = json.loads((REPO / "grader" / "report.schema.json").read_text(encoding="utf-8"))
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts on what is to be graded on")
# A file system of its own on $1, then the rest as it stands; nobody else sees it.
MOUNTED = 'place=$1; mount -t tmpfs -o "$2" tmpfs "$place" && eval "$3" && shift 3 && exec "$@"'
FILL = 'dd if=/dev/zero of="$place/filler" 2>/dev/null; true'
# A wall clock that jumps by years, back and forth, whenever it is looked at.
JUMPS = """
import itertools, time
real, ways = time.time, itertools.cycle([0.0, 1e8, -1e8])
time.time = lambda: real() + next(ways)
time.time_ns = lambda: int(time.time() * 1e9)
"""


@pytest.fixture
def alice(tmp_path: Path) -> Path:
    """A right submission of the cheapest task."""
    return submission(tmp_path / "class" / "alice", uncaught_sh=UNCAUGHT)


@pytest.fixture
def bob(tmp_path: Path) -> Path:
    """A wrong one."""
    return submission(tmp_path / "class" / "bob", uncaught_sh=CAUGHT)


def on(place: Path, mount: str, *argv: str, then: str = ":") -> subprocess.CompletedProcess[str]:
    """Run a command where `place` is a small file system of the mount options `mount`."""
    place.mkdir(parents=True, exist_ok=True)
    within = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh", str(place), mount, then]
    return subprocess.run(
        [*within, *argv], cwd=REPO, env=environment(TMPDIR=os.environ.get("TMPDIR", "/tmp")),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip


# --- at once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 10])
def test_runs_at_once(alice: Path, bob: Path, tmp_path: Path, count: int) -> None:
    """Half of them grade the same two into the same folder; none disturbs another."""
    homes = [tmp_path / (f"own-{number}" if number % 2 else "shared") for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        every = list(pool.map(lambda home: grade(alice.parent, "--task", "01d", home=home), homes))
    for one in every:
        assert one.code == 1, one.out + one.err
        assert one.reported == {"alice", "bob"}
        assert (one.verdicts("alice"), one.verdicts("bob")) == (RIGHT, WRONG)
        Draft202012Validator(SCHEMA).validate(one.report("bob"))
        for path in one.checks("bob")[LEAVES]["evidence"]:
            assert (one.reports / "bob" / path).is_file()
        assert not list(one.reports.rglob(f"{UNFINISHED}*"))


# --- no room, no right ----------------------------------------------------------------------------


@ROOT
@pytest.mark.parametrize("size", ["4k", "16k"])
def test_a_full_disk_costs_reports_only(alice: Path, bob: Path, tmp_path: Path, size: str) -> None:
    """All are graded and shown; what could not be written is named, and the code is not 1."""
    argv = command(alice.parent, "--task", "01d", home=tmp_path)
    done = on(tmp_path / "reports", f"size={size}", *argv, then=FILL)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert re.search(r"^alice: 2 / 2$", done.stdout, re.MULTILINE)
    assert re.search(r"^bob: 0 / 2$", done.stdout, re.MULTILINE)
    assert "its evidence could not be kept: No space left on device" in done.stdout
    for name in ("alice", "bob"):
        place = tmp_path / "reports" / name
        assert f"not written: {place}: No space left on device" in done.stdout


@ROOT
def test_an_old_report_is_not_taken_for_a_new_one(alice: Path, tmp_path: Path) -> None:
    """Where a report cannot be written, `grader check` shows no other, and says what to do."""
    reports = tmp_path / "reports"
    argv = [GRADER, "check", str(alice), "--task", "01d", "--report-dir", str(reports)]
    read_only = f'cp -r "{reports}.old/." "$place" && mount -o remount,ro "$place"'
    subprocess.run(argv, env=environment(), capture_output=True, check=True, timeout=180)
    reports.rename(f"{reports}.old")
    submission(alice, uncaught_sh=CAUGHT)
    done = on(reports, "size=4m", *argv, then=read_only)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Read-only file system\nremedy: make room" in done.stderr
    assert "2 / 2" not in done.stdout


@ROOT
@pytest.mark.parametrize(
    "odd",
    [
        ("tmp with a space", "noexec,nosuid,nodev", ":"),
        ("tmp", "size=4k", FILL),
        ("/dev/shm", "size=4k", FILL),
    ],
    ids=["TMPDIR noexec with a space", "full TMPDIR", "full /dev/shm"],
)
def test_temporary_folders(
    alice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: tuple[str, str, str]
) -> None:
    """Whatever the folders for temporary files are like, it is graded as ever."""
    place, mount, then = odd
    if not place.startswith("/"):
        monkeypatch.setenv("TMPDIR", str(tmp_path / place))
    argv = command(alice, "--task", "01d", "-n", "2", home=tmp_path)
    done = on(tmp_path / place, mount, *argv, then=then)
    assert done.returncode == 0, done.stdout + done.stderr
    assert Graded(0, "", "", tmp_path / "reports").verdicts("alice") == RIGHT


def test_without_home(alice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where HOME is not set, it is this user's all the same."""
    monkeypatch.delenv("HOME")
    graded = grade(alice, "--task", "01d", home=tmp_path)
    assert graded.verdicts("alice")[LEAVES] in {"PASSED", "UNSUPPORTED"}
    assert "Traceback" not in graded.out + graded.err


def test_a_home_that_is_none(alice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be kept, nothing is lost, and the remedy is named."""
    # Not empty: scapy takes that for the current folder.
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    odd = {"HOME": "/dev/null"}
    graded = grade(alice, "--task", "01d", home=tmp_path, env=odd)
    assert graded.code == 3
    assert set(graded.verdicts("alice").values()) == {"UNSUPPORTED"}
    found = graded.checks("alice")[LEAVES]
    assert found["message"].startswith("/dev/null/")
    assert "XDG_CACHE_HOME" in found["hint"]
    done = subprocess.run(
        [GRADER, "clean"], env=environment(**odd), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "remedy: set HOME" in done.stderr


# --- clocks ---------------------------------------------------------------------------------------


def test_the_wall_clock_jumps(alice: Path, bob: Path, tmp_path: Path) -> None:
    """However the wall clock jumps meanwhile, verdicts are as ever: limits don't look at it."""
    (tmp_path / "sitecustomize.py").write_text(JUMPS)
    path = os.pathsep.join([str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    shown = "import time; print(abs(time.time() - time.time()) > 1e7)"
    odd = {"PYTHONPATH": path, "PYTHONWARNINGS": "default"}
    jumps = subprocess.run(
        [Path(command(home=tmp_path)[0]).with_name("python"), "-c", shown],
        env=environment(**odd), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert jumps.stdout == "True\n"
    graded = grade(alice.parent, "--task", "01d", home=tmp_path, env=odd)
    assert graded.code == 1, graded.out + graded.err
    assert (graded.verdicts("alice"), graded.verdicts("bob")) == (RIGHT, WRONG)


@pytest.fixture(scope="module")
def microvm(image: Any) -> Any:
    """A guest whose clocks are nobody else's."""
    with clone(ensure(source(image), warm)) as running:
        yield running


@pytest.mark.parametrize("to", ["2001-01-01", "2037-12-31"])
def test_a_machine_s_clock_jumps(microvm: MicroVM, to: str) -> None:
    """When the clock of the kernel jumps, a program's limit stays what it was."""
    machine: Machine = microvm
    with (
        machine.start("sh", "-c", "echo up; exec sleep 3") as long,
        machine.start("sh", "-c", "echo up; exec sleep 900") as endless,
    ):
        assert machine.run("date", "-s", to, timeout=20).exit == 0
        assert endless.wait(1.0).exit is None
        assert long.wait(60).exit == 0
    year = machine.run("date", "+%Y", timeout=20).output
    assert year == f"{to[:4]}\n"


# --- what is ours and what is not -----------------------------------------------------------------


def test_only_what_is_ours_and_dead_is_removed(tmp_path: Path) -> None:
    """`grader clean` leaves alone what others have called nearly so, and what is being written."""
    folder = tmp_path / "reports" / "alice"
    write({"whole": True}, folder / "report.json")
    dead = folder / f"{UNFINISHED}a1b2c3_4.json"
    dead.write_text("{")
    names = ("mine.json", "a1b2c3_4", "A1B2C3D4.json", "a1b2c3_45.json", "a1b2c3_4.json.bak")
    others = [folder / f"{UNFINISHED}{name}" for name in names if name != "a1b2c3_4"]
    others += [folder / ".report-a1b2c3_4.json", folder / "netlab-report-a1b2c3_4.json"]
    for path in others:
        path.write_text("{")
    kinds = [folder / f"{UNFINISHED}{name}.json" for name in ("linklink", "pipepipe", "dir_dir_")]
    kinds[0].symlink_to(folder / "report.json")
    os.mkfifo(kinds[1])
    kinds[2].mkdir()
    holder = 'exec 9<"$1"; flock 9; echo held; read -r _'
    living = folder / f"{UNFINISHED}z9y8x7_6.json"
    living.write_text("{")
    with subprocess.Popen(
        ["sh", "-c", holder, "sh", str(living)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as alive:
        assert alive.stdout is not None
        assert alive.stdout.readline() == b"held\n"
        done = cleaned(tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"removed {dead}" in done.stdout
        assert {*folder.iterdir()} == {*others, *kinds, living, folder / "report.json"}
        alive.communicate(b"\n")
    assert half_written(folder) == [living]


def cleaned(tmp_path: Path, *within: str) -> subprocess.CompletedProcess[str]:
    """`grader clean` of reports, with a cache of its own."""
    env = environment(
        XDG_CACHE_HOME=str(tmp_path / "cache"), XDG_STATE_HOME=str(tmp_path / "state")
    )
    return subprocess.run(
        [*within, GRADER, "clean", str(tmp_path / "reports")],
        env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("where", ["reports", "cache"])
def test_cleaning_that_fails_is_loud(tmp_path: Path, where: str) -> None:
    """What cannot be removed is named with the remedy, and the code is 3."""
    part = tmp_path / "cache" / "netlab-grader" / "templates" / ".part-1"
    dead = tmp_path / "reports" / f"{UNFINISHED}a1b2c3_4.json"
    dead.parent.mkdir()
    assert cleaned(tmp_path).returncode == 0
    left = dead if where == "reports" else part / "memory"
    left.parent.mkdir(exist_ok=True)
    left.write_text("{")
    held = left.parent
    bound = f'mount --bind "{held}" "{held}" && mount -o remount,bind,ro "{held}" && exec "$@"'
    within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", bound, "sh"]
    done = cleaned(tmp_path, *within)
    assert done.returncode == 3, done.stdout + done.stderr
    gone = left if where == "reports" else part
    assert f"{gone} could not be removed" in done.stderr.replace("\n", "")
    assert "remedy: " in done.stderr
    assert left.exists()
