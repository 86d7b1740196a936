"""04c: experiment.sh at work in a microVM of its own, and what was seen of it from outside."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.disposable import Disposable
from grader.errors import CheckFailed, GraderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.evidence import CallMeter
    from grader.machine.client import Machine
    from grader.machine.process import Completed
    from grader.world import World

SERVER, PORT = "10.99.0.2", 5201
WORK = "/work"
WATCHER = Path(__file__).with_name("watcher_04c.py")
READY_WITHIN = 30.0
LARGEST_TABLE = 64 * 1024
HOOK = "*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
# A mount namespace of its own, so that /sys shows this host's interfaces, and in /proc nothing of
# ours: `pkill bpftrace` is to end the script's, not the grader's. bpftrace would number threads
# otherwise in a process namespace, and all others 0.
AS_MACHINE_ROOT = """
for place in sysfs:/sys tracefs:/sys/kernel/tracing debugfs:/sys/kernel/debug bpf:/sys/fs/bpf; do
    busybox mount -t "${place%%:*}" "${place%%:*}" "${place#*:}"
done
mkdir -p /run/netlab/nothing
for process in /proc/[0-9]*; do
    [ $process = /proc/1 ] || [ $process = /proc/$$ ] && continue
    IFS= read -r -d '' name <$process/cmdline && busybox mount -o bind /run/netlab/nothing $process
done 2>/dev/null
ulimit -c 0 -f 65536
cd /work && exec env "$@"
"""


@dataclass(frozen=True)
class Look:
    """The rules at one moment, by chain."""

    chains: tuple[dict[str, Any], ...]

    @property
    def counts(self) -> set[int]:
        """How many rules a packet meets in OUTPUT; jumps to chains of one's own count or not."""
        reached = self._reached
        rules = sum(chain["rules"] for chain in reached)
        return {rules, rules - sum(sum(chain["jumps"].values()) for chain in reached)}

    @property
    def count(self) -> int:
        """How many there are, jumps left out."""
        return min(self.counts)

    @property
    def matched(self) -> list[str]:
        """Some of the rules in OUTPUT that have matched."""
        return [rule for chain in self._reached for rule in chain["shown"]]

    @property
    def elsewhere(self) -> dict[str, int]:
        """How many rules are in chains that no packet meets in OUTPUT."""
        reached = self._reached
        return {
            f"{one['table']} {one['chain']}": one["rules"]
            for one in self.chains
            if one not in reached and one["rules"]
        }

    @property
    def policies(self) -> dict[tuple[str, str], str]:
        """The policies that are not ACCEPT."""
        return {
            (one["table"], one["chain"]): one["policy"]
            for one in self.chains
            if one["policy"] not in {"ACCEPT", "-"}
        }

    @cached_property
    def _reached(self) -> list[dict[str, Any]]:
        todo = [one for one in self.chains if one["chain"] == "OUTPUT"]
        found: list[dict[str, Any]] = []
        while todo:
            chain = todo.pop()
            if chain not in found:
                found.append(chain)
                todo += [
                    one
                    for one in self.chains
                    if one["chain"] in chain["jumps"]
                    and (one["backend"], one["table"]) == (chain["backend"], chain["table"])
                ]
        return found


@dataclass
class Test:
    """One iperf3 test: its connections, what passed, and the rules meanwhile."""

    begun_ns: int
    received: int
    sent: int
    ports: set[int] = field(default_factory=set)
    loaded_ns: int = 0
    ended_ns: int = 0
    bytes: int = 0
    look: Look | None = None

    @property
    def seconds(self) -> float:
        """How long data went over it."""
        return max(0, self.ended_ns - (self.loaded_ns or self.begun_ns)) / 1e9

    def mbps(self, seconds: float) -> float:
        """Megabits a second, had it lasted so long."""
        return self.bytes * 8 / 1e6 / seconds if seconds > 0 else 0.0


@dataclass(frozen=True)
class Watched:
    """All that was seen: the tests in order, the rules at the end and what still ran then."""

    tests: tuple[Test, ...]
    last: Look | None
    left: tuple[str, ...] | None


def read_watched(output: str) -> Watched:
    """What the watcher's lines say."""
    tests: list[Test] = []
    open_: set[int] = set()
    last, left = None, None
    for line in output.splitlines():
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        match fact["event"]:
            case "open":
                if not open_:
                    tests.append(Test(fact["at"], fact["received"], fact["sent"]))
                open_.add(fact["port"])
                tests[-1].ports.add(fact["port"])
                if len(tests[-1].ports) == 2 and not tests[-1].loaded_ns:
                    tests[-1].loaded_ns = fact["at"]
            case "close":
                open_.discard(fact["port"])
                _close(tests[-1], fact)
            case "look":
                last = Look(tuple(fact["chains"]))
                if tests and tests[-1].look is None:
                    tests[-1].look = last
            case "left":
                left = tuple(fact["processes"])
    return Watched(tuple(one for one in tests if len(one.ports) > 1), last, left)


def _close(test: Test, fact: Mapping[str, Any]) -> None:
    """A connection has ended: the data's, the first of them, ends the test."""
    test.ended_ns = test.ended_ns or fact["at"]
    both = fact["received"] - test.received, fact["sent"] - test.sent
    test.bytes = max(test.bytes, *both)


class Watcher(Disposable):
    """The program watcher_04c at work on the server's host."""

    def __init__(self, world: World, *, look_after_s: float, grace_s: float) -> None:
        """Returns when it watches. Raises GraderError if it does not."""
        student = world.host(world.blueprint.student)
        server = next(n for n, spec in world.blueprint.hosts.items() if "iperf3" in spec.services)
        program = WATCHER.read_text(encoding="utf-8")
        self._holder = student.start("sleep", "3600")
        self._process = world.host(server).start(
            "/usr/bin/python3", "-I", "-S", "-c", program, str(self._holder.pid),
            world.host(server).interface().name, str(PORT), f"{look_after_s:g}", f"{grace_s:g}",
        )  # fmt: skip
        if not self._process.expect('"ready"', within=READY_WITHIN):
            raise GraderError(f"the watcher did not start: {self.said()[-500:]}")

    def close(self) -> None:
        """End it."""
        self._process.close()
        self._holder.close()

    def so_far(self) -> Watched:
        """What it has seen until now."""
        return read_watched(self._process.so_far().output)

    def finish(self, within: float) -> Watched:
        """Have it look for the last time; what it has seen."""
        self._holder.close()
        done = self._process.wait(within)
        found = read_watched(done.output)
        if done.exit != 0 or found.left is None:
            raise GraderError(f"the watcher {done.outcome}: {done.complaints[-500:]}")
        return found

    def said(self) -> str:
        """All that it printed, for evidence."""
        done = self._process.so_far()
        return f"{done.output}{done.complaints}"


def prepare(machine: Machine, world: World, files: Mapping[str, bytes]) -> None:
    """Put the files into the work folder; an empty OUTPUT, so that nf_hook_slow is called."""
    for name, data in files.items():
        argv = ("/bin/sh", "-c", 'cat >"$1"', "sh", f"{WORK}/{name}")
        done = machine.run(*argv, stdin=data, timeout=10)
        if done.exit != 0:
            raise GraderError(f"{WORK}/{name} could not be written: {done.complaints}")
    host = world.host(world.blueprint.student)
    done = host.start("iptables-restore", stdin=HOOK.encode()).finish(30)
    if done.exit != 0:
        raise GraderError(f"iptables-restore {done.outcome}: {done.complaints[-300:]}")


def read_result(machine: Machine, path: str) -> bytes | None:
    """The file that the script was to write, as far as one may be long; None if there is none."""
    size = str(LARGEST_TABLE + 1)
    # A pipe in its place would never end.
    argv = ("/bin/sh", "-c", '[ -f "$1" ] && exec head -c "$2" -- "$1"', "sh", path, size)
    done = machine.run(*argv, timeout=10)
    if done.exit != 0:
        return None
    if len(done.stdout) > LARGEST_TABLE:
        raise CheckFailed(f"RESULTS.csv has more than {LARGEST_TABLE:,} bytes")
    return done.stdout


@dataclass(frozen=True)
class Experiment:
    """One run of the script and all that was seen of it."""

    maximum: int
    step: int
    duration: float
    done: Completed
    within: float
    runaway: int | None
    watched: Watched
    table: bytes | None
    written: tuple[str, ...]
    meter: CallMeter

    @property
    def wanted(self) -> list[int]:
        """The numbers of rules at which it has to measure."""
        return list(range(self.step, self.maximum + 1, self.step))

    def at(self, rules: int) -> list[Test]:
        """The tests with so many rules."""
        return [one for one in self.watched.tests if one.look and rules in one.look.counts]
