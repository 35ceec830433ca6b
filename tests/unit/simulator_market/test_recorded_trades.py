"""Recorded trades and quotes played again are the file row for row: alone, together, after a stop."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tradewright.simulator.market import Market, MarketBook, decimal_text, step_end_ms
from unit.simulator_market.samples import (
    FUNDING,
    FUNDING_HEADER,
    MINUTE,
    ORDER_BOOK,
    QUARTERS,
    QUOTE_HEADER,
    QUOTES,
    SAMPLE,
    TRADE_HEADER,
    TRADES,
    aggregated,
    as_row,
    as_trade_row,
    books_of,
    file_rows,
    numbers,
    recording,
    replays,
    trades_of,
)

ROWS = [
    "60100,1,Buy,10.0,1",
    "60100,2,Buy,10.2,2",
    "119999,3,Sell,9.8,0.5",
    "240000,4,Sell,9.9,1",  # two minutes without a trade
    "250000,5,Buy,10.1,4",
]
QUOTED = ["60100,9.9,5,10.1,6", "100000,9.7,5,9.9,6", "245000,9.8,7,10.1,8", "300000,10.0,1,10.0,1"]


@pytest.fixture
def trades(tmp_path: Path) -> str:
    return recording(tmp_path, ROWS, header=TRADE_HEADER, name="trades.gz")


@pytest.fixture
def quotes(tmp_path: Path) -> str:
    return recording(tmp_path, QUOTED, header=QUOTE_HEADER, name="quotes.gz")


def test_trades_come_as_recorded_and_make_their_own_minutes(trades: str) -> None:
    market = replays(f"{trades}@spot:XYZUSDT", from_ms=60_100)

    happened = market.advance(250_000)

    assert [as_trade_row(trade) for trade in trades_of(happened, "spot:XYZUSDT")] == ROWS
    assert [as_trade_row(trade) for trade in market.trades("spot:XYZUSDT", 10)] == ROWS[::-1]
    klines = market.klines("spot:XYZUSDT", "1", None, None, 10)
    assert [(as_row(kline), kline.confirm) for kline in klines] == [
        ("240000,9.9,10.1,9.9,10.1,5,50.3", False),  # the recording ends inside: nobody knows how it closed
        ("60000,10.0,10.2,9.8,9.8,3.5,35.30", True),
    ]
    assert [as_row(kline) for kline in market.klines("spot:XYZUSDT", "5", None, None, 10)] == [
        "0,10.0,10.2,9.8,10.1,8.5,85.60"
    ]
    assert market.ended
    assert trades in market.notice


def test_without_a_book_both_sides_stand_at_the_last_trade(trades: str) -> None:
    market = replays(f"{trades}@spot:XYZUSDT", from_ms=60_100)

    books = books_of(market.advance(119_999), "spot:XYZUSDT")

    assert [(decimal_text(book.bids[0][0]), decimal_text(book.asks[0][0])) for book in books] == [
        ("10.0", "10.0"), ("10.2", "10.2"), ("9.8", "9.8"),
    ]  # fmt: skip
    assert market.book("spot:XYZUSDT") == books[-1]


def test_a_candle_is_confirmed_when_its_minute_is_over_and_not_before(trades: str) -> None:
    market = replays(f"{trades}@spot:XYZUSDT", from_ms=60_100)

    market.advance(119_999)
    assert market.closed_klines("spot:XYZUSDT", "1", 0) == []
    assert market.live_kline("spot:XYZUSDT", "1") is not None
    market.advance(120_000)

    assert [kline.start_ms for kline in market.closed_klines("spot:XYZUSDT", "1", 0)] == [60_000]
    assert market.live_kline("spot:XYZUSDT", "1") is None


def test_trades_and_quotes_of_one_symbol_come_in_the_order_of_their_moments(trades: str, quotes: str) -> None:
    market = replays(f"{trades}@spot:XYZUSDT", f"{quotes}@spot:XYZUSDT", from_ms=60_100)

    told = [
        (event.time_ms, "book" if isinstance(event, MarketBook) else event.trade_id) for event in market.advance(10**9)
    ]

    assert told == [
        # Until the quotes begin a trade makes its own book; of one moment, trades come first.
        (60_100, "1"), (60_100, "book"), (60_100, "2"), (60_100, "book"), (60_100, "book"),
        (100_000, "book"), (119_999, "3"), (240_000, "4"), (245_000, "book"), (250_000, "5"), (300_000, "book"),
    ]  # fmt: skip
    assert market.book("spot:XYZUSDT").bids == ((Decimal("10.0"), Decimal(1)),)
    assert market.last_price("spot:XYZUSDT") == Decimal("10.1")
    assert [as_trade_row(trade) for trade in market.trades("spot:XYZUSDT", 10)] == ROWS[::-1]


def test_after_the_last_quote_trades_make_their_own_book_again(tmp_path: Path, trades: str) -> None:
    quotes = recording(tmp_path, QUOTED[:2], header=QUOTE_HEADER, name="quotes.gz")
    market = replays(f"{trades}@spot:XYZUSDT", f"{quotes}@spot:XYZUSDT", from_ms=60_100)

    books = books_of(market.advance(119_998), "spot:XYZUSDT") + books_of(market.advance(10**9), "spot:XYZUSDT")

    told = [(book.time_ms, str(book.bids[0][0]), str(book.asks[0][0])) for book in books[-4:]]
    assert told == [
        (100_000, "9.7", "9.9"), (119_999, "9.8", "9.8"), (240_000, "9.9", "9.9"), (250_000, "10.1", "10.1"),
    ]  # fmt: skip
    assert [book.update_id for book in books] == list(range(2, 2 + len(books)))
    assert market.book("spot:XYZUSDT") == books[-1]


def test_quotes_alone_have_a_price_in_their_middle_and_no_candles(quotes: str) -> None:
    market = replays(f"{quotes}@spot:XYZUSDT", from_ms=60_100)

    happened = market.advance(100_000)

    assert [(str(book.bids[0][0]), str(book.asks[0][1])) for book in books_of(happened, "spot:XYZUSDT")] == [
        ("9.9", "6"), ("9.7", "6"),
    ]  # fmt: skip
    assert market.last_price("spot:XYZUSDT") == Decimal("9.8")
    assert market.klines("spot:XYZUSDT", "1", None, None, 10) == market.trades("spot:XYZUSDT", 10) == []
    assert market.ticker("spot:XYZUSDT")["highPrice24h"] == ""


def test_recorded_candles_beside_trades_are_what_the_trades_end_in(tmp_path: Path, trades: str) -> None:
    rows = ["0,9,9,9,9,7,", "60000,10.0,10.2,9.8,9.8,3.5,", "240000,9.9,10.1,9.9,10.1,99,"]
    candles = recording(tmp_path, rows, name="candles.gz")
    market = replays(f"{trades}@spot:XYZUSDT", f"{candles}@spot:XYZUSDT", from_ms=60_100)

    assert [kline.start_ms for kline in market.klines("spot:XYZUSDT", "1", None, None, 10)] == [0]
    assert [as_trade_row(trade) for trade in trades_of(market.advance(10**9), "spot:XYZUSDT")] == ROWS

    assert [kline.volume for kline in market.klines("spot:XYZUSDT", "1", None, None, 10)] == [99, Decimal("3.5"), 7]
    assert market.ended
    assert market.now_ms == 300_000  # the candle that the last trade is in is closed for good


def test_funding_is_due_as_recorded_and_none_is_invented(tmp_path: Path) -> None:
    rates = ["120000,0.0003", "300000,-0.002193", "480000,0.0001"]
    funding = recording(tmp_path, rates, header=FUNDING_HEADER, name="funding.gz")
    rows = [f"{minute * MINUTE},10,10,10,10,1,10" for minute in range(1, 12)]
    market = replays(f"{recording(tmp_path, rows)}@linear:BTCUSDT", f"{funding}@linear:BTCUSDT", from_ms=MINUTE)

    told = []
    for to_ms in (MINUTE, 119_999, 120_000, 300_000, 480_000):
        market.advance(to_ms)
        told.append((str(market.funding_rate("BTCUSDT")), market.next_funding_ms("BTCUSDT")))

    assert market.instruments[0].funding_interval_min == 3
    assert told == [
        ("0.0003", 120_000), ("0.0003", 120_000), ("-0.002193", 300_000), ("0.0001", 480_000), ("0", 540_000),
    ]  # fmt: skip


def test_symbols_of_both_categories_and_all_kinds_share_one_clock() -> None:
    market = replays(
        f"{TRADES}@spot:BTCUSDT", f"{QUOTES}@spot:BTCUSDT", f"{ORDER_BOOK}@linear:BTCUSDT", from_ms=1_709_510_401_000
    )

    happened = market.advance(1_709_510_406_000)

    assert {event.symbol for event in happened} == {"BTCUSDT", "spot:BTCUSDT"}
    assert [event.time_ms for event in happened] == sorted(event.time_ms for event in happened)


KINDS = {
    "minutes": [f"{SAMPLE}@linear:BTCUSDT"],
    "quarters and funding": [f"{QUARTERS}@linear:ETHUSDT", f"{FUNDING}@linear:ETHUSDT"],
    "trades": [f"{TRADES}@spot:BTCUSDT"],
    "quotes": [f"{QUOTES}@spot:BTCUSDT"],
    "archive": [f"{ORDER_BOOK}@linear:BTCUSDT"],
    "trades and quotes": [f"{TRADES}@linear:BTCUSDT", f"{QUOTES}@linear:BTCUSDT"],
    "trades and archive": [f"{TRADES}@linear:BTCUSDT", f"{ORDER_BOOK}@linear:BTCUSDT"],
}


@pytest.mark.parametrize("targets", KINDS.values(), ids=KINDS)
def test_a_stop_at_any_row_is_not_noticed(targets: list[str]) -> None:
    untouched, stopped = replays(*targets), replays(*targets)
    for _ in range(3):
        to_ms = stopped.moment_after(7)  # type: ignore[attr-defined]
        stopped.advance(to_ms)
        untouched.advance(to_ms)
        again = replays(*targets)

        again.restore(json.loads(json.dumps(stopped.state())))

        assert face(again) == face(untouched)
        stopped = again
    later_ms = untouched.now_ms + 40_000
    assert again.advance(later_ms) == untouched.advance(later_ms)
    assert face(again) == face(untouched)


@pytest.mark.parametrize("targets", KINDS.values(), ids=KINDS)
def test_counters_rise_without_a_gap_however_recordings_are_merged(targets: list[str]) -> None:
    market = replays(*targets, from_ms=replays(*targets).clock.first_ms)

    happened = market.advance(market.now_ms + 6_000_000)

    assert all(later.seq > earlier.seq for earlier, later in pairwise(happened))
    updates = [book.update_id for book in happened if isinstance(book, MarketBook)]
    assert updates == list(range(updates[0], updates[0] + len(updates)))
    assert updates[0] > 1


def test_the_trades_sample_is_played_row_for_row_and_its_candles_are_exact() -> None:
    rows = file_rows(TRADES)
    market = replays(f"{TRADES}@linear:BTCUSDT", from_ms=int(rows[0].split(",")[0]), speed=1.0)
    played = []
    while not market.ended:
        played += trades_of(market.advance(market.now_ms + 777), "BTCUSDT")

    assert [as_trade_row(trade) for trade in played] == rows
    for length_ms, interval in ((MINUTE, "1"), (3 * MINUTE, "3"), (5 * MINUTE, "5")):
        klines = market.klines("BTCUSDT", interval, None, None, 100)
        assert {kline.start_ms: numbers(kline) for kline in klines} == aggregated(played, length_ms)


def test_one_step_is_bounded_by_rows_however_far_it_shall_go() -> None:
    rows = file_rows(TRADES)
    market = replays(f"{TRADES}@linear:BTCUSDT", from_ms=int(rows[0].split(",")[0]))
    steps = []
    while not market.ended:
        to_ms = step_end_ms(market, 10**14)
        steps.append(len(trades_of(market.advance(to_ms), "BTCUSDT")))

    assert sum(steps) == len(rows)
    assert all(1_000 <= step < 1_010 for step in steps[:-1])  # a moment is never cut in two


def test_history_before_the_start_is_there_at_once() -> None:
    market = replays(f"{TRADES}@linear:BTCUSDT")
    rows = file_rows(TRADES)[: 1_500 if len(file_rows(TRADES)) > 1_500 else len(file_rows(TRADES)) // 2]

    assert [as_trade_row(trade) for trade in market.trades("BTCUSDT", 1_000)] == rows[:-1_001:-1]
    assert len(market.klines("BTCUSDT", "1", None, None, 100)) > 1


def face(market: Market) -> dict[str, Any]:
    """All that can be seen of a market."""
    return {
        spec.listing: (
            market.now_ms,
            market.ended,
            market.ticker(spec.listing),
            market.book(spec.listing),
            market.trades(spec.listing, 4),
            [market.klines(spec.listing, interval, None, None, 50) for interval in ("1", "15", "60")],
            [market.live_kline(spec.listing, interval) for interval in ("1", "15", "D")],
        )
        for spec in market.instruments
    }
