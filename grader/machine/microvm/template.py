"""The template: a guest booted once, warmed, stopped and kept, of which clones are made.

`netlab-grader/templates/<key>/` in the user's cache folder holds the guest's memory, the state of
its devices, its initrd and `template.json`. A folder of that name is complete: it got its name
last. The key is made of everything that a template depends on, so a stale one is never found.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from filelock import FileLock, Timeout

from grader.errors import Unsupported
from grader.machine.client import GRACE, MachineError, agent_archive
from grader.machine.idmap import IdMap
from grader.machine.microvm import guest
from grader.machine.microvm.qemu import KVM, TCG, Files, Qemu, accelerator, version
from grader.machine.microvm.vm import MicroVM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.machine.client import Machine

    Progress = Callable[[str], None]
    Warm = Callable[[Machine], None]

# To be raised when this module makes another template of the same inputs.
FORMAT = 1
HOSTNAME = "student"
KVM_DEVICE = Path("/dev/kvm")
# A guest that KVM can run is up within a second or two; one that hangs on it never is.
KVM_WITHIN, TCG_WITHIN = 12.0, 120.0
WAKES_WITHIN = 20.0
SEED_BYTES = 64
PART = ".part-"


@dataclass(frozen=True)
class Source:
    """What a template is made of: an image's tree and disk, under the image's id."""

    id: str
    root: Path
    disk: Path


@dataclass(frozen=True)
class Template:
    """A stopped guest on disk."""

    folder: Path
    files: Files
    state: Path
    accel: str

    @classmethod
    def at(cls, folder: Path, source: Source) -> Template:
        """The template kept in `folder`. Raises OSError or ValueError if it is none."""
        facts = json.loads((folder / "template.json").read_text(encoding="utf-8"))
        files = _files(folder, source)
        return cls(folder, files, folder / "state", str(facts["accel"]))

    def intact(self) -> bool:
        """Whether memory and state are still what was saved."""
        facts = json.loads((self.folder / "template.json").read_text(encoding="utf-8"))
        return bool(facts["digests"] == _digests(self.folder))


def templates_folder() -> Path:
    """The folder of all templates, made if need be."""
    folder = platformdirs.user_cache_path("netlab-grader", appauthor=False) / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key(source: Source) -> str:
    """The name of the template that `source` gives on this host. Raises Unsupported."""
    parts = (
        FORMAT, source.id, version(), accelerator(TCG), guest.COMMAND_LINE, guest.INIT,
        guest.WARM_MODULES, os.access(KVM_DEVICE, os.R_OK | os.W_OK), _processor(),
    )  # fmt: skip
    digest = hashlib.sha256(repr(parts).encode() + agent_archive())
    return digest.hexdigest()[:32]


def find(source: Source) -> Template | None:
    """The template of `source`, if it has been made. Raises Unsupported without QEMU."""
    folder = templates_folder() / key(source)
    return Template.at(folder, source) if (folder / "template.json").is_file() else None


def ensure(source: Source, warm: Warm, *, progress: Progress = lambda _: None) -> Template:
    """The template of `source`, made now if it is not here yet.

    `warm` is called with the running guest, to do once what every clone would else do first.
    `progress` is told, in short lines, what is being done. A second caller waits for the first.
    Raises Unsupported without QEMU, MachineError if no guest comes up.
    """
    found = find(source)
    if found is not None:
        return found
    with _locked(progress):
        return find(source) or _make(source, warm, progress)


def discard(template: Template) -> None:
    """Remove a template that is of no use, so that the next `ensure` makes another."""
    with _locked(lambda _: None):
        grave = templates_folder() / f"{PART}{secrets.token_hex(4)}"
        if template.folder.exists():
            template.folder.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)


def prune() -> list[Path]:
    """Remove all templates, and what was left of unfinished ones; say what went."""
    with _locked(lambda _: None):
        gone = [path for path in sorted(templates_folder().iterdir()) if path.name != ".lock"]
        for path in gone:
            shutil.rmtree(path)
    return gone


def clone(template: Template) -> MicroVM:
    """A running clone. Raises MachineError, with the end of its serial log, if it does not wake."""
    qemu = Qemu(
        template.files, IdMap.for_this_user(), accel=template.accel,
        command_line=guest.COMMAND_LINE, shared=False, incoming=True,
    )  # fmt: skip
    machine = MicroVM(qemu)
    try:
        qemu.resume(template.state)
        machine.kernel = machine.call(
            "system.wake",
            within=WAKES_WITHIN - GRACE,
            entropy=secrets.token_bytes(SEED_BYTES),
            time_ns=time.time_ns(),
        )
    except MachineError as error:
        machine.close()
        raise MachineError(f"a microVM did not wake: {error.what}") from error
    return machine


def start(source: Source, warm: Warm, *, progress: Progress = lambda _: None) -> MicroVM:
    """A clone of the source's template, which is made first if need be.

    One that does not wake is replaced once, by one of a new template if the old is damaged.
    Raises Unsupported without QEMU, MachineError if the second is dead, too.
    """
    template = ensure(source, warm, progress=progress)
    try:
        return clone(template)
    except MachineError as error:
        progress(error.what.splitlines()[0])
    if not template.intact():
        progress("the microVM's template is damaged: making another")
        discard(template)
        template = ensure(source, warm, progress=progress)
    return clone(template)


@contextmanager
def _locked(progress: Progress) -> Iterator[None]:
    lock = FileLock(templates_folder() / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("waiting for another run to make the microVM's template")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _make(source: Source, warm: Warm, progress: Progress) -> Template:
    """Boot, warm, save. The caller holds the lock, so what is unfinished is nobody's."""
    for path in templates_folder().glob(f"{PART}*"):
        shutil.rmtree(path)
    final = templates_folder() / key(source)
    kinds = [TCG]
    if os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        kinds = [KVM, TCG]
    for accel in kinds:
        progress(f"starting the microVM's template ({accel})")
        part = templates_folder() / f"{PART}{secrets.token_hex(4)}"
        part.mkdir()
        try:
            _boot(part, source, accel, warm, progress)
        except MachineError as error:
            shutil.rmtree(part)
            if accel == kinds[-1]:
                raise
            progress(f"KVM is there but of no use: {error.what.splitlines()[0]}")
            continue
        facts = {"accel": accel, "image": source.id, "digests": _digests(part)}
        (part / "template.json").write_text(json.dumps(facts), encoding="utf-8")
        _drop_others(final)
        part.rename(final)
        progress("the microVM's template is ready")
        return Template.at(final, source)
    raise AssertionError("the last kind returns or raises")


def _boot(part: Path, source: Source, accel: str, warm: Warm, progress: Progress) -> None:
    ids = IdMap.for_this_user()
    files = _files(part, source)
    files.initrd.write_bytes(guest.initrd(source.root, HOSTNAME))
    for path in (files.memory, part / "state"):
        path.touch(mode=0o600)
        if ids.uid is None:
            os.chown(path, ids.uid_base, ids.gid_base)
    qemu = Qemu(files, ids, accel=accel, command_line=guest.COMMAND_LINE, shared=True)
    with MicroVM(qemu) as machine:
        machine.boot(KVM_WITHIN if accel == KVM else TCG_WITHIN)
        progress("warming it")
        warm(machine)
        qemu.save(part / "state")


def _drop_others(kept: Path) -> None:
    """Remove templates of other keys: each takes some hundred megabytes and none comes back.

    Clones that still run on one keep its files until they end.
    """
    for path in templates_folder().iterdir():
        if path.is_dir() and path != kept and not path.name.startswith(PART):
            shutil.rmtree(path, ignore_errors=True)


def _files(folder: Path, source: Source) -> Files:
    return Files(guest.kernel(source.root), folder / "initrd", source.disk, folder / "memory")


def _digests(folder: Path) -> dict[str, Any]:
    found = {}
    for name in ("memory", "state", "initrd"):
        with (folder / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "blake2b").hexdigest()
    return found


def _processor() -> str:
    """The processor's name: under KVM a guest's state fits no other."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Unsupported(f"/proc/cpuinfo cannot be read: {error}") from error
    return next((line.partition(":")[2] for line in lines if line.startswith("model name")), "")
