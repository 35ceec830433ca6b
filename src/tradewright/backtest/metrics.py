"""The figures of a result (contract, section 8), its drawdowns, and buying and holding beside it.

Ratios are doubles; money stays Decimal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradewright.backtest.result import Result
from tradewright.core.money import ZERO, exactly
from tradewright.strategy.timeframe import DAY_MS, length_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DAYS_A_YEAR = 365
DRAWDOWNS_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    net_profit: Decimal
    net_profit_pct: float
    max_drawdown_pct: float
    sharpe: float
    sortino: float
    profit_factor: float | None  # None: no trade lost
    win_rate: float
    trades: int
    fees: Decimal
    funding: Decimal
    exposure_pct: float
    avg_trade_pct: float
    expectancy: Decimal
    buy_and_hold_pct: float


@dataclass(frozen=True, slots=True)
class Drawdown:
    """From the close of a peak to that of the lowest point after it; `recovered_ms` None: never again as high."""

    pct: float
    peak_ms: int
    lowest_ms: int
    recovered_ms: int | None


def metrics_of(result: Result) -> Metrics:
    trades = result.trades
    held_pct = float(100 * (result.last_close / result.first_open - 1))
    with exactly():
        gains = sum((trade.pnl for trade in trades if trade.pnl > 0), ZERO)
        losses = sum((trade.pnl for trade in trades if trade.pnl < 0), ZERO)
        fees = sum((trade.fees for trade in trades), ZERO)
        funding = sum((trade.funding for trade in trades), ZERO)
        net = result.final_equity - result.capital
        expectancy = (gains + losses) / len(trades) if trades else ZERO
    daily = daily_returns(result)
    return Metrics(
        net_profit=net,
        net_profit_pct=float(100 * net / result.capital),
        max_drawdown_pct=_max_drawdown_pct(_points(result)),
        sharpe=_sharpe(daily),
        sortino=_sortino(daily),
        profit_factor=float(gains / -losses) if losses else None,
        win_rate=sum(trade.pnl > 0 for trade in trades) / len(trades) if trades else 0.0,
        trades=len(trades),
        fees=fees,
        funding=funding,
        exposure_pct=100 * result.exposed / result.bars,
        avg_trade_pct=math.fsum(trade.pnl_pct for trade in trades) / len(trades) if trades else 0.0,
        expectancy=expectancy,
        buy_and_hold_pct=held_pct,
    )


def daily_returns(result: Result) -> NDArray[np.float64]:
    """Of the last equity of each UTC day (by the bar's open) against the day before; the first against the capital."""
    import numpy as np

    days = (result.close_times_ms - length_ms(result.strategy.market.timeframe)) // DAY_MS
    is_last = np.append(days[1:] != days[:-1], True)
    points = np.concatenate(([float(result.capital)], result.equity[is_last]))
    before = points[:-1]
    # A day that began with nothing has no return; the run ends there.
    returns: NDArray[np.float64] = np.divide(points[1:] - before, before, out=np.zeros(len(before)), where=before != 0)
    return returns


def drawdowns(result: Result) -> list[Drawdown]:
    """The deepest ones, deepest first."""
    import numpy as np

    points, times = _points(result), np.concatenate(([result.opened_ms], result.close_times_ms))
    peaks = np.maximum.accumulate(points)
    is_under = points < peaks
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_under, [False])).astype(np.int8)))
    found = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        lowest = begin + int(points[begin:end].argmin())
        peak = float(peaks[begin])
        pct = 100.0 * (peak - float(points[lowest])) / peak
        recovered = int(times[end]) if end < len(points) else None
        found.append(Drawdown(pct, int(times[begin - 1]), int(times[lowest]), recovered))
    return sorted(found, key=lambda one: (-one.pct, one.peak_ms))[:DRAWDOWNS_MAX]


def held_drawdown_pct(result: Result) -> float:
    """The deepest drawdown of having bought at the first open and held."""
    import numpy as np

    return _max_drawdown_pct(np.concatenate(([float(result.first_open)], result.closes)))


def _points(result: Result) -> NDArray[np.float64]:
    import numpy as np

    return np.concatenate(([float(result.capital)], result.equity))


def _max_drawdown_pct(points: NDArray[np.float64]) -> float:
    import numpy as np

    peaks = np.maximum.accumulate(points)
    return float(((peaks - points) / peaks).max() * 100.0)


def _sharpe(daily: NDArray[np.float64]) -> float:
    if len(daily) < 2 or daily.max() == daily.min():  # equal days deviate by nothing, whatever doubles add up to
        return 0.0
    return float(daily.mean()) / float(daily.std(ddof=1)) * math.sqrt(_DAYS_A_YEAR)


def _sortino(daily: NDArray[np.float64]) -> float:
    import numpy as np

    if len(daily) < 2:
        return 0.0
    downside = math.sqrt(float(np.square(np.minimum(daily, 0.0)).mean()))
    return float(daily.mean()) / downside * math.sqrt(_DAYS_A_YEAR) if downside else 0.0
