"""What machines are made of, made before they are waited for: a template, Docker's image."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from grader import image as images
from grader.errors import GraderError, Unsupported
from grader.machine import microvm
from grader.machine.microvm import Source
from grader.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from grader.image import Image
    from grader.machine.client import Machine

# Part of the image: starts what the lab will start, so that its files lie in memory.
SCRIPT = "/usr/local/lib/netlab/warm"
WITHIN = 120.0
SECOND = 1.0


def source(image: Image) -> Source:
    """What a template is made of: the image."""
    return Source(image.id, image.root, image.disk)


def warm(machine: Machine) -> None:
    """Make a sandbox and run the image's own script in it and beside it, as far as it can."""
    with Sandbox(machine) as sandbox:
        sandbox.run("/bin/sh", SCRIPT, "sandbox", timeout=WITHIN)
    machine.run("/bin/sh", SCRIPT, "machine", timeout=WITHIN)
    _require_clock(machine)


def _require_clock(machine: Machine) -> None:
    """See that a second of the guest's is no less here, or all its deadlines would be early.

    Its kernel measures how fast the processor counts while it starts; where others keep the host
    busy meanwhile, the emulated clock that it measures by lags, and every clone inherits that.
    """
    began = time.monotonic()
    machine.run("sleep", str(SECOND), timeout=WITHIN)
    took = time.monotonic() - began
    if took < 0.9 * SECOND:
        raise microvm.WrongClock(
            f"the guest's clock is wrong: {SECOND:g} s took {took:.2f} s; its host was busy",
            remedy="start again when this machine has less to do",
        )


def prepare(kinds: Container[str], progress: Callable[[str], None]) -> None:
    """Make what machines of these kinds are made of, so that no check waits for it in silence.

    That is the microVMs' template, and the image as Docker has it. Why there can be none is not
    said here: each check that needs it will.
    """
    with suppress(GraderError):
        image = images.find()
        if image is not None and "docker" in kinds:
            from grader.machine.docker import Engine

            with Engine() as engine:
                engine.import_image(image.root, image.id, progress)
        if image is not None and "vm" in kinds:
            microvm.ensure(source(image), warm, progress=progress)


def prune(*, keep_current: bool = True) -> list[object]:
    """Remove templates and Docker's images, but not the ones in use if kept; say what went."""
    from grader.machine.docker import Engine

    kept, name = None, None
    with suppress(GraderError):
        image = images.find()
        if keep_current and image is not None:
            kept, name = microvm.find(source(image)), image.id
    gone: list[object] = [*microvm.prune(kept=kept)]
    with suppress(Unsupported), Engine(within=5) as engine:
        gone += engine.prune(name)
    return gone
