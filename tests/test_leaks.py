"""Whatever way a run ends, the host is afterwards as it was before."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engines import host_alone
from hosts import Host, observed
from runs import REPO, UNCAUGHT, command, environment, submission

from grader.deadline import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def below(pids: set[int]) -> set[int]:
    """`pids` and all processes below them."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    known: set[int] = set()
    more = set(pids)
    while more:
        known |= more
        more = {pid for pid, parent in rows if parent in known} - known
    return known


def namespaces_of(pids: set[int]) -> set[str]:
    """The namespaces that the processes are in and this one is not."""
    found = set()
    for pid in pids:
        for kind in ("net", "user", "mnt", "pid"):
            try:
                found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
            except OSError:
                continue
    return found - {
        str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("net", "user", "mnt", "pid")
    }


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files of the run's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(autouse=True, scope="module")
def no_engine() -> Iterator[None]:
    """No other tests' Docker engine comes or goes meanwhile."""
    with host_alone():
        yield


@pytest.fixture
def host() -> Iterator[Host]:
    """The host of the runs."""
    with observed() as found:
        yield found


def started(
    home: Path, temporary: Path, *options: str, within: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """A run that grades a submission which leaves a daemon and then takes its time."""
    script = f"setsid sleep 777 >/dev/null 2>&1 &\n{UNCAUGHT}sleep 4\n"
    alice = submission(home / "alice", uncaught_sh=script)
    return subprocess.Popen(
        [*within, *command(alice, "-k", "01d", *options, home=home)],
        cwd=REPO,
        env=environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until_inside(run: subprocess.Popen[str]) -> set[int]:
    """Wait until the script runs in its sandbox; all processes of the run."""

    def inside() -> bool:
        for pid in below({run.pid}):
            try:
                if b"777" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue
        return False

    wait_until(inside, within=60, what="the script's daemon")
    mine = below({run.pid})
    made = namespaces_of(mine) - namespaces_of({run.pid})
    assert len(made) >= 6, "the run's namespaces were not seen"
    return mine


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_run_to_its_end(
    host: Host, tmp_path: Path, temporary: Path, options: tuple[str, ...]
) -> None:
    """After a run that ended by itself the host is as before."""
    with started(tmp_path, temporary, *options, within=host.within) as run:
        mine = until_inside(run)
        out = run.communicate(timeout=120)[0]
    assert run.returncode == 0, out
    host.assert_unchanged(mine, temporary)


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_killed_run(
    host: Host, tmp_path: Path, temporary: Path, options: tuple[str, ...]
) -> None:
    """After SIGKILL in the middle the host is as before."""
    with started(tmp_path, temporary, *options, within=host.within) as run:
        mine = until_inside(run)
        run.kill()
        run.communicate(timeout=60)
    host.assert_unchanged(mine, temporary)


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupted_run(host: Host, tmp_path: Path, temporary: Path, times: int) -> None:
    """After Ctrl-C, once or twice, the host is as before."""
    with started(tmp_path, temporary, within=host.within) as run:
        mine = until_inside(run)
        for _ in range(times):
            os.killpg(run.pid, signal.SIGINT)
        run.communicate(timeout=60)
    host.assert_unchanged(mine, temporary)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_hangup(host: Host, tmp_path: Path, temporary: Path, number: signal.Signals) -> None:
    """When the terminal goes away (SIGHUP) or the run is told to end, the host is as before."""
    with started(tmp_path, temporary, within=host.within) as run:
        mine = until_inside(run)
        run.send_signal(number)
        run.communicate(timeout=60)
    host.assert_unchanged(mine, temporary)


def test_the_submission_is_as_before(tmp_path: Path, temporary: Path) -> None:
    """Neither the submission nor the project's folder is written to."""
    with started(tmp_path, temporary) as run:
        alice = tmp_path / "alice"
        before = {path: path.stat() for path in alice.rglob("*")}
        run.communicate(timeout=120)
    after = {path: path.stat() for path in alice.rglob("*")}
    assert {p: (s.st_mtime_ns, s.st_mode, s.st_uid) for p, s in before.items()} == {
        p: (s.st_mtime_ns, s.st_mode, s.st_uid) for p, s in after.items()
    }


def test_the_next_run_is_fine(tmp_path: Path, temporary: Path) -> None:
    """After a killed run the next one grades as ever."""
    with started(tmp_path, temporary) as run:
        until_inside(run)
        run.kill()
        run.communicate(timeout=60)
    with started(tmp_path, temporary) as again:
        out = again.communicate(timeout=120)[0]
    assert again.returncode == 0, out
