"""04b: nf_latency.bt prints the average time per call spent in nf_hook_slow."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.deadline import wait_until
from grader.errors import CheckFailed, GraderError
from grader.evidence import Bpftrace, CallMeter, Calls, Event, Reading, readings
from grader.traffic.senders import Sender, Sending

if TYPE_CHECKING:
    from grader.machine.client import Machine
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

NEEDS_KERNEL = ["kernel_tracing"]
FUNCTION = "nf_hook_slow"
SERVER = "10.99.0.2"
# Nothing listens there. What goes to the quick port is accepted by the first rule.
PORT, QUICK_PORT = 9, 10
PAGE = "man 8 bpftrace"
CPUS = 2
WRAPPED = 2**63
SHOWN, SHOWN_CHARACTERS = 8, 500
FEW = 4
# What is further off than this is not tried again.
NOISE = 3
MIXED_WITHIN = 120.0
TIMESTAMP_SLACK_NS = 1_000_000_000


Load = Callable[["Bench"], "Sending | None"]


@dataclass(frozen=True)
class Run:
    """One run of the script: how it ended, what it printed, what really happened meanwhile.

    `failure` says what was wrong with its end, if it was.
    """

    failure: CheckFailed | None
    events: Sequence[Event]
    calls: Calls
    rules: int
    left: str
    kprobes: int
    began_ns: int
    ended_ns: int

    @cached_property
    def readings(self) -> list[Reading]:
        """What it printed as the average."""
        return readings(list(self.events))

    @property
    def expected_ns(self) -> tuple[float, float]:
        """Our average, from and to: a script's probes cost what ours of the same kind do."""
        without, probed = self.calls.average_ns, self.calls.probed_average_ns
        if self.kprobes == 0:
            return without, without
        return (probed, probed) if self.kprobes >= 2 else (without, probed)

    @property
    def last(self) -> list[Reading]:
        """What it printed as the average after Ctrl-C, or else last before it."""
        return [one for one in self.readings if one.final] or self.readings[-1:]

    @cached_property
    def candidates(self) -> dict[str, list[float]]:
        """What may be meant as the average, by its place, counted from the end.

        That is the last number there, or the middle one of all. Of many of a kind the last counts.
        """
        found: dict[str, list[float]] = {}
        for place in dict.fromkeys(one.place for one in self.last):
            ends = [one.ns for one in self.last if one.place == place][::-1]
            alike = [one.ns for one in self.readings if one.place == place]
            for number, ns in enumerate(ends if len(ends) <= FEW else ends[:1]):
                middle = [] if number else [statistics.median(alike)]
                found[f"{place} {number}"] = [ns, *middle]
        return found

    def places(self, band: Sequence[float]) -> set[str]:
        """The places of those that are ours within factors."""
        low, high = band[0] * self.expected_ns[0], band[1] * self.expected_ns[1]
        return {
            place
            for place, values in self.candidates.items()
            if any(low <= value <= high for value in values)
        }

    @property
    def shown(self) -> str:
        """The end of its output, for a message."""
        said = [told(event) for event in self.events if event.type != "attached_probes"]
        return "; ".join(text for text in said[-SHOWN:] if text)[-SHOWN_CHARACTERS:] or "nothing"


def told(event: Event) -> str:
    """An event, in a message."""
    if event.type in {"hist", "lhist"}:
        return f"a histogram, {', '.join(event.maps)}"
    return (event.text or str(event.maps or event.data)).strip()


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


class Series:
    """Runs of the script under one load: as many as are needed to be sure."""

    def __init__(self, bench: Bench, name: str, rules: int, load: Load) -> None:
        self._bench, self._name, self._rules, self._load = bench, name, rules, load
        self._runs: list[Run] = []

    def __getitem__(self, number: int) -> Run:
        while len(self._runs) <= number:
            self._runs.append(self._bench.run(self._name, self._rules, self._load))
        return self._runs[number]

    def places(self, band: Sequence[float], attempts: int) -> set[str]:
        """The places of what was the average in one of so many attempts."""
        return {place for number in range(attempts) for place in self[number].places(band)}

    def must_agree(
        self, band: Sequence[float], hint: str = "", among: Collection[str] | None = None
    ) -> str | None:
        """What was printed is the average, within a band of factors, in one of some attempts.

        It stands at one of the places `among`, if they are known. A busy computer can spoil a
        measurement, by some factor, but makes no wrong script right.
        """
        attempts = self._bench.task.task.parameters["attempts"]
        for number in range(attempts):
            run = self[number]
            places = run.places(band)
            if places if among is None else places.intersection(among):
                return f"agreed in attempt {number + 1} of {attempts}" if number else None
            if not run.places((band[0] / NOISE, band[1] * NOISE)):
                break
        run = self[0]
        if run.failure is not None:
            raise run.failure
        if not run.readings:
            raise CheckFailed(f"expected an average again; found: {run.shown}")
        last, many = run.last[-1], len(run.readings)
        several = f", the last of {many} numbers" if many > 1 else ""
        raise CheckFailed(
            f"with {run.rules} rules in OUTPUT, {run.calls.count} calls of {FUNCTION} took "
            f"{run.calls.average_ns:.0f} ns on average, {run.calls.probed_average_ns:.0f} ns with "
            f"the cost of a kprobe and a kretprobe; it printed “{last.shown}”, which is "
            f"{last.ns:.0f} ns{several}",
            hint=hint or likely(last, run),
        )


@pytest.fixture(scope="module")
def bench(
    machine: Machine, call_meter: CallMeter, world: World, task: TaskRun, deliverable: Deliverable
) -> Bench:
    """The machine, the world and our own probe."""
    made = Bench(machine, world, task, deliverable, call_meter, Random(task.seed))  # noqa: S311
    made.own.extend(made.probed())
    return made


@pytest.fixture(scope="module")
def rules(task: TaskRun) -> int:
    """How many rules there are when there are many."""
    low, high = task.task.parameters["rules"]
    return Random(f"{task.seed}/rules").randrange(low, high)  # noqa: S311


@pytest.fixture(scope="module")
def loaded(bench: Bench, rules: int) -> Series:
    """The script's runs with many rules."""
    return Series(bench, "many_rules", rules, uneven)


@pytest.fixture(scope="module")
def idle(bench: Bench) -> Series:
    """The script's runs without rules."""
    return Series(bench, "no_rules", 0, even)


@pytest.fixture(scope="module")
def mixed(bench: Bench, rules: int) -> Series:
    """The script's runs while calls interrupt each other, and Ctrl-C in the middle of them."""
    return Series(bench, "interrupted", rules, interrupting)


@check("04b.attaches", requires=NEEDS_KERNEL)
def attaches(loaded: Series, deliverable: Deliverable) -> str | None:
    """The script compiles and all its probes attach."""
    loaded[0]  # raises if not
    return "; ".join(deliverable.notes) or None


@check("04b.ends", needs="04b.attaches", requires=NEEDS_KERNEL)
def ends(loaded: Series) -> None:
    """It measures until Ctrl-C, which ends it cleanly."""
    if loaded[0].failure is not None:
        raise loaded[0].failure


@check("04b.prints", needs="04b.ends", requires=NEEDS_KERNEL)
def prints(loaded: Series) -> None:
    """It prints one average for all calls."""
    run = loaded[0]
    if run.readings:
        return
    keyed = [name for event in run.events for name in event.maps if is_keyed(event, name)]
    what = (
        f"found only maps with keys ({', '.join(sorted(set(keyed)))})"
        if keyed
        else (f"found: {run.shown}")
    )
    raise CheckFailed(
        f"expected a number, the average time of all {run.calls.count} calls of {FUNCTION}, on "
        f"standard output when Ctrl-C has ended it; {what}",
        hint="avg() or stats() without keys, or a sum divided by a count; what END clears, or what "
        f"was never filled, is not printed: {PAGE}",
    )


def is_keyed(event: Event, name: str) -> bool:
    """Whether a printed map has keys."""
    value = event.maps[name]
    return isinstance(value, dict) and event.type in {"map", "stats"}


def common(loaded: Series, idle: Series, task: TaskRun) -> set[str] | None:
    """Where the average stands, both with rules and without, if it is one of several numbers.

    None if it is the only one. A list of guesses holds the right one each time, at another place;
    or at the same, if a busy computer takes long without rules, too: but a guess does not change.
    """
    parameters = task.task.parameters
    for attempts in range(1, parameters["attempts"] + 1):
        right = loaded.places(parameters["band"], attempts)
        if right >= loaded[attempts - 1].candidates.keys():
            return None
        if not right:
            continue
        runs = [series[number] for series in (loaded, idle) for number in range(attempts)]
        same = right & idle.places(parameters["band_baseline"], attempts)
        if measured := {place for place in same if changes(place, runs)}:
            return measured
    return set()


def changes(place: str, runs: Sequence[Run]) -> bool:
    """Whether the number at a place was another in some run: measures are never all alike."""
    return len({run.candidates[place][0] for run in runs if place in run.candidates}) > 1


@check("04b.average", needs="04b.prints", requires=NEEDS_KERNEL)
def average(loaded: Series, idle: Series, task: TaskRun) -> str | None:
    """With thousands of rules, it is the average that the grader has measured."""
    agreed = loaded.must_agree(task.task.parameters["band"])
    if common(loaded, idle, task) == set():
        run = loaded[0]
        raise CheckFailed(
            f"it printed {len(run.last)} numbers that may be the average, the last of them "
            f"“{run.last[-1].shown}”; none of them changes as a measure does and is the average "
            f"both with {run.rules} rules in OUTPUT ({run.calls.average_ns:.0f} ns) and without "
            f"({idle[0].calls.average_ns:.0f} ns)",
            hint=f"print one number, which you have measured: {PAGE}",
        )
    return agreed


@check("04b.concurrent", needs="04b.average", requires=NEEDS_KERNEL)
def concurrent(loaded: Series, idle: Series, mixed: Series, task: TaskRun) -> str | None:
    """Calls that interrupt each other do not mix."""
    return mixed.must_agree(
        task.task.parameters["band_concurrent"],
        among=common(loaded, idle, task),
        hint="a start belongs to its thread: key it by tid, and forget it at the return",
    )


@check("04b.tidy", needs="04b.ends", requires=NEEDS_KERNEL)
def tidy(mixed: Series, task: TaskRun) -> str | None:
    """It prints no starts of calls at the end, and leaves no probe behind."""
    attempts = task.task.parameters["attempts"]
    failures: list[CheckFailed] = []
    for number in range(attempts):
        try:
            must_be_tidy(mixed[number])
        except CheckFailed as error:
            failures.append(error)
        else:
            return f"tidy in attempt {number + 1} of {attempts}" if number else None
    raise failures[0]


@check("04b.baseline", needs="04b.average", requires=NEEDS_KERNEL)
def baseline(loaded: Series, idle: Series, task: TaskRun) -> str | None:
    """Without rules, it is the average, too."""
    among = common(loaded, idle, task)
    return idle.must_agree(task.task.parameters["band_baseline"], among=among)


def must_be_tidy(run: Run) -> None:
    """One run ends as it should. Raises CheckFailed, at times of a tidy script, too.

    A thread can be interrupted inside of a script's own probe and write its start when END has
    cleared the map: a fentry program can be preempted (kernel/bpf/trampoline.c). That takes luck;
    what is never cleared is printed each time, since calls are always open under this load.
    """
    if run.failure is not None:
        raise run.failure
    if run.left:
        raise CheckFailed(f"after its end the kernel still has these probes: {run.left}")
    for event in run.events:
        for name, value in event.maps.items():
            stamps = timestamps_in(value, run)
            if event.final and event.type == "map" and stamps:
                raise CheckFailed(
                    f"after Ctrl-C it printed {name}, whose values are moments of calls "
                    f"({len(stamps)}), such as {stamps[0]}; a reader expects results only",
                    hint=f"bpftrace prints every map that is not empty: clear({name}) in END",
                )


def timestamps_in(value: object, run: Run) -> list[int]:
    """The moments of this run in a map's value: of nsecs; or of elapsed, if they have keys.

    One number alone may be the time of a call that lasted long, since others interrupted it.
    """
    values = value.values() if isinstance(value, dict) else [value]
    numbers = [one for one in values if isinstance(one, int)]
    low, high = run.began_ns - TIMESTAMP_SLACK_NS, run.ended_ns + TIMESTAMP_SLACK_NS
    moments = [one for one in numbers if low <= one <= high]
    lasted = run.ended_ns - run.began_ns
    late = [one for one in numbers if lasted / 4 < one < lasted]
    return moments or (late if isinstance(value, dict) and len(late) == len(numbers) else [])


def likely(shown: Reading, run: Run) -> str:
    """What the number may be instead, and what the average is."""
    looks = resembles(shown.ns, run)
    return (
        f"{looks and f'it looks like {looks}. '}"
        f"The average is of every call of {FUNCTION}, from its entry to its return, and of nothing "
        "else. Calls of several threads overlap: a start belongs to its tid, and a return without "
        f"one does not count: {PAGE}"
    )


def resembles(number: float, run: Run) -> str:
    """What is near to a number that is not the average; empty if nothing is."""
    if number < 0 or number >= WRAPPED:
        return "the start minus the end"
    if run.began_ns <= number <= run.ended_ns:
        return "nsecs itself, a moment; a time is the difference of two"
    calls = run.calls
    average, probed = calls.average_ns, calls.probed_average_ns
    total, probed_total = calls.total_ns, max(calls.total_ns, calls.probed_total_ns)
    near = {
        "the sum of all calls' times; divide it by how many there were": (total, probed_total),
        "how many calls there were": (calls.count, calls.count),
        "the longest call's time": (calls.longest_ns, calls.longest_ns),
        "a number of microseconds; say so, or print nanoseconds": (average / 1e3, probed / 1e3),
        "a number of milliseconds; say so, or print nanoseconds": (average / 1e6, probed / 1e6),
        "nanoseconds that are called microseconds": (average * 1e3, probed * 1e3),
        "half of it, as if something were counted twice": (average / 2, probed / 2),
    }
    found = (what for what, (low, high) in near.items() if 0.8 * low < number < 1.25 * high)
    return next(found, "")
