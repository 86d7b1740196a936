"""The small second lab of docs/writing-a-lab.md, graded without a change to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from runs import REPO, grade

if TYPE_CHECKING:
    from pathlib import Path

LAB = "examples/ping_lab"
SUBMISSIONS = REPO / LAB / "submissions"


def test_second_lab_grades_its_submissions(tmp_path: Path) -> None:
    """Another lab's right answers pass, and its wrong ones fail what its kill.yaml names."""
    graded = grade("-o", f"netlab_lab={LAB}", SUBMISSIONS, "-n", "2", home=tmp_path)
    kills = yaml.safe_load((SUBMISSIONS / "broken" / "kill.yaml").read_text(encoding="utf-8"))
    lost = {
        name: {id_ for id_, verdict in graded.verdicts(name).items() if verdict == "FAILED"}
        for name in graded.reported
    }
    right = {name: set() for name in ("reference", "variants/fping", "variants/one-by-one")}
    assert lost == right | {f"broken/{name}": {one["fails"]} for name, one in kills.items()}
    assert graded.code == 1
