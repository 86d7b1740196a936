"""What was observed, from outside the student's reach."""

from grader.evidence.averages import Reading, readings
from grader.evidence.calls import CallMeter, Calls
from grader.evidence.calltrace import CallTrace, Recording, covers
from grader.evidence.capture import Capture
from grader.evidence.counters import Rule, Ruleset, read_rules
from grader.evidence.figure import Axes, Drawing, Drawn, Figure, Picture, look_at
from grader.evidence.kernel_log import KernelLog, KernelRecord, LoggedPacket
from grader.evidence.packet import Packet
from grader.evidence.printed import Printed, Record
from grader.evidence.pwru import PwruTrace, SkbEvent, read_trace
from grader.evidence.trace import Bpftrace, Event

__all__ = [
    "Axes",
    "Bpftrace",
    "CallMeter",
    "CallTrace",
    "Calls",
    "Capture",
    "Drawing",
    "Drawn",
    "Event",
    "Figure",
    "KernelLog",
    "KernelRecord",
    "LoggedPacket",
    "Packet",
    "Picture",
    "Printed",
    "PwruTrace",
    "Reading",
    "Record",
    "Recording",
    "Rule",
    "Ruleset",
    "SkbEvent",
    "covers",
    "look_at",
    "read_rules",
    "read_trace",
    "readings",
]
