"""Which kernel functions a call of another goes through, in order: traced by a script of ours.

All that the calling thread enters between a function's entry and its return is recorded, but for
what an interrupt does meanwhile. Attach while nothing runs: many probes on busy functions have
crashed an emulated guest's kernel.

Source: bpftrace(8): func, kstack; wildcards attach all that match at once (kprobe_multi), which is
what makes hundreds of functions cheap.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grader.deadline import wait_until
from grader.disposable import Disposable
from grader.errors import BadInput, CheckFailed, GraderError
from grader.evidence.trace import Bpftrace, read_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from grader.machine.client import Machine

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
# What the compiler appends to a function that it has changed: the function is the same.
SUFFIX = re.compile(r"\.(?:isra|constprop|part|cold)\b.*")
TRACEABLE = "/sys/kernel/tracing/available_filter_functions"
RECORDED = "@on[tid] && !@interrupted[tid]"
SCRIPT = """
kprobe:@ROOT@ /@WHEN@/ {
    @on[tid] = 1; printf("( %s\\n", func); printf("callers %s\\n", kstack);
}
kretprobe:@ROOT@ /@on[tid]/ { delete(@on[tid]); printf(") %s\\n", func); }
kprobe:handle_softirqs /@on[tid]/ { @interrupted[tid] = 1; }
kretprobe:handle_softirqs /@on[tid]/ { delete(@interrupted[tid]); }
"""
PROBES = """
{kind}:{functions} /{recorded}/ {{ printf("{sign} %s\\n", func); }}
"""
NOTE = """
kprobe:{function} /{recorded}/ {{
    printf("> %s\\n", func); printf("note %s %lld\\n", func, (int64)({value}));
}}
"""
EVENT = re.compile(r"([(<>)]|note|callers) ?([^\s]*)((?s:.*))")
CALLER = re.compile(r"([\w.]+)\+\d+")
ATTACHED_WITHIN = 180.0
PRINTS_WITHIN = 60.0


def plain(function: str) -> str:
    """A function's name as its source has it."""
    return SUFFIX.sub("", function)


@dataclass
class Entered:
    """One call: the function, how deep it was nested in those whose returns are known.

    `end` is the number of the entry that came first after its return; None if that was not seen.
    `notes` are the values that were asked for at its entry.
    """

    function: str
    depth: int
    end: int | None = None
    notes: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Recording:
    """One call of the root: who called it, outermost first, and all entries in their order."""

    callers: Sequence[str]
    entered: Sequence[Entered]

    def first(self, function: str) -> int | None:
        """The number of a function's first entry; None if it was not entered."""
        return next((n for n, one in enumerate(self.entered) if one.function == function), None)

    def every(self, function: str) -> list[int]:
        """The numbers of all its entries."""
        return [n for n, one in enumerate(self.entered) if one.function == function]

    def within(self, function: str) -> list[str]:
        """What was entered during a function's first call."""
        first = self.first(function)
        if first is None:
            return []
        return [one.function for one in self.entered[first : self.entered[first].end]]

    def up_to(self, function: str) -> Recording:
        """The same, but nothing that came after a function's first entry."""
        first = self.first(function)
        return self if first is None else Recording(self.callers, self.entered[: first + 1])

    @property
    def shown(self) -> str:
        """As text, indented."""
        lines = [f"    {name}" for name in self.callers]
        for one in self.entered:
            notes = f"    [{', '.join(map(str, one.notes))}]" if one.notes else ""
            lines.append(f"    {'  ' * (one.depth + 1)}{one.function}{notes}")
        return "\n".join([*lines, ""])


class NotAttached(GraderError):
    """The kernel does not take the probes."""


class CallTrace(Disposable):
    """The probes, from when it is made until it is closed."""

    def __init__(
        self,
        machine: Machine,
        root: str,
        *,
        when: str,
        functions: Iterable[str],
        returns: Iterable[str] = (),
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Begin to attach; `attached` waits for that.

        Calls of `root` are recorded when the expression `when` holds at its entry: which
        `functions` they enter (bpftrace's wildcards), which of `returns` they return from, and
        what an expression in `notes` gave at a function's entry. The expressions are the lab's
        own; the names may be a student's: BadInput for one that is no kernel function's name.
        """
        self.root = root
        entries, exits = list(functions), list(returns)
        for name in (root, *entries, *exits, *(notes or {})):
            must_be_name(name)
        parts = [SCRIPT.replace("@ROOT@", root).replace("@WHEN@", when)]
        for kind, sign, names in (("kprobe", ">", entries), ("kretprobe", "<", exits)):
            if names:
                listed = f",\n{kind}:".join(dict.fromkeys(names))
                parts.append(
                    PROBES.format(kind=kind, functions=listed, recorded=RECORDED, sign=sign)
                )
        for function, value in (notes or {}).items():
            parts.append(NOTE.format(function=function, recorded=RECORDED, value=value))
        self._trace = Bpftrace(machine, "path.bt", "".join(parts).encode())

    def close(self) -> None:
        """Take the probes away."""
        self._trace.close()

    def attached(self, within: float = ATTACHED_WITHIN) -> None:
        """Wait for the probes. Raises NotAttached if they cannot be, or not in time."""
        try:
            self._trace.attached(within)
        except CheckFailed as error:
            raise NotAttached(f"the grader's own trace of {self.root}: {error}") from error

    def recorded(self, count: int) -> list[Recording]:
        """Wait until `count` calls of the root have been recorded, and return them all."""
        found: list[Recording] = []

        def enough() -> bool:
            found[:] = read_recordings(self._trace.so_far().output)
            return len(found) >= count

        wait_until(
            enough,
            within=PRINTS_WITHIN,
            what=f"call {count} of {self.root} in the grader's own trace",
            every=0.05,
            ended=self._ended,
        )
        return found

    def _ended(self) -> str | None:
        now = self._trace.so_far()
        return None if now.exit is None else f"it {now.outcome}: {now.complaints[-300:]}"

    def save(self, path: Path) -> None:
        """Write what was traced."""
        self._trace.save(path)


def must_be_name(name: str) -> None:
    """Raise BadInput unless it is a function's name, with * for any part: nothing else is run."""
    if not NAME.match(name.replace("*", "") or "-"):
        raise BadInput(f"expected a kernel function's name, found {name!r:.120}")


def covers(patterns: Iterable[str], name: str) -> bool:
    """Whether a function is among those of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_recordings(output: str) -> list[Recording]:
    """The recordings that are complete. Raises GraderError if bpftrace had to drop events."""
    events = read_events(output)
    if any(event.type == "lost_events" for event in events):
        raise GraderError("the grader's own trace lost events", remedy="grade again")
    parsed = [one.groups() for one in (EVENT.match(event.text) for event in events) if one]
    returning = frozenset(plain(name) for sign, name, _ in parsed if sign == "<")
    found: list[Recording] = []
    open_: _Open | None = None
    for sign, name, rest in parsed:
        if sign == "(":
            open_ = _Open(plain(name), returning)
        elif open_ is None:
            continue
        elif sign == ")":
            found.append(open_.done())
            open_ = None
        else:
            open_.take(sign, plain(name), rest)
    return found


class _Open:
    """A recording under way."""

    def __init__(self, root: str, returning: frozenset[str]) -> None:
        """`returning`: the functions whose returns are seen."""
        self._returning = returning
        self._callers: list[str] = []
        self._entered = [Entered(root, 0)]
        self._inside = [0]
        self._last = ("(", root)

    def take(self, sign: str, name: str, rest: str) -> None:
        """One more event. What two patterns match is seen twice, one right after the other."""
        if sign == "callers":
            listed = [plain(one) for one in CALLER.findall(f"{name}{rest}")]
            self._callers = listed[:0:-1]
        elif sign == "note":
            self._note(name, int(rest))
        elif (sign, name) != self._last:
            self._last = (sign, name)
            if sign == ">":
                self._enter(name)
            else:
                self._leave(name)

    def _enter(self, name: str) -> None:
        if len(self._entered) == 1 and name == self._entered[0].function:
            return
        self._entered.append(Entered(name, len(self._inside)))
        if name in self._returning:
            self._inside.append(len(self._entered) - 1)

    def _leave(self, name: str) -> None:
        """Its return ends all that was entered in it, too."""
        for depth in range(len(self._inside) - 1, 0, -1):
            if self._entered[self._inside[depth]].function == name:
                for number in self._inside[depth:]:
                    self._entered[number].end = len(self._entered)
                del self._inside[depth:]
                return

    def _note(self, name: str, value: int) -> None:
        for one in reversed(self._entered):
            if one.function == name:
                one.notes.append(value)
                return

    def done(self) -> Recording:
        for number in self._inside:
            self._entered[number].end = len(self._entered)
        return Recording(self._callers, self._entered)
