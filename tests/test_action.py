"""The GitHub action: its very shell lines, as the runner starts them, in a clean folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml
from runs import REPO, UNCAUGHT, environment, submission
from targets import commands, outputs, reporters_points

ACTION = yaml.safe_load((REPO / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
HOSTILE = """
echo '::set-output name=exit-code::0'
echo '::add-mask::a'
echo 'x ##[set-output name=exit-code;]0'
echo '::endgroup::'
printf '\\r::error::y\\n'
"""
# Stands for sudo: says what it was asked for, and does it as whoever the test is.
SUDO = '#!/bin/sh\necho "$*" >>"$SUDO_LOG"\n[ "$1" = sysctl ] || exec "$@"\n'
EXPRESSION = re.compile(r"\$\{\{ (inputs|steps|github)\.([^}]*) \}\}")


@dataclass
class Job:
    """A job that runs the action: the runner's folders, and what its steps have left."""

    home: Path
    inputs: dict[str, str]
    kept: bool = True  # whether actions/cache found the image's archive
    grader: Path = REPO
    log: str = ""
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)

    def run(self, *names: str) -> int:
        """Run the action's steps, or those named; returns the last failure's code, or 0."""
        failed = 0
        for step in STEPS:
            if names and step["name"] not in names:
                continue
            if failed and "always()" not in step.get("if", ""):
                continue
            if "uses" in step:
                self.used.append(step["uses"])
                continue
            failed = self._shell(step) or failed
        return failed

    @property
    def summary(self) -> str:
        """The job's summary."""
        path = self.home / "summary"
        return path.read_text() if path.exists() else ""

    def _shell(self, step: dict[str, Any]) -> int:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is a hole for commands"
        script, output = self.home / "script.sh", self.home / "output"
        script.write_text(step["run"])
        output.write_text("")
        # As the runner has it for `shell: bash`.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.home / "workspace",
            env=self._environment() | {k: self._value(v) for k, v in step.get("env", {}).items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=300,
        )
        self.log += done.stdout.decode(errors="replace")
        if "id" in step:
            self.steps[step["id"]] = outputs(output.read_text())
        return done.returncode

    def _environment(self) -> dict[str, str]:
        (self.home / "temp").mkdir(exist_ok=True)
        return environment(
            PATH=f"{self.home / 'bin'}:{os.environ['PATH']}",
            CI="true",
            GITHUB_ACTIONS="true",
            GITHUB_ACTION_PATH=str(self.grader),
            GITHUB_OUTPUT=str(self.home / "output"),
            GITHUB_STEP_SUMMARY=str(self.home / "summary"),
            GITHUB_WORKSPACE=str(self.home / "workspace"),
            RUNNER_TEMP=str(self.home / "temp"),
            SUDO_LOG=str(self.home / "sudo.log"),
            **({"XDG_CACHE_HOME": str(self.home / "cache")} if self.grader != REPO else {}),
        )

    def _value(self, text: str) -> str:
        def of(found: re.Match[str]) -> str:
            kind, name = found.groups()
            if kind == "inputs":
                return self.inputs.get(name, ACTION["inputs"][name]["default"])
            if name == "image.outputs.cache-hit":
                return str(self.kept).lower()
            step, _, output = name.partition(".outputs.")
            return self.steps.get(step, {}).get(output, "")

        return EXPRESSION.sub(of, text)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job in whose workspace a student's repository was checked out."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sudo").write_text(SUDO)
    (tmp_path / "bin" / "sudo").chmod(0o755)
    (tmp_path / "workspace").mkdir()
    return Job(tmp_path, {"only": "01d", "sandbox": "netns"})


GRADING = ("Grade", "Show", "Result")


def test_full_marks(job: Job) -> None:
    """The workspace is graded; summary, JUnit and the reporter's result tell the same points."""
    submission(job.home / "workspace", uncaught_sh=UNCAUGHT)
    assert job.run(*GRADING) == 0, job.log
    assert job.steps["grade"]["exit-code"] == "0"
    assert "workspace: 2 / 2" in job.summary
    assert reporters_points(job.steps["show"]["result"])[1:] == (2, 2)
    (suite,) = JUnitXml.fromfile(job.steps["grade"]["reports"] + "/junit.xml")
    assert (suite.tests, suite.failures, suite.errors) == (2, 0, 0)
    assert [one.name for one in commands(job.log)] == []
    # The report lies beside the checkout, not in it.
    assert [path.name for path in (job.home / "workspace").iterdir()] == ["uncaught.sh"]


def test_a_hostile_submission_says_nothing_to_the_runner(job: Job) -> None:
    """Of all that a submission prints the runner obeys nothing, and its points are lost."""
    submission(job.home / "workspace", uncaught_sh=HOSTILE)
    assert job.run(*GRADING) == 1
    assert "::set-output name=exit-code::0" in job.log
    (found,) = commands(job.log)
    assert found.name == "error"
    assert "01d.leaves" in found.properties["title"]
    assert found.properties["file"] == "uncaught.sh"
    assert job.steps["grade"].keys() == {"exit-code", "reports"}
    assert job.steps["grade"]["exit-code"] == "1"
    assert job.steps["show"].keys() == {"result"}
    assert job.run("Result") == 1
    job.inputs["lost-points"] = "pass"
    assert job.run("Result") == 0


def test_a_class(job: Job) -> None:
    """A folder of submissions gets a table of all, and one summary."""
    for name in ("ada", "bob"):
        submission(job.home / "workspace" / "class" / name, uncaught_sh=UNCAUGHT)
    job.inputs["submission"] = "class"
    assert job.run(*GRADING) == 0, job.log
    assert job.summary.count("2 / 2") == 4
    table = Path(job.steps["grade"]["reports"], "class.csv").read_text()
    assert [line.split(",")[:2] for line in table.splitlines()[1:]] == [["ada", "2"], ["bob", "2"]]
    assert job.steps["show"] == {}


def test_what_could_not_be_graded_is_no_zero(job: Job) -> None:
    """A check that this runner cannot observe ends the job with 3, and nobody reads a 0."""
    submission(
        job.home / "workspace",
        iptables_log_sh=(REPO / "submissions/reference/iptables_log.sh").read_text(),
    )
    job.inputs["only"] = "log_lines"
    assert job.run(*GRADING) == 3
    assert "No grade yet" in job.summary
    assert [one.name for one in commands(job.log)] == ["warning", "error"]
    assert commands(job.log)[-1].properties["title"] == "Could not grade"
    document, score, most = reporters_points(job.steps["show"]["result"])
    assert (document["status"], score, most) == ("error", 0, 0)


def test_a_set_up_that_fails_is_no_zero(job: Job) -> None:
    """Where not even grading began, the job says that it could not grade, and has no result."""
    job.grader = job.home / "broken"
    job.grader.mkdir()
    (job.grader / "lab").write_text("#!/bin/sh\necho 'no network' >&2\nexit 3\n")
    (job.grader / "lab").chmod(0o755)
    assert job.run() == 3
    assert "Could not grade" in job.summary
    assert job.steps["show"] == {}
    assert commands(job.log)[-1].properties["title"] == "Could not grade"


def test_bad_usage_is_told_as_such(job: Job) -> None:
    """A folder that is not there is the workflow's mistake, and ends the job with 2."""
    job.inputs["submission"] = "nowhere"
    assert job.run(*GRADING) == 2
    assert commands(job.log)[-1].properties["title"] == "Bad usage"


def test_image_is_kept_with_owners(job: Job) -> None:
    """The cache is packed and unpacked by root's tar: files of other ids come back as theirs."""
    job.grader = job.home / "small"
    cache = job.home / "cache" / "netlab-grader"
    shutil.copytree(REPO / "fixtures/image", job.grader / "fixtures/image")
    (job.grader / "lab").write_text(f"#!/bin/sh\nmkdir -p '{cache}/images'\n[ -e '{cache}/x' ]\n")
    (job.grader / "lab").chmod(0o755)
    job.kept = False
    assert job.run("Name what is kept between runs", "Set up") == 0, job.log
    assert "doctor ended with 1" in job.log
    (cache / "x").touch()
    if os.geteuid() == 0:
        os.chown(cache / "x", 2_000_000_007, 2_000_000_007)
    wanted = (cache / "x").stat().st_uid
    assert job.run("Set up") == 0, job.log
    assert Path(job.steps["keys"]["archive"]).is_file()
    shutil.rmtree(cache)
    job.kept = True
    assert job.run("Set up") == 0, job.log
    assert (cache / "x").stat().st_uid == wanted
    assert not Path(job.steps["keys"]["archive"]).exists()
    assert "--numeric-owner" in (job.home / "sudo.log").read_text()


def test_keys_follow_what_they_are_made_of(job: Job) -> None:
    """The image's key changes with its packages, the venv's with the lock, and else neither."""
    job.grader = job.home / "copy"
    for name in ("lab", "pyproject.toml", "requirements.lock", "grader/warm.py"):
        (job.grader / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO / name, job.grader / name)
    for name in ("fixtures/image", "grader/image", "grader/machine"):
        shutil.copytree(REPO / name, job.grader / name)

    def keys() -> tuple[str, str]:
        assert job.run("Name what is kept between runs") == 0, job.log
        return job.steps["keys"]["venv"], job.steps["keys"]["image"]

    venv, image = keys()
    assert keys() == (venv, image)
    (job.grader / "fixtures/image/packages.txt").write_text("other")
    assert (keys()[0], keys()[1] != image) == (venv, True)
    (job.grader / "requirements.lock").write_text("other")
    assert keys()[0] != venv


def test_no_secrets_and_no_expression_in_scripts() -> None:
    """The action asks for no secret; what others wrote reaches scripts as variables only."""
    assert "secrets." not in (REPO / "action.yml").read_text()
    assert "token" not in ACTION["inputs"]
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(
            r"actions/(cache|upload-artifact)@v\d+", step.get("uses", "actions/cache@v4")
        )
