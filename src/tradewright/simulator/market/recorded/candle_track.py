"""A recording of candles while it is played: which price it is at, and the candles so far.

Lives here: the path of prices inside a bar, and what is known at one place of it.
Not here: reading the file (`candle_file`), what else is known of the symbol (`tape`), the clock (`replay`).

The path of a bar is open, then low and high if it closed at or above its open (else high and low), then close; the
four points are spread evenly over the bar. A candle tells no more, and this order never flatters a strategy's stop.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from uuid import NAMESPACE_OID, uuid5

from tradewright.simulator.market.bars import PlayedRows
from tradewright.simulator.market.model import InstrumentSpec, Kline, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.market.recorded.candle_file import CandleFile
from tradewright.simulator.market.recorded.place import (
    NEVER,
    TRADES_KEPT,
    WIDE,
    Covered,
    Neighbour,
    OwnBooks,
    narrow_book,
)

POINTS = 4


class CandleTrack:
    """See `PriceTrack`. A place is a point: row times 4 plus its place in the bar."""

    def __init__(self, spec: InstrumentSpec, file: CandleFile, *, covered: Covered, beside: Neighbour) -> None:
        self.trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)
        self.bars = PlayedRows(file, 0)
        self.base_ms = file.base_ms
        self.needle = 0
        self._spec = spec
        self._file = file
        self._beside = beside
        self._row: tuple[int, Kline, tuple[Decimal, ...]] | None = None
        self.own_books = OwnBooks.around(covered, self.place_at)

    @property
    def due_ms(self) -> int:
        return self._time_ms(self.needle) if self.needle < len(self._file) * POINTS else NEVER

    @property
    def first_ms(self) -> int:
        return self._file.first_ms

    @property
    def last_price(self) -> Decimal:
        """The price of the point played last; before the first one, the open of the file."""
        return self._price(max(0, self.needle - 1))

    @property
    def book(self) -> MarketBook:
        return self._book(max(0, self.needle - 1))

    def put(self, due_ms: int, now_ms: int) -> None:
        self.needle = self.place_at(due_ms)
        self.trades.clear()
        for point in range(max(0, self.needle - POINTS), self.needle):
            self.trades.extend(trade for trade in [self._trade(point)] if trade is not None)
        self.settle(now_ms)

    def play(self) -> list[MarketEvent]:
        point = self.needle
        self.needle += 1
        events: list[MarketEvent] = []
        trade = self._trade(point)
        if trade is not None:
            self.trades.append(trade)
            events.append(trade)
        if self.own_books.has(point):
            events.append(self._book(point))
        return events

    def settle(self, now_ms: int) -> None:
        started = (self.needle + POINTS - 1) // POINTS
        over = started and self.needle % POINTS == 0 and now_ms >= self._file.time_ms(started - 1) + self.base_ms
        self.bars.count = started if over else max(0, started - 1)

    def live(self) -> Kline | None:
        """The bar in the making: what the points played so far have made of it."""
        row = self.bars.count
        shown = self.needle - row * POINTS
        if shown <= 0:
            return None
        whole, path = self._parsed(row)
        if shown == POINTS:
            return replace(whole, confirm=False)
        return replace(
            whole,
            high=max(path[:shown]),
            low=min(path[:shown]),
            close=path[shown - 1],
            volume=_share(whole.volume) * shown,
            turnover=_share(whole.turnover) * shown,
            confirm=False,
        )

    def place_at(self, ms: int) -> int:
        row = self._file.index_at(ms)
        point = max(0, row - 1) * POINTS
        while point < row * POINTS and self._time_ms(point) < ms:
            point += 1
        return point

    def used_before(self, ms: int) -> int:
        return self._used(self.place_at(ms))

    def time_ahead(self, count: int) -> int:
        point = self.needle + count - 1
        return self._time_ms(point) if point < len(self._file) * POINTS else NEVER

    def times_ahead(self, count: int) -> list[int]:
        last = min(len(self._file) * POINTS, self.needle + count)
        return [self._time_ms(point) for point in range(self.needle, last)]

    def _used(self, point: int) -> int:
        return point + self.own_books.before(point)

    def _time_ms(self, point: int) -> int:
        row, place = divmod(point, POINTS)
        return self._file.time_ms(row) + place * self.base_ms // POINTS

    def _price(self, point: int) -> Decimal:
        row, place = divmod(point, POINTS)
        return self._parsed(row)[1][place]

    def _parsed(self, row: int) -> tuple[Kline, tuple[Decimal, ...]]:
        """A row and its path; the last one asked for is kept, because it is asked for again and again."""
        if self._row is None or self._row[0] != row:
            bar = self._file.bar(row)
            turns = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
            self._row = (row, bar, (bar.open, *turns, bar.close))
        return self._row[1], self._row[2]

    def _trade(self, point: int) -> MarketTrade | None:
        """A quarter of the bar's volume at the point's price, the last one with what is left; None for nothing."""
        row, place = divmod(point, POINTS)
        before = self._price(point - 1) if point else None
        bar, path = self._parsed(row)
        quarter = _share(bar.volume)
        size = bar.volume - quarter * (POINTS - 1) if place == POINTS - 1 else quarter
        if size == 0:
            return None
        time_ms = self._time_ms(point)
        return MarketTrade(
            symbol=self._spec.listing,
            time_ms=time_ms,
            price=path[place],
            size=size,
            side="Sell" if before is not None and path[place] < before else "Buy",
            trade_id=str(uuid5(NAMESPACE_OID, f"{self._spec.listing}:{time_ms}")),
            seq=self._used(point) + 1 + self._beside(time_ms),
        )

    def _book(self, point: int) -> MarketBook:
        time_ms = self._time_ms(point)
        return narrow_book(
            self._spec,
            self._price(point),
            time_ms=time_ms,
            update_id=self.own_books.update_id(point),
            seq=self._used(point) + 2 + self._beside(time_ms),
        )


def _share(total: Decimal) -> Decimal:
    """A quarter, rounded down to the decimals of the total."""
    return WIDE.divide(total, Decimal(POINTS)).quantize(total, ROUND_DOWN, WIDE)
