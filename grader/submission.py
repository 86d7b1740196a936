"""A submission's files, opened safely and snapshotted once: nothing in them is ever executed here.

A submission may hold links, pipes, huge or unreadable files: each is refused with its reason.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from grader.errors import CheckFailed, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST = 256 * 1024
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
HASHES = re.compile(r"^[^\S\n]*#.*$", re.MULTILINE)
# bpftrace(8): comments are C's; a first line #! is for the shell.
SLASHES = re.compile(r"\A#!.*|//.*|/\*[\s\S]*?(?:\*/|\Z)")
# What comments are in a file, by its name's end; the others' content is judged whatever it is.
COMMENTS = dict.fromkeys((".sh", ".py", ".yaml", ".txt", ".nft"), HASHES) | {".bt": SLASHES}
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK, so that opening a pipe without a writer returns.
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Deliverable:
    """One file of a submission as it was when it was read: text with LF line ends, no BOM."""

    name: str
    data: bytes = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Its content."""
        return self.data.decode()

    @property
    def blank(self) -> str:
        """What it holds if there is nothing in it to be judged; the empty string if there is."""
        if not self.text.strip():
            return "is empty"
        comments = COMMENTS.get(PurePath(self.name).suffix)
        if comments and not comments.sub("", self.text).strip():
            return "holds nothing but comments"
        return ""


@dataclass(frozen=True)
class Submission:
    """A folder with deliverables, known by an id that names its report."""

    id: str
    folder: Path

    def read(self, name: str) -> Deliverable:
        """Snapshot a file. Raises CheckFailed if it is missing, Refused if it is no plain text."""
        try:
            data = self._bytes(name, LARGEST)
        except FileNotFoundError:
            raise CheckFailed(
                f"{name} was not handed in", hint=self._near(name) or f"hand in a file {name}"
            ) from None
        return _as_text(name, data)

    def digest(self, names: Iterable[str]) -> str:
        """SHA-256 over the deliverables `names` that are there, as they are."""
        total = hashlib.sha256()
        for name in sorted(names):
            try:
                data = self._bytes(name, LARGEST)
            except FileNotFoundError:
                continue
            except Refused as refused:
                data = refused.message.encode()
            total.update(f"{name}\0{len(data)}\0".encode() + data)
        return total.hexdigest()

    def _bytes(self, name: str, largest: int) -> bytes:
        try:
            folder = os.open(self.folder, OPEN_FOLDER)
        except OSError as error:
            raise Refused(f"{self.folder.name!a} cannot be opened: {error.strerror}") from error
        try:
            return _read_plain(name, folder, largest)
        finally:
            os.close(folder)

    def _near(self, name: str) -> str:
        """A hint if a file's name is nearly the wanted one."""
        wanted = _folded(name)
        for found in self._names():
            if _folded(found) == wanted:
                return f"there is a file {found!a}; its name must be exactly {name}"
        return ""

    def _names(self) -> Iterator[str]:
        with os.scandir(self.folder) as entries:
            for _, entry in zip(range(1000), entries, strict=False):
                yield entry.name


def in_utf_8(name: str) -> str:
    """A file's name as text that all can write and send: what is no UTF-8 in it by its bytes."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    return plain.removesuffix(".txt").replace("-", "_").replace(" ", "_")


def _read_plain(name: str, folder: int, largest: int) -> bytes:
    try:
        fd = os.open(name, OPEN_FILE, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        found = _kind(os.lstat(name, dir_fd=folder).st_mode)
        if found == "a regular file":
            found = f"a file that cannot be read ({error.strerror})"
        raise _refused(name, found) from error
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode):
        os.close(fd)
        raise _refused(name, _kind(about.st_mode))
    with os.fdopen(fd, "rb", buffering=0) as file:
        if about.st_nlink > 1:
            raise _refused(name, f"a file with {about.st_nlink} hard links")
        if about.st_size > largest:
            raise _refused(name, f"{about.st_size:,} bytes (at most {largest:,} are read)")
        data = bytearray()
        while len(data) <= largest and (chunk := file.read(largest + 1 - len(data))):
            data += chunk
        if len(data) > largest:
            raise _refused(name, f"a file that grew beyond {largest:,} bytes while it was read")
        return bytes(data)


def _refused(name: str, found: str) -> Refused:
    return Refused(
        f"{name}: expected a plain text file, found {found}", hint="hand in the file itself"
    )


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
        stat.S_IFREG: "a regular file",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _as_text(name: str, data: bytes) -> Deliverable:
    notes = []
    if data.startswith(UTF_16):
        raise _refused(name, "UTF-16 text; save it as UTF-8")
    if data.startswith(BOM):
        notes.append(f"{name} begins with a byte order mark, which was left out")
        data = data.removeprefix(BOM)
    if b"\0" in data:
        raise _refused(name, f"a NUL byte at offset {data.index(0)}")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(
            name, f"a byte that is not UTF-8 (0x{data[error.start]:02x} in line {line})"
        ) from error
    if b"\r" in data:
        notes.append(f"{name} has Windows line ends (CRLF), which were read as LF")
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return Deliverable(name, data, tuple(notes))
