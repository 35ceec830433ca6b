"""Where candles start and end, by the calendar."""

from __future__ import annotations

import pytest

from tradewright.simulator.market import parse_time, time_text
from tradewright.simulator.market.intervals import INTERVALS, adds_up, bucket_end, bucket_start


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("1", "2024-02-29T13:47:00Z", "2024-02-29T13:48:00Z"),
        ("15", "2024-02-29T13:45:00Z", "2024-02-29T14:00:00Z"),
        ("240", "2024-02-29T12:00:00Z", "2024-02-29T16:00:00Z"),
        ("720", "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"),
        ("D", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("W", "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"),
        ("M", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
    ],
)
def test_a_candle_contains_its_moment(interval: str, start: str, end: str) -> None:
    start_ms = bucket_start(interval, parse_time("2024-02-29T13:47:11.5Z"))

    assert time_text(start_ms) == start
    assert time_text(bucket_end(interval, start_ms)) == end


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_candle_that_starts_now_is_the_one_that_contains_now(interval: str) -> None:
    start_ms = bucket_start(interval, parse_time("2023-12-31T23:59:59Z"))

    assert bucket_start(interval, start_ms) == start_ms
    assert bucket_start(interval, bucket_end(interval, start_ms)) == bucket_end(interval, start_ms)


def test_an_unknown_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="interval is '7'; it must be one of 1 3 5 15"):
        bucket_start("7", 0)


def test_four_hour_bars_make_half_days_but_no_six_hours() -> None:
    assert adds_up(240 * 60_000, "720")
    assert adds_up(240 * 60_000, "M")
    assert not adds_up(240 * 60_000, "360")
    assert not adds_up(240 * 60_000, "1")
