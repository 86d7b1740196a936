"""A generated submission, before anybody has said whether it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")


@dataclass(frozen=True)
class Draft:
    """The file of a submission, what its maker knows of it, and how it was made.

    `loses` are checks that it fails by construction; `facts` is what the oracle cannot see in it.
    """

    text: str
    made: tuple[str, ...] = ()
    loses: frozenset[str] = frozenset()
    facts: frozenset[str] = frozenset()


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
