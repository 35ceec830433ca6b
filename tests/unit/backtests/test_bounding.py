"""What a bounded report keeps, and what it says of the rest."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from integration.backtests.kit import BEGIN_MS, SPEC, waves
from tradewright.backtest.engine import run
from tradewright.backtest.report import report_of
from tradewright.backtest.result import Result
from tradewright.backtest.settings import Settings
from tradewright.backtests.bounding import POINTS_MAX, TRADES_MAX, bounded, equity_points
from tradewright.strategy.check import check_text


@pytest.fixture(scope="module")
def result() -> Result:
    strategy = check_text(SPEC).strategy
    assert strategy is not None
    return run(strategy, waves(400_000).candles("1m"), Settings(equity=Decimal(1_000)))


def test_a_long_run_keeps_its_ends_its_highest_and_its_lowest(result: Result) -> None:
    points = equity_points(result)
    assert len(points) <= POINTS_MAX
    assert points[0] == (BEGIN_MS, 1_000.0)
    assert points[-1] == (result.closed_ms, float(result.final_equity))
    times = [time for time, _ in points]
    assert times == sorted(set(times))
    values = {value for _, value in points}
    assert {float(result.equity.min()), float(result.equity.max())} <= values
    closes = dict(zip(result.close_times_ms.tolist(), result.equity.tolist(), strict=True))
    assert all(closes[time] == value for time, value in points[1:-1])


def test_of_many_trades_the_last_are_kept_and_the_rest_is_counted(result: Result) -> None:
    report = report_of(result, warnings=[], data={}, program_version="1")
    assert len(report["trades"]) > TRADES_MAX
    short = bounded(report, result)
    assert short["trades"] == report["trades"][-TRADES_MAX:]
    assert short["trades_left_out"] == len(report["trades"]) - TRADES_MAX
    assert len(short["equity"]) + short["equity_left_out"] == result.bars + 1
    assert short["metrics"] == report["metrics"]


def test_a_short_run_is_told_whole(result: Result) -> None:
    strategy = result.strategy
    short = run(strategy, waves(300).candles("1m"), Settings())
    report = report_of(short, warnings=[], data={}, program_version="1")
    told = bounded(report, short)
    assert (len(told["equity"]), told["equity_left_out"], told["trades_left_out"]) == (301, 0, 0)
    assert np.array([value for _, value in told["equity"][1:-1]]).tolist() == short.equity[:-1].tolist()
