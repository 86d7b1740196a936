"""Places: a few at a time, or one who has them all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from grader.lock import places

if TYPE_CHECKING:
    from pathlib import Path

PLACES = 3


def test_no_more_than_there_are(tmp_path: Path) -> None:
    """Never do more hold a place than there are places, and at some time as many do."""
    inside: list[int] = []
    most: list[int] = []
    full = threading.Barrier(PLACES)

    def work(_: int) -> None:
        with places(tmp_path, 1, PLACES):
            inside.append(1)
            most.append(len(inside))
            full.wait(30)
            inside.pop()

    with ThreadPoolExecutor(3 * PLACES) as pool:
        list(pool.map(work, range(3 * PLACES)))
    assert max(most) == PLACES


def test_who_wants_all_is_not_overtaken(tmp_path: Path) -> None:
    """Others who come and go without end do not keep out one who wants all the places."""
    done = threading.Event()
    inside: list[str] = []

    def come_and_go(_: int) -> None:
        while not done.is_set():
            with places(tmp_path, 1, PLACES):
                inside.append("one")
                inside.pop()

    with ThreadPoolExecutor(2 * PLACES) as pool:
        workers = pool.map(come_and_go, range(2 * PLACES))
        try:
            for _ in range(3):
                with places(tmp_path, PLACES, PLACES):
                    assert not inside
        finally:
            done.set()
        list(workers)


def test_places_are_let_go_of(tmp_path: Path) -> None:
    """Whatever happens to their holder, the places are free afterwards."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), places(tmp_path, PLACES, PLACES):
            raise KeyboardInterrupt
