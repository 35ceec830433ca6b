"""Candles of prices that nobody trades: mark, index, and the premium of one over the other.

Lives here: how they follow from traded candles where the market has one price only, and the moments of a history.
Not here: candles of trades (`candles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.intervals import bucket_start
from tradewright.simulator.market.model import Bar, Kline, PriceKind

PREMIUM_STEP: Final = Decimal("0.000001")
_PREMIUM_STEPS: Final = 1_000_000
_NO_PREMIUM: Final = Decimal(0)


def traded_bars(kind: PriceKind, rows: Iterable[Kline]) -> list[Bar]:
    """The candles of a market in which mark, index and last price are one; there is no premium then."""
    if kind == "premium":
        return [_flat(row.start_ms) for row in rows]
    return [Bar(start_ms=row.start_ms, open=row.open, high=row.high, low=row.low, close=row.close) for row in rows]


def moments(step_ms: int, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[int]:
    """Multiples of `step_ms` in [`start_ms`, `end_ms`] and not after `now_ms`, newest first, at most `limit`."""
    newest_ms = now_ms if end_ms is None else min(end_ms, now_ms)
    newest_ms -= newest_ms % step_ms
    oldest_ms = max(start_ms or 0, newest_ms - (limit - 1) * step_ms)
    return list(range(newest_ms, oldest_ms - 1, -step_ms))


def joined(interval: str, bars: Sequence[Bar]) -> Bar:
    """One candle of `interval` out of those in it (ascending, at least one)."""
    return Bar(
        start_ms=bucket_start(interval, bars[0].start_ms),
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
    )


def premium_steps(mark: int, index: int) -> int:
    """(mark - index) / index in millionths, rounded towards the nearest; both in ticks."""
    return ((mark - index) * _PREMIUM_STEPS * 2 + index) // (2 * index)


def _flat(start_ms: int) -> Bar:
    return Bar(start_ms=start_ms, open=_NO_PREMIUM, high=_NO_PREMIUM, low=_NO_PREMIUM, close=_NO_PREMIUM)
