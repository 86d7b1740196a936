"""Each defence holds, and without it the attack succeeds: no row is green by luck."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

import pytest
from defences import Defence, Setting, inside
from runs import REPO

if TYPE_CHECKING:
    from pathlib import Path

    from grader.image import Image

ALL = (*inside.ALL,)
EACH = pytest.mark.parametrize("defence", ALL, ids=lambda one: one.name.replace(" ", "-"))


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
