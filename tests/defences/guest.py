"""Defences of what is judged by a kernel of its own: its log, and scripts that trace it."""

from __future__ import annotations

import dataclasses
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from defences import Defence
from grader import warm
from grader.errors import CheckFailed, GraderError
from grader.evidence import Bpftrace, KernelLog, KernelRecord
from grader.machine import microvm
from grader.machine.client import Machine
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from defences import Removal, Setting

FORGED = "echo '<4>root-packet: IN= OUT=eth0 SRC=10.0.0.2 ' >/dev/kmsg"
FLOOD = "f = open('/dev/kmsg', 'wb', 0)\nfor _ in range(40000): f.write(b'x' * 900)"
UNSAFE = {
    b'BEGIN { system("id"); }': "a script runs programs as the machine's root",
    b'kprobe:nf_hook_slow { signal("KILL"); }': "a script kills what it traces",
}
ATTACHES_WITHIN = 60


def forges_the_log(setting: Setting) -> str:
    """Write a line of a LOG rule's to the kernel log, as the machine's root."""
    with microvm.start(warm.source(setting.image), warm.warm) as vm, KernelLog(vm) as log:
        vm.run("sh", "-c", FORGED, timeout=30)
        packets = [one.packet for one in log.records() if one.packet]
    return "a forged line is evidence" if packets else ""


def clears_the_log(setting: Setting) -> str:
    """Have a packet logged, then clear the log, as the machine's root."""
    log_one = "iptables -A OUTPUT -j LOG && ping -c1 -W2 127.0.0.1"
    with (
        microvm.start(warm.source(setting.image), warm.warm) as vm,
        Sandbox(vm) as sandbox,
        KernelLog(vm) as log,
    ):
        sandbox.run("sh", "-c", log_one, timeout=30)
        vm.run("dmesg", "-C", timeout=30)
        return "" if any(one.packet for one in log.records()) else "what was logged is gone"


def floods_the_log(setting: Setting) -> str:
    """Write so much that the kernel overwrites what has not been read."""
    with microvm.start(warm.source(setting.image), warm.warm) as vm, KernelLog(vm) as log:
        vm.run("python3", "-c", FLOOD, timeout=120)
        try:
            log.records()
        except GraderError:
            return ""
    return "lines are lost, and nobody is told"


def does_more_than_trace(setting: Setting) -> str:
    """Have bpftrace, which is the machine's root, run a program, or signal who comes by."""
    with microvm.start(warm.source(setting.image), warm.warm) as vm:
        for script, told in UNSAFE.items():
            with Bpftrace(vm, "a.bt", script) as trace, suppress(CheckFailed):
                trace.attached(ATTACHES_WITHIN)
                return told
    return ""


def any_facility(patch: pytest.MonkeyPatch) -> None:
    """Take all records for the kernel's."""
    parse = KernelRecord.parse
    patch.setattr(KernelRecord, "parse", lambda raw: dataclasses.replace(parse(raw), facility=0))


def reading_the_log(read: Callable[[Machine, dict[str, Any]], dict[str, Any]]) -> Removal:
    """Have the log read otherwise: `read` is given the machine and what would have been read."""
    call = Machine.call

    def weaker(machine: Machine, name: str, **arguments: Any) -> Any:
        answer = call(machine, name, **arguments)
        return read(machine, answer) if name == "kernel_log.read" else answer

    return lambda patch: patch.setattr(Machine, "call", weaker)


def as_shown(machine: Machine, _: object) -> dict[str, Any]:
    """What dmesg says, in the form of records."""
    lines = machine.run("dmesg", "-t", timeout=30).stdout.splitlines()
    return {"records": [b"4,%d,0,-;%s\n" % one for one in enumerate(lines)], "lost": 0}


def untold_losses(patch: pytest.MonkeyPatch) -> None:
    """Count neither what the kernel says to be lost nor gaps between numbers."""
    reading_the_log(lambda _, answer: {**answer, "lost": 0})(patch)
    patch.setattr(itertools, "pairwise", lambda _: ())


def unsafe(patch: pytest.MonkeyPatch) -> None:
    """Let scripts do what they like."""
    start = Machine.start

    def more(machine: Machine, program: str, *rest: str, **options: Any) -> object:
        unsafe = ["--unsafe"] if program == "bpftrace" else []
        return start(machine, program, *unsafe, *rest, **options)

    patch.setattr(Machine, "start", more)


ALL = (
    Defence(
        "lines of the kernel's own facility only", (45,),
        "grader.evidence.kernel_log:KernelLog.records",
        "test_kernel_log.py::test_forged_line_is_not_the_kernels", forges_the_log, any_facility,
    ),
    Defence(
        "records, each of which is read once, not what dmesg shows", (44,),
        "grader.machine.agent.kernel_log:KernelLog.call_read",
        "test_kernel_log.py::test_sandbox_can_read_but_not_clear_the_log", clears_the_log,
        reading_the_log(as_shown),
    ),
    Defence(
        "losses of the kernel log are counted", (46,),
        "grader.evidence.kernel_log:KernelLog.records",
        "test_kernel_log.py::test_lost_records_are_noticed", floods_the_log, untold_losses,
    ),
    Defence(
        "bpftrace without --unsafe", (37, 38), "grader.evidence.trace:Bpftrace.__init__",
        "test_trace.py::test_unsafe_calls_are_refused", does_more_than_trace, unsafe,
    ),
)  # fmt: skip
