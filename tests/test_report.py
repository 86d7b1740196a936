"""Reports keep their contract, their sums are right, and a file is replaced whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from runs import CAUGHT, REPO, UNCAUGHT, Graded, grade, submission

from grader.check import Verdict
from grader.report import Result, Run, build, write
from grader.rubric import Lab

SCHEMA = json.loads((REPO / "grader" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
RUBRIC = Lab(REPO / "tests_lab").rubric
RUN = Run(seed=7, image="i", started="2026-01-01T00:00:00Z", kernel="6")
# Writes a report of 300 KB on the file system that its argument names; says how it ended.
FILL = """
import os, sys
from pathlib import Path
from grader.report import write
folder = Path(sys.argv[1])
write({"old": True}, folder / "report.json")
old = (folder / "report.json").read_bytes()
try:
    write({"new": "x" * 300_000}, folder / "report.json")
except OSError as error:
    print(error.errno, sorted(os.listdir(folder)) == ["report.json"],
          (folder / "report.json").read_bytes() == old)
"""


def result(name: str, verdict: Verdict, points: float = 0.0, worth: float = 1.0) -> Result:
    """A check's outcome."""
    return Result(name, "It holds", verdict, points, worth, "netns")


def report(*results: Result) -> dict[str, Any]:
    """A report on made-up results."""
    return build(RUBRIC, RUN, {"id": "a", "sha256": "0" * 64}, results, 1.23456)


def objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Every part of the schema that describes an object."""
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    below = [one for part in inner for one in objects(part)]
    return ([schema] if schema.get("type") == "object" else []) + below


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """A real run on three submissions: full marks in 01d, points lost, nothing handed in."""
    home = tmp_path_factory.mktemp("reports")
    submission(home / "class" / "full", uncaught_sh=UNCAUGHT)
    submission(home / "class" / "lost", uncaught_sh=CAUGHT)
    submission(home / "class" / "none", notes_txt="nothing")
    return grade(home / "class", home=home)


@pytest.mark.parametrize("name", ["full", "lost", "none"])
def test_real_reports_keep_the_contract(graded: Graded, name: str) -> None:
    """What a run writes is valid by the schema."""
    VALIDATOR.validate(graded.report(name))


@pytest.mark.parametrize("name", ["full", "lost", "none"])
def test_real_sums(graded: Graded, name: str) -> None:
    """Scores are the sums of points, of all that the lab has."""
    found = graded.report(name)
    for task in found["tasks"]:
        assert task["score"] == sum(one["points"] for one in task["checks"])
        assert task["max_score"] == sum(one["max_points"] for one in task["checks"])
    assert found["score"] == sum(task["score"] for task in found["tasks"])
    assert found["max_score"] == sum(task.points for task in RUBRIC.tasks.values())
    assert found["score"] == {"full": 2, "lost": 0, "none": 0}[name]


def test_real_evidence_is_there(graded: Graded) -> None:
    """Each file that a report names as evidence lies below the report's folder."""
    evidence = [path for one in graded.checks("lost").values() for path in one["evidence"]]
    assert "01d.leaves/wire.pcap" in evidence
    for path in evidence:
        assert (graded.reports / "lost" / path).is_file()


def test_the_schema_is_sound() -> None:
    """The schema itself is valid, and closed at each level."""
    Draft202012Validator.check_schema(SCHEMA)
    found = objects(SCHEMA)
    assert len(found) == 5
    for one in found:
        assert one["additionalProperties"] is False
        assert set(one["required"]) == set(one["properties"])


def test_the_schema_knows_every_verdict() -> None:
    """The schema's verdicts are the engine's."""
    known = SCHEMA["$defs"]["check"]["properties"]["verdict"]["enum"]
    assert known == [str(verdict) for verdict in Verdict]


@pytest.mark.parametrize(
    "place", [(), ("submission",), ("grader",), ("tasks", 0), ("tasks", 0, "checks", 0)]
)
def test_the_schema_refuses_more_and_less(place: tuple[str | int, ...]) -> None:
    """A key too many or too few is invalid, at each level."""
    good = report(result("01d.leaves", Verdict.PASSED, 1))
    assert VALIDATOR.is_valid(good)
    for change in (lambda part: part.update(extra=1), lambda part: part.popitem()):
        changed = deepcopy(good)
        part: Any = changed
        for step in place:
            part = part[step]
        change(part)
        assert not VALIDATOR.is_valid(changed)


@pytest.mark.parametrize("verdict", Verdict)
def test_complete(verdict: Verdict) -> None:
    """A report is complete unless a check is REVIEW, UNSUPPORTED or ERROR."""
    undecided = verdict in {"REVIEW", "UNSUPPORTED", "ERROR"}
    found = report(result("01d.leaves", Verdict.PASSED, 1), result("01d.policies_stay", verdict))
    assert found["complete"] is not undecided


def test_parts_of_points_add_up() -> None:
    """Tenths sum to what a person expects, not to 0.30000000000000004."""
    found = report(*(result(f"01d.c{i}", Verdict.FAILED, 0.1) for i in range(3)))
    assert found["score"] == 0.3


def test_only_what_ran_is_counted() -> None:
    """A task that no check of was run is not in the report."""
    found = report(result("01c.runs", Verdict.PASSED, 1))
    assert [task["id"] for task in found["tasks"]] == ["01c"]
    assert found["max_score"] == 1


def test_a_report_is_replaced(tmp_path: Path) -> None:
    """Writing makes the folder, replaces what was there, and leaves nothing else."""
    path = tmp_path / "deep" / "alice" / "report.json"
    write({"n": 1}, path)
    write({"n": "ü"}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"n": "ü"}
    assert [one.name for one in path.parent.iterdir()] == ["report.json"]


def test_readers_never_see_half(tmp_path: Path) -> None:
    """A reader who has opened the old report reads it whole while a new one is written."""
    path = tmp_path / "report.json"
    write({"n": 1}, path)
    with path.open(encoding="utf-8") as file:
        write({"n": 2}, path)
        assert json.load(file) == {"n": 1}


def test_what_cannot_be_written_leaves_the_old(tmp_path: Path) -> None:
    """A report that is no JSON raises, and the old file stays alone and whole."""
    path = tmp_path / "report.json"
    write({"n": 1}, path)
    with pytest.raises(TypeError):
        write({"n": object()}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"n": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_text_that_is_no_unicode_is_written(tmp_path: Path) -> None:
    """A lone surrogate, as in a file name that is not UTF-8, does not stop the report."""
    write({"id": "b\udcff"}, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_bytes())


def test_a_full_disk_leaves_the_old(tmp_path: Path) -> None:
    """On a disk that is full the old report stays whole, and no temporary file beside it."""
    steps = 'mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", steps, "sh",
         str(tmp_path), sys.executable, FILL],
        cwd=REPO, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == "28 True True\n", done.stderr
