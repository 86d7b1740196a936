"""Each defence holds, and without it the attack succeeds: no row is green by luck."""

from __future__ import annotations

import re
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

import pytest
from defence_tables import PAGE, PARTS, line
from defences import Defence, Setting
from runs import REPO

if TYPE_CHECKING:
    from pathlib import Path

    from grader.image import Image

ALL = [one for part in PARTS.values() for one in part]
EACH = pytest.mark.parametrize("defence", ALL, ids=lambda one: re.sub(r"\W+", "-", one.name))


@EACH
def test_it_holds(defence: Defence, image: Image, tmp_path: Path) -> None:
    """With the defence, the attack gets nothing."""
    assert defence.attack(Setting(image, tmp_path)) == ""


@EACH
def test_without_it(
    defence: Defence, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, and with all others, the attack succeeds."""
    defence.removed(monkeypatch)
    assert defence.attack(Setting(image, tmp_path)) != ""


@EACH
def test_it_is_where_it_is_said_to_be(defence: Defence) -> None:
    """The place in the code and the test that the table names are there."""
    module, _, name = defence.where.partition(":")
    assert attrgetter(name)(import_module(module)) is not None
    file, _, test = defence.held_by.partition("::")
    assert f"def {test}(" in (REPO / "tests" / file).read_text(encoding="utf-8")


@EACH
def test_it_is_in_the_table(defence: Defence) -> None:
    """The page names the defence, its place and its test as they are."""
    assert line(defence) in PAGE.read_text(encoding="utf-8")
