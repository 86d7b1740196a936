"""Machines with kernels of their own: QEMU guests, cloned from a warm template."""

from grader.machine.microvm.template import (
    Source,
    Template,
    WrongClock,
    clone,
    ensure,
    find,
    prune,
    start,
    templates_folder,
    unfinished,
)
from grader.machine.microvm.vm import MicroVM

__all__ = [
    "MicroVM",
    "Source",
    "Template",
    "WrongClock",
    "clone",
    "ensure",
    "find",
    "prune",
    "start",
    "templates_folder",
    "unfinished",
]
