"""A recording of books while it is played: quotes of one level, or the messages of an archive.

Lives here: the book of each place. Not here: reading the files (`quote_file`, `book_file`), the merge with trades
(`tape`). Update ids are counted by place, so that they have no gap where an archive began anew.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec, Level, MarketBook, MarketEvent
from tradewright.simulator.market.recorded.book_file import BookFile, Depth
from tradewright.simulator.market.recorded.place import FIRST_UPDATE, NEVER, Neighbour
from tradewright.simulator.market.recorded.quote_file import QuoteFile

DEPTH_MAX: Final = 500


class BookTrack:
    """See `Track`. A place is a row. `updates_before` books were made of prices before the first row."""

    def __init__(
        self, spec: InstrumentSpec, file: QuoteFile | BookFile, *, updates_before: int, beside: Neighbour
    ) -> None:
        self.needle = 0
        self._spec = spec
        self._file = file
        self._updates_before = updates_before
        self._beside = beside
        self._pages: Quotes | Messages = Quotes(file) if isinstance(file, QuoteFile) else Messages(file)

    @property
    def due_ms(self) -> int:
        return self._file.time_ms(self.needle) if self.needle < len(self._file) else NEVER

    @property
    def first_ms(self) -> int:
        return self._file.first_ms

    @property
    def book(self) -> MarketBook:
        row = max(0, self.needle - 1)
        time_ms = self._file.time_ms(row)
        bids, asks = self._pages.at(row)
        return MarketBook(
            symbol=self._spec.listing,
            bids=bids,
            asks=asks,
            time_ms=time_ms,
            update_id=self._updates_before + row + FIRST_UPDATE,
            seq=row + 1 + self._beside(time_ms + 1),  # of one moment, trades come before the book
        )

    def put(self, due_ms: int, now_ms: int) -> None:
        self.needle = self.place_at(due_ms)

    def play(self) -> list[MarketEvent]:
        self.needle += 1
        return [self.book]

    def place_at(self, ms: int) -> int:
        return self._file.index_at(ms)

    def used_before(self, ms: int) -> int:
        return self.place_at(ms)

    def time_ahead(self, count: int) -> int:
        row = self.needle + count - 1
        return self._file.time_ms(row) if row < len(self._file) else NEVER

    def times_ahead(self, count: int) -> list[int]:
        return [self._file.time_ms(row) for row in range(self.needle, min(len(self._file), self.needle + count))]


class Quotes:
    """Rows that are whole books by themselves."""

    def __init__(self, file: QuoteFile) -> None:
        self._file = file

    def at(self, row: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        bid, ask = self._file.quote(row)
        return (bid,), (ask,)


class Messages:
    """Messages that change the book before them; the newest book is kept, and going back begins at a snapshot."""

    def __init__(self, file: BookFile) -> None:
        self._file = file
        self._depth = Depth()
        self._applied = 0  # messages that `_depth` is made of, all since the last snapshot before it

    def at(self, row: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        if row + 1 < self._applied:
            self._applied = 0
        snapshot = self._file.snapshots[bisect_right(self._file.snapshots, row) - 1]
        for place in range(max(self._applied, snapshot), row + 1):
            self._depth.apply(self._file.message(place))
        self._applied = row + 1
        depth = min(self._file.depth, DEPTH_MAX)
        return self._depth.bids(depth), self._depth.asks(depth)
