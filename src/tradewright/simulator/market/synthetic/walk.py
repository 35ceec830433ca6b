"""The random process behind a synthetic price: floats decide anything only here and in `paths`.

Lives here: the walk with its changing volatility, the draws of spreads, times and sizes, and the seeding rule.
Not here: what becomes of the draws (`synthetic_symbol`), prices as a function of time (`paths`). Prices leave as whole
ticks, sizes as whole steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import NamedTuple

from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.model import InstrumentSpec

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one symbol behaves. Prices are in ticks, sizes in steps."""

    base_ticks: int
    daily_volatility: float
    trades_per_s: float
    median_size_steps: float
    median_level_steps: float
    open_interest_steps: int


PROFILES = {
    "BTCUSDT": Profile(
        base_ticks=650_000,
        daily_volatility=0.025,
        trades_per_s=4.0,
        median_size_steps=20.0,
        median_level_steps=600.0,
        open_interest_steps=48_000_000,
    ),
    "ETHUSDT": Profile(
        base_ticks=320_000,
        daily_volatility=0.032,
        trades_per_s=3.0,
        median_size_steps=35.0,
        median_level_steps=900.0,
        open_interest_steps=90_000_000,
    ),
}

SIZE_SPREAD = 1.1  # sigma of the logarithm of sizes: many small trades, few large ones
_HEAT_TIME_S = 900.0  # how long a lively or quiet spell lasts
_HEAT_SPREAD = 0.6
_PULL_TIME_S = 30 * DAY_S  # a weak pull to the base price, so that months of running stay plausible
_INDEX_TIME_S = 6.0
_MARK_TIME_S = 2.0


def chance(seed: int, *place: object) -> Random:
    """The source of chance for one place (symbol, second, …): each has its own, so no order of asking matters."""
    return Random(":".join(map(str, (seed, *place))))  # noqa: S311  a reproducible market, not a secret


class Pace(NamedTuple):
    """What a step of so many seconds takes of each process. Steps are of few lengths and very many."""

    seconds: float
    share: float
    stir: float
    root: float
    index_follows: float
    mark_follows: float


def pace_of(seconds: float) -> Pace:
    share = min(1.0, seconds / _HEAT_TIME_S)
    return Pace(
        seconds,
        share,
        _HEAT_SPREAD * math.sqrt(2 * share),
        math.sqrt(seconds / DAY_S),
        1.0 - math.exp(-seconds / _INDEX_TIME_S),
        1.0 - math.exp(-seconds / _MARK_TIME_S),
    )


class Sky(NamedTuple):
    """The weather of one second (see `weather`)."""

    heat: float  # factor on volatility
    move: float  # of a jump during this second, as a logarithm; 0.0 almost always
    thin: int  # how often the books are halved (see `levels`); spreads are so many times wider and one more


@dataclass(slots=True)
class Walk:
    """Where the process stands. `mid`, `index`, `mark` are in ticks; `heat` is the logarithm of volatility's factor."""

    mid: float
    index: float
    mark: float
    heat: float

    @classmethod
    def at(cls, ticks: float) -> Walk:
        return cls(mid=ticks, index=ticks, mark=ticks, heat=0.0)

    def saved(self) -> dict[str, float]:
        """Arguments that make the same walk; JSON keeps floats exactly."""
        return {"mid": self.mid, "index": self.index, "mark": self.mark, "heat": self.heat}

    def step(self, rng: Random, profile: Profile, pace: Pace, *, heat: float = 1.0, move: float = 0.0) -> None:
        """Move on by one step, at `heat` times the usual volatility, and by `move` (logarithm) beside it."""
        seconds, share, stir, root, index_follows, mark_follows = pace
        self.heat += -self.heat * share + stir * rng.gauss(0.0, 1.0)
        volatility = profile.daily_volatility * root * math.exp(self.heat - _HEAT_SPREAD**2) * heat
        pull = -math.log(self.mid / profile.base_ticks) * seconds / _PULL_TIME_S
        self.mid *= math.exp(volatility * rng.gauss(0.0, 1.0) + pull + move)
        self.index += (self.mid - self.index) * index_follows
        self.mark += (self.mid - self.mark) * mark_follows


def funding_rate(seed: int, spec: InstrumentSpec, funding_ms: int) -> Decimal:
    """The rate of the interval that ends at `funding_ms`: around 0.01 %, within the contract's bounds."""
    draw = round(chance(seed, spec.symbol, "funding", funding_ms).gauss(10_000, 6_000))
    return min(max(draw * Decimal("0.00000001"), spec.lower_funding_rate), spec.upper_funding_rate)


def open_interest(seed: int, spec: InstrumentSpec, level_steps: int, now_ms: int) -> Decimal:
    """Base coin; drifts by a few thousandths from minute to minute around its level."""
    draw = chance(seed, spec.symbol, "interest", now_ms // MINUTE_MS).randrange(-2000, 2001)
    return level_steps * (1_000_000 + draw) // 1_000_000 * spec.qty_step


def spread_ticks(rng: Random) -> int:
    """Mostly one tick, seldom up to four."""
    draw = rng.random()
    if draw < 0.72:
        return 1
    return 2 if draw < 0.9 else 3 if draw < 0.97 else 4


def size_steps(rng: Random, median: float) -> int:
    """A lognormal size, at least one step."""
    return max(1, round(median * math.exp(SIZE_SPREAD * rng.gauss(0.0, 1.0))))


def trade_count(rng: Random, mean: float, heat: float) -> int:
    """How many trades fall into a slot that has about `mean` of them; lively times bring more and bigger bursts."""
    lively = mean * math.exp(0.5 * heat)
    return min(20, int(rng.expovariate(1.0 / (lively + 0.5))))


def leans_to_buyers(rng: Random, moved_ticks: float) -> bool:
    """Whether a taker buys: more likely while the price rises."""
    return rng.random() < 0.5 + 0.3 * math.tanh(moved_ticks / 20.0)


def swept_ticks(rng: Random) -> int:
    """How many ticks beyond the best price a trade prints: mostly none."""
    return 0 if rng.random() < 0.9 else rng.randint(1, 3)
