"""The kernel log as evidence: what the kernel says, whatever a student writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.errors import GraderError
from grader.evidence import KernelLog, KernelRecord
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.machine.microvm import MicroVM

LOGGED = (
    b"4,812,5173419,-;root-packet: IN= OUT=eth0 SRC=10.0.0.2 DST=203.0.113.5 LEN=60 TOS=0x00 "
    b"PREC=0x00 TTL=64 ID=4711 DF PROTO=TCP SPT=50000 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 \n"
)


@pytest.fixture(scope="module")
def vm(new_microvm: Callable[[], MicroVM]) -> Iterator[MicroVM]:
    """A kernel of the tests' own."""
    with new_microvm() as running:
        yield running


def test_line_of_a_packet_is_taken_apart() -> None:
    """Prefix, protocol and ports of a LOG line are read, and its place in the log."""
    record = KernelRecord.parse(LOGGED)
    packet = record.packet
    assert (record.sequence, record.level, record.facility) == (812, 4, 0)
    assert packet is not None
    assert (packet.prefix, packet.protocol, packet.sport, packet.dport) == (
        "root-packet: ", "TCP", 50000, 80,
    )  # fmt: skip
    assert packet.fields["ID"] == "4711"


def test_other_lines_are_no_packets() -> None:
    """A line that tells of no packet is not taken for one."""
    assert KernelRecord.parse(b"6,1,2,-;Linux version 6.12\n").packet is None


def test_control_characters_are_unescaped() -> None:
    """What the kernel escapes is read as it was."""
    assert KernelRecord.parse(b"4,1,2,-;a\\x0ab\n").text == "a\nb"


def rule_logs(sandbox: Sandbox, *options: str) -> None:
    """Have pings to loopback logged, and ping once."""
    done = sandbox.run("iptables", "-A", "OUTPUT", "-p", "icmp", "-j", "LOG", *options, timeout=10)
    assert done.exit == 0, done.complaints
    assert sandbox.run("ping", "-c1", "-W2", "127.0.0.1", timeout=10).exit == 0


def test_rules_in_a_sandbox_are_logged(vm: MicroVM) -> None:
    """A LOG rule of the student's host shows in the microVM's kernel log."""
    with Sandbox(vm) as sandbox, KernelLog(vm) as log:
        rule_logs(sandbox, "--log-prefix", "mine: ")
        packets = [one.packet for one in log.records() if one.packet]
    assert [(one.prefix, one.protocol) for one in packets] == [("mine: ", "ICMP")] * 2


def test_earlier_records_are_left_out(vm: MicroVM) -> None:
    """A log begins with the moment at which it was opened."""
    with Sandbox(vm) as sandbox:
        rule_logs(sandbox, "--log-prefix", "before: ")
        with KernelLog(vm) as log:
            assert log.records() == []


def test_forged_line_is_not_the_kernels(vm: MicroVM) -> None:
    """What a process writes to /dev/kmsg, even as the machine's root, is no record of evidence."""
    with KernelLog(vm) as log:
        done = vm.run("sh", "-c", "echo '<4>root-packet: IN= OUT=eth0 ' > /dev/kmsg", timeout=5)
        assert done.exit == 0
        assert log.records() == []


def test_sandbox_can_read_but_not_clear_the_log(vm: MicroVM) -> None:
    """`dmesg` works for the student, `dmesg -C` does not."""
    with Sandbox(vm) as sandbox, KernelLog(vm) as log:
        rule_logs(sandbox, "--log-prefix", "kept: ")
        assert "kept: IN=" in sandbox.run("dmesg", timeout=10).output
        assert sandbox.run("dmesg", "-C", timeout=10).exit != 0
        assert "kept: IN=" in sandbox.run("dmesg", timeout=10).output
        assert len(log.records()) == 2


def test_lost_records_are_noticed(vm: MicroVM) -> None:
    """If the kernel has overwritten what was not read yet, that is an error of ours."""
    flood = "f = open('/dev/kmsg', 'wb', 0)\nfor _ in range(40000): f.write(b'x' * 900)"
    with KernelLog(vm) as log:
        assert vm.run("python3", "-c", flood, timeout=60).exit == 0
        with pytest.raises(GraderError, match="overwritten"):
            log.records()
