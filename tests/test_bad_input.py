"""Bad deliverables, end to end in real sandboxes: each gets its verdict, the rest is graded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runs import REFERENCE, Graded, grade, submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNS = "01a.runs"
OTHERS = {"01d.leaves": "PASSED", "01d.policies_stay": "PASSED"}
GOOD = (REFERENCE / "tcpdump.sh").read_text(encoding="utf-8")
UNCAUGHT = (REFERENCE / "uncaught.sh").read_text(encoding="utf-8")
ONLY = "01d or (01a and runs)"


def sparse(path: Path) -> None:
    """1 GB of nothing."""
    with path.open("wb") as file:
        file.truncate(1 << 30)


# What is put in the place of tcpdump.sh; the verdict on 01a.runs, and words of its message.
FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "missing": (lambda path: None, "FAILED", "tcpdump.sh was not handed in"),
    "a folder": (lambda path: path.mkdir(), "REFUSED", "found a folder"),
    "a link": (lambda path: path.symlink_to("/etc/passwd"), "REFUSED", "found a symbolic link"),
    "1 GB": (sparse, "REFUSED", "found 1,073,741,824 bytes"),
    "NULs": (
        lambda path: path.write_bytes(b"tcp\0dump"),
        "REFUSED",
        "found a NUL byte at offset 3",
    ),
    "nothing": (lambda path: path.touch(), "FAILED", "tcpdump.sh is empty"),
    "comments": (
        lambda path: path.write_text("#!/bin/bash\r\n# later\n"),
        "FAILED",
        "tcpdump.sh holds nothing but comments",
    ),
    "CRLF": (
        lambda path: path.write_bytes(GOOD.replace("\n", "\r\n").encode()),
        "PASSED",
        "Windows line ends",
    ),
}
# What tcpdump.sh does instead.
SCRIPTS = {
    "no such interface": ("tcpdump -n -i wlan7", "FAILED", "before it captured anything"),
    "exits at once": ("exit 0", "FAILED", "exited with 0 before it captured anything"),
    "no such command": ("tcpdmup -n", "FAILED", "exited with 127 before it captured anything"),
    "sleeps": ("sleep 1000", "TIMEOUT", "no capture has begun"),
    "ignores signals": (
        "trap '' INT TERM HUP; tcpdump -n -i any & while :; do sleep 1; done",
        "TIMEOUT",
        "after SIGTERM too",
    ),
    "floods stdout": ("tcpdump -n -i any >/dev/null & exec yes", "FAILED", "wrote more than may be"),  # noqa: E501
    "floods stderr": (
        "tcpdump -n -i any >/dev/null & exec yes >&2", "FAILED", "wrote more than may be",
    ),
    "a fork bomb": ("f() { f | f & }; f; wait", "", ""),
    "leaves a daemon": (
        "setsid sh -c 'trap \"\" INT TERM HUP; while :; do sleep 1; done' >/dev/null 2>&1 &\n" + GOOD,  # noqa: E501
        "PASSED",
        "",
    ),
}  # fmt: skip


def judge(found: Graded, verdict: str, words: str) -> None:
    """01a.runs has its verdict with a message and a hint, and 01d is graded."""
    checks = found.checks("alice")
    first = checks[RUNS]
    assert first["verdict"] == verdict, first
    assert words in first["message"]
    assert {name: checks[name]["verdict"] for name in OTHERS} == OTHERS
    assert found.code == (0 if verdict == "PASSED" else 1), found.out
    assert "Traceback" not in found.out
    if verdict != "PASSED":
        assert words in found.out.replace("\n", " ")
        assert first["hint"] or verdict == "TIMEOUT"


@pytest.mark.parametrize("kind", FILES)
def test_files(tmp_path: Path, kind: str) -> None:
    """What is no plain text file is refused with its kind; Windows line ends are only noted."""
    make, verdict, words = FILES[kind]
    alice = submission(tmp_path / "alice", uncaught_sh=UNCAUGHT)
    make(alice / "tcpdump.sh")
    judge(grade(alice, "-k", ONLY, home=tmp_path), verdict, words)


@pytest.mark.parametrize("kind", SCRIPTS)
def test_scripts(tmp_path: Path, kind: str) -> None:
    """What a script does instead of its work is judged, bounded, and harms no other task."""
    text, verdict, words = SCRIPTS[kind]
    alice = submission(tmp_path / "alice", uncaught_sh=UNCAUGHT, tcpdump_sh=text)
    found = grade(alice, "-k", ONLY, home=tmp_path)
    if kind == "a fork bomb":  # by chance it ends before the grader gives up on it, or not
        verdict = found.verdicts("alice")[RUNS]
        assert verdict in {"FAILED", "TIMEOUT"}
    judge(found, verdict, words)


def test_two_bad_files_are_two_reasons(tmp_path: Path) -> None:
    """Each bad file is named in its own task's message."""
    alice = submission(tmp_path / "alice", tcpdump_sh=b"\0", uncaught_sh=b"\xff\xfe\0")
    checks = grade(alice, "-k", ONLY, home=tmp_path).checks("alice")
    assert "tcpdump.sh" in checks[RUNS]["message"]
    assert "uncaught.sh" in checks["01d.leaves"]["message"]
    assert "UTF-16" in checks["01d.leaves"]["message"]
