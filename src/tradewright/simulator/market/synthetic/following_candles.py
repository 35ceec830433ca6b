"""Candles of a listing that follows another one, derived from its leader's.

Lives here: `FollowingCandles`, and `DatedCandles` for those whose basis changes by the hour and that end.
Not here: the numbers (`following_terms`), candles of mark and index (`following_contract`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final, NamedTuple, Protocol, TypeVar

from tradewright.simulator.market.bars import merge
from tradewright.simulator.market.candles import CLOSED_KLINES_MAX, Window
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS, MINUTE_MS, bucket_end, bucket_start, fixed_length_ms
from tradewright.simulator.market.model import Kline
from tradewright.simulator.market.synthetic.following_terms import Terms
from tradewright.simulator.market.synthetic.listed import Candles

_HOURS_OF_MONTH: Final = 31 * 24


class FollowingCandles:
    """See `Candles`."""

    def __init__(self, leaders: Candles, terms: Terms) -> None:
        self._leaders = leaders
        self._terms = terms

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
        rows = self._leaders.klines(interval, start_ms, end_ms, limit, now_ms)
        return [self._terms.kline(row) for row in rows]

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]:
        return [self._terms.kline(row) for row in self._leaders.closed_klines(interval, after_ms, now_ms)]

    def live_kline(self, interval: str, now_ms: int) -> Kline | None:
        row = self._leaders.live_kline(interval, now_ms)
        return self._terms.kline(row) if row is not None else None

    def day(self, now_ms: int) -> Window | None:
        window = self._leaders.day(now_ms)
        if window is None:
            return None
        return Window(
            open=self._terms.price(window.open, now_ms),
            high=self._terms.price(window.high, now_ms),
            low=self._terms.price(window.low, now_ms),
            volume=self._terms.volume(window.volume),
            turnover=self._terms.turnover(window.turnover, window.volume, now_ms),
        )

    def price_at(self, ms: int) -> Decimal | None:
        price = self._leaders.price_at(ms)
        return self._terms.price(price, ms) if price is not None else None


class DatedCandles:
    """See `Candles`. What is longer than an hour is added up from hours, each with the basis of its own."""

    def __init__(self, leaders: Candles, terms: Terms, *, begin_ms: int, end_ms: int) -> None:
        """Nothing begins before `begin_ms`, nor at or after `end_ms`; both are full hours."""
        self._leaders = leaders
        self._terms = terms
        self._begin_ms = begin_ms
        self._end_ms = end_ms

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
        oldest_first = start_ms is not None and end_ms is None
        if not oldest_first and now_ms >= self._end_ms:
            end_ms = self._end_ms - 1 if end_ms is None else min(end_ms, self._end_ms - 1)
        piece = Piece.of(interval, start_ms, end_ms, limit)
        rows = self._leaders.klines(piece.interval, piece.start_ms, piece.end_ms, piece.limit, now_ms)
        own = [self._terms.kline(row) for row in rows if self._begin_ms <= row.start_ms < self._end_ms]
        if piece.interval == interval:
            return own
        found = [merge(interval, group, now_ms) for group in in_candles(interval, own)]
        return (found[:limit] if oldest_first else found[-limit:])[::-1] if limit > 0 else []

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]:
        if not is_long(interval):
            rows = self._leaders.closed_klines(interval, after_ms, now_ms)
            return [self._terms.kline(row) for row in rows if row.start_ms < self._end_ms]
        newest_first = self.klines(interval, after_ms + 1, None, CLOSED_KLINES_MAX, now_ms)
        return [row for row in newest_first[::-1] if row.confirm]

    def live_kline(self, interval: str, now_ms: int) -> Kline | None:
        if now_ms >= self._end_ms:
            return None
        if not is_long(interval):
            row = self._leaders.live_kline(interval, now_ms)
            return None if row is None else self._terms.kline(row)
        return next(iter(self.klines(interval, bucket_start(interval, now_ms), now_ms, 1, now_ms)), None)

    def day(self, now_ms: int) -> Window | None:
        first_ms = -(-(now_ms - DAY_MS) // MINUTE_MS) * MINUTE_MS
        hour_ms = -(-first_ms // HOUR_MS) * HOUR_MS
        minutes = self.klines("1", first_ms, hour_ms - 1, 60, now_ms) if first_ms < hour_ms else []
        rows = [*self.klines("60", hour_ms, now_ms, 25, now_ms), *minutes]
        if not rows:
            return None
        return Window(
            open=rows[-1].open,
            high=max(row.high for row in rows),
            low=min(row.low for row in rows),
            volume=sum((row.volume for row in rows), Decimal(0)),
            turnover=sum((row.turnover for row in rows), Decimal(0)),
        )

    def price_at(self, ms: int) -> Decimal | None:
        price = self._leaders.price_at(ms) if ms < self._end_ms else None
        return None if price is None else self._terms.price(price, ms)


class Piece(NamedTuple):
    """What to ask a leader for, to make candles of pieces with one basis each."""

    interval: str
    start_ms: int | None
    end_ms: int | None
    limit: int

    @classmethod
    def of(cls, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> Piece:
        """Of at most `limit` candles that start in [`start_ms`, `end_ms`]."""
        if not is_long(interval):
            return cls(interval, start_ms, end_ms, limit)
        many = _HOURS_OF_MONTH if interval == "M" else fixed_length_ms(interval) // HOUR_MS
        return cls(
            "60",
            None if start_ms is None else _first_bucket(interval, start_ms),
            None if end_ms is None else bucket_end(interval, bucket_start(interval, end_ms)) - 1,
            (limit + 1) * many,
        )


class _Starting(Protocol):
    @property
    def start_ms(self) -> int: ...


Row = TypeVar("Row", bound=_Starting)


def is_long(interval: str) -> bool:
    """Whether a candle may span hours, each with a basis of its own."""
    return interval == "M" or fixed_length_ms(interval) > HOUR_MS


def in_candles(interval: str, newest_first: Sequence[Row]) -> Iterator[list[Row]]:
    """Pieces by the candle of `interval` that they belong to, oldest first."""
    for _, group in groupby(newest_first[::-1], lambda row: bucket_start(interval, row.start_ms)):
        yield list(group)


def _first_bucket(interval: str, ms: int) -> int:
    """Start of the first candle that starts at or after `ms`."""
    start = bucket_start(interval, ms)
    return start if start == ms else bucket_end(interval, start)
