"""Prices as a function of time: what a quiet listing costs at any moment, without having lived through the time before.

Lives here: `Path`, its minutes and the trades in them. Not here: events and books (`computed_symbol`), candles of other
lengths (`computed_candles`).

From month to month the price is drawn around its base; between two months days are filled in, between two days hours,
between two hours minutes, each level by a random bridge with a chance of its own. So any minute costs the same, whether
it is now or a month ago, nothing has to be saved, and no order of asking matters. A minute has six trades, which fix
its candle; they need no chance beyond a few numbers of the minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import add, mul
from random import Random
from statistics import NormalDist
from struct import unpack
from typing import Final, NamedTuple

from tradewright.simulator.market.walk import chance

MONTH_DAYS: Final = 32
TRADES: Final = 6  # per minute
_MONTH_SPREAD: Final = math.sqrt(MONTH_DAYS / 2)  # of the level of a month, in days' volatility
_HEAT_SPREAD: Final = 0.35  # sigma of the logarithm of an hour's restlessness
_HEAT_OF_VOLUME: Final = 0.6  # restless hours trade more
_VOLUME_SPREAD: Final = 0.7
_WICK: Final = 0.5  # how far a minute reaches beyond its ends, in its volatility
_WEIGHTS: Final = ((3, 2, 4, 2, 1, 4), (1, 4, 2, 3, 5, 1), (2, 1, 6, 4, 1, 2), (5, 1, 1, 2, 3, 4))
_WEIGHT: Final = 16
_SPREADS: Final = (1, 1, 1, 1, 1, 2, 2, 3)
# How far the six prices are above the bid, by spread and sides: a taker that buys pays the spread.
_ABOVE_BID: Final = tuple(
    tuple(tuple(spread * (sides >> place & 1) for place in range(TRADES)) for sides in range(1 << TRADES))
    for spread in range(max(_SPREADS) + 1)
)
# What a random byte stands for. Tables, because an hour of sixty minutes is made whenever somebody asks for it.
_NORMAL: Final = tuple(NormalDist().inv_cdf((byte + 0.5) / 256) for byte in range(256))
_CROWDS: Final = tuple(math.exp(_VOLUME_SPREAD * draw) for draw in _NORMAL)
_REACH: Final = tuple((byte / 255) ** 2 for byte in range(256))
_HOURS_KEPT: Final = 3


class Bar(NamedTuple):
    """A candle in ticks, steps, and ticks times steps."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int


class PathTrade(NamedTuple):
    """`place` among the minute's trades; `second` of the minute, `offset_ms` within it; `bid` and `price` in ticks."""

    place: int
    second: int
    offset_ms: int
    bid: int
    price: int
    size: int  # steps
    buys: bool


class Minute(NamedTuple):
    """One minute: the best bid at its beginning and end, the spread (ticks), and what its trades are made of."""

    start: int
    end: int
    spread: int
    up: int  # reach above the higher end
    down: int  # reach below the lower end
    volume: int  # steps, about
    bits: int  # 64 of them, for all small decisions
    bar: Bar

    def trades(self) -> tuple[PathTrade, ...]:
        """Ascending in time; the first within ten seconds, all done before the minute ends."""
        bits = self.bits >> 16
        bids, prices, sizes = _fill(self.start, self.end, self.spread, self.up, self.down, self.volume, self.bits)
        return tuple(
            PathTrade(
                place=place,
                second=1 + 10 * place + (bits >> (6 * place) & 7),
                offset_ms=100 + 100 * (bits >> (6 * place + 3) & 7),
                bid=bids[place],
                price=prices[place],
                size=sizes[place],
                buys=prices[place] > bids[place],
            )
            for place in range(TRADES)
        )

    def bar_until(self, offset_ms: int) -> Bar | None:
        """What the trades up to and including `offset_ms` of the minute have made of it; None before the first."""
        done = [one for one in self.trades() if one.second * 1000 + one.offset_ms <= offset_ms]
        return join(Bar(one.price, one.price, one.price, one.price, one.size, one.price * one.size) for one in done)


def join(bars: Iterable[Bar]) -> Bar | None:
    """One candle out of several in time order; None out of nothing."""
    parts = list(bars)
    if not parts:
        return None
    return Bar(
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum(part.volume for part in parts),
        sum(part.turnover for part in parts),
    )


class Path:
    """The price of one listing in whole ticks, the volume in whole steps."""

    def __init__(self, *, seed: int, name: str, base_ticks: int, daily_volatility: float, minute_steps: float) -> None:
        self._seed = seed
        self._name = name
        self._base_ticks = base_ticks
        self._volatility = daily_volatility
        self._volume = minute_steps
        # Few are kept: they cost little to make again, and there are many listings.
        self._days_of = lru_cache(maxsize=2)(self._make_days)
        self._hours_of = lru_cache(maxsize=2)(self._make_hours)
        self._minutes_of = lru_cache(maxsize=_HOURS_KEPT)(self._make_minutes)

    def minute(self, minute: int) -> Minute:
        """The minute of this number since the epoch."""
        hour, place = divmod(minute, 60)
        return self._minutes_of(hour)[place]

    def minutes(self, hour: int) -> tuple[Minute, ...]:
        """The sixty minutes of the hour of this number since the epoch."""
        return self._minutes_of(hour)

    def _make_days(self, month: int) -> list[float]:
        first, last = (
            chance(self._seed, self._name, "month", number).gauss(0.0, self._volatility * _MONTH_SPREAD)
            for number in (month, month + 1)
        )
        return _bridge(self._chance("days", month), first, last, MONTH_DAYS, self._volatility)

    def _make_hours(self, day: int) -> list[float]:
        month, place = divmod(day, MONTH_DAYS)
        days = self._days_of(month)
        return _bridge(self._chance("hours", day), days[place], days[place + 1], 24, self._volatility / math.sqrt(24))

    def _make_minutes(self, hour: int) -> tuple[Minute, ...]:
        day, place = divmod(hour, 24)
        hours = self._hours_of(day)
        rng = self._chance("minutes", hour)
        heat = math.exp(rng.gauss(-(_HEAT_SPREAD**2), _HEAT_SPREAD))
        spread = self._volatility / math.sqrt(1440) * heat
        base = self._base_ticks
        # A book of 200 levels lies below the bid: a price falls to a tenth of its base at most.
        levels = _bridge(rng, hours[place], hours[place + 1], 60, spread)
        bids = [max(base // 10, round(base * math.exp(level))) for level in levels]
        wick, volume = spread * base * _WICK, self._volume * heat**_HEAT_OF_VOLUME
        ups, downs, volumes = (rng.randbytes(60) for _ in range(3))
        bits = unpack("<60Q", rng.randbytes(480))
        return tuple(
            _make_minute(
                bids[at],
                bids[at + 1],
                up=int(wick * _REACH[ups[at]]),
                down=int(wick * _REACH[downs[at]]),
                volume=int(volume * _CROWDS[volumes[at]]) or 1,
                bits=bits[at],
            )
            for at in range(60)
        )

    def _chance(self, *place: object) -> Random:
        return chance(self._seed, self._name, *place)


def _make_minute(start: int, end: int, *, up: int, down: int, volume: int, bits: int) -> Minute:
    spread = _SPREADS[bits & 7]
    _, prices, sizes = _fill(start, end, spread, up, down, volume, bits)
    bar = Bar(prices[0], max(prices), min(prices), prices[-1], sum(sizes), sum(map(mul, prices, sizes)))
    return Minute(start, end, spread, up, down, volume, bits, bar)


def _fill(
    start: int, end: int, spread: int, up: int, down: int, volume: int, bits: int
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Bids, prices and sizes of a minute's six trades.

    The bid goes from the start to the near extreme, then to the far one, then to the end, as in a replay (`tape`); two
    trades on the long way keep it from leaping.
    """
    if end >= start:
        first_turn, second_turn = start - down, end + up
    else:
        first_turn, second_turn = start + up, end - down
    third = (second_turn - first_turn) // 3
    bids = (start, first_turn, first_turn + third, second_turn - third, second_turn, end)
    prices = tuple(map(add, bids, _ABOVE_BID[spread][bits >> 3 & 63]))
    sizes = [volume * weight // _WEIGHT or 1 for weight in _WEIGHTS[bits >> 9 & 3]]
    return bids, prices, sizes


def _bridge(rng: Random, first: float, last: float, steps: int, spread: float) -> list[float]:
    """A random walk of `steps` steps that begins at `first` and ends at `last`; `spread` is a step's."""
    walked = list(accumulate((spread * _NORMAL[draw] for draw in rng.randbytes(steps)), initial=0.0))
    slope = (last - first - walked[-1]) / steps
    return [first + level + slope * place for place, level in enumerate(walked)]
