"""Whatever way a run ends, the host is afterwards as it was before."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import PINNED, REPO, UNCAUGHT, command, environment, submission

from grader.deadline import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "NETLAB_LEAK_TEST"
RULES = [["iptables-save"], ["ip6tables-save"], ["nft", "list", "ruleset"]]
SHOWN = [["ip", "-o", "link"], ["ip", "-o", "addr"], ["ip", "route"], ["ip", "-6", "route"]]


def said(argv: list[str]) -> str:
    """What a program prints, if the host has it; without lifetimes and counters, which change."""
    if shutil.which(argv[0]) is None:
        return ""
    text = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    lines = (line.partition(" valid_lft ")[0] for line in text.splitlines())
    return "\n".join(line for line in lines if not line.startswith("#"))


def marked(mark: str) -> set[int]:
    """The processes of this host that have `mark` in their environment."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


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


def network() -> dict[str, str]:
    """This host's own links, addresses, routes and rules."""
    return {" ".join(argv): said(argv) for argv in [*SHOWN, *RULES]}


def mounts() -> set[str]:
    """This host's mounts."""
    return set(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())


def cgroups() -> set[str]:
    """This host's cgroups."""
    return {folder for folder, _, _ in os.walk("/sys/fs/cgroup")}


def sysctls() -> dict[str, str]:
    """A few settings of this host that a world has of its own."""
    names = ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/icmp_echo_ignore_all")
    paths = (Path("/proc/sys/net", name) for name in names)
    return {str(path): path.read_text(encoding="ascii") for path in paths if path.exists()}


class Host:
    """The host before a run, to be compared with the host after it."""

    def __init__(self) -> None:
        self.before = self.now()

    @staticmethod
    def now() -> dict[str, object]:
        """What must not change."""
        return {"network": network(), "mounts": mounts(), "cgroups": cgroups(), "sysctls": sysctls()}

    def assert_unchanged(self, mine: set[int], namespaces: set[str], temporary: Path) -> None:
        """Nothing changed, and of the run neither processes nor namespaces nor files are left."""
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine),
            within=20,
            what=f"the end of the run's processes {sorted(mine)}",
        )
        assert not namespaces & held()
        assert self.now() == self.before
        left = [path.name for path in temporary.iterdir()]
        assert left == []


def held() -> set[str]:
    """All namespaces that some process of this host is in."""
    found = set()
    for kind in ("net", "user", "mnt", "pid"):
        for path in Path("/proc").glob(f"[0-9]*/ns/{kind}"):
            try:
                found.add(os.readlink(path))
            except OSError:
                continue
    return found


def namespaces_of(pids: set[int]) -> set[str]:
    """The namespaces that the processes are in and this one is not."""
    found = set()
    for pid in pids:
        for kind in ("net", "user", "mnt", "pid"):
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
            except OSError:
                continue
    return found - {os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "user", "mnt", "pid")}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files of the run's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def started(home: Path, temporary: Path, *options: str) -> subprocess.Popen[str]:
    """A run that grades a submission which leaves a daemon and then takes its time."""
    script = f"setsid sleep 777 >/dev/null 2>&1 &\n{UNCAUGHT}sleep 4\n"
    alice = submission(home / "alice", uncaught_sh=script)
    return subprocess.Popen(
        command(alice, "-k", "01d", *options, home=home),
        cwd=REPO,
        env=environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until_inside(run: subprocess.Popen[str]) -> tuple[set[int], set[str]]:
    """Wait until the script runs in its sandbox; all processes of the run, and their namespaces."""

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
    namespaces = namespaces_of(mine)
    assert len(namespaces) >= 6, "the run's namespaces were not seen"
    return mine, namespaces


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_run_to_its_end(tmp_path: Path, temporary: Path, options: tuple[str, ...]) -> None:
    """After a run that ended by itself the host is as before."""
    host = Host()
    with started(tmp_path, temporary, *options) as run:
        mine, namespaces = until_inside(run)
        out = run.communicate(timeout=120)[0]
    assert run.returncode == 0, out
    host.assert_unchanged(mine, namespaces, temporary)


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_killed_run(tmp_path: Path, temporary: Path, options: tuple[str, ...]) -> None:
    """After SIGKILL in the middle the host is as before."""
    host = Host()
    with started(tmp_path, temporary, *options) as run:
        mine, namespaces = until_inside(run)
        run.kill()
        run.communicate(timeout=60)
    host.assert_unchanged(mine, namespaces, temporary)


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupted_run(tmp_path: Path, temporary: Path, times: int) -> None:
    """After Ctrl-C, once or twice, the host is as before."""
    host = Host()
    with started(tmp_path, temporary) as run:
        mine, namespaces = until_inside(run)
        for _ in range(times):
            os.killpg(run.pid, signal.SIGINT)
        run.communicate(timeout=60)
    host.assert_unchanged(mine, namespaces, temporary)


def test_a_hangup(tmp_path: Path, temporary: Path) -> None:
    """When the terminal goes away (SIGHUP, SIGTERM) the host is as before."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        host = Host()
        with started(tmp_path, temporary) as run:
            mine, namespaces = until_inside(run)
            run.send_signal(number)
            run.communicate(timeout=60)
        host.assert_unchanged(mine, namespaces, temporary)


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


def test_the_marks_are_seen() -> None:
    """This test's own tools see what they look for: a namespace that a process holds."""
    with subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--net", "sleep", "60"], env=environment(**{MARK: "1"})
    ) as other:
        wait_until(
            lambda: bool(namespaces_of({other.pid})), within=10, what="the namespace of unshare"
        )
        assert namespaces_of({other.pid}) <= held()
        assert other.pid in marked(MARK)
        other.kill()
    assert PINNED
