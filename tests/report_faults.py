"""Writes a report again and again while its system calls fail, and says what came of each.

    python tests/report_faults.py write|grading FOLDER

`write` writes one file, `grading` all that a run writes on a submission on which a person has
decided. For each fault a line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from faults import KILL, each_failing
from runs import REPO, UNCAUGHT, submission

from grader import decisions
from grader.check import Verdict
from grader.decisions import checks_in
from grader.grading import Grading
from grader.report import UNFINISHED, Result, half_written, remove_half_written, write

if TYPE_CHECKING:
    from collections.abc import Callable

OLD = {"old": "x" * 10_000}
NEW = {"new": "y" * 10_000}
ANSWER, GIVEN = "Because of the hook.", 2.0
WHY = "03b.explained"
FAULTS = {"write": ("ENOSPC", "EIO", "EACCES", KILL), "grading": ("EIO", KILL)}


def writing(folder: Path) -> Callable[[], object]:
    """Writes one file."""
    return lambda: write(NEW, folder / "report.json")


def grading(home: Path) -> Callable[[], object]:
    """Writes a submission's report: 01d passed, and a person has given points for 03b.explained."""
    alice = submission(home / "class" / "alice", uncaught_sh=UNCAUGHT)
    run = Grading(REPO, REPO / "tests_lab", [alice])
    run.configure(seed=7, sandbox="netns", reports=home / "reports")
    run.started = "2026-01-01T00:00:00Z"
    node = f"{alice}::"
    run.expect([f"{node}01d::leaves", f"{node}03b::explained"])
    worth = run.lab.rubric.tasks["03b"].checks["explained"]
    for id_, verdict, points in (("01d.leaves", Verdict.PASSED, 1.5), (WHY, Verdict.REVIEW, 0.0)):
        name = f"{node}{id_.replace('.', '::')}"
        evidence = (f"{WHY}/answer.txt",) if id_ == WHY else ()
        run.results[name] = Result(
            id_, "It holds", verdict, points, worth, "netns", evidence=evidence
        )
    folder = home / "reports" / "alice"
    (folder / WHY).mkdir(parents=True)
    (folder / WHY / "answer.txt").write_text(ANSWER)
    run.write_report("alice")
    seen = decisions.Seen(0, hashlib.sha256(ANSWER.encode()).hexdigest())
    decisions.decide(home / "reports", "alice", WHY, GIVEN, comment="", reviewer="ta", seen=seen)
    return lambda: run.write_report("alice")


def state(folder: Path, old: bytes, new: bytes) -> str:
    """What the report in a folder is: the old one, the new one, or what is other in it."""
    found = (folder / "report.json").read_bytes()
    if found in {old, new}:
        return "old" if found == old else "new"
    mine, whole = json.loads(found), json.loads(new)
    differ = {one["id"] for one in checks_in(mine) if one not in checks_in(whole)}
    told = [one for one in checks_in(mine) if "cannot be read" in one["hint"]]
    undecided = [one["id"] for one in told if one["verdict"] == Verdict.REVIEW]
    if differ - {*undecided}:
        return found.decode(errors="replace")
    return f"undecided: {undecided}" if undecided else "another digest of what was handed in"


def left(home: Path) -> list[str]:
    """The files that are half written."""
    return [path.name for path in home.rglob(f"{UNFINISHED}*")]


def main(what: str, home: Path) -> None:
    """Print a line for each fault."""
    folder = home / "reports" / "alice"
    work = writing(folder) if what == "write" else grading(home)
    work()
    new, old = (folder / "report.json").read_bytes(), (json.dumps(OLD) + "\n").encode()
    (folder / "report.json").write_bytes(old)
    for one in each_failing(work, FAULTS[what]):
        found = asdict(one) | {"state": state(folder, old, new), "left": left(home)}
        for half in half_written(home):
            remove_half_written(half)
        sys.stdout.write(json.dumps(found | {"after": left(home)}) + "\n")
        (folder / "report.json").write_bytes(old)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
