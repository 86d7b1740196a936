"""python benchmarks/run.py [--rounds N] [--output DIR]: measure, print the table, draw the plot."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import agents, links, sandboxes, tables, worlds
from benchmarks.harness import measure
from grader.errors import GraderError
from grader.image import find
from grader.machine.local import LocalMachine
from grader.sandbox import Limits, NetnsSandbox

PLOT = Path(__file__).parent / "plot.py"
WITH_NUMPY = Limits(memory=4 << 30)


def main() -> None:
    """Measure all, write results.md, results.csv and results.png."""
    options = _options()
    image = find()
    if image is None:
        raise SystemExit("the lab's image is not built; run: ./lab grader image build")
    options.output.mkdir(parents=True, exist_ok=True)
    results = []
    with LocalMachine(image.root) as machine:
        every = [
            sandboxes.benchmark(machine),
            links.benchmark(machine, {"mininet": options.mininet, "munet": options.munet}),
            worlds.benchmark(machine, image),
            agents.benchmark(image),
        ]
        for benchmark in every:
            print(f"measuring: {benchmark.title}", file=sys.stderr)
            results += measure(benchmark, options.rounds)
        csv = tables.comma_separated(results)
        drawn = plot(machine, csv)
    about = (
        f"{options.rounds} rounds, contenders taking turns; Linux {platform.release()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}.\n\n"
    )
    table = about + tables.markdown(results)
    (options.output / "results.md").write_text(table, encoding="utf-8")
    (options.output / "results.csv").write_text(csv, encoding="utf-8")
    (options.output / "results.png").write_bytes(drawn)
    print(table)


def plot(machine: LocalMachine, csv: str) -> bytes:
    """The plot as PNG, drawn by the image's matplotlib in a sandbox like any student's script."""
    with NetnsSandbox(machine, WITH_NUMPY) as sandbox:
        script = sandbox.put("plot.py", PLOT.read_bytes())
        done = sandbox.run(
            "python3",
            script,
            stdin=csv.encode(),
            env={"MPLCONFIGDIR": "/work"},
            timeout=60,
        )
    if done.exit != 0:
        raise GraderError(f"plot.py {done.outcome}: {done.complaints}")
    return done.stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--output", type=Path, default=Path("reports/benchmarks"))
    parser.add_argument(
        "--mininet", default="/usr/bin/python3", help="a Python that can import mininet"
    )
    parser.add_argument("--munet", default="python3", help="a Python that can import munet")
    return parser.parse_args()


if __name__ == "__main__":
    main()
