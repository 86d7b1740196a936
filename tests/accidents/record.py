"""docs/accidents.md: what was killed when in the last long run, and what was left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs import REPO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accidents.trial import Outcome

PAGE = REPO / "docs" / "accidents.md"
KINDS = ("left", "lost", "false")
MARK = "## The last long run\n"


def keep(outcomes: Sequence[Outcome], seed: int) -> None:
    """Put the run's section at the page's end, in place of the one that was there."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(head + MARK + section(outcomes, seed), encoding="utf-8")


def section(outcomes: Sequence[Outcome], seed: int) -> str:
    """Who was killed, when and how often; what was left, lost, false, and graded once more."""
    lines = [
        "",
        f"{len(outcomes)} runs, with the seed {seed}.",
        "",
        "| sandbox | killed | while | runs | left | lost | false | undecided |",
        "|---|---|---|--:|---|---|---|---|",
    ]
    for key in sorted({_key(one) for one in outcomes}):
        mine = [one for one in outcomes if _key(one) == key]
        faults = [fault for one in mine for fault in one.faults]
        kinds = [sum(one.startswith(f"{kind}:") for one in faults) for kind in KINDS]
        counts = [*kinds, sum(one.undecided for one in mine)]
        shown = [str(count or "none") for count in counts]
        lines.append(f"| {' | '.join([*key, str(len(mine)), *shown])} |")
    faulty = [f"- {one.plan}: {fault}" for one in outcomes for fault in one.faults]
    return "\n".join(lines + ([""] if faulty else []) + faulty) + "\n"


def _key(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.plan.kind, outcome.plan.victim, outcome.phase
