"""Order books: a snapshot and then deltas, merged; a gap or a crossed book is never published.

Lives here: `BookMerger`. Not here: asking for a new snapshot (`public_stream`).
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.values import checked_amount, checked_price, sequence
from tradewright.exchange.bybit.wire import BookRow
from tradewright.exchange.ports import Book

Level = tuple[Decimal, Decimal]
SERVICE_RESTART = 1  # an update id of 1 starts the count anew: the message is a snapshot whatever it calls itself


class BookBroken(Exception):
    """The book is not known any more; a new snapshot is needed."""


class BookMerger:
    """One book of one subscription; at most `depth` levels a side."""

    def __init__(self, instrument: InstrumentId, depth: int) -> None:
        self._instrument = instrument
        self._depth = depth
        self._bids = _Side()
        self._asks = _Side()
        self._update_id: int | None = None

    def forget(self) -> None:
        """A message was lost: nothing is published until the next snapshot."""
        self._update_id = None

    def apply(self, kind: str, row: BookRow, at_ms: int) -> Book | None:
        """The book after one message; None for a delta while there is no snapshot.

        Raises `BookBroken` on a gap or a crossed book, and `Unreadable` for nonsense: after both there is no book.
        """
        update_id, self._update_id = self._update_id, None
        sequence(row.u, "u")
        bids, asks = self._bids, self._asks
        if kind == "snapshot" or row.u == SERVICE_RESTART:
            bids.clear()
            asks.clear()
        elif update_id is None:
            return None
        elif row.u != update_id + 1:
            raise BookBroken(f"update {row.u} follows {update_id}")
        bids.merge(row.b)
        asks.merge(row.a)
        if len(bids.prices) > self._depth:
            bids.cut(0, len(bids.prices) - self._depth)
        if len(asks.prices) > self._depth:
            asks.cut(self._depth, len(asks.prices))
        if bids.prices and asks.prices and bids.prices[-1] >= asks.prices[0]:
            raise BookBroken(f"crossed: bid {bids.prices[-1]} is not below ask {asks.prices[0]}")
        self._update_id = row.u
        return Book(
            instrument=self._instrument,
            depth=self._depth,
            bids=tuple(bids.levels[::-1]),
            asks=tuple(asks.levels),
            update_id=row.u,
            exchange_time_ms=at_ms,
        )


class _Side:
    """One side, ascending by price. `prices` repeats the levels' prices, so that bisecting compares bare decimals."""

    __slots__ = ("levels", "prices")

    def __init__(self) -> None:
        self.prices: list[Decimal] = []
        self.levels: list[Level] = []

    def clear(self) -> None:
        self.cut(0, len(self.prices))

    def cut(self, start: int, end: int) -> None:
        del self.prices[start:end]
        del self.levels[start:end]

    def merge(self, changes: list[Level]) -> None:
        prices, levels = self.prices, self.levels
        for raw_price, raw_size in changes:
            at_price, size = checked_price(raw_price, "price"), checked_amount(raw_size, "size")
            at = bisect_left(prices, at_price)
            known = at < len(prices) and prices[at] == at_price
            if known and size:
                levels[at] = (at_price, size)
            elif known:
                self.cut(at, at + 1)
            elif size:
                prices.insert(at, at_price)
                levels.insert(at, (at_price, size))
