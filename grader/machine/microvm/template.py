"""The template: a guest booted once, warmed, stopped and kept, of which clones are made.

`netlab-grader/templates/<key>/` in the user's cache folder holds the guest's memory, the state of
its devices, its initrd and `template.json`. A folder of that name is complete: it got its name
last. The key is made of everything that a template depends on, so a stale one is never found; what
came to harm afterwards is found out when a clone does not wake.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader import home, lock
from grader.errors import Unsupported
from grader.machine.client import GRACE, MachineError, agent_archive
from grader.machine.idmap import IdMap
from grader.machine.microvm import guest
from grader.machine.microvm.qemu import (
    KVM,
    KVM_DEVICE,
    MEMORY_MIB,
    TCG,
    Files,
    Qemu,
    accelerator,
    hardware,
    version,
)
from grader.machine.microvm.vm import MicroVM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from grader.machine.client import Machine

    Progress = Callable[[str], None]
    Warm = Callable[[Machine], None]

# To be raised when this module makes another template of the same inputs.
FORMAT = 1
HOSTNAME = "student"
# A guest that KVM can run is up within a second or two; one that hangs on it never is.
KVM_WITHIN, TCG_WITHIN = 12.0, 120.0
WAKES_WITHIN = 20.0
SEED_BYTES = 64
PART = ".part-"
# Of other keys: two checkouts that are used in turn must not remove each other's.
OTHERS_KEPT = 2
ATTEMPTS = 3  # without KVM, for a guest with a right clock
KEPT = ("memory", "state", "initrd")
REMEDY = f"make room there: a template takes {MEMORY_MIB + 64} MiB"


class WrongClock(MachineError):
    """The guest has measured its clock wrong, as a busy host makes it: another may be right."""


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
        accel = _facts(folder).get("accel")
        if accel not in {KVM, TCG}:
            raise ValueError(f"{folder}: expected an accelerator, found {accel!r}")
        return cls(folder, _files(folder, source), folder / "state", accel)

    def intact(self) -> bool:
        """Whether memory and state are still what was saved."""
        try:
            return _facts(self.folder).get("digests") == _digests(self.folder)
        except (OSError, ValueError):
            return False


def templates_folder() -> Path:
    """The folder of all templates, made if need be."""
    return home.cache("templates")


def key(source: Source) -> str:
    """The name of the template that `source` gives on this host. Raises Unsupported."""
    fds = dict.fromkeys(("kernel", "initrd", "disk", "memory", "agent"), 0)
    parts = (
        FORMAT, source.id, version(), accelerator(TCG), accelerator(KVM),
        hardware(fds, guest.COMMAND_LINE, shared=True), guest.INIT, guest.WARM_MODULES,
        os.access(KVM_DEVICE, os.R_OK | os.W_OK), _processor(),
    )  # fmt: skip
    digest = hashlib.sha256(repr(parts).encode() + agent_archive())
    return digest.hexdigest()[:32]


def find(source: Source) -> Template | None:
    """The template of `source`, if it has been made. Raises Unsupported without QEMU."""
    try:
        return Template.at(templates_folder() / key(source), source)
    except (OSError, ValueError):
        return None


def ensure(
    source: Source, warm: Warm, *, progress: Progress = lambda _: None, checked: bool = False
) -> Template:
    """The template of `source`, made now if it is not here yet.

    `warm` is called with the running guest, to do once what every clone would else do first.
    `progress` is told, in short lines, what is being done. `checked` has all of a template that
    is here read, and another made if it is damaged. A second caller waits for the first.
    Raises Unsupported without QEMU, MachineError if no guest comes up or it cannot be kept.
    """
    found = None if checked else find(source)
    if found is not None:
        with suppress(OSError):  # another run may have removed it; then no clone will start
            os.utime(found.folder / "template.json")
        return found
    try:
        with _locked(progress):
            found = find(source)
            if found is not None and not (checked and not found.intact()):
                return found
            return _make(source, warm, progress)
    except OSError as error:
        what = f"the microVM's template cannot be kept in {templates_folder()}: {error}"
        raise MachineError(what, remedy=REMEDY) from error


def prune(*, kept: Template | None = None) -> list[Path]:
    """Remove all templates but `kept`, and what was left of unfinished ones; say what went."""
    with _locked():
        return _drop_all_but([kept.folder] if kept else [])


def clone(template: Template) -> MicroVM:
    """A running clone. Raises MachineError, with the end of its serial log, if it does not wake.

    QEMU ends with the thread that calls this: see PR_SET_PDEATHSIG in prctl(2).
    """
    with ExitStack() as undo:
        qemu = undo.enter_context(
            Qemu(
                template.files, IdMap.for_this_user(), accel=template.accel,
                command_line=guest.COMMAND_LINE, shared=False, incoming=True,
            )
        )  # fmt: skip
        machine = undo.enter_context(MicroVM(qemu))
        try:
            qemu.resume(template.state)
            machine.kernel = machine.call(
                "system.wake",
                within=WAKES_WITHIN - GRACE,
                entropy=secrets.token_bytes(SEED_BYTES),
                time_ns=time.time_ns(),
            )
        except MachineError as error:
            raise MachineError(f"a microVM did not wake: {error.what}") from error
        undo.pop_all()
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
    return clone(ensure(source, warm, progress=progress, checked=True))


def _locked(progress: Progress = lambda _: None) -> AbstractContextManager[None]:
    waiting = "waiting for another run to make the microVM's template"
    return lock.alone(templates_folder(), waiting=waiting, progress=progress)


def _make(source: Source, warm: Warm, progress: Progress) -> Template:
    """Boot, warm, save. The caller holds the lock, so what is unfinished is nobody's."""
    final = templates_folder() / key(source)
    if final.exists():
        progress("the microVM's template is damaged: making another")
    whole = [path.parent for path in templates_folder().glob("*/template.json")]
    others = sorted((path for path in whole if path != final), key=_used, reverse=True)
    _drop_all_but(others[:OTHERS_KEPT])
    kinds = [TCG] * ATTEMPTS
    if os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        kinds = [KVM, *kinds]
    for left, accel in zip(range(len(kinds) - 1, -1, -1), kinds, strict=True):
        progress(f"starting the microVM's template ({accel})")
        with _unfinished() as part:
            try:
                _boot(part, source, accel, warm, progress)
            except WrongClock as error:
                if not left:
                    raise
                progress(error.what)
                continue
            except MachineError as error:
                if accel == TCG:
                    raise
                progress(f"KVM is there but of no use: {error.what.splitlines()[0]}")
                continue
            facts = {"accel": accel, "image": source.id, "digests": _digests(part)}
            (part / "template.json").write_text(json.dumps(facts), encoding="utf-8")
            _sync(part)
            part.rename(final)
        progress("the microVM's template is ready")
        return Template.at(final, source)
    raise AssertionError("the last kind returns or raises")


@contextmanager
def _unfinished() -> Iterator[Path]:
    """A folder for a template, gone at the end unless it got another name."""
    part = templates_folder() / f"{PART}{secrets.token_hex(4)}"
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _boot(part: Path, source: Source, accel: str, warm: Warm, progress: Progress) -> None:
    ids = IdMap.for_this_user()
    files = _files(part, source)
    files.initrd.write_bytes(guest.initrd(source.root, HOSTNAME))
    for path in (files.memory, part / "state"):
        path.touch(mode=0o600)
        ids.own(path)
    with files.memory.open("r+b") as file:
        # Now, for a guest whose memory has no room is killed without a reason.
        os.posix_fallocate(file.fileno(), 0, MEMORY_MIB * 1024 * 1024)
    with ExitStack() as all_of_it:
        qemu = all_of_it.enter_context(
            Qemu(files, ids, accel=accel, command_line=guest.COMMAND_LINE, shared=True)
        )
        machine = all_of_it.enter_context(MicroVM(qemu))
        machine.boot(KVM_WITHIN if accel == KVM else TCG_WITHIN)
        progress("warming it")
        warm(machine)
        qemu.save(part / "state")


def _sync(folder: Path) -> None:
    """Have it all on the disk: a hole after a power cut would be noticed by nobody."""
    for path in (*folder.iterdir(), folder):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _used(template: Path) -> float:
    """When a template was last asked for."""
    return (template / "template.json").stat().st_mtime


def unfinished() -> list[Path]:
    """Templates that were being made when their run died. The caller holds the folder's lock."""
    return sorted(templates_folder().glob(f"{PART}*"))


def _drop_all_but(kept: list[Path]) -> list[Path]:
    """Remove all other templates and what was left of unfinished ones; say what went.

    Each takes some hundred megabytes. Clones that still run on one keep its files until they end.
    """
    entries = sorted(templates_folder().iterdir())
    gone = [path for path in entries if path.name != lock.NAME and path not in kept]
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return gone


def _files(folder: Path, source: Source) -> Files:
    return Files(guest.kernel(source.root), folder / "initrd", source.disk, folder / "memory")


def _facts(folder: Path) -> dict[str, object]:
    """What template.json says. Raises OSError or ValueError."""
    facts = json.loads((folder / "template.json").read_text(encoding="utf-8"))
    if not isinstance(facts, dict):
        raise ValueError(f"{folder}: expected an object in template.json")  # noqa: TRY004
    return facts


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for name in KEPT:
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
