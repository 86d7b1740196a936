"""Makes submissions/reference/results.csv: the reference's experiment, run in a microVM.

From the project's folder, on a computer that does nothing else:

    ./lab python tests/experiment_results.py 3000 100 2 >submissions/reference/results.csv

The arguments are RULES_MAX, RULES_STEP and DURATION.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from grader import warm  # noqa: E402
from grader.errors import GraderError  # noqa: E402
from grader.image import find  # noqa: E402
from grader.machine import microvm  # noqa: E402
from grader.world import Topology, World  # noqa: E402
from tests_lab.experiment.laboratory import AS_MACHINE_ROOT, SERVER, WORK  # noqa: E402

LONGEST_S = 3600.0
RESULTS = "/tmp/results.csv"


def main() -> None:
    """Print the table."""
    image = find()
    if image is None:
        raise GraderError("the lab's image is not built", remedy="run: grader image build")
    script = (REPO / "submissions/reference/experiment.sh").read_bytes()
    topology = Topology.load(REPO / "fixtures/topologies/internet.yaml")
    names = "RULES_MAX", "RULES_STEP", "DURATION"
    setting = [f"{name}={value}" for name, value in zip(names, sys.argv[1:], strict=True)]
    with (
        microvm.start(warm.source(image), warm.warm) as machine,
        World(machine, topology, seed="results", **image.server(), sandboxed=False) as world,
    ):
        machine.run("/bin/sh", "-c", f"cat >{WORK}/experiment.sh", stdin=script, timeout=10)
        host = world.host(world.blueprint.student)
        host.start("iptables-restore", stdin=b"*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n").finish(30)
        done = host.start(
            "unshare", "--mount", "--", "/bin/bash", "-c", AS_MACHINE_ROOT, "bash",
            *setting, "bash", "experiment.sh", SERVER, RESULTS,
        ).finish(LONGEST_S)  # fmt: skip
        sys.stderr.write(done.complaints)
        sys.stdout.write(machine.run("cat", RESULTS, timeout=10).output)


if __name__ == "__main__":
    main()
