"""Which sandbox a check runs in, and that its verdict does not depend on that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runs import REFERENCE, REPO, copy_of_reference, grade

from grader.errors import Unsupported
from grader.rubric import Lab
from grader.sandbox import OFFERS, cheapest

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = frozenset({"kernel_log"})


def test_auto_takes_the_cheapest_that_will_do() -> None:
    """What this host's kernel shows is observed there, the rest in a microVM."""
    assert cheapest(frozenset()) == "netns"
    assert cheapest(frozenset({"packets", "counters"})) == "netns"
    assert cheapest(KERNEL) == "vm"


def test_a_kind_that_is_asked_for_is_taken() -> None:
    """With --sandbox=vm all is graded in microVMs."""
    assert cheapest(frozenset(), "vm") == "vm"


def test_what_a_kind_does_not_offer_is_unsupported() -> None:
    """With --sandbox=netns the kernel log cannot be observed, and the message says where it can."""
    with pytest.raises(Unsupported, match="kernel_log") as raised:
        cheapest(KERNEL, "netns")
    assert raised.value.remedy == "grade with --sandbox=vm"


def test_what_nothing_offers_is_unsupported() -> None:
    """A capability that no sandbox has is named."""
    with pytest.raises(Unsupported, match="moonlight"):
        cheapest(frozenset({"moonlight"}))


def test_this_lab_requires_what_is_offered() -> None:
    """Every check of this lab has a sandbox that it can run in."""
    for checks in Lab(REPO / "tests_lab").checks.values():
        for check in checks:
            assert check.requires <= OFFERS["vm"], check.id


def test_report_shows_the_choice(tmp_path: Path) -> None:
    """Under auto, 01b runs on this kernel but for the check of the kernel log, and passes."""
    found = grade(REFERENCE, "-k", "01b", home=tmp_path)
    sandboxes = {id_: one["sandbox"] for id_, one in found.checks("reference").items()}
    assert sandboxes.pop("01b.log_lines") == "vm"
    assert set(sandboxes.values()) == {"netns"}
    assert found.code == 0


def test_needs_cross_from_one_sandbox_to_the_other(tmp_path: Path) -> None:
    """A check in a microVM is not judged if one that it needs failed on this kernel."""
    wrong = copy_of_reference(tmp_path / "wrong")
    (wrong / "iptables_log.sh").write_text("iptables -A OUTPUT -p udp -j LOG\n", encoding="utf-8")
    found = grade(wrong, "-k", "log_lines", home=tmp_path)
    verdicts = found.verdicts("wrong")
    assert verdicts["01b.logs_root_tcp"] == "FAILED"
    assert verdicts["01b.log_lines"] == "SKIPPED"
    assert found.code == 1


def test_exercise_1_passes_wholly_in_a_microvm(tmp_path: Path) -> None:
    """The reference gets full marks for 01a to 01d under --sandbox=vm."""
    nodes = [f"{REFERENCE}::{task}" for task in ("01a", "01b", "01c", "01d")]
    found = grade(*nodes, "--sandbox=vm", home=tmp_path, timeout=600)
    checks = found.checks("reference")
    assert {one["verdict"] for one in checks.values()} == {"PASSED"}, found.out[-3000:]
    assert {one["sandbox"] for one in checks.values()} == {"vm"}
    assert found.code == 0
