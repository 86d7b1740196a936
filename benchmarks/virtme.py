"""virtme-ng: a kernel booted for one command, on a copy-on-write view of this host's files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Absent, Unable
from grader.machine.microvm import guest
from grader.machine.microvm.qemu import CPUS, KVM, MEMORY_MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.image import Image

NAME = "virtme-ng, booted (vng -r)"
PACKAGE = "virtme-ng==1.42"
# Our image's kernel knows no 9p, so the host's files must come by virtiofs.
NEEDED = ("virtiofsd", "modprobe", "busybox")
PLACES = ("/usr/libexec", "/usr/sbin", "/sbin")
BOOTS_WITHIN = 120
DONE = "script exited with code 0"


class Booted:
    """`vng` with the kernel of our image: from nothing to power off."""

    name = NAME

    def __init__(self, argv: list[str], folder: Path) -> None:
        self._argv = argv
        path = f"{folder}/bin{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        self._environment = os.environ | {"PATH": path, "TMPDIR": str(folder)}

    @classmethod
    @contextmanager
    def ready(cls, kernel: Path, accel: str) -> Iterator[Booted]:
        """The contender, in a virtual environment of its own, which is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="netlab-benchmark-") as name:
            folder = Path(name)
            subprocess.run([sys.executable, "-m", "venv", name], check=True)
            pip = [str(folder / "bin/pip"), "install", "--quiet", PACKAGE]
            installed = subprocess.run(pip, stderr=subprocess.PIPE, text=True, check=False)
            if installed.returncode:
                print(f"{NAME}: pip: {installed.stderr.strip()}", file=sys.stderr)
            argv = [
                str(folder / "bin/vng"), "--verbose", "--run", str(kernel), "--user", "root",
                "--cpus", str(CPUS), "--memory", f"{MEMORY_MIB}M",
                *([] if accel == KVM else ["--disable-kvm"]), "--", "true",
            ]  # fmt: skip
            yield cls(argv, folder)

    def up(self) -> None:
        """All of it."""
        try:
            code, said = self._boot()
        except subprocess.TimeoutExpired:
            raise Unable(f"has not ended after {BOOTS_WITHIN} s") from None
        except OSError as error:
            raise Unable(f"does not run here: {error}") from error
        # On a host without udev the command's status gets lost, but the guest says it.
        if code and DONE not in said:
            lines = said.splitlines() or [f"exit status {code}"]
            panic = (line for line in lines if "Kernel panic" in line)
            raise Unable(f"does not run here: {next(panic, lines[-1])}")

    def _boot(self) -> tuple[int, str]:
        with subprocess.Popen(
            self._argv, env=self._environment, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                _, said = process.communicate(timeout=BOOTS_WITHIN)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # QEMU and virtiofsd are its children
                raise
        return process.returncode, said.strip()

    def check(self) -> None:
        """`up` has looked."""

    def down(self) -> None:
        """Nothing is left."""


def if_there(image: Image, accel: str) -> object:
    """virtme-ng with our image's kernel under `accel`, or why it cannot be measured."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    lacking = [name for name in NEEDED if shutil.which(name, path=places) is None]
    if lacking:
        return Absent(NAME, f"needs {', '.join(lacking)}")
    return Booted.ready(guest.kernel(image.root), accel)
