"""What the command line names: options, and whether it is submissions that are to be graded."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from grader import home
from grader.errors import BadInput
from grader.grading import EXIT_USAGE, Grading
from grader.sandbox import KINDS

GRADING = pytest.StashKey[Grading]()


def grading_of(config: pytest.Config) -> Grading | None:
    """The grading that this run does, or None if it runs other tests."""
    return config.stash.get(GRADING, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the grader's options."""
    group = parser.getgroup("netlab", "grading of network labs")
    group.addoption(
        "--sandbox", dest="netlab_sandbox", default="auto", metavar="KIND",
        help=f"where submissions run: {', '.join(KINDS)} (default: %(default)s)",
    )  # fmt: skip
    group.addoption(
        "--report-dir", dest="netlab_reports", default="reports", metavar="DIR",
        help="where reports and evidence are written (default: %(default)s)",
    )  # fmt: skip
    group.addoption(
        "--seed", dest="netlab_seed", type=int, default=None, metavar="N",
        help="repeat the run that printed this seed",
    )  # fmt: skip
    group.addoption(
        "--task", dest="netlab_tasks", action="append", default=[], metavar="ID",
        help="grade this task only, may be given more than once",
    )  # fmt: skip
    group.addoption(
        "--resume", dest="netlab_resume", action="store_true",
        help="keep the reports of submissions that would be graded as they were",
    )  # fmt: skip
    group.addoption(
        "--student", dest="netlab_student", action="store_true",
        help="leave out the checks that the lab hides until a date that has not come",
    )  # fmt: skip
    group.addoption(
        "--progress-fd", dest="netlab_progress", type=int, default=None, metavar="FD",
        help="tell events to this file descriptor, as lines of JSON",
    )  # fmt: skip
    parser.addini("netlab_lab", "the folder of the lab's checks and lab.yaml", default="tests_lab")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Find out whether submissions are named, and if so keep pytest from their files."""
    try:
        _prepare(early_config, args)
    except pytest.UsageError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        raise SystemExit(EXIT_USAGE) from error  # pytest's own code would be 4


def _prepare(early_config: pytest.Config, args: list[str]) -> None:
    namespace = early_config.known_args_namespace
    named = list(namespace.file_or_dir)
    here = early_config.invocation_params.dir
    asked = namespace.help or namespace.version
    if _lab_file(early_config).is_file() and not (named or asked or here == early_config.rootpath):
        # pytest would collect the current folder, which may be a submission.
        raise pytest.UsageError("expected a folder to grade, found none; for this one, name it: .")
    targets = {arg: _target(early_config, here, arg) for arg in named}
    for arg in named if _lab_file(early_config).is_file() else ():
        if not (here / arg.partition("::")[0]).exists():
            raise pytest.UsageError(f"{arg}: expected a folder to grade, found nothing there")
    folders = [path for path in targets.values() if path is not None]
    if not folders:
        return
    if len(folders) < len(targets):
        others = ", ".join(arg for arg, path in targets.items() if path is None)
        raise pytest.UsageError(
            f"submissions are graded in a run of their own; also named here: {others}"
        )
    _must_be_pinned(early_config, folders)
    namespace.noconftest = True
    # xdist's workers are `python -c`: without it they import from the current folder first.
    os.environ["PYTHONSAFEPATH"] = "1"
    args.append("--continue-on-collection-errors")  # one faulty submission never stops the rest
    picked = []
    for position, arg in enumerate(args):
        folder, separator, rest = arg.partition("::")
        if separator and targets.get(arg) is not None:
            args[position] = folder
            picked.append(f"{targets[arg]}::{rest}")
    try:
        grading = Grading(early_config.rootpath, _lab_file(early_config).parent, folders)
    except BadInput as error:
        raise pytest.UsageError(str(error)) from error
    grading.picked = picked
    early_config.stash[GRADING] = grading
    _load_fixtures(early_config)


def _must_be_pinned(config: pytest.Config, folders: list[Path]) -> None:
    """Raise UsageError if a submission may have said what the configuration is."""
    inside = config.inipath and any(path in config.inipath.parents for path in folders)
    if inside and config.rootpath == home.INSTALLED:
        raise pytest.UsageError(
            f"expected a folder of submissions, found one that the grader is installed in, "
            f"{home.INSTALLED}; name the submissions' own folder"
        )
    if config.inipath is None or inside:
        raise pytest.UsageError(
            f"expected the grader's own configuration, found {config.inipath}; "
            f"grade with {home.call('pytest')}"
        )


def _target(config: pytest.Config, here: Path, arg: str) -> Path | None:
    """The folder that `arg` names to be graded; None for a path of the project's own tests."""
    path = (here / arg.partition("::")[0]).resolve()
    own = [config.rootpath / name for name in (*config.getini("testpaths"), "tests", "grader")]
    # A submission that holds a pytest.ini becomes pytest's root, but has no lab.
    project = _lab_file(config).is_file() and (
        config.rootpath == path or path in config.rootpath.parents
    )
    project = project and config.rootpath != home.INSTALLED  # which has no tests to be run
    if not path.is_dir() or project or any(path == one or one in path.parents for one in own):
        return None
    return path


def _lab_file(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini("netlab_lab")) / "lab.yaml"


def _load_fixtures(config: pytest.Config) -> None:
    """Load the lab's conftest.py, which names its fixture modules."""
    path = config.rootpath / "conftest.py"
    spec = importlib.util.spec_from_file_location("netlab_conftest", path)
    if spec is None or spec.loader is None:
        raise pytest.UsageError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, spec.name)


def pytest_configure(config: pytest.Config) -> None:
    """Take the options of a run that grades; a worker takes its controller's seed and choice."""
    grading = grading_of(config)
    if grading is None:
        return
    inherited: dict[str, Any] = getattr(config, "workerinput", {})
    grading.picked = inherited.get("netlab_picked", grading.picked)
    try:
        grading.configure(
            seed=inherited.get("netlab_seed", config.getoption("netlab_seed")),
            sandbox=config.getoption("netlab_sandbox"),
            reports=Path(config.invocation_params.dir, config.getoption("netlab_reports")),
            tasks=config.getoption("netlab_tasks"),
            student=config.getoption("netlab_student"),
            absent=inherited.get("netlab_absent"),
        )
        if "netlab_kept" in inherited:
            grading.kept = inherited["netlab_kept"]
        elif config.getoption("netlab_resume"):
            grading.keep_what_stands(config.getoption("netlab_seed"))
    except BadInput as error:
        pytest.exit(str(error), returncode=EXIT_USAGE)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Turn pytest's code for bad usage into the grader's."""
    if grading_of(config) is None:
        return (yield)
    try:
        code = yield
    except pytest.UsageError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return EXIT_USAGE
    return EXIT_USAGE if code == pytest.ExitCode.USAGE_ERROR else code
