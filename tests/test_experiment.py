"""04c: tables are read or refused, never stumbled over; what was seen of an experiment is data."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from runs import REPO

from grader.errors import CheckFailed
from grader.rubric import Lab
from tests_lab.experiment.results import (
    latencies,
    must_be_complete,
    must_be_linear,
    must_be_measured,
    must_not_rise,
    throughputs,
)
from tests_lab.experiment.table import HEADER, read_table
from tests_lab.experiment.watched import paired, read_watched

if TYPE_CHECKING:
    from tests_lab.experiment.watched import Test

LIMITS = Lab(REPO / "tests_lab").rubric.tasks["04c"].parameters["data"]
HEAD = ",".join(HEADER)
PIECES = [
    HEAD, "\n", "\r", ",", ";", "\t", '"', "0", "100", "3000", "-1", "1e308", "1e-308", "9" * 400,
    ".", "nan", "inf", "x", " ", "\ufeff", "\u2028", "\x1c", "٣", "1_0", "0x10", "+5", "1.5.2",
]  # fmt: skip


def judge(text: str) -> str:
    """What the checks of results.csv say first; empty if nothing."""
    try:
        table = read_table(text, "results.csv")
        must_be_complete(table, LIMITS)
        must_be_linear(latencies(table.rows), LIMITS)
        must_not_rise(throughputs(table.rows), LIMITS)
        must_be_measured(table.rows, LIMITS)
    except CheckFailed as failed:
        return failed.message
    return ""


@pytest.mark.parametrize("seed", range(20))
def test_no_table_stumbles(seed: int) -> None:
    """Whatever is in a table, it is judged or refused."""
    rng = random.Random(seed)  # noqa: S311
    for _ in range(50):
        judge("".join(rng.choices(PIECES, k=rng.randrange(40))))
        judge(HEAD + "\n" + "".join(rng.choices(PIECES, k=rng.randrange(200))))
        rows = [[rng.choice(PIECES[7:15]) for _ in range(3)] for _ in range(60)]
        judge(HEAD + "\n" + "\n".join(",".join(row) for row in rows))


@pytest.mark.parametrize("seed", range(5))
def test_measurements_of_any_size_are_judged(seed: int) -> None:
    """Complete tables of any numbers are judged to the end."""
    rng = random.Random(seed)  # noqa: S311
    for _ in range(10):
        rows = [
            f"{n},{rng.choice([0, 1e14, 5, -3.5])},{rng.choice([1e14, 7, 1e-9, -2])}"
            for n in range(0, 3001, 100)
        ]
        judge("\n".join([HEAD, *rows]))
        equal = [f"{n},5,0" for n in range(0, 3001, 100)]
        assert judge("\n".join([HEAD, *equal]))


def test_rows_of_one_number_do_not_hide_the_others() -> None:
    """A measurement that was repeated often at one number of rules is still linear over all."""
    rng = random.Random(1)  # noqa: S311
    counts = [0] * 200 + list(range(0, 3001, 100))
    rows = [f"{n},{rng.gauss(900, 9):.1f},{(300 + 9 * n) * rng.gauss(1, 0.03):.1f}" for n in counts]
    assert not judge("\n".join([HEAD, *rows]))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\ufeffRules; Throughput_Mbps; Latency_ns\r\n100;1,5;2,25\r\n", [(100, 1.5, 2.25)]),
        ('"rules","throughput_mbps","latency_ns"\n"100", "1.5" ,"2e3"\n\n', [(100, 1.5, 2000.0)]),
        (f"{HEAD}\n0,1,\n{HEAD}\n100,nan,3\n", [(0, 1.0, None), (100, None, 3.0)]),
        (f"{HEAD},\n0,1,2,\n100,", [(0, 1.0, 2.0), (100, None, None)]),
    ],
)
def test_what_spreadsheets_do_is_forgiven(text: str, rows: list[tuple[object, ...]]) -> None:
    """Separators, quotes, capitals, a header in the middle and a last line cut off don't matter."""
    found = read_table(text, "results.csv").rows
    assert [(one.rules, one.throughput, one.latency) for one in found] == rows


def lines(*facts: dict[str, object]) -> str:
    """What the watcher prints."""
    return "".join(json.dumps({"received": 0, "sent": 0, "at": 0, **fact}) + "\n" for fact in facts)


def test_a_test_is_its_connections() -> None:
    """From the data's connection to the first end is a test; one alone, without data, is none."""
    chain = {
        "backend": "iptables-nft-save", "table": "filter", "chain": "OUTPUT", "policy": "ACCEPT",
        "rules": 3, "jumps": {"SLOW": 1}, "matched": 0, "shown": [],
    }  # fmt: skip
    own = {**chain, "chain": "SLOW", "policy": "-", "rules": 10, "jumps": {}}
    watched = read_watched(
        lines(
            {"event": "open", "port": 9},
            {"event": "close", "port": 9},
            {"event": "open", "port": 10, "at": 1_000_000_000, "received": 1000},
            {"event": "open", "port": 11, "at": 2_000_000_000},
            {"event": "look", "test": 2, "chains": [chain, own]},
            {"event": "close", "port": 11, "at": 4_000_000_000, "received": 250_001_000},
            {"event": "close", "port": 10, "at": 5_000_000_000, "received": 250_001_100},
            {"event": "look", "test": 0, "chains": [chain]},
            {"event": "left", "processes": ["bpftrace"]},
        )
    )
    (test,) = watched.tests
    assert test.seconds == 2
    assert test.mbps(2) == pytest.approx(1000, rel=1e-5)
    assert test.look is not None
    assert test.look.counts == {13, 12}
    assert watched.left == ("bpftrace",)
    assert watched.last.count == 2


def test_half_a_line_is_left_for_later() -> None:
    """Output that is cut off in the middle of a line is read up to there."""
    assert not read_watched('{"event": "op').tests


def seen_with(*listed: tuple[int, bool]) -> tuple[Test, ...]:
    """Tests, by the rules that were listed at each and whether that was after its end."""
    facts: list[dict[str, object]] = []
    for number, (rules, late) in enumerate(listed):
        chain = {
            "backend": "iptables-nft-save", "table": "filter", "chain": "OUTPUT",
            "policy": "ACCEPT", "rules": rules, "jumps": {}, "matched": 0, "shown": [],
        }  # fmt: skip
        facts += [
            {"event": "open", "port": 1},
            {"event": "open", "port": 2},
            {"event": "close", "port": 2, "at": 6},
            {"event": "close", "port": 1, "at": 6},
            {"event": "look", "test": number + 1, "at": 7 if late else 5, "chains": [chain]},
        ]
    return read_watched(lines(*facts)).tests


def test_rules_that_were_listed_late_may_be_the_next_steps() -> None:
    """A test is one of its step's even if the rules were listed when the next were there."""
    for late in (False, True):
        (test,) = seen_with((160, late))
        assert test.had(160, 80)
        assert test.had(80, 80) is late
        assert not test.had(0, 80)


def test_a_test_whose_rules_were_never_listed_is_late() -> None:
    """Rules that were listed after a test, or not at all, are not known to be its own."""
    unlisted = {"event": "open", "port": 1}, {"event": "open", "port": 2}
    assert [one.late for one in seen_with((80, False), (80, True))] == [False, True]
    assert [one.late for one in read_watched(lines(*unlisted)).tests] == [True]


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([(160, True)], {160}),  # all at once, listed late: not one of 80, too
        ([(160, True), (160, False)], {80, 160}),
        ([(160, True), (240, True), (240, False)], {80, 160, 240}),
        ([(240, False), (160, True), (80, False)], {80, 160, 240}),
        ([(80, False), (160, True), (160, False), (160, False), (240, True)], {80, 160, 240}),
        ([(80, False), (240, False)], {80, 240}),
        ([], set()),
    ],
)
def test_no_test_stands_for_two_steps(listed: list[tuple[int, bool]], found: set[int]) -> None:
    """However late the rules were listed, each step has had a test of its own."""
    tests = seen_with(*listed)
    pairs = paired(tests, [80, 160, 240], 80)
    assert set(pairs) == found
    assert len({id(one) for one in pairs.values()}) == len(pairs)
    assert all(one.had(rules, 80) for rules, one in pairs.items())
