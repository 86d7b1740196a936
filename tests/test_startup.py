"""The command is there at once: what takes long to import is imported by what needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from runs import environment

SLOW = {"scapy", "docker", "requests", "cryptography"}
# What the console script does; its last line on standard error has all that was imported.
SCRIPT = """
import sys
from grader.cli import main
sys.argv[0] = "grader"
try:
    main()
finally:
    print("\\n" + " ".join(sys.modules), file=sys.stderr)
"""
TYPED = {"_GRADER_COMPLETE": "complete_bash", "COMP_WORDS": "grader export gr", "COMP_CWORD": "2"}


@pytest.mark.parametrize(
    ("arguments", "env", "shown"),
    [
        (["--help"], {}, "Exit codes"),
        (["check", "--help"], {}, "--watch"),
        ([], TYPED, "gradescope"),
    ],
    ids=["help", "a command's help", "completion"],
)
def test_nothing_slow_is_imported(arguments: list[str], env: dict[str, str], shown: str) -> None:
    """Help and completion take no scapy, no Docker and no cryptography."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], env=environment(COLUMNS="80", **env),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert shown in done.stdout
    imported = set(done.stderr.splitlines()[-1].split())
    assert "grader.cli.check" in imported
    assert not imported & SLOW
