"""What one run of a search is judged by: the contract's metrics as doubles, and what its daily returns look like.

Lives here: `Figures`, from a result of the engine. Money is told to
nine digits behind the point at most; the exact report of a set is `tradewright backtest`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tradewright.backtest.metrics import daily_returns, metrics_of
from tradewright.backtest.result import Result

DAYS_A_YEAR = 365
# What a search may look for the best of. All but the drawdown are better when higher.
MetricName = Literal[
    "net_profit", "sharpe", "sortino", "profit_factor", "max_drawdown_pct", "win_rate", "expectancy", "avg_trade_pct"
]
METRICS: tuple[MetricName, ...] = (
    "net_profit",
    "sharpe",
    "sortino",
    "profit_factor",
    "max_drawdown_pct",
    "win_rate",
    "expectancy",
    "avg_trade_pct",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Money in quote coin. `days`, `daily_sharpe_ratio`, `skewness`, `kurtosis`: of the daily returns, not annualised
    (kurtosis of a normal one is 3); the last three are 0, 0 and 3 where there is no deviation."""

    net_profit: float
    net_profit_pct: float
    max_drawdown_pct: float
    sharpe: float
    sortino: float
    profit_factor: float | None
    win_rate: float
    trades: int
    fees: float
    funding: float
    exposure_pct: float
    avg_trade_pct: float
    expectancy: float
    days: int
    daily_sharpe_ratio: float
    skewness: float
    kurtosis: float

    def rank(self, metric: MetricName) -> float:
        """Higher is better. A set that never traded is behind all that did."""
        if not self.trades:
            return -math.inf
        if metric == "max_drawdown_pct":
            return -self.max_drawdown_pct
        if metric == "profit_factor":
            return math.inf if self.profit_factor is None else self.profit_factor
        value: float = getattr(self, metric)
        return value


@dataclass(frozen=True, slots=True)
class Moments:
    """Of daily returns."""

    days: int
    sharpe: float  # a year's
    sortino: float
    daily_sharpe_ratio: float
    skewness: float
    kurtosis: float


def figures_of(result: Result) -> Figures:
    """Of a run of the plain engine."""
    metrics, moments = metrics_of(result), moments_of(daily_returns(result).tolist())
    return Figures(
        net_profit=float(metrics.net_profit),
        net_profit_pct=metrics.net_profit_pct,
        max_drawdown_pct=metrics.max_drawdown_pct,
        sharpe=metrics.sharpe,
        sortino=metrics.sortino,
        profit_factor=metrics.profit_factor,
        win_rate=metrics.win_rate,
        trades=metrics.trades,
        fees=float(metrics.fees),
        funding=float(metrics.funding),
        exposure_pct=metrics.exposure_pct,
        avg_trade_pct=metrics.avg_trade_pct,
        expectancy=float(metrics.expectancy),
        days=moments.days,
        daily_sharpe_ratio=moments.daily_sharpe_ratio,
        skewness=moments.skewness,
        kurtosis=moments.kurtosis,
    )


def moments_of(returns: Sequence[float]) -> Moments:
    """Means and deviations as the contract's section 8 has them; skewness and kurtosis of the days as they were."""
    days = len(returns)
    if days < 2:
        return Moments(days, 0.0, 0.0, 0.0, 0.0, 3.0)
    mean = math.fsum(returns) / days
    squares = math.fsum((each - mean) ** 2 for each in returns)
    downside = math.sqrt(math.fsum(each * each for each in returns if each < 0) / days)
    sortino = mean / downside * math.sqrt(DAYS_A_YEAR) if downside else 0.0
    if max(returns) == min(returns):
        return Moments(days, 0.0, sortino, 0.0, 0.0, 3.0)
    ratio = mean / math.sqrt(squares / (days - 1))
    deviation = math.sqrt(squares / days)
    skewness = math.fsum(((each - mean) / deviation) ** 3 for each in returns) / days
    kurtosis = math.fsum(((each - mean) / deviation) ** 4 for each in returns) / days
    return Moments(days, ratio * math.sqrt(DAYS_A_YEAR), sortino, ratio, skewness, kurtosis)
