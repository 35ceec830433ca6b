"""Any well-formed recording, stepped in any way, is played as it is written."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.simulator.market import MarketTrade
from unit.simulator_market.samples import as_row, recording, replay

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
