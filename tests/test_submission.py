"""Whatever lies where a deliverable should be is graded or refused with its reason, at once."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from grader.errors import CheckFailed, Refused
from grader.submission import LARGEST, Submission

if TYPE_CHECKING:
    from pathlib import Path

NAME = "tcpdump.sh"
TEXT = "tcpdump -n\n"
ROOT = os.geteuid() == 0


@pytest.fixture
def alice(tmp_path: Path) -> Submission:
    """An empty submission."""
    folder = tmp_path / "alice"
    folder.mkdir()
    return Submission("alice", folder)


def refused(alice: Submission) -> str:
    """The words with which the file is refused; file, expectation and remedy are among them."""
    with pytest.raises(Refused) as caught:
        alice.read(NAME)
    assert caught.value.message.startswith(f"{NAME}: expected a plain text file, found ")
    assert caught.value.hint == "hand in the file itself"
    return caught.value.message.partition("found ")[2]


def test_text_is_read(alice: Submission) -> None:
    """A plain file is read as it is, without a note."""
    (alice.folder / NAME).write_text(TEXT)
    found = alice.read(NAME)
    assert (found.text, found.notes) == (TEXT, ())


def test_a_missing_file(alice: Submission) -> None:
    """A file that is not there fails, and the hint says what to hand in."""
    with pytest.raises(CheckFailed, match=r"tcpdump\.sh was not handed in") as caught:
        alice.read(NAME)
    assert not isinstance(caught.value, Refused)
    assert NAME in caught.value.hint


@pytest.mark.parametrize("name", ["Tcpdump.sh", "TCPDUMP.SH", "tcpdump.SH"])
def test_a_name_in_another_case(alice: Submission, name: str) -> None:
    """A file whose name is written otherwise is not taken, but pointed out."""
    (alice.folder / name).write_text(TEXT)
    with pytest.raises(CheckFailed, match="not handed in") as caught:
        alice.read(NAME)
    assert name in caught.value.hint


def test_a_pipe_does_not_block(alice: Submission) -> None:
    """A named pipe that nobody writes to is refused."""
    os.mkfifo(alice.folder / NAME)
    assert refused(alice) == "a named pipe"


def test_a_socket(alice: Submission, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket is refused."""
    monkeypatch.chdir(alice.folder)  # a socket's path has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(NAME)
        assert refused(alice) == "a socket"


def test_a_folder(alice: Submission) -> None:
    """A folder of the file's name is refused."""
    (alice.folder / NAME).mkdir()
    assert refused(alice) == "a folder"


@pytest.mark.parametrize("target", ["other.sh", "/etc/passwd", "nowhere", NAME, "/dev/zero"])
def test_a_symbolic_link(alice: Submission, target: str) -> None:
    """A symbolic link is refused wherever it leads: to a file beside it, outside, to itself."""
    (alice.folder / "other.sh").write_text(TEXT)
    (alice.folder / NAME).symlink_to(target)
    assert refused(alice) == "a symbolic link"


def test_a_hard_link(alice: Submission, tmp_path: Path) -> None:
    """A hard link to somebody else's file is refused."""
    (tmp_path / "bob.sh").write_text(TEXT)
    os.link(tmp_path / "bob.sh", alice.folder / NAME)
    assert refused(alice) == "a file with 2 hard links"


if ROOT:  # nobody else can make one

    def test_a_device(alice: Submission) -> None:
        """A device is refused before a byte is read from it."""
        os.mknod(alice.folder / NAME, 0o666 | 0o020000, os.makedev(1, 5))
        assert refused(alice) == "a character device"

else:

    def test_an_unreadable_file(alice: Submission) -> None:
        """A file without permission to read is refused with the system's reason."""
        (alice.folder / NAME).write_text(TEXT)
        (alice.folder / NAME).chmod(0)
        assert refused(alice) == "a file that cannot be read (Permission denied)"


@pytest.mark.parametrize("size", [LARGEST + 1, 1 << 30, 1 << 40])
def test_a_large_file(alice: Submission, size: int) -> None:
    """A file that is too large is refused by its size, unread: also 1 GB, also sparse 1 TB."""
    with (alice.folder / NAME).open("wb") as file:
        file.truncate(size)
    assert refused(alice) == f"{size:,} bytes (at most {LARGEST:,} are read)"


def test_the_largest_file(alice: Submission) -> None:
    """A file of just the size that may be is read."""
    (alice.folder / NAME).write_bytes(b"#" * LARGEST)
    assert len(alice.read(NAME).data) == LARGEST


def test_a_nul(alice: Submission) -> None:
    """A NUL byte is refused with its place."""
    (alice.folder / NAME).write_bytes(b"tcpdump\0-n")
    assert refused(alice) == "a NUL byte at offset 7"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16(alice: Submission, encoding: str) -> None:
    """UTF-16, with a byte order mark or without, is refused."""
    (alice.folder / NAME).write_bytes(TEXT.encode(encoding))
    assert "UTF-16" in refused(alice) or "NUL" in refused(alice)


def test_utf_16_is_named(alice: Submission) -> None:
    """What an editor saved as UTF-16 is named so, with the remedy."""
    (alice.folder / NAME).write_bytes(TEXT.encode("utf-16"))
    assert refused(alice) == "UTF-16 text; save it as UTF-8"


def test_latin_1(alice: Submission) -> None:
    """Latin-1 is refused with the byte and the line."""
    (alice.folder / NAME).write_bytes("# fine\n# für\n".encode("latin-1"))
    assert refused(alice) == "a byte that is not UTF-8 (0xfc in line 2)"


def test_utf_8(alice: Submission) -> None:
    """Letters of any language are fine."""
    (alice.folder / NAME).write_text("# für șase ☃\n", encoding="utf-8")
    assert alice.read(NAME).text == "# für șase ☃\n"


@pytest.mark.parametrize("data", [b"a \\\r\nb\r\n", b"a \\\rb\r", b"a \\\r\nb\n"])
def test_windows_line_ends(alice: Submission, data: bytes) -> None:
    """CR and CRLF are read as LF, also behind a backslash, and the student is told."""
    (alice.folder / NAME).write_bytes(data)
    found = alice.read(NAME)
    assert found.text == "a \\\nb\n"
    assert "Windows line ends" in found.notes[0]


def test_a_byte_order_mark(alice: Submission) -> None:
    """A byte order mark is left out, and the student is told."""
    (alice.folder / NAME).write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    found = alice.read(NAME)
    assert found.text == TEXT
    assert "byte order mark" in found.notes[0]


@pytest.mark.parametrize("text", ["", "\n", " \t\n\n"])
@pytest.mark.parametrize("name", [NAME, "nf_latency.bt", "results.csv", "why.md", "plot.py"])
def test_empty(alice: Submission, name: str, text: str) -> None:
    """A file of nothing or of white space is known as empty."""
    (alice.folder / name).write_text(text)
    assert alice.read(name).blank == "is empty"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (NAME, "# only\n  # comments\n"),
        (NAME, "#!/bin/bash\n"),
        ("plot.py", "#!/usr/bin/env python3\n\n\t# later"),
        ("answers.yaml", "# later\n"),
        ("nf_latency.bt", "#!/usr/bin/env bpftrace\n// later\n"),
        ("nf_latency.bt", "/* later\n * /\n // */ // /*\n"),
        ("nf_latency.bt", "/* never closed\nkprobe:nf_hook_slow { @ = count(); }\n"),
    ],
)
def test_comments_only(alice: Submission, name: str, text: str) -> None:
    """A file of comments is known as such, by the comments of its language."""
    (alice.folder / name).write_text(text)
    assert alice.read(name).blank == "holds nothing but comments"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (NAME, "# a comment\n" + TEXT),
        (NAME, "// no comment here"),
        (NAME, ":"),
        ("nf_latency.bt", "/* a */ BEGIN { } // b"),
        ("nf_latency.bt", "# no comment here"),
        ("nf_latency.bt", "//\n/**/ kprobe:f { }"),
        ("why.md", "# A heading is an answer"),
        ("results.csv", "# no comment here"),
    ],
)
def test_not_blank(alice: Submission, name: str, text: str) -> None:
    """A file with anything else is not blank."""
    (alice.folder / name).write_text(text)
    assert not alice.read(name).blank


@pytest.mark.parametrize("name", [NAME, "nf_latency.bt"])
@pytest.mark.parametrize("unit", ["\n", " ", "/*", "//", "#", "*/", " #\n"])
def test_large_files_are_no_work(alice: Submission, name: str, unit: str) -> None:
    """Whatever fills a file, it is looked through at once."""
    (alice.folder / name).write_text(unit * (LARGEST // len(unit) - 1) + "x")
    began = time.monotonic()
    alice.read(name).blank  # noqa: B018 the work
    assert time.monotonic() - began < 2


def test_a_snapshot(alice: Submission) -> None:
    """What is read once stays, whatever becomes of the file."""
    (alice.folder / NAME).write_text(TEXT)
    found = alice.read(NAME)
    (alice.folder / NAME).write_text("rm\n")
    assert found.text == TEXT


def test_a_folder_that_is_a_link(alice: Submission, tmp_path: Path) -> None:
    """A submission that is gone or became something else is refused."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(Refused, match="cannot be opened"):
            Submission("x", folder).read(NAME)


def test_digest(alice: Submission) -> None:
    """The digest changes with a deliverable's content, not with other files."""
    (alice.folder / NAME).write_text(TEXT)
    before = alice.digest([NAME])
    (alice.folder / "notes.txt").write_text("mine")
    assert alice.digest([NAME]) == before
    (alice.folder / NAME).write_text(TEXT + "\n")
    assert alice.digest([NAME]) != before


def test_digest_of_a_pipe(alice: Submission) -> None:
    """A file that is refused has a digest all the same, without blocking."""
    os.mkfifo(alice.folder / NAME)
    assert len(alice.digest([NAME])) == 64
