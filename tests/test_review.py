"""What a person decides is stored, the report follows it, and no later run loses it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from essays import grade_class, hand_in, make_lab
from jsonschema import Draft202012Validator
from rich.console import Console
from runs import REPO, environment, grade

from grader import decisions
from grader.decisions import Overtaken
from grader.dialogue import Dialogue
from grader.errors import BadInput, GraderError
from grader.review import Item, State, items_of, look, pseudonyms, shuffled

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json.loads((REPO / "grader" / "report.schema.json").read_text(encoding="utf-8"))
STUDENTS = ("alice", "bob", "carla")
HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]loud[/bold] \u202eback"
GRADER = str(Path(sys.executable).with_name("grader"))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of three, graded: its home."""
    home = tmp_path_factory.mktemp("essays")
    make_lab(home)
    hand_in(home, "alice", "In the hook.", "First this, then that.")
    hand_in(home, "bob", HOSTILE, "No idea.")
    hand_in(home, "carla", "Lost.", "Somehow.")
    grade_class(home)
    return home


@pytest.fixture
def home(graded: Path, tmp_path: Path) -> Path:
    """A copy of the class for one test."""
    return Path(shutil.copytree(graded, tmp_path / "home"))


def report_of(home: Path, name: str) -> dict[str, Any]:
    """A student's report."""
    path = home / "reports" / name / "report.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def check_of(home: Path, name: str, id_: str) -> dict[str, Any]:
    """A check in a student's report."""
    checks = [one for task in report_of(home, name)["tasks"] for one in task["checks"]]
    return next(one for one in checks if one["id"] == id_)


def item(home: Path, name: str, id_: str) -> Item:
    """A student's answer to a question."""
    return next(one for one in items_of(home / "reports", name) if one.id == id_)


def give(home: Path, name: str, id_: str, points: float, comment: str = "") -> None:
    """Have a reviewer give points."""
    item(home, name, id_).decide(points, comment=comment, reviewer="ana")


def sit(home: Path, *typed: str, items: list[Item] | None = None, **names: str) -> str:
    """What a reviewer reads who types this in an 80 columns wide terminal, then leaves."""
    shown = io.StringIO()
    answers: Iterator[str] = iter(typed)

    def ask(prompt: str) -> str:
        shown.write(prompt)
        try:
            line = next(answers)
        except StopIteration:
            raise EOFError from None
        shown.write(line + "\n")
        return line

    console = Console(file=shown, width=80, highlight=False)
    found = items or list(look(home / "reports").items)
    labels = {one.submission: names.get(one.submission, one.submission) for one in found}
    Dialogue(found, labels, "ana", console, ask).run()
    return shown.getvalue()


# --- the report follows -----------------------------------------------------------------------


def test_a_person_decides_points(home: Path) -> None:
    """Verdict, points and sums follow a decision, and the message says whose it is."""
    give(home, "alice", "e1.why", 2.5, "where is the errno?")
    found = check_of(home, "alice", "e1.why")
    assert (found["verdict"], found["points"]) == ("FAILED", 2.5)
    assert found["message"].startswith("ana gave 2.5 of 4 points, 20")
    assert found["message"].endswith(" UTC: where is the errno?")
    report = report_of(home, "alice")
    assert (report["score"], report["tasks"][0]["score"], report["complete"]) == (3.5, 3.5, False)
    Draft202012Validator(SCHEMA).validate(report)


def test_all_decided_is_complete(home: Path) -> None:
    """Full points are PASSED, and a report without open checks is complete."""
    give(home, "alice", "e1.why", 4)
    give(home, "alice", "e1.how", 0)
    report = report_of(home, "alice")
    assert check_of(home, "alice", "e1.why")["verdict"] == "PASSED"
    assert check_of(home, "alice", "e1.how")["verdict"] == "FAILED"
    assert (report["score"], report["complete"]) == (5, True)


def test_undo_brings_the_report_back(home: Path) -> None:
    """After an undo the report is what the grader wrote; what had been decided stays on record."""
    before = report_of(home, "alice")
    give(home, "alice", "e1.why", 4)
    item(home, "alice", "e1.why").undo("ana")
    assert report_of(home, "alice") == before
    assert [one.kind for one in decisions.read(home / "reports" / "alice").entries] == [
        "decided",
        "undone",
    ]


def test_undo_of_a_change_brings_the_former_decision_back(home: Path) -> None:
    """A decision that replaced another one, taken back, leaves the other one standing."""
    give(home, "alice", "e1.why", 1)
    give(home, "alice", "e1.why", 3)
    assert check_of(home, "alice", "e1.why")["points"] == 3
    item(home, "alice", "e1.why").undo("bo")
    assert check_of(home, "alice", "e1.why")["points"] == 1
    item(home, "alice", "e1.why").undo("bo")
    with pytest.raises(BadInput, match="nothing was decided"):
        item(home, "alice", "e1.why").undo("bo")


@pytest.mark.parametrize("points", [-1, 4.01, float("nan"), float("inf")])
def test_points_are_in_range(home: Path, points: float) -> None:
    """Nobody gets less than nothing or more than all."""
    with pytest.raises(BadInput, match="expected 0 to 4 points"):
        give(home, "alice", "e1.why", points)
    assert not (home / "reports" / "alice" / "reviews.json").exists()


def test_what_a_machine_decided_is_not_reviewed(home: Path) -> None:
    """A check that passed by itself is no item."""
    assert {one.id for one in look(home / "reports").items} == {"e1.why", "e1.how"}


# --- later runs -------------------------------------------------------------------------------


def test_grading_again_keeps_decisions(home: Path) -> None:
    """For the same answer a decision holds in the next run, its report, summary and exit code."""
    for name in STUDENTS:
        give(home, name, "e1.why", 4)
        give(home, name, "e1.how", 5, "well done")
    graded = grade_class(home)
    assert graded.code == 0
    assert "for a person to judge" not in graded.out
    assert graded.report("bob")["score"] == 10
    assert graded.checks("bob")["e1.how"]["message"].endswith("well done")
    item(home, "bob", "e1.how").undo("ana")
    assert check_of(home, "bob", "e1.how")["verdict"] == "REVIEW"
    assert check_of(home, "bob", "e1.how")["message"] == "a person reads how.txt"


def test_a_changed_answer_is_open_again(home: Path) -> None:
    """A decision on another text is kept but decides nothing, until the text is the same again."""
    give(home, "alice", "e1.why", 4)
    hand_in(home, "alice", "Somewhere else.", "First this, then that.")
    graded = grade_class(home)
    assert graded.verdicts("alice")["e1.why"] == "REVIEW"
    assert "6 for a person to judge" in graded.out
    assert item(home, "alice", "e1.why").state is State.STALE
    assert "changed since it was decided; then ana gave 4 of 4" in sit(home)
    hand_in(home, "alice", "In the hook.", "First this, then that.")
    assert grade_class(home).verdicts("alice")["e1.why"] == "PASSED"


def test_other_points_for_the_check_open_it_again(home: Path) -> None:
    """What was given out of four says nothing about a check that is worth six."""
    give(home, "alice", "e1.why", 4)
    path = home / "essay_lab" / "lab.yaml"
    path.write_text(
        path.read_text().replace("points: 10", "points: 12").replace("why: 4", "why: 6")
    )
    assert grade_class(home).verdicts("alice")["e1.why"] == "REVIEW"


def test_a_report_that_lags_behind_is_mended(home: Path) -> None:
    """After a crash between the two files' writing, the next look makes the report follow."""
    path = home / "reports" / "alice" / "report.json"
    before = path.read_bytes()
    give(home, "alice", "e1.why", 4)
    after = path.read_bytes()
    path.write_bytes(before)
    assert item(home, "alice", "e1.why").state is State.DECIDED
    assert path.read_bytes() == after
    item(home, "alice", "e1.why").undo("ana")
    path.write_bytes(after)
    assert item(home, "alice", "e1.why").state is State.OPEN
    assert path.read_bytes() == before


def test_a_run_of_one_check_forgets_nothing(home: Path) -> None:
    """A run that does not grade the answer leaves the decision for the next one that does."""
    give(home, "alice", "e1.why", 4)
    lab, one = f"netlab_lab={home / 'essay_lab'}", f"{home / 'class' / 'alice'}::e1::there"
    assert set(grade("-o", lab, one, home=home).verdicts("alice")) == {"e1.there"}
    assert {one.submission for one in look(home / "reports").items} == {"bob", "carla"}
    assert grade_class(home).verdicts("alice")["e1.why"] == "PASSED"


# --- several reviewers, broken files ------------------------------------------------------------


def test_the_slower_of_two_reviewers_is_told(home: Path) -> None:
    """Points for what another has decided meanwhile are not stored."""
    first, second = item(home, "alice", "e1.why"), item(home, "alice", "e1.why")
    first.decide(1, comment="", reviewer="ana")
    with pytest.raises(Overtaken, match="meanwhile: ana gave 1 of 4"):
        second.decide(3, comment="", reviewer="bo")
    assert check_of(home, "alice", "e1.why")["points"] == 1


def test_an_answer_graded_anew_while_it_was_read(home: Path) -> None:
    """Points are for the text that was shown, not for one that came since."""
    shown = item(home, "alice", "e1.why")
    hand_in(home, "alice", "Another.", "First this, then that.")
    grade_class(home)
    with pytest.raises(Overtaken, match="is another"):
        shown.decide(4, comment="", reviewer="ana")


def test_many_reviewers_at_once(home: Path) -> None:
    """Decisions that come at the same moment are all there."""
    todo = list(look(home / "reports").items)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: one.decide(1, comment="", reviewer="ana"), todo))
    assert [report_of(home, name)["score"] for name in STUDENTS] == [3, 3, 3]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "other"}', "\xff"])
def test_unreadable_decisions_stay_as_they_are(home: Path, content: str) -> None:
    """A broken reviews.json is named, and neither overwritten nor in the way of the others."""
    shown = item(home, "alice", "e1.why")
    path = home / "reports" / "alice" / "reviews.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(GraderError, match=r"reviews\.json: expected decisions"):
        shown.decide(1, comment="", reviewer="ana")
    found = look(home / "reports")
    assert {one.submission for one in found.items} == {"bob", "carla"}
    assert [str(path) in fault.what for fault in found.faults] == [True]
    assert path.read_bytes() == content.encode("latin-1")


def test_unreadable_decisions_do_not_stop_a_run(home: Path) -> None:
    """Grading goes on without them: what they may have decided is open, and says why."""
    path = home / "reports" / "alice" / "reviews.json"
    path.write_text("{")
    graded = grade_class(home)
    assert graded.verdicts("alice")["e1.why"] == "REVIEW"
    assert "reviews.json" in graded.checks("alice")["e1.why"]["hint"]
    assert path.read_text() == "{"


def test_reports_without_their_evidence(home: Path) -> None:
    """Where an answer's text is missing, nothing is decided, and nothing that was is undone."""
    give(home, "alice", "e1.why", 4)
    shown = item(home, "alice", "e1.how")
    before = report_of(home, "alice")
    shutil.rmtree(home / "reports" / "alice" / "e1.why")
    found = look(home / "reports")
    assert {one.submission for one in found.items} == {"bob", "carla"}
    assert "e1.why/answer.txt: cannot be read" in found.faults[0].what
    with pytest.raises(GraderError, match="cannot be read"):
        shown.decide(1, comment="", reviewer="ana")
    assert report_of(home, "alice") == before
    assert grade_class(home).verdicts("alice")["e1.why"] == "PASSED"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tasks": [{"checks": [{"id": 1}]}]}'])
def test_unreadable_reports_are_named(home: Path, content: str) -> None:
    """A report that is none is left out by name."""
    (home / "reports" / "alice" / "report.json").write_text(content)
    assert "alice/report.json: expected a report" in look(home / "reports").faults[0].what


# --- the conversation ---------------------------------------------------------------------------


def test_question_by_question(home: Path) -> None:
    """All answers to a question come before the next question; its guide is shown once."""
    shown = sit(home, "s", "s", "s", "s", "s", "s")
    titles = [f"{id_}: {name}" for id_ in ("e1.why", "e1.how") for name in STUDENTS]
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)
    assert shown.count("4 points: the kernel drops it") == 1


def test_a_sitting(home: Path) -> None:
    """Points, a comment, back, undo, skip and quit do what they say."""
    sit(home, "2,5 short", "f", "b", "1 on second thoughts", "u", "u", "s", "0", "c why not?", "q")
    assert check_of(home, "alice", "e1.why")["points"] == 2.5
    assert item(home, "bob", "e1.why").state is State.OPEN
    assert check_of(home, "carla", "e1.why")["points"] == 0
    assert check_of(home, "carla", "e1.why")["message"].endswith("UTC")
    assert item(home, "alice", "e1.how").state is State.OPEN


def test_long_answers_are_cut(home: Path) -> None:
    """Of a very long answer the beginning is shown, and how much there is besides."""
    hand_in(home, "alice", "x\n" * 50_000, "First this, then that.")
    grade_class(home)
    shown = sit(home)
    assert shown.count("\n") < 250
    assert "… 99600 characters more" in shown


def test_the_question_is_shown(home: Path) -> None:
    """Where the check hands the question over, it stands above the guide; it is no evidence."""
    folder = home / "reports" / "alice"
    report = report_of(home, "alice")
    report["tasks"][0]["checks"][1]["evidence"].append("e1.why/question.txt")
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "e1.why" / "question.txt").write_text("Why is it gone?\n")
    shown = sit(home)
    assert shown.index("Why is it gone?") < shown.index("4 points: the kernel")
    assert "question.txt" not in shown


def test_guides_that_differ(home: Path) -> None:
    """A guide may tell of the student's own run: whose differs from the first is said, g shows."""
    (home / "reports" / "bob" / "e1.why" / "guide.md").write_text("line\n" * 40 + "bob's trace")
    shown = sit(home, "s", "g", "s")
    assert shown.count("which differs from the one above") == 1
    assert shown.index("e1.why: bob") < shown.index("which differs") < shown.index("bob's trace")
    (home / "reports" / "alice" / "e1.why" / "guide.md").write_text("line\n" * 40 + "the end")
    shown = sit(home)
    assert shown.count("│ line") == 24
    assert "characters more: g shows all" in shown
    assert "the end" in sit(home, "g")


def test_evidence_is_no_submission(home: Path) -> None:
    """A report.json among a student's files is not taken for a report."""
    shutil.copy(home / "reports" / "bob" / "report.json", home / "reports" / "alice" / "e1.why")
    found = look(home / "reports")
    assert {one.submission for one in found.items} == set(STUDENTS)
    assert not found.faults


def test_two_sittings_at_once(home: Path) -> None:
    """Who is slower reads what the other gave, and goes on with what is open."""
    answers = iter(["3", "2", "q"])
    shown = io.StringIO()

    def ask(prompt: str) -> str:
        line = next(answers)
        if line == "3":
            item(home, "alice", "e1.why").decide(1, comment="", reviewer="bo")
        return line

    found = list(look(home / "reports").items)
    names = {name: name for name in STUDENTS}
    Dialogue(found, names, "ana", Console(file=shown, width=80), ask).run()
    assert "not stored, since meanwhile: bo gave 1 of 4 points" in shown.getvalue()
    assert [check_of(home, name, "e1.why")["points"] for name in STUDENTS] == [1, 2, 0]


def test_any_writer_may_hold_the_reports(home: Path) -> None:
    """The lock of a folder of reports is not its maker's alone."""
    look(home / "reports")
    assert (home / "reports" / ".lock").stat().st_mode & 0o777 == 0o666


def test_a_comment_afterwards(home: Path) -> None:
    """Back at what was given, a comment changes nothing but the comment."""
    sit(home, "2.5", "b", "c see page 3", "q")
    found = check_of(home, "alice", "e1.why")
    assert found["points"] == 2.5
    assert found["message"].endswith("see page 3")


@pytest.mark.parametrize("typed", ["x", "5", "-1", "1e1", "nan", "2.5x", "e 9", "e x", "² x", "?"])
def test_slips_decide_nothing(home: Path, typed: str) -> None:
    """What is no answer is explained and asked again."""
    assert sit(home, typed).count("points 0-4") == 2
    assert not (home / "reports" / "alice" / "reviews.json").exists()


def test_what_is_decided_is_not_asked_again(home: Path) -> None:
    """The next sitting begins with what is open."""
    sit(home, "1")
    assert "e1.why: alice" not in sit(home)


def test_hostile_answers_are_shown_as_text(home: Path) -> None:
    """Nothing of an answer reaches the terminal as an order or as markup."""
    shown = sit(home, "s", "e 1", "c \x1b[31mred", "1")
    assert "\x1b" not in shown.replace("\x1b[31mred\n", "")
    assert "\\x1b[2J\\x1b]0;owned\\x07[bold]loud[/bold] \\x202eback" in shown
    assert "\x1b" not in check_of(home, "bob", "e1.why")["message"]


def test_names_can_be_hidden(home: Path) -> None:
    """With pseudonyms no name is shown; they and the order stay the same for a seed."""
    found = list(look(home / "reports").items)
    names = pseudonyms(STUDENTS, 3)
    assert names == pseudonyms(reversed(STUDENTS), 3) != pseudonyms(STUDENTS, 4)
    mixed = shuffled(found, 3)
    assert mixed == shuffled(found, 3)
    assert any(shuffled(found, seed) != found for seed in range(9))
    assert [one.id for one in mixed] == [one.id for one in found]
    shown = sit(home, "e 1", "1", "1", "1", "1", items=mixed, **names)
    assert not any(name in shown for name in STUDENTS)


def test_evidence_does_not_tell_names(home: Path) -> None:
    """The command that grades a submission again, which is evidence, is shown without its name."""
    folder = home / "reports" / "bob"
    text = "# again: ./lab pytest 'class/bob::e1' --seed=7\nbobbin"
    (folder / "e1.why" / "why.txt").write_text(text)
    found = [one for one in look(home / "reports").items if one.submission == "bob"]
    shown = sit(home, "e 1", items=found, bob="student 1234")
    assert "# again: ./lab pytest 'class/student 1234::e1' --seed=7" in shown
    assert "bobbin" in shown
    assert "class/bob::e1" in sit(home, "e 1", items=found)


# --- the command --------------------------------------------------------------------------------


def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run `grader review` without a terminal."""
    return subprocess.run(
        [GRADER, "review", *arguments],
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_a_terminal(home: Path) -> None:
    """Without a terminal it says what to do, in one line each, and ends with 2."""
    done = run(str(home / "reports"))
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[1]
        == "remedy: start it in a terminal, or take: ./lab grader review --list"
    )


def test_the_list(home: Path) -> None:
    """--list shows each answer and what was given, of one task or check on wish."""
    give(home, "alice", "e1.why", 3, HOSTILE)
    done = run(str(home / "reports"), "--list", "--only", "e1.why")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["e1.why", name] for name in STUDENTS]
    assert "ana gave 3 of 4" in lines[0]
    assert "\x1b" not in done.stdout
    assert lines[1].endswith("open")


def test_no_reports(tmp_path: Path) -> None:
    """Where nothing was graded it says so."""
    done = run(str(tmp_path))
    assert done.returncode == 2
    assert "expected reports, found none" in done.stderr


def test_in_a_terminal(home: Path) -> None:
    """On a terminal the command takes what is typed, in plain text where NO_COLOR is set."""
    leader, follower = os.openpty()
    with subprocess.Popen(
        [GRADER, "review", str(home / "reports"), "--reviewer", "bo"],
        env=environment(NO_COLOR="1", TERM="xterm", COLUMNS="80"),
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        os.write(leader, b"2.5 good\nq\n")
        shown, _ = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    assert process.returncode == 0
    assert "\x1b[3" not in shown
    assert check_of(home, "alice", "e1.why")["message"].startswith("bo gave 2.5 of 4")
