"""Who gets liquidated on a synthetic market: how often, how large, and how far beyond the price.

Lives here: the draws. Not here: when prices jump (`weather`), what becomes of an account of ours (`matching`).
In usual times somebody is liquidated every few minutes, in the seconds of a jump several are, and for some minutes
after it more than usual. The side is the one that the price has just moved against.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final, NamedTuple

from tradewright.simulator.market.synthetic.walk import Sky

_ODDS: Final = 1 / 400  # of a second of usual restlessness
_SLOTS: Final = 5
_SLOTS_OF_SEVERAL: Final = 3  # of five in a second
_SIZE_SPREAD: Final = 1.3
_MEDIAN_SIZE: Final = 6.0  # medians of a trade
_DISTANCE_MIN: Final = 0.0003
_DISTANCE_MAX: Final = 0.004


class Hurt(NamedTuple):
    """Liquidations of one second: in which of its five slots, how many usual trades large, how far beyond the price."""

    slots: tuple[int, ...]
    size: float
    distance: float  # fraction of the price


def hurt_by(sky: Sky, rng: Random) -> Hurt | None:
    """None in most seconds."""
    jumps = sky.move != 0.0
    if rng.random() >= (1.0 if jumps else min(0.5, _ODDS * sky.heat**2)):
        return None
    return drawn(rng, several=jumps)


def drawn(rng: Random, *, several: bool = False) -> Hurt:
    slots = rng.sample(range(_SLOTS), _SLOTS_OF_SEVERAL if several else 1)
    size = _MEDIAN_SIZE * math.exp(rng.gauss(0.0, _SIZE_SPREAD))
    return Hurt(tuple(slots), size, rng.uniform(_DISTANCE_MIN, _DISTANCE_MAX))
