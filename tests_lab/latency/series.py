"""Runs of the script under one load, and whether one of them agrees with what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import CheckFailed
from tests_lab.latency.run import FUNCTION, Run, likely

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from grader.taskrun import TaskRun
    from tests_lab.latency.bench import Bench, Load

# What is further off than this is not tried again.
NOISE = 3


class Series:
    """Runs of the script under one load: as many as are needed to be sure."""

    def __init__(self, bench: Bench, name: str, rules: int, load: Load) -> None:
        self._bench, self._name, self._rules, self._load = bench, name, rules, load
        self._runs: list[Run] = []

    def __getitem__(self, number: int) -> Run:
        while len(self._runs) <= number:
            self._runs.append(self._bench.run(self._name, self._rules, self._load))
        return self._runs[number]

    def places(self, band: Sequence[float], attempts: int) -> set[str]:
        """The places of what was the average in one of so many attempts."""
        return {place for number in range(attempts) for place in self[number].places(band)}

    def must_agree(
        self, band: Sequence[float], hint: str = "", among: Collection[str] | None = None
    ) -> str | None:
        """What was printed is the average, within a band of factors, in one of some attempts.

        It stands at one of the places `among`, if they are known. A busy computer can spoil a
        measurement, by some factor, but makes no wrong script right.
        """
        attempts = self._bench.task.task.parameters["attempts"]
        for number in range(attempts):
            run = self[number]
            places = run.places(band)
            if places if among is None else places.intersection(among):
                return f"agreed in attempt {number + 1} of {attempts}" if number else None
            if not run.places((band[0] / NOISE, band[1] * NOISE)):
                break
        run = self[0]
        if run.failure is not None:
            raise run.failure
        if not run.readings:
            raise CheckFailed(f"expected an average again; found: {run.shown}")
        last, many = run.last[-1], len(run.readings)
        several = f", the last of {many} numbers" if many > 1 else ""
        raise CheckFailed(
            f"with {run.rules} rules in OUTPUT, {run.calls.count} calls of {FUNCTION} took "
            f"{run.calls.average_ns:.0f} ns on average, {run.calls.probed_average_ns:.0f} ns with "
            f"the cost of a kprobe and a kretprobe; it printed “{last.shown}”, which is "
            f"{last.ns:.0f} ns{several}",
            hint=hint or likely(last, run),
        )


def common(loaded: Series, idle: Series, task: TaskRun) -> set[str] | None:
    """Where the average stands, both with rules and without, if it is one of several numbers.

    None if it is the only one. A list of guesses holds the right one each time, at another place;
    or at the same, if a busy computer takes long without rules, too: but a guess does not change.
    """
    parameters = task.task.parameters
    for attempts in range(1, parameters["attempts"] + 1):
        right = loaded.places(parameters["band"], attempts)
        if right >= loaded[attempts - 1].candidates.keys():
            return None
        if not right:
            continue
        runs = [series[number] for series in (loaded, idle) for number in range(attempts)]
        same = right & idle.places(parameters["band_baseline"], attempts)
        if measured := {place for place in same if changes(place, runs)}:
            return measured
    return set()


def changes(place: str, runs: Sequence[Run]) -> bool:
    """Whether the number at a place was another in some run: measures are never all alike."""
    return len({run.candidates[place][0] for run in runs if place in run.candidates}) > 1
