"""Mark, index and premium candles of a listing whose minutes are computed.

Lives here: which minutes and hours make which candle. Not here: the minutes (`paths`), traded candles
(`computed_candles`), which go back as far. The mark is the best bid. The index is below or above it by a premium that
is drawn anew for every hour, around a level of the listing's own; so an hour's index is its mark moved by one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from tradewright.simulator.market.intervals import MINUTE_MS, bucket_end, bucket_start
from tradewright.simulator.market.model import Bar, PriceKind
from tradewright.simulator.market.price_bars import PREMIUM_STEP, premium_steps
from tradewright.simulator.market.synthetic.computed_candles import downwards, first_bucket, history_ms, upwards
from tradewright.simulator.market.synthetic.paths import Minute, Path, bid_at
from tradewright.simulator.market.synthetic.walk import chance

_LEVEL_RATIO: Final = 0.0002  # how far mark and index are apart in the mean, at most
_HOURLY_RATIO: Final = 0.00008
_HOURS_KEPT: Final = 256
_PREMIUMS_KEPT: Final = 64


class Prices(NamedTuple):
    """Open, high, low, close; ticks, or millionths of a premium."""

    open: int
    high: int
    low: int
    close: int


class ComputedPriceBars:
    """What mark and index of one listing are and have been."""

    def __init__(self, path: Path, *, tick_size: Decimal, seed: int, name: str, base_ticks: int, level: float) -> None:
        """`level` is from -1 to 1: on which side of the index the mark usually is, and how far."""
        self._path = path
        self._tick_size = tick_size
        self._seed = seed
        self._name = name
        self._base_ticks = base_ticks
        self._level = level
        self.index_offset = lru_cache(maxsize=_PREMIUMS_KEPT)(self._make_offset)
        self._hour = lru_cache(maxsize=_HOURS_KEPT)(self._make_hour)

    def bars(
        self,
        kind: PriceKind,
        interval: str,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
        now_ms: int,
    ) -> list[Bar]:
        """See `Market.price_bars`."""
        if start_ms is not None and start_ms > now_ms:
            return []
        oldest_first = start_ms is not None and end_ms is None
        first = first_bucket(interval, max(history_ms(interval, now_ms), start_ms or 0))
        last = bucket_start(interval, now_ms if end_ms is None else min(now_ms, end_ms))
        found: list[Bar] = []
        for start in upwards(interval, first, last) if oldest_first else downwards(interval, last, first):
            if len(found) >= limit:
                break
            found.append(self._bar(kind, start, min(bucket_end(interval, start) - 1, now_ms)))
        return found[::-1] if oldest_first else found

    def _bar(self, kind: PriceKind, start_ms: int, to_ms: int) -> Bar:
        prices = _joined(self._pieces(kind, start_ms // MINUTE_MS, to_ms))
        unit = PREMIUM_STEP if kind == "premium" else self._tick_size
        return Bar(
            start_ms=start_ms,
            open=prices.open * unit,
            high=prices.high * unit,
            low=prices.low * unit,
            close=prices.close * unit,
        )

    def _pieces(self, kind: PriceKind, minute: int, to_ms: int) -> Iterator[Prices]:
        over = (to_ms + 1) // MINUTE_MS  # minutes before this one are complete
        while minute < over:
            if minute % 60 == 0 and over - minute >= 60:
                yield self._as(kind, minute // 60, self._hour(minute // 60))
                minute += 60
            else:
                yield self._as(kind, minute // 60, minute_prices(self._path.minute(minute)))
                minute += 1
        second = (to_ms - minute * MINUTE_MS) // 1000
        if second >= 0:
            yield self._as(kind, minute // 60, begun_prices(self._path.minute(minute), second))

    def _as(self, kind: PriceKind, hour: int, mark: Prices) -> Prices:
        if kind == "mark":
            return mark
        offset = self.index_offset(hour)
        if kind == "index":
            return Prices(*(price + offset for price in mark))
        low, high = sorted((premium_steps(mark.high, mark.high + offset), premium_steps(mark.low, mark.low + offset)))
        first, last = (premium_steps(price, price + offset) for price in (mark.open, mark.close))
        return Prices(first, high, low, last)

    def _make_hour(self, hour: int) -> Prices:
        return _joined(minute_prices(self._path.minute(hour * 60 + place)) for place in range(60))

    def _make_offset(self, hour: int) -> int:
        """Index minus mark in an hour since the epoch (ticks)."""
        drawn = chance(self._seed, self._name, "premium", hour).gauss(0.0, _HOURLY_RATIO)
        return round((self._level * _LEVEL_RATIO + drawn) * self._base_ticks)


def minute_prices(minute: Minute) -> Prices:
    """The bid of a whole minute: its trades turn where it turns."""
    high, low = max(minute.start, minute.end) + minute.up, min(minute.start, minute.end) - minute.down
    return Prices(minute.start, high, low, minute.end)


def begun_prices(minute: Minute, second: int) -> Prices:
    """The bid from the beginning of a minute up to and including one of its seconds."""
    trades = minute.trades()
    now = bid_at(minute, trades, second)
    seen = [minute.start, *(trade.bid for trade in trades if trade.second <= second), now]
    return Prices(minute.start, max(seen), min(seen), now)


def _joined(parts: Iterable[Prices]) -> Prices:
    known = list(parts)
    return Prices(
        known[0].open,
        max(part.high for part in known),
        min(part.low for part in known),
        known[-1].close,
    )
