"""A kernel with rules and traffic, on which the script is run beside our own probe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from grader.deadline import wait_until
from grader.errors import CheckFailed, GraderError
from grader.evidence import Bpftrace, CallMeter
from grader.traffic.senders import Sender, Sending
from tests_lab.latency.run import FUNCTION, Run

if TYPE_CHECKING:
    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

SERVER = "10.99.0.2"
# Nothing listens there. What goes to the quick port is accepted by the first rule.
PORT, QUICK_PORT = 9, 10
CPUS = 2
MIXED_WITHIN = 120.0

Load = Callable[["Bench"], "Sending | None"]


@dataclass
class Bench:
    """A kernel of the submission's own, the world on it, and our probe on the function.

    `rules` is how many there are, once they have been set.
    """

    machine: Machine
    world: World
    task: TaskRun
    script: Deliverable
    meter: CallMeter
    rng: Random
    own: list[str] = field(default_factory=list)
    rules: int | None = None

    def set_rules(self, count: int) -> None:
        """Have `count` rules in OUTPUT that match nothing, behind one that accepts at once."""
        if count == self.rules:
            return
        quick = f"-A OUTPUT -p udp --dport {QUICK_PORT} -j ACCEPT\n" if count else ""
        third = self.rng.randrange(256)
        places = (((third + i // 250) % 256, 1 + i % 250) for i in range(count))
        rules = "".join(
            f"-A OUTPUT -s 198.51.{a}.{b}/32 -p tcp --dport 9 -j DROP\n" for a, b in places
        )
        text = f"*filter\n:OUTPUT ACCEPT [0:0]\n{quick}{rules}COMMIT\n"
        host = self.world.host(self.world.blueprint.student)
        done = host.start("iptables-restore", stdin=text.encode()).finish(60)
        if done.exit != 0:
            raise GraderError(f"iptables-restore {done.outcome}: {done.complaints[-300:]}")
        self.world.commands.append(f"student# iptables-restore  # {count} rules in OUTPUT")
        self.rules = count

    def run(self, name: str, rules: int, load: Load) -> Run:
        """Run the script while `load` sends, then interrupt it.

        What `load` returns is closed after that: so it can go on sending. Raises CheckFailed or
        Overrun if the script does not attach.
        """
        parameters = self.task.task.parameters
        self.set_rules(rules)
        began = self.uptime_ns()
        failure, events = None, []
        with ExitStack() as end:
            trace = Bpftrace(self.machine, self.script.name, self.script.data)
            end.enter_context(trace)
            end.callback(self.keep, name, trace)
            trace.attached(parameters["attaches_within_s"])
            kprobes = self.kprobes()
            before = self.meter.read()
            if (still := load(self)) is not None:
                end.callback(still.close)
            calls = self.meter.read() - before

            def patience() -> float:
                """Real-time threads may leave the script no time on a slow computer."""
                if still is not None:
                    still.close()
                return float(parameters["ends_within_s"])

            try:
                events = trace.interrupt(parameters["ends_within_s"], patience=patience)
            except CheckFailed as error:
                failure = error
        left = "; ".join(Counter(self.probed()) - Counter(self.own))
        return Run(failure, events, calls, rules, left, kprobes, began, self.uptime_ns())

    def kprobes(self) -> int:
        """How many kprobes and kretprobes the script has on the function."""
        return sum(FUNCTION in line for line in Counter(self.probed()) - Counter(self.own))

    def probed(self) -> list[str]:
        """The functions in this kernel that have probes, with kind and number."""
        files = "/sys/kernel/debug/kprobes/list", "/sys/kernel/tracing/enabled_functions"
        lines = "".join(map(self.machine.read, files)).splitlines()
        # An address, kind and name; or a name and a number; further lines are indented.
        return [" ".join(line.split()[:3]) for line in lines if line[:1].strip()]

    def keep(self, name: str, trace: Bpftrace) -> None:
        """Keep what the script has printed as evidence."""
        said = trace.said()
        self.task.keep(f"{name}.txt", lambda path: path.write_text(said, encoding="utf-8"))

    def uptime_ns(self) -> int:
        """The clock that nsecs shows."""
        return int(float(self.machine.read("/proc/uptime").split()[0]) * 1e9)

    def iperf3(self, *options: str) -> None:
        """Load the path with TCP."""
        seconds = str(self.task.task.parameters["load_s"])
        done = self.world.student.run("iperf3", "-c", SERVER, "-t", seconds, *options, timeout=60)
        if done.exit != 0:
            raise GraderError(f"iperf3 {done.outcome}: {(done.output + done.complaints)[-300:]}")


def uneven(bench: Bench) -> None:
    """iperf3, and beside it long calls on one processor and many short ones on the other."""
    beside = [Sender((SERVER, QUICK_PORT), cpu=0), Sender((SERVER, PORT), cpu=1)]
    with Sending(bench.world, beside):
        bench.iperf3()


def even(bench: Bench) -> None:
    """iperf3 alone."""
    bench.iperf3("-P", "2")


def interrupting(bench: Bench) -> Sending:
    """Threads in long calls, interrupted on their processor by threads with short ones."""
    long = [Sender((SERVER, PORT), cpu=cpu) for cpu in range(CPUS) for _ in range(3)]
    short = [
        Sender((SERVER, QUICK_PORT), cpu=cpu, period_s=0.0005, realtime=True) for cpu in range(CPUS)
    ]
    sending = Sending(bench.world, [*long, *short])
    wanted = bench.meter.read().count + bench.task.task.parameters["mixed_calls"]
    wait_until(
        lambda: bench.meter.read().count >= wanted,
        within=MIXED_WITHIN,
        what="calls that interrupt each other",
        every=0.1,
    )
    return sending
