"""A contract that is announced and not traded yet.

Lives here: `SilentContract`. Not here: which there are (`instruments`). It has a price at which it is expected, and
nothing else: no book, no trades, no candles, as Bybit's are silent before their first continuous trading.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tradewright.simulator.market.candles import Window
from tradewright.simulator.market.model import Bar, InstrumentSpec, Kline, MarketBook, MarketTrade, PriceKind

_NOTHING: Final = Decimal(0)
_EXPECTED_TICKS: Final = 10_000


class SilentContract:
    """See `Listed`."""

    def __init__(self, spec: InstrumentSpec) -> None:
        self.spec = spec
        self.candles = _NoCandles()
        self.last_price = _EXPECTED_TICKS * spec.tick_size
        self.book = MarketBook(symbol=spec.listing, bids=(), asks=(), time_ms=0, update_id=0, seq=0)

    def trades(self, limit: int) -> list[MarketTrade]:
        return []

    def mark_price(self) -> Decimal:
        return self.last_price

    def index_price(self) -> Decimal:
        return self.last_price

    def funding_rate(self, funding_ms: int) -> Decimal:
        return _NOTHING

    def open_interest(self, now_ms: int) -> Decimal:
        return _NOTHING

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        return []


class _NoCandles:
    """See `Candles`."""

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
        return []

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]:
        return []

    def live_kline(self, interval: str, now_ms: int) -> Kline | None:
        return None

    def day(self, now_ms: int) -> Window | None:
        return None

    def price_at(self, ms: int) -> Decimal | None:
        return None
