"""`--help` is the manual: there is no other, so each command's is whole, and true."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from grader.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command that does something, by the words that call it."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*path, name))
        else:
            yield (*path, name), one


ALL = dict(commands(get_command(app)))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_is_whole(path: tuple[str, ...]) -> None:
    """Each command has what it does, every option, exit codes and examples."""
    found = ALL[path]
    assert found.help
    assert all(one.help for one in found.params)
    assert "Exit codes: 0" in found.epilog or "Exit codes: the shell's" in found.epilog
    assert "Examples:\n" in found.epilog


def examples() -> Iterator[str]:
    """All examples of all manuals."""
    for one in (get_command(app), *ALL.values()):
        yield from map(str.strip, one.epilog.partition("Examples:\n")[2].splitlines())


@pytest.mark.parametrize("line", sorted(set(examples())))
def test_examples_are_understood(line: str) -> None:
    """Each example calls a command that there is, with options that it has."""
    words = shlex.split(line.partition(">")[0].replace("$(", "").replace(")/root", ""))
    words = words[words.index("grader") + 1 :]
    path = next(path for path in ALL if tuple(words[: len(path)]) == path)
    arguments = words[len(path) :]
    with ALL[path].make_context("grader", arguments) as context:
        assert not context.args
