r"""The kernel log from a moment on: only what the kernel itself has said.

What a process writes to /dev/kmsg never has facility 0 (kern), whatever it asks for
(kernel/printk/printk.c, devkmsg_write), and packets' lines are made by nf_log_syslog.

Sources: Documentation/ABI/testing/dev-kmsg, net/netfilter/nf_log_syslog.c.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from grader.disposable import Disposable
from grader.errors import GraderError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from grader.machine.client import Machine

KERN = 0
ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
# Where a LOG target's own words begin, behind the prefix of the rule.
PACKET = re.compile(r"(?P<prefix>.*?)IN=(?P<rest>\S* OUT=\S* .*)", re.DOTALL)


@dataclass(frozen=True)
class KernelRecord:
    """One record: its sequence number, microseconds since boot, level (0 to 7) and text."""

    sequence: int
    time_us: int
    level: int
    facility: int
    text: str

    @classmethod
    def parse(cls, raw: bytes) -> KernelRecord:
        """Take apart what a read of /dev/kmsg gave."""
        head, _, body = raw.decode(errors="replace").partition(";")
        priority, sequence, time_us, *_ = head.split(",")
        line = body.partition("\n")[0]
        text = ESCAPED.sub(lambda found: chr(int(found[1], 16)), line)
        return cls(int(sequence), int(time_us), int(priority) & 7, int(priority) >> 3, text)

    @cached_property
    def packet(self) -> LoggedPacket | None:
        """What a LOG rule has written of a packet, if this is it."""
        found = PACKET.fullmatch(self.text)
        if found is None:
            return None
        words = f"IN={found['rest']}".split()
        pairs = (word.partition("=") for word in words)
        fields = {name: value for name, equals, value in pairs if equals}
        return LoggedPacket(found["prefix"], fields)

    def __str__(self) -> str:
        """As dmesg shows it."""
        return f"[{self.time_us / 1e6:12.6f}] {self.text}"


@dataclass(frozen=True)
class LoggedPacket:
    """A packet as the LOG target describes it: the rule's prefix, then fields by name."""

    prefix: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """TCP, UDP, ICMP, or a number."""
        return self.fields.get("PROTO", "")

    @property
    def sport(self) -> int:
        """The source port; 0 if it has none."""
        return self._number("SPT")

    @property
    def dport(self) -> int:
        """The destination port; 0 if it has none."""
        return self._number("DPT")

    def _number(self, name: str) -> int:
        value = self.fields.get(name, "")
        return int(value) if value.isdigit() else 0


class KernelLog(Disposable):
    """The log of a machine, from when this was made."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._records: list[KernelRecord] = []
        self._bookmark: int = machine.call("kernel_log.open")

    def close(self) -> None:
        """Forget the place."""
        self._machine.release("kernel_log.close", bookmark=self._bookmark)

    def records(self) -> list[KernelRecord]:
        """What the kernel has said until now. Raises GraderError if any of it was overwritten."""
        answer = self._machine.call("kernel_log.read", within=10, bookmark=self._bookmark)
        new = [KernelRecord.parse(raw) for raw in answer["records"]]
        every = [*self._records[-1:], *new]
        gap = any(b.sequence != a.sequence + 1 for a, b in itertools.pairwise(every))
        if answer["lost"] or gap:
            raise GraderError(
                "the kernel log was overwritten before it could be read",
                remedy="grade again; if it happens again, a rule logs too much to be judged",
            )
        self._records += new
        return [record for record in self._records if record.facility == KERN]

    def save(self, path: Path) -> None:
        """Write the kernel's records as dmesg shows them."""
        text = "".join(f"{record}\n" for record in self.records())
        path.write_text(text, encoding="utf-8")
