"""Task 03a with traces of this very moment, from a kernel that really sent and dropped queries."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from runs import REFERENCE, grade
from skb_tracer import fresh

if TYPE_CHECKING:
    from pathlib import Path

    from grader.image import Image


def test_fresh_traces_have_full_marks(image: Image, tmp_path: Path) -> None:
    """What a tracer prints in a microVM, one query answered and one dropped, passes every check."""
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
