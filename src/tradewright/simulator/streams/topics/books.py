"""Order books: `orderbook.{depth}`, `orderbook.rpi` and `orderbook.full`.

Lives here: which levels changed, and the counting of messages. Not here: the books (`market`).
A level is only ever deleted if it was told before: a client that deletes an unknown one breaks. One that falls out of
the depth is deleted too (Bybit does not document it). A contract that is not launched yet has a silent book.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.model import InstrumentSpec, MarketBook, MarketEvent
from tradewright.simulator.rows.told_books import ToldBook
from tradewright.simulator.streams.topics.topic import NEVER_MS, QUIET_MS, Sources
from tradewright.simulator.texts import recorded_text

DEPTHS: Final = (1, 50, 200, 1000)
OPTION_DEPTHS: Final = (25, 100)
RPI_DEPTH: Final = 50
FULL_DEPTH: Final = 10_000
# Wall time between deltas; the shallow ones go with every tick of the exchange, which is slower than Bybit's pace.
SLOW_MS: Final = {"100": 100, "200": 100, "1000": 200, "rpi": 100, "full": 200}
REPEAT_BEST_MS: Final = 3_000  # orderbook.1 repeats itself when nothing changes

Side = dict[Decimal, Decimal]  # price to size


class BookTopic:
    """`orderbook.{depth}`: a snapshot, then the levels that changed."""

    depth: int

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec, depth: str) -> None:
        self._topic, self._market, self._spec = topic, sources.market, spec
        self.hears = spec.listing
        self.depth = {"rpi": RPI_DEPTH, "full": FULL_DEPTH}.get(depth) or int(depth)
        self._pace_ms = SLOW_MS.get(depth, 0)
        self._silent = spec.status == "PreLaunch"
        self.wakes_ms = NEVER_MS if self._silent else 0
        self._told_ms = 0
        self._told = ToldBook(self._market.book(spec.listing))
        self._seen = self._told.book.update_id
        self._bids, self._asks = self._sides(self._told.book)
        sources.told.remember(depth, spec.listing, self._told)

    def snapshot(self) -> Frame | None:
        if self._silent:
            return None
        return self._frame("snapshot", list(self._bids.items()), list(self._asks.items()))

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        if self._silent:
            return []
        self._told_ms = self._told_ms or now_ms  # the first subscriber has just been told
        if now_ms - self._told_ms < self._pace_ms:
            self.wakes_ms = self._told_ms + self._pace_ms
            return []
        self.wakes_ms = now_ms + QUIET_MS
        book = self._market.book(self._spec.listing)
        if book.update_id == self._seen:
            return self._unchanged(now_ms)
        self._seen = book.update_id
        bids, asks = self._sides(book)
        changed_bids, changed_asks = _changes(self._bids, bids), _changes(self._asks, asks)
        self._bids, self._asks = bids, asks
        if not (changed_bids or changed_asks):
            return self._unchanged(now_ms)
        self._told.tell(book)
        self._told_ms = now_ms
        return [self._changed(changed_bids, changed_asks)]

    def _changed(self, bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]]) -> Frame:
        return self._frame("delta", bids, asks)

    def _unchanged(self, now_ms: int) -> list[Frame]:
        return []

    def _sides(self, book: MarketBook) -> tuple[Side, Side]:
        return dict(book.bids[: self.depth]), dict(book.asks[: self.depth])

    def _row(self, price: Decimal, size: Decimal) -> list[str]:
        """A level as it is told; a size of zero deletes it."""
        spec = self._spec
        return [recorded_text(price, spec.tick_size), recorded_text(size, spec.qty_step) if size else "0"]

    def _frame(
        self, kind: str, bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]]
    ) -> Frame:
        book = self._told.book
        return {
            "topic": self._topic,
            "type": kind,
            "ts": self._market.now_ms,
            "data": {
                "s": self._spec.symbol,
                "b": [self._row(price, size) for price, size in bids],
                "a": [self._row(price, size) for price, size in asks],
                "u": self._told.update,
                "seq": book.seq,
            },
            "cts": book.time_ms,
        }


class BestTopic(BookTopic):
    """`orderbook.1`: snapshots only, and an unchanged one again, with the number it had, after three seconds."""

    def _changed(self, bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]]) -> Frame:
        return self._frame("snapshot", list(self._bids.items()), list(self._asks.items()))

    def _unchanged(self, now_ms: int) -> list[Frame]:
        if now_ms - self._told_ms < REPEAT_BEST_MS:
            return []
        self._told_ms = now_ms
        return [self._changed([], [])]


class RpiTopic(BookTopic):
    """`orderbook.rpi`: rows of three, the last the size of retail orders, of which there are none here."""

    def _row(self, price: Decimal, size: Decimal) -> list[str]:
        return [*super()._row(price, size), "0"]


class FullTopic(BookTopic):
    """`orderbook.full`: changes only. A client starts from REST's full_orderbook, which has the number told last."""

    def snapshot(self) -> None:
        return None


def book_topic(topic: str, sources: Sources, spec: InstrumentSpec, depth: str) -> BookTopic | None:
    """The topic of a depth, or None if the category has no such depth."""
    depths = OPTION_DEPTHS if spec.is_option else DEPTHS
    if depth in map(str, depths):
        return (BestTopic if depth == "1" else BookTopic)(topic, sources, spec, depth)
    if spec.is_option:
        return None
    kinds = {"rpi": RpiTopic, "full": FullTopic}
    return kinds[depth](topic, sources, spec, depth) if depth in kinds else None


def _changes(before: Side, after: Side) -> list[tuple[Decimal, Decimal]]:
    """Levels to set, and levels to delete (size 0)."""
    changed = [(price, size) for price, size in after.items() if before.get(price) != size]
    return changed + [(price, Decimal(0)) for price in before if price not in after]
