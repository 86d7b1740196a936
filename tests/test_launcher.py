"""The launcher, on real but small copies of the project, and as it stands here."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPO = Path(__file__).resolve().parents[1]

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "small"
version = "1"
scripts = { grader = "grader.cli:main" }
[tool.setuptools]
packages = ["grader"]
package-dir = { "" = "." }
"""
# Stands for `grader image build` and `template`: the real ones have tests of their own.
CLI = """
import pathlib, sys
def main():
    folder = pathlib.Path(__file__).parents[1] / "the image"
    if sys.argv[1:] == ["image", "template"]:
        (folder / "template").touch(exist_ok=False)
        return
    folder.mkdir(exist_ok=True)
    (folder / "image.json").touch()
    print("built", file=sys.stderr)
    print(folder)
"""
Completed = subprocess.CompletedProcess[str]
QEMU = ("qemu-system-x86_64",)
TRAPPED = ("python3", "python3.11", "python3.12", "python3.13", "pip", "apt-get", "flock", "grader")


def project(folder: Path) -> Path:
    """Write a small project with the real launcher into `folder`."""
    for name in ("fixtures/image", "grader/image", "grader/machine"):
        (folder / name).mkdir(parents=True)
    shutil.copy(REPO / "lab", folder / "lab")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    lock = (REPO / "requirements.lock").read_text()
    pinned = re.search(r"^setuptools==.*(?:\n    .*)*", lock, re.MULTILINE)
    assert pinned
    (folder / "requirements.lock").write_text(pinned.group() + "\n")
    (folder / "grader/__init__.py").touch()
    (folder / "grader/cli.py").write_text(CLI)
    (folder / "grader/machine/idmap.py").touch()
    (folder / "fixtures/image/packages.txt").touch()
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A project that has never been started, in a folder with a space in its name."""
    return project(tmp_path / "my labs")


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """A project and what its first start, from another folder, said."""
    folder = project(tmp_path_factory.mktemp("ready") / "my labs")
    return folder, lab(folder, "sh", "-c", "command -v grader; pwd", cwd=Path("/"))


@pytest.fixture
def ready(first_start: tuple[Path, Completed]) -> Path:
    """A project whose set-up is done; tests leave it so."""
    return first_start[0]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment, with a cache folder beside the project."""
    return {**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache"), **more}


def start(folder: Path, *argv: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start the project's launcher in a process group of its own."""
    return subprocess.Popen(
        [folder / "lab", *argv],
        cwd=cwd,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def lab(folder: Path, *argv: str, cwd: Path | None = None) -> Completed:
    """Run the project's launcher."""
    with start(folder, *argv, cwd=cwd) as process:
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def tools(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """A folder with this machine's programs but those named; to be all of PATH."""
    folder.mkdir()
    for top in ("/bin", "/usr/bin", "/sbin", "/usr/sbin"):
        for path in Path(top).iterdir():
            link = folder / path.name
            if path.name not in without and not link.is_symlink():
                link.symlink_to(path)
    return folder


def script(path: Path, text: str) -> None:
    """Write a shell script, in the place of whatever is there."""
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def traps(folder: Path) -> Path:
    """A folder of programs that do nothing but leave a trace of having been called."""
    folder.mkdir()
    for name in TRAPPED:
        script(folder / name, f'echo {name} >> "{folder}/called"; exit 1')
    return folder


# --- starting --------------------------------------------------------------------------------


def test_first_start_sets_up(first_start: tuple[Path, Completed]) -> None:
    """From any folder, the first start makes .venv and the image, then runs its arguments there."""
    folder, done = first_start
    assert done.stdout.splitlines() == [f"{folder}/.venv/bin/grader", "/"], done.stderr
    assert "making .venv" in done.stderr
    assert "built" in done.stderr


def test_second_start_only_compares(ready: Path, tmp_path: Path) -> None:
    """The second start calls no Python, no pip, no apt-get, takes no lock and says nothing."""
    trapped = traps(tmp_path / "traps")
    env = environment(ready, PATH=f"{trapped}:{os.environ['PATH']}")
    done = subprocess.run(
        [ready / "lab", "echo", "here"], env=env, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("here\n", "")
    assert not (trapped / "called").exists()


def test_the_commands_exit_code_is_kept(ready: Path) -> None:
    """What the command ends with, the launcher ends with."""
    assert lab(ready, "sh", "-c", "exit 7").returncode == 7


def test_no_command_is_bad_usage(ready: Path) -> None:
    """Without a command the launcher says how it is called, and ends with code 2."""
    done = lab(ready)
    assert done.returncode == 2
    assert "./lab pytest submissions/alice" in done.stderr


def test_modules_of_the_current_folder_are_not_imported(ready: Path, tmp_path: Path) -> None:
    """A json.py beside what is graded is not taken for Python's own."""
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    done = lab(ready, "python", "-c", "import json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_pytest_gets_the_projects_configuration(ready: Path) -> None:
    """Pytest reads tox.ini of the project, unless the caller names another file."""
    script(ready / ".venv/bin/pytest", 'printf "%s\\n" "$@"')
    pinned = ["-c", f"{ready}/tox.ini", f"--rootdir={ready}"]
    assert lab(ready, "pytest", "a b").stdout.splitlines() == [*pinned, "a b"]
    named = ["--rootdir=x", "-cmine.ini", "a"]
    assert lab(ready, "pytest", *named).stdout.splitlines() == named


# --- setting up again ------------------------------------------------------------------------


def test_a_changed_project_is_brought_up_to_date(ready: Path) -> None:
    """After a change of pyproject.toml .venv is brought up to date, not made again."""
    kept = ready / ".venv/kept"
    kept.touch()
    (ready / "pyproject.toml").write_text(PYPROJECT + "# changed\n")
    done = lab(ready, "true")
    assert "installing the grader" in done.stderr
    assert "making .venv" not in done.stderr
    assert kept.exists()


def test_a_changed_image_input_asks_for_the_image(ready: Path) -> None:
    """After a change of packages.txt the image is asked for again, and .venv is left alone."""
    (ready / "fixtures/image/packages.txt").write_text("less\n")
    (ready / "the image/template").unlink(missing_ok=True)
    done = lab(ready, "true")
    assert done.stderr == "built\n"


def test_a_pruned_image_is_asked_for(ready: Path) -> None:
    """An image that was removed is asked for again."""
    shutil.rmtree(ready / "the image")
    assert "built" in lab(ready, "true").stderr


def test_the_template_is_made_with_the_image(ready: Path, tmp_path: Path) -> None:
    """With the image, the template of its microVMs is made, if QEMU is there; else nothing."""
    for without, made in ((QEMU, False), ((), True)):
        path = tools(tmp_path / f"bin{made}", without=without)
        if made:
            script(path / QEMU[0], "exit 1")
        shutil.rmtree(ready / "the image")
        env = environment(ready, PATH=str(path))
        subprocess.run([ready / "lab", "true"], env=env, capture_output=True, check=True)
        assert (ready / "the image/template").exists() == made


def test_a_template_that_cannot_be_made_stops_nothing(ready: Path, tmp_path: Path) -> None:
    """Without microVMs most can be graded: it is said, and the next start does not try again."""
    path = tools(tmp_path / "bin", without=QEMU)
    script(path / QEMU[0], "exit 1")
    (ready / "the image/image.json").unlink()
    (ready / "the image/template").touch()  # the stand-in wants none to be there
    env = environment(ready, PATH=str(path))
    starts = [
        subprocess.run(
            [ready / "lab", "echo", "ran"], env=env, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert [done.stdout for done in starts] == ["ran\n", "ran\n"]
    assert "lab: going on without microVMs: what needs one cannot be graded" in starts[0].stderr
    assert starts[1].stderr == ""


def test_a_half_made_venv_is_made_again(ready: Path) -> None:
    """A .venv whose making was not finished is thrown away."""
    (ready / ".venv/lab-stamp").unlink()
    (ready / ".venv/rubbish").touch()
    done = lab(ready, "true")
    assert "making .venv" in done.stderr
    assert not (ready / ".venv/rubbish").exists()


def test_a_killed_set_up_is_started_again(fresh: Path) -> None:
    """After SIGKILL in the middle of the installation the next start ends well."""
    with start(fresh, "true") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Python packages" in line:
                break
        os.killpg(process.pid, signal.SIGKILL)
    done = lab(fresh, "grader")
    assert done.returncode == 0, done.stderr
    assert "making .venv" in done.stderr


def test_two_at_once_set_up_once(fresh: Path) -> None:
    """Of two that start at once, one sets up and the other waits; both run their command."""
    with start(fresh, "echo", "ran") as first, start(fresh, "echo", "ran") as second:
        ended = [first.communicate(timeout=120), second.communicate(timeout=120)]
    assert [out for out, _ in ended] == ["ran\n", "ran\n"]
    said = sorted(err for _, err in ended)
    assert sum("making .venv" in err for err in said) == 1
    assert any(err == "lab: waiting for another ./lab to end its set-up\n" for err in said)


def test_only_the_tests_ask_for_a_browser(ready: Path, tmp_path: Path) -> None:
    """Without chromium `./lab tox` installs it, alone, and goes on; other commands don't ask."""
    lab(ready, "true")  # an earlier test may have left something to do
    script(ready / ".venv/bin/tox", "echo tested")
    path = tools(tmp_path / "bin", without=("chromium", "sudo", "apt-get"))
    script(path / "apt-get", f'echo "$*" >> "{tmp_path}/asked"; exit 1')
    script(path / "sudo", '[ "$1" = -n ] && shift; exec "$@"')

    def run(command: str) -> Completed:
        env = environment(ready, PATH=str(path))
        return subprocess.run(
            [ready / "lab", command], env=env, capture_output=True, text=True, check=True
        )

    assert run("true").stderr == ""
    done = run("tox")
    assert done.stdout == "tested\n"
    assert "installing OS packages: chromium\n" in done.stderr
    assert "have this line run as root: apt-get update && apt-get install" in done.stderr
    assert (tmp_path / "asked").read_text().count("update") == 1
    script(path / "chromium", "exit 0")
    assert run("tox").stderr == ""


# --- what it cannot do -----------------------------------------------------------------------


def test_an_old_python_is_named(fresh: Path, tmp_path: Path) -> None:
    """Where Python is too old, the message says what was expected and what was found."""
    names = tuple(name for name in TRAPPED if name.startswith("python"))
    path = tools(tmp_path / "bin", without=names)
    script(path / "python3", '[ "$1" = --version ] && echo "Python 3.9.2"')
    env = environment(fresh, PATH=str(path))
    done = subprocess.run(
        [fresh / "lab", "true"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "expected Python 3.11 or newer, found Python 3.9.2. Remedy:" in done.stderr


@pytest.fixture
def anybody() -> Iterator[Mapping[str, int | list[int]]]:
    """A user who is not root: this one, or nobody."""
    if os.geteuid() != 0:
        yield {}
        return
    nobody = pwd.getpwnam("nobody")
    yield {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def test_an_ordinary_user_is_told_what_an_administrator_types(
    anybody: Mapping[str, int | list[int]],
) -> None:
    """Without root and sudo the exact lines are printed, and what can go on goes on."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to other users
        here = Path(folder)
        here.chmod(0o777)
        fresh = project(here / "lab")
        fresh.chmod(0o777)
        path = tools(here / "bin", without=("sudo", "mmdebstrap", "newuidmap"))
        process = subprocess.run(
            [fresh / "lab", "echo", "went on"],
            env={"PATH": str(path), "HOME": folder},
            capture_output=True,
            text=True,
            check=False,
            **anybody,  # type: ignore[call-overload]
        )
    line = "apt-get update && apt-get install -y --no-install-recommends mmdebstrap uidmap"
    assert f"    sudo sh -c '{line}'\n" in process.stderr
    if anybody:
        assert re.search(
            r"sudo usermod --add-subuids (\d+-\d+) --add-subgids \1 nobody", process.stderr
        )
    assert process.stdout == "went on\n", process.stderr
