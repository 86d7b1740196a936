"""Task 03a with pwru itself: its traces of this very moment, and a submission's command live."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from pwru_traces import fresh
from runs import REFERENCE, grade

if TYPE_CHECKING:
    from pathlib import Path

    from grader.image import Image


def test_fresh_traces_have_full_marks(image: Image, tmp_path: Path) -> None:
    """What pwru prints in a microVM, of a query answered and one dropped, passes every check."""
    passed, dropped = fresh(image, str(tmp_path))
    folder = tmp_path / "fresh"
    folder.mkdir()
    shutil.copy(REFERENCE / "pwru.sh", folder)
    (folder / "pwru_pass.txt").write_text(passed, encoding="utf-8")
    (folder / "pwru_drop.txt").write_text(dropped, encoding="utf-8")
    found = grade(folder, "-k", "03a", home=tmp_path)
    verdicts = found.verdicts("fresh")
    assert {id_: v for id_, v in verdicts.items() if id_.startswith("03a")}
    lost = {id_: v for id_, v in verdicts.items() if id_.startswith("03a") and v != "PASSED"}
    assert not lost, passed + dropped + found.out


def test_in_a_microvm_the_command_is_run_live(tmp_path: Path) -> None:
    """With --sandbox=vm pwru itself is called as the script calls it, and its steps are told."""
    folder = tmp_path / "live"
    folder.mkdir()
    shutil.copy(REFERENCE / "pwru.sh", folder)
    found = grade(f"{folder}::03a::command", "--sandbox=vm", home=tmp_path)
    check = found.checks("live")["03a.command"]
    assert check["verdict"] == "PASSED", found.out
    told = re.search(r"run live, pwru traced (\d+) steps of a query", check["message"])
    assert told, check
    assert int(told[1]) > 20


def test_what_pwru_itself_refuses_is_told_and_costs_nothing(tmp_path: Path) -> None:
    """An option of an older pwru is right, though the one in the image does not know it."""
    folder = tmp_path / "old"
    folder.mkdir()
    old = "pwru --filter-dst-ip 8.8.8.8 --filter-dst-port 53 --timestamp relative\n"
    (folder / "pwru.sh").write_text(old, encoding="utf-8")
    found = grade(f"{folder}::03a::command", "--sandbox=vm", home=tmp_path)
    check = found.checks("old")["03a.command"]
    assert check["verdict"] == "PASSED", found.out
    assert "run live, pwru exited with" in check["message"]
    assert "filter-dst-ip" in check["message"]
