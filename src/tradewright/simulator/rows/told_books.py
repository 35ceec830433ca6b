"""The books as the deep public streams told them last, so that REST speaks of the same update numbers.

Lives here: `ToldBook` and `ToldBooks`. Not here: who tells them (`streams.topics.books`), who asks (`rest.market`).
A topic counts its own messages, and Bybit's REST snapshots carry those numbers: a client that joins deltas to a
snapshot compares them. What nobody listens to is not told, and then the market's own number stands for it.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from tradewright.simulator.market.model import Listing, MarketBook

FIRST_UPDATE = 2  # 1 means to clients that the service was restarted


class ToldBook:
    """What the readers of one topic have by now: `update` is the number of its last message."""

    __slots__ = ("__weakref__", "book", "update")

    def __init__(self, book: MarketBook) -> None:
        self.book = book
        self.update = max(book.update_id, FIRST_UPDATE)

    def tell(self, book: MarketBook) -> None:
        self.book = book
        self.update += 1


class ToldBooks:
    """The told books of the topics that live. A topic keeps its own; with its last reader it is forgotten here."""

    def __init__(self) -> None:
        self._told: WeakValueDictionary[tuple[str, Listing], ToldBook] = WeakValueDictionary()

    def remember(self, depth: str, listing: Listing, told: ToldBook) -> None:
        self._told[depth, listing] = told

    def full(self, listing: Listing, book: MarketBook) -> tuple[MarketBook, int]:
        """What `orderbook.full` is built on, and its number: the book told last, `book` itself if nobody listens."""
        told = self._told.get(("full", listing))
        return (book, max(book.update_id, FIRST_UPDATE)) if told is None else (told.book, told.update)

    def update_of(self, listing: Listing, book: MarketBook) -> int:
        """The number that `orderbook.1000` had last by the moment of `book`."""
        told = self._told.get(("1000", listing))
        return max(book.update_id, FIRST_UPDATE) if told is None else told.update
