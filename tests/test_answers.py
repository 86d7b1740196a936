"""Answers in YAML: read as text, refused with line and reason, never resolved."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from grader import answers
from grader.document import Strict
from grader.errors import CheckFailed, NeedsReview, Refused
from grader.facts import Items, Text
from grader.submission import Deliverable
from grader.taskrun import TaskRun

if TYPE_CHECKING:
    from pathlib import Path


class Section(Strict):
    """What the tests ask."""

    protocol: Text = ""
    options: Items = ()


def read(text: str) -> Section:
    """The section 02b of a file."""
    return answers.read(Deliverable("answers.yaml", text.encode()), "02b", Section)


def faulty(text: str, kind: type[CheckFailed] = Refused) -> str:
    """What is said of a file that cannot be read."""
    with pytest.raises(CheckFailed) as caught:
        read(text)
    assert type(caught.value) is kind, caught.value.message
    return f"{caught.value.message} | {caught.value.hint}"


@pytest.mark.parametrize(
    "text", ["no", "on", "0123", "1:30", "2026-01-01", ".nan", "1e999", "0x1f"]
)
def test_scalars_are_text(text: str) -> None:
    """What YAML 1.1 makes a truth value, an octal number, a time or a date stays as written."""
    assert read(f"02b:\n  protocol: {text}").protocol == text


@pytest.mark.parametrize("nothing", ["", "~", "null", "''"])
def test_nothing_is_no_answer(nothing: str) -> None:
    """A key without a value has an empty answer."""
    assert read(f"02b:\n  protocol: {nothing}").protocol == ""


@pytest.mark.parametrize(
    "text",
    [
        "[MSS, SACK permitted, NOP]",
        "MSS, SACK permitted and NOP",
        "\n    - MSS\n    - SACK permitted\n    - NOP",
        "|\n    MSS\n    SACK permitted\n    NOP",
        "MSS; SACK permitted; NOP",
    ],
)
def test_several_answers_in_any_form(text: str) -> None:
    """A list, lines and a text with commas are alike."""
    assert read(f"02b:\n  options: {text}").options == ("MSS", "SACK permitted", "NOP")


def test_items_with_values() -> None:
    """`- MSS: 1460` and `MSS: 1460` below the key are texts, too."""
    assert read("02b:\n  options:\n    - MSS: 1460\n    - NOP").options == ("MSS: 1460", "NOP")
    assert read("02b:\n  options: {MSS: 1460}").options == ("MSS: 1460",)


# The text; words of what is said of it.
REFUSED = {
    "tag": ("02b:\n  protocol: !!python/object/apply:os.system [id]", "answers.yaml:2: ", "a tag"),
    "own tag": ("02b: !x {protocol: UDP}", "answers.yaml:1: ", "a tag"),
    "%TAG": ("%TAG ! tag:x,2000:\n---\n02b:\n", "%TAG"),
    "anchor": ("02b:\n  protocol: &UDP", "an anchor, &UDP", "quotes"),
    "alias": ("a: &a [x, x]\nb: [*a, *a]", "answers.yaml:1: ", "an anchor"),
    "star": ("02b:\n  protocol: *any*", "answers.yaml:2: ", "quotes"),
    "deep": ("[" * 200_000, "more than 8 levels"),
    "deep lines": ("- " * 100_000, "more than 8 levels"),
    "many": ("x: y\n" * 50_000, "more than anyone has to say"),
    "two documents": ("02b:\n---\n02b:\n", "answers.yaml:2: ", "a second document"),
    "list": ("- 02b", "found a list"),
    "text": ("UDP", "found a text"),
    "tab": ("02b:\n\tprotocol: UDP", "answers.yaml:2: ", "no tabs"),
    "colon": ("02b:\n  protocol: it is: UDP", "answers.yaml:2: ", "quotes"),
    "unclosed": ("02b:\n  protocol: 'UDP\n  options: x\n", "answers.yaml:2: not YAML", "quote"),
    "control": ("02b:\n  protocol: \x1b[31m", "answers.yaml:2: ", "control characters"),
    "impossible escape": ('02b: "\\UFFFFFFFF"', "not YAML"),
    "version": (f"%YAML {'9' * 5_000}.1\n---\n02b:\n", "not YAML"),
    "twice": ("02b:\n  protocol: UDP\n  protocol: TCP", "answers.yaml:3: ", "in line 2"),
    "section twice": ("02b:\n02c:\n02b:\n", "answers.yaml:3: ", "in line 1"),
    "key": ("? [02b]\n: UDP", "expected a key, found a list"),
    "typo": ("02b:\n\n  protocoll: UDP", "answers.yaml:3: 02b.protocoll", "'protocol'"),
    "unknown": ("02b:\n  name: x", "02b.name", "its keys are protocol, options"),
    "shape": ("02b:\n  protocol:\n    name: UDP", "answers.yaml:3: protocol", "quotes"),
    "list of keys": ("02b:\n  - protocol: UDP", "answers.yaml:2: ", "found a list"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """What is not plain answers is refused, with line, reason and remedy."""
    text, *words = REFUSED[name]
    said = faulty(text)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "is empty"),
        ("# 02b:\n", "is empty"),
        ("02c:\n  x: y", "found '02c' | it begins with a line 02b:"),
        ("2b:\n  protocol: UDP", "there is '2b'; it must be called exactly 02b"),
        ("02b:", "section 02b is empty"),
        ("02b:\nprotocol: UDP", "indented"),
    ],
)
def test_a_section_that_is_not_there(text: str, word: str) -> None:
    """A missing section is not answered, rather than refused; a near name is named."""
    assert word in faulty(text, CheckFailed)


def test_other_sections_do_no_harm() -> None:
    """A fault in another task's section costs nothing here."""
    assert read("02c:\n  a: {b: [c]}\n  a: d\nname: x\n02b: {protocol: UDP}").protocol == "UDP"


def test_half_a_surrogate_is_spelled_out() -> None:
    """An answer can always be encoded."""
    assert read('02b:\n  protocol: "\\ud800"').protocol.encode() == rb"\ud800"


def test_whatever_it_says() -> None:
    """No text makes the reader raise anything but its own errors."""
    rng = random.Random(4)  # noqa: S311
    alphabet = "02b:\n  - {}[],'\"|>&*!%@`#?~\\xU<\t=é"
    for _ in range(3_000):
        text = "".join(rng.choices(alphabet, k=rng.randrange(40)))
        for prefix in ("", "02b:\n  protocol: "):
            try:
                read(prefix + text)
            except CheckFailed:
                continue


def test_review_carries_its_material() -> None:
    """What a person is to judge is kept as files: question, answer, guide."""
    with pytest.raises(NeedsReview) as caught:
        answers.review("Why so?", "Because of the\nqueue.", "One point for the queue.")
    assert caught.value.files == {
        "question.txt": "Why so?\n",
        "answer.txt": "Because of the\nqueue.\n",
        "guide.md": "One point for the queue.\n",
    }
    assert "Because of the queue." in caught.value.message


@pytest.mark.parametrize("text", ["", "...", "TODO", "<your answer here>", " - ", "?"])
def test_no_answer_is_not_reviewed(text: str) -> None:
    """An empty answer and a placeholder are lost, without a person's time."""
    with pytest.raises(CheckFailed) as caught:
        answers.review("Why so?", text, "guide")
    assert type(caught.value) is CheckFailed
    assert "not answered" in caught.value.message


def test_material_is_kept_for_that_check_only(tmp_path: Path) -> None:
    """A free answer lies in the evidence of its own check, beside what all of the task's have."""
    about: Any = None
    run = TaskRun(about, "03b", about, topologies={}, seed="", replay="", sandbox="vm")
    run.keep("trace.txt", lambda path: path.write_text("ip_output"))
    with pytest.raises(NeedsReview) as caught:
        answers.review("Why so?", "Because.", "guide")
    kept = run.keep_evidence(tmp_path, "03b.why", caught.value)
    other = run.keep_evidence(tmp_path, "03b.path", CheckFailed("wrong"))
    material = ("question.txt", "answer.txt", "guide.md", "trace.txt")
    assert kept == tuple(f"03b.why/{name}" for name in material)
    assert (tmp_path / "03b.why" / "answer.txt").read_text() == "Because.\n"
    assert other == ("03b.path/trace.txt",)
