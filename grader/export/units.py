"""Points as whole numbers, for formats that know no others."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGITS = Decimal("0.0001")  # as many as the report's points have


def units(points: float, scale: int) -> int:
    """`points` in units of which `scale` make a point, half a unit rounded up."""
    return int((_exact(points) * scale).quantize(Decimal(1), ROUND_HALF_UP))


def exact(points: float, scale: int) -> bool:
    """Whether nothing is rounded."""
    return _exact(points) * scale == units(points, scale)


def apportion(points: Sequence[float], scale: int, most: Sequence[int] | None = None) -> list[int]:
    """Each of `points` in whole units, which add up to the units of their sum.

    The largest remainders are rounded up, where that is not above `most`.
    """
    whole = [_exact(one) * scale for one in points]
    found = [int(one.to_integral_value(ROUND_FLOOR)) for one in whole]
    total = int(sum(whole, Decimal(0)).quantize(Decimal(1), ROUND_HALF_UP))
    by_remainder = sorted(range(len(whole)), key=lambda place: found[place] - whole[place])
    for place in by_remainder:
        if sum(found) == total:
            break
        if most is None or found[place] < most[place]:
            found[place] += 1
    return found


def _exact(points: float) -> Decimal:
    return Decimal(str(points)).quantize(DIGITS)
