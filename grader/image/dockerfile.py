"""The root file system of an image, built by a Docker engine from a registry's Debian.

For machines without mmdebstrap: the same packages, wheels and files as grader.image.build puts in.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from grader.errors import GraderError
from grader.image.logged import end_of
from grader.machine.docker import Engine
from grader.machine.docker.engine import EMPTIED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.image.recipe import Recipe

DOCKERFILE = Path(__file__).with_name("Dockerfile")
WITHIN = 1800  # seconds that the engine may be silent: packages are fetched meanwhile
# What an engine lays over a container's own files, and leaves behind in them.
LAID_OVER = frozenset(f"etc/{name}" for name in EMPTIED)
STRANGE = LAID_OVER | {".dockerenv"}
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class DockerBuild:
    """A recipe's root file system, on top of the engine's image `base`.

    Files that match a pattern of `unread` are not installed.
    """

    recipe: Recipe
    base: str
    overlay: Path
    unread: Sequence[str]
    log: Path
    progress: Callable[[str], None]

    def write(self, target: Path) -> None:
        """Write it to the archive `target`.

        Raises Unsupported without an engine, GraderError with the log's end if the build fails.
        """
        with Engine() as engine, tempfile.TemporaryFile(dir=self.overlay.parent) as exported:
            engine.api.timeout = WITHIN
            with engine.asking(f"building on {self.base}"):
                image = self._image(engine)
                try:
                    container = engine.api.create_container(image, ["true"], labels=engine.labels())
                    try:
                        for chunk in engine.api.export(container["Id"]):
                            exported.write(chunk)
                    finally:
                        engine.remove(container["Id"])
                finally:
                    engine.api.remove_image(image, force=True)
            exported.seek(0)
            _rewrite(exported, target, self.overlay)

    def _image(self, engine: Engine) -> str:
        """Have the engine go through the Dockerfile; the id of what comes of it."""
        made, failed = "", False
        arguments = {
            "BASE": self.base,
            "SUITE": self.recipe.suite,
            "PACKAGES": " ".join(self.recipe.packages),
            **{name: os.environ[name] for name in PROXIES if name in os.environ},
        }
        with tempfile.TemporaryFile(dir=self.overlay.parent) as context, self.log.open("a") as log:
            _write_context(context, self.overlay, self.unread)
            for step in engine.api.build(
                fileobj=context, custom_context=True, decode=True, rm=True, forcerm=True,
                network_mode="host",  # as mmdebstrap: the mirror may be one that this host finds
                buildargs=arguments, labels=engine.labels(),
            ):  # fmt: skip
                line = str(step.get("stream") or step.get("error") or "")
                log.write(line)
                if line.startswith("Step "):
                    self.progress("  " + line.partition(" : ")[2].splitlines()[0][:60])
                made = step.get("aux", {}).get("ID", made)
                failed = "error" in step
        if failed or not made:
            what = f"Docker could not build the image on {self.base}; see {self.log}, which ends:"
            remedy = "if a registry or Debian's mirror was out of reach, start again when it is not"
            raise GraderError(f"{what}\n{end_of(self.log)}", remedy=remedy)
        return made


def _write_context(file: IO[bytes], overlay: Path, unread: Sequence[str]) -> None:
    """What the Dockerfile takes: itself, the overlay and what dpkg leaves out."""
    lines = "".join(f"path-exclude {pattern}\n" for pattern in unread).encode()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(DOCKERFILE, "Dockerfile")
        archive.add(overlay, "overlay.tar")
        member = tarfile.TarInfo("unread")
        member.size = len(lines)
        archive.addfile(member, io.BytesIO(lines))
    file.seek(0)


def _rewrite(exported: IO[bytes], target: Path, overlay: Path) -> None:
    """The container's files without the engine's own, which the overlay's take the place of."""
    with (
        tarfile.open(fileobj=exported) as container,
        tarfile.open(overlay) as ours,
        tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for source, wanted in ((container, _is_of_image), (ours, LAID_OVER.__contains__)):
            for member in source:
                if wanted(member.name):
                    content = source.extractfile(member) if member.isreg() else None
                    archive.addfile(member, content)


def _is_of_image(name: str) -> bool:
    """Whether an exported file is the image's: no device, and nothing that the engine made."""
    return name not in STRANGE and not name.startswith("dev/")
