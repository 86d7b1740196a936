"""Defences of what is judged by a kernel of its own: its log, and scripts that trace it."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from defences import Defence
from grader import warm
from grader.errors import CheckFailed
from grader.evidence import Bpftrace, KernelLog, KernelRecord
from grader.machine import microvm
from grader.machine.client import Machine

if TYPE_CHECKING:
    import pytest

    from defences import Setting

FORGED = "echo '<4>root-packet: IN= OUT=eth0 SRC=10.0.0.2 ' >/dev/kmsg"
ORDERS = b'BEGIN { system("touch /run/had"); exit(); }\n'
ATTACHES_WITHIN = 60


def forges_the_log(setting: Setting) -> str:
    """Write a line of a LOG rule's to the kernel log, as the machine's root."""
    with microvm.start(warm.source(setting.image), warm.warm) as vm, KernelLog(vm) as log:
        vm.run("sh", "-c", FORGED, timeout=30)
        packets = [one.packet for one in log.records() if one.packet]
    return "a forged line is evidence" if packets else ""


def runs_programs(setting: Setting) -> str:
    """Have bpftrace, which is the machine's root, run a program."""
    with microvm.start(warm.source(setting.image), warm.warm) as vm:
        with Bpftrace(vm, "a.bt", ORDERS) as script, suppress(CheckFailed):
            script.attached(ATTACHES_WITHIN)
        done = vm.run("test", "-e", "/run/had", timeout=30)
    return "a script runs a program as the machine's root" if done.exit == 0 else ""


def any_facility(patch: pytest.MonkeyPatch) -> None:
    """Take all records for the kernel's."""
    parse = KernelRecord.parse
    patch.setattr(KernelRecord, "parse", lambda raw: dataclasses.replace(parse(raw), facility=0))


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
        "bpftrace without --unsafe", (37,), "grader.evidence.trace:Bpftrace.__init__",
        "test_trace.py::test_unsafe_calls_are_refused", runs_programs, unsafe,
    ),
)  # fmt: skip
