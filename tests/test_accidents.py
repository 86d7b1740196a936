"""Whatever is killed whenever: nothing is left, nothing false, and the next run is whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from accidents import record
from accidents.plan import VICTIMS, Place, drawn
from accidents.processes import below, parent
from accidents.running import Usual
from accidents.trial import Outcome, killed
from engines import host_alone
from hosts import observed
from runs import REFERENCE, REPO, UNCAUGHT, Graded, command, environment, submission

from grader.deadline import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosts import Host

# How many runs are killed with this variable set (CONTRIBUTING.md).
LONG = int(os.environ.get("NETLAB_ACCIDENTS", "0"))
SEED = int(os.environ.get("NETLAB_ACCIDENTS_SEED", "0")) or random.randrange(2**31)  # noqa: S311
# Namespaces cost the least; of microVMs there are some.
IN_NETNS = [("netns", victim) for victim in VICTIMS["netns"]]
TURNS = [
    *IN_NETNS, ("vm", "qemu"), *IN_NETNS, ("netns", "group"),
    *IN_NETNS, ("vm", "group"), *IN_NETNS, ("vm", "pytest"),
]  # fmt: skip
MOMENTS = [*enumerate(islice(cycle(TURNS), LONG or 10))]
USUAL: dict[str, Usual] = {}
OUTCOMES: list[Outcome] = []


@pytest.fixture
def host() -> Iterator[Host]:
    """The host of a run; other tests have it between two of ours."""
    with host_alone(), observed() as found:
        yield found


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files of the run's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(("number", "turn"), MOMENTS, ids=str)
def test_a_kill_at_a_random_moment(
    host: Host, tmp_path: Path, temporary: Path, number: int, turn: tuple[str, str]
) -> None:
    """Nothing is left; reports are the old or the new, and true; --resume makes the rest."""
    rng = random.Random(f"{SEED}/{number}")  # noqa: S311 repeatable, not secret
    kind, victim = turn
    if kind not in USUAL:
        USUAL[kind] = Usual.of(kind, Place(tmp_path / "usual", host, temporary))
    plan = drawn(rng, kind, victim)
    print(f"NETLAB_ACCIDENTS_SEED={SEED}: {plan}")  # noqa: T201 shown where the test fails
    outcome = killed(plan, USUAL[kind], Place(tmp_path / "run", host, temporary), rng)
    OUTCOMES.append(outcome)
    if LONG:
        record.keep(OUTCOMES, SEED)
    assert not outcome.faults, outcome


@pytest.mark.parametrize("above", [1, 2], ids=["watcher", "zygote"])
def test_whom_a_host_short_of_memory_may_kill(tmp_path: Path, above: int) -> None:
    """The script is not said to have ended, or hung, where what watches it or forks was killed."""
    script = f"{UNCAUGHT}sleep 3\n"
    alice = submission(tmp_path / "alice", uncaught_sh=script)
    with subprocess.Popen(
        command(alice, "--task", "01d", "--sandbox=netns", home=tmp_path),
        cwd=REPO, env=environment(), stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        found: list[int] = []

        def inside() -> bool:
            found[:] = [pid for pid, argv in below(run.pid).items() if argv[:2] == ["sleep", "3"]]
            return bool(found)

        wait_until(inside, within=120, what="the script's end")
        pid = found[0]
        for _ in range(above + 1):
            pid = parent(pid)
        os.kill(pid, signal.SIGKILL)
        said = run.communicate(timeout=180)[0]
    checks = Graded(run.returncode, said, "", tmp_path / "reports").checks("alice")
    assert {one["verdict"] for one in checks.values()} == {"PASSED"}, said
    assert {one["message"] for one in checks.values()} == {""}, said


def test_a_killed_service_costs_nothing(tmp_path: Path) -> None:
    """Where a server of the world is killed, who waits for its answers loses nothing."""
    script = (REFERENCE / "iptables_ttl.sh").read_text(encoding="utf-8")
    alice = submission(tmp_path / "alice", iptables_ttl_sh=f'{script}\n[ "$1" ] || sleep 3\n')
    with subprocess.Popen(
        command(alice, "--task", "01c", "--sandbox=netns", home=tmp_path),
        cwd=REPO, env=environment(), stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip

        def inside() -> bool:
            return ["sleep", "3", ""] in below(run.pid).values()

        wait_until(inside, within=120, what="the script's end")
        for pid, argv in below(run.pid).items():
            if argv[0] == "dnsmasq":
                os.kill(pid, signal.SIGKILL)
        said = run.communicate(timeout=180)[0]
    checks = Graded(run.returncode, said, "", tmp_path / "reports").checks("alice")
    assert {one["verdict"] for one in checks.values()} == {"PASSED"}, said
