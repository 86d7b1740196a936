"""The roster is read as teachers have it, and their mistakes are told with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import roster
from grader.errors import BadInput


def written(folder: Path, text: str | bytes) -> Path:
    """A roster."""
    path = folder / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r":1: expected a column submission, found nothing"),
        ("id,name\na,x\n", r":1: expected a column submission, found id, name"),
        ("submission,Submission\na,a\n", r":1: expected one column for submission, found 'subm"),
        ("submission,email,Email address\na,,\n", r":1: .* for email, found 'email' and 'Email a"),
        ("submission,name\na\n", r":2: expected 2 cells, found 1"),
        ("submission\na\n\na\n", r":4: submission: 'a' has a line for it already, 2"),
        ("submission,email\na,x@y\nb,x@y\na,x@y\n", r":4: submission: 'x@y' has a line .*, 2"),
        ("submission,due\na,tomorrow\n", r":2: due: Input should be a valid datetime"),
        ("submission,due\na,2026-05-04T23:59\n", r":2: due: expected a time with its zone"),
        ("submission,name\n,x\n", r":2: submission: String should have at least 1 character"),
        ('submission\n"a\n', r":2: not CSV: unexpected end of data"),
        (b"submission\n\xff\n", r": expected a CSV in UTF-8"),
    ],
)  # fmt: skip
def test_a_mistake(text: str | bytes, told: str, tmp_path: Path) -> None:
    """A mistake is told with its line and, where it has one, its column."""
    with pytest.raises(BadInput, match=told):
        roster.read(written(tmp_path, text))


def test_no_file(tmp_path: Path) -> None:
    """A roster that is not there is named."""
    with pytest.raises(BadInput, match=r"roster\.csv: cannot be read: No such file"):
        roster.read(tmp_path / "roster.csv")


def test_of_a_spreadsheet(tmp_path: Path) -> None:
    """A byte order mark, CRLF, blank lines and cells, and quoted commas are as they should be."""
    text = '\ufeffsubmission, name,due\r\na,"Doe, J.",\r\n,,\r\n'
    found = roster.read(written(tmp_path, text))
    assert [one.name for one in found["a"]] == ["Doe, J."]
    assert list(found) == ["a"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_as_others_call_them(separator: str, tmp_path: Path) -> None:
    """Case, order, separator and Moodle's words don't matter; what is not known is let be."""
    lines = ["Full name,Faculty,Email_Address,SUBMISSION", "Ana,ACS,ana@example.org,team"]
    text = "\n".join(line.replace(",", separator) for line in lines)
    (ana,) = roster.read(written(tmp_path, text))["team"]
    assert (ana.name, ana.email, ana.group) == ("Ana", "ana@example.org", "")


def test_a_group_has_a_line_for_each(tmp_path: Path) -> None:
    """The people of one submission stand together, in the order of their lines."""
    text = "submission,name\nteam,Ana\nsolo,Cai\nteam,Bob\n"
    found = roster.read(written(tmp_path, text))
    assert {name: [one.name for one in people] for name, people in found.items()} == {
        "team": ["Ana", "Bob"], "solo": ["Cai"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("submitted", "days"),
    [("2026-05-04T22:00+03:00", 0), ("2026-05-04T23:59+03:00", 0), ("2026-05-04T21:00Z", 1),
     ("2026-05-05T23:59+03:00", 1), ("2026-05-06T00:00+03:00", 2)],
)  # fmt: skip
def test_days_that_have_begun_count(submitted: str, days: int, tmp_path: Path) -> None:
    """Late days are counted from the due time on, whatever the zones."""
    path = written(tmp_path, f"submission,due,submitted\na,2026-05-04T23:59+03:00,{submitted}\n")
    assert roster.read(path)["a"][0].late_days == days
