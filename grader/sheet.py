"""A CSV as people have it: UTF-8, from a spreadsheet or a learning platform of any language."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Sheet:
    """A header, and rows of as many cells, each with the line that it ends in."""

    head: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str

    def cells(self, column: int) -> list[str]:
        """What stands in a column."""
        return [row[column].strip() for row in self.rows]


def read(data: bytes, name: str) -> Sheet:
    """The table in `data`, which errors call `name`; rows without a word are passed over.

    Raises BadInput naming the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{name}: expected a CSV in UTF-8, found {error}",
            remedy="take it as it was downloaded, or save it as UTF-8",
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(SEPARATORS, key=first.count)
    (_, head), *rows = list(_rows(text, delimiter, name)) or [(1, [])]
    for line, row in rows:
        if len(row) != len(head):
            raise BadInput(f"{name}:{line}: expected {len(head)} cells, found {len(row)}")
    return Sheet(head, [row for _, row in rows], [line for line, _ in rows], delimiter)


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise BadInput(f"{name}:{reader.line_num}: not CSV: {error}") from error
