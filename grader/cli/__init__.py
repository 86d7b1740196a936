"""The command `grader`: thin, and the only part that prints for people. One module a subject."""

from grader.cli import export, image, machine, review, start
from grader.cli.app import app, main

__all__ = ["app", "export", "image", "machine", "main", "review", "start"]
