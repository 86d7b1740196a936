"""04b: which of a script's numbers is its average, over runs with different loads; no microVM."""

from __future__ import annotations

import json

from grader.evidence import Calls
from grader.evidence.trace import read_events
from tests_lab.latency.run import FEW, Run
from tests_lab.latency.series import changes

BAND = (0.8, 1.25)


def run(average_ns: int, *lines: str) -> Run:
    """A run in which a call took so long on average, and which printed these lines at its end."""
    attached = json.dumps({"type": "attached_probes", "data": {"probes": 1}})
    printed = [json.dumps({"type": "printf", "data": f"{line}\n"}) for line in lines]
    calls = Calls(100, 100 * average_ns, average_ns, 100, 100 * average_ns)
    return Run(None, read_events("\n".join([attached, *printed])), calls, 0, "", 2, 0, 1)


def test_a_place_is_a_line_without_its_numbers() -> None:
    """The same line of another run is the same place, whatever the number in it."""
    one, other = run(5000, "avg 5,001 ns"), run(90_000, "avg 90123.5 ns")
    assert one.places(BAND) == other.places(BAND) != set()


def test_of_many_of_a_kind_the_last_counts() -> None:
    """A list of guesses is one number: its last, or the middle one."""
    guesses = [f"average {1000 * n} ns" for n in range(1, 2 * FEW + 2)]
    assert run(2000, *guesses).places(BAND) == set()
    assert run(1000 * len(guesses), *guesses).places(BAND) != set()


def test_of_a_few_each_counts() -> None:
    """Bare numbers beside each other are not told apart: any may be the average."""
    assert run(5500, "5500", "17").places(BAND) == {"# 1"}
    assert run(5500, "17", "5500").places(BAND) == {"# 0"}


def test_a_guess_does_not_change() -> None:
    """What was the same in each run is no measure; of two measures some differ."""
    guesses = "quick: avg 5000 ns", "slow: avg 90000 ns"
    quick, slow = run(5000, *guesses), run(90_000, *guesses)
    assert not quick.places(BAND) & slow.places(BAND)
    (place,) = quick.places(BAND)
    assert not changes(place, [quick, slow])
    assert changes("avg # ns 0", [run(5000, "avg 5001 ns"), run(90_000, "avg 90123 ns")])
