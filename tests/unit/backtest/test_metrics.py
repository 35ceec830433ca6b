"""The figures of a result, worked out by hand from trades and equity points that are made up."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tradewright.backtest.advice import advice_of
from tradewright.backtest.engine import run
from tradewright.backtest.metrics import drawdowns, held_drawdown_pct, metrics_of
from tradewright.backtest.result import Cancelled, NoBars, Result, Trade
from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Strategy

DAY_MS = 86_400_000
HALF_MS = DAY_MS // 2
MONDAY_MS = 1_704_067_200_000


def strategy(timeframe: str = "12h") -> Strategy:
    spec = f"""
version: 1
name: made up
market: {{ category: linear, symbol: BTCUSDT, timeframe: {timeframe} }}
rules: {{ enter_long: "true", exit_long: "false" }}
size: {{ base: 1 }}
"""
    found = check_text(spec).strategy
    assert found is not None
    return found


def result(equity: list[float], trades: list[Trade] | None = None, exposed: int = 0) -> Result:
    """Bars of twelve hours from Monday, 00:00; the capital is 100."""
    times = MONDAY_MS + HALF_MS * np.arange(1, len(equity) + 1)
    return Result(
        strategy=strategy(),
        settings=Settings(equity=Decimal(100)),
        opened_ms=MONDAY_MS,
        closed_ms=int(times[-1]),
        first_open=Decimal(50),
        last_close=Decimal(60),
        capital=Decimal(100),
        trades=trades or [],
        close_times_ms=times,
        equity=np.array(equity, dtype=float),
        closes=np.array([50.0 + number for number in range(len(equity))]),
        final_equity=Decimal(repr(equity[-1])),
        exposed=exposed,
        warnings=[],
    )


def trade(pnl: str, number: int = 0, **changes: Any) -> Trade:
    values: dict[str, Any] = {
        "direction": 1, "quantity": Decimal(1), "entry_time_ms": MONDAY_MS + number, "entry_price": Decimal(100),
        "entry_reason": "enter_long", "exit_time_ms": MONDAY_MS + number + 1, "exit_price": Decimal(100),
        "exit_reason": "exit_long", "fees": Decimal("0.25"), "funding": Decimal("-0.5"), "pnl": Decimal(pnl),
        "pnl_pct": float(pnl), "bars": 1, "is_ambiguous": False,
    }  # fmt: skip
    return Trade(**(values | changes))


def test_sums_and_shares_of_trades() -> None:
    found = metrics_of(result([100, 103], [trade("5"), trade("-4"), trade("2"), trade("0")], exposed=1))
    assert found.net_profit == 3
    assert found.net_profit_pct == pytest.approx(3)
    assert found.trades == 4
    assert found.win_rate == 0.5
    assert found.profit_factor == pytest.approx(7 / 4)
    assert found.expectancy == Decimal("0.75")
    assert found.avg_trade_pct == pytest.approx(0.75)
    assert found.fees == 1
    assert found.funding == -2
    assert found.exposure_pct == 50
    assert found.buy_and_hold_pct == pytest.approx(20)


def test_the_profit_factor_is_null_when_no_trade_lost() -> None:
    assert metrics_of(result([100, 105], [trade("5"), trade("0")])).profit_factor is None


def test_without_trades_everything_but_buy_and_hold_is_nothing() -> None:
    found = metrics_of(result([100, 100, 100, 100]))
    assert found.profit_factor is None
    assert found.buy_and_hold_pct == pytest.approx(20)
    assert {
        found.net_profit, found.net_profit_pct, found.max_drawdown_pct, found.sharpe, found.sortino, found.win_rate,
        found.trades, found.fees, found.funding, found.exposure_pct, found.avg_trade_pct, found.expectancy,
    } == {0}  # fmt: skip


def test_days_are_those_of_the_bars_open_and_the_first_is_against_the_capital() -> None:
    # Days by opens: bars 0 1 | 2 3 | 4. Last points 110, 99, 99: +10 %, -10 %, 0.
    found = metrics_of(result([120, 110, 105, 99, 99]))
    mean, deviation = 0.0, math.sqrt((0.1**2 + 0.1**2) / 2)
    assert found.sharpe == pytest.approx(mean / deviation, abs=1e-12)
    # Last points 110, 110, 121: +10 %, 0, +10 %.
    found = metrics_of(result([100, 110, 90, 110, 121]))
    returns = [0.1, 0.0, 0.1]
    mean = sum(returns) / 3
    deviation = math.sqrt(sum((one - mean) ** 2 for one in returns) / 2)
    assert found.sharpe == pytest.approx(mean / deviation * math.sqrt(365))
    assert found.sortino == 0  # no day lost


def test_sortino_divides_by_the_root_of_all_days_squares_below_nothing() -> None:
    found = metrics_of(result([110, 110, 99, 99]))  # +10 %, -10 %
    assert found.sortino == pytest.approx(0)
    found = metrics_of(result([120, 120, 108, 108]))  # +20 %, -10 %
    assert found.sortino == pytest.approx(0.05 / math.sqrt(0.1**2 / 2) * math.sqrt(365))


def test_one_day_has_no_sharpe() -> None:
    found = metrics_of(result([110, 120]))
    assert (found.sharpe, found.sortino) == (0, 0)


def test_the_deepest_drawdown_begins_at_the_capital_too() -> None:
    assert metrics_of(result([90, 95, 120, 90])).max_drawdown_pct == pytest.approx(25)
    assert metrics_of(result([90, 95, 120, 115])).max_drawdown_pct == pytest.approx(10)


def test_drawdowns_are_told_with_their_peak_lowest_point_and_recovery() -> None:
    found = drawdowns(result([90, 80, 100, 120, 90, 110]))
    assert [(round(one.pct, 9), one.peak_ms, one.lowest_ms, one.recovered_ms) for one in found] == [
        (25, MONDAY_MS + 4 * HALF_MS, MONDAY_MS + 5 * HALF_MS, None),
        (20, MONDAY_MS, MONDAY_MS + 2 * HALF_MS, MONDAY_MS + 3 * HALF_MS),
    ]


def test_buying_and_holding_has_a_drawdown_of_its_own() -> None:
    assert held_drawdown_pct(result([100, 100])) == 0  # 50, 50, 51


def candles(volume: float = 1000.0, bars: int = 4, step: int = HALF_MS) -> Candles:
    flat = np.full(bars, 100.0)
    times = MONDAY_MS + step * np.arange(bars)
    return Candles(
        timeframe="12h", open_time_ms=times, open=flat, high=flat, low=flat, close=flat,
        volume=np.full(bars, volume), turnover=flat,
    )  # fmt: skip


def advice(trades: list[Trade], **changes: Any) -> dict[str, int]:
    return {one.code: one.count for one in advice_of(result([100.0], trades), **({"candles": candles()} | changes))}


def test_fewer_than_thirty_trades_are_told() -> None:
    assert advice([trade("1")] * 29) == {"few_trades": 29}
    assert advice([trade("1")] * 30) == {}


def test_a_result_that_hangs_on_one_trade_is_told() -> None:
    many = [trade("1", number) for number in range(29)]
    assert "one_trade" in advice([*many, trade("30", 29)])
    assert "one_trade" not in advice([*many, trade("29", 29)])
    assert "one_trade" not in advice([*many, trade("-30", 29)])


def test_ambiguous_trades_gaps_and_orders_too_large_for_their_bar_are_told() -> None:
    many = [trade("1", number) for number in range(30)]
    assert advice([*many, trade("1", is_ambiguous=True)]) == {"ambiguous_trades": 1}
    assert advice(many, filled_bars=7) == {"gaps_filled": 7}
    assert advice(many, candles=candles(step=DAY_MS)) == {"gaps": 3}
    assert advice([*many, trade("1", quantity=Decimal("100.1"))]) == {"capacity": 1}
    assert advice([*many, trade("1", quantity=Decimal(100))]) == {}


def test_who_watches_is_told_how_far_it_is_and_may_stop_it() -> None:
    told: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> bool:
        told.append((done, total))
        return len(told) < 3

    alternating = Candles(
        timeframe="12h",
        open_time_ms=MONDAY_MS + HALF_MS * np.arange(200_000),
        **{name: np.full(200_000, 100.0) for name in ("open", "high", "low", "close", "volume", "turnover")},
    )
    with pytest.raises(Cancelled):
        run(strategy(), alternating, Settings(), watch=watch)
    assert [total for _, total in told] == [200_000] * 3
    assert sorted(done for done, _ in told) == [done for done, _ in told]


def test_no_bars_between_the_times_asked_for_is_no_result() -> None:
    for settings in (Settings(from_ms=MONDAY_MS + 5 * DAY_MS), Settings(to_ms=MONDAY_MS)):
        with pytest.raises(NoBars):
            run(strategy(), candles(), settings)
