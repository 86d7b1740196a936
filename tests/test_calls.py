"""The grader's own measure of a kernel function, on a kernel of the tests' own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.deadline import wait_until
from grader.errors import GraderError
from grader.evidence import CallMeter
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from grader.machine.microvm import MicroVM

FUNCTION = "nf_hook_slow"
# Two hooks that all packets meet that are sent, whatever else is there: each calls twice.
HOOKS = """
table inet t {
    chain out { type filter hook output priority 0; }
    chain post { type filter hook postrouting priority 0; }
}
"""
CALLS = 4  # of a ping to oneself: question and answer
PROBES = "/sys/kernel/debug/kprobes/list", "/sys/kernel/tracing/enabled_functions"
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def vm(new_microvm: Callable[[], MicroVM]) -> Iterator[MicroVM]:
    """A kernel of the tests' own."""
    with new_microvm() as running:
        yield running


@pytest.fixture(scope="module")
def host(vm: MicroVM) -> Iterator[Sandbox]:
    """A host whose pings are all that calls the function."""
    with Sandbox(vm) as made:
        assert made.run("nft", HOOKS, timeout=10).exit == 0
        yield made


@pytest.fixture(scope="module")
def meter(vm: MicroVM) -> Iterator[CallMeter]:
    """A meter at work."""
    with CallMeter(vm, FUNCTION) as running:
        yield running


def ping(host: Sandbox, count: int) -> None:
    """Have the function called, CALLS times for each."""
    done = host.run("ping", "-c", str(count), "-i", "0.01", "127.0.0.1", timeout=30)
    assert done.exit == 0, done.complaints


def uptime_ns(vm: MicroVM) -> int:
    """The clock that nsecs shows, in steps of 10 ms."""
    return int(float(vm.read("/proc/uptime").split()[0]) * SECOND)


def probes(vm: MicroVM) -> str:
    """What the kernel says is attached to its functions."""
    return "".join(map(vm.read, PROBES))


def test_every_call_is_counted(host: Sandbox, meter: CallMeter) -> None:
    """No call is missed, and each takes longer with what a kprobe and a kretprobe add."""
    before = meter.read()
    ping(host, 50)
    calls = meter.read() - before
    assert (calls.count, calls.probed_count) == (50 * CALLS, 50 * CALLS)
    assert 0 < calls.average_ns < calls.longest_ns < calls.total_ns < calls.probed_total_ns


def test_threads_and_processors_at_once(host: Sandbox, meter: CallMeter) -> None:
    """Calls of several threads on both processors are counted, too.

    The kernel leaves a program out that it would interrupt on the same processor
    (kernel/bpf/trampoline.c, __bpf_prog_enter_recur), which takes luck.
    """
    before = meter.read()
    pings = "for i in 1 2 3 4; do ping -q -c 100 -i 0.002 127.0.0.1 & done; wait"
    assert host.run("sh", "-c", pings, timeout=60).exit == 0
    calls = meter.read() - before
    sent = 400 * CALLS
    assert 0.95 * sent <= calls.count <= sent
    assert 0.95 * sent <= calls.probed_count <= sent


def test_calls_are_told_by_their_time(vm: MicroVM, host: Sandbox, meter: CallMeter) -> None:
    """Between two moments are the calls of that time, and those of a row's length around it."""

    def far_from(moment: int) -> int:
        wait_until(
            lambda: uptime_ns(vm) > moment + SECOND // 10, within=30, what="the guest's time"
        )
        return uptime_ns(vm)

    moments = [uptime_ns(vm)]
    for count in (3, 5):
        moments.append(far_from(moments[-1]))
        ping(host, count)
        moments.append(far_from(uptime_ns(vm)))
    assert meter.between(moments[1], moments[2]).count == 3 * CALLS
    assert meter.between(moments[2], moments[4]).count == 5 * CALLS
    assert meter.between(0, moments[1]).count + 8 * CALLS == meter.between(0, moments[4]).count
    assert meter.between(moments[4] + SECOND, moments[4] + 2 * SECOND).count == 0


def test_what_was_measured_is_kept(
    vm: MicroVM, host: Sandbox, meter: CallMeter, tmp_path: Path
) -> None:
    """The evidence has all calls until now, each with its time."""
    ping(host, 4)
    meter.save(tmp_path / "meter.txt")
    calls = meter.read()
    _, *lines = (tmp_path / "meter.txt").read_text().splitlines()
    rows = [[int(word) for word in line.split()] for line in lines]
    assert sum(row[1] for row in rows) == calls.count
    assert rows[-1][0] <= uptime_ns(vm) < rows[-1][0] + 30 * SECOND


def test_nothing_is_left_attached(vm: MicroVM, host: Sandbox, meter: CallMeter) -> None:
    """A meter that is closed takes its own probes away, and no others."""
    before, calls = probes(vm), meter.read().count
    with CallMeter(vm, "ip_output"):
        assert "ip_output" in probes(vm)
    assert probes(vm) == before
    ping(host, 2)
    assert meter.read().count == calls + 2 * CALLS


def test_a_function_that_is_not_there(vm: MicroVM, meter: CallMeter) -> None:
    """The name is said, and what was attached already is taken away."""
    meter.read()
    before = probes(vm)
    with pytest.raises(GraderError, match="probe on nf_hook_slowly"):
        CallMeter(vm, "nf_hook_slowly")
    assert probes(vm) == before
