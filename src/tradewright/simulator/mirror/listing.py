"""One mirrored listing: the newest that is known of its book, trades, candles and ticker.

Lives here: merging what the streams tell. Not here: the connection (`upstream`), the market's time (`market`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.market.intervals import bucket_start
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    Level,
    MarketBook,
    MarketTrade,
    PriceKind,
)
from tradewright.simulator.mirror.rows import number

TRADES_KEPT: Final = 1_000
BOOK_DEPTH: Final = 200  # a side, of the streams and of what is kept
CANDLES_KEPT: Final = 2_000
FUNDING_KEPT: Final = 1_000
PREMIUM_STEP: Final = Decimal("0.000001")


class MirroredListing:
    """`ready` once there is a book and a price: before that it is not listed."""

    def __init__(self, spec: InstrumentSpec, *, now_ms: int) -> None:
        self.spec = spec
        self.ticker: dict[str, str] = {}
        self.candles: dict[str, list[Kline]] = {}  # by interval, oldest first
        self.bars: dict[tuple[PriceKind, str], list[Bar]] = {}
        self.interest: dict[int, list[tuple[int, Decimal]]] = {}  # by step in ms, newest first
        self.funding: deque[tuple[int, Decimal]] = deque(maxlen=FUNDING_KEPT)  # newest first
        self.trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)  # oldest first
        self.last_ms = now_ms  # of the newest event: time never runs back
        self.seq = 1
        self.stream_update = 0  # `u` of the newest book frame
        self._trade_ids: set[str] = set()
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._update_id = 1
        self.book = self._made_book()

    @property
    def is_ready(self) -> bool:
        return bool(self.book.bids and self.book.asks and self.ticker.get("lastPrice"))

    @property
    def last_price(self) -> Decimal:
        return self.trades[-1].price if self.trades else Decimal(self.ticker["lastPrice"])

    def price(self, name: str) -> Decimal:
        """A price of the ticker, `markPrice` or `indexPrice`; the last one where there is none."""
        return number(self.ticker.get(name)) or number(self.ticker.get("usdIndexPrice")) or self.last_price

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def take_book(self, bids: Iterable[Level], asks: Iterable[Level], *, whole: bool, at_ms: int) -> MarketBook | None:
        """A snapshot (`whole`) or the levels that changed. None if the book is crossed meanwhile, which a snapshot and
        its first changes may be for a moment: such a book is nobody's to trade on.
        """
        if whole:
            self._bids, self._asks = {}, {}
        for side, levels in ((self._bids, bids), (self._asks, asks)):
            for price, size in levels:
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        if self._bids and self._asks and max(self._bids) >= min(self._asks):
            return None
        self._update_id += 1
        self.last_ms = max(self.last_ms, at_ms)
        self.book = self._made_book()
        return self.book

    def take_trade(self, trade: MarketTrade) -> bool:
        """Whether it is new: after a reconnect the same may come again."""
        if trade.trade_id in self._trade_ids:
            return False
        if len(self.trades) == TRADES_KEPT:
            self._trade_ids.discard(self.trades[0].trade_id)
        self._trade_ids.add(trade.trade_id)
        self.last_ms = max(self.last_ms, trade.time_ms)
        self.trades.append(trade)
        return True

    def take_ticker(self, fields: Mapping[str, Any], *, at_ms: int) -> None:
        """The fields that are told; the others stay. A funding time that has passed becomes history."""
        due, rate = self.ticker.get("nextFundingTime"), self.ticker.get("fundingRate")
        if due and rate and fields.get("nextFundingTime", due) not in (due, "", "0") and due != "0":
            self.take_funding(int(due), Decimal(rate))
        self.ticker |= {name: str(value) for name, value in fields.items() if name != "tickDirection"}
        self._take_bars(at_ms)

    def take_funding(self, at_ms: int, rate: Decimal) -> None:
        if not self.funding or at_ms > self.funding[0][0]:
            self.funding.appendleft((at_ms, rate))

    def take_candles(self, interval: str, rows: Iterable[Kline]) -> None:
        """Insert or replace by start."""
        kept = self.candles.setdefault(interval, [])
        for row in rows:
            place = bisect_left(kept, row.start_ms, key=lambda one: one.start_ms)
            if place < len(kept) and kept[place].start_ms == row.start_ms:
                if not kept[place].confirm:
                    kept[place] = row
            else:
                kept.insert(place, row)
        del kept[:-CANDLES_KEPT]

    def _take_bars(self, at_ms: int) -> None:
        """Let the candles of mark, index and premium grow by the ticker's prices, where there are any yet."""
        mark, index = number(self.ticker.get("markPrice")), number(self.ticker.get("indexPrice"))
        if not mark or not index:
            return
        prices: dict[PriceKind, Decimal] = {
            "mark": mark,
            "index": index,
            "premium": ((mark - index) / index).quantize(PREMIUM_STEP),
        }
        for (kind, interval), kept in self.bars.items():
            price, start_ms = prices[kind], bucket_start(interval, at_ms)
            if not kept or kept[-1].start_ms < start_ms:
                first = kept[-1].close if kept else price
                kept.append(Bar(start_ms=start_ms, open=first, high=price, low=price, close=price))
                del kept[:-CANDLES_KEPT]
            last = kept[-1]
            kept[-1] = replace(last, high=max(last.high, price), low=min(last.low, price), close=price)

    def close_candles(self, now_ms: int) -> None:
        """A candle whose time is over is closed, also when the stream that would have said so was down."""
        for kept in self.candles.values():
            for place in range(len(kept) - 1, -1, -1):
                if kept[place].confirm:
                    break
                if kept[place].end_ms < now_ms:
                    kept[place] = replace(kept[place], confirm=True)

    def _made_book(self) -> MarketBook:
        """Capped: whether upstream deletes what falls out of its window is not documented, and what it no longer tells
        must not stand here for ever.
        """
        self._bids = dict(sorted(self._bids.items(), reverse=True)[:BOOK_DEPTH])
        self._asks = dict(sorted(self._asks.items())[:BOOK_DEPTH])
        return MarketBook(
            symbol=self.spec.listing,
            bids=tuple(self._bids.items()),
            asks=tuple(self._asks.items()),
            time_ms=self.last_ms,
            update_id=self._update_id,
            seq=self.next_seq(),
        )
