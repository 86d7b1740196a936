"""What was observed, from outside the student's reach."""

from grader.evidence.capture import Capture
from grader.evidence.counters import Rule, Ruleset, read_rules
from grader.evidence.kernel_log import KernelLog, KernelRecord, LoggedPacket
from grader.evidence.packet import Packet
from grader.evidence.printed import Printed, Record

__all__ = [
    "Capture",
    "KernelLog",
    "KernelRecord",
    "LoggedPacket",
    "Packet",
    "Printed",
    "Record",
    "Rule",
    "Ruleset",
    "read_rules",
]
