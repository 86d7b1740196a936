"""Words of a command in the many ways that a shell reads them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truth.draft import Drawing


def quoted(text: str, drawing: Drawing) -> str:
    """One argument, or as many as it has words; to tcpdump and pwru that is the same."""
    ways = [
        shlex.quote(text),
        '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
        " ".join(shlex.quote(word) for word in text.split()),
        "".join(f"\\{one}" if one in "()&|!=<>[]\\" else one for one in text),
    ]
    return drawing.one(ways)


def broken(words: list[str], drawing: Drawing) -> str:
    """A command, in one line or with continuations."""
    return drawing.one([" ", " \\\n    "]).join(words)


def quoted_once(text: str) -> str:
    """One word of the shell."""
    return "'" + text.replace("'", "'\\''") + "'"
