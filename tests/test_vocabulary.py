"""What Lab 06's closed answers may be called."""

from __future__ import annotations

import pytest

from grader.facts import Choice
from tests_lab import vocabulary
from tests_lab.task_02b import order_in
from tests_lab.task_02c import names_in
from tests_lab.vocabulary import ARRIVALS, OPTIONS, ORDERS, PROTOCOLS, SOURCES

CHOICES = {name: value for name, value in vars(vocabulary).items() if isinstance(value, Choice)}


@pytest.mark.parametrize("name", CHOICES)
def test_no_synonym_belongs_to_two(name: str) -> None:
    """Every name is found by itself, alone."""
    for one in CHOICES[name].names:
        assert CHOICES[name].found(one) == {one}


SPELLINGS = [
    (PROTOCOLS, "ICMP Echo (ping) request", {"ICMP"}),
    (PROTOCOLS, "icmp type 8 (echo request)", {"ICMP"}),
    (PROTOCOLS, "IPv4/UDP", {"UDP"}),
    (PROTOCOLS, "TCP SYN", {"TCP"}),
    (PROTOCOLS, "echo reply", {"ICMP echo reply"}),
    (PROTOCOLS, "TCP SYN or ICMP", {"TCP", "ICMP"}),
    (PROTOCOLS, "it doesn't send UDP", set()),
    (ARRIVALS, "ICMP Destination unreachable (Port unreachable)", {"destination port unreachable"}),
    (ARRIVALS, "ICMP type 3, code 3", {"destination port unreachable"}),
    (ARRIVALS, "Destination Unreachable", {"destination port unreachable"}),
    (ARRIVALS, "ICMP 8.8.8.8 udp port 33449 unreachable", {"destination port unreachable"}),
    (ARRIVALS, "Time-to-live exceeded", {"time exceeded"}),
    (ARRIVALS, "ICMP host unreachable", {"destination host or network unreachable"}),
    (SOURCES, "an open TCP port from the port scan", {"the scan"}),
    (SOURCES, "a port found open/closed", {"the scan"}),
    (SOURCES, "a random high port", {"random"}),
    (SOURCES, "443", set()),
    (OPTIONS, "SACK_PERM=1", {"SACK permitted"}),
    (OPTIONS, "sackOK", {"SACK permitted"}),
    (OPTIONS, "Selective Acknowledgment (SACK)", {"SACK permitted"}),
    (OPTIONS, "MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128", {
        "MSS", "SACK permitted", "timestamps", "window scale",
    }),
    (OPTIONS, "TS val 1 ecr 0", {"timestamps"}),
    (OPTIONS, "window size", {"window size"}),
    (OPTIONS, "Window scale: 7 (multiply by 128)", {"window scale"}),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "text", "names"), SPELLINGS)
def test_spellings(choice: Choice, text: str, names: set[str]) -> None:
    """What tools and textbooks call a thing is that thing, and no other."""
    assert choice.found(text) == names


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("down", "down"),
        ("10, 9, 8, …, 1", "down"),
        ("from 10 to 1", "down"),
        ("1 → 2 → 3", "up"),
        ("down to 1, then up from 11", "down"),
        ("It's decremented, and afterwards incremented", "down"),
        ("up, then down", "up"),
    ],
)
def test_what_comes_first(text: str, first: str) -> None:
    """An order may be told by its numbers, and what comes first counts."""
    assert ORDERS.found(order_in(text)) == {first}


@pytest.mark.parametrize("text", ["up or down", "down or up", "either", "10, 1, 10"])
def test_no_order(text: str) -> None:
    """Two orders without one that comes first are none."""
    assert len(ORDERS.found(order_in(text))) != 1


def test_values_are_no_names() -> None:
    """A number behind a comma belongs to the option before it; an unknown word does not."""
    assert names_in(("MSS", "1460", "WS", "x128", "foo")) == (
        {"MSS", "window scale"},
        ["x128", "foo"],
    )
