"""03a: pwru.sh traces DNS queries to 8.8.8.8; two traces show one that leaves and one dropped."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grader.check import check
from grader.errors import CheckFailed, GraderError
from grader.evidence import PwruTrace, read_trace
from grader.sandbox import Limits
from grader.script import must_have_ended, said
from tests_lab.kernel.path import DROPS, HOOK
from tests_lab.pwru import command as pwru_command
from tests_lab.pwru import live as pwru_live
from tests_lab.pwru.corpus import QUERIES
from tests_lab.pwru.filter import HINT, Call, judged
from tests_lab.pwru.walk import QUERY, Walk, impossible, not_dropped, same_events, walks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.script import RunScript
    from fixtures.world import NewWorld
    from grader.machine.process import Completed
    from grader.submission import Deliverable
    from grader.taskrun import TaskRun
    from grader.world import World

PASS, DROP = "pwru_pass.txt", "pwru_drop.txt"
PAGE = pwru_command.PAGE
NOT_ROUTED = (
    "a query is seen only while pwru listens, and only if it goes to 8.8.8.8 itself: dig @8.8.8.8"
)
AS_IT_IS = "hand in what pwru printed as it is: pwru … > file, or --output-file"
# A computer has been up for longer than this when it traces; steps of one packet take less.
CLOCK_NS = 1_000_000_000
MADE_UP = 6
# The kernel has the upper half of all addresses, on all processors that pwru runs on.
KERNEL_HALF = 1 << 63
MOST_CALLS = 20
# Puts standard input at each of the places that are its arguments.
PUT = 'mkdir -p "${@%/*}" && tee -- "$@" >/dev/null && chmod 755 "$@"'


class Stage(Limits):
    """A sandbox where pwru can stand wherever a script may look for it."""

    def of_folders(self) -> dict[str, str]:
        """Fresh memory over the folders that hold a person's own programs, too."""
        added = dict.fromkeys(pwru_command.FOLDERS, "size=4m,nr_inodes=512,mode=755")
        return super().of_folders() | added


@dataclass(frozen=True)
class Tried:
    """The script's run, and the best of its calls of pwru, if it made any."""

    done: Completed
    calls: list[Call]
    own: str

    @property
    def best(self) -> Call:
        """Raises CheckFailed if there is none."""
        if not self.calls:
            raise CheckFailed("the script did not call pwru", hint=said(self.done) or PAGE)
        return max(self.calls, key=lambda call: call.merit)

    @property
    def command(self) -> pwru_command.Command:
        """The best call's. Raises CheckFailed if there is none."""
        if self.best.refused or self.best.command is None:
            raise self.best.refused or CheckFailed("the script did not call pwru")
        return self.best.command


@pytest.fixture(scope="module")
def stage(new_world: NewWorld, deliverable: Deliverable) -> Iterator[World]:
    """A world of the task's own, where pwru is one that only notes how it is called."""
    with new_world("commands", limits=Stage()) as world:
        names = sorted({"pwru", *pwru_command.STARTERS, *pwru_command.PREPARATIONS})
        put(world, ["/usr/local/bin/pwru", *(f"/usr/local/sbin/{name}" for name in names)])
        put(world, pwru_command.places(deliverable.text))
        yield world


def put(world: World, places: list[str]) -> None:
    """Have the stand-in at these places in the sandbox."""
    if not places:
        return
    stand_in = pwru_command.STAND_IN.read_bytes()
    done = world.sandbox.run("bash", "-c", PUT, "bash", *places, stdin=stand_in, timeout=30)
    if done.exit != 0:
        raise GraderError(f"pwru could not be put in place: bash {done.outcome}; {said(done)}")


def run_noted(world: World, run_script: RunScript) -> tuple[Completed, bytes]:
    """Run the script, once more if it looked for pwru elsewhere; how it called pwru."""
    done = run_script(world)
    noted = record(world)
    elsewhere = pwru_command.places("", done.complaints[-4000:])
    if elsewhere and b"pwru\0" not in noted:
        put(world, elsewhere)
        done = run_script(world)
        noted = record(world)
    return done, noted


def record(world: World) -> bytes:
    """What the stand-in noted; nothing if it was not called."""
    done = world.sandbox.run("cat", pwru_command.CALLS, timeout=30)
    if done.exit is None:
        raise GraderError(f"{pwru_command.CALLS}: cat {done.outcome}")
    return done.stdout


@pytest.fixture(scope="module")
def tried(stage: World, task: TaskRun, run_script: RunScript) -> Tried:
    """Run the script; see how it called pwru, and what its filters take."""
    done, bytes_noted = run_noted(stage, run_script)
    noted = pwru_command.read_calls(bytes_noted)
    noted_text = "\n".join(map(repr, noted)) + "\n"
    task.keep("calls.txt", lambda path: path.write_text(noted_text, encoding="utf-8"))
    given = [pwru_command.pwru_arguments(call) for call in noted]
    different = dict.fromkeys(tuple(one) for one in given if one is not None)
    arguments = [list(one) for one in different][:MOST_CALLS]
    if not arguments:
        must_have_ended(done, task.task.parameters["script_within_s"])
    own = stage.student.interface().address(4)
    calls = [judged(stage, one, own) for one in arguments]
    return Tried(done, [call for call in calls if call is not None], own)


@pytest.fixture(scope="module")
def live(tried: Tried, stage: World, task: TaskRun) -> str:
    """What came of the best call when pwru itself ran it, which only a kernel of its own allows."""
    if task.sandbox != "vm" or not tried.calls or tried.best.refused:
        return ""
    try:
        done = pwru_live.run(stage, tried.best.arguments)
    except GraderError as error:
        return f"not run live: {error.what}"
    printed_live = done.output + done.complaints
    task.keep("live.txt", lambda path: path.write_text(printed_live, encoding="utf-8"))
    return pwru_live.told(done)


@check("03a.command")
def command(tried: Tried, deliverable: Deliverable, live: str) -> str | None:
    """The script calls pwru, with options that it has and a filter that compiles."""
    best = tried.best
    if best.refused:
        raise CheckFailed(
            f"{best.refused.message}. The call: {best.shown}",
            hint=best.refused.hint or said(tried.done),
        )
    notes = [*deliverable.notes, *filter(None, [live])]
    if tried.done.exit is None:
        notes.append("the script did not end by itself")
    if tried.command.options.get("filter-ifname"):
        notes.append("--filter-ifname hides a packet until it has a device, behind OUTPUT")
    if tried.command.options.get("filter-mark", "0") not in {"0", "0x0"}:
        notes.append("--filter-mark: a query that dig sends has no mark")
    return "; ".join(notes) or None


@check("03a.dns_queries", needs="03a.command")
def dns_queries(tried: Tried) -> str | None:
    """Every outgoing DNS query to 8.8.8.8 is traced."""
    best = tried.best
    if best.missed:
        raise CheckFailed(
            f"of {QUERIES} DNS queries to 8.8.8.8 the filter “{tried.command.filter[:200]}” does "
            f"not take {len(best.missed)}, the first of them {best.missed[0]}",
            hint="a query goes *to* port 53, over UDP, from any port, and has no Ethernet header "
            f"until it comes to the device: {HINT}",
        )
    if best.source != tried.own:
        return f"the filter holds only on a host with the address {best.source}"
    return None


@check("03a.only_dns", needs="03a.command")
def only_dns(tried: Tried) -> None:
    """No other packet is traced."""
    if tried.best.extra:
        raise CheckFailed(
            f"the filter “{tried.command.filter[:200]}” takes other packets, too "
            f"({len(tried.best.extra)} kinds), the first of them {tried.best.extra[0]}",
            hint=f"8.8.8.8 and port 53, both: {HINT}",
        )


@check("03a.relative", needs="03a.command")
def relative(tried: Tried) -> None:
    """Relative timestamps are asked for."""
    if not tried.command.relative:
        asked = tried.command.options.get("timestamp")
        found = "no --timestamp" if asked is None else f"--timestamp {asked[:40]!a}"
        raise CheckFailed(f"expected --timestamp relative, found {found}", hint=PAGE)


@dataclass(frozen=True)
class Printed:
    """One of the traces, read."""

    file: Deliverable
    trace: PwruTrace
    walks: list[Walk]

    @property
    def queries(self) -> list[Walk]:
        """The packets that can be queries to 8.8.8.8. Raises CheckFailed if there are none."""
        found = [walk for walk in self.walks if walk.is_query]
        if not found:
            ends = next(event for event in self.trace.events if event.dst)
            raise CheckFailed(
                f"{self.file.name}: expected a packet to {QUERY}, found only others, such as "
                f"{ends.src} → {ends.dst} in line {ends.number}",
                hint=NOT_ROUTED,
            )
        return found


def printed(task: TaskRun, name: str) -> Printed:
    """A trace, read. Raises CheckFailed if it is not there or is no trace."""
    file = task.deliverable(name)
    trace = read_trace(file.text)
    if not trace.events:
        raise no_trace(file)
    return Printed(file, trace, walks(trace))


def no_trace(file: Deliverable) -> CheckFailed:
    """What a file without a pwru trace is instead."""
    lines = [line.strip() for line in file.text.splitlines() if line.strip()]
    expected = f"{file.name}: expected what pwru prints, lines with SKB, PROCESS and FUNC"
    if any(line.startswith(('{"', "[{")) for line in lines[:20]):
        return CheckFailed(f"{expected}; found JSON", hint="pwru without --output-json")
    if any("FUNC" in line or "Listening for events" in line for line in lines):
        return CheckFailed(f"{expected}; found that it saw no packet", hint=NOT_ROUTED)
    found = f"found {lines[0][:80]!a}" if lines else "found nothing"
    return CheckFailed(f"{expected}; {found}", hint=AS_IT_IS)


def must_be_whole(found: Printed) -> str | None:
    """The trace is as pwru printed it, each line with its columns."""
    if not any(event.process for event in found.trace.events):
        event = found.trace.events[0]
        raise CheckFailed(
            f"{found.file.name}: expected the columns that pwru prints, SKB, CPU, PROCESS, FUNC; "
            f"line {event.number} has no process",
            hint=AS_IT_IS,
        )
    if not any(int(event.skb, 16) & KERNEL_HALF for event in found.trace.events):
        event = found.trace.events[0]
        raise CheckFailed(
            f"{found.file.name}: expected the addresses of the kernel's skbs, such as "
            f"0xffff8c8f4a51e600; found {event.skb} in line {event.number}, and no better",
            hint=AS_IT_IS,
        )
    notes = list(found.file.notes)
    if found.trace.unread:
        notes.append(
            f"lines that could not be read, as in a trace cut off: {found.trace.unread[:5]}"
        )
    return "; ".join(notes) or None


def must_be_timed(found: Printed) -> None:
    """The times are relative."""
    wrong = wrong_times(found)
    if wrong:
        raise CheckFailed(
            f"{found.file.name}: {wrong}",
            hint="pwru --timestamp relative: nanoseconds since the same packet's line before",
        )


def wrong_times(found: Printed) -> str | None:
    """What is wrong with a trace's timestamps, if anything."""
    events = found.trace.events
    stamps = [event.stamp for event in events if event.stamp is not None]
    if len(stamps) * 2 < len(events):
        return f"expected a TIMESTAMP in each line, found {len(stamps)} in {len(events)}"
    negative = next((event for event in events if (event.stamp or 0) < 0), None)
    if negative:
        return f"line {negative.number} says {negative.stamp} ns; pwru prints no such time"
    if statistics.median(stamps) >= CLOCK_NS:
        return f"the times are a clock's, not relative: {stamps[0]}, {stamps[-1]}"
    if len(stamps) >= MADE_UP and len(set(stamps)) == 1:
        return f"all {len(stamps)} times are {stamps[0]}, as no kernel's clock has them"
    return None


@check("03a.pass_trace")
def pass_trace(task: TaskRun) -> str | None:
    """pwru_pass.txt is a trace that pwru printed."""
    return must_be_whole(printed(task, PASS))


@check("03a.pass_times", needs="03a.pass_trace")
def pass_times(task: TaskRun) -> None:
    """pwru_pass.txt has relative timestamps."""
    must_be_timed(printed(task, PASS))


@check("03a.pass_driver", needs="03a.pass_trace")
def pass_driver(task: TaskRun) -> None:
    """In pwru_pass.txt a query goes through the IP layer and is handed to the driver."""
    found = printed(task, PASS)
    queries = found.queries
    if not any(walk.in_ip and walk.left is not None for walk in queries):
        nearest = max(
            queries, key=lambda walk: (walk.left is not None, walk.in_ip, len(walk.events))
        )
        if nearest.left is not None:
            lacks = "one that is handed to the driver was not seen in the IP layer"
        elif nearest.dropped is not None:
            lacks = "it was dropped"
        else:
            lacks = "none is handed to the driver"
        raise CheckFailed(
            f"{PASS}: expected a packet that goes from ip_output and its like to "
            f"dev_hard_start_xmit or on; {lacks}: {nearest.shown}",
            hint="trace all functions, with no rule that drops, until dig has its answer",
        )


@check("03a.pass_order", needs="03a.pass_driver")
def pass_order(task: TaskRun) -> None:
    """The functions are such as the kernel calls for it, in an order in which it does."""
    whole = [walk for walk in printed(task, PASS).queries if walk.in_ip and walk.left is not None]
    wrong = [fault for walk in whole if (fault := impossible(walk))]
    if wrong and len(wrong) == len(whole):
        raise CheckFailed(
            f"{PASS}: {wrong[0]}",
            hint="hand in what pwru printed as it is, neither sorted nor edited",
        )


@check("03a.drop_trace")
def drop_trace(task: TaskRun) -> str | None:
    """pwru_drop.txt is a trace that pwru printed."""
    return must_be_whole(printed(task, DROP))


@check("03a.drop_times", needs="03a.drop_trace")
def drop_times(task: TaskRun) -> None:
    """pwru_drop.txt has relative timestamps."""
    must_be_timed(printed(task, DROP))


@check("03a.drop_netfilter", needs="03a.drop_trace")
def drop_netfilter(task: TaskRun) -> None:
    """In pwru_drop.txt a query ends where netfilter drops it, in OUTPUT."""
    queries = printed(task, DROP).queries
    faults = [fault for walk in queries if (fault := not_dropped(walk))]
    if len(faults) == len(queries):
        nearest = max(faults)
        raise CheckFailed(
            f"{DROP}: expected a query that comes to {HOOK} and no further than one of "
            f"{', '.join(DROPS)}; {nearest[1]}",
            hint="trace while the rule is in place: iptables -A OUTPUT … -j DROP",
        )


@check("03a.two_runs", needs=["03a.pass_driver", "03a.drop_netfilter"])
def two_runs(task: TaskRun) -> None:
    """The traces are of two packets, each traced on its own."""
    passed, dropped = printed(task, PASS), printed(task, DROP)
    if passed.file.data == dropped.file.data:
        raise CheckFailed(f"{PASS} and {DROP} are the same file", hint="two runs, two traces")
    run = same_events(passed.trace, dropped.trace)
    if run:
        raise CheckFailed(
            f"{DROP}, from line {run[0].number}, and {PASS} have {len(run)} events in a row with "
            f"the same skb ({run[0].skb}) and the same times: no two packets take equally long",
            hint="trace again, with the rule in place",
        )
