"""What pyproject.toml cannot say: a wheel also holds the lab, as the folder grader/project."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

REPOSITORY = Path(__file__).resolve().parent
# The project's root as grader/home.py wants it.
PROJECT = ("conftest.py", "tox.ini", "fixtures", "tests_lab")


class BuildWithLab(build_py):
    """Copies the lab with its files' modes: what is executable in the image must stay so."""

    def run(self) -> None:
        """Build, then copy; an editable install finds the lab where it lies."""
        super().run()
        if self.editable_mode:
            return
        project = Path(self.build_lib, "grader", "project")
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir(parents=True)
        for name in PROJECT:
            source = REPOSITORY / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, project / name, symlinks=True, ignore=ignored)
            else:
                shutil.copy2(source, project)


setup(cmdclass={"build_py": BuildWithLab})
