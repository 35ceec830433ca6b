"""The market of an exact run: one contract whose price is played by hand, point by point.

Lives here: `PlayedMarket`, the simulated exchange's `Market`, and its one instrument. Not here: which points a bar has
(`path`), what orders make of them (the simulated exchange).

The book has one level on either side, as large as anybody may want and as far from the last price as an order at the
market slips. Between a bar's close and the next open nobody is on the other side: whoever sends a limit order there
rests. Mark and index price are the last price.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tradewright.core.money import rounded
from tradewright.simulator.market import (
    Bar,
    InstrumentSpec,
    Kline,
    Level,
    MarketBook,
    MarketClock,
    MarketEvent,
    MarketStateError,
    MarketTrade,
    PriceKind,
)

MOST: Final = Decimal(10) ** 12  # of a quantity, in base coin: nobody is to be bounded by it
SMALLEST: Final = Decimal("1e-18")  # what prices on the wire are told to
_FAR_MS: Final = 2**62


class PlayedMarket:
    """`slippage` is a fraction of the price. What is played is told by the next `advance`."""

    def __init__(self, spec: InstrumentSpec, price: Decimal, slippage: Decimal, now_ms: int) -> None:
        self.instruments: tuple[InstrumentSpec, ...] = (spec,)
        self.clock = MarketClock(wall_ms=now_ms, market_ms=now_ms, speed=1)
        self.clock.paused = True
        self.now_ms = now_ms
        self.ended = False
        self.link_lost = False
        self.notice = ""
        self._spec = spec
        self._slippage = slippage
        self._price = price
        self._seq = 1
        self._queue: list[MarketEvent] = []
        self._rates: list[tuple[int, Decimal]] = []
        self._trades: list[MarketTrade] = [self._trade(now_ms)]
        self._book = self._level_book(slippage, now_ms)

    def play(self, price: Decimal, at_ms: int, *, is_slipping: bool = True) -> None:
        """A trade at this price, at a moment to come, and the book around it."""
        self._price = price
        self._seq += 1
        self._trades = [self._trade(at_ms)]
        self._book = self._level_book(self._slippage if is_slipping else Decimal(0), at_ms)
        self._queue += [*self._trades, self._book]

    def leave(self) -> None:
        """Nobody is on the other side until the next price is played."""
        self._seq += 1
        self._book = self._made_book((), (), self.now_ms)

    def owe_funding(self, at_ms: int, rate: Decimal) -> None:
        """A rate that is due at a moment to come."""
        self._rates.append((at_ms, rate))

    @property
    def still_until_ms(self) -> int:
        """Nothing moves but by hand, so that no time has to be cut into seconds."""
        return _FAR_MS

    def advance(self, to_ms: int) -> list[MarketEvent]:
        if to_ms <= self.now_ms:
            return []
        self.now_ms = to_ms
        self.clock.start_from(to_ms)
        happened, self._queue = self._queue, []
        return happened

    def _trade(self, at_ms: int) -> MarketTrade:
        return MarketTrade(
            symbol=self._spec.listing,
            time_ms=at_ms,
            price=self._price,
            size=Decimal(1),
            side="Buy",
            trade_id=f"t{self._seq}",
            seq=self._seq,
        )

    def _level_book(self, slippage: Decimal, at_ms: int) -> MarketBook:
        bid, ask = (rounded(self._price * (1 + side * slippage), SMALLEST) for side in (-1, 1))
        return self._made_book(((bid, MOST),), ((ask, MOST),), at_ms)

    def _made_book(self, bids: tuple[Level, ...], asks: tuple[Level, ...], at_ms: int) -> MarketBook:
        return MarketBook(
            symbol=self._spec.listing,
            bids=bids,
            asks=asks,
            time_ms=at_ms,
            update_id=self._seq,
            seq=self._seq,
        )

    # What is asked of it. Every symbol is the one there is.

    def book(self, symbol: str) -> MarketBook:
        return self._book

    def last_price(self, symbol: str) -> Decimal:
        return self._price

    def mark_price(self, symbol: str) -> Decimal:
        return self._price

    def index_price(self, symbol: str) -> Decimal:
        return self._price

    def funding_rate(self, symbol: str) -> Decimal:
        return Decimal(0)

    def next_funding_ms(self, symbol: str) -> int:
        return next((at_ms for at_ms, _ in self._rates if at_ms > self.now_ms), 0)

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        last_ms = self.now_ms if end_ms is None else min(end_ms, self.now_ms)
        due = [(at_ms, rate) for at_ms, rate in self._rates if (start_ms or 0) <= at_ms <= last_ms]
        return due[::-1][:limit]

    def ticker(self, symbol: str) -> dict[str, str]:
        price = str(self._price)
        return {"symbol": self._spec.symbol, "lastPrice": price, "markPrice": price, "indexPrice": price}

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        return []

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        return []

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        return None

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        return self._trades[:limit]

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        return []

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        return []

    def settlement_price(self, symbol: str) -> Decimal | None:
        return None

    def state(self) -> dict[str, Any]:
        return {"now_ms": self.now_ms}

    def restore(self, state: Mapping[str, Any]) -> None:
        raise MarketStateError("an exact run is played from its beginning; there is nothing to go on from")
