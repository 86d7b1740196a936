"""grader init: a folder to begin with, which costs nobody a file and wins nobody a point."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import REPO, environment, grade

from grader import document
from grader.errors import BadInput
from grader.rubric import Rubric
from grader.starter import begin

if TYPE_CHECKING:
    from runs import Graded

LAB = REPO / "tests_lab"
FILES = document.load(LAB / "lab.yaml", Rubric).files
GRADER = str(Path(sys.executable).with_name("grader"))
# The lab's contract: what may be handed in.
CONTRACT = {
    "tcpdump.sh", "iptables_log.sh", "iptables_ttl.sh", "uncaught.sh", "arp_not_icmp.sh",
    "answers.yaml", "pwru.sh", "pwru_pass.txt", "pwru_drop.txt", "nf_latency.bt",
    "experiment.sh", "results.csv", "plot.py",
}  # fmt: skip


def init(*arguments: str | Path, cwd: Path = REPO) -> subprocess.CompletedProcess[str]:
    """Run `grader init`."""
    return subprocess.run(
        [GRADER, "init", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The templates, graded as they are."""
    home = tmp_path_factory.mktemp("untouched")
    assert init("begun", cwd=home).returncode == 0
    return grade(home / "begun", home=home)


def test_each_file_has_a_template() -> None:
    """There is a template of each file of lab.yaml, and of nothing that is not handed in."""
    templates = {path.name for path in (LAB / "template").iterdir()}
    assert set(FILES) <= templates <= CONTRACT


def test_all_files_are_written(tmp_path: Path) -> None:
    """Each file is written, and its line names its tasks."""
    done = init(tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == set(FILES)
    assert "wrote  iptables_log.sh    01b" in done.stdout
    assert f"./lab pytest {tmp_path}/new/folder" in done.stdout


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """What is there stays, whatever it is, and is named; the rest is written."""
    (tmp_path / "tcpdump.sh").write_text("my own")
    (tmp_path / "uncaught.sh").symlink_to(tmp_path / "nowhere")
    (tmp_path / "iptables_log.sh").mkdir()
    done = init(tmp_path)
    assert done.returncode == 0
    kept = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("kept")}
    assert kept == {"tcpdump.sh", "uncaught.sh", "iptables_log.sh"}
    assert (tmp_path / "tcpdump.sh").read_text() == "my own"
    assert not (tmp_path / "nowhere").exists()
    again = init(tmp_path)
    assert "wrote" not in again.stdout


def test_a_file_for_a_folder(tmp_path: Path) -> None:
    """Where a file is in the way, that is bad usage, and said."""
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        done = init(tmp_path / place)
        assert done.returncode == 2
        assert "expected a folder, or nothing; found a file" in done.stderr


def test_another_lab(tmp_path: Path) -> None:
    """--lab names another lab's folder, whose files it is then about."""
    done = init(tmp_path, "--lab", REPO / "examples" / "ping_lab")
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ping.sh"]


def test_a_lab_without_templates(tmp_path: Path) -> None:
    """A lab that has no template of a file is told which; nothing is written."""
    lab = tmp_path / "lab"
    lab.mkdir()
    shutil.copy(LAB / "lab.yaml", lab)
    with pytest.raises(BadInput, match=r"lab/template/tcpdump\.sh: expected the template"):
        begin(lab, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_untouched_templates_win_nothing(untouched: Graded) -> None:
    """What was not written upon passes no check, and is never our fault."""
    assert not set(untouched.verdicts("begun").values()) & {"PASSED", "ERROR", "REVIEW", "TIMEOUT"}
    assert untouched.report("begun")["score"] == 0


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith((".csv", ".yaml"))])
def test_untouched_templates_are_told_so(untouched: Graded, name: str) -> None:
    """The first thing that a student reads about an untouched file is that nothing is in it."""
    said = {one["message"] for one in untouched.checks("begun").values()}
    assert f"{name} holds nothing but comments" in said
