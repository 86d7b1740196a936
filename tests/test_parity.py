"""One verdict in every sandbox: what a submission gets does not depend on where it was graded.

A sample of the submissions each time, of those few in microVMs; all of them everywhere, and
docs/parity.md written, with NETLAB_WHOLE_MATRIX set (CONTRIBUTING.md).
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from runs import REPO, grade
from test_matrix import KILLS, LAB, SUBMISSIONS, names, task_of

from grader.sandbox import OFFERS

if TYPE_CHECKING:
    from pathlib import Path

    Marks = dict[tuple[str, str], tuple[str, float]]

WHOLE = "NETLAB_WHOLE_MATRIX" in os.environ
KINDS = os.environ.get("NETLAB_PARITY", "netns docker vm").split()
WORKERS, SEED = "4" if WHOLE else "2", "7"
EVERY = 20  # of the variants, of which there are many
IN_MICROVMS = 2  # of the sample: where processors are emulated, each takes its time
TABLE = REPO / "docs" / "parity.md"
HEAD = """# One verdict in every sandbox

Made by `NETLAB_WHOLE_MATRIX=1 ./lab pytest tests/test_parity.py`, which fails on any difference:
how often each check gave which verdict, over all submissions that are about its task (reference,
alice, variants and broken ones), in each sandbox. Each submission was graded in the same worlds
everywhere, and got the same verdict and points. Checks that need a kernel of their own are in
microVMs only, so they are not here.

P: passed, F: failed, S: skipped, T: timeout, R: refused, D: a person decides; -: not graded there.
"""
LETTERS = {"PASSED": "P", "FAILED": "F", "SKIPPED": "S", "TIMEOUT": "T", "REFUSED": "R",
           "REVIEW": "D"}  # fmt: skip
SUPPORTED = {
    one.id for checks in LAB.checks.values() for one in checks if one.requires <= OFFERS["docker"]
}
TASKS = [task for task, checks in LAB.checks.items() if {one.id for one in checks} & SUPPORTED]


def sample(task: str, kind: str = "") -> list[str]:
    """The submissions about a task that are graded each time, in a sandbox of some kind."""
    broken = [name for name in names("broken") if task_of(name) == task]
    variants = [name for name in names("variants") if task_of(name) == task]
    broken = [one for one in broken if fails(one) in SUPPORTED]
    if not WHOLE:
        broken = list({fails(name): name for name in reversed(broken)}.values())
        variants = variants[::EVERY]
    found = [*broken, *variants, "reference", "alice"]
    few = not WHOLE and kind == "vm"
    return ["reference", *found[: IN_MICROVMS - 1]] if few else found


def fails(name: str) -> str:
    """The check that a broken submission fails."""
    return str(KILLS[name.removeprefix("broken/")]["fails"])


def marks(task: str, kind: str, home: Path, host: str) -> Marks:
    """Verdict and points by submission and check, of those checks that this host's kernel shows."""
    chosen = sample(task, kind)
    nodes = [f"{SUBMISSIONS / name}::{task}" for name in chosen]
    ids = [one.id for one in LAB.checks[task] if one.id in SUPPORTED]
    only = " or ".join(id_.partition(".")[2] for id_ in ids)
    found = grade(
        *nodes, f"--sandbox={kind}", f"--seed={SEED}", "-n", WORKERS, "-q", "-k", only,
        home=home, env={"DOCKER_HOST": host}, timeout=7200,
    )  # fmt: skip
    assert found.reported == set(chosen), found.out[-3000:] + found.err[-3000:]
    checks = {(name, id_): found.checks(name)[id_] for name in chosen for id_ in ids}
    undecided = {
        key: one["message"] for key, one in checks.items() if one["verdict"] not in LETTERS
    }
    assert not undecided, undecided
    return {key: (one["verdict"], one["points"]) for key, one in checks.items()}


@pytest.mark.parametrize("task", TASKS)
def test_same_marks_in_every_sandbox(task: str, tmp_path: Path, engine: str) -> None:
    """A task's submissions get the same verdicts and points wherever they are graded."""
    with ThreadPoolExecutor() as pool:  # most of a grading's time is waiting
        futures = {kind: pool.submit(marks, task, kind, tmp_path / kind, engine) for kind in KINDS}
    found = {kind: future.result() for kind, future in futures.items()}
    seen: dict[tuple[str, str], dict[str, tuple[str, float]]] = {}
    for kind, ones in found.items():
        for key, mark in ones.items():
            seen.setdefault(key, {})[kind] = mark
    different = {key: by_kind for key, by_kind in seen.items() if len({*by_kind.values()}) > 1}
    assert not different
    if WHOLE:
        write(task, found)


def write(task: str, found: dict[str, Marks]) -> None:
    """Put a task's section into the table, in place of the one that was there."""
    kinds = [kind for kind in OFFERS if kind in {*KINDS, "vm"}]
    lines = [f"## {task}", "", f"{len(sample(task))} submissions", ""]
    lines += ["| check | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for id_ in (one.id for one in LAB.checks[task] if one.id in SUPPORTED):
        cells = [counted(found.get(kind, {}), id_) for kind in kinds]
        lines.append(f"| {id_} | " + " | ".join(cells) + " |")
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else HEAD
    sections = {part[:3]: f"## {part}" for part in text.split("\n## ")[1:]}
    sections[task] = "\n".join(lines)
    ordered = [sections[one].rstrip() for one in TASKS if one in sections]
    TABLE.write_text("\n\n".join([HEAD.rstrip(), *ordered]) + "\n", encoding="utf-8")


def counted(found: Marks, id_: str) -> str:
    """How often a check gave which verdict."""
    counts = Counter(verdict for (_, one), (verdict, _) in found.items() if one == id_)
    ordered = [f"{counts[verdict]} {LETTERS[verdict]}" for verdict in LETTERS if counts[verdict]]
    return ", ".join(ordered) or "-"
