"""Moodle's offline worksheet: a downloaded one, filled; never one of our making.

Its headers and its words are in the course's language, and Moodle takes it back in that language
only. So columns are known by what stands in them: the identifier is a word and a number, the
maximum the same number in all rows, the grade is left of it, feedback the last column. What is
written has the rows that were filled and no others: Moodle leaves everybody else as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader import sheet as sheets
from grader.errors import BadInput
from grader.export.graded import Written
from grader.export.moodle import CELL
from grader.export.table import as_csv
from grader.export.wording import as_html, cut, feedback, number, one_line, why_open

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.export.graded import Given, Graded
    from grader.sheet import Sheet

IDENTIFIER = re.compile(r"\D+(\d+)")
NUMBER = re.compile(r"\d+([.,]\d+)?")
DATE = re.compile(r"-|.*\d:\d\d.*")
# A folder of "Download all submissions": the person's name, the number of the identifier, the rest.
DOWNLOADED = re.compile(r"(?P<name>.*)_(?P<number>\d+)_assignsubmission_.*")
BOM = "\ufeff"
COLUMNS = ("identifier", "grade", "maximum", "feedback")


@dataclass(frozen=True)
class Layout:
    """Where in a worksheet what stands; feedback may have no column."""

    identifier: int
    grade: int
    maximum: int
    feedback: int | None


def write(reports: Sequence[Graded], given: Given) -> Written:
    """The worksheet's rows of those who have a report, with grade and feedback."""
    if given.worksheet is None:
        raise BadInput(
            "expected Moodle's worksheet, since only Moodle knows its own words; found none",
            remedy="download it (assignment, Submissions, Download grading worksheet), then: "
            "grader export moodle-worksheet --worksheet FILE",
        )
    sheet = read(given.worksheet)
    layout = find(sheet, given.columns)
    notes = [] if layout.feedback is not None else ["the worksheet has no column for feedback"]
    filled: dict[int, list[str]] = {}
    for graded in reports:
        found, told = _match(sheet, layout, graded, given)
        notes += told
        for place in found:
            if place in filled:
                raise BadInput(
                    f"two reports are of one person of the worksheet: {one_line(graded.id)} and "
                    f"another match {sheet.rows[place][layout.identifier]!r}",
                    remedy="name the folders of the reports that count",
                )
            filled[place] = _fill(sheet, layout, place, graded)
        if graded.grade is None:
            notes.append(f"{one_line(graded.id)}: without a grade: {why_open(graded)}")
    if left := len(sheet.rows) - len(filled):
        notes.append(f"{left} of the worksheet's {len(sheet.rows)} people have no report")
    rows = [sheet.head, *(filled[place] for place in sorted(filled))]
    return Written(BOM + as_csv(rows, sheet.delimiter), tuple(notes))


# --- reading ----------------------------------------------------------------------------------


def read(data: bytes) -> Sheet:
    """The worksheet. Raises BadInput for what is none."""
    sheet = sheets.read(data, "the worksheet")
    if not sheet.rows:
        raise BadInput(
            f"the worksheet: expected people to grade, found {', '.join(sheet.head) or 'nothing'}",
            remedy="download it again from an assignment that has some",
        )
    return sheet


def find(sheet: Sheet, named: Mapping[str, str]) -> Layout:
    """Where what stands; `named` are headers that a person gave. Raises BadInput if unclear."""
    columns = range(len(sheet.head))
    fixed = {what: _named(sheet, what, header) for what, header in named.items()}
    maxima = [column for column in columns if _is_maximum(sheet, column)]
    places = {
        "identifier": [one for one in columns if all(map(IDENTIFIER.fullmatch, sheet.cells(one)))],
        "maximum": maxima,
        "grade": [column - 1 for column in maxima],
    }
    found = {}
    for what, possible in places.items():
        if what not in fixed and len(possible) != 1 and not (what == "identifier" and possible):
            raise BadInput(
                f"the worksheet: which column holds the {what}? {', '.join(sheet.head)}",
                remedy=f"say it: --column {what}=HEADER",
            )
        found[what] = fixed.get(what, possible[0] if possible else -1)
    last = columns[-1]
    dated = all(map(DATE.fullmatch, sheet.cells(last))) or last in found.values()
    return Layout(**found, feedback=fixed.get("feedback", None if dated else last))


def _named(sheet: Sheet, what: str, header: str) -> int:
    if what not in COLUMNS:
        raise BadInput(f"--column: expected one of {', '.join(COLUMNS)}; found {what!r}")
    if header not in sheet.head:
        names = ", ".join(sheet.head)
        raise BadInput(f"the worksheet: no column {header!r} for the {what}; it has {names}")
    return sheet.head.index(header)


def _is_maximum(sheet: Sheet, column: int) -> bool:
    """Whether all rows have the same number here, and a number or nothing on the left of it."""
    if column == 0:
        return False
    cells, left = set(sheet.cells(column)), sheet.cells(column - 1)
    constant = len(cells) == 1 and NUMBER.fullmatch(next(iter(cells)))
    return bool(constant) and all(not cell or NUMBER.fullmatch(cell) for cell in left)


# --- filling ----------------------------------------------------------------------------------


def _match(
    sheet: Sheet, layout: Layout, graded: Graded, given: Given
) -> tuple[list[int], list[str]]:
    """The rows of a report's people, and what a person must know."""
    found, notes = [], []
    for who, keys in _people(graded, given):
        rows = _rows(sheet, layout, keys)
        if len(rows) == 1:
            found += rows
        else:
            why = "nobody" if not rows else f"{len(rows)} people"
            notes.append(f"{who}: not filled in: {why} in the worksheet by that name")
    return found, notes


def _people(graded: Graded, given: Given) -> Iterator[tuple[str, list[str]]]:
    """Those whose report it is, each with what a row may know them by, the surest first."""
    own = one_line(graded.id.rpartition("/")[2])
    downloaded = DOWNLOADED.fullmatch(own)
    mine = f"#{downloaded['number']}" if downloaded else own
    people = given.roster.get(graded.id, ())
    for person in people:
        named = [key for key in (person.email, person.name) if key]
        yield (f"{own} ({person.shown})" if named else own), named or [mine]
    if not people:
        yield own, [mine]


def _rows(sheet: Sheet, layout: Layout, keys: Sequence[str]) -> list[int]:
    """The rows that the first key knows that knows any."""
    places = range(len(sheet.rows))
    found = ([place for place in places if _is(sheet, layout, place, key)] for key in keys)
    return next(filter(None, found), [])


def _is(sheet: Sheet, layout: Layout, place: int, key: str) -> bool:
    """Whether a row is of somebody: by number, a cell left of the grade, or an email's name."""
    row = sheet.rows[place]
    number = IDENTIFIER.fullmatch(row[layout.identifier].strip())
    known = {_plain(cell) for cell in row[: layout.grade]}
    known |= {_plain(cell.partition("@")[0]) for cell in row[: layout.grade] if "@" in cell}
    known |= {f"#{number[1]}"} if number else set()
    return _plain(key) in known


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _fill(sheet: Sheet, layout: Layout, place: int, graded: Graded) -> list[str]:
    row = list(sheet.rows[place])
    maximum = row[layout.maximum].strip()
    if graded.grade is not None and float(maximum.replace(",", ".")) != graded.max_score:
        raise BadInput(
            f"{one_line(graded.id)}: expected the worksheet's maximum grade, {maximum}, found "
            f"{number(graded.max_score)} in the report",
            remedy="give the assignment that maximum in Moodle, and download the worksheet again",
        )
    grade = "" if graded.grade is None else number(graded.grade)
    row[layout.grade] = grade.replace(".", ",") if "," in maximum else grade
    if layout.feedback is not None:
        row[layout.feedback] = as_html(cut(feedback(graded), CELL))
    return row
