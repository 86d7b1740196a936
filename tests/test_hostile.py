"""A hostile class: whatever its scripts try, host, grades and honest neighbours are as before."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from engines import host_alone
from hosts import observed
from runs import REPO, UNCAUGHT, Graded, command, environment, submission

from grader.deadline import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTACKS = REPO / "submissions" / "hostile"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((ATTACKS / "hostile.yaml").read_text())
LEAVES, STAY = "01d.leaves", "01d.policies_stay"
WORKERS = {"netns": 6, "vm": 2, "docker": 6}  # last who keeps the host to itself, until all is done
# In microVMs those that attack a kernel; all on command, since each takes its time where processors
# are emulated.
ATTACKERS = {kind: list(EXPECTED) for kind in WORKERS}
if "NETLAB_WHOLE_MATRIX" not in os.environ:
    ATTACKERS["vm"] = [name for name, one in EXPECTED.items() if one.get("kernel")]
EACH = [(kind, name) for kind, names in ATTACKERS.items() for name in names]
HONEST = {kind: sorted(names)[::3] for kind, names in ATTACKERS.items()}  # they follow these
BESIDE = [(kind, name) for kind, names in HONEST.items() for name in names]
FOUND: dict[tuple[str, str], str] = {}  # verdicts by kind of sandbox and attack
TABLE = REPO / "docs" / "hostile.md"
HEAD = """# A hostile class

Made by `NETLAB_HOSTILE_TABLE=1 ./lab pytest tests/test_hostile.py`: what each script below
`submissions/hostile/` gets, graded for 01d in each kind of sandbox, on a host that is compared
before and after. An attack that honest lines follow is to pass, since it harms nothing; others are
to fail, with a message that names the cause (`hostile.yaml`). In microVMs (vm) those that attack a
kernel are tried each time, and with NETLAB_WHOLE_MATRIX all; -: not tried there. Honest submissions
between them passed, and nothing of the host had changed, or the tests had failed.

What else is tried, and what each defence is worth: [security.md](security.md),
[defences.md](defences.md).

"""
LASTS = b"sleep 31337".split()  # what an attack leaves behind
# What who grades may have set, and a submission's programs must not see.
STRANGE = {"XTABLES_LIBDIR": "/nowhere", "BASH_ENV": "/nowhere", "LD_BIND_NOW": "1"}


def digests(*folders: Path) -> list[str]:
    """Of all that lies below each folder: names, modes, contents."""
    return [
        hashlib.sha256(
            b"".join(
                f"{path} {path.lstat().st_mode}".encode() + path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file() and "__pycache__" not in path.parts
            )
        ).hexdigest()
        for folder in folders
    ]


@pytest.fixture(scope="module")
def in_netns(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The class graded in network namespaces."""
    with host_alone():
        return grade_class("netns", tmp_path_factory.mktemp("netns"))


@pytest.fixture(scope="module")
def in_docker(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The class graded in containers; the engine holds the host already."""
    return grade_class("docker", tmp_path_factory.mktemp("docker"), DOCKER_HOST=engine)


@pytest.fixture(scope="module")
def in_vm(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The class graded in microVMs, which have no kernel to share."""
    with host_alone():
        return grade_class("vm", tmp_path_factory.mktemp("vm"))


@pytest.fixture
def graded(request: pytest.FixtureRequest, kind: str) -> Graded:
    """The class, graded once in each kind of sandbox."""
    found: Graded = request.getfixturevalue(f"in_{kind}")
    return found


def grade_class(kind: str, home: Path, **extra: str) -> Graded:
    """The whole class in one run, on a host that is looked at meanwhile."""
    for name in ATTACKERS[kind]:
        shutil.copytree(ATTACKS / name, home / "class" / f"hostile-{name}")
    for name in HONEST[kind]:  # between them by the alphabet, and so in time
        submission(home / "class" / f"hostile-{name}-not", uncaught_sh=UNCAUGHT)
    watched = [home / "class", *(REPO / part for part in ("grader", "fixtures", "tests_lab"))]
    before = digests(*watched)
    with tempfile.TemporaryDirectory() as temporary, observed() as host:
        options = ("--task", "01d", f"--sandbox={kind}", "-n", str(WORKERS[kind]), "-q")
        with subprocess.Popen(
            [*host.within, *command(home / "class", *options, home=home)],
            cwd=REPO, env=environment(**extra, **STRANGE, TMPDIR=temporary),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace",
        ) as run:  # fmt: skip
            out, err = run.communicate(timeout=3600)
        wait_until(lambda: not lasting(), within=20, what="the end of what was left behind")
        host.assert_unchanged({run.pid}, Path(temporary))
    assert digests(*watched) == before
    return Graded(run.returncode, out, err, home / "reports")


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """docs/hostile.md, written in the end if that is wanted."""
    yield
    if "NETLAB_HOSTILE_TABLE" in os.environ:
        lines = ["| tried | " + " | ".join(WORKERS) + " |", "|---" * (len(WORKERS) + 1) + "|"]
        for name in EXPECTED:
            cells = [FOUND.get((kind, name), "-") for kind in WORKERS]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        TABLE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


def lasting() -> list[str]:
    """Processes that an attack has left behind."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[:2] == LASTS:
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_an_attack_gets_its_verdict(graded: Graded, kind: str, name: str) -> None:
    """What does not do the work loses, and is told why; what does passes, whatever it tries."""
    expected = EXPECTED[name]
    checks = graded.checks(f"hostile-{name}")
    found = checks[expected.get("of", LEAVES)]
    FOUND[kind, name] = found["verdict"]
    assert found["verdict"] in expected["verdicts"], found
    if found["verdict"] == "PASSED":
        assert {one["verdict"] for one in checks.values()} == {"PASSED"}, checks
        return
    said = f"{found['message']} {found['hint']}".lower()
    assert any(word in said for word in expected.get("says", ["nothing left"])), said


@pytest.mark.parametrize(("kind", "name"), BESIDE)
def test_an_honest_neighbour_is_graded_as_ever(graded: Graded, name: str) -> None:
    """Who does the work passes, beside whatever attack."""
    found = graded.verdicts(f"hostile-{name}-not")
    assert found == {LEAVES: "PASSED", STAY: "PASSED"}


@pytest.mark.parametrize("kind", WORKERS)
def test_nothing_of_theirs_is_said_as_an_order(graded: Graded) -> None:
    """What a submission prints is no order to the terminal, and no command to a CI's runner."""
    assert "\x1b]" not in graded.out
    assert not [one for one in graded.out.splitlines() if one.lstrip().startswith("::")]
    assert graded.code == 1, graded.err


def test_every_attack_is_expected() -> None:
    """hostile.yaml has an entry for each folder."""
    assert sorted(EXPECTED) == sorted(path.name for path in ATTACKS.iterdir() if path.is_dir())
