"""Longer bars, by hand: what they consist of, when they are first seen, and that a forming one is never used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from support.strategy_series import bar_by_bar, candles, in_columns, part, rows, same, wandering
from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate import arrays, bars
from tradewright.strategy.evaluate.arrays import evaluate
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.forming import Forming
from tradewright.strategy.evaluate.longer import Lane, build, lanes_of, longer_lane
from tradewright.strategy.program import Program, Step
from tradewright.strategy.timeframe import DAY_MS, WEEK_MS, Timeframe, length_ms

MONDAY_MS = 4 * DAY_MS + 2_000 * WEEK_MS
QUARTER_MS, HOUR_MS = length_ms("15m"), length_ms("1h")
UNKNOWN = math.nan


def _seen(name: str, tf: Timeframe, base: Timeframe = "15m") -> Program:
    return Program(base, (Step(name, tf), Step("resample", base, (0,))), {"value": 1})


def _both(program: Program, given: Candles) -> list[float]:
    found = in_columns(program, given)
    assert same(found, bar_by_bar(program, given))
    return found.tolist()


def _assert_list(found: list[float], expected: list[float]) -> None:
    assert same(np.array(found), np.array(expected)), found


def test_a_longer_bar_is_seen_at_its_last_base_close_and_not_before() -> None:
    quarters = candles([1.0, 2, 3, 4, 5, 6, 7, 8, 9], start_ms=MONDAY_MS)
    _assert_list(_both(_seen("close", "1h"), quarters), [UNKNOWN] * 3 + [4.0] * 4 + [8.0] * 2)


def test_it_consists_of_its_base_bars() -> None:
    prices = {"open": [1.0, 2, 3, 4], "high": [5.0, 9, 6, 7], "low": [0.5, 0.3, 0.1, 0.2]}
    quarters = candles([2.0, 3, 4, 6], start_ms=MONDAY_MS, **prices, volume=[1, 2, 3, 4], turnover=[1, 2, UNKNOWN, 4])
    expected = {"open": 1.0, "high": 9.0, "low": 0.1, "close": 6.0, "volume": 10.0, "turnover": UNKNOWN, "hl2": 4.55}
    for name, value in expected.items():
        _assert_list(_both(_seen(name, "1h"), quarters)[-1:], [value])


def test_a_first_one_that_starts_before_the_first_candle_is_dropped() -> None:
    quarters = candles([1.0, 2, 3, 4, 5, 6, 7], start_ms=MONDAY_MS + QUARTER_MS)
    _assert_list(_both(_seen("open", "1h"), quarters), [UNKNOWN] * 6 + [4.0])


def test_one_that_ends_in_a_gap_is_seen_at_the_first_close_behind_it() -> None:
    """00:00-00:30 and then nothing until 01:15, and nothing again until 03:45, where two bars close at once."""
    times = [MONDAY_MS + minutes * 60_000 for minutes in (0, 15, 75, 225)]
    quarters = candles([1.0, 2, 3, 4], times=times)
    #   01:15-01:30: the first hour is over; 03:45-04:00: the second is over too, and so is the fourth
    _assert_list(_both(_seen("close", "1h"), quarters), [UNKNOWN, UNKNOWN, 2.0, 4.0])


def test_two_that_close_at_once_are_two_bars() -> None:
    times = [MONDAY_MS + minutes * 60_000 for minutes in (0, 75, 225)]
    quarters = candles([1.0, 3, 4], times=times)
    before = Program(
        "15m", (Step("close", "1h"), Step("history", "1h", (0,), (1.0,)), Step("resample", "15m", (1,))), {"value": 2}
    )
    _assert_list(_both(before, quarters), [UNKNOWN, UNKNOWN, 3.0])  # tf(1h, close[1]) is the hour before


def test_history_outside_goes_back_base_bars_and_inside_longer_ones() -> None:
    quarters = candles([float(price) for price in range(12)], start_ms=MONDAY_MS)
    steps = (
        Step("close", "1h"),
        Step("resample", "15m", (0,)),
        Step("history", "15m", (1,), (1.0,)),
        Step("history", "1h", (0,), (1.0,)),
        Step("resample", "15m", (3,)),
    )
    program = Program("15m", steps, {"outside": 2, "inside": 4})
    for name, expected in {
        "outside": [UNKNOWN] * 4 + [3.0] * 4 + [7.0] * 4,
        "inside": [UNKNOWN] * 7 + [3.0] * 4 + [7.0],
    }.items():
        _assert_list(in_columns(program, quarters, name).tolist(), expected)
        _assert_list(bar_by_bar(program, quarters, name).tolist(), expected)


def test_weeks_begin_on_mondays() -> None:
    days = candles([float(day) for day in range(16)], timeframe="1d", start_ms=MONDAY_MS - 2 * DAY_MS)
    # Saturday and Sunday of a week that began before the first candle; two weeks follow.
    _assert_list(_both(_seen("close", "1w", "1d"), days), [UNKNOWN] * 8 + [8.0] * 7 + [15.0])


def test_a_longer_one_inside_a_longer_one_is_closed_when_that_is() -> None:
    """tf(1h, tf(4h, close)): at an hour's close the latest four hours that are over then."""
    quarters = candles([float(price) for price in range(40)], start_ms=MONDAY_MS)
    steps = (Step("close", "4h"), Step("resample", "1h", (0,)), Step("resample", "15m", (1,)))
    found = _both(Program("15m", steps, {"value": 2}), quarters)
    _assert_list(found, [UNKNOWN] * 15 + [15.0] * 16 + [31.0] * 9)
    # Seen only at hours: with a history of one hour inside, the step is one hour late.
    late = (*steps[:2], Step("history", "1h", (1,), (1.0,)), Step("resample", "15m", (2,)))
    found = _both(Program("15m", late, {"value": 3}), quarters)
    _assert_list(found, [UNKNOWN] * 19 + [15.0] * 16 + [31.0] * 5)


def test_times_are_of_the_close_on_whichever_bars() -> None:
    quarters = candles([1.0] * 8, start_ms=MONDAY_MS + 22 * HOUR_MS)  # 22:00 … 24:00 of a Monday
    assert _both(Program("15m", (Step("hour", "15m"),), {"value": 0}), quarters) == [22, 22, 22, 23, 23, 23, 23, 0]
    assert _both(Program("15m", (Step("minute", "15m"),), {"value": 0}), quarters) == [15, 30, 45, 0, 15, 30, 45, 0]
    assert _both(Program("15m", (Step("weekday", "15m"),), {"value": 0}), quarters)[-2:] == [0, 1]
    _assert_list(_both(_seen("hour", "1h"), quarters), [UNKNOWN] * 3 + [23.0] * 4 + [0.0])


@pytest.mark.parametrize(("date", "day", "month"), [("2024-02-28", 29, 2), ("2023-12-31", 1, 1), ("1970-01-01", 2, 1)])
def test_day_and_month_are_of_the_calendar(date: str, day: int, month: int) -> None:
    one = candles([1.0], timeframe="1d", start_ms=int(np.datetime64(date, "ms").astype(int)))
    assert _both(Program("1d", (Step("day", "1d"),), {"value": 0}), one) == [day]
    assert _both(Program("1d", (Step("month", "1d"),), {"value": 0}), one) == [month]


def test_given_longer_bars_stand_and_the_rest_is_built() -> None:
    """A live start at 02:15: hours are given up to 02:00, base bars from 02:00 on."""
    hours = candles([10.0, 20.0], timeframe="1h", start_ms=MONDAY_MS)
    quarters = candles([1.0, 2, 3, 4, 5], start_ms=MONDAY_MS + 2 * HOUR_MS)
    program = _seen("close", "1h")
    expected = [20.0, 20.0, 20.0, 4.0, 4.0]
    _assert_list(evaluate(program, quarters, longer={"1h": hours})["value"].tolist(), expected)
    evaluator = Evaluator(program, longer={"1h": hours})
    _assert_list([evaluator.close(bar)["value"] for bar in rows(quarters)], expected)


def test_given_longer_bars_are_not_seen_before_they_close_either() -> None:
    hours = candles([10.0, 20.0, 30.0], timeframe="1h", start_ms=MONDAY_MS)
    quarters = candles([1.0] * 9, start_ms=MONDAY_MS)
    program = _seen("close", "1h")
    expected = [UNKNOWN] * 3 + [10.0] * 4 + [20.0] * 2
    _assert_list(evaluate(program, quarters, longer={"1h": hours})["value"].tolist(), expected)
    evaluator = Evaluator(program, longer={"1h": hours})
    _assert_list([evaluator.close(bar)["value"] for bar in rows(quarters)], expected)


def test_wrong_bars_are_refused_by_name() -> None:
    quarters = candles([1.0, 2.0])
    with pytest.raises(ValueError, match="bars of 15m, the candles are of 1h"):
        evaluate(_seen("close", "1h"), replace(quarters, timeframe="1h"))
    with pytest.raises(ValueError, match="5m cannot be built from bars of 3m"):
        longer_lane(replace(quarters, timeframe="3m"), "5m")
    with pytest.raises(ValueError, match="given as 1h are of 15m"):
        Evaluator(_seen("close", "1h"), longer={"1h": quarters})
    evaluator = Evaluator(_seen("close", "1h"))
    last = rows(quarters)[-1]
    evaluator.close(last)
    with pytest.raises(ValueError, match=f"opens at {last.open_time_ms} came after"):
        evaluator.close(last)


# The look-ahead that everybody writes once: the forming longer bar is used. Both mutants have to be caught.

_EMA_OF_HOURS = Program(
    "15m",
    (Step("close", "1h"), Step("ema", "1h", (0,), (3.0,)), Step("resample", "15m", (1,))),
    {"value": 2},
)


def _changes_when_the_future_is_cut_off(program: Program) -> bool:
    whole = wandering(90, seed=4)
    known = in_columns(program, whole)
    return any(not same(in_columns(program, part(whole, slice(end)))[:end], known[:end]) for end in range(40, 90))


def test_cutting_the_future_off_changes_nothing() -> None:
    assert not _changes_when_the_future_is_cut_off(_EMA_OF_HOURS)


def test_a_forming_bar_in_whole_columns_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(base: Candles, timeframes: set[Timeframe], longer: dict[Timeframe, Candles]) -> dict[Timeframe, Lane]:
        """Each longer bar is seen from the close of its first base bar on."""
        lanes = lanes_of(base, timeframes, longer)
        opened = build(base, "1h").open_time_ms
        return {**lanes, "1h": replace(lanes["1h"], closed_at=np.searchsorted(base.open_time_ms, opened))}

    monkeypatch.setattr(arrays, "lanes_of", hasty)
    assert _changes_when_the_future_is_cut_off(_EMA_OF_HOURS)


def test_a_forming_bar_bar_by_bar_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(Forming):
        """Gives the forming bar out at each base close."""

        def closed_by(self, bar: Bar) -> Iterator[Bar]:
            closed = list(super().closed_by(bar))
            yield from closed
            if not closed and self._bar is not None:
                yield self._bar

    monkeypatch.setattr(bars, "Forming", Hasty)
    whole = wandering(90, seed=4)
    assert not same(bar_by_bar(_EMA_OF_HOURS, whole), in_columns(_EMA_OF_HOURS, whole))
    with pytest.raises(AssertionError):
        test_a_longer_bar_is_seen_at_its_last_base_close_and_not_before()


def test_a_function_of_longer_bars_is_first_known_at_the_close_of_its_nth() -> None:
    quarters = candles([float(price) for price in range(40)], start_ms=MONDAY_MS)
    found = in_columns(_EMA_OF_HOURS, quarters)  # ema(close, 3, tf=1h): the third hour closes with the twelfth quarter
    assert np.isnan(found[:11]).all()
    assert found[11] == (3 + 7 + 11) / 3
    assert found[15] == (15 - 7.0) * 0.5 + 7.0
