"""What a run's trades and days add up to. To be compiled (`machine`); runs as it stands too."""

from __future__ import annotations

from tradewright.backtest.search.compiled.layout import (
    BARS,
    EXPOSED,
    FEES,
    FEES_SUM,
    FUNDING,
    FUNDING_SUM,
    GAINS,
    LOSSES,
    PNL,
    PNL_PCT,
    PNL_PCT_SUM,
    WINS,
    Tape,
)


def summed(tape: Tape, count: int, days: int, capital: float) -> None:
    """Of `count` trades and the first `days` days; afterwards `tape.daily` holds the days' returns."""
    gains, losses, wins, fees, funding, pct, exposed = 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0
    for number in range(count):
        row = tape.doubles[number]
        pnl = row[PNL]
        if pnl > 0.0:
            gains += pnl
            wins += 1
        else:
            losses -= pnl
        fees += row[FEES]
        funding += row[FUNDING]
        pct += row[PNL_PCT]
        exposed += tape.whole[number, BARS]
    before = capital
    for day in range(days):
        now = tape.daily[day]
        tape.daily[day] = (now - before) / before if before != 0.0 else 0.0
        before = now
    totals = tape.totals
    totals[GAINS], totals[LOSSES], totals[WINS] = gains, losses, wins
    totals[FEES_SUM], totals[FUNDING_SUM] = fees, funding
    totals[PNL_PCT_SUM], totals[EXPOSED] = pct, exposed
