"""04c's table, rules,throughput_mbps,latency_ns, as a script or a student's own experiment made it.

What spreadsheets do to a file is forgiven, with a note: spaces, quotes, capitals in the header,
empty columns, semicolons or tabs with decimal commas.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from grader.errors import CheckFailed

HEADER = ("rules", "throughput_mbps", "latency_ns")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
LARGEST = 1e15
SHOWN = 60


@dataclass(frozen=True)
class Row:
    """One row; a number that is not there, or none, is None."""

    line: int
    rules: int
    throughput: float | None
    latency: float | None
    text: str = ""

    @property
    def whole(self) -> bool:
        """Whether it has both measures."""
        return self.throughput is not None and self.latency is not None


@dataclass(frozen=True)
class Table:
    """The rows, and what was forgiven."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read_table(text: str, name: str) -> Table:
    """The table in `text`. Raises CheckFailed if it is none."""
    text = text.removeprefix("\ufeff")
    notes: list[str] = []
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip(" \t,;\0")]
    if not lines:
        raise CheckFailed(f"{name} is empty; its first line is to be {','.join(HEADER)}")
    separator = _separator(lines[0][1])
    if separator != ",":
        notes.append(f"{name} has {'tabs' if separator == chr(9) else 'semicolons'} for commas")
    _must_be_header(_fields(lines[0][1], separator), name)
    rows = []
    for number, line in lines[1:]:
        row = _row(number, _fields(line, separator), name, comma=separator != ",")
        if row is not None:
            rows.append(row)
    return Table(tuple(rows), tuple(notes))


def _separator(header: str) -> str:
    return next((one for one in ",;\t" if one in header), ",")


def _fields(line: str, separator: str) -> list[str]:
    try:
        found = next(csv.reader(io.StringIO(line), delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        found = line.split(separator)
    fields = [field.strip() for field in found]
    while len(fields) > len(HEADER) and not fields[-1]:
        fields.pop()  # a spreadsheet's empty column
    return fields


def _must_be_header(fields: list[str], name: str) -> None:
    if tuple(field.lower() for field in fields) == HEADER:
        return
    shown = ",".join(fields)[:SHOWN]
    if fields and NUMBER.fullmatch(fields[0]):
        raise CheckFailed(
            f"{name} begins with “{shown}”; expected the header {','.join(HEADER)}",
            hint="> begins a file anew each time, >> appends to it",
        )
    raise CheckFailed(f"{name} has the columns “{shown}”; expected {','.join(HEADER)}")


def _row(number: int, fields: list[str], name: str, *, comma: bool) -> Row | None:
    """A line as a row; None for the header again, as a file that was appended to has it."""
    if tuple(field.lower() for field in fields) == HEADER:
        return None
    fields += [""] * (len(HEADER) - len(fields))  # the last line of a run that was interrupted
    if len(fields) > len(HEADER):
        raise CheckFailed(
            f"line {number} of {name} has {len(fields)} fields, not {len(HEADER)}: "
            f"“{','.join(fields)[:SHOWN]}”",
            hint="a decimal comma, or a unit or word beside a number, makes a field too many",
        )
    rules = _number(fields[0], comma=comma)
    if rules is None or not rules.is_integer() or not 0 <= rules < 1e9:
        raise CheckFailed(
            f"line {number} of {name}: expected a number of rules, found “{fields[0][:SHOWN]}”"
        )
    throughput, latency = (_number(field, comma=comma) for field in fields[1:])
    return Row(number, int(rules), throughput, latency, ",".join(fields)[:SHOWN])


def _number(field: str, *, comma: bool) -> float | None:
    """A number that is one; nothing, words, nan, inf and what no computer measures are None."""
    field = field.replace(",", ".") if comma else field
    return float(field) if NUMBER.fullmatch(field) and abs(float(field)) < LARGEST else None
