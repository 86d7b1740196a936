"""The doctor finds what is there by making it, and names the remedy for what is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.doctor import Finding, Health
from grader.machine import usernamespace
from grader.sandbox import OFFERS, cheapest

if TYPE_CHECKING:
    from collections.abc import Sequence

GRADER = str(Path(sys.executable).with_name("grader"))


def examined(*within: str, **env: str) -> tuple[int, dict[str, Any]]:
    """What `grader doctor --json` says, run by the command `within`."""
    done = subprocess.run(
        [*within, GRADER, "doctor", "--json"],
        env=os.environ | {"DOCKER_HOST": "unix:///nonexistent/docker.sock"} | env,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def finding(found: dict[str, Any], what: str) -> dict[str, Any]:
    """The finding of that name."""
    return next(one for one in found["findings"] if one["what"] == what)


def health(*working: str) -> Health:
    """As if these kinds of sandbox worked."""
    return Health([Finding(f"sandbox {kind}", kind in working, "") for kind in OFFERS])


def test_what_works_is_made() -> None:
    """Here namespaces and microVMs work, Docker is absent with its remedy, and that is enough."""
    code, found = examined()
    assert found["sandboxes"] == {"netns": True, "docker": False, "vm": True}
    assert "apt-get install docker.io" in finding(found, "docker")["remedy"]
    assert found["whole"]
    assert code == 0


def test_docker_is_made(engine: str) -> None:
    """With an engine a container is really started."""
    found = examined(DOCKER_HOST=engine)[1]
    assert found["sandboxes"]["docker"], finding(found, "sandbox docker")
    assert "a first program done" in finding(found, "sandbox docker")["found"]


def test_user_namespaces_refused() -> None:
    """Where the kernel makes no user namespaces, the setting to change is named."""
    if os.geteuid() != 0:
        pytest.skip("only root can refuse them to a child of this test alone")
    # In a user namespace of its own, the limit is that namespace's.
    script = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'
    within = ("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh")
    found = examined(*within)[1]
    refused = finding(found, "namespaces")
    assert not refused["ok"]
    assert "user.max_user_namespaces=15000" in refused["remedy"]
    assert not found["sandboxes"]["netns"]


def test_no_qemu(tmp_path: Path) -> None:
    """Without qemu the kernel's log cannot be observed anywhere: code 3, with the package."""
    names = ("python3", "sh", "tar", "unshare", "newuidmap", "newgidmap", "true")
    found_here = {name: shutil.which(name) for name in names}
    for name, path in found_here.items():
        if path:
            (tmp_path / name).symlink_to(path)
    code, found = examined(PATH=str(tmp_path))
    assert "qemu-system-x86" in finding(found, "qemu")["remedy"]
    assert found["offers"]["kernel_log"] == []
    assert "netns" in found["offers"]["packets"]
    assert code == 3


@pytest.mark.parametrize(
    ("setting", "value", "root", "remedy"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", False, "apparmor_restrict"),
        ("kernel/unprivileged_userns_clone", "0", False, "unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", True, "max_user_namespaces=15000"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", True, "user_namespaces(7)"),
    ],
)
def test_the_setting_that_refuses_is_named(
    setting: str, value: str, remedy: str, *, root: bool
) -> None:
    """Of the settings that can refuse user namespaces, the remedy changes the one that does."""
    said = usernamespace.remedy(_settings(setting, value), root=root)
    assert remedy in said


def _settings(name: str, value: str) -> Any:
    return lambda asked: value if asked == name else ""


@pytest.mark.parametrize(
    ("working", "whole"),
    [(["netns", "vm"], True), (["docker", "vm"], True), (["vm"], True), (["netns"], False)],
)
def test_one_sandbox_makes_up_for_another(working: Sequence[str], *, whole: bool) -> None:
    """All can be graded if each thing that checks may require is offered by one that works."""
    assert health(*working).whole == whole


def test_auto_takes_docker_only_for_want_of_namespaces() -> None:
    """Docker is never taken while namespaces will do; where they won't, it is."""
    assert cheapest(frozenset({"packets"})) == "netns"
    assert cheapest(frozenset({"packets"}), absent=frozenset({"netns"})) == "docker"
    assert cheapest(frozenset({"kernel_log"}), absent=frozenset({"netns"})) == "vm"
