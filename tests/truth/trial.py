"""Drafts, graded as any submission is, and compared with what their oracle says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runs import REPO, grade

from grader.rubric import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import ModuleType

    from truth.draft import Draft

LAB = Lab(REPO / "tests_lab")
WORKERS = 4  # a capture mostly waits, so more of them than cores
GOOD, UNDECIDED = {"PASSED", "REVIEW"}, {"SKIPPED"}


@dataclass(frozen=True)
class Outcome:
    """What became of a draft: the checks that it may fail, and those that it has lost."""

    draft: Draft
    may_lose: frozenset[str]
    verdicts: tuple[tuple[str, str, str], ...]

    @property
    def lost(self) -> set[str]:
        """The checks that were decided against it, by name without the task."""
        return {name for name, verdict, _ in self.verdicts if verdict not in GOOD | UNDECIDED}

    @property
    def agrees(self) -> bool:
        """Whether a right one has passed, and a wrong one lost what it may lose, and nothing else.

        A fault of the machine is no verdict, and never agrees.
        """
        if any(verdict in {"ERROR", "UNSUPPORTED"} for _, verdict, _ in self.verdicts):
            return False
        if not self.may_lose:
            return bool(self.verdicts) and not self.lost
        if self.draft.exact:
            return self.lost == self.may_lose
        return bool(self.lost) and self.lost <= self.may_lose

    def __str__(self) -> str:
        said = "right" if not self.may_lose else f"wrong in {', '.join(sorted(self.may_lose))}"
        told = [f"{name} {verdict}: {message}" for name, verdict, message in self.verdicts
                if name in self.lost]  # fmt: skip
        return (
            f"made by: {', '.join(self.draft.made) or 'the grammar'}; the oracle says: {said}\n"
            f"{self.draft.text.rstrip()}\n--- graded: {'; '.join(told) or 'nothing lost'}\n"
        )


class Trial:
    """Grades drafts of one task's file, each text once."""

    def __init__(
        self,
        maker: ModuleType,
        oracle: Callable[[Draft], frozenset[str]],
        home: Path,
    ) -> None:
        """`maker` is the module of the task's drafts, which names the file."""
        self.task, self.file, self.but_for = maker.TASK, maker.FILE, maker.BUT_FOR
        self.oracle, self.home = oracle, home
        self.known: dict[str, Outcome] = {}

    @property
    def checks(self) -> list[str]:
        """The task's checks, in their order, without the task's name."""
        return [one.id.partition(".")[2] for one in LAB.checks[self.task]]

    def outcomes(self, drafts: Iterable[Draft]) -> list[Outcome]:
        """What became of each."""
        drafts = list(drafts)
        fresh = list({one.text: one for one in drafts if one.text not in self.known}.values())
        if fresh:
            self._grade(fresh)
        return [self.known[one.text] for one in drafts]

    def _grade(self, drafts: list[Draft]) -> None:
        home = self.home / f"run-{len(self.known)}"
        names = [f"made-{number}" for number, _ in enumerate(drafts)]
        for name, draft in zip(names, drafts, strict=True):
            (home / "made" / name).mkdir(parents=True)
            (home / "made" / name / self.file).write_text(draft.text, encoding="utf-8")
        chosen = [f"{home / 'made' / name}::{self.task}" for name in names]
        left_out = ("-k", f"not ({self.but_for})") if self.but_for else ()
        with ThreadPoolExecutor(1) as pool:  # a grading mostly waits
            said = pool.submit(lambda: [self.oracle(draft) for draft in drafts])
            workers = str(min(WORKERS, len(drafts)))
            run = grade(*chosen, "-n", workers, "-q", *left_out, home=home, timeout=3600)
        reported = {name.rpartition("/")[2]: name for name in run.reported}
        for name, draft, may_lose in zip(names, drafts, said.result(), strict=True):
            assert name in reported, run.out[-3000:] + run.err[-3000:]
            verdicts = self._verdicts(run.checks(reported[name]))
            self.known[draft.text] = Outcome(draft, may_lose, verdicts)

    def _verdicts(self, checks: dict[str, dict[str, object]]) -> tuple[tuple[str, str, str], ...]:
        """The verdicts on what the file is for, without those that need another file."""
        absent: set[str] = set()
        found = []
        for id_, one in checks.items():
            task, _, name = id_.partition(".")
            if task != self.task:
                continue
            if str(one["message"]).endswith("was not handed in") or absent & {
                *LAB.check(id_).needs
            }:
                absent.add(id_)
            else:
                found.append((name, str(one["verdict"]), str(one["message"])))
        return tuple(found)
