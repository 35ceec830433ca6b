"""Merged books equal a naive merge, and are never published with a gap or crossed."""

from __future__ import annotations

import random
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.book import BookBroken, BookMerger
from tradewright.exchange.bybit.values import Unreadable
from tradewright.exchange.bybit.wire import BookRow

BTC = InstrumentId("linear", "BTCUSDT")
Changes = list[tuple[str, str]]


def row(u: int, bids: Changes, asks: Changes) -> BookRow:
    return msgspec.convert({"s": "BTCUSDT", "b": bids, "a": asks, "u": u}, BookRow)


def test_update_id_one_is_a_snapshot_whatever_it_is_called() -> None:
    merger = BookMerger(BTC, 50)
    merger.apply("snapshot", row(700, [("10", "1")], [("11", "1")]), 1)
    book = merger.apply("delta", row(1, [("5", "1")], [("6", "1")]), 2)
    assert book is not None
    assert book.bids == ((Decimal(5), Decimal(1)),)


def test_repeated_snapshot_with_the_same_id_is_taken() -> None:
    merger = BookMerger(BTC, 1)
    for _ in range(2):
        assert merger.apply("snapshot", row(9, [("10", "1")], [("11", "1")]), 1) is not None


def test_levels_beyond_the_depth_are_cut_at_the_worse_end() -> None:
    merger = BookMerger(BTC, 2)
    merger.apply("snapshot", row(1, [("10", "1"), ("9", "1")], [("11", "1"), ("12", "1")]), 1)
    book = merger.apply("delta", row(2, [("9.5", "1")], [("10.5", "1")]), 2)
    assert book is not None
    assert [price for price, _ in book.bids] == [Decimal(10), Decimal("9.5")]
    assert [price for price, _ in book.asks] == [Decimal("10.5"), Decimal(11)]


@pytest.mark.parametrize("u", [5, 6, 8, 400])
def test_any_id_but_the_next_is_a_gap_and_then_only_a_snapshot_helps(u: int) -> None:
    merger = BookMerger(BTC, 50)
    merger.apply("snapshot", row(6, [("10", "1")], [("11", "1")]), 1)
    with pytest.raises(BookBroken, match="follows 6"):
        merger.apply("delta", row(u, [], []), 2)
    assert merger.apply("delta", row(7, [], []), 3) is None
    assert merger.apply("snapshot", row(8, [("10", "1")], [("11", "1")]), 4) is not None


@pytest.mark.parametrize("bid", ["11", "12"])
def test_crossed_or_locked_book_is_broken(bid: str) -> None:
    merger = BookMerger(BTC, 50)
    merger.apply("snapshot", row(6, [("10", "1")], [("11", "1")]), 1)
    with pytest.raises(BookBroken, match="crossed"):
        merger.apply("delta", row(7, [(bid, "1")], []), 2)
    assert merger.apply("delta", row(8, [(bid, "0")], []), 3) is None


@pytest.mark.parametrize(
    ("price", "size"),
    [("0", "1"), ("-1", "1"), ("NaN", "1"), ("1", "-1"), ("1", "1e24"), ("Infinity", "1"), ("1", "NaN"), ("sNaN", "1")],
)
def test_nonsense_is_unreadable_and_the_book_is_not_known_any_more(price: str, size: str) -> None:
    merger = BookMerger(BTC, 50)
    merger.apply("snapshot", row(6, [("10", "1")], [("11", "1")]), 1)
    with pytest.raises(Unreadable):
        merger.apply("delta", row(7, [(price, size)], []), 2)
    assert merger.apply("delta", row(8, [], []), 3) is None


bid_changes = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=8)
ask_changes = st.lists(st.tuples(st.integers(41, 80), st.integers(0, 3)), max_size=8)


@given(st.lists(st.tuples(bid_changes, ask_changes), min_size=1, max_size=12))
def test_merged_book_equals_a_naive_merge(messages: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]) -> None:
    merger = BookMerger(BTC, 1_000)
    naive: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for number, sides in enumerate(messages, start=1):
        texts = [[(str(price), str(size)) for price, size in side] for side in sides]
        book = merger.apply("snapshot" if number == 1 else "delta", row(number, *texts), number)
        for known, side in zip(naive, sides, strict=True):
            for price, size in side:
                known[price] = size
        bids, asks = ({p: s for p, s in known.items() if s} for known in naive)
        assert book is not None
        assert book.bids == tuple((Decimal(p), Decimal(bids[p])) for p in sorted(bids, reverse=True))
        assert book.asks == tuple((Decimal(p), Decimal(asks[p])) for p in sorted(asks))


class Venue:
    """The true book, and the messages that a client gets of it: one is lost, comes twice, or starts the count anew."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.update_id = 100
        self.bids = dict.fromkeys(range(30, 41), 1)
        self.asks = dict.fromkeys(range(42, 53), 1)
        self.states: dict[int, tuple[dict[int, int], dict[int, int]]] = {}

    def snapshot(self, kind: str = "snapshot") -> tuple[str, BookRow]:
        sides = [[(str(price), str(size)) for price, size in side.items()] for side in (self.bids, self.asks)]
        self._keep()
        return kind, row(self.update_id, *sides)

    def delta(self) -> tuple[str, BookRow]:
        self.update_id += 1
        changes: tuple[Changes, Changes] = ([], [])
        for side, changed, best in ((self.bids, changes[0], max(self.bids)), (self.asks, changes[1], min(self.asks))):
            for _ in range(self._rng.randrange(3)):
                price = best + self._rng.randrange(-6, 7)
                within = price <= 40 if side is self.bids else price >= 42
                size = self._rng.randrange(4) if within else 0
                if price <= 0 or (not size and len(side) == 1):
                    continue
                side[price] = size
                if not size:
                    del side[price]
                changed.append((str(price), str(size)))
        self._keep()
        return "delta", row(self.update_id, *changes)

    def restart(self) -> tuple[str, BookRow]:
        self.update_id = 1
        return self.snapshot(self._rng.choice(["snapshot", "delta"]))

    def _keep(self) -> None:
        self.states[self.update_id] = (dict(self.bids), dict(self.asks))


@pytest.mark.parametrize("seed", range(20))
def test_deltas_with_losses_repeats_restarts_and_crossings_publish_no_book_that_never_was(seed: int) -> None:
    """A true book is published or none: whoever lost a message waits for the next snapshot, which is asked for."""
    rng = random.Random(seed)
    venue, merger = Venue(rng), BookMerger(BTC, 1_000)
    is_asked, published, broken = True, 0, 0
    for at in range(400):
        what = rng.random()
        kind, message = venue.snapshot() if is_asked else venue.restart() if what < 0.01 else venue.delta()
        is_asked = False
        if 0.01 <= what < 0.05 and kind == "delta":
            continue  # lost
        if 0.05 <= what < 0.07:
            message = msgspec.structs.replace(message, b=[*message.b, (Decimal(45), Decimal(1))])  # it crosses
        for _ in range(2 if 0.07 <= what < 0.1 else 1):
            try:
                book = merger.apply(kind, message, at)
            except BookBroken:
                merger.forget()
                is_asked, broken = True, broken + 1
                continue
            if book is None:
                continue
            published += 1
            bids, asks = venue.states[book.update_id]
            assert book.bids == tuple((Decimal(price), Decimal(bids[price])) for price in sorted(bids, reverse=True))
            assert book.asks == tuple((Decimal(price), Decimal(asks[price])) for price in sorted(asks))
            assert book.bids[0][0] < book.asks[0][0]
    assert published > 200
    assert broken > 5
