"""A recording played again is the recording: row for row, by the path rule, with its holes, until its end."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tradewright.simulator.market import (
    Kline,
    Market,
    MarketBook,
    MarketTimeError,
    MarketTrade,
    decimal_text,
    parse_time,
    time_text,
)
from unit.simulator_market.samples import MINUTE, RECORDED, SAMPLE, as_row, file_rows, recording, replay

UP = "60000,10,14,8,12,1.0,11.0"  # closes above its open: low first
DOWN = "120000,12,13,7,9,2.0,20.0"  # closes below: high first
FLAT = "180000,9,9.5,8.5,9,0.4,3.6"  # closes where it opened: low first
LATER = "360000,9,10,9,10,0.8,7.7"  # two bars are missing before


@pytest.fixture
def short(tmp_path: Path) -> str:
    return recording(tmp_path, [UP, DOWN, FLAT, LATER])


def test_a_bar_goes_low_first_when_it_closed_up_and_high_first_when_it_closed_down(short: str) -> None:
    market = replay(short, from_ms=60_000)
    assert market.last_price("BTCUSDT") == 10

    events = market.advance(240_000)

    trades = [event for event in events if isinstance(event, MarketTrade)]
    path = [(trade.time_ms, decimal_text(trade.price)) for trade in trades]
    assert path == [
        (60_000, "10"), (75_000, "8"), (90_000, "14"), (105_000, "12"),
        (120_000, "12"), (135_000, "13"), (150_000, "7"), (165_000, "9"),
        (180_000, "9"), (195_000, "8.5"), (210_000, "9.5"), (225_000, "9"),
    ]  # fmt: skip


def test_each_point_is_a_trade_and_a_book_without_spread(short: str) -> None:
    market = replay(short, from_ms=60_000)

    events = market.advance(300_000)

    assert [type(event) for event in events] == [MarketTrade, MarketBook] * 12
    assert [event.seq for event in events] == list(range(1, 25))
    for trade, book in zip(events[::2], events[1::2], strict=True):
        assert isinstance(trade, MarketTrade)
        assert isinstance(book, MarketBook)
        assert tuple(book.bids) == tuple(book.asks) == ((trade.price, Decimal("1190.000")),)
        assert book.time_ms == trade.time_ms


def test_the_trades_of_a_bar_add_up_to_its_volume(short: str) -> None:
    market = replay(short, from_ms=60_000)

    trades = [event for event in market.advance(1_000_000) if isinstance(event, MarketTrade)]

    volumes: dict[int, Decimal] = {}
    for trade in trades:
        volumes[trade.time_ms // MINUTE * MINUTE] = (
            volumes.get(trade.time_ms // MINUTE * MINUTE, Decimal(0)) + trade.size
        )
    assert volumes == {
        60_000: Decimal("1.0"),
        120_000: Decimal("2.0"),
        180_000: Decimal("0.4"),
        360_000: Decimal("0.8"),
    }
    assert all(trade.size > 0 for trade in trades)
    assert len({trade.trade_id for trade in trades}) == len(trades)


def test_a_bar_without_volume_moves_the_book_without_trades(tmp_path: Path) -> None:
    market = replay(recording(tmp_path, ["60000,1,2,1,2,0,0", "120000,2,2,2,2,0,0"]), from_ms=60_000)

    events = market.advance(90_000)

    assert [decimal_text(event.bids[0][0]) for event in events if isinstance(event, MarketBook)] == ["1", "1", "2"]
    assert len(events) == 3


def test_the_open_candle_knows_only_what_has_been_played(short: str) -> None:
    market = replay(short, from_ms=60_000)
    shown = []
    for now_ms in (60_000, 80_000, 90_000, 119_999):
        market.advance(now_ms)
        live = market.live_kline("BTCUSDT", "1")
        assert live is not None
        assert not live.confirm
        shown.append(as_row(live))

    assert shown == [
        "60000,10,10,10,10,0.2,2.7",
        "60000,10,10,8,8,0.4,5.4",
        "60000,10,14,8,14,0.6,8.1",
        "60000,10,14,8,12,1.0,11.0",
    ]
    market.advance(120_000)
    assert as_row(market.klines("BTCUSDT", "1", None, 60_000, 1)[0]) == UP
    assert market.klines("BTCUSDT", "1", None, 60_000, 1)[0].confirm


def test_a_hole_in_the_recording_stays_a_hole(short: str) -> None:
    market = replay(short, from_ms=60_000)

    assert market.advance(239_999)
    assert market.live_kline("BTCUSDT", "1") is not None
    assert market.advance(240_000) == []
    assert market.live_kline("BTCUSDT", "1") is None
    assert market.last_price("BTCUSDT") == 9
    assert market.advance(359_999) == []
    market.advance(420_000)

    assert [as_row(kline) for kline in market.klines("BTCUSDT", "1", 0, None, 10)] == [LATER, FLAT, DOWN, UP]
    assert [kline.start_ms for kline in market.closed_klines("BTCUSDT", "1", 0)] == [60_000, 120_000, 180_000, 360_000]


def test_longer_candles_are_added_up_from_the_rows(short: str) -> None:
    market = replay(short, from_ms=60_000)
    market.advance(420_000)

    assert [as_row(kline) for kline in market.klines("BTCUSDT", "5", None, None, 10)] == [
        "300000,9,10,9,10,0.8,7.7",
        "0,10,14,7,9,3.4,34.6",
    ]
    assert [kline.confirm for kline in market.klines("BTCUSDT", "5", None, None, 10)] == [False, True]


def test_an_interval_that_the_bars_do_not_add_up_to_has_no_candles(tmp_path: Path) -> None:
    rows = [f"{n * 14_400_000},1,2,1,2,1,1" for n in range(1, 9)]
    market = replay(recording(tmp_path, rows))

    for interval in ("1", "60", "360"):
        assert market.klines("BTCUSDT", interval, None, None, 10) == []
        assert market.live_kline("BTCUSDT", interval) is None
    assert len(market.klines("BTCUSDT", "240", None, None, 10)) == 4
    assert len(market.klines("BTCUSDT", "720", None, None, 10)) == 2


def test_the_market_stands_still_at_the_end_and_says_so(short: str) -> None:
    market = replay(short, from_ms=60_000)
    assert not market.ended
    assert market.notice == ""

    market.advance(10_000_000)

    assert market.ended
    assert market.now_ms == market.clock.market_ms(10**15) == 420_000
    assert "rows.csv.gz (BTCUSDT) ended at 1970-01-01T00:07:00Z" in market.notice
    assert market.advance(20_000_000) == []
    assert market.last_price("BTCUSDT") == market.mark_price("BTCUSDT") == market.index_price("BTCUSDT") == 10
    assert market.book("BTCUSDT").bids[0][0] == 10
    assert as_row(market.klines("BTCUSDT", "1", None, None, 1)[0]) == LATER
    assert market.klines("BTCUSDT", "1", None, None, 1)[0].confirm


def test_playing_begins_after_1500_rows() -> None:
    rows = file_rows(SAMPLE)
    market = replay(SAMPLE)

    assert market.now_ms == int(rows[1500].split(",")[0])
    assert decimal_text(market.last_price("BTCUSDT")) == rows[1499].split(",")[4]
    assert as_row(market.klines("BTCUSDT", "1", None, None, 1)[0]) == rows[1499]
    assert as_row(market.klines("BTCUSDT", "1", 0, None, 1)[0]) == rows[0]
    assert len(market.trades("BTCUSDT", 10)) == 4  # of the last bar before


def test_playing_a_shorter_file_begins_in_its_middle(short: str) -> None:
    assert replay(short).now_ms == 180_000


def test_playing_begins_where_from_says() -> None:
    wanted_ms = parse_time("2024-03-02T00:00:00Z")

    market = replay(SAMPLE, from_ms=wanted_ms)

    assert market.now_ms == wanted_ms
    events = market.advance(wanted_ms)
    assert {event.time_ms for event in events} == {wanted_ms}


def test_from_inside_a_bar_or_a_hole_begins_with_the_next_row(short: str) -> None:
    assert replay(short, from_ms=60_001).now_ms == 120_000
    assert replay(short, from_ms=250_000).now_ms == 360_000
    assert replay(short, from_ms=360_001).now_ms == 360_000


@pytest.mark.parametrize("from_ms", [0, 59_999, 420_000, 10**13])
def test_from_outside_of_the_recording_is_refused_with_its_span(short: str, from_ms: int) -> None:
    with pytest.raises(MarketTimeError) as raised:
        replay(short, from_ms=from_ms)

    assert f"from is {time_text(from_ms)}, outside of {short}" in str(raised.value)
    assert "1970-01-01T00:01:00Z to 1970-01-01T00:06:00Z" in str(raised.value)


def test_a_price_finer_than_the_contracts_tick_makes_the_tick_finer(tmp_path: Path) -> None:
    coarse = replay(recording(tmp_path, ["60000,10.5,11,10,11,1,1", "120000,11,11,11,11,1,1"])).instruments[0]
    fine = replay(recording(tmp_path, ["60000,0.00141342,1,0.001,1,1,1", "120000,1,1,1,1,1,1"])).instruments[0]

    assert (coarse.tick_size, coarse.price_scale) == (Decimal("0.10"), 2)
    assert (fine.tick_size, fine.min_price, fine.price_scale) == (Decimal("1E-8"), Decimal("1E-8"), 8)
    assert fine.qty_step == coarse.qty_step


def test_only_the_recorded_symbol_exists(short: str) -> None:
    market = replay(short, symbol="ETHUSDT")

    assert [spec.symbol for spec in market.instruments] == ["ETHUSDT"]
    with pytest.raises(KeyError):
        market.book("BTCUSDT")


@pytest.mark.parametrize(
    "path",
    [
        SAMPLE,
        pytest.param(
            RECORDED, marks=pytest.mark.skipif(not RECORDED.exists(), reason="the recorded month is not here")
        ),
    ],
    ids=["sample", "recorded month"],
)
def test_history_and_played_candles_equal_the_file_row_for_row(path: Path) -> None:
    rows = file_rows(path)
    market = replay(path, speed=60)

    assert [as_row(kline) for kline in market.klines("BTCUSDT", "1", 0, market.now_ms - 1, 1000)[::-1]] == rows[
        500:1500
    ]
    assert _play(market, wall_step_ms=7_777) == rows[1500:]
    paged = [as_row(kline) for kline in _all_pages(market)]
    assert paged == rows


def _play(market: Market, *, wall_step_ms: int) -> list[str]:
    """Rows of every candle that closes from here to the end, as a stream would send them."""
    seen = market.now_ms - 1
    played: list[str] = []
    wall_ms = 0
    while not market.ended:
        wall_ms += wall_step_ms
        market.advance(market.clock.market_ms(wall_ms))
        for kline in market.closed_klines("BTCUSDT", "1", seen):
            played.append(as_row(kline))
            seen = kline.start_ms
    return played


def _all_pages(market: Market) -> list[Kline]:
    """All candles, oldest first, read from the newest back as clients do."""
    found: list[Kline] = []
    end_ms: int | None = None
    while page := market.klines("BTCUSDT", "1", None, end_ms, 1000):
        found += page
        end_ms = page[-1].start_ms - 1
    return found[::-1]
