"""Any well-formed recording, stepped in any way, is played as it is written."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.simulator.market import MarketBook, MarketEvent, MarketTrade
from unit.simulator_market.samples import (
    QUOTE_HEADER,
    TRADE_HEADER,
    aggregated,
    as_row,
    as_trade_row,
    books_of,
    numbers,
    recording,
    replay,
    replays,
    trades_of,
)

BAR_MS = 60_000


@st.composite
def bars(draw: st.DrawFn) -> str:
    """The cells of a bar after its time: prices in hundredths, volume and turnover with up to six decimals."""
    low = draw(st.integers(min_value=1, max_value=10_000_000))
    high = low + draw(st.integers(min_value=0, max_value=100_000))
    first, close = (draw(st.integers(min_value=low, max_value=high)) for _ in range(2))
    volume, turnover = (draw(st.integers(min_value=0, max_value=10**12)) for _ in range(2))
    decimals = draw(st.integers(min_value=0, max_value=6))
    prices = (format(Decimal(price).scaleb(-2), "f") for price in (first, high, low, close))
    amounts = (format(Decimal(amount).scaleb(-decimals), "f") for amount in (volume, turnover))
    return ",".join([*prices, *amounts])


@st.composite
def recordings(draw: st.DrawFn) -> list[str]:
    """Rows with holes between them; the first two are neighbours, so that the bar's length can be told."""
    cells = draw(st.lists(bars(), min_size=2, max_size=12))
    holes = draw(st.lists(st.integers(min_value=0, max_value=3), min_size=len(cells), max_size=len(cells)))
    place = 1_000
    rows = []
    for number, (cell, hole) in enumerate(zip(cells, holes, strict=True)):
        place += 1 + (hole if number > 1 else 0)
        rows.append(f"{place * BAR_MS},{cell}")
    return rows


@settings(max_examples=40, deadline=None)
@given(
    rows=recordings(),
    steps=st.lists(st.integers(min_value=7_000, max_value=200_000), min_size=1, max_size=8),
    data=st.data(),
)
def test_the_played_candles_are_the_rows(rows: list[str], steps: list[int], data: st.DataObject) -> None:
    first_ms = int(data.draw(st.sampled_from(rows)).split(",")[0])
    with tempfile.TemporaryDirectory() as folder:
        market = replay(recording(Path(folder), rows), from_ms=first_ms)
    played: dict[int, Decimal] = {}
    now_ms = first_ms
    while not market.ended:
        for event in market.advance(now_ms):
            if isinstance(event, MarketTrade):
                bar = event.time_ms // BAR_MS * BAR_MS
                played[bar] = played.get(bar, Decimal(0)) + event.size
        live = market.live_kline("BTCUSDT", "1")
        if live is not None:
            row = next(row for row in rows if row.startswith(f"{live.start_ms},"))
            assert Decimal(row.split(",")[3]) <= live.low <= live.close <= live.high <= Decimal(row.split(",")[2])
            assert live.volume <= Decimal(row.split(",")[5])
        now_ms += steps[len(played) % len(steps)]

    assert [as_row(kline) for kline in market.klines("BTCUSDT", "1", None, None, 100)[::-1]] == rows
    for row in rows:
        open_ms, volume = int(row.split(",")[0]), Decimal(row.split(",")[5])
        assert played.get(open_ms, Decimal(0)) == (volume if open_ms >= first_ms else 0)


@settings(max_examples=40, deadline=None)
@given(rows=recordings(), cut_ms=st.integers(min_value=0, max_value=1_000_000))
def test_a_replay_may_be_stopped_and_restored_anywhere(rows: list[str], cut_ms: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = recording(Path(folder), rows)
        market, again = replay(path), replay(path)
    market.advance(market.now_ms + cut_ms)

    again.restore(market.state())

    assert again.ticker("BTCUSDT") == market.ticker("BTCUSDT")
    assert again.live_kline("BTCUSDT", "1") == market.live_kline("BTCUSDT", "1")
    assert again.klines("BTCUSDT", "3", None, None, 50) == market.klines("BTCUSDT", "3", None, None, 50)
    assert again.advance(10**12) == market.advance(10**12)


@st.composite
def ticks(draw: st.DrawFn, row: st.SearchStrategy[str]) -> list[str]:
    """Rows that ascend in time; several may share a moment, and minutes may pass between two."""
    gaps = st.sampled_from([0, 0, 1, 250, 20_000, 61_000, 200_000])
    now_ms = draw(st.integers(min_value=60_000, max_value=130_000))
    rows = []
    for cells in draw(st.lists(row, min_size=1, max_size=14)):
        now_ms += draw(gaps)
        rows.append(f"{now_ms},{cells}")
    return rows


def decimals(places: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(min_value=1, max_value=most).map(lambda value: format(Decimal(value).scaleb(-places), "f"))


trades = st.tuples(st.uuids().map(str), st.sampled_from(["Buy", "Sell"]), decimals(2, 10**7), decimals(6, 10**9)).map(
    ",".join
)


@st.composite
def quotes(draw: st.DrawFn) -> str:
    bid = draw(st.integers(min_value=1, max_value=10**6))
    ask = bid + draw(st.integers(min_value=0, max_value=50))
    prices = [format(Decimal(price).scaleb(-2), "f") for price in (bid, ask)]
    return ",".join([prices[0], draw(decimals(3, 10**6)), prices[1], draw(decimals(3, 10**6))])


@settings(max_examples=60, deadline=None)
@given(
    traded=ticks(trades),
    quoted=st.none() | ticks(quotes()),
    steps=st.lists(st.integers(min_value=1, max_value=90_000), min_size=1, max_size=6),
    cut=st.integers(min_value=0, max_value=12),
)
def test_trades_and_quotes_are_played_as_they_are_written_stopped_or_not(
    traded: list[str], quoted: list[str] | None, steps: list[int], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        targets = [f"{recording(Path(folder), traded, header=TRADE_HEADER, name='t')}@spot:XYZUSDT"]
        if quoted is not None:
            targets.append(f"{recording(Path(folder), quoted, header=QUOTE_HEADER, name='q')}@spot:XYZUSDT")
        first_ms = min(int(rows[0].split(",")[0]) for rows in (traded, quoted or traded))
        market, again = (replays(*targets, from_ms=first_ms) for _ in range(2))
    played: list[MarketEvent] = []
    turn = 0
    while not market.ended:
        if turn == cut:
            again.restore(market.state())
            market = again
        played += market.advance(market.now_ms + steps[turn % len(steps)] if turn else market.now_ms)
        turn += 1

    of_trades = trades_of(played, "spot:XYZUSDT")
    assert [as_trade_row(trade) for trade in of_trades] == traded
    written = {
        (int(time), Decimal(bid), Decimal(bid_size), Decimal(ask), Decimal(ask_size))
        for time, bid, bid_size, ask, ask_size in (row.split(",") for row in quoted or [])
    }
    wide = [book for book in books_of(played, "spot:XYZUSDT") if book.bids[0][1] < 10**6 or book.bids != book.asks]
    assert {(book.time_ms, *book.bids[0], *book.asks[0]) for book in wide} <= written
    assert sum(isinstance(event, MarketBook) for event in played) >= len(quoted or traded)
    updates = [event.update_id for event in played if isinstance(event, MarketBook)]
    assert updates == list(range(2, 2 + len(updates)))
    assert [event.seq for event in played] == sorted({event.seq for event in played})
    klines = market.klines("spot:XYZUSDT", "1", None, None, 100)
    assert {kline.start_ms: numbers(kline) for kline in klines} == aggregated(of_trades, BAR_MS)
