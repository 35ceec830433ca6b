"""Thresholds answer as decimals would, and the first bar that reaches one is found however far it is."""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from tradewright.backtest.touch import NEVER_HIGH, NEVER_LOW, Ranges, pass_high, pass_low, touch_high, touch_low

LEVELS = [
    "100", "0.1", "99.995", "0.30000000000000001", "0.29999999999999999", "0.3", "66666.666666666666666666666667",
    "1e-9", "123456789.123456789123456789", "95.095", "0.0000012345678901234567890123",
]  # fmt: skip


@pytest.mark.parametrize("text", LEVELS)
def test_thresholds_answer_as_decimals_would(text: str) -> None:
    level = Decimal(text)
    near = [float(level)]
    for direction in (-math.inf, math.inf):
        step = near[0]
        for _ in range(3):
            step = math.nextafter(step, direction)
            near.append(step)
    for price in near:
        exact = Decimal(repr(price))
        assert (price <= touch_low(level)) == (exact <= level)
        assert (price >= touch_high(level)) == (exact >= level)
        assert (price <= pass_low(level)) == (exact < level)
        assert (price >= pass_high(level)) == (exact > level)


def test_the_first_bar_that_reaches_a_threshold_is_found_however_far_it_is() -> None:
    rng = Random(7)
    low, high = np.full(40_000, 100.0), np.full(40_000, 101.0)
    for _ in range(60):
        low[rng.randrange(40_000)] = 90.0
        high[rng.randrange(40_000)] = 110.0
    for bar in (24, 25, 120, 121, 312, 313, 16_384, 39_999):
        low[bar] = 80.0
    ranges = Ranges(low, high)
    for below, above in ((80.0, NEVER_HIGH), (90.0, NEVER_HIGH), (NEVER_LOW, 110.0), (80.0, 110.0), (79.0, 111.0)):
        for start in [0, 1, 24, 97, 200, 20_000, 39_998, *(rng.randrange(40_000) for _ in range(20))]:
            limit = min(40_000, start + rng.choice([0, 1, 30, 3_000, 40_000]))
            hits = [bar for bar in range(start, limit) if low[bar] <= below or high[bar] >= above]
            assert ranges.first(start, limit, below, above) == (hits[0] if hits else limit)
