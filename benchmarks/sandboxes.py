"""One disposable sandbox, until its first command has ended."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Absent, Benchmark, Contender
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.machine.client import Machine

# Any static program does as a whole image: Docker's own init is at hand wherever Docker is.
STATIC = ("/usr/bin/docker-init", "/usr/sbin/docker-init", "/sbin/ldconfig")
IMAGE = "netlab-benchmark"


class Ours:
    """A Sandbox of an agent that already runs."""

    name = "netns sandbox (ours)"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._sandbox: Sandbox

    @classmethod
    @contextmanager
    def ready(cls, machine: Machine) -> Iterator[Ours]:
        """The contender, while the machine lives."""
        yield cls(machine)

    def up(self) -> None:
        """Make the sandbox and run `true` in it."""
        self._sandbox = Sandbox(self._machine)
        if self._sandbox.run("true", timeout=5).exit != 0:
            raise RuntimeError("true failed in the sandbox")

    def check(self) -> None:
        """`up` has looked at the exit status."""

    def down(self) -> None:
        """Kill the sandbox."""
        self._sandbox.close()


class Command:
    """A command that makes a sandbox, runs `true` in it and takes it down, all in one."""

    def __init__(self, name: str, argv: Sequence[str]) -> None:
        self.name = name
        self._argv = argv

    @classmethod
    @contextmanager
    def ready(cls, name: str, *argv: str) -> Iterator[Command]:
        """The contender."""
        yield cls(name, argv)

    def up(self) -> None:
        """All of it: these take themselves down before they end."""
        subprocess.run(self._argv, check=True, stdout=subprocess.DEVNULL)

    def check(self) -> None:
        """`up` has looked at the exit status."""

    def down(self) -> None:
        """Nothing is left."""


@contextmanager
def docker(program: Path) -> Iterator[Contender]:
    """`docker run` of an image that holds just `program`, which is imported for the while."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(program.resolve(), "true")
    subprocess.run(
        ["docker", "import", "-", IMAGE],
        input=archive.getvalue(), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        run = ["docker", "run", "--rm", "--network", "none", IMAGE, "/true", "--version"]
        yield Command("docker run --network none", run)
    finally:
        subprocess.run(["docker", "rmi", "-f", IMAGE], check=True, stdout=subprocess.DEVNULL)


def docker_if_there() -> object:
    """Docker, or why it cannot be measured."""
    name = "docker run --network none"
    if shutil.which("docker") is None:
        return Absent(name)
    asked = subprocess.run(["docker", "version"], capture_output=True, check=False)
    program = next((Path(one) for one in STATIC if Path(one).exists()), None)
    if asked.returncode or program is None:
        return Absent(name, "no engine is reachable")
    return docker(program)


def benchmark(machine: Machine) -> Benchmark:
    """Ours beside unshare(1), bubblewrap and Docker."""
    bwrap = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return Benchmark(
        "one sandbox, first command done",
        [
            Ours.ready(machine),
            Command.ready("unshare -n true", "unshare", "-n", "true"),
            Command.ready("bwrap --unshare-all", *bwrap)
            if shutil.which("bwrap")
            else Absent("bwrap --unshare-all"),
            docker_if_there(),  # type: ignore[list-item]
        ],
        target_ms=15,
    )
