"""Closed facts: any usual spelling counts, nothing is guessed."""

from __future__ import annotations

import random

import pytest

from grader.errors import CheckFailed
from grader.facts import Choice, must_be_number, number

PROTOCOLS = Choice(
    {
        "UDP": ["User Datagram Protocol"],
        "TCP": ["TCP SYN", "Transmission Control Protocol"],
        "ICMP": ["ICMP echo request", "ping"],
        "no-operation": ["NOP"],
    }
)


@pytest.mark.parametrize(
    "text",
    ["UDP", "udp", "UDP (17)", "the User-Datagram Protocol", "UDP datagrams.", "`UDP`"],
)
def test_usual_spellings(text: str) -> None:
    """Case, articles, hyphens, parentheses and further words make no difference."""
    assert PROTOCOLS.found(text) == {"UDP"}


@pytest.mark.parametrize(
    "text", ["NOP", "nops", "No-Operation", "no operation", "No Operation (1)"]
)
def test_words_that_look_like_a_negation(text: str) -> None:
    """The longest synonym is taken first."""
    assert PROTOCOLS.found(text) == {"no-operation"}


@pytest.mark.parametrize(
    "text", ["not UDP", "TCP, not UDP", "UDP rather than TCP", "it isn't TCP", "", "???", "SCTP"]
)
def test_nothing_is_guessed(text: str) -> None:
    """What says what it is not, or nothing that is known, names nothing."""
    assert PROTOCOLS.found(text) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "UDP (ICMP replies come back)",
        "UDP datagrams, answered by ICMP",
        "UDP; routers answer with ICMP time exceeded",
        "UDP, since TCP would need a port",
    ],
)
def test_what_comes_back_and_why_is_beside_the_answer(text: str) -> None:
    """What an answer says of replies to it, or of its reason, is no second answer."""
    PROTOCOLS.must_be("q", text, {"UDP"}, seen="packet 1")
    with pytest.raises(CheckFailed, match="is not what was seen"):
        PROTOCOLS.must_be("q", text, {"TCP"}, seen="packet 1")


@pytest.mark.parametrize(
    "text", ["UDP (or ICMP replies)", "UDP or ICMP, answered by ICMP", "UDP and TCP, since both"]
)
def test_a_reason_hides_no_second_answer(text: str) -> None:
    """Two answers stay two, whatever is said beside them."""
    with pytest.raises(CheckFailed, match="expected one answer, found 2"):
        PROTOCOLS.must_be("q", text, {"UDP"}, seen="packet 1")


def test_order_is_kept() -> None:
    """What is named stands in the order of the text, once."""
    assert PROTOCOLS.named("ping, then UDP, then ping") == ("ICMP", "UDP")


def test_several_are_no_answer() -> None:
    """An answer that names two things is not right, even if one of them is."""
    assert PROTOCOLS.found("UDP or ICMP echo request") == {"UDP", "ICMP"}
    with pytest.raises(CheckFailed, match="expected one answer, found 2"):
        PROTOCOLS.must_be("q", "UDP or ICMP", {"UDP"}, seen="packet 1")


@pytest.mark.parametrize(
    "text",
    [
        "UDP, not ICMP",
        "UDP (ICMP with -I)",
        "udp; it is not TCP",
        "UDP instead of ping",
        "UDP (17)",
        "UDP by default; ICMP with -I",
        "UDP, ICMP only if told to",
        "UDP. The routers answer with ICMP time exceeded.",
    ],
)
def test_an_answer_may_be_explained(text: str) -> None:
    """What is said not to be, or to be so elsewhere, takes nothing from the answer."""
    PROTOCOLS.must_be("q", text, {"UDP"}, seen="packet 1")


@pytest.mark.parametrize(
    "text",
    [
        "UDP (or ICMP)",
        "UDP (ICMP)",
        "UDP is not used",
        "anything but UDP",
        "ICMP, TCP (UDP)",
        "(not UDP)",
        "UDP; ICMP",
        "UDP. ICMP.",
        "UDP. Sometimes it sends ICMP.",
        "UDP, TCP or ICMP with -I",
        "UDP. It also sends ICMP echo requests.",
    ],
)
def test_an_aside_is_no_answer(text: str) -> None:
    """A choice left open in parentheses is one, and what is denied is not named."""
    with pytest.raises(CheckFailed, match="expected one"):
        PROTOCOLS.must_be("q", text, {"UDP"}, seen="packet 1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not answered"),
        ("...", "not answered"),
        ("SCTP", "expected one clear answer"),
        ("TCP", "is not what was seen: packet 1"),
    ],
)
def test_wrong_choices_say_why(text: str, words: str) -> None:
    """A message has the question, the answer and what was seen instead."""
    with pytest.raises(CheckFailed, match=words):
        PROTOCOLS.must_be("q", text, {"UDP"}, seen="packet 1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("33434", 33434),
        ("33,434", 33434),
        ("port 33434", 33434),
        ("33 434", 33434),
        ("33434 255", None),
        ("33434/udp", 33434),
        ("three", 3),
        ("3 (three) per hop", 3),
        ("0x829A", 33434),
        ("1.5 s", 1.5),
        ("03", 3),
        ("33434-33523", None),
        ("the first one goes to port 33434", 33434),
        ("33434 (then 33435, …)", 33434),
        ("1, not 3", 1),
        ("1 (or 3)", None),
        ("1 or three", None),
        ("one", 1),
        ("+1", 1),
        ("-1", -1),
        ("(\u22121)", -1),
        ("probe-1", 1),
        ("8.8.8.8", float("inf")),
        ("1.2.3", float("inf")),
        ("203.000.113.001", float("inf")),
        ("someone", None),
        ("3 or 4", None),
        ("not 3", None),
        ("none", None),
        ("", None),
        ("9" * 9_999, float("inf")),
    ],
)
def test_numbers(text: str, value: float | None) -> None:
    """One number counts, with units, words or separators; several do not."""
    assert number(text) == value


def test_wrong_numbers_say_why() -> None:
    """A message has the question, the answer and what was seen instead."""
    with pytest.raises(CheckFailed, match="“4” is not what was seen: packet 1"):
        must_be_number("q", "4", {3}, seen="packet 1")
    with pytest.raises(CheckFailed, match="expected one number"):
        must_be_number("q", "some", {3}, seen="packet 1")
    must_be_number("q", "3 probes", {3}, seen="packet 1")


def test_whatever_it_says() -> None:
    """No text makes the readers raise."""
    rng = random.Random(4)  # noqa: S311
    for _ in range(3_000):
        text = "".join(rng.choices("not UDP icmp 0x1.,²½٣９é\n-/", k=rng.randrange(30)))
        number(text)
        PROTOCOLS.found(text)
