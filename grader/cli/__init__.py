"""The command `grader`: thin, and the only part that prints for people. One module a subject."""

from grader.cli import image, machine, pages, review, similar, start
from grader.cli.app import app, main

__all__ = ["app", "image", "machine", "main", "pages", "review", "similar", "start"]
