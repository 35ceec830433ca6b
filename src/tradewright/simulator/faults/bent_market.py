"""The market as it is told under faults: listings that have jumped, and listings that are halted.

Lives here: `BentMarket`, a `Market` in front of another one. Not here: a jump's arithmetic (`bends`), when anything is
halted or jumps (`desk`).
A halted listing tells nothing and shows what it showed when the halt began; the market behind goes on, and after the
halt prices are where it has come to, with candles of what was never told. Jumps are part of the saved state, halts are
not: a restart ends every fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.faults.bends import Bend
from tradewright.simulator.market import Market, MarketClock, MarketStateError
from tradewright.simulator.market.intervals import INTERVALS, bucket_end
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    Listing,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)

TRADES: Final = 1_000  # as many as a market keeps
BENT: Final = "bent"  # beside the state of the market behind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Still:
    """What a listing shows while it is halted."""

    now_ms: int
    book: MarketBook
    last_price: Decimal
    mark_price: Decimal | None
    index_price: Decimal
    ticker: dict[str, str]
    live: dict[str, Kline]
    trades: list[MarketTrade]


class BentMarket:
    """See the module. Without a fault every question goes straight to the market behind, `inner`."""

    def __init__(self, inner: Market) -> None:
        self.inner = inner
        self.halted: frozenset[Listing] = frozenset()
        self._bends: dict[Listing, Bend] = {}
        self._still: dict[Listing, _Still] = {}
        # During a halt: what the market behind lists, and what is told of it.
        self._listed: tuple[tuple[InstrumentSpec, ...], tuple[InstrumentSpec, ...]] | None = None
        self._due: list[MarketEvent] = []  # of jumps, told with the next step

    def jump(self, listing: Listing, fraction: Decimal) -> None:
        """Move a listing's prices; the next `advance`, if only to now, tells it."""
        spec = next(spec for spec in self.inner.instruments if spec.listing == listing)
        newest = self.inner.trades(listing, 1)
        ticker = self.ticker(listing)
        last_price = self._moving_last(listing)
        high, low = (Decimal(ticker.get(name) or last_price) for name in ("highPrice24h", "lowPrice24h"))
        bend = self._bends.setdefault(listing, Bend(spec))
        self._due += bend.jump(
            fraction,
            now_ms=self.now_ms,
            book=self.inner.book(listing),
            last_price=self.inner.last_price(listing),
            newest=newest[0] if newest else None,
            day=(max(high, last_price), min(low, last_price)),
            live=self._live_of(self.inner, listing),
        )

    def halt(self, halted: frozenset[Listing]) -> None:
        """Halt these listings, and none but these."""
        for listing in halted - self.halted:
            self._still[listing] = self._snapshot(listing)
        for listing in self.halted - halted:
            del self._still[listing]
        self.halted = halted
        self._listed = None

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]:
        """A halted one has the status Closed. Bybit documents no status for a halt."""
        behind = self.inner.instruments
        if not self.halted:
            return behind
        if self._listed is None or self._listed[0] is not behind:
            told = (replace(spec, status="Closed") if spec.listing in self.halted else spec for spec in behind)
            self._listed = (behind, tuple(told))
        return self._listed[1]

    @property
    def clock(self) -> MarketClock:
        return self.inner.clock

    @property
    def now_ms(self) -> int:
        return self.inner.now_ms

    @property
    def ended(self) -> bool:
        return self.inner.ended

    @property
    def link_lost(self) -> bool:
        return self.inner.link_lost

    @property
    def notice(self) -> str:
        return self.inner.notice

    def advance(self, to_ms: int) -> list[MarketEvent]:
        happened = self.inner.advance(to_ms)
        if self._bends or self._still:
            happened = [self._told(event) for event in happened if event.symbol not in self._still]
        if self._due:
            due = [event for event in self._due if event.symbol not in self._still]
            self._due = []
            return [*due, *happened]
        return happened

    def book(self, symbol: str) -> MarketBook:
        if symbol in self._still:
            return self._still[symbol].book
        book = self.inner.book(symbol)
        bend = self._bends.get(symbol)
        return book if bend is None else bend.book(book)

    def last_price(self, symbol: str) -> Decimal:
        return self._still[symbol].last_price if symbol in self._still else self._moving_last(symbol)

    def mark_price(self, symbol: str) -> Decimal:
        if symbol in self._still and (still := self._still[symbol].mark_price) is not None:
            return still
        return self._bent(symbol, self.inner.mark_price(symbol))

    def index_price(self, symbol: str) -> Decimal:
        if symbol in self._still:
            return self._still[symbol].index_price
        return self._bent(symbol, self.inner.index_price(symbol))

    def funding_rate(self, symbol: str) -> Decimal:
        return self.inner.funding_rate(symbol)

    def next_funding_ms(self, symbol: str) -> int:
        return self.inner.next_funding_ms(symbol)

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        return self.inner.funding_history(symbol, start_ms, end_ms, limit)

    def ticker(self, symbol: str) -> dict[str, str]:
        if symbol in self._still:
            return dict(self._still[symbol].ticker)
        row, bend = self.inner.ticker(symbol), self._bends.get(symbol)
        return row if bend is None else bend.ticker(row, self.book(symbol), now_ms=self.now_ms)

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        still = self._still.get(symbol)
        if still is not None:
            end_ms = still.now_ms if end_ms is None else min(end_ms, still.now_ms)
        return self._candles(symbol, interval, self.inner.klines(symbol, interval, start_ms, end_ms, limit))

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        closed = self.inner.closed_klines(symbol, interval, after_ms)
        still = self._still.get(symbol)
        if still is not None:
            closed = [candle for candle in closed if candle.end_ms < still.now_ms]
        return self._candles(symbol, interval, closed)

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        if symbol in self._still:
            return self._still[symbol].live.get(interval)
        live, bend = self.inner.live_kline(symbol, interval), self._bends.get(symbol)
        return live if bend is None or live is None else bend.candle(interval, live)

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        if symbol in self._still:
            return self._still[symbol].trades[:limit]
        found, bend = self.inner.trades(symbol, limit), self._bends.get(symbol)
        return found if bend is None else bend.trades(found, limit)

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        bars, bend = self.inner.price_bars(kind, symbol, interval, start_ms, end_ms, limit), self._bends.get(symbol)
        if bend is None or kind == "premium":
            return bars
        return [bend.bar(bar, bucket_end(interval, bar.start_ms) - 1) for bar in bars]

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        return self.inner.open_interest(symbol, step_ms, start_ms, end_ms, limit)

    def settlement_price(self, symbol: str) -> Decimal | None:
        price, bend = self.inner.settlement_price(symbol), self._bends.get(symbol)
        return price if bend is None or price is None else bend.price(price)

    def state(self) -> dict[str, Any]:
        if not self._bends:
            return self.inner.state()
        return {**self.inner.state(), BENT: {listing: bend.state() for listing, bend in self._bends.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Market.restore`."""
        behind = {name: value for name, value in state.items() if name != BENT}
        specs = {spec.listing: spec for spec in self.inner.instruments}
        bends: dict[Listing, Bend] = {}
        try:
            for listing, saved in state.get(BENT, {}).items():
                bends[listing] = Bend(specs[listing])
                bends[listing].restore(saved)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise MarketStateError(f"the saved jumps of prices cannot be read ({error!r})") from None
        self.inner.restore(behind)
        self._bends = bends

    def _told(self, event: MarketEvent) -> MarketEvent:
        bend = self._bends.get(event.symbol)
        if bend is None:
            return event
        told = bend.event(event)
        if isinstance(told, MarketTrade):
            bend.note(told)
        return told

    def _bent(self, symbol: str, price: Decimal) -> Decimal:
        bend = self._bends.get(symbol)
        return price if bend is None else bend.price(price)

    def _moving_last(self, symbol: str) -> Decimal:
        return self._bent(symbol, self.inner.last_price(symbol))

    def _candles(self, symbol: str, interval: str, candles: Sequence[Kline]) -> list[Kline]:
        still, bend = self._still.get(symbol), self._bends.get(symbol)
        told = list(candles) if bend is None else [bend.candle(interval, candle) for candle in candles]
        if still is None:
            return told
        live = still.live.get(interval)
        cut = [live if live is not None and candle.start_ms == live.start_ms else candle for candle in told]
        return [candle for candle in cut if candle is live or candle.end_ms < still.now_ms]

    def _snapshot(self, listing: Listing) -> _Still:
        spot = listing.startswith("spot:")
        return _Still(
            now_ms=self.now_ms,
            book=self.book(listing),
            last_price=self.last_price(listing),
            mark_price=None if spot else self.mark_price(listing),
            index_price=self.index_price(listing),
            ticker=self.ticker(listing),
            live=self._live_of(self, listing),
            trades=self.trades(listing, TRADES),
        )

    def _live_of(self, market: Market, listing: Listing) -> dict[str, Kline]:
        if listing.startswith("option:"):
            return {}  # options have no candles of trades
        found = ((interval, market.live_kline(listing, interval)) for interval in INTERVALS)
        return {interval: candle for interval, candle in found if candle is not None}
