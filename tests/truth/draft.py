"""A generated submission, before anybody has said whether it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from grader.image import Image
    from grader.machine.client import Machine

T = TypeVar("T")


@dataclass(frozen=True)
class Draft:
    """The file of a submission, what its maker knows of it, and how it was made.

    `loses` are checks that it fails by construction: any of them, or all if it is `exact`.
    """

    text: str
    made: tuple[str, ...] = ()
    loses: frozenset[str] = frozenset()
    exact: bool = False


class Drawing:
    """What a strategy draws with, and a record of what it did."""

    def __init__(self, draw: Callable[[st.SearchStrategy[T]], T]) -> None:
        self.draw = draw
        self.made: list[str] = []

    def one(self, options: Iterable[T]) -> T:
        """One of the options; the first is the simplest."""
        drawn: T = self.draw(st.sampled_from(list(options)))  # type: ignore[arg-type, assignment]
        return drawn

    def some(self, options: Iterable[T]) -> list[T]:
        """Some of the options, in their order."""
        return [option for option in options if self.maybe()]

    def maybe(self, one_in: int = 2) -> bool:
        """True now and then, one time in so many."""
        return self.number(0, one_in - 1) == one_in - 1

    def number(self, low: int, high: int) -> int:
        """A number from `low` to `high`."""
        drawn: int = self.draw(st.integers(low, high))  # type: ignore[arg-type, assignment]
        return drawn

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in some order."""
        drawn: list[T] = self.draw(st.permutations(items))  # type: ignore[arg-type, assignment]
        return drawn

    def note(self, what: str) -> None:
        """Remember what was done to make it wrong, or unusual."""
        self.made.append(what)


class Known:
    """The oracle of what is right or wrong by construction: its maker knows."""

    def __init__(self, machine: Machine, image: Image) -> None:
        pass

    def __enter__(self) -> Known:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, draft: Draft) -> frozenset[str]:
        """The checks that may fail; none if the draft is right."""
        return draft.loses
