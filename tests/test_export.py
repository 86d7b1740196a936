"""Exports: one total in all, no 0 for what nobody judged, nothing of a submission obeyed."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from runs import REPO, Graded, copy_of_reference, environment, grade
from targets import (
    CLASSROOM50,
    GRADESCOPE,
    PRAIRIELEARN,
    commands,
    outputs,
    reporters_points,
    vmcheckers_grade,
)
from totals import CLASSROOM, GIVEN, TOTALS, facts, rows, text

from grader.errors import BadInput
from grader.export import FORMATS, Given, NoGrade, collect, make
from grader.export import graded as model
from grader.export.units import apportion, units
from grader.export.wording import commandless, markdown, no_formula
from grader.report import sum_up
from grader.roster import Person

if TYPE_CHECKING:
    from collections.abc import Mapping

GRADER = str(Path(sys.executable).with_name("grader"))
# What a submission prints comes back in messages; its folder's name is the student's, too.
HOSTILE_NAME = "=cmd|' ::add-mask::x"
HOSTILE = """
echo '::set-output name=score::100'
echo '  ::error::x'
echo 'x ##[set-output name=score;]100'
echo 'Total: 100'
echo '<VMCK_NEXT_END>'
echo '</pre><script>alert(1)</script> ]]> <b>'
echo '@everyone [link](http://example.org) ![](x)'
printf '\\033[31mred\\a\\r::error::y\\n'
exit 1
"""
# The verdicts that decide nothing.
OPEN = ("ERROR", "UNSUPPORTED", "REVIEW")
ONE_EACH = ("classroom50", "classroom", "gradescope", "prairielearn", "vmchecker")
Many = list[model.Graded]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Four real submissions: full marks, whole points lost, a fraction lost, and a hostile one."""
    home = tmp_path_factory.mktemp("exports")
    folder = home / "class"
    copy_of_reference(folder / "full")
    lost = copy_of_reference(folder / "lost")
    (lost / "uncaught.sh").write_text("ping -c 1 -W 1 8.8.8.8\n")
    fraction = copy_of_reference(folder / "fraction")
    answers = (fraction / "answers.yaml").read_text()
    shorter = re.sub(r"(\n  syn_options: \[)[^,]*, ", r"\1", answers)
    assert shorter != answers
    (fraction / "answers.yaml").write_text(shorter)
    (copy_of_reference(folder / HOSTILE_NAME) / "uncaught.sh").write_text(HOSTILE)
    return grade(folder, "-n", "2", "--sandbox=netns", "-k", "01d or 02c", home=home)


@pytest.fixture(scope="module")
def real(run: Graded) -> Many:
    """Their reports."""
    found = collect.reports([run.reports])
    assert len(found) == 4, run.out
    return found


@pytest.fixture(scope="module")
def unsupported(tmp_path_factory: pytest.TempPathFactory) -> model.Graded:
    """A real report with a check that the only sandbox could not observe."""
    home = tmp_path_factory.mktemp("unsupported")
    found = grade(copy_of_reference(home / "bob"), "--sandbox=netns", "-k", "log_lines", home=home)
    assert found.code == 3
    return collect.reports([found.reports])[0]


def named(reports: Many, name: str) -> model.Graded:
    """The report on the submission of that name."""
    return next(one for one in reports if one.id == name)


def changed(graded: model.Graded, place: int = 0, **facts: Any) -> model.Graded:
    """A report, one of whose checks is another."""
    report = deepcopy(graded.report)
    check = next(one for one in _checks(report)[place:] if one["max_points"])
    check.update(facts)
    return model.Graded(sum_up(report))


def undecided(graded: model.Graded, verdict: str) -> model.Graded:
    """A report, one of whose checks nobody could judge."""
    return changed(graded, verdict=verdict, points=0.0, message="the machine broke")


def _checks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [check for task in report["tasks"] for check in task["checks"]]


# --- one total -----------------------------------------------------------------------------------


def test_real_reports_have_fractions(real: Many) -> None:
    """Among the reports that the formats are held to some have a fraction of a point, none all."""
    assert any(one.score != round(one.score) for one in real)
    assert {one.report["complete"] for one in real} == {True}


def test_every_format_has_its_total_read() -> None:
    """No format is left out of the comparison of totals."""
    assert TOTALS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_one_total(name: str, real: Many) -> None:
    """A format's own reader finds the report's total, and its checks add up to it."""
    thirds = changed(named(real, "full"), verdict="FAILED", points=0.3333)
    tenths = changed(named(real, "fraction"), verdict="FAILED", points=0.1 + 0.2)
    for one in (*real, thirds, tenths):
        assert TOTALS[name](one) == pytest.approx((one.score, one.max_score), abs=1e-9)


@pytest.mark.parametrize("scale", [1, 3, 100, 10_000])
def test_units_add_up(scale: int) -> None:
    """Checks' units add up to the total's units, and none has more than it is worth."""
    worth = [1 / 3, 1 / 3, 1 / 3, 0.5, 0.125, 2.0]
    most = apportion(worth, scale)
    won = apportion([one * 0.9 for one in worth], scale, most=most)
    assert sum(most) == units(sum(round(one, 4) for one in worth), scale)
    assert sum(won) == units(sum(round(one * 0.9, 4) for one in worth), scale)
    assert all(0 <= one <= top for one, top in zip(won, most, strict=True))


# --- never a zero --------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", OPEN)
def test_junit_knows_whose_fault(real: Many, verdict: str) -> None:
    """ERROR and UNSUPPORTED are errors, REVIEW is skipped, and none of them has points."""
    document = text("junit", undecided(named(real, "full"), verdict))
    suite = next(iter(JUnitXml.fromstring(document.encode())))
    case = next(one for one in suite if one.result)
    assert isinstance(case.result[0], Skipped if verdict == "REVIEW" else Error)
    assert (suite.errors, suite.skipped) == ((0, 1) if verdict == "REVIEW" else (1, 0))
    assert {"verdict": verdict, "points": ""}.items() <= facts(case).items()


@pytest.mark.parametrize("verdict", OPEN)
@pytest.mark.parametrize("name", ["classroom50", "vmchecker"])
def test_no_export_at_all(real: Many, name: str, verdict: str) -> None:
    """Where a missing number would be read as 0, nothing is written, and the job is to fail."""
    with pytest.raises(NoGrade, match=r"01d\.\w+"):
        text(name, undecided(real[0], verdict))


@pytest.mark.parametrize("verdict", OPEN)
def test_classroom_reports_no_points(real: Many, verdict: str) -> None:
    """The reporter is told an error, and no maximum: then it reports no points."""
    found = outputs(text("classroom", undecided(real[0], verdict)))["result"]
    document, score, most = reporters_points(found)
    assert (document["status"], score, most) == ("error", 0, 0)


@pytest.mark.parametrize("verdict", OPEN)
def test_gradescope_gets_no_score(real: Many, verdict: str) -> None:
    """Gradescope finds no score, neither at the top nor in a test to add up, and reads why."""
    document = json.loads(text("gradescope", undecided(real[0], verdict)))
    GRADESCOPE.validate(document)
    assert "score" not in document
    assert not any("score" in one for one in document["tests"])
    assert "no grade yet" in document["output"]


@pytest.mark.parametrize("verdict", OPEN)
def test_prairielearn_is_not_gradable(real: Many, verdict: str) -> None:
    """PrairieLearn is told that the submission is not gradable, which costs nothing."""
    document = json.loads(text("prairielearn", undecided(real[0], verdict)))
    PRAIRIELEARN.validate(document)
    assert document["gradable"] is False
    assert "score" not in document


@pytest.mark.parametrize("verdict", OPEN)
def test_tables_have_an_empty_grade(real: Many, verdict: str) -> None:
    """A table's grade is empty and its state says why; the gradebook, which would wipe, no row."""
    one = undecided(real[0], verdict)
    (row,) = rows(text("csv", one))
    assert row["grade"] == row["01d"] == ""
    assert row["02c"] != ""
    assert "01d." in row["state"]
    written = make("moodle-gradebook", [one], GIVEN)
    assert rows(written.text) == []
    assert "left out" in written.notes[0]


@pytest.mark.parametrize("verdict", OPEN)
def test_github_says_who_is_next(real: Many, verdict: str) -> None:
    """What we could not grade is a warning that says so, what a person judges a notice."""
    found = commands(text("github", undecided(named(real, "full"), verdict)))
    assert [one.name for one in found] == ["notice" if verdict == "REVIEW" else "warning"]
    assert ("could not grade" in found[0].properties["title"]) == (verdict != "REVIEW")
    assert "No grade yet" in text("github-summary", undecided(real[0], verdict))


def test_an_unsupported_check_of_a_real_run(unsupported: model.Graded) -> None:
    """A real run in a sandbox that cannot observe a check exports no grade."""
    assert unsupported.grade is None
    assert rows(text("csv", unsupported))[0]["grade"] == ""
    with pytest.raises(NoGrade, match=r"01b\.log_lines \(UNSUPPORTED\)"):
        text("classroom50", unsupported)


def test_decided_leaves_reviews_out(real: Many) -> None:
    """Without what a person must judge there is a grade, of fewer points; our faults stay."""
    one = undecided(named(real, "full"), "REVIEW").without_reviews()
    assert one.grade == one.max_score < named(real, "full").max_score
    assert undecided(real[0], "ERROR").without_reviews().grade is None


# --- each format's own reader --------------------------------------------------------------------


def test_junit_is_read(real: Many) -> None:
    """Junitparser reads a class: suites, counts, failures with message, and points."""
    suites = list(JUnitXml.fromstring(text("junit", *real).encode()))
    assert [one.name for one in suites] == [one.id for one in real]
    for suite, graded in zip(suites, real, strict=True):
        kinds = [type(case.result[0]) for case in suite if case.result]
        verdicts = [one["verdict"] for one in graded.checks]
        assert suite.tests == len(verdicts)
        assert suite.failures == kinds.count(Failure) == verdicts.count("FAILED")
        assert suite.skipped == kinds.count(Skipped) == verdicts.count("SKIPPED")
        assert suite.errors == 0


def test_classroom50_validates(real: Many) -> None:
    """result.json is what the runner validates, and says points in hundredths and as they are."""
    for one in real:
        document = json.loads(text("classroom50", one))
        CLASSROOM50.validate(document)
        assert document["owner"] == "alice"
        assert document["score"] == pytest.approx(one.score * 100, abs=0.5)
        assert sum(test["points"] for test in document["tests"]) == pytest.approx(one.score)
        for test in document["tests"]:
            assert test["score"] <= test["max-score"]


def test_classroom50_needs_its_environment(real: Many) -> None:
    """Outside of Classroom 50 the message names the variables that are missing."""
    with pytest.raises(BadInput, match="not there: CLASSROOM, ASSIGNMENT"):
        text("classroom50", real[0], given=Given())


def test_gradescope_and_prairielearn_validate(real: Many) -> None:
    """results.json is of the documented form, in both."""
    for one in real:
        GRADESCOPE.validate(json.loads(text("gradescope", one)))
        PRAIRIELEARN.validate(json.loads(text("prairielearn", one)))


def test_long_reports_fit(real: Many) -> None:
    """Long messages are cut to what PrairieLearn, the reporter's environment and GitHub take."""
    long = deepcopy(real[0].report)
    check = _checks(long)[0] | {"verdict": "FAILED", "points": 0.0, "message": "é" * 50_000}
    long["tasks"][0]["checks"] += [check | {"id": f"01d.c{place}"} for place in range(120)]
    one = model.Graded(sum_up(long))
    assert len(text("prairielearn", one).encode()) <= 1_000_000
    assert len(text("classroom", one)) <= 128 * 1024 - len("GRADING_RESULTS=")
    summary = text("github-summary", one, one)
    assert len(summary.encode()) <= 1024 * 1024
    assert "The rest is left out" in summary
    found = commands(text("github", one))
    assert len(found) == 10
    assert found[-1].properties["title"].startswith("and 11")
    totals = vmcheckers_grade(text("vmchecker", one))
    assert len(totals[2]) <= 300


def test_annotations_name_the_file(real: Many) -> None:
    """With the submission's folder given, an annotation lies on the student's file."""
    (found,) = commands(text("github", named(real, "lost"), given=Given(source="work/lab06")))
    assert found.name == "error"
    assert found.properties["file"] == "work/lab06/uncaught.sh"
    lost = next(one for one in named(real, "lost").checks if one["verdict"] == "FAILED")
    assert found.data.startswith(lost["message"])


def test_vmchecker_reads_one_total(real: Many) -> None:
    """Whichever total between the markers counts, it is ours, rounded if need be, and said so."""
    for one in real:
        first, last, said = vmcheckers_grade(text("vmchecker", one))
        assert first == last == str(units(one.score, 1))
        assert ("rounded" in said[0]) == (one.score != round(one.score))


def test_one_submission_where_the_format_holds_one(real: Many) -> None:
    """A format of one submission refuses a class, and names some of it."""
    for name in ONE_EACH:
        with pytest.raises(BadInput, match="expected one report"):
            text(name, *real)


def test_gradebook_takes_emails_of_the_roster(real: Many) -> None:
    """Each person of a group has a row with an address; without a roster, an id that is one."""
    emails = ("a@example.org", "b@example.org")
    roster = {"full": [Person(submission="full", email=one) for one in emails]}
    found = rows(text("moodle-gradebook", named(real, "full"), given=Given(roster=roster)))
    assert [one["Email address"] for one in found] == ["a@example.org", "b@example.org"]
    report = deepcopy(real[0].report)
    report["submission"]["id"] = "c@example.org"
    assert rows(text("moodle-gradebook", model.Graded(report)))[0]["Email address"] == (
        "c@example.org"
    )


# --- nothing of a submission is obeyed -----------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(real: Many) -> model.Graded:
    """The report that holds what a hostile submission printed."""
    found = named(real, HOSTILE_NAME)
    assert any("::set-output" in one["hint"] for one in found.checks)
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_no_control_characters(name: str, hostile: model.Graded) -> None:
    """No export holds a character that a terminal obeys."""
    if name != "moodle-worksheet":
        said = text(name, hostile)
        if name == "classroom":
            said = "".join(map(str, reporters_points(outputs(said)["result"])[0]["tests"]))
        assert not re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)", said)


def test_only_our_annotations(hostile: model.Graded) -> None:
    """The runner finds one annotation in the log, with the text of the submission as its data."""
    found = commands(text("github", hostile))
    assert [one.name for one in found] == ["error"]
    assert found[0].properties["title"].startswith(HOSTILE_NAME)
    assert "::set-output name=score::100" in found[0].data


def test_the_reporters_log_holds_no_command(hostile: model.Graded) -> None:
    """Printed as GitHub Classroom's reporter prints it, no message is a command."""
    document = reporters_points(outputs(text("classroom", hostile))["result"])[0]
    log = "\n".join(f"{one['name']}\nError: {one['message']}" for one in document["tests"])
    assert "set-output" in log
    assert commands(log) == []


def test_the_runner_is_understood() -> None:
    """The parser that these tests believe obeys both forms, and stops when told to."""
    log = "::error file=a%2Cb,title=x::m%0An\n  ::set-output name=a::b\nx ##[error]y\n:: not ::\n"
    assert [(one.name, one.data) for one in commands(log)] == [
        ("error", "m\nn"), ("set-output", "b"), ("error", "y"),
    ]  # fmt: skip
    assert commands(log)[0].properties == {"file": "a,b", "title": "x"}
    assert commands(f"::stop-commands::t\n{log}::t::\n::error::after") == commands("::error::after")
    assert commands(commandless(log)) == []


def test_markdown_is_ours(hostile: model.Graded) -> None:
    """The summary, rendered, has our tags only: no link, no picture, no script of a submission."""
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(text("github-summary", hostile))
    )
    tags = set(re.findall(r"<(\w+)", html))
    assert tags == {"details", "h2", "pre", "summary", "table", "tbody", "td", "th", "thead", "tr"}
    assert "&lt;script&gt;alert(1)" in html
    assert "::add-mask::x" in html
    for nasty in ("[x](y)", "*x*", "a|b", "<b>", "# x", "`x`", "&amp;", "\n\n- x", "~~x~~"):
        shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(nasty))
        assert not re.search(r"<(?!/?p>)", shown), nasty


def test_no_cell_is_a_formula(hostile: model.Graded) -> None:
    """No cell of any table begins as a formula does, whatever a folder is called."""
    for name in ("csv", "moodle-gradebook"):
        cells = [cell for row in csv.reader(io.StringIO(text(name, hostile))) for cell in row]
        assert not [cell for cell in cells if re.match(r"\s*[=+@-]", cell)]
        assert f"'{HOSTILE_NAME}" in cells
    assert no_formula("-") == "-"
    assert no_formula("-1+1") == "'-1+1"
    assert no_formula("\t=1") == "'\t=1"


def test_vmcheckers_feedback_holds_no_marker(hostile: model.Graded) -> None:
    """A submission that prints a total and the end's marker changes neither."""
    said = text("vmchecker", hostile)
    assert said.count("<VMCK_NEXT_END>") == 1
    first, last, feedback = vmcheckers_grade(said)
    assert first == last == str(units(hostile.score, 1))
    assert any("Total\\: 100" in line for line in feedback)


def test_html_feedback_is_text(hostile: model.Graded) -> None:
    """Moodle's feedback is HTML: what a submission printed is text in it."""
    said = rows(text("moodle-gradebook", hostile))[0]["Feedback"]
    assert set(re.findall(r"<[^>]*>", said)) == {"<br>"}


# --- the command ---------------------------------------------------------------------------------


def export(*arguments: str | Path, cwd: Path = REPO, **env: str) -> Any:
    """Run `grader export`."""
    return subprocess.run(
        [GRADER, "export", *map(str, arguments)],
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_the_command_writes_what_the_function_made(run: Graded, real: Many, tmp_path: Path) -> None:
    """A folder of reports, to a file or to standard output, byte by byte the same."""
    wanted = text("csv", *real).encode()
    assert export("csv", run.reports).stdout == wanted
    done = export("csv", run.reports, "-o", tmp_path / "class.csv")
    assert (done.returncode, done.stdout) == (0, b"")
    assert (tmp_path / "class.csv").read_bytes() == wanted
    (tmp_path / "reports").symlink_to(run.reports)
    assert export("csv", cwd=tmp_path).stdout == wanted
    assert export("csv", run.reports / "full" / "report.json").stdout == (
        text("csv", named(real, "full")).encode()
    )


def test_the_command_ends_with_3_without_a_grade(unsupported: model.Graded, tmp_path: Path) -> None:
    """Where a submission has no grade the exit code is 3; result.json is then not written."""
    (tmp_path / "report.json").write_text(json.dumps(unsupported.report))
    assert export("csv", tmp_path).returncode == 3
    done = export("classroom50", tmp_path, "-o", tmp_path / "result.json", **CLASSROOM)
    assert done.returncode == 3
    assert b"could not grade 01b.log_lines" in done.stderr
    assert not (tmp_path / "result.json").exists()


def test_bad_usage(tmp_path: Path) -> None:
    """An unknown format, no reports, a broken report: each is said, with the code that it has."""
    assert export("csv", tmp_path).returncode == 2
    (tmp_path / "report.json").write_text("{}")
    done = export("csv", tmp_path)
    assert (done.returncode, b"expected a report" in done.stderr) == (3, True)
    (tmp_path / "report.json").unlink()
    assert export("xml", tmp_path).returncode == 2


def test_help_names_every_format() -> None:
    """--help would do as a manual page: it has every format and every exit code."""
    said = export("--help", COLUMNS="100").stdout.decode()
    assert all(name in said for name in FORMATS)
    assert "Exit codes" in said
