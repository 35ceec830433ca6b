"""Order books: a snapshot and then deltas, merged; a gap or a crossed book is never published.

Lives here: `BookMerger`. Not here: asking for a new snapshot (`public_stream`).
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.values import amount, price
from tradewright.exchange.bybit.wire import BookRow
from tradewright.exchange.ports import Book

Level = tuple[Decimal, Decimal]
SERVICE_RESTART = 1  # an update id of 1 starts the count anew: the message is a snapshot whatever it calls itself


class BookBroken(Exception):
    """The book is not known any more; a new snapshot is needed."""


class BookMerger:
    """One book of one subscription. Both sides are kept ascending by price; at most `depth` levels each."""

    def __init__(self, instrument: InstrumentId, depth: int) -> None:
        self._instrument = instrument
        self._depth = depth
        self._bids: list[Level] = []
        self._asks: list[Level] = []
        self._update_id: int | None = None

    def apply(self, kind: str, row: BookRow, at_ms: int) -> Book | None:
        """The book after one message; None for a delta while there is no snapshot.

        Raises `BookBroken` on a gap or a crossed book, and `Unreadable` for nonsense: after both there is no book.
        """
        update_id, self._update_id = self._update_id, None
        if kind == "snapshot" or row.u == SERVICE_RESTART:
            self._bids.clear()
            self._asks.clear()
        elif update_id is None:
            return None
        elif row.u != update_id + 1:
            raise BookBroken(f"update {row.u} follows {update_id}")
        _merge(self._bids, row.b)
        _merge(self._asks, row.a)
        del self._bids[: -self._depth]
        del self._asks[self._depth :]
        if self._bids and self._asks and self._bids[-1][0] >= self._asks[0][0]:
            raise BookBroken(f"crossed: bid {self._bids[-1][0]} is not below ask {self._asks[0][0]}")
        self._update_id = row.u
        return Book(
            instrument=self._instrument,
            depth=self._depth,
            bids=tuple(self._bids[::-1]),
            asks=tuple(self._asks),
            update_id=row.u,
            exchange_time_ms=at_ms,
        )


def _merge(side: list[Level], changes: list[tuple[str, str]]) -> None:
    for price_text, size_text in changes:
        level = (price(price_text, "price"), amount(size_text, "size"))
        at = bisect_left(side, level[:1])
        known = at < len(side) and side[at][0] == level[0]
        if known and level[1]:
            side[at] = level
        elif known:
            del side[at]
        elif level[1]:
            side.insert(at, level)
