"""docs/truth.md: what was tried in the last long run of each task, and what came of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from runs import REPO

if TYPE_CHECKING:
    from truth.trial import Trial

PAGE = REPO / "docs" / "truth.md"


def keep(trial: Trial) -> None:
    """Put a task's section into the page, in place of the one that was there."""
    text = PAGE.read_text(encoding="utf-8")
    head, *parts = text.rstrip().split("\n## ")
    sections = {part.partition("\n")[0]: part.rstrip() for part in parts}
    sections[trial.task] = section(trial)
    tasks = sorted(name for name in sections if name[0].isdigit())
    rest = [name for name in sections if name not in tasks]
    ordered = [head.rstrip(), *(f"## {sections[name]}" for name in [*tasks, *rest])]
    PAGE.write_text("\n\n".join(ordered) + "\n", encoding="utf-8")


def section(trial: Trial) -> str:
    """Counts of right and wrong ones, of the checks that these lost, and each disagreement."""
    every = [*trial.known.values()]
    wrong = [one for one in every if one.may_lose]
    lost = Counter(name for one in wrong for name in one.lost)
    ways = {what for one in every for what in one.draft.made}
    differ = [one for one in every if not one.agrees]
    lines = [
        trial.task,
        "",
        (
            f"{len(every)} submissions of `{trial.file}`, {len(every) - len(wrong)} right and "
            f"{len(wrong)} wrong; {len(ways)} ways to change one. {len(differ) or 'No'} "
            f"disagreement{'s' * (len(differ) != 1)}."
        ),
        "",
        "| check | lost by |",
        "|---|---|",
        *(f"| {name} | {lost[name]} |" for name in trial.checks if lost[name]),
    ]
    for one in differ:
        lines += ["", "```text", *str(one).rstrip().splitlines(), "```"]
    return "\n".join(lines)
