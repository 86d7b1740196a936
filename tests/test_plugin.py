"""Runs of pytest as people start them: its options work, and no file of a submission is its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import CAUGHT, REPO, UNCAUGHT, Graded, command, environment, grade, submission

from grader.deadline import wait_until
from grader.plugin.turns import Unit, ordered
from grader.rubric import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = sum(map(len, Lab(REPO / "tests_lab").checks.values()))
LEAVES, STAY = "01d.leaves", "01d.policies_stay"
HOSTILE_PYTHON = "import pathlib; pathlib.Path({marker!r}).write_text('executed')\n"
HOSTILE_INI = "[pytest]\naddopts = -p no:netlab\n[tool:pytest]\naddopts = -p no:netlab\n"
HOSTILE_TOML = "[tool.pytest.ini_options]\naddopts = '-p no:netlab'\n"
PYTHON_FILES = (
    "conftest.py", "test_x.py", "x_test.py", "json.py", "sitecustomize.py", "usercustomize.py",
    "pytest.py", "grader.py", "__init__.py", "setup.py", "tests_lab/__init__.py", "test_d/test_y.py",  # noqa: E501
)  # fmt: skip
INI_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
KILLED = "sleep 60\n"


def lines(found: Graded, pattern: str) -> list[str]:
    """The printed lines that begin with `pattern`."""
    return [line for line in found.out.splitlines() if re.match(pattern, line)]


@pytest.fixture
def alice(tmp_path: Path) -> Path:
    """A submission with the cheapest task alone, in a folder of submissions."""
    return submission(tmp_path / "class" / "alice", uncaught_sh=UNCAUGHT)


@pytest.fixture
def bob(tmp_path: Path) -> Path:
    """A submission that loses 01d."""
    return submission(tmp_path / "class" / "bob", uncaught_sh=CAUGHT)


@pytest.fixture
def hostile(alice: Path) -> Path:
    """A submission full of files that pytest and Python would read."""
    for name in PYTHON_FILES:
        path = alice / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(HOSTILE_PYTHON.format(marker=str(alice.parent.parent / f"ran-{path.name}")))
    for name in INI_FILES:
        (alice / name).write_text(HOSTILE_INI)
    (alice / "pyproject.toml").write_text(HOSTILE_TOML)
    (alice / "pytest.toml").write_text("[pytest]\naddopts = ['-p', 'no:netlab']\n")
    return alice


def assert_untouched(found: Graded, tmp_path: Path) -> None:
    """01d was graded, and nothing of the submission was executed."""
    assert found.verdicts("alice")[LEAVES] == "PASSED", found.out + found.err
    assert not list(tmp_path.glob("ran-*"))
    assert not list((tmp_path / "class").rglob("__pycache__"))


# --- what it shows and writes -----------------------------------------------------------------


def test_node_ids_of_the_projects_submissions(tmp_path: Path) -> None:
    """Below submissions/ a check's node id is its submission, task and name."""
    found = grade("submissions/alice", "--co", "-q", "-k", "01d", home=tmp_path)
    assert lines(found, "submissions") == [
        "submissions/alice::01d::leaves",
        "submissions/alice::01d::policies_stay",
    ]


def test_collecting_writes_nothing(alice: Path, tmp_path: Path) -> None:
    """--co lists every check and leaves no report."""
    found = grade(alice, "--co", "-q", home=tmp_path)
    assert found.code == 0
    assert len(lines(found, re.escape(str(alice)))) == CHECKS
    assert not found.reports.exists()


def test_by_node_id(tmp_path: Path) -> None:
    """A check that is named runs with those it needs, and nothing else does."""
    found = grade("submissions/reference::01d::policies_stay", home=tmp_path)
    assert found.verdicts("reference") == {LEAVES: "PASSED", STAY: "PASSED"}
    assert found.code == 0


def test_by_task(alice: Path, tmp_path: Path) -> None:
    """A task that is named by its node id is graded alone."""
    found = grade(f"{alice}::01d", home=tmp_path)
    assert found.verdicts("alice") == {LEAVES: "PASSED", STAY: "PASSED"}


def test_by_keyword(alice: Path, tmp_path: Path) -> None:
    """-k picks checks, and the needed ones come along."""
    found = grade(alice, "-k", "policies_stay", home=tmp_path)
    assert found.verdicts("alice") == {LEAVES: "PASSED", STAY: "PASSED"}
    assert found.report("alice")["max_score"] == 2


def test_all_passed_is_0(alice: Path, tmp_path: Path) -> None:
    """The code is 0 when every check passed."""
    assert grade(alice, "-k", "01d", home=tmp_path).code == 0


def test_points_lost_is_1(bob: Path, tmp_path: Path) -> None:
    """The code is 1 when points were lost; message, hint and evidence are shown."""
    found = grade(bob, "-k", "01d", home=tmp_path)
    assert found.code == 1
    assert found.verdicts("bob") == {LEAVES: "FAILED", STAY: "SKIPPED"}
    assert "expected a packet on eth0" in found.out
    assert "hint: " in found.out
    assert f"{found.reports}/bob/01d.leaves/" in found.out
    assert "wire.pcap" in found.out


def test_could_not_is_3(alice: Path, tmp_path: Path) -> None:
    """Without an image the code is 3: nothing is lost, and the remedy is named."""
    found = grade(alice, "-k", "01d", home=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path / "none")})
    assert found.code == 3
    checks = found.checks("alice")
    assert checks[LEAVES]["verdict"] == "UNSUPPORTED"
    assert "grader image build" in checks[LEAVES]["hint"]
    assert not found.report("alice")["complete"]
    assert "grader image build" in found.out


def test_a_missing_file_costs_its_task_only(alice: Path, tmp_path: Path) -> None:
    """Tasks without their files fail with the files' names; the others are graded."""
    found = grade(alice, home=tmp_path)
    verdicts = found.verdicts("alice")
    assert len(verdicts) == CHECKS
    assert (verdicts[LEAVES], verdicts[STAY]) == ("PASSED", "PASSED")
    missing = {
        "01a.runs": "tcpdump.sh",
        "01b.runs": "iptables_log.sh",
        "01c.runs": "iptables_ttl.sh",
        "04b.attaches": "nf_latency.bt",
    }
    for check, file in missing.items():
        first = found.checks("alice")[check]
        assert first["verdict"] == "FAILED"
        assert f"{file} was not handed in" in first["message"]
    assert found.report("alice")["score"] == 2


def test_the_seed_repeats_the_world(bob: Path, tmp_path: Path) -> None:
    """The printed seed is the report's; with it the same world is made, without it another."""
    first = grade(bob, "-k", "01d", home=tmp_path / "1")
    seed = first.report("bob")["seed"]
    assert f"--seed={seed}" in first.out
    again = grade(bob, "-k", "01d", f"--seed={seed}", home=tmp_path / "2")
    other = grade(bob, "-k", "01d", f"--seed={seed + 1}", home=tmp_path / "3")
    worlds = [
        (one.reports / "bob" / LEAVES / "output.txt").read_text().partition(" bytes of data")[0]
        for one in (first, again, other)
    ]
    assert again.report("bob")["seed"] == seed
    commands = [
        (one.reports / "bob" / LEAVES / "commands.txt").read_text() for one in (first, again, other)
    ]
    assert commands[0] == commands[1] != commands[2]
    assert worlds[0] == worlds[1]


def test_stop_at_the_first(alice: Path, bob: Path, tmp_path: Path) -> None:
    """With -x what was not graded any more is ERROR, not a zero, and the code is 3."""
    submission(bob.parent / "carol", uncaught_sh=UNCAUGHT)
    found = grade(bob.parent, "-k", "01d", "-x", home=tmp_path)
    assert found.verdicts("alice")[LEAVES] == "PASSED"
    assert found.verdicts("bob")[LEAVES] == "FAILED"
    assert set(found.verdicts("carol").values()) == {"ERROR"}
    assert found.code == 3


def test_last_failed(alice: Path, bob: Path, tmp_path: Path) -> None:
    """--lf grades only what failed before."""
    grade(bob.parent, "-k", "01d and leaves", home=tmp_path)
    shutil.rmtree(tmp_path / "reports")
    found = grade(bob.parent, "--lf", home=tmp_path)
    assert found.reported == {"bob"}
    assert set(found.verdicts("bob")) == {LEAVES}


def test_two_workers(alice: Path, bob: Path, tmp_path: Path) -> None:
    """-n 2 comes to the same verdicts, points and seed as one process."""
    alone = grade(bob.parent, "--seed=5", home=tmp_path / "1")
    both = grade(bob.parent, "--seed=5", "-n", "2", home=tmp_path / "2")
    assert alone.code == both.code
    for name in ("alice", "bob"):
        assert alone.verdicts(name) == both.verdicts(name)
        assert alone.report(name)["score"] == both.report(name)["score"]
        assert alone.report(name)["submission"] == both.report(name)["submission"]
        assert both.report(name)["seed"] == 5


def test_workers_begin_with_what_takes_long(alice: Path, tmp_path: Path) -> None:
    """A worker is given the longest task that computes, the longest that waits, and so on."""
    found = grade(alice, "-n", "1", "-v", home=tmp_path)
    begun = list(dict.fromkeys(re.findall(r"alice::(\w+)::\w+ *$", found.out, re.MULTILINE)))
    assert len(begun) == len(Lab(REPO / "tests_lab").checks)
    assert begun[:4] == ["04c", "02a", "04b", "01a"]
    assert begun.index("01b") < begun.index("03b")


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 20])
def test_no_worker_begins_with_two_microvms(workers: int) -> None:
    """The first two tasks of each worker differ in kind; each task is given once."""
    guests = [Unit(f"guest{n}", guest=True, lasts=n) for n in range(1, 8)]
    others = [Unit(f"other{n}", lasts=n) for n in range(1, 8)]
    order = ordered([*guests, *others], workers)
    assert sorted(order, key=id) == sorted([*guests, *others], key=id)
    assert order[0] == guests[-1]
    for first, second in zip(order[:workers], order[workers : 2 * workers], strict=False):
        assert first.guest != second.guest


def test_auto_is_more_workers_than_processors(alice: Path, tmp_path: Path) -> None:
    """`-n auto` takes three workers for two processors."""
    found = grade(f"{alice}::01d", "-n", "auto", "-v", home=tmp_path)
    workers = len(os.sched_getaffinity(0)) * 3 // 2
    assert f"{workers} workers" in found.out or f"created: {workers}/{workers}" in found.out


# --- which folders are submissions ------------------------------------------------------------


def test_folders_of_folders(alice: Path, tmp_path: Path) -> None:
    """A folder of groups of submissions becomes a tree; each report lies at its place."""
    shutil.move(alice, alice.parent / "g1" / "sub" / "alice")
    submission(alice.parent / "g2" / "alice", uncaught_sh=CAUGHT)
    found = grade(alice.parent, "-k", "01d", home=tmp_path)
    assert found.reported == {"g1/sub/alice", "g2/alice"}
    assert found.verdicts("g1/sub/alice")[LEAVES] == "PASSED"
    assert found.verdicts("g2/alice")[LEAVES] == "FAILED"
    assert found.report("g2/alice")["submission"]["id"] == "g2/alice"
    assert (found.reports / "g2" / "alice" / LEAVES / "wire.pcap").is_file()


def test_a_link_is_not_followed(alice: Path, tmp_path: Path) -> None:
    """A link among submissions is not graded, and that is said."""
    elsewhere = submission(tmp_path / "elsewhere", uncaught_sh=UNCAUGHT)
    (alice.parent / "mallory").symlink_to(elsewhere)
    found = grade(alice.parent, "-k", "01d", "-W", "default", home=tmp_path)
    assert found.reported == {"alice"}
    assert "mallory is a link" in found.out


@pytest.mark.parametrize(
    "name", ["a\nb", "-rf", "x" * 200, "with space", "ünï", "[gw0]", "a::b", "$(id)", "%s{}"]
)
def test_odd_names(alice: Path, tmp_path: Path, name: str) -> None:
    """A folder of any name is graded under its name and harms nobody's report."""
    shutil.copytree(alice, alice.parent / name)
    found = grade(alice.parent, "-k", "01d", home=tmp_path)
    assert found.code == 0, found.out + found.err
    assert found.reported == {"alice", name}
    assert found.report(name)["submission"]["id"] == name


def test_two_of_one_name(alice: Path, tmp_path: Path) -> None:
    """Two named submissions that would share a report are bad usage, not one report."""
    other = submission(tmp_path / "other" / "alice", uncaught_sh=CAUGHT)
    found = grade(alice, other, "-k", "01d", home=tmp_path)
    assert found.code == 2
    assert "alice" in found.err + found.out
    assert not found.reported


# --- a submission is never pytest's own -------------------------------------------------------


def test_no_file_of_a_submission_is_executed(hostile: Path, tmp_path: Path) -> None:
    """conftest.py, tests, modules and configuration in a submission do nothing."""
    assert_untouched(grade(hostile, "-k", "01d", home=tmp_path), tmp_path)


def test_not_from_inside_either(hostile: Path, tmp_path: Path) -> None:
    """Nor do they when grading is started in the submission's own folder."""
    found = grade(".", "-k", "01d", home=tmp_path, cwd=hostile)
    assert_untouched(found, tmp_path)
    assert found.report("alice")["submission"]["id"] == "alice"


def test_not_under_workers(hostile: Path, tmp_path: Path) -> None:
    """Nor in workers."""
    assert_untouched(grade(".", "-k", "01d", "-n", "2", home=tmp_path, cwd=hostile), tmp_path)


def test_not_beside_it(hostile: Path, tmp_path: Path) -> None:
    """Nor do such files in the folder that holds the submissions."""
    for path in hostile.iterdir():
        if path.suffix in {".py", ".ini", ".toml", ".cfg"}:
            shutil.copy(path, hostile.parent)
    found = grade(hostile.parent, "-k", "01d", home=tmp_path, cwd=hostile.parent)
    assert_untouched(found, tmp_path)


def test_its_configuration_is_never_taken(hostile: Path, tmp_path: Path) -> None:
    """Without -c, where pytest finds the submission's configuration, nothing is run."""
    for name in ("pytest.toml", *INI_FILES, "pyproject.toml"):
        (hostile / name).unlink()
    (hostile / "pytest.ini").write_text("[pytest]\n")
    found = grade(".", "-k", "01d", home=tmp_path, cwd=hostile, pinned=False)
    assert found.code == 2
    assert "expected the grader's own configuration" in found.err
    assert not list(tmp_path.glob("ran-*"))


# --- bad usage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sandbox=jail"], "expected auto, netns, docker, vm; found 'jail'"),
        (["no/such/folder"], "no/such/folder"),
        (["tests"], "also named here: tests"),
        (["tests/test_plugin.py"], "also named here: tests/test_plugin.py"),
    ],
)
def test_bad_usage_is_2(alice: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    """Bad usage ends with code 2 and says what was expected, and nothing is graded."""
    found = grade(alice, *arguments, home=tmp_path)
    assert found.code == 2, found.out + found.err
    assert said in found.out + found.err
    assert "Traceback" not in found.out + found.err
    assert not found.reported


def test_a_lab_that_is_not_sound_is_2(alice: Path, tmp_path: Path) -> None:
    """A fault in lab.yaml is bad usage with file, line and item, before anything starts."""
    project = tmp_path / "project"
    for name in ("fixtures", "tests_lab"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPO / name, project / name, ignore=ignored)
    for name in ("conftest.py", "tox.ini"):
        shutil.copy(REPO / name, project)
    rubric = project / "tests_lab" / "lab.yaml"
    rubric.write_text(rubric.read_text().replace("points: 10", "points: 11"))
    done = subprocess.run(
        [*command(alice, home=tmp_path, pinned=False), "-c", project / "tox.ini",
         f"--rootdir={project}"],
        cwd=project, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(r"lab\.yaml:\d+: tasks\.01a: points: expected", done.stderr)


def test_the_projects_tests_are_pytests_own() -> None:
    """Without a submission pytest runs tests as it always does."""
    done = subprocess.run(
        [*command("tests/test_imports.py", "--co", "-q", home=Path("/nowhere"))],
        cwd=REPO, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/test_imports.py::test_every_part_has_a_layer" in done.stdout


# --- accidents ------------------------------------------------------------------------------------


def workers(pid: int) -> list[int]:
    """The xdist workers of the run `pid`: its children that are Python."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def busy(pid: int) -> Iterator[int]:
    """The workers of the run that have a machine, hence children of their own."""
    for one in workers(pid):
        try:
            tasks = [*Path(f"/proc/{one}/task").glob("*/children")]
            if any(task.read_text().strip() for task in tasks):
                yield one
        except OSError:
            continue


@pytest.mark.parametrize(
    ("options", "verdict", "code"), [([], "PASSED", 0), (["--max-worker-restart=0"], "ERROR", 3)]
)
def test_a_killed_worker_costs_nothing(
    alice: Path, tmp_path: Path, options: list[str], verdict: str, code: int
) -> None:
    """What a worker was at when it was killed is graded again by another, or ERROR; never 0."""
    submission(alice.parent / "zoe", uncaught_sh=f"sleep 5\n{UNCAUGHT}")
    with subprocess.Popen(
        command(alice.parent, "-k", "01d", "-n", "2", *options, home=tmp_path),
        cwd=REPO, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as run:  # fmt: skip
        slow: list[int] = []

        def sleeping() -> bool:
            slow[:] = [one for one in busy(run.pid) if "sleep 5" in _below(one)]
            return bool(slow)

        wait_until(sleeping, within=60, what="the script that sleeps in a worker's sandbox")
        os.kill(slow[0], signal.SIGKILL)
        said = run.communicate(timeout=120)[0]
    found = Graded(run.returncode, said, "", tmp_path / "reports")
    assert found.code == code, said
    assert found.verdicts("alice")[LEAVES] in {"PASSED", verdict}
    assert found.verdicts("zoe") == {LEAVES: verdict, STAY: verdict}
    assert found.report("zoe")["complete"] == (verdict == "PASSED")


def _below(pid: int) -> str:
    """The command lines of all processes below `pid`."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    known, text, grown = {str(pid)}, "", True
    while grown:
        more = {row[0] for row in rows if row[1] in known} - known
        known |= more
        grown = bool(more)
    for row in rows:
        text += row[2] + "\n" if row[0] in known and len(row) > 2 else ""
    return text


def test_ctrl_c_keeps_what_was_graded(alice: Path, tmp_path: Path) -> None:
    """After Ctrl-C there are valid reports: what was graded counts, the rest is ERROR."""
    submission(alice.parent / "zoe", uncaught_sh="echo started; sleep 25\n")
    with subprocess.Popen(
        command(alice.parent, "-k", "01d", home=tmp_path),
        cwd=REPO, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as run:  # fmt: skip
        wait_until(
            lambda: "sleep 25" in _below(run.pid), within=60, what="the second submission's script"
        )
        os.killpg(run.pid, signal.SIGINT)
        said = run.communicate(timeout=120)[0]
    found = Graded(run.returncode, said, "", tmp_path / "reports")
    assert found.code == 3, said
    assert found.verdicts("alice") == {LEAVES: "PASSED", STAY: "PASSED"}
    assert set(found.verdicts("zoe").values()) == {"ERROR"}
