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
from random import Random
from statistics import NormalDist
from struct import unpack
from typing import Final, NamedTuple

from tradewright.simulator.market.synthetic.walk import chance
from tradewright.simulator.market.synthetic.weather import Weather

MONTH_DAYS: Final = 32
TRADES: Final = 6  # per minute, one in each ten seconds
SECONDS_PER_TRADE: Final = 60 // TRADES
_MONTH_SPREAD: Final = math.sqrt(MONTH_DAYS / 2)  # of the level of a month, in days' volatility
_HEAT_SPREAD: Final = 0.35  # sigma of the logarithm of an hour's restlessness
_HEAT_OF_VOLUME: Final = 0.6  # restless hours trade more
_VOLUME_SPREAD: Final = 0.7
_WICK: Final = 0.5  # how far a minute reaches beyond its ends, in its volatility
# Shares of the six trades in a minute's volume, in sixteenths.
_WEIGHTS: Final = ((3, 2, 4, 2, 1, 4), (1, 4, 2, 3, 5, 1), (2, 1, 6, 4, 1, 2), (5, 1, 1, 2, 3, 4))
_SHARES: Final = 16
_SPREADS: Final = (1, 1, 1, 1, 1, 2, 2, 3)
_HOURS_KEPT: Final = 3
# What a random byte stands for. Tables, because an hour of sixty minutes is made whenever somebody asks for it.
_NORMAL: Final = tuple(NormalDist().inv_cdf((byte + 0.5) / 256) for byte in range(256))
_CROWDS: Final = tuple(math.exp(_VOLUME_SPREAD * draw) for draw in _NORMAL)
_REACH: Final = tuple((byte / 255) ** 2 for byte in range(256))


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
    """One minute: the best bid at its beginning and end (ticks), and what its trades are made of."""

    start: int
    end: int
    up: int  # reach above the higher end
    down: int  # reach below the lower end
    unit: int  # a sixteenth of its volume, in steps
    bits: int  # 64 of them, for all small decisions

    @property
    def spread(self) -> int:
        return _SPREADS[self.bits & 7]

    @property
    def bar(self) -> Bar:
        """The candle of its trades."""
        return _candle((self.start, self.end), (self.up,), (self.down,), (self.unit,), (self.bits,))

    def trades(self) -> tuple[PathTrade, ...]:
        """Ascending in time; the first within ten seconds, all done before the minute ends.

        The bid goes from the start to the near extreme, then to the far one, then to the end, as in a replay (`tape`);
        two trades on the long way keep it from leaping.
        """
        rises = self.end >= self.start
        first = self.start - self.down if rises else self.start + self.up
        second = self.end + self.up if rises else self.end - self.down
        third = (second - first) // 3
        bids = (self.start, first, first + third, second - third, second, self.end)
        buys = [bool(self.bits >> (3 + place) & 1) for place in range(TRADES)]
        buys[1], buys[4] = not rises, rises
        weights, when = _WEIGHTS[self.bits >> 9 & 3], self.bits >> 16
        return tuple(
            PathTrade(
                place=place,
                second=1 + SECONDS_PER_TRADE * place + (when >> (6 * place) & 7),
                offset_ms=100 + 100 * (when >> (6 * place + 3) & 7),
                bid=bids[place],
                price=bids[place] + (self.spread if buys[place] else 0),
                size=self.unit * weights[place],
                buys=buys[place],
            )
            for place in range(TRADES)
        )

    def bar_until(self, offset_ms: int) -> Bar | None:
        """What the trades up to and including `offset_ms` of the minute have made of it; None before the first."""
        return bar_of(one for one in self.trades() if one.second * 1000 + one.offset_ms <= offset_ms)


def bar_of(trades: Iterable[PathTrade]) -> Bar | None:
    """The candle of some trades in time order; None of none."""
    return join(Bar(one.price, one.price, one.price, one.price, one.size, one.price * one.size) for one in trades)


def bid_at(minute: Minute, trades: Iterable[PathTrade], second: int) -> int:
    """The best bid (ticks) in one second of a minute with these trades.

    It goes on a straight line from trade to trade, so that each trade finds its price in the book.
    """
    since, bid = 0, minute.start
    for trade in trades:
        if trade.second >= second:
            return bid + (trade.bid - bid) * (second - since) // (trade.second - since)
        since, bid = trade.second, trade.bid
    return bid


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


class Hour(NamedTuple):
    """Sixty minutes: the best bids at their beginnings and the last end, and what each is made of (see `Minute`)."""

    bids: list[int]
    ups: list[int]
    downs: list[int]
    units: list[int]
    bits: tuple[int, ...]

    def minute(self, at: int) -> Minute:
        return Minute(self.bids[at], self.bids[at + 1], self.ups[at], self.downs[at], self.units[at], self.bits[at])

    @property
    def bar(self) -> Bar:
        """The candle of all its trades."""
        return _candle(*self)


def _candle(
    bids: Sequence[int], ups: Sequence[int], downs: Sequence[int], units: Sequence[int], bits: Sequence[int]
) -> Bar:
    """One candle of all minutes, without making their trades: a day of a listing is 1,440 minutes.

    The taker at the top of a minute's way buys and the one at its bottom sells, so the extremes are known.
    """
    high, low, volume, turnover = 0, bids[0], 0, 0
    for start, end, up, down, unit, draw in zip(bids, bids[1:], ups, downs, units, bits, strict=False):
        spread = _SPREADS[draw & 7]
        w0, w1, w2, w3, w4, w5 = _WEIGHTS[draw >> 9 & 3]
        if end >= start:
            first, second, above = start - down, end + up, w4
            top, bottom = second + spread, first
        else:
            first, second, above = start + up, end - down, w1
            top, bottom = first + spread, second
        if top > high:
            high = top
        if bottom < low:
            low = bottom
        above += w0 * (draw >> 3 & 1) + w2 * (draw >> 5 & 1) + w3 * (draw >> 6 & 1) + w5 * (draw >> 8 & 1)
        ways = w0 * start + (w1 + w2) * first + (w3 + w4) * second + (w2 - w3) * ((second - first) // 3) + w5 * end
        volume += unit
        turnover += unit * (ways + above * spread)
    opened = bids[0] + _SPREADS[bits[0] & 7] * (bits[0] >> 3 & 1)
    closed = bids[-1] + _SPREADS[bits[-1] & 7] * (bits[-1] >> 8 & 1)
    return Bar(opened, high, low, closed, volume * _SHARES, turnover)


class Path:
    """The price of one listing in whole ticks, the volume in whole steps."""

    def __init__(
        self, *, seed: int, name: str, base_ticks: int, daily_volatility: float, minute_steps: float, weather: Weather
    ) -> None:
        self._seed = seed
        self._name = name
        self._base_ticks = base_ticks
        self._volatility = daily_volatility
        self._unit = minute_steps / _SHARES
        self._weather = weather
        # Few are kept: they cost little to make again, and there are many listings.
        self._days_of = lru_cache(maxsize=2)(self._make_days)
        self._hours_of = lru_cache(maxsize=2)(self._make_hours)
        self._hour_of = lru_cache(maxsize=_HOURS_KEPT)(self._make_hour)

    def minute(self, minute: int) -> Minute:
        """The minute of this number since the epoch."""
        hour, place = divmod(minute, 60)
        return self._hour_of(hour).minute(place)

    def hour(self, hour: int) -> Hour:
        """The hour of this number since the epoch."""
        return self._hour_of(hour)

    def _make_days(self, month: int) -> list[float]:
        first, last = (
            chance(self._seed, self._name, "month", number).gauss(0.0, self._volatility * _MONTH_SPREAD)
            for number in (month, month + 1)
        )
        return _bridge(self._chance("days", month), first, last, MONTH_DAYS, self._volatility)

    def _make_hours(self, day: int) -> list[float]:
        month, place = divmod(day, MONTH_DAYS)
        days = self._days_of(month)
        spread = self._volatility / math.sqrt(24)
        hours = range(24 * day, 24 * day + 24)
        return _bridge(
            self._chance("hours", day),
            days[place],
            days[place + 1],
            24,
            spread,
            [self._weather.hour_heat(hour) for hour in hours],
            [0.0 if jump is None else jump.move for jump in map(self._weather.jump, hours)],
        )

    def _make_hour(self, hour: int) -> Hour:
        day, place = divmod(hour, 24)
        hours = self._hours_of(day)
        rng = self._chance("minutes", hour)
        heat = math.exp(rng.gauss(-(_HEAT_SPREAD**2), _HEAT_SPREAD))
        spread = self._volatility / math.sqrt(1440) * heat
        base = self._base_ticks
        factors = self._weather.minute_heats(hour)
        moves = [0.0] * 60
        jump = self._weather.jump(hour)
        if jump is not None:
            moves[jump.second // 60 - 60 * hour] = jump.move
        # A book of 200 levels lies below the bid: a price falls to a tenth of its base at most.
        levels = _bridge(rng, hours[place], hours[place + 1], 60, spread, factors, moves)
        bids = [max(base // 10, round(base * math.exp(level))) for level in levels]
        wick, unit = spread * base * _WICK, self._unit * heat**_HEAT_OF_VOLUME
        return Hour(
            bids,
            [int(wick * factor * _REACH[byte]) for byte, factor in zip(rng.randbytes(60), factors, strict=True)],
            [int(wick * factor * _REACH[byte]) for byte, factor in zip(rng.randbytes(60), factors, strict=True)],
            [
                int(unit * factor**_HEAT_OF_VOLUME * _CROWDS[byte]) or 1
                for byte, factor in zip(rng.randbytes(60), factors, strict=True)
            ],
            unpack("<60Q", rng.randbytes(480)),
        )

    def _chance(self, *place: object) -> Random:
        return chance(self._seed, self._name, *place)


def _bridge(
    rng: Random,
    first: float,
    last: float,
    steps: int,
    spread: float,
    factors: Sequence[float] = (),
    moves: Sequence[float] = (),
) -> list[float]:
    """A random walk of `steps` steps that begins at `first` and ends at `last`; `spread` is a step's.

    With `factors` on the spread of each step, and `moves` that come to it beside chance.
    """
    draws = rng.randbytes(steps)
    drawn = (
        (spread * factor * _NORMAL[draw] + move for draw, factor, move in zip(draws, factors, moves, strict=True))
        if factors
        else (spread * _NORMAL[draw] for draw in draws)
    )
    walked = list(accumulate(drawn, initial=0.0))
    slope = (last - first - walked[-1]) / steps
    return [first + level + slope * place for place, level in enumerate(walked)]
