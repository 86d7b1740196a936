"""pip install: the command and the pytest plugin, with the lab inside, usable from any folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import CAUGHT, REPO, UNCAUGHT, environment, submission

from grader import home
from grader.image import Recipe
from grader.machine.idmap import IdMap

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = (
    "MANIFEST.in", "README.md", "conftest.py", "fixtures", "grader", "pyproject.toml", "setup.py",
    "tests_lab", "tox.ini",
)  # fmt: skip
IDS = IdMap(uid_base=7, gid_base=7)
SDIST = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"


def run(command: Sequence[str | Path], cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@dataclass(frozen=True)
class Installed:
    """A venv that the grader is installed in, and an empty folder far from the repository."""

    venv: Path
    cwd: Path

    def run(self, program: str, *arguments: str | Path, **env: str) -> Done:
        """Run a program of the venv from the empty folder."""
        return run([self.venv / "bin" / program, *arguments], self.cwd, **env)

    @property
    def project(self) -> Path:
        """Where the lab was installed."""
        (found,) = self.venv.glob("lib/python3*/site-packages/grader/project")
        return found

    @property
    def pinned(self) -> list[str]:
        """What makes pytest take the installed configuration."""
        return ["-c", str(self.project / "tox.ini"), f"--rootdir={self.project}"]


Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build needs: it leaves traces where it runs."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (REPO / name).is_dir():
            shutil.copytree(REPO / name, folder / name)
        else:
            shutil.copy2(REPO / name, folder)
    return folder


@pytest.fixture(scope="module")
def installed(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel of this repository in a fresh venv; what it depends on is this venv's."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps"]
    built = run(
        [*pip, "wheel", *offline, "--no-build-isolation", "-w", folder / "wheels", sources], folder
    )
    assert built.returncode == 0, built.stderr
    venv = folder / "venv"
    made = run([sys.executable, "-m", "venv", "--without-pip", venv], folder)
    assert made.returncode == 0, made.stderr
    (wheel,) = (folder / "wheels").iterdir()
    done = run([*pip, "--python", venv / "bin" / "python", "install", *offline, wheel], folder)
    assert done.returncode == 0, done.stderr
    (site,) = venv.glob("lib/python3*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    # pytest's own script belongs to the other venv.
    (venv / "bin" / "pytest").write_text(
        f"#!{venv}/bin/python -P\nimport sys\nfrom importlib.metadata import entry_points\n"
        "(one,) = entry_points(group='console_scripts', name='pytest')\nsys.exit(one.load()())\n"
    )
    (venv / "bin" / "pytest").chmod(0o755)
    (folder / "elsewhere").mkdir()
    return Installed(venv, folder / "elsewhere")


def test_in_the_repository() -> None:
    """In the repository the project's root is the repository."""
    assert home.project() == REPO
    assert home.call("pytest", here=REPO) == "./lab pytest"
    assert home.call("pytest", here=REPO / "docs") == f"{REPO}/lab pytest"


def test_the_installed_lab_is_the_same(installed: Installed) -> None:
    """The copy has every file with its mode: the image that it names is the repository's."""
    told = installed.run(
        "python", "-c",
        "from grader import home; from grader.image import Recipe;"
        "from grader.machine.idmap import IdMap;"
        "print(home.project(), Recipe().identity(IdMap(uid_base=7, gid_base=7)), *home.pinned())",
    )  # fmt: skip
    place, identity, *pinned = told.stdout.split()
    assert Path(place) == installed.project, told.stderr
    assert identity == Recipe().identity(IDS)
    assert pinned[:3] == installed.pinned
    # Its cache is not where the package lies.
    assert not Path(pinned[-1].removeprefix("cache_dir=")).is_relative_to(installed.venv)


def test_init_from_anywhere(installed: Installed) -> None:
    """`grader init` finds the lab's templates, and says how to grade without the launcher."""
    done = installed.run("grader", "init", "mine")
    assert done.returncode == 0, done.stderr
    assert (installed.cwd / "mine" / "uncaught.sh").is_file()
    assert f"pytest -c {installed.project}/tox.ini mine" in done.stdout.replace("\n", "")


def test_grading_from_anywhere(installed: Installed, tmp_path: Path) -> None:
    """The installed plugin grades with the installed lab, and a lost point says how to repeat."""
    submission(tmp_path / "class" / "good", uncaught_sh=UNCAUGHT)
    submission(tmp_path / "class" / "bad", uncaught_sh=CAUGHT)
    done = installed.run(
        "pytest", *installed.pinned, tmp_path / "class", "-k", "01d", "--report-dir", tmp_path / "r"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads((tmp_path / "r/good/report.json").read_text())
    assert report["score"] == report["max_score"] == 2
    told = (tmp_path / "r/bad/01d.leaves/commands.txt").read_text()
    assert f"pytest -c {installed.project}/tox.ini {tmp_path}/class/bad::01d --seed=" in told


def test_without_the_configuration(installed: Installed, tmp_path: Path) -> None:
    """Without -c nothing is graded, and the message has the very line to type."""
    submission(tmp_path / "good", uncaught_sh=UNCAUGHT)
    done = installed.run("pytest", tmp_path / "good")
    assert done.returncode == 2
    assert f"pytest -c {installed.project}/tox.ini" in done.stderr


@pytest.mark.parametrize("named", [[], ["."]], ids=["nothing", "a class around the venv"])
def test_nothing_of_a_class_is_run(installed: Installed, named: list[str]) -> None:
    """No test file in the current folder is collected, named or not, though the venv lies there."""
    top = installed.venv.parent
    (top / "test_mine.py").write_text("def test_mine(): raise SystemExit('it ran')\n")
    done = run([installed.venv / "bin" / "pytest", *installed.pinned, *named, "--co", "-q"], top)
    assert "it ran" not in done.stdout + done.stderr
    assert "test_mine" not in done.stdout
    assert done.returncode == 2, done.stdout + done.stderr
    assert "expected a folder" in done.stderr


def test_a_source_archive_is_whole(sources: Path, tmp_path: Path) -> None:
    """An archive of the sources has all of the lab, so that a wheel of it has, too."""
    done = run([sys.executable, "-c", SDIST, tmp_path], sources)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / done.stdout.splitlines()[-1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("fixtures", "tests_lab"):
        files = {path for path in (REPO / name).rglob("*") if path.is_file()}
        wanted = {
            path.relative_to(REPO).as_posix() for path in files if "__pycache__" not in path.parts
        }
        assert wanted <= held
    assert {"conftest.py", "tox.ini", "setup.py", "grader/report.schema.json"} <= held


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(installed: Installed, shell: str, tmp_path: Path) -> None:
    """Each shell's completion is printed on demand; no file is written."""
    done = installed.run("grader", _GRADER_COMPLETE=f"source_{shell}", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "_GRADER_COMPLETE=complete_" in done.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("grader ex", ["export"]),
        ("grader export moodle-", ["moodle-gradebook", "moodle-worksheet"]),
    ],
)
def test_bash_completes(installed: Installed, typed: str, offered: list[str]) -> None:
    """In a real bash, commands and the formats of exports are completed."""
    script = (
        f'PATH={installed.venv}/bin:$PATH; eval "$(_GRADER_COMPLETE=source_bash grader)"; '
        f"COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '_grader_completion grader; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = run(["bash", "-c", script], installed.cwd)
    assert done.stdout.split() == offered, done.stderr


def test_help_would_do_as_a_manual(installed: Installed) -> None:
    """`grader --help` has what it is, commands, exit codes, files, and how completion is had."""
    said = " ".join(installed.run("grader", "--help", COLUMNS="100").stdout.split())
    for word in ("disposable sandbox", "export", "Exit codes", "Files", "--show-completion"):
        assert word in said
