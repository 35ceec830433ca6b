"""Market time follows wall time on a straight line; people write moments in two ways."""

from __future__ import annotations

import pytest

from tradewright.simulator.market import MarketClock, MarketSpecError, MarketTimeError, parse_time, time_text


def test_market_time_runs_at_the_given_speed() -> None:
    clock = MarketClock(wall_ms=1_000, market_ms=50_000, speed=60)

    assert clock.market_ms(1_000) == 50_000
    assert clock.market_ms(1_500) == 80_000


def test_market_time_stands_still_at_its_end() -> None:
    clock = MarketClock(wall_ms=0, market_ms=0, speed=60, end_ms=30_000)

    assert clock.market_ms(499) == 29_940
    assert clock.market_ms(10_000) == 30_000


def test_a_timer_set_by_the_clock_is_not_early() -> None:
    clock = MarketClock(wall_ms=10, market_ms=0, speed=3)

    assert clock.wall_ms(100) == 44
    assert clock.market_ms(43) < 100 <= clock.market_ms(44)


def test_a_restored_market_goes_on_from_its_own_time() -> None:
    clock = MarketClock(wall_ms=1_000, market_ms=0, speed=2)

    clock.start_from(90_000)

    assert clock.start_ms == 90_000
    assert clock.market_ms(1_001) == 90_002


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan"), 100_001.0])
def test_a_speed_that_makes_no_sense_is_refused(speed: float) -> None:
    with pytest.raises(MarketSpecError, match="above 0 and at most 100000"):
        MarketClock(wall_ms=0, market_ms=0, speed=speed)


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("1642248000000", 1_642_248_000_000),
        ("2022-01-15T12:00:00Z", 1_642_248_000_000),
        ("2022-01-15T13:00:00+01:00", 1_642_248_000_000),
        ("2022-01-15T12:00", 1_642_248_000_000),
        (" 2022-01-15 ", 1_642_204_800_000),
        ("2022-01-15T12:00:00.250Z", 1_642_248_000_250),
    ],
)
def test_a_moment_is_iso_text_or_unix_milliseconds(text: str, expected_ms: int) -> None:
    assert parse_time(text) == expected_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2022-13-01",
        "12:00",
        "-5",
        "²³",
        "9" * 15,
        "9" * 40,
        "1969-12-31",
        "0001-01-01T00:00+23:59",
        "9999-12-31T23:59-23:59",
    ],
)
def test_what_is_no_moment_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(MarketTimeError) as raised:
        parse_time(text)

    assert repr(text) in str(raised.value)


def test_a_moment_is_shown_as_it_can_be_written() -> None:
    for text in ("2022-01-15T12:00:00Z", "2022-01-15T12:00:00.007Z"):
        assert time_text(parse_time(text)) == text
