"""As many contracts as are asked for: made-up coins beside the listed ones, to try what hundreds of symbols do.

Lives here: names, filters and habits of the coin of a number. Not here: their prices (`computed_symbol`). They need no
seed and no table: the same number is the same coin in every market.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.instruments import contract_of
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.synthetic.habits import Habits
from tradewright.simulator.market.synthetic.walk import chance

MADE_UP_MAX: Final = 2_000
_HEADS: Final = ("KA", "VO", "ZE", "LU", "MI", "RO", "TA", "NE", "SY", "QU", "DA", "FI", "HO", "PY", "XE", "GA")
_TAILS: Final = ("RA", "NO", "LI", "TX", "MO", "SE", "VI", "DO", "KU", "BA", "ON", "IX", "PE", "UM", "YA", "FT")
_FIRST_ID: Final = 2_000
_FIRST_LAUNCH_MS: Final = 1_640_995_200_000  # 2022-01-01
_LAUNCH_EVERY_MS: Final = 86_400_000
_PRICE_DIGITS: Final = 4  # a price is 1,000 to 100,000 ticks
_TIERS: Final = (("75.00", "0.0065", "0.06"), ("50.00", "0.01", "0.1"), ("25.00", "0.02", "0.1"))


def made_up(count: int) -> list[tuple[InstrumentSpec, Habits]]:
    """The first `count` made-up contracts, with their habits; at most `MADE_UP_MAX`."""
    return [_coin(number) for number in range(count)]


def name_of(number: int) -> str:
    """A name that no listed coin has: four letters, and for every further round a letter more."""
    round_of, place = divmod(number, len(_HEADS) * len(_TAILS))
    head, tail = divmod(place, len(_TAILS))
    return f"{_HEADS[head]}{_TAILS[(tail + head) % len(_TAILS)]}{'' if not round_of else chr(ord('A') + round_of - 1)}"


def _coin(number: int) -> tuple[InstrumentSpec, Habits]:
    rng = chance(0, "made-up", number)
    magnitude = rng.uniform(-3.0, 2.5)
    digits = math.floor(magnitude)
    tick = Decimal(1).scaleb(digits - _PRICE_DIGITS)
    price = Decimal(round(10 ** (magnitude - digits) * 10**_PRICE_DIGITS)) * tick
    step = Decimal(1).scaleb(max(-2, -digits - 1))
    step = Decimal(int(step)) if step >= 1 else step
    turnover = 10 ** rng.uniform(6.3, 8.0)
    leverage, maintenance, far = _TIERS[0 if turnover > 5e7 else 1 if turnover > 1e7 else 2]
    most = Decimal(round(float(250_000 / price) / float(step))) * step
    spec = contract_of(
        name_of(number),
        _FIRST_ID + number,
        format(tick, "f"),
        format(step, "f"),
        format(most, "f"),
        leverage,
        maintenance,
        far,
        _FIRST_LAUNCH_MS + number * _LAUNCH_EVERY_MS,
        funding_bound="0.02",
        funding_min=240 if number % 3 else 480,
    )
    return spec, Habits(format(price, "f"), rng.uniform(0.035, 0.085), turnover)
