"""Merged books equal a naive merge, and are never published with a gap or crossed."""

from __future__ import annotations

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
