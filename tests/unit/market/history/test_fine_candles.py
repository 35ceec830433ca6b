"""Candles inside candles: their spacing is found, and a bar has them all or none."""

from __future__ import annotations

import io

import pytest

from tradewright.market.history.faults import BadCandles
from tradewright.market.history.files import read_candles
from tradewright.market.history.fine import cover, read_fine_candles

HEADER = "open_time_ms,open,high,low,close,volume"


def bars(*seconds: int) -> io.BytesIO:
    return io.BytesIO("\n".join([HEADER, *(f"{second * 1_000},10,12,9,11,5" for second in seconds), ""]).encode())


def test_a_bar_has_all_its_fine_bars_or_none() -> None:
    candles = read_candles(bars(0, 180, 360, 540), "3m")
    fine = read_fine_candles(bars(60, 120, 180, 240, 300, 360, 480, 540, 600), "3m")
    first, inside = cover(candles, fine)
    assert inside == 3
    # The first bar lacks its first minute, the third its second, and the last its last.
    assert first.tolist() == [-1, 2, -1, -1]


def test_their_spacing_need_not_be_a_timeframe_of_a_strategy() -> None:
    fine = read_fine_candles(bars(*range(0, 120, 10)), "1m")
    first, inside = cover(read_candles(bars(0, 60), "1m"), fine)
    assert (fine.spacing_ms, inside, first.tolist()) == (10_000, 6, [0, 6])


def test_fine_bars_that_begin_beside_the_bars_cover_none() -> None:
    fine = read_fine_candles(bars(*range(15, 615, 30)), "3m")
    first, _ = cover(read_candles(bars(0, 180, 360), "3m"), fine)
    assert first.tolist() == [-1, -1, -1]


def test_no_fine_bars_at_all_is_a_fault() -> None:
    with pytest.raises(BadCandles) as caught:
        read_fine_candles(bars(), "1m")
    assert caught.value.code == "no_candles"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [((0, 120, 240), "wrong_timeframe"), ((0, 300, 600), "wrong_timeframe"), ((0, 60, 60, 120), "duplicate")],
)
def test_what_does_not_go_into_the_bar_or_is_out_of_order_is_refused(seconds: tuple[int, ...], code: str) -> None:
    with pytest.raises(BadCandles) as caught:
        read_fine_candles(bars(*seconds), "3m")
    assert caught.value.code == code
