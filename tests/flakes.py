"""How often a verdict is not the one that is due: the same submissions graded again and again.

Run by hand, since it takes hours (CONTRIBUTING.md):

    python tests/flakes.py [TASK...] [--rounds N] [--load N]

Without tasks, the reference and of each task one unusual and one wrong submission; with tasks, all
of theirs. The table in docs/flakes.md is written after each round, so that a run can be ended at
any time.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runs import REPO, grade
from test_matrix import KILLS, LAB, SUBMISSIONS, about, names, tail, task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TABLE = REPO / "docs" / "flakes.md"
HEAD = """# How often a verdict is not the one that is due

Made by `python tests/flakes.py`: the same submissions graded again and again, each time in other
worlds. Due is what the kill matrix demands: everything passes but for what a broken submission is
broken in. *Other* verdicts take or give points that they should not, *undecided* is what was an
ERROR or UNSUPPORTED, which costs nobody points, but somebody time.
"""
COLUMNS = "| task | submissions | verdicts | other | undecided |\n|---|--:|--:|--:|--:|"
UNDECIDED = {"ERROR", "UNSUPPORTED"}
BUSY = "while True: pass"


def chosen(tasks: Sequence[str]) -> list[str]:
    """The submissions that are graded each round."""
    found = ["reference"]
    for task in tasks or LAB.rubric.tasks:
        for kind in ("variants", "broken"):
            ones = [name for name in names(kind) if task_of(name) == task]
            found += ones if tasks else ones[len(ones) // 2 :][:1]
    return found


def nodes(submissions: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """What pytest is told to grade."""
    return [
        f"{SUBMISSIONS / name}::{task}"
        for name in submissions
        for task in ([task_of(name)] if task_of(name) else tasks or LAB.rubric.tasks)
    ]


def due(name: str, id_: str) -> set[str]:
    """The verdicts that a submission may get."""
    entry = KILLS.get(name.removeprefix("broken/"))
    if entry and entry["fails"] == id_:
        return {entry.get("verdict", "FAILED")}
    # What needs a check that fails is skipped.
    return {"PASSED", "REVIEW", "SKIPPED"} if entry else {"PASSED", "REVIEW"}


@contextmanager
def load(count: int) -> Iterator[None]:
    """Processes that keep the processors busy meanwhile."""
    with ExitStack() as end:
        for _ in range(count):
            busy = end.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            end.callback(busy.kill)
        yield


class Tally:
    """Verdicts over all rounds, by task; and what was not due, in words."""

    def __init__(self, submissions: Sequence[str]) -> None:
        self.rounds = 0
        self._submissions = submissions
        self._verdicts: Counter[str] = Counter()
        self._other: Counter[str] = Counter()
        self._undecided: Counter[str] = Counter()
        self._notes: list[str] = []

    def add(self, name: str, checks: dict[str, dict[str, object]]) -> None:
        """Count what a submission got in a round."""
        for id_, verdict in about(name, checks).items():
            task = LAB.check(id_).task
            self._verdicts[task] += 1
            if verdict not in due(name, id_):
                count = self._undecided if verdict in UNDECIDED else self._other
                count[task] += 1
                message = " ".join(str(checks[id_]["message"]).split())
                self._notes.append(f"- {name}, {id_}: {verdict}: {message[:300]}")

    def section(self, title: str) -> str:
        """The figures as a section of the page."""
        lines = [f"## {title}", "", f"{self.rounds} rounds.", "", COLUMNS]
        for task, count in sorted(self._verdicts.items()):
            several = sum(task_of(name) in {task, None} for name in self._submissions)
            figures = (several, count, self._other[task], self._undecided[task])
            lines.append(f"| {task} | " + " | ".join(map(str, figures)) + " |")
        every = (self._verdicts, self._other, self._undecided)
        total = (len(self._submissions), *(sum(one.values()) for one in every))
        lines.append("| all | " + " | ".join(map(str, total)) + " |")
        return "\n".join([*lines, *([""] if self._notes else []), *self._notes])


def write(title: str, section: str) -> None:
    """Put a section into the page, in place of the one with its title."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else HEAD
    parts = {part.partition("\n")[0]: f"## {part}" for part in text.split("\n## ")[1:]}
    parts[title] = section
    body = "\n\n".join([HEAD.rstrip(), *(parts[one].rstrip() for one in sorted(parts))])
    TABLE.write_text(f"{body}\n", encoding="utf-8")


def main() -> None:
    """Grade, count, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", nargs="*", choices=[[], *LAB.rubric.tasks], metavar="TASK")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--load", type=int, default=0, help="processes that compute meanwhile")
    parser.add_argument("--workers", default="4")
    options = parser.parse_args()
    submissions = chosen(options.tasks)
    tally = Tally(submissions)
    what = f"all of {', '.join(options.tasks)}" if options.tasks else "some of each task"
    beside = f", beside {options.load} processes that compute" if options.load else ""
    for number in range(1, options.rounds + 1):
        home = Path(tempfile.mkdtemp(prefix="flakes-"))
        with load(options.load):
            arguments = (*nodes(submissions, options.tasks), "-n", options.workers, "-q")
            run = grade(*arguments, home=home, timeout=7200)
        if run.reported != set(submissions):
            raise SystemExit(f"round {number}, in {home}: no report on some:\n{tail(run)}")
        for name in submissions:
            tally.add(name, run.checks(name))
        shutil.rmtree(home)
        tally.rounds = number
        section = tally.section(f"{what}{beside}".capitalize())
        write(section.partition("\n")[0].removeprefix("## "), section)
        print(f"round {number} of {options.rounds}\n{section}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
