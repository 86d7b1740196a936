"""Making an image, in stages that a killed build leaves behind for the next one.

wheels → authority → overlay → rootfs.tar (mmdebstrap or Docker) → disk (sqfstar) → tree. Each stage
is made under a name of its own and renamed when it is whole, so a stage that is there is complete.
All happens in `.build-<id>/` beside the images; the last rename makes the image.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import Unsupported
from grader.image import authority, store
from grader.image.logged import run_logged
from grader.image.overlay import unpack, write_overlay
from grader.image.recipe import Recipe
from grader.image.store import BUILD, Image
from grader.machine.idmap import IdMap

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[str], None]

# Not below a home: mmdebstrap's other users must be able to search their way to it. Not /tmp:
# that is in memory on some systems.
SCRATCH = Path("/var/tmp")  # noqa: S108

BASE = f"debian:{Recipe.suite}-slim"
UNREAD = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
WHEEL_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def ensure(
    recipe: Recipe | None = None,
    *,
    base: str | None = None,
    progress: Progress = lambda _: None,
) -> Image:
    """The recipe's image, built now if it is not here yet.

    `base` names a Docker image of the recipe's Debian, from which an engine builds it in place of
    mmdebstrap. `progress` is told, in short lines, what is being done. A second caller waits for
    the first.
    """
    recipe = recipe or Recipe()
    ids = IdMap.for_this_user()
    name = recipe.identity(ids)
    if image := store.at(name):
        return image
    with store.locked(progress):
        return store.at(name) or _Build(recipe, ids, name, base, progress).run()


@dataclass(frozen=True)
class _Build:
    """One image in the making; the caller holds the lock."""

    recipe: Recipe
    ids: IdMap
    name: str
    base: str | None
    progress: Progress

    @property
    def folder(self) -> Path:
        return store.images_folder() / f"{BUILD}{self.name}"

    @property
    def log(self) -> Path:
        return store.images_folder() / f"{self.name}.log"

    def run(self) -> Image:
        require_tools(mmdebstrap=self.base is None)
        self.sweep()
        self.folder.mkdir(exist_ok=True)
        self.log.write_text("", encoding="utf-8")
        if self.recipe.requirements:
            self.stage("wheels", self.fetch_wheels, "fetching Python wheels")
        self.stage("tls", authority.make, "making the world's certificate authority")
        self.stage("overlay.tar", self.write_overlay, "packing the lab's own files")
        make = self.debootstrap if self.base is None else self.build_with_docker
        self.stage("rootfs.tar", make, "installing Debian packages (about a minute)")
        self.stage("disk.sqfs", self.pack_disk, "packing the microVM's disk")
        self.stage("image", self.unpack, "unpacking the tree for the sandboxes' users")
        final = store.images_folder() / self.name
        (self.folder / "image").rename(final)
        store.remove(self.folder, self.ids)
        self.log.unlink()
        self.progress(f"image {self.name} is ready")
        return Image.at(final)

    def stage(self, name: str, make: Callable[[Path], None], text: str) -> None:
        """Make the file or folder `name` of the build, unless an earlier build has made it."""
        whole = self.folder / name
        if whole.exists():
            self.progress(f"{text}: kept from an earlier build")
            return
        self.progress(text)
        # A killed build's children may still be writing under the name that they know.
        part = self.folder / f"{name}.{secrets.token_hex(4)}.part"
        make(part)
        part.rename(whole)

    def sweep(self) -> None:
        """Remove what builds that were killed have left and this one can't use."""
        for path in store.images_folder().glob(f"{BUILD}*"):
            if path != self.folder:
                store.remove(path, self.ids)
        for path in self.folder.glob("*.part"):
            store.remove(path, self.ids)
        for path in SCRATCH.glob(f"{scratch_prefix()}*"):
            if path.lstat().st_uid == os.geteuid():
                store.remove(path, self.ids)

    def fetch_wheels(self, target: Path) -> None:
        """Install the recipe's wheels, for the image's Python, into a folder."""
        run_logged(
            "pip",
            [
                sys.executable, "-P", "-m", "pip", "install", "--target", str(target),
                "--no-compile", "--no-deps", "--require-hashes",
                "--only-binary=:all:", "--implementation=cp",
                "--ignore-requires-python",  # pip would compare with the Python that it runs on
                f"--python-version={self.recipe.python}",
                *(f"--platform={name}" for name in WHEEL_PLATFORMS),
                "--requirement", str(self.recipe.requirements),
            ],
            log=self.log,
            remedy="if PyPI could not be reached, start again when it can",
        )  # fmt: skip

    def write_overlay(self, target: Path) -> None:
        """Pack what comes on top of the packages into one archive."""
        wheels = self.folder / "wheels" if self.recipe.requirements else None
        write_overlay(target, self.recipe, wheels=wheels, trusted=self.folder / "tls" / "ca.crt")

    def debootstrap(self, target: Path) -> None:
        """Have mmdebstrap make the whole root file system, as an archive."""
        with ExitStack() as stack:
            scratch = Path(tempfile.mkdtemp(dir=SCRATCH, prefix=scratch_prefix()))
            stack.callback(store.remove, scratch, self.ids)
            scratch.chmod(0o711)
            run_logged(
                "mmdebstrap",
                mmdebstrap_command(self.recipe, target, overlay=self.folder / "overlay.tar"),
                log=self.log,
                # The microVM has an initrd of its own (grader.machine.microvm): none is to be made.
                env={"TMPDIR": str(scratch), "LC_ALL": "C.UTF-8", "INITRD": "No"},
                progress=self.relay,
                remedy="if Debian's mirror could not be reached, start again when it can",
            )

    def build_with_docker(self, target: Path) -> None:
        """Have a Docker engine make the whole root file system, as an archive."""
        from grader.image.dockerfile import DockerBuild

        DockerBuild(
            self.recipe, self.base or "", self.folder / "overlay.tar", UNREAD, self.log,
            self.progress,
        ).write(target)  # fmt: skip

    def pack_disk(self, target: Path) -> None:
        """Make of the whole root file system the disk that a microVM starts from."""
        with (self.folder / "rootfs.tar").open("rb") as archive:
            run_logged(
                "sqfstar",
                ["sqfstar", "-comp", "lz4", "-no-progress", "-quiet", str(target), "dev/*"],
                log=self.log,
                stdin=archive,
                remedy="see that the disk is not full, then start again",
            )  # fmt: skip

    def relay(self, line: str) -> None:
        """Pass mmdebstrap's own progress lines on."""
        if line.startswith("I: ") and line.endswith("...") and "/" not in line:
            self.progress("  " + line.removeprefix("I: ").removesuffix("..."))

    def unpack(self, target: Path) -> None:
        """Make the folder that becomes the image."""
        target.mkdir()
        target.chmod(0o755)
        unpack(self.folder / "rootfs.tar", target / "rootfs", self.ids)
        shutil.copytree(self.folder / "tls", target / "tls")
        os.link(self.folder / "disk.sqfs", target / "disk.sqfs")
        facts = {
            "id": self.name,
            "suite": self.recipe.suite,
            "architecture": self.recipe.architecture,
            "built": datetime.now(UTC).isoformat(timespec="seconds"),
            "bytes": (self.folder / "rootfs.tar").stat().st_size,
            "packages": installed(target / "rootfs"),
        }
        text = json.dumps(facts, indent=1) + "\n"
        (target / "image.json").write_text(text, encoding="utf-8")


def unfinished() -> list[Path]:
    """What builds have left that were killed. The caller holds the lock of the images' folder."""
    folder = store.images_folder()
    builds = sorted(folder.glob(f"{BUILD}*"))
    logs = sorted(folder.glob("*.log"))
    scratch = SCRATCH.glob(f"{scratch_prefix()}*")
    mine = [path for path in sorted(scratch) if path.lstat().st_uid == os.geteuid()]
    return [*builds, *logs, *mine]


def scratch_prefix() -> str:
    """How the names of this user's scratch folders begin; each images folder has its own."""
    folder = hashlib.sha256(os.fsencode(store.images_folder())).hexdigest()[:8]
    return f"netlab-grader-{os.geteuid()}-{folder}-"


def mmdebstrap_command(recipe: Recipe, target: Path, *, overlay: Path) -> list[str]:
    """The command that writes the recipe's root file system to the archive `target`."""
    hooks = [f"tar-in {_quoted(overlay)} /"]
    if recipe.finish:
        clean = "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8"
        hooks += [f'chroot "$1" {clean} /bin/sh /finish', 'rm "$1/finish"']
    return [
        # mmdebstrap cleans up after itself when told to end, so tell it if this process dies.
        "setpriv", "--pdeathsig", "TERM", "--",
        "mmdebstrap",
        "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
        "--format=tar",
        f"--variant={recipe.variant}",
        f"--architectures={recipe.architecture}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNREAD),
        f"--include={','.join(recipe.packages)}",
        *(f"--customize-hook={hook}" for hook in hooks),
        recipe.suite,
        str(target),
    ]  # fmt: skip


def _quoted(path: Path) -> str:
    """`path` as one word of mmdebstrap's hook language, which takes quotes and backslashes."""
    return re.sub(r"([^\w./-])", r"\\\1", str(path))


def require_tools(*, mmdebstrap: bool = True) -> None:
    """Raise Unsupported, with the remedy, if this machine cannot build an image."""
    if platform.machine() != "x86_64":
        what = f"images are built on x86_64, this machine is {platform.machine()}"
        raise Unsupported(what, remedy="grade on an x86_64 machine")
    tools = ["setpriv", "sqfstar", "tar", *(["mmdebstrap"] if mmdebstrap else [])]
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        what = f"building the image needs {', '.join(missing)}, which this machine does not have"
        remedy = "sudo apt-get install mmdebstrap uidmap debian-archive-keyring squashfs-tools tar"
        if missing == ["mmdebstrap"]:
            remedy += f"; or have a Docker engine build it: grader image build --base {BASE}"
        raise Unsupported(what, remedy=remedy)


def installed(root: Path) -> dict[str, str]:
    """The versions of the Debian packages in a tree, by name."""
    status = root / "var" / "lib" / "dpkg" / "status"
    text = status.read_text(encoding="utf-8") if status.exists() else ""
    return dict(re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", text, re.MULTILINE | re.DOTALL))
