"""Generated submissions get the verdicts that their oracles say: none too hard, none too soft."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from truth import answers, log_rule, plot, pwru, record, tcpdump, ttl_rule
from truth.trial import Trial

if TYPE_CHECKING:
    from types import ModuleType

    from truth.draft import Draft

    from grader.image import Image
    from grader.machine.client import Machine

# How many submissions a task gets with this variable set, drawn at random; else always the same few
# (CONTRIBUTING.md).
LONG = int(os.environ.get("NETLAB_TRUTH", "0"))
TASKS = {one.TASK: one for one in (tcpdump, log_rule, ttl_rule, answers, pwru, plot)}
FEWEST, MOST = (1, 12) if LONG else (8, 8)  # at once, in one run of the grader
USUAL = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
    max_examples=2 * LONG // MOST or 1,
    phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.parametrize("task", TASKS)
def test_verdicts_are_true(
    machine: Machine, image: Image, tmp_path_factory: pytest.TempPathFactory, task: str
) -> None:
    """A right answer passes whatever its spelling; a wrong one loses what it gets wrong."""
    maker: ModuleType = TASKS[task]
    with ExitStack() as stack:
        oracle = stack.enter_context(maker.Oracle(machine, image))
        trial = Trial(maker, oracle, tmp_path_factory.mktemp("truth"))
        if LONG:
            stack.callback(record.keep, trial)

        @USUAL
        @given(st.lists(maker.drafts(), min_size=FEWEST, max_size=MOST, unique_by=text))
        def verdicts_are_true(drafts: list[Draft]) -> None:
            wrong = [one for one in trial.outcomes(drafts) if not one.agrees]
            assert not wrong, "\n".join(map(str, wrong))

        verdicts_are_true()


def text(draft: Draft) -> str:
    """What is handed in."""
    return draft.text
