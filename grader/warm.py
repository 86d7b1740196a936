"""What a microVM's template does once, so that no clone is the first to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.machine.microvm import Source
from grader.sandbox import NetnsSandbox

if TYPE_CHECKING:
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
    with NetnsSandbox(machine) as sandbox:
        sandbox.run("/bin/sh", SCRIPT, "sandbox", timeout=WITHIN)
    machine.run("/bin/sh", SCRIPT, "machine", timeout=WITHIN)
