"""Which number of a bpftrace script's output is its average, in every form that students print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grader.evidence import readings
from grader.evidence.trace import explained, read_events


def printed(*events: tuple[str, Any]) -> str:
    """What `bpftrace -f json` writes for events of a type with data."""
    return "".join(json.dumps({"type": kind, "data": data}) + "\n" for kind, data in events)


def averages(*events: tuple[str, Any]) -> list[float]:
    """The averages in nanoseconds that are read from events."""
    return [one.ns for one in readings(read_events(printed(*events)))]


def text(*lines: str) -> list[tuple[str, Any]]:
    """Events of printf()."""
    return [("printf", line) for line in lines]


AVERAGES = {
    "avg()": ([("stats", {"@ns": 5500})], [5500]),
    "stats()": ([("stats", {"@t": {"count": 3, "average": 5500, "total": 16500}})], [5500]),
    "a map of microseconds": ([("stats", {"@avg_us": 55})], [55_000]),
    "a number in a map beside its parts": (
        [("map", {"@count": 3}), ("map", {"@total": 16500}), ("map", {"@average": 5500})],
        [5500],
    ),
    "a map that is not called anything": ([("map", {"@result": 5500})], [5500]),
    "hist beside an average": (
        [("hist", {"@h": [{"min": 4096, "max": 8191, "count": 3}]}), ("stats", {"@": 5500})],
        [5500],
    ),
    "a sentence": (text("Average latency: 5500 ns\n"), [5500]),
    "a sentence without a unit": (text("Average latency: 5500\n"), [5500]),
    "a sentence in pieces": (text("Average ", "latency: ", "5500", " ns\n"), [5500]),
    "the unit before the number": (text("avg (ns): 5500\n"), [5500]),
    "microseconds with a fraction": (text("avg = 5.500 us\n"), [5500]),
    "microseconds with a Greek letter": (text("avg = 5.5 µs\n"), [5500]),
    "the other Greek letter": (text("avg = 5.5μs\n"), [5500]),
    "as ping writes it": (text("latency min/avg/max = 5/5500/99999 ns\n"), [5500]),
    "a tuple": ([("value", ["average ns", 5500])], [5500]),
    "one key for all calls": ([("stats", {"@latency": {"0": 5500}})], [5500]),
    "one key for all calls, with their number": (
        [("stats", {"@t": {"all": {"count": 3, "average": 5500, "total": 16500}}})],
        [5500],
    ),
    "a sentence in another language": (text("Timpul mediu în funcție: 5.500 µs\n"), [5500]),
    "microseconds in the heading": (
        text("Latency in microseconds\n", "average: 55\n"),
        [55_000],
    ),
    "calls and total in the same line": (
        text("calls: 3, total: 16500 ns, average: 5500 ns\n"),
        [5500],
    ),
    "calls behind": (text("average 5500 ns over 3 calls\n"), [5500]),
    "calls before": (text("3 calls, 5500 ns per call\n"), [5500]),
    "per packet": (text("5500 ns/packet (3 packets)\n"), [5500]),
    "the word behind": (text("5500 ns average\n"), [5500]),
    "two units of one average": (text("avg: 5500 ns (5.5 us)\n"), [5500]),
    "a function's name with digits": (text("nf_hook_slow v2 avg 5500 ns\n"), [5500]),
    "the time of day before it": (
        [("time", "12:34:56 "), *text("avg 5500 ns\n")],
        [5500],
    ),
    "a bare number": (text("5500\n"), [5500]),
    "print() of a value": ([("value", 5500)], [5500]),
    "periodic": (text("avg 5000 ns\n", "avg 6000 ns\n"), [5000, 6000]),
    "a maximum beside it": (text("max 9000 ns avg 5500 ns\n"), [5500]),
    "groups of thousands": (text("avg 1,234,567 ns\n"), [1_234_567]),
    "the comma before the last three": (text("1943,123 ns on average\n"), [1_943_123]),
    "milliseconds": (text("mean: 0.0055 ms\n"), [5500]),
}

NONE = {
    "a histogram": [("hist", {"@h": [{"min": 4096, "max": 8191, "count": 3}]})],
    "averages by process": [("stats", {"@": {"iperf3": 5500, "ping": 3300}})],
    "averages by processor": [("stats", {"@": {"0": 5500, "1": 3300}})],
    "a count": [("map", {"@calls": 3})],
    "words": text("Tracing... Hit Ctrl-C to end.\n"),
    "a count in words": text("3 calls\n"),
    "nothing": [],
}


@pytest.mark.parametrize("case", AVERAGES)
def test_average_is_found(case: str) -> None:
    """An average is found in whichever form it is printed, and is read in nanoseconds."""
    events, expected = AVERAGES[case]
    assert averages(*events) == pytest.approx(expected)


@pytest.mark.parametrize("case", NONE)
def test_nothing_is_taken_for_an_average(case: str) -> None:
    """What is no average of all calls is not read as one."""
    assert averages(*NONE[case]) == []


def test_letters_beyond_ascii_are_read() -> None:
    """µs is microseconds, as bpftrace 0.23 writes it in JSON: each byte a negative number."""
    line = r'{"type": "printf", "data": "avg 5.5 \uffffffc2\uffffffb5s"}' + "\n"
    assert [one.ns for one in readings(read_events(line))] == pytest.approx([5500])


def test_events_after_ctrl_c_are_final() -> None:
    """What was printed after Ctrl-C is told from what was printed before."""
    before = printed(*text("avg 1 ns\n"))
    events = read_events(before + printed(*text("avg 2 ns\n")), final_from=len(before))
    assert [one.final for one in readings(events)] == [False, True]


def test_errors_are_shown_without_warnings_and_our_paths() -> None:
    """Of bpftrace's complaints a student sees the errors, with the own file's name and line."""
    said = explained(
        "/run/netlab/x.bt:1:1-5: WARNING: hm\nkprobe:x\n~~~~\n"
        "/run/netlab/x.bt:2:1-10: ERROR: syntax error, unexpected identifier\nkretprobe:y\n~~~\n",
        "x.bt",
    )
    assert said == "x.bt:2:1-10: ERROR: syntax error, unexpected identifier\nkretprobe:y\n~~~"
