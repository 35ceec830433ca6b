"""Our backtest of what `backtest_peers.py` runs, asked the same way: `python -m tests.bench.backtest_ours CANDLES`.

Says `ready`, then for each line on standard input runs once more, indicators included, and answers
`{"seconds", "cpu_s", "trades"}`. With `sweep` behind the candles: the cross alone for a grid of lengths, compiled, in
one process; nothing but compiled code is kept from one run to the next.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from tradewright.backtest.engine import run
from tradewright.backtest.settings import Settings
from tradewright.market.history.files import read_candles
from tradewright.strategy.check import check_text

SPEC = """
version: 1
name: EMA cross with an RSI filter
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
series: { fast: "ema(close, 12)", slow: "ema(close, 26)" }
rules:
  enter_long: crosses_above(fast, slow) and rsi(close, 14) < 70
  exit_long: crosses_below(fast, slow)
size: { base: 1 }
"""
SWEPT = """
version: 1
name: EMA cross
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
params:
  fast: { default: 5, min: 5, max: 20, step: 1 }
  slow: { default: 25, min: 25, max: 54, step: 1 }
rules:
  enter_long: crosses_above(ema(close, fast), ema(close, slow))
  exit_long: crosses_below(ema(close, fast), ema(close, slow))
size: { base: 1 }
"""
ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared" / "data" / "btcusd-perp-1m-2022-01.csv.gz"
MADE_UP = ROOT / "tests" / "data" / "btcusdt-linear-1m-month.csv.gz"
CENT = 0.005
FEE = 0.00055
SETTINGS = Settings(equity=Decimal(100_000_000), slippage_bps=Decimal(0))  # the default fee is 0.055 %


Trades = list[list[float]]


def month() -> Path:
    """The recorded month where it is present, else our own market's."""
    return RECORDED if RECORDED.is_file() else MADE_UP


def same_trades(ours: Trades, theirs: Trades) -> list[str]:
    """What differs: bars, prices, or the result by a cent or more."""
    found = [
        f"trade {number}: {one} and {other}"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False))
        if one[:4] != other[:4] or abs(one[4] - other[4]) >= CENT
    ]
    return found + ([f"{len(ours)} trades and {len(theirs)}"] if len(ours) != len(theirs) else [])


def closed_before(trade: list[float], closes: Sequence[float]) -> list[float]:
    """The same trade filled at the closes that decided it."""
    entry_bar, _, exit_bar, _, _ = trade
    entry, left = closes[int(entry_bar) - 1], closes[int(exit_bar) - 1]
    return [entry_bar, entry, exit_bar, left, left - entry - FEE * (entry + left)]


class Ours:
    def __init__(self, path: str) -> None:
        strategy = check_text(SPEC).strategy
        assert strategy is not None
        self._strategy, self._candles = strategy, read_candles(path, "1m")

    def answer(self) -> dict[str, Any]:
        started, cpu = time.perf_counter(), time.process_time()
        result = run(self._strategy, self._candles, SETTINGS)
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
        times = self._candles.open_time_ms
        trades = [
            [
                int(np.searchsorted(times, trade.entry_time_ms)),
                float(trade.entry_price),
                int(np.searchsorted(times, trade.exit_time_ms)),
                float(trade.exit_price),
                float(trade.pnl),
            ]
            for trade in result.trades
            if trade.exit_reason
            != "end_of_data"  # what is still open at the end each of us closes in a way of their own
        ]
        return {"seconds": seconds, "cpu_s": cpu_s, "trades": trades}


class OurSweep:
    def __init__(self, path: str) -> None:
        from tradewright.backtest.search.compiled.machine import compiled_loop

        self._candles, self._loop = read_candles(path, "1m"), compiled_loop()

    def answer(self) -> dict[str, Any]:
        from tradewright.backtest.search.space import whole_grid
        from tradewright.backtest.search.trial import Trials
        from tradewright.backtest.search.window import Window

        started, cpu = time.perf_counter(), time.process_time()
        trials = Trials(SWEPT.encode(), {}, self._candles, SETTINGS, self._loop)
        space = whole_grid(trials.bindings.ranges)
        outcomes = [trials.outcome(space.values(number), Window()) for number in range(len(space))]
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
        assert all(outcome.engine == "compiled" for outcome in outcomes)
        figures = [outcome.figures for outcome in outcomes]
        return {
            "seconds": seconds,
            "cpu_s": cpu_s,
            "trades": [[one.net_profit, one.trades] for one in figures if one is not None],
        }


def main() -> None:
    ours = OurSweep(sys.argv[1]) if sys.argv[2:] == ["sweep"] else Ours(sys.argv[1])
    ours.answer()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(ours.answer()), flush=True)


if __name__ == "__main__":
    main()
