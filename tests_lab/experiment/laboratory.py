"""04c: experiment.sh at work in a microVM of its own, and what was seen of it from outside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from grader.disposable import Disposable
from grader.errors import GraderError
from grader.machine.patience import Patience
from tests_lab.experiment.watched import Test, Watched, paired, read_watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.evidence import CallMeter, Calls
    from grader.machine.client import Machine
    from grader.machine.process import Completed, Process
    from grader.taskrun import TaskRun
    from grader.world import World

SCRIPT, RESULTS = "experiment.sh", "measured.csv"
FIRST, AGAIN = "experiment", "again"
SERVER, PORT = "10.99.0.2", 5201
WORK = "/work"
WATCHER = Path(__file__).with_name("watcher.py")
READY_WITHIN = FINISHED_WITHIN = 60.0
LOOKS_EVERY = 2.0
LARGEST_TABLE = 64 * 1024
HOOK = "*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
# A mount namespace of its own, so that /sys shows this host's interfaces, and in /proc nothing of
# ours: `pkill bpftrace` is to end the script's, not the grader's. bpftrace would number threads
# otherwise in a process namespace, and all others 0. bash's <(…) needs /dev/fd.
AS_MACHINE_ROOT = """
exec 3>&2 2>/dev/null
for place in sysfs:/sys tracefs:/sys/kernel/tracing debugfs:/sys/kernel/debug bpf:/sys/fs/bpf; do
    busybox mount -t "${place%%:*}" "${place%%:*}" "${place#*:}"
done
ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
mkdir -p /run/netlab/nothing
for process in /proc/[0-9]*; do
    [ $process = /proc/1 ] || [ $process = /proc/$$ ] && continue
    IFS= read -r -d '' name <$process/cmdline && busybox mount -o bind /run/netlab/nothing $process
done
exec 2>&3 3>&-
ulimit -c 0 -f 65536
cd /work && exec env "$@"
"""


class Watcher(Disposable):
    """The program watcher.py at work on the server's host."""

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


class Laboratory:
    """A kernel of the submission's own and a world on it, with its files in the work folder."""

    def __init__(self, machine: Machine, world: World, meter: CallMeter, task: TaskRun) -> None:
        self._machine, self._world, self._meter, self._task = machine, world, meter, task
        self._files: set[str] = set()
        self._host = world.host(world.blueprint.student)

    def put(self, files: Mapping[str, bytes]) -> None:
        """Put the files into the work folder."""
        for name, data in files.items():
            argv = ("/bin/sh", "-c", 'cat >"$1"', "sh", f"{WORK}/{name}")
            done = self._machine.run(*argv, stdin=data, timeout=10)
            if done.exit != 0:
                raise GraderError(f"{WORK}/{name} could not be written: {done.complaints}")
            self._files.add(name)

    @cached_property
    def longer(self) -> Experiment:
        """The script once more, with a longer DURATION."""
        return self.run(AGAIN, self._task.task.parameters["longer_duration_s"])

    def run(self, name: str, duration: float) -> Experiment:
        """Run the script to its end, watched."""
        rng = Random(f"{self._task.seed}/{name}")  # noqa: S311 repeatable, not secret
        parameters = self._task.task.parameters
        step = rng.randrange(*parameters["rules_step"])
        maximum = step * parameters["steps"]
        folder = f"/tmp/run-{rng.getrandbits(32):08x}"  # noqa: S108 the microVM's
        self._prepare(folder)
        grace = parameters["left_over_within_s"]
        within = parameters["script_within_s"]
        with Watcher(self._world, look_after_s=0.4 * duration, grace_s=grace) as watcher:
            process = self._start(
                f"RULES_MAX={maximum}", f"RULES_STEP={step}", f"DURATION={duration:g}",
                "bash", SCRIPT, SERVER, f"{folder}/{RESULTS}",
            )  # fmt: skip
            with process:
                patience = Patience(self._machine, within)
                runaway = supervise(process, watcher, maximum + step, patience)
                done = process.so_far()
            watched = watcher.finish(grace + FINISHED_WITHIN)
            seen = watcher.said()
        table = self._read(f"{folder}/{RESULTS}")
        said = f"{done.output}{done.complaints}[it {done.outcome}]\n"
        self._keep(name, "output.txt", said.encode())
        self._keep(name, "watched.txt", seen.encode())
        self._keep(name, RESULTS, table or b"")
        return Experiment(
            name, maximum, step, duration, done, within, runaway, watched, table, self._others(),
            self._meter,
        )  # fmt: skip

    def _prepare(self, folder: str) -> None:
        """An empty OUTPUT, so that nf_hook_slow is called; and a folder for the results."""
        done = self._host.start("iptables-restore", stdin=HOOK.encode()).finish(30)
        if done.exit != 0:
            raise GraderError(f"iptables-restore {done.outcome}: {done.complaints[-300:]}")
        self._machine.run("mkdir", folder, timeout=10)

    def _start(self, *call: str) -> Process:
        self._world.commands.append(f"student# {' '.join(call)}")
        interface = self._host.interface().name
        return self._host.start(
            "unshare", "--mount", "--", "/bin/bash", "-c", AS_MACHINE_ROOT, "bash",
            f"IFACE={interface}", *call,
        )  # fmt: skip

    def _read(self, path: str) -> bytes | None:
        """The file that the script was to write, as far as one may be long; None if none is."""
        # A pipe in its place would never end.
        argv = ("/bin/sh", "-c", '[ -f "$1" ] && exec head -c "$2" -- "$1"', "sh")
        done = self._machine.run(*argv, path, str(LARGEST_TABLE), timeout=10)
        return done.stdout if done.exit == 0 else None

    def _others(self) -> tuple[str, ...]:
        """What the script has left in the work folder."""
        listed = self._machine.run("ls", WORK, timeout=10).output.split("\n")
        return tuple(name for name in listed if name and name not in self._files)

    def _keep(self, run: str, name: str, data: bytes) -> None:
        name = evidence(run, name)
        self._task.keep(name, lambda path: path.write_bytes(data))


def evidence(run: str, name: str) -> str:
    """What a file of evidence of a run is called."""
    return name if run == FIRST else f"{run}-{name}"


def supervise(process: Process, watcher: Watcher, most: int, patience: Patience) -> int | None:
    """Wait for the script's end; or until there are rules without end: then how many."""
    while (left := patience.left) and process.wait(min(left, LOOKS_EVERY)).exit is None:
        looks = [one.look for one in watcher.so_far().tests if one.look]
        if looks and looks[-1].count > most:
            return looks[-1].count
    return None


@dataclass(frozen=True)
class Experiment:
    """One run of the script and all that was seen of it."""

    name: str
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
    def seen(self) -> str:
        """The file of evidence that has what was watched."""
        return evidence(self.name, "watched.txt")

    @property
    def measured(self) -> str:
        """The file of evidence that the script has written."""
        return evidence(self.name, RESULTS)

    @property
    def late(self) -> bool:
        """Whether rules were listed when their test, a long one, had ended."""
        return any(one.late and one.seconds > self.duration / 2 for one in self.watched.tests)

    @property
    def tidy(self) -> bool:
        """Whether it has left nothing that another run would meet."""
        last = self.watched.last
        return not (self.watched.left or last.count or last.elsewhere or last.policies)

    @property
    def wanted(self) -> list[int]:
        """The numbers of rules at which it has to measure."""
        return list(range(self.step, self.maximum + 1, self.step))

    @property
    def missing(self) -> list[int]:
        """Those at which there was no test."""
        return sorted(set(self.wanted) - set(paired(self.watched.tests, self.wanted, self.step)))

    def at(self, rules: int) -> list[Test]:
        """The tests with so many rules."""
        return [one for one in self.watched.tests if one.had(rules, self.step)]

    def calls_at(self, rules: int) -> list[Calls]:
        """Our own measure of the function during each of these tests."""
        return [self.meter.between(one.begun_ns, one.ended_ns) for one in self.at(rules)]
