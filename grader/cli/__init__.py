"""The command `grader`: thin, and the only part that prints for people. One module a subject."""

from grader.cli import (
    check,
    clean,
    compare,
    export,
    grade,
    image,
    machine,
    pages,
    review,
    similar,
    start,
)
from grader.cli.app import app, main

__all__ = [
    "app",
    "check",
    "clean",
    "compare",
    "export",
    "grade",
    "image",
    "machine",
    "main",
    "pages",
    "review",
    "similar",
    "start",
]
