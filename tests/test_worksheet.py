"""Moodle's offline worksheet is filled in whatever language it is, and nobody is mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from targets import worksheets_grades
from worksheets import ENGLISH, JAPANESE, ROMANIAN, worksheet

from grader.check import Verdict
from grader.errors import BadInput
from grader.export import Given, make
from grader.export.graded import Graded, Written
from grader.report import sum_up
from grader.roster import Person

if TYPE_CHECKING:
    from collections.abc import Sequence


def report(name: str, points: float, verdict: Verdict = Verdict.FAILED) -> Graded:
    """A report on a submission of one check of two points."""
    check: dict[str, Any] = {
        "id": "01d.leaves", "title": "A packet leaves", "verdict": str(verdict), "points": points,
        "max_points": 2.0, "sandbox": "netns", "message": "<b>", "hint": "", "evidence": [],
        "duration_s": 0.0,
    }  # fmt: skip
    plain = {
        "submission": {"id": name, "sha256": "0" * 64},
        "tasks": [{"id": "01d", "title": "A packet", "checks": [check]}],
    }
    return Graded(sum_up(plain))


def fill(reports: Sequence[Graded], sheet: bytes, **given: Any) -> Written:
    """The worksheet with the reports' grades."""
    return make("moodle-worksheet", reports, Given(worksheet=sheet, **given))


@pytest.mark.parametrize("words", [ENGLISH, ROMANIAN, JAPANESE], ids=["en", "ro", "ja"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_language(words: dict[str, str], delimiter: str) -> None:
    """Headers stay as they were, and Moodle, in that language, reads the grade and the feedback."""
    sheet = worksheet(words, delimiter=delimiter)
    written = fill([report("alice.pop", 1.5)], sheet)
    assert written.text.startswith(sheet.decode().partition("\n")[0])
    (found,) = worksheets_grades(written.text, words).items()
    assert found[0] == "101"
    assert found[1][0] == "1.5"
    assert found[1][1].startswith("1.5 / 2<br>")
    assert "&lt;b&gt;" in found[1][1]


@pytest.mark.parametrize(
    "name",
    ["alice.pop", "alice.pop@example.org", "Alice Pop", "alice_pop",
     "Alice Pop_101_assignsubmission_file_", "group-1/Alice Pop_101_assignsubmission_file"],
)  # fmt: skip
def test_who_is_who(name: str) -> None:
    """A person is known by number, address, its first part or name, as folders are called."""
    written = fill([report(name, 2.0)], worksheet())
    assert list(worksheets_grades(written.text, ENGLISH)) == ["101"]
    assert written.notes == ("2 of the worksheet's 3 people have no report",)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Bogdan Ene", "2 people"),
        ("eve", "nobody"),
        ("Alice Pop_9_assignsubmission_file_", "nobody"),
    ],
)
def test_nobody_is_guessed(name: str, why: str) -> None:
    """Who is not one person of the worksheet is not filled in, and is named."""
    written = fill([report(name, 2.0)], worksheet())
    assert worksheets_grades(written.text, ENGLISH) == {}
    assert f"{name}: not filled in: {why} in the worksheet by that name" in written.notes


def person(**facts: str) -> Person:
    """A line of the roster on the submission `team`."""
    return Person(submission="team", **facts)


def filled(*people: Person) -> dict[str, str]:
    """The grades that a report on `team` gives to whom the roster has for it, by number."""
    written = fill([report("team", 1.0)], worksheet(), roster={"team": people})
    found = worksheets_grades(written.text, ENGLISH)
    return {number: grade for number, (grade, _) in found.items()}


def test_a_group_by_roster() -> None:
    """Each person whom the roster has for a submission is filled in, by address or by name."""
    alice, bogdan = person(email="alice.pop@example.org"), person(email="bogdan@example.org")
    assert filled(alice, bogdan) == {"101": "1", "103": "1"}
    assert filled(person(name="Alice Pop", email="alice@elsewhere.org")) == {"101": "1"}


def test_an_address_is_surer_than_a_name() -> None:
    """Of two people of one name, the one with the roster's address is filled in, or neither."""
    assert filled(person(name="Bogdan Ene", email="bene@example.org")) == {"102": "1"}
    assert filled(person(name="Bogdan Ene")) == {}


def test_a_group_is_no_person() -> None:
    """A cell of the roster that says nothing of who somebody is fills in nobody."""
    assert filled(person(group="Alice Pop")) == {}


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.UNSUPPORTED, Verdict.REVIEW])
def test_no_grade_is_an_empty_cell(verdict: Verdict) -> None:
    """Without a grade the cell is empty, which Moodle skips, and the feedback says why."""
    written = fill([report("alice.pop", 0.0, verdict)], worksheet(grade="1.00"))
    grade, feedback = worksheets_grades(written.text, ENGLISH)["101"]
    assert grade == ""
    assert "no grade yet" in feedback
    assert any("without a grade" in note for note in written.notes)


def test_the_languages_comma() -> None:
    """Where the worksheet writes numbers with a comma, so does the grade."""
    written = fill([report("bogdan", 1.25)], worksheet(ROMANIAN, maximum="2,00", delimiter=";"))
    assert worksheets_grades(written.text, ROMANIAN)["103"][0] == "1,25"


def test_everyone_graded_before() -> None:
    """A column of equal grades is not taken for the maximum."""
    written = fill([report("bogdan", 1.25)], worksheet(grade="2.00"))
    assert worksheets_grades(written.text, ENGLISH)["103"][0] == "1.25"


def test_without_feedback() -> None:
    """Where the assignment takes no feedback comments, dates stay, and that is said."""
    written = fill([report("bogdan", 1.25)], worksheet(feedback=False))
    row = written.text.splitlines()[1]
    assert row.endswith(",-")
    assert "the worksheet has no column for feedback" in written.notes


def test_another_maximum() -> None:
    """A maximum that is not the lab's would change what a grade means, or be skipped by Moodle."""
    with pytest.raises(BadInput, match=r"maximum grade, 10\.00, found 2 in the report"):
        fill([report("bogdan", 1.0)], worksheet(maximum="10.00"))


def test_two_reports_of_one_person() -> None:
    """Two reports of one person are not a matter of luck."""
    with pytest.raises(BadInput, match="two reports are of one person"):
        fill([report("bogdan", 1.0), report("bogdan@example.org", 2.0)], worksheet())


def test_columns_by_name() -> None:
    """Where a column cannot be told, the message shows the option, and it then works."""
    sheet = worksheet().replace(b",2.00,Yes", b",2.00,7")
    with pytest.raises(BadInput, match="--column maximum=HEADER"):
        fill([report("bogdan", 1.0)], sheet)
    named = {"maximum": "Maximum grade", "grade": "Grade"}
    written = fill([report("bogdan", 1.0)], sheet, columns=named)
    assert worksheets_grades(written.text, ENGLISH)["103"][0] == "1"
    with pytest.raises(BadInput, match="no column 'X' for the grade"):
        fill([report("bogdan", 1.0)], sheet, columns={"grade": "X"})


@pytest.mark.parametrize("data", [b"", b"Identifier\n", b"\xff\xfe\x00", b"a,b\nc\n"])
def test_not_a_worksheet(data: bytes) -> None:
    """What is no worksheet is said to be none."""
    with pytest.raises(BadInput, match=r"the worksheet(:\d+)?: expected"):
        fill([report("bogdan", 1.0)], data)


def test_none_is_made_up() -> None:
    """Without a downloaded worksheet the message says where to get it."""
    with pytest.raises(BadInput, match="download it"):
        make("moodle-worksheet", [report("bogdan", 1.0)], Given())


def test_formulas_of_others() -> None:
    """A name that is a formula is none in the file that is written."""
    people = [("7", "=HYPERLINK(1)", "mallory@example.org")]
    written = fill([report("mallory", 1.0)], worksheet(people=people))
    assert "'=HYPERLINK(1)" in written.text
