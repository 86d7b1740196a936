"""A Docker engine for the tests: the one that runs here, or one of our own for the while.

Our own is Debian's, unpacked and not installed, with all that it keeps in a folder that goes with
it. It has neither bridge nor firewall rules, so this host's network stays as it is.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import platformdirs
import pytest
from docker.errors import DockerException
from requests.exceptions import RequestException

from grader import lock
from grader.deadline import wait_until
from grader.errors import Unsupported
from grader.machine.docker import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("docker.io", "containerd", "runc", "libdevmapper1.02.1")
CGROUPS = Path("/sys/fs/cgroup")
# containerd keeps its shims' sockets here, wherever else it is told to be.
SHIMS = Path("/run/containerd")
PREFIX = "netlab-docker-"
STARTS_WITHIN, ENDS_WITHIN = 60.0, 60.0


@contextmanager
def host_alone() -> Iterator[None]:
    """Hold this host: an engine mounts on it, and who looks for changes must not see those.

    For a module's tests at a time, so that no worker waits for one that waits for it.
    """
    folder = platformdirs.user_cache_path("netlab-grader", appauthor=False) / "host-for-tests"
    folder.mkdir(parents=True, exist_ok=True)
    with lock.alone(folder):
        yield


@contextmanager
def running() -> Iterator[str]:
    """The address of an engine. Skips the test, with the reason, where there can be none."""
    with suppress(Unsupported), Engine(within=5) as found:
        yield found.address
        return
    if os.geteuid() != 0:
        pytest.skip("no Docker engine runs here, and only root can start one")
    with started(_programs()) as address:
        yield address


def _programs() -> Path | None:
    """The folder of an engine's programs, fetched if need be; None if they are installed."""
    if shutil.which("dockerd"):
        return None
    folder = platformdirs.user_cache_path("netlab-grader", appauthor=False) / "docker-for-tests"
    folder.mkdir(parents=True, exist_ok=True)
    with lock.alone(folder):
        if not (folder / "root").is_dir():
            _fetch(folder)
    return folder / "root"


def _fetch(folder: Path) -> None:
    part = Path(tempfile.mkdtemp(dir=folder))
    fetch = ["apt-get", "-qq", "download", *PACKAGES]
    if subprocess.run(fetch, cwd=part, check=False, capture_output=True).returncode:
        subprocess.run(["apt-get", "-qq", "update"], check=False, capture_output=True)
        done = subprocess.run(fetch, cwd=part, check=False, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(part)
            pytest.skip(f"no Docker engine runs here, and none could be fetched: {done.stderr}")
    for package in part.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(part / "root")], check=True)
    (part / "root").rename(folder / "root")
    shutil.rmtree(part)


@contextmanager
def started(programs: Path | None, *options: str) -> Iterator[str]:
    """An engine of our own; it ends when the context is left, and with this process."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(BlockingIOError), lock_of(left):
            _remove(left)
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix=PREFIX))
        stack.callback(_remove, home)
        stack.enter_context(lock_of(home))
        (home / "data").mkdir()  # in memory: an image's many files are gone at once, like that
        subprocess.run(["mount", "-t", "tmpfs", "netlab", str(home / "data")], check=True)
        stack.callback(_restore, {path for path in _shared() if path.exists()})
        address = f"unix://{home}/docker.sock"
        env = dict(os.environ)
        if programs is not None:
            env["PATH"] = f"{programs}/usr/bin:{programs}/usr/sbin:{env['PATH']}"
            libraries = (f"{programs}{place}/x86_64-linux-gnu" for place in ("/lib", "/usr/lib"))
            env["LD_LIBRARY_PATH"] = ":".join(libraries)
        log = stack.enter_context((home / "log").open("wb"))
        process = subprocess.Popen(
            [
                "setpriv", "--pdeathsig", "TERM", "--",
                "dockerd", f"--host={address}", f"--data-root={home}/data",
                f"--exec-root={home}/exec", f"--pidfile={home}/pid", "--bridge=none",
                "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
                *options,
            ],
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        stack.callback(_stop, process)

        def ended() -> str | None:
            return None if process.poll() is None else (home / "log").read_text()[-2000:]

        wait_until(
            lambda: answers(address), within=STARTS_WITHIN, what="dockerd", every=0.1, ended=ended
        )
        yield address


@contextmanager
def lock_of(home: Path) -> Iterator[None]:
    """Hold an engine's folder; raises BlockingIOError if the tests that made it still do."""
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)


def answers(address: str) -> bool:
    """Whether an engine answers at once at `address`."""
    with socket.socket(socket.AF_UNIX) as trial:  # the SDK leaves one open that finds nobody
        if trial.connect_ex(address.removeprefix("unix://")):
            return False
    client = docker.DockerClient(address, version="1.41", timeout=5)
    with closing(client), suppress(DockerException, RequestException):
        return bool(client.ping())
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)  # a test may have stopped it
    process.terminate()
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _shared() -> Iterator[Path]:
    """What an engine makes outside of its own folders."""
    yield SHIMS
    yield from (path / "docker" for path in [CGROUPS, *CGROUPS.glob("*")])


def _restore(before: set[Path]) -> None:
    for path in {path for path in _shared() if path.exists()} - before:
        if path == SHIMS:
            shutil.rmtree(path, ignore_errors=True)
        else:
            for folder, _, _ in os.walk(path, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)  # noqa: PTH106 cgroups are folders only


def _remove(home: Path) -> None:
    for line in reversed(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()):
        if (place := line.split()[1]).startswith(f"{home}/"):
            subprocess.run(["umount", "--lazy", place], check=False)
    shutil.rmtree(home)
