"""Two hosts and a link, made until the call returns; the first ping must then be answered."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Absent, Benchmark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.machine.client import Machine

HERE = Path(__file__).parent / "neighbours"
PLAN: dict[str, Any] = {
    "hosts": [{"name": "a"}, {"name": "b"}],
    "links": [
        {
            "ends": [["a", "eth0", "02:00:00:00:00:01"], ["b", "eth0", "02:00:00:00:00:02"]],
            "offload": False,
        }
    ],
    "bridges": [],
    "addresses": [["a", "eth0", "10.0.0.1", 24], ["b", "eth0", "10.0.0.2", 24]],
    "routes": [],
    "neighbours": [],
}
PING = ["ping", "-c", "1", "-W", "1", "10.0.0.2"]


class Ours:
    """A world of two hosts."""

    name = "world of two hosts (ours)"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._world = 0

    @classmethod
    @contextmanager
    def ready(cls, machine: Machine) -> Iterator[Ours]:
        """The contender, while the machine lives."""
        yield cls(machine)

    def up(self) -> None:
        """Build it."""
        self._world = self._machine.call("network.build", plan=PLAN)

    def check(self) -> None:
        """One ping, answered."""
        state = self._machine.call(
            "network.start", world=self._world, host="a", argv=PING, env={}, output_limit=4096
        )
        number = state["process"]
        ended = self._machine.call("processes.wait", within=5, process=number, timeout=5)
        if ended["exit"] != 0:
            raise RuntimeError("the other host does not answer")

    def down(self) -> None:
        """Let go of it."""
        self._machine.call("network.destroy", world=self._world)


class Neighbour:
    """A neighbour in a Python of its own, told by a line each what to do (see neighbours/)."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    @classmethod
    @contextmanager
    def ready(cls, name: str, python: str, script: str) -> Iterator[Neighbour]:
        """The contender; its process has imported all before the first round."""
        with subprocess.Popen(
            [python, str(HERE / script)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            one = cls(name, process)
            one._answered()
            yield one
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]

    def _answered(self) -> None:
        stdout = self._process.stdout
        line = stdout.readline().strip() if stdout else ""
        if line != "done":
            raise RuntimeError(f"{self.name} said {line or 'nothing'}")

    def _do(self, what: str) -> None:
        print(what, file=self._process.stdin, flush=True)
        self._answered()

    def up(self) -> None:
        """Build it."""
        self._do("up")

    def check(self) -> None:
        """One ping, answered."""
        self._do("check")

    def down(self) -> None:
        """Take it down."""
        self._do("down")


def _neighbour(name: str, module: str, python: str) -> object:
    if os.geteuid() != 0:
        return Absent(name, "needs root")
    try:
        command = [python, "-c", f"import {module}"]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return Absent(name)
    return Neighbour.ready(name, python, f"{module}_pair.py")


def benchmark(machine: Machine, pythons: dict[str, str]) -> Benchmark:
    """Ours beside mininet and munet; `pythons`: the interpreter that can import each."""
    return Benchmark(
        "two hosts and a link",
        [
            Ours.ready(machine),
            _neighbour("mininet", "mininet", pythons.get("mininet", sys.executable)),  # type: ignore[list-item]
            _neighbour("munet", "munet", pythons.get("munet", sys.executable)),  # type: ignore[list-item]
        ],
        target_ms=20,
    )
