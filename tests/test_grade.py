"""`grader grade`, as a teacher meets it: a class, stopped and taken up again; late days."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from runs import CAUGHT, UNCAUGHT, environment, submission
from terminal import GRADER, Person, at_a_terminal

from grader import home, roster
from grader.deadline import wait_until
from grader.errors import BadInput
from grader.grading import Grading
from grader.people import handed, owner
from grader.report import SCHEMA
from grader.rubric import Late
from grader.submission import Submission

ROSTER = """submission,name,email,group,due,submitted
alice,Alice,alice@example.org,321CA,2026-05-04T23:59+03:00,2026-05-06T00:00+03:00
bob,=HYPERLINK("x"),bob@example.org,321CA,,
zoe,Zoe,zoe@example.org,322CA,,
"""


@pytest.fixture
def class_(tmp_path: Path) -> Path:
    """Four submissions: a right one, a wrong one, one that cannot be opened as text, a late one."""
    folder = tmp_path / "class"
    submission(folder / "alice", uncaught_sh=UNCAUGHT)
    submission(folder / "bob", uncaught_sh=CAUGHT, submission_yaml="late_days: 2\nmembers: [bob]\n")
    (folder / "carol").mkdir()
    (folder / "carol" / "uncaught.sh").symlink_to("/dev/zero")
    submission(folder / "dan", uncaught_sh=UNCAUGHT, submission_yaml="a: &a [*a]\n")
    return folder


def grade(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `grader grade` on 01d in pipes; reports are beside the class."""
    return subprocess.run(
        [GRADER, *command(folder), *map(str, arguments)],
        env=environment(COLUMNS="80"), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False, timeout=240,
    )  # fmt: skip


def command(folder: Path) -> list[str]:
    """What `grader` is told."""
    reports = folder.parent / "reports"
    return ["grade", str(folder), "--task", "01d", "--report-dir", str(reports), "--seed", "7"]


def report(folder: Path, name: str) -> dict[str, Any]:
    """The report on a submission."""
    found: dict[str, Any] = json.loads(
        (folder.parent / "reports" / name / "report.json").read_text()
    )
    return found


def summary(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of summary.csv by submission."""
    text = (folder.parent / "reports" / "summary.csv").read_text(encoding="utf-8")
    return {row["submission"]: row for row in csv.DictReader(text.splitlines())}


def graded_in(found: subprocess.CompletedProcess[str]) -> set[str]:
    """The submissions that a run has graded, as it told on the way."""
    return set(re.findall(r"^\d+/\d+  (\S+)  ", found.stderr, re.MULTILINE))


def test_a_class(class_: Path) -> None:
    """All are graded whatever one of them is; table, summary and code say what came of it."""
    (class_.parent / "roster.csv").write_text(ROSTER)
    found = grade(class_, "-n", "2", "--roster", class_.parent / "roster.csv")
    assert found.returncode == 1, found.stdout + found.stderr
    assert graded_in(found) == {"alice", "bob", "carol", "dan"}
    lines = {line.split()[0]: line.split() for line in found.stdout.splitlines() if line.strip()}
    assert lines["submission"] == ["submission", "01d", "points", "max", "late"]
    assert lines["alice"] == ["alice", "2", "2", "2", "2"]  # a day and a minute late
    assert lines["bob"] == ["bob", "0", "0", "2", "2"]
    assert lines["carol"] == ["carol", "0", "0", "2"]
    assert lines["zoe"] == ["zoe", "-", "-", "-", "not", "handed", "in"]
    assert "warning: dan: left out: submission.yaml:1: " in found.stderr
    assert "warning: dan: is not in the roster" in found.stderr
    rows = summary(class_)
    assert (rows["alice"]["score"], rows["alice"]["late_days"]) == ("2", "2")
    assert (rows["bob"]["members"], rows["bob"]["late_days"]) == ("bob", "2")
    assert rows["bob"]["name"].startswith("'=")  # no formula
    assert (rows["zoe"]["score"], rows["zoe"]["complete"]) == ("", "no")


def test_what_stands_is_kept(class_: Path) -> None:
    """A second run grades what has changed, alone; --force and another seed grade all."""
    grade(class_, "-n", "2")
    before = report(class_, "alice")
    (class_ / "bob" / "uncaught.sh").write_text(UNCAUGHT)
    again = grade(class_)
    assert graded_in(again) == {"bob"}
    assert "3 kept: graded before, and nothing has changed since" in again.stderr
    assert report(class_, "bob")["score"] == 2
    assert report(class_, "alice") == before
    assert again.returncode == 1  # of those that were kept, too
    assert graded_in(grade(class_, "--seed", "8", "-n", "2")) == {"alice", "bob", "carol", "dan"}
    assert graded_in(grade(class_, "--seed", "8", "-n", "2", "--force")) == {
        "alice", "bob", "carol", "dan",
    }  # fmt: skip


def test_a_fault_of_ours_is_graded_again(class_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be graded is not kept, and its code is 3."""
    with monkeypatch.context() as no_image:
        no_image.setenv("XDG_CACHE_HOME", str(class_.parent / "none"))
        assert grade(class_).returncode == 3
    assert graded_in(grade(class_, "-n", "2")) == {"alice", "bob", "carol", "dan"}


def test_a_name_that_is_the_graders(class_: Path) -> None:
    """A submission that would lie where the summary lies is told before anything is graded."""
    submission(class_ / "summary.csv", uncaught_sh=UNCAUGHT)
    found = grade(class_)
    assert found.returncode == 2
    assert "a submission cannot be called summary.csv" in found.stderr
    assert not (class_.parent / "reports").exists()


def test_a_class_whose_path_cannot_be_sent(tmp_path: Path) -> None:
    """A class's folder whose name is no UTF-8 is told so; workers could not be sent there."""
    with pytest.raises(BadInput, match=r"expected a path in UTF-8, found .*caf\\xe9"):
        Grading(home.project(), home.lab(), [tmp_path / os.fsdecode(b"caf\xe9")])


def slow_class(tmp_path: Path) -> Path:
    """A submission that is right, then one that never ends."""
    folder = tmp_path / "class"
    submission(folder / "alice", uncaught_sh=UNCAUGHT)
    submission(folder / "bob", uncaught_sh="sleep 600\n")
    return folder


def until_alice_is_done(folder: Path, somebody: Person) -> None:
    """Wait until the first report is there and the second submission is being graded."""
    path = folder.parent / "reports" / "alice" / "report.json"
    somebody.sees(r"bob 01d\.leaves", within=90)
    wait_until(path.is_file, within=20, what="alice's report")


def runs_of(folder: Path) -> list[int]:
    """The processes that have to do with a class."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(folder) in words and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


def test_a_report_is_there_as_soon_as_it_can_be(tmp_path: Path) -> None:
    """Ctrl-C: what is done stays, the rest gets no verdict, and is graded the next time."""
    folder = slow_class(tmp_path)
    with at_a_terminal(*command(folder)) as somebody:
        until_alice_is_done(folder, somebody)
        before = report(folder, "alice")
        somebody.type("\x03")
        somebody.sees("ending: what was graded is written down", within=20)
        somebody.sees("summary: ", within=60)
        assert somebody.leaves(within=60) == 128 + signal.SIGINT
    assert report(folder, "alice") == before
    assert before["complete"]
    assert not report(folder, "bob")["complete"]
    (folder / "bob" / "uncaught.sh").write_text(UNCAUGHT)
    assert graded_in(grade(folder)) == {"bob"}


def test_ctrl_c_twice(tmp_path: Path) -> None:
    """A second Ctrl-C kills the run; reports that are there are whole, and nothing runs on."""
    folder = slow_class(tmp_path)
    with at_a_terminal(*command(folder)) as somebody:
        until_alice_is_done(folder, somebody)
        somebody.type("\x03\x03")
        assert somebody.leaves(within=60) == 128 + signal.SIGINT
    assert report(folder, "alice")["schema"] == SCHEMA
    wait_until(lambda: not runs_of(folder), within=20, what="the end of all processes")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_its_terminal_or_itself_is_gone(number: int, tmp_path: Path) -> None:
    """If the window is closed, or it is killed, the run ends, and what was done is there."""
    folder = slow_class(tmp_path)
    (folder / "bob" / "uncaught.sh").write_text(
        "sleep 20\n"
    )  # a run that is alone ends after a check
    with at_a_terminal(*command(folder)) as somebody:
        until_alice_is_done(folder, somebody)
        os.kill(somebody.run.pid, number)
        somebody.run.wait()
        wait_until(lambda: not runs_of(folder), within=90, what="the end of all processes")
    assert report(folder, "alice")["score"] == 2


# --- submission.yaml, and the roster -------------------------------------------------------------


def test_the_roster_counts(tmp_path: Path) -> None:
    """Where a submission says other late days than the roster, the roster's stand, with a word."""
    path = tmp_path / "roster.csv"
    path.write_text("submission,due,submitted\na,2026-05-04T23:59Z,2026-05-05T00:00Z\n")
    one = submission(tmp_path / "a", submission_yaml="late_days: 0\n")
    whose = owner(Submission("a", one), roster.read(path))
    assert whose.late_days == 1
    assert whose.warnings == ("a: says late_days: 0, the roster 1",)


def test_of_a_groups_times_the_kindest_count(tmp_path: Path) -> None:
    """Where a group's lines of the roster differ, the fewest late days are the submission's."""
    path = tmp_path / "roster.csv"
    path.write_text(
        "submission,name,due,submitted\n"
        "a,Ana,2026-05-04T23:59Z,2026-05-06T12:00Z\n"
        "a,Bob,2026-05-05T23:59Z,2026-05-06T12:00Z\n"
        "a,Cai,,\n"
    )
    folder = submission(tmp_path / "a")
    assert owner(Submission("a", folder), roster.read(path)).late_days == 1


HOSTILE = {
    "bomb": "a: &a [x, x]\nb: &b [*a, *a]\n",
    "tag": "members: !!python/object/apply:os.system [touch /tmp/x]\n",
    "deep": "members: " + "[" * 10_000,
    "many": "members: [" + "x, " * 50_000 + "]\n",
    "negative": "late_days: -3\n",
    "huge": "late_days: 99999999999999999999\n",
    "other": "points: 100\n",
    "binary": b"\x00\xff\xfe",
    "empty": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_submission_yaml(name: str, tmp_path: Path) -> None:
    """Whatever it holds, it costs a warning, of one bounded text, and says nothing."""
    folder = submission(tmp_path / "a", submission_yaml=HOSTILE[name])
    said, warnings = handed(Submission("a", folder))
    assert (said.members, said.late_days) == ((), None)
    (warning,) = warnings
    assert warning.startswith("a: left out: submission.yaml")
    assert len(warning) < 2000


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    """A submission.yaml that is no plain file is refused, and nobody waits for it."""
    for make in (lambda path: path.symlink_to("/etc/hostname"), os.mkfifo):
        folder = tmp_path / make.__name__.strip("<>")
        folder.mkdir()
        make(folder / "submission.yaml")
        _, warnings = handed(Submission("a", folder))
        assert "expected a plain text file" in warnings[0]


def test_no_file_is_no_warning(tmp_path: Path) -> None:
    """Nobody has to say anything."""
    assert handed(Submission("a", tmp_path))[1] == ()


@pytest.mark.parametrize(("days", "left"), [(0, 80), (1, 80), (2, 72), (3, 64), (4, 0)])
def test_what_late_days_cost(days: int, left: float) -> None:
    """Free days cost nothing, each further one its part, and after the most there is nothing."""
    assert Late(free_days=1, lose_per_day=0.1, most_days=3).score(80, days) == left
