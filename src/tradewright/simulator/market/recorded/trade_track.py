"""A recording of trades while it is played.

Lives here: the trades so far, the bar they are making, and the bars that are over. Not here: reading the file
(`trade_file`), what else is known of the symbol (`tape`), the clock (`replay`).
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from tradewright.simulator.market.bars import OpenBar, PlayedRows
from tradewright.simulator.market.intervals import bar_start
from tradewright.simulator.market.model import InstrumentSpec, Kline, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.market.recorded.candle_file import CandleFile
from tradewright.simulator.market.recorded.place import NEVER, TRADES_KEPT, Covered, Neighbour, OwnBooks, narrow_book
from tradewright.simulator.market.recorded.trade_file import TradeFile


class TradeTrack:
    """See `PriceTrack`. A place is a row. `bars` are what the trades add up to: their own minutes, or recorded ones."""

    def __init__(
        self, spec: InstrumentSpec, file: TradeFile, bars: CandleFile, *, covered: Covered, beside: Neighbour
    ) -> None:
        self.trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)
        self.bars = PlayedRows(bars, 0)
        self.base_ms = bars.base_ms
        self.needle = 0
        self._spec = spec
        self._file = file
        self._bar_file = bars
        self._open: OpenBar | None = None
        self._beside = beside
        self.own_books = OwnBooks.around(covered, self.place_at)

    @property
    def due_ms(self) -> int:
        return self._file.time_ms(self.needle) if self.needle < len(self._file) else NEVER

    @property
    def first_ms(self) -> int:
        return self._file.first_ms

    @property
    def last_price(self) -> Decimal:
        """Of the trade played last; before the first one, its price."""
        return self.trades[-1].price if self.trades else self._file.trade(0).price

    @property
    def book(self) -> MarketBook:
        return self._book(max(0, self.needle - 1), self.last_price)

    def put(self, due_ms: int, now_ms: int) -> None:
        self.needle = self.place_at(due_ms)
        self.trades.clear()
        self.trades.extend(self._trade(row) for row in range(max(0, self.needle - TRADES_KEPT), self.needle))
        self._open = None
        if self.needle:
            opened_ms = bar_start(self.base_ms, self._file.time_ms(self.needle - 1))
            for row in range(self._file.index_at(opened_ms), self.needle):
                self._add(self._trade(row))
        self.settle(now_ms)

    def play(self) -> list[MarketEvent]:
        row = self.needle
        self.needle += 1
        trade = self._trade(row)
        self.trades.append(trade)
        self._add(trade)
        return [trade, self._book(row, trade.price)] if self.own_books.has(row) else [trade]

    def settle(self, now_ms: int) -> None:
        self.bars.count = self._bar_file.index_at(now_ms - self.base_ms + 1)
        if self._open is not None and self._open.start_ms + self.base_ms <= now_ms:
            self._open = None

    def live(self) -> Kline | None:
        return None if self._open is None else self._open.kline(self.base_ms, confirm=False)

    def place_at(self, ms: int) -> int:
        return self._file.index_at(ms)

    def used_before(self, ms: int) -> int:
        return self._used(self.place_at(ms))

    def time_ahead(self, count: int) -> int:
        row = self.needle + count - 1
        return self._file.time_ms(row) if row < len(self._file) else NEVER

    def times_ahead(self, count: int) -> list[int]:
        return [self._file.time_ms(row) for row in range(self.needle, min(len(self._file), self.needle + count))]

    def _used(self, row: int) -> int:
        return row + self.own_books.before(row)

    def _add(self, trade: MarketTrade) -> None:
        start_ms = bar_start(self.base_ms, trade.time_ms)
        if self._open is not None and self._open.start_ms == start_ms:
            self._open.add(trade.price, trade.size)
        else:
            self._open = OpenBar(start_ms, trade.price, trade.size)

    def _trade(self, row: int) -> MarketTrade:
        recorded = self._file.trade(row)
        return MarketTrade(
            symbol=self._spec.listing,
            time_ms=recorded.time_ms,
            price=recorded.price,
            size=recorded.size,
            side=recorded.side,
            trade_id=recorded.trade_id,
            seq=self._used(row) + 1 + self._beside(recorded.time_ms),
        )

    def _book(self, row: int, price: Decimal) -> MarketBook:
        time_ms = self._file.time_ms(row)
        return narrow_book(
            self._spec,
            price,
            time_ms=time_ms,
            update_id=self.own_books.update_id(row),
            seq=self._used(row) + 2 + self._beside(time_ms),
        )
