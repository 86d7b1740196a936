"""Call traces: what bpftrace prints becomes a recording, and nothing but names becomes a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from grader.errors import BadInput, GraderError
from grader.evidence import CallTrace
from grader.evidence.calltrace import covers, read_recordings

if TYPE_CHECKING:
    from grader.machine.client import Machine


def printed(*texts: str) -> str:
    """What `bpftrace -f json` prints of calls of printf()."""
    lines = ({"type": "printf", "data": f"{text}\n"} for text in texts)
    return "\n".join(json.dumps(line) for line in lines)


CALL = (
    "( send",
    "callers \n        send+5\n        sock_send.isra.0+33\n        do_syscall+135\n",
    "> build",
    "> build",
    "> copy.constprop.0",
    "< build",
    "> hook",
    "note hook 3",
    "> hook",
    "> rules",
    "< hook",
    "> out",
    ") send",
)


def test_a_call_is_read_in_order_with_its_callers() -> None:
    """Entries come in order, once each, without suffixes; the callers outermost first."""
    (call,) = read_recordings(printed(*CALL))
    assert [one.function for one in call.entered] == [
        "send", "build", "copy", "hook", "rules", "out",
    ]  # fmt: skip
    assert call.callers == ["do_syscall", "sock_send"]


def test_nesting_and_notes_are_known() -> None:
    """What is entered before a function returns lies in it; what was asked for is its note."""
    (call,) = read_recordings(printed(*CALL))
    assert call.within("build") == ["build", "copy"]
    assert call.within("hook") == ["hook", "rules"]
    assert [one.depth for one in call.entered] == [0, 1, 2, 1, 2, 1]
    assert call.entered[3].notes == [3]
    assert call.up_to("hook").entered[-1].function == "hook"


def test_a_call_that_has_not_returned_is_not_there_yet() -> None:
    """Only whole calls are recordings."""
    assert read_recordings(printed(*CALL[:-1])) == []
    assert len(read_recordings(printed(*CALL, *CALL, "( send"))) == 2


def test_lost_events_are_our_fault() -> None:
    """A trace with holes judges nobody."""
    lost = json.dumps({"type": "lost_events", "data": {"events": 3}})
    with pytest.raises(GraderError, match="lost"):
        read_recordings(f"{printed(*CALL)}\n{lost}")


@pytest.mark.parametrize("noise", ["", "{", "> x", '{"type": "printf", "data": 5}', "\0"])
def test_other_output_is_passed_over(noise: str) -> None:
    """What is no event of a recording changes none."""
    assert len(read_recordings(f"{noise}\n{printed(*CALL)}\n{noise}")) == 1


@pytest.mark.parametrize(
    "name", ["a b", "a{system(1)}", "a;b", "a,kprobe:b", "", "a\n", "é", "1a", "a/x/", "x" * 101]
)
def test_only_names_become_part_of_a_script(name: str) -> None:
    """What is no kernel function's name is refused before anything is started."""
    with pytest.raises(BadInput):
        CallTrace(cast("Machine", None), "send", when="1", functions=[name])


def test_patterns_cover_names() -> None:
    """A function that a pattern attaches need not be attached again."""
    assert covers(["ip_*", "hook"], "ip_output")
    assert not covers(["ip_*", "hook"], "hooked")
