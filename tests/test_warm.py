"""The microVMs' template: made before it is waited for, removed when it is old."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from runs import UNCAUGHT, grade, submission

from grader import warm
from grader.image import Image, Recipe
from grader.machine.idmap import IdMap
from grader.machine.microvm import template as templates

if TYPE_CHECKING:
    from pathlib import Path

LOG_RULE = "iptables -A OUTPUT -p tcp -j LOG --log-prefix 'root-packet: '\n"


@pytest.fixture
def broken_qemu(tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU ends at once, and the cache has the image but no template."""
    program = tmp_path / "bin" / "qemu-system-x86_64"
    program.parent.mkdir()
    program.write_text("""#!/bin/sh
[ "$1" = -version ] && exec echo QEMU 0
echo broken >&2
exit 1
""")
    program.chmod(0o755)
    # Nothing that is run here removes an image.
    cache = tmp_path / "cache" / "netlab-grader" / "images"
    cache.parent.mkdir(parents=True)
    cache.symlink_to(image.root.parents[1])
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the template in use, in a cache with an image; both are mere sketches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(templates, "version", lambda: "QEMU 0")
    folder = tmp_path / "netlab-grader" / "images" / Recipe().identity(IdMap.for_this_user())
    (folder / "rootfs/usr/lib/modules/6.12").mkdir(parents=True)
    (folder / "image.json").write_text("{}")
    template = templates.templates_folder() / templates.key(warm.source(Image.at(folder)))
    template.mkdir()
    (template / "template.json").write_text(json.dumps({"accel": "tcg"}))
    return template


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_the_template_is_made_before_the_checks(
    broken_qemu: None, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    """A run with a check that needs a microVM says once, before the first check, what it makes."""
    alice = submission(tmp_path / "alice", iptables_log_sh=LOG_RULE)
    graded = grade(alice, "-k", "log_lines", *workers, home=tmp_path)
    making = "netlab: starting the microVM's template (tcg)\n"
    assert graded.out.count(making) == 1
    assert graded.out.index(making) < graded.out.index(" grades ")
    assert graded.verdicts("alice")["01b.log_lines"] == "ERROR"
    assert "QEMU did not start" in graded.checks("alice")["01b.log_lines"]["message"]


@pytest.mark.parametrize("options", ["-k 01d", "-k log_lines --co", "-k log_lines --sandbox=netns"])
def test_no_template_is_made_for_nothing(broken_qemu: None, tmp_path: Path, options: str) -> None:
    """A run without such a check, or that only lists, makes none."""
    alice = submission(tmp_path / "alice", uncaught_sh=UNCAUGHT)
    graded = grade(alice, *options.split(), home=tmp_path)
    assert "netlab: starting" not in graded.out


def test_prune_keeps_the_template_in_use(made: Path) -> None:
    """Where the current template is, there is nothing old; asked for, it goes, too."""
    assert warm.prune() == []
    assert warm.prune(keep_current=False) == [made]
    assert not made.exists()


def test_prune_removes_other_checkouts_templates(made: Path) -> None:
    """A template that another checkout has made goes, and the current one stays."""
    other = made.with_name("1" * 32)
    shutil.copytree(made, other)
    assert warm.prune() == [other]
    assert made.exists()


def test_prune_removes_old_templates(made: Path) -> None:
    """A template of other inputs is removed, and so is what an unfinished one has left."""
    old, part = made.rename(made.with_name("0" * 32)), made.with_name(".part-1")
    part.mkdir()
    assert set(warm.prune()) == {old, part}
    assert not old.exists()
    assert not part.exists()
