"""A market that does what the test says: one contract, one book, trades by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradewright.simulator.market import (
    BTCUSDT,
    InstrumentSpec,
    Kline,
    MarketBook,
    MarketClock,
    MarketEvent,
    MarketTrade,
)

START_MS = 1_700_000_000_000


def levels(*rows: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in rows)


class ScriptedMarket:
    """BTCUSDT around 60 000. `trade` and `quote` queue what the next `advance` brings."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.clock = MarketClock(wall_ms=START_MS, market_ms=START_MS, speed=1)
        self.ended = False
        self.notice = ""
        self.mark = Decimal("60000.00")
        self.last = Decimal("60000.00")
        self._seq = 1
        self._queue: list[MarketEvent] = []
        self._book = MarketBook(
            symbol="BTCUSDT",
            bids=levels(("59999.90", "1.000"), ("59999.00", "2.000"), ("59990.00", "5.000")),
            asks=levels(("60000.10", "1.000"), ("60001.00", "2.000"), ("60010.00", "5.000")),
            time_ms=START_MS,
            update_id=1,
            seq=1,
        )

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]:
        return (BTCUSDT,)

    def trade(self, price: str, size: str = "1.000") -> None:
        self._seq += 1
        self._queue.append(
            MarketTrade(
                symbol="BTCUSDT",
                time_ms=self.now_ms,
                price=Decimal(price),
                size=Decimal(size),
                side="Sell",
                trade_id=f"t{self._seq}",
                seq=self._seq,
            )
        )

    def quote(self, *, bid: str, ask: str, size: str = "10.000") -> None:
        self._seq += 1
        book = MarketBook(
            symbol="BTCUSDT",
            bids=levels((bid, size)),
            asks=levels((ask, size)),
            time_ms=self.now_ms,
            update_id=self._book.update_id + 1,
            seq=self._seq,
        )
        self._queue.append(book)

    def advance(self, to_ms: int) -> list[MarketEvent]:
        self.now_ms = max(self.now_ms, to_ms)
        happened, self._queue = self._queue, []
        for event in happened:
            if isinstance(event, MarketBook):
                self._book = event
            else:
                self.last = event.price
        return happened

    def book(self, symbol: str) -> MarketBook:
        return self._book

    def last_price(self, symbol: str) -> Decimal:
        return self.last

    def mark_price(self, symbol: str) -> Decimal:
        return self.mark

    def index_price(self, symbol: str) -> Decimal:
        return self.mark

    def funding_rate(self, symbol: str) -> Decimal:
        return Decimal("0.0001")

    def next_funding_ms(self, symbol: str) -> int:
        return START_MS + 28_800_000

    def ticker(self, symbol: str) -> dict[str, str]:
        return {"symbol": symbol, "lastPrice": str(self.last), "markPrice": str(self.mark), "basis": ""}

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        return []

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        return []

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        return None

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        return []

    def state(self) -> dict[str, Any]:
        return {"now_ms": self.now_ms}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.now_ms = state["now_ms"]
