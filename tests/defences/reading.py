"""Defences of the grader's own side: how files are read, and how what they say is shown."""

from __future__ import annotations

import base64
import json
import os
import stat
import struct
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import hostile_reports as reports
from runs import PINNED, PYTEST, REPO, environment

from defences import Defence
from grader import pages, submission
from grader.deadline import wait_until
from grader.errors import Refused
from grader.export import classroom, table, wording
from grader.export.graded import Given, Graded
from grader.pages import png, site
from grader.submission import Deliverable, Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from defences import Removal, Setting

NAME, BOMB = "uncaught.sh", 60_000
OPENS = "257 "  # openat, on x86-64
SUBMISSION, SUBMISSIONS = "grader.submission:", "test_submission.py::test_"
RUNS = "from pathlib import Path\nPath({marker!r}).touch()\n"
# How pytest is told not to load the grader's plugin, once that is the defence taken away.
PLUGINS: list[str] = []
MARKUP = "<script>document.title = 1</script>"


def reads(prepare: Callable[[Path], object], what: str) -> Callable[[Setting], str]:
    """The attack that hands in what `prepare` makes of a path, to have it read."""

    def attack(setting: Setting) -> str:
        opened = prepare(setting.folder / NAME)
        try:
            return what if Submission("s", setting.folder).read(NAME).data else ""
        except Refused:
            return ""
        finally:
            if isinstance(opened, int):
                os.close(opened)

    return attack


def secret_of(path: Path) -> Path:
    """A file that is not part of the submission."""
    hidden = path.with_name("hidden")
    hidden.write_text("secret\n")
    return hidden


def with_nul(path: Path) -> None:
    """A file that is no text."""
    path.write_bytes(b"true\0\xff\n")


def filled_pipe(path: Path) -> int:
    """A named pipe with something in it, held open."""
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR)
    os.write(end, b"secret\n")
    return end


def large(path: Path) -> None:
    """A file that is somewhat larger than any answer."""
    path.write_bytes(b"#" * 300_000)


def blocks(setting: Setting) -> str:
    """Hand in a pipe without a writer; look whether who opens it waits there."""
    path = setting.folder / NAME
    os.mkfifo(path)
    reader = threading.Thread(target=reads(lambda _: None, ""), args=(setting,))
    reader.start()
    before = ""

    def decided() -> bool:
        nonlocal before
        now, earlier = system_call(reader), before
        before = now
        return not reader.is_alive() or (now.startswith(OPENS) and now == earlier)

    wait_until(decided, within=20, what="an end, or a reader that waits")
    if not reader.is_alive():
        return ""
    os.close(os.open(path, os.O_WRONLY))  # so that it ends
    reader.join()
    return "the grader waits for a writer"


def system_call(thread: threading.Thread) -> str:
    """Where in the kernel a thread of this process sleeps, and with which arguments."""
    try:
        text = Path(f"/proc/self/task/{thread.native_id}/syscall").read_text(encoding="ascii")
    except OSError:
        return ""
    return text


def changes_while_read(setting: Setting) -> str:
    """Change a file between two looks at it."""
    path = setting.folder / NAME
    path.write_text("true\n")
    found = Submission("s", setting.folder).read(NAME)
    path.write_text("changed\n")
    return "what is judged is not what was run" if b"changed" in found.data else ""


def has_a_conftest(setting: Setting) -> str:
    """Hand in what pytest executes wherever it lies."""
    folder, marker = setting.folder / "alice", setting.folder / "ran"
    folder.mkdir()
    (folder / "conftest.py").write_text(RUNS.format(marker=str(marker)))
    subprocess.run(
        [PYTEST, *PINNED, *PLUGINS, "-p", "no:cacheprovider", "--co", "-q", str(folder)],
        cwd=REPO, env=environment(), capture_output=True, check=False,
    )  # fmt: skip
    return "conftest.py is executed, as who grades" if marker.exists() else ""


def reported(message: str, name: str = "alice") -> Graded:
    """A report in which a check repeats what a submission has printed."""
    return Graded(reports.report(name, reports.failed("01d.leaves", message=message)))


def commands_the_runner(_: Setting) -> str:
    """Print what a CI's runner obeys."""
    encoded = classroom.write(reported("::set-output name=result::full marks"), Given())
    document: Any = json.loads(base64.b64decode(encoded.partition("=")[2]))
    said = [one["message"] for one in document["tests"]]
    return "a CI's runner is given a command" if any(one[:2] == "::" for one in said) else ""


def commands_the_terminal(_: Setting) -> str:
    """Print what a terminal obeys."""
    said = wording.feedback(reported("\x1b]0;owned\x07"))
    return "a terminal is given a command" if "\x1b" in said else ""


def computes_in_a_table(_: Setting) -> str:
    """Be called what a spreadsheet computes."""
    written = table.write([reported("no", name="=1+1")], Given()).text
    return "a cell of the class's table is a formula" if "\n=1+1" in written else ""


def scripts_the_page(setting: Setting) -> str:
    """Print markup."""
    reports.store(setting.folder, "alice", reports.failed("01d.leaves", message=MARKUP))
    pages.write(setting.folder)
    shown = [path.read_text(encoding="utf-8") for path in setting.folder.rglob("*.html")]
    return "a page has a script of the submission's" if any(MARKUP in one for one in shown) else ""


def without(flag: int) -> Removal:
    """Open files without one of the flags."""
    return lambda patch: patch.setattr(submission, "OPEN_FILE", submission.OPEN_FILE & ~flag)


def one_link(patch: pytest.MonkeyPatch) -> None:
    """Take each file for one with a single name."""

    def alone(fd: int) -> os.stat_result:
        about = os.fstat(fd)
        return os.stat_result([*about[:3], 1, *about[4:]])

    patch.setattr(submission, "os", SimpleNamespace(**{**vars(os), "fstat": alone}))


def any_kind(patch: pytest.MonkeyPatch) -> None:
    """Take whatever it is for a plain file."""
    anything = {**vars(stat), "S_ISREG": lambda _: True}
    patch.setattr(submission, "stat", SimpleNamespace(**anything))


def any_bytes(patch: pytest.MonkeyPatch) -> None:
    """Take whatever it holds for text."""
    patch.setattr(submission, "_as_text", Deliverable)


def read_again(patch: pytest.MonkeyPatch) -> None:
    """Read a deliverable whenever its content is asked for."""

    class Live(Deliverable):
        def __getattribute__(self, name: str) -> Any:
            return self.path.read_bytes() if name == "data" else super().__getattribute__(name)

    def read(found: Submission, name: str) -> Deliverable:
        live = Live(name, b"")
        object.__setattr__(live, "path", found.folder / name)
        return live

    patch.setattr(Submission, "read", read)


def unescaped(patch: pytest.MonkeyPatch) -> None:
    """Have templates take text for markup."""
    made = site._environment

    def trusting() -> Any:
        environment = made()
        environment.autoescape = False
        return environment

    patch.setattr(site, "_environment", trusting)


def as_it_is(module: object, name: str) -> Removal:
    """Have a function that makes text harmless hand it on as it is."""
    return lambda patch: patch.setattr(module, name, lambda text, *_: text)


def fills_the_browser(_: Setting) -> str:
    """Hand in a picture of a few bytes that takes 3.6 GB to be shown."""
    header = png.SIGNATURE + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", *(2 * [BOMB]), *(6 * [0]))
    return "a page shows 3.6 Gpixel" if isinstance(png.size(header, len(header)), png.Size) else ""


def any_size(patch: pytest.MonkeyPatch) -> None:
    """Let a picture have as many pixels as it likes."""
    patch.setattr(png, "WIDEST", BOMB)
    patch.setattr(png, "PIXELS", BOMB**2)


ALL = (
    Defence(
        "symbolic links are not followed", (15,), SUBMISSION + "OPEN_FILE",
        SUBMISSIONS + "a_symbolic_link",
        reads(lambda path: path.symlink_to(secret_of(path)), "a hidden file is read"),
        without(os.O_NOFOLLOW),
    ),
    Defence(
        "files with more names than one are refused", (18,), SUBMISSION + "_read_plain",
        SUBMISSIONS + "a_hard_link",
        reads(lambda path: path.hardlink_to(secret_of(path)), "another's file is read"), one_link,
    ),
    Defence(
        "plain files only", (19,), SUBMISSION + "_read_plain",
        SUBMISSIONS + "a_pipe_does_not_block",
        reads(filled_pipe, "a pipe is read"), any_kind,
    ),
    Defence(
        "files are opened without waiting", (19,), SUBMISSION + "OPEN_FILE",
        SUBMISSIONS + "a_pipe_does_not_block", blocks, without(os.O_NONBLOCK),
    ),
    Defence(
        "a largest size of what is read", (5, 20), SUBMISSION + "LARGEST",
        SUBMISSIONS + "a_large_file",
        reads(large, "300,000 bytes are read"),
        lambda patch: patch.setattr(submission, "LARGEST", 1 << 20),
    ),
    Defence(
        "text only", (21,), SUBMISSION + "_as_text", SUBMISSIONS + "a_nul",
        reads(with_nul, "a NUL byte is handed on"), any_bytes,
    ),
    Defence(
        "a deliverable is read once", (17, 29), SUBMISSION + "Submission.read",
        SUBMISSIONS + "a_snapshot", changes_while_read, read_again,
    ),
    Defence(
        "pytest is kept from a submission's files", (49,), "grader.plugin.command_line:_prepare",
        "test_plugin.py::test_no_file_of_a_submission_is_executed", has_a_conftest,
        lambda patch: patch.setattr("defences.reading.PLUGINS", ["-p", "no:netlab"]),
    ),
    Defence(
        "no message is a command to a CI's runner", (53,), "grader.export.wording:commandless",
        "test_export.py::test_the_reporters_log_holds_no_command", commands_the_runner,
        as_it_is(classroom, "commandless"),
    ),
    Defence(
        "no message is a command to a terminal", (47, 53), "grader.summary:printable",
        "test_review.py::test_hostile_answers_are_shown_as_text", commands_the_terminal,
        as_it_is(wording, "printable"),
    ),
    Defence(
        "no cell is a formula", (25,), "grader.export.wording:no_formula",
        "test_export.py::test_no_cell_is_a_formula", computes_in_a_table,
        as_it_is(table, "no_formula"),
    ),
    Defence(
        "pages show text as text", (47,), "grader.pages.site:_environment",
        "test_pages.py::test_nothing_of_a_submission_runs", scripts_the_page, unescaped,
    ),
    Defence(
        "a picture's header is believed before it is shown", (26,), "grader.pages.png:size",
        "test_pages.py::test_only_real_pictures_of_a_sane_size_are_shown", fills_the_browser,
        any_size,
    ),
)  # fmt: skip
