"""Whether a bar reaches a price: decimal levels as doubles that decide exactly, and the first bar that does.

A candle's price is a double, but means its shortest text. So "low <= level" is asked of the largest double whose text
is not above the level: comparing doubles then answers as comparing the decimals would.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEVER_LOW = -math.inf  # no low is at or below it
NEVER_HIGH = math.inf
_LOOKED_AT_ONE_BY_ONE = 24
_CHUNK_MAX = 16_384


def touch_low(level: Decimal) -> float:
    """`low <= touch_low(level)` says that the bar reaches down to the level."""
    nearest = float(level)
    return nearest if Decimal(repr(nearest)) <= level else math.nextafter(nearest, -math.inf)


def touch_high(level: Decimal) -> float:
    """`high >= touch_high(level)` says that the bar reaches up to the level."""
    nearest = float(level)
    return nearest if Decimal(repr(nearest)) >= level else math.nextafter(nearest, math.inf)


def pass_low(price: Decimal) -> float:
    """`low <= pass_low(price)` says that the bar goes below the price: a buy order at it fills."""
    return math.nextafter(touch_high(price), -math.inf)


def pass_high(price: Decimal) -> float:
    """`high >= pass_high(price)` says that the bar goes above the price: a sell order at it fills."""
    return math.nextafter(touch_low(price), math.inf)


class Ranges:
    """The lows and highs of bars, and where they first reach a threshold."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        import numpy as np

        self._low, self._high = np.ascontiguousarray(low), np.ascontiguousarray(high)
        self.low, self.high = self._low.data, self._high.data

    def first(self, start: int, limit: int, below: float, above: float) -> int:
        """The first bar in [start, limit) whose low is <= `below` or whose high is >= `above`; `limit` if none is."""
        near = min(limit, start + _LOOKED_AT_ONE_BY_ONE)
        for index, low, high in zip(range(start, near), self.low[start:near], self.high[start:near], strict=True):
            if low <= below or high >= above:
                return index
        chunk = 4 * _LOOKED_AT_ONE_BY_ONE
        while near < limit:
            far = min(limit, near + chunk)
            reached = (self._low[near:far] <= below) | (self._high[near:far] >= above)
            place = int(reached.argmax())
            if reached[place]:
                return near + place
            near, chunk = far, min(2 * chunk, _CHUNK_MAX)
        return limit
