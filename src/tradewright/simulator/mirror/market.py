"""The mirrored market behind the face of every other one.

Lives here: `MirrorMarket`: what happened upstream waits in line until the market's time comes to it. Not here: the
connections (`upstream`), one listing's state (`listing`).
Market time is wall time. While the link is down the market stands still at its last prices and says so; orders wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.errors import MarketStateError
from tradewright.simulator.market.intervals import INTERVALS, MINUTE_MS
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.mirror.listing import MirroredListing

CLOSED_MAX: Final = 1_000
Row = TypeVar("Row")


class MirrorMarket:
    """See `Market`. `link_lost_ms` is since when nothing comes from upstream (wall time), None while it does."""

    def __init__(self, listings: Sequence[MirroredListing], *, clock: MarketClock, now_ms: int) -> None:
        self.listings = {one.spec.listing: one for one in listings}
        self.link_lost_ms: int | None = None
        self._instruments = tuple(one.spec for one in listings)
        self._clock = clock
        self._now_ms = now_ms
        self._waiting: deque[MarketEvent] = deque()

    @property
    def instruments(self) -> tuple[InstrumentSpec, ...]:
        return self._instruments

    @property
    def clock(self) -> MarketClock:
        return self._clock

    @property
    def now_ms(self) -> int:
        return self._now_ms

    @property
    def ended(self) -> bool:
        return False

    @property
    def link_lost(self) -> bool:
        return self.link_lost_ms is not None

    @property
    def notice(self) -> str:
        if self.link_lost_ms is None:
            return ""
        return "The link to Bybit's public data is down; the market stands still at its last prices until it is back."

    def happened(self, event: MarketEvent) -> None:
        """Something was told upstream; the next `advance` brings it."""
        self._waiting.append(event)

    def advance(self, to_ms: int) -> list[MarketEvent]:
        """All that has come in meanwhile. What bears a later time than `to_ms` (the clocks differ a little) comes as
        well: it has happened.
        """
        if to_ms <= self._now_ms:
            return []
        self._now_ms = to_ms
        events = sorted(self._waiting, key=lambda event: event.time_ms)
        self._waiting.clear()
        for one in self.listings.values():
            one.close_candles(to_ms)
        return events

    def book(self, symbol: str) -> MarketBook:
        return self.listings[symbol].book

    def last_price(self, symbol: str) -> Decimal:
        return self.listings[symbol].last_price

    def mark_price(self, symbol: str) -> Decimal:
        return self.listings[symbol].price("markPrice")

    def index_price(self, symbol: str) -> Decimal:
        return self.listings[symbol].price("indexPrice")

    def funding_rate(self, symbol: str) -> Decimal:
        return Decimal(self.listings[symbol].ticker.get("fundingRate") or 0)

    def next_funding_ms(self, symbol: str) -> int:
        return int(self.listings[symbol].ticker.get("nextFundingTime") or 0)

    def funding_history(
        self, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        rows = self.listings[symbol].funding
        return [row for row in rows if _within(row[0], start_ms, end_ms, self._now_ms)][:limit]

    def ticker(self, symbol: str) -> dict[str, str]:
        """As upstream told it, with the best prices of the book that orders meet here."""
        one = self.listings[symbol]
        best: dict[str, str] = {}
        for name, levels in (("bid1", one.book.bids), ("ask1", one.book.asks)):
            if levels:
                best |= {f"{name}Price": format(levels[0][0], "f"), f"{name}Size": format(levels[0][1], "f")}
        return {**one.ticker, **best, "lastPrice": format(one.last_price, "f")}

    def klines(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Kline]:
        if interval not in INTERVALS:
            raise ValueError(f"interval is {interval!r}; it must be one of {' '.join(INTERVALS)}")
        rows = self.listings[symbol].candles.get(interval, [])
        return _page(
            [row for row in rows if _within(row.start_ms, start_ms, end_ms, self._now_ms)],
            limit,
            oldest=start_ms is not None and end_ms is None,
        )

    def closed_klines(self, symbol: str, interval: str, after_ms: int) -> list[Kline]:
        rows = self.listings[symbol].candles.get(interval, [])
        return [row for row in rows if row.confirm and row.start_ms > after_ms][:CLOSED_MAX]

    def live_kline(self, symbol: str, interval: str) -> Kline | None:
        rows = self.listings[symbol].candles.get(interval, [])
        return rows[-1] if rows and not rows[-1].confirm else None

    def trades(self, symbol: str, limit: int) -> list[MarketTrade]:
        kept = self.listings[symbol].trades
        return [kept[-place] for place in range(1, min(limit, len(kept)) + 1)]

    def price_bars(
        self, kind: PriceKind, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        """History as of the start, and what the ticker has told since; a few intervals only, see `upstream`."""
        rows = self.listings[symbol].bars.get((kind, interval), [])
        return _page(
            [row for row in rows if _within(row.start_ms, start_ms, end_ms, self._now_ms)],
            limit,
            oldest=start_ms is not None and end_ms is None,
        )

    def open_interest(
        self, symbol: str, step_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[tuple[int, Decimal]]:
        rows = self.listings[symbol].interest.get(step_ms, [])
        return [row for row in rows if _within(row[0], start_ms, end_ms, self._now_ms)][:limit]

    def settlement_price(self, symbol: str) -> Decimal | None:
        """The index price in the last half hour before delivery: the mean is upstream's secret until it is told."""
        delivery_ms = self.listings[symbol].spec.delivery_ms
        if not delivery_ms or self._now_ms < delivery_ms - 30 * MINUTE_MS:
            return None
        return self.index_price(symbol)

    def state(self) -> dict[str, Any]:
        return {"kind": "mirror", "market_ms": self._now_ms}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing is kept: what happened while the exchange was down was not seen, and orders did not meet it."""
        if state.get("kind") != "mirror":
            raise MarketStateError(
                f"the saved state is of a market of kind {state.get('kind')!r}, but the market asked for is 'mirror'; "
                "ask for the same market again or use another state directory"
            )


def _within(ms: int, start_ms: int | None, end_ms: int | None, now_ms: int) -> bool:
    return (start_ms is None or ms >= start_ms) and ms <= (now_ms if end_ms is None else min(end_ms, now_ms))


def _page(rows: list[Row], limit: int, *, oldest: bool) -> list[Row]:
    """Newest first: the oldest `limit` of them, or the newest."""
    part = rows[:limit] if oldest else rows[-limit:]
    return part[::-1]
