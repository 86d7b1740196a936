"""The systems that exports are for: their schemas, and readers that follow their own rules."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

TEXT = {"type": "string"}
NAMED = {"type": "string", "minLength": 1}
AMOUNT = {"type": "number", "minimum": 0}
UNITS = {"type": "integer", "minimum": 0}


def _object(required: dict[str, Any], optional: dict[str, Any], *, more: bool = False) -> Any:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | optional,
        "additionalProperties": more,
    }


# validate_result() of Classroom 50's runner.py; no other keys at the top.
CLASSROOM50 = Draft202012Validator(
    _object(
        {
            "schema": {"const": "classroom50/result/v1"},
            "classroom": NAMED,
            "assignment": NAMED,
            "assignment_type": {"enum": ["individual", "group", "team"]},
            "owner": NAMED,
            "submission": {"type": "string", "pattern": "^submit/"},
            "commit": NAMED,
            "release": NAMED,
            "review": NAMED,
            "datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            "score": UNITS,
            "max-score": UNITS,
            "tests": {
                "type": "array",
                "items": _object(
                    {
                        "test-name": NAMED,
                        "passed": {"type": "boolean"},
                        "score": UNITS,
                        "max-score": UNITS,
                    },
                    {},
                    more=True,
                ),
            },
        },
        {"graded_at": TEXT, "submitted_by": {"type": "object"}},
    )
)
CLASSROOM = Draft202012Validator(
    _object(
        {
            "version": {"const": 3},
            "status": {"enum": ["pass", "fail", "error"]},
            "max_score": AMOUNT,
            "tests": {
                "type": "array",
                "minItems": 1,  # its share of passed tests is NaN without any
                "items": _object(
                    {
                        "name": NAMED,
                        "status": {"enum": ["pass", "fail", "error"]},
                        "score": AMOUNT,
                        "message": TEXT,
                        "test_code": TEXT,
                        "filename": TEXT,
                        "line_no": {"const": 0},
                        "duration": AMOUNT,
                        "output": TEXT,
                    },
                    {},
                ),
            },
        },
        {},
    )
)
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
GRADESCOPE = Draft202012Validator(
    _object(
        {"tests": {"type": "array", "items": {"$ref": "#/$defs/test"}}},
        {
            "score": AMOUNT,
            "execution_time": AMOUNT,
            "output": TEXT,
            "output_format": FORMAT,
            "visibility": VISIBILITY,
            "stdout_visibility": VISIBILITY,
            "extra_data": {"type": "object"},
        },
    )
    | {
        "$defs": {
            "test": _object(
                {"name": NAMED},
                {
                    "score": AMOUNT,
                    "max_score": AMOUNT,
                    "status": {"enum": ["passed", "failed"]},
                    "number": TEXT,
                    "output": TEXT,
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": TEXT},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            )
        }
    }
)
PRAIRIELEARN = Draft202012Validator(
    _object(
        {"gradable": {"type": "boolean"}},
        {
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "message": TEXT,
            "output": TEXT,
            "format_errors": {"type": "array", "items": TEXT},
            "images": {"type": "array"},
            "tests": {
                "type": "array",
                "items": _object(
                    {"name": NAMED, "points": AMOUNT, "max_points": AMOUNT},
                    {
                        "description": TEXT,
                        "message": TEXT,
                        "output": TEXT,
                        "images": {"type": "array"},
                    },
                ),
            },
        },
    )
    | {"if": {"properties": {"gradable": {"const": True}}}, "then": {"required": ["score"]}}
)


# --- GitHub's runner ---------------------------------------------------------------------------

COMMANDS = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice",
    "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """What the runner obeys."""

    name: str
    properties: dict[str, str]
    data: str


def commands(log: str) -> list[Command]:
    """All commands that the runner takes from a step's output: ActionCommand.cs, both forms."""
    found: list[Command] = []
    token = None
    for line in re.split(r"\r\n|\r|\n", log):
        command = _command(line, COMMANDS | ({token} if token else set()))
        if command is None:
            continue
        if token is not None:
            token = None if command.name == token else token
        elif command.name == "stop-commands":
            token = command.data
        else:
            found.append(command)
    return found


def _command(line: str, known: set[str]) -> Command | None:
    line = line.lstrip()
    second = re.fullmatch(r"::([^ :]*)(?: ((?:(?!::).)*))?::(.*)", line)
    if second and second[1].lower() in {one.lower() for one in known}:
        pairs = [one.partition("=") for one in (second[2] or "").strip().split(",") if one]
        properties = {key: _decoded(value) for key, _, value in pairs if key and value}
        return Command(second[1], properties, _decoded(second[3]))
    first = re.search(r"##\[([^] ]*)[^]]*\](.*)", line)
    if first and first[1].lower() in {one.lower() for one in known}:
        return Command(first[1], {}, first[2])
    return None


def _decoded(text: str) -> str:
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


def outputs(file: str) -> dict[str, str]:
    """The outputs that a step's $GITHUB_OUTPUT file holds; none of ours has several lines."""
    return dict(line.split("=", 1) for line in file.splitlines())


# --- graders of courses ------------------------------------------------------------------------


def reporters_points(output: str) -> tuple[dict[str, Any], float, float]:
    """What GitHub Classroom's reporter reads, and the points it adds up: none without a maximum."""
    document = json.loads(base64.b64decode(output))
    CLASSROOM.validate(document)
    if not document["max_score"]:
        return document, 0, 0
    return document, sum(one["score"] for one in document["tests"]), document["max_score"]


def vmcheckers_grade(log: str) -> tuple[str, str, list[str]]:
    """VMchecker's first and last total between its markers, and the feedback it keeps."""
    trace = log[log.index("<VMCK_NEXT_BEGIN>") + len("<VMCK_NEXT_BEGIN>") + 1 :]
    trace = trace[: trace.index("<VMCK_NEXT_END>")]
    totals = re.findall(r"Total:\ *([0-9]+)", trace)
    return totals[0], totals[-1], trace.splitlines()[:300]


def worksheets_grades(text: str, words: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What Moodle imports from a worksheet, in a language: grade and feedback by number."""
    first = text.removeprefix("\ufeff").partition("\r\n")[0]
    rows = csv.DictReader(
        io.StringIO(text.removeprefix("\ufeff"), newline=""),
        delimiter=max(",;\t", key=first.count),
        strict=True,
    )
    assert {words["identifier"], words["grade"], words["modified"]} <= set(rows.fieldnames or ())
    return {
        row[words["identifier"]].removeprefix(words["participant"]): (
            row[words["grade"]],
            row.get(words["feedback"], ""),
        )
        for row in rows
    }
