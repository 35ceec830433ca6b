"""What a compiled run wrote, as values: its figures for a search, and its trades.

Money is in doubles: of a trade to a relative 1e-9 of what was turned over. The exact report of a set is the backtest's.
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.backtest.result import Trade
from tradewright.backtest.search.compiled import layout
from tradewright.backtest.search.figures import Figures, moments_of
from tradewright.strategy.prices import Direction

_REASONS = {
    layout.STOP_LOSS: "stop_loss",
    layout.TAKE_PROFIT: "take_profit",
    layout.TRAILING: "trailing",
    layout.MAX_BARS: "max_bars",
    layout.DAILY_LOSS: "daily_loss",
    layout.END_OF_DATA: "end_of_data",
    layout.LIQUIDATION: "liquidation",
}


def tape_for(bars: int, days: int) -> layout.Tape:
    """Room for a run of so many bars: a position opens in a bar, so there are no more trades than bars."""
    import numpy as np

    return layout.Tape(
        whole=np.empty((bars, 6), dtype=np.int64),
        doubles=np.empty((bars, 7)),
        daily=np.empty(days),
        totals=np.empty(layout.TOTALS),
    )


def figures_of_tape(tape: layout.Tape, count: int, bars: layout.Bars, capital: float) -> Figures:
    """Of a run of `count` trades that `totals.summed` went through."""
    totals: list[float] = tape.totals.tolist()
    last = int(totals[layout.LAST_BAR])
    net = totals[layout.CASH] - capital
    gains, losses = totals[layout.GAINS], totals[layout.LOSSES]
    moments = moments_of(tape.daily[: days_of(bars, last)].tolist())
    return Figures(
        net_profit=net,
        net_profit_pct=100 * net / capital,
        max_drawdown_pct=totals[layout.DRAWDOWN_PCT],
        sharpe=moments.sharpe,
        sortino=moments.sortino,
        profit_factor=gains / losses if losses else None,
        win_rate=totals[layout.WINS] / count if count else 0.0,
        trades=count,
        fees=totals[layout.FEES_SUM],
        funding=totals[layout.FUNDING_SUM],
        exposure_pct=100 * totals[layout.EXPOSED] / (last - bars.first + 1),
        avg_trade_pct=totals[layout.PNL_PCT_SUM] / count if count else 0.0,
        expectancy=(gains - losses) / count if count else 0.0,
        days=moments.days,
        daily_sharpe_ratio=moments.daily_sharpe_ratio,
        skewness=moments.skewness,
        kurtosis=moments.kurtosis,
    )


def days_of(bars: layout.Bars, last: int) -> int:
    """UTC days of the bars up to this one."""
    return int(bars.day[last]) + 1


def trades_of(tape: layout.Tape, count: int) -> list[Trade]:
    """The trades as values; their money is a double's text."""
    found = []
    for whole, doubles in zip(tape.whole[:count].tolist(), tape.doubles[:count].tolist(), strict=True):
        direction: Direction = 1 if whole[layout.SIDE] > 0 else -1
        side = "long" if direction > 0 else "short"
        money = [Decimal(repr(value)) for value in doubles]
        found.append(
            Trade(
                direction=direction,
                quantity=money[layout.QUANTITY],
                entry_time_ms=whole[layout.ENTRY_MS],
                entry_price=money[layout.ENTRY],
                entry_reason=f"enter_{side}",
                exit_time_ms=whole[layout.EXIT_MS],
                exit_price=money[layout.EXIT],
                exit_reason=_REASONS.get(whole[layout.REASON], f"exit_{side}"),
                fees=money[layout.FEES],
                funding=money[layout.FUNDING],
                pnl=money[layout.PNL],
                pnl_pct=doubles[layout.PNL_PCT],
                bars=whole[layout.BARS],
                is_ambiguous=bool(whole[layout.AMBIGUOUS]),
            )
        )
    return found
