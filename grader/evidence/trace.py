"""A bpftrace script at work: run on a machine's own kernel, interrupted, its output as data.

The script is read from a file, never executed itself, and never with --unsafe.

Source: bpftrace(8); the JSON of `-f json` is that of bpftrace's src/output/json.cpp.
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.deadline import TimedOut, wait_until
from grader.disposable import Disposable
from grader.errors import CheckFailed, Overrun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.machine.client import Machine
    from grader.machine.process import Completed

NOTICE = r'"type": "attached_probes"'
# epoll_wait and epoll_pwait of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
WAITS = {"232", "281"}
SHOWN = 600
PLACE = re.compile(r"(?:/run/netlab/\S*?|stdin):(?=\d)")
BYTES = re.compile(r"(?:\\uffffff[0-9a-f]{2})+")
STATS = {"count", "average", "total"}
# What bpftrace's errors leave to the reader, by what they say.
REMEDIES = {
    "Error attaching probe|No BTF found|not traceable|No probes": "is there a function of this "
    "name in the kernel, and not inlined? sudo bpftrace -l 'kprobe:NAME'",
    "Invalid probe type": "man 8 bpftrace, Probes: kprobe and kretprobe, fentry and fexit, BEGIN, "
    "END, interval",
    "unsafe function": "no script is run with --unsafe",
    "undeclared variable": "a $variable is known in one probe only, a @map in all",
    "Undefined map": "a map that is read must be written somewhere, under the same name",
    "syntax error|invalid character": "the mistake is there or just before it; the file holds the "
    "program alone, its strings in double quotes",
    "Error loading BPF program": "the kernel's verifier refuses it, as one that never ends; "
    "bpftrace -v prints why",
    "Type mismatch|printf: ": "bpftrace has whole numbers only: no 1000.0 and no %f; an average "
    "as a number is (int64)@map",
}


@dataclass(frozen=True)
class Event:
    """One thing that a script printed: its type as bpftrace names it, and its data.

    Types are `map`, `stats`, `hist`, `lhist`, `printf`, `value`, `time` and some more. The data of
    maps are names to values, which are numbers, or for a map with keys, keys to values.
    """

    type: str
    data: Any
    final: bool

    @property
    def maps(self) -> dict[str, Any]:
        """The maps that are printed, by name."""
        is_map = self.type in {"map", "stats", "hist", "lhist"} and isinstance(self.data, dict)
        return self.data if is_map else {}

    @property
    def text(self) -> str:
        """What was printed as text, the empty string for anything else."""
        return self.data if self.type in {"printf", "time"} and isinstance(self.data, str) else ""


def _character(found: re.Match[str]) -> str:
    """What was written for bytes of UTF-8: bpftrace 0.23 prints each as a negative number."""
    return bytes.fromhex(found[0].replace(r"\uffffff", "")).decode(errors="replace")


def read_events(output: str, *, final_from: int = 0) -> list[Event]:
    """The events in what `-f json` printed; `final` are those behind character `final_from`."""
    events = []
    position = 0
    for line in output.splitlines(keepends=True):
        position += len(line)
        try:
            found = json.loads(BYTES.sub(_character, line))
        except ValueError:
            continue
        if isinstance(found, dict) and "type" in found:
            data = found.get("data", found.get("msg"))
            events.append(Event(str(found["type"]), data, final=position > final_from))
    return events


class Bpftrace(Disposable):
    """A running script."""

    def __init__(self, machine: Machine, name: str, script: bytes) -> None:
        """Start it; `attached` waits for its probes."""
        self.name = name
        self._machine = machine
        machine.call("files.write", files={name: script})
        self._process = machine.start("bpftrace", "-B", "line", "-f", "json", f"/run/netlab/{name}")

    def close(self) -> None:
        """Kill it if it still runs."""
        self._process.close()

    def so_far(self, *, since: int = 0) -> Completed:
        """What it has printed until now, of each stream from byte number `since` on."""
        return self._process.so_far(since=since)

    def attached(self, within: float) -> None:
        """Wait for its notice, then until it waits for events, which it does last of all.

        Raises CheckFailed, in the student's words, if it cannot attach, Overrun if it does not
        within so many seconds.
        """
        if not self._process.expect(NOTICE, within=within):
            self._must_run(within)
        try:
            wait_until(self._waits, within=within, what="its probes", ended=self._ended, every=0.02)
        except TimedOut:
            self._must_run(within)

    def _must_run(self, within: float) -> None:
        now = self._process.so_far()
        if now.exit is None:
            raise Overrun(f"bpftrace did not attach the probes of {self.name} within {within:g} s")
        if now.exit != 0:
            why = explained(now.complaints, self.name)
            raise CheckFailed(f"bpftrace does not accept {self.name}: {why}", hint=remedy(why))

    def _waits(self) -> bool:
        call = self._machine.read(f"/proc/{self._process.pid}/syscall")
        return call.partition(" ")[0].strip() in WAITS

    def _ended(self) -> str | None:
        return None if self._process.so_far().exit is None else "it has ended"

    def interrupt(self, within: float, *, patience: Callable[[], float] = float) -> list[Event]:
        """Ctrl-C; all that it has printed when it has ended, at most `within` seconds later.

        If it has not ended by then, `patience` is called: it may lighten the machine's load, and
        returns how many seconds more the script gets.

        Events are `final` if they were printed after that. Raises CheckFailed if it had ended
        before or does not end cleanly, Overrun if it does not end.
        """
        before = self._process.so_far()
        if before.exit is not None:
            raise CheckFailed(
                f"{self.name} {before.outcome} by itself, while it should measure until Ctrl-C: "
                f"{explained(before.complaints, self.name) or 'it said nothing'}",
                hint="exit() ends a script at once; leave it to Ctrl-C, which runs END",
            )
        self._process.signal(signal.SIGINT)
        done = self._process.wait(within)
        if done.exit is None and (more := patience()):
            within += more
            done = self._process.wait(more)
        if done.exit is None:
            raise Overrun(f"{self.name} did not end within {within:g} s after Ctrl-C")
        if done.exit != 0:
            raise CheckFailed(
                f"{self.name} was to end cleanly after Ctrl-C, but {done.outcome}: "
                f"{explained(done.complaints, self.name)}"
            )
        return read_events(done.output, final_from=len(before.output))

    def said(self) -> str:
        """What it has printed: standard output, then standard error, then how it stands."""
        now = self._process.so_far()
        return f"{now.output}{now.complaints}[it {now.outcome}]\n"

    def save(self, path: Path) -> None:
        """Write what it has printed."""
        path.write_text(self.said(), encoding="utf-8")


def remedy(why: str) -> str:
    """What to do about an error of bpftrace's."""
    return next((text for said, text in REMEDIES.items() if re.search(said, why)), "man 8 bpftrace")


def explained(complaints: str, name: str) -> str:
    """Bpftrace's errors with the script's lines, without warnings and without our paths."""
    blocks: list[list[str]] = []
    for line in complaints.splitlines():
        if re.search(r"\b(ERROR|WARNING|HINT)\b", line) or not blocks:
            blocks.append([])
        blocks[-1].append(line.rstrip())
    kept = ["\n".join(block) for block in blocks if "WARNING" not in block[0]]
    return PLACE.sub(f"{name}:", "\n".join(kept)).strip()[-SHOWN:]
