"""What a microVM's template does once, so that no clone is the first to do it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from grader import image as images
from grader.errors import GraderError
from grader.machine import microvm
from grader.machine.microvm import Source
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.image import Image
    from grader.machine.client import Machine

# Part of the image: starts what the lab will start, so that its files lie in memory.
SCRIPT = "/usr/local/lib/netlab/warm"
WITHIN = 120.0


def source(image: Image) -> Source:
    """What a template is made of: the image."""
    return Source(image.id, image.root, image.disk)


def warm(machine: Machine) -> None:
    """Make a sandbox and run the image's own script in it and beside it, as far as it can."""
    with Sandbox(machine) as sandbox:
        sandbox.run("/bin/sh", SCRIPT, "sandbox", timeout=WITHIN)
    machine.run("/bin/sh", SCRIPT, "machine", timeout=WITHIN)


def prepare(progress: Callable[[str], None]) -> None:
    """Make the template if it is not there, so that no check has to wait for it in silence.

    Why there can be none is not said here: each check that needs it will.
    """
    with suppress(GraderError):
        image = images.find()
        if image is not None:
            microvm.ensure(source(image), warm, progress=progress)


def prune(*, keep_current: bool = True) -> list[Path]:
    """Remove templates, but not the one in use if it is to be kept; say what went."""
    kept = None
    with suppress(GraderError):
        image = images.find()
        if keep_current and image is not None:
            kept = microvm.find(source(image))
    return microvm.prune(kept=kept)
