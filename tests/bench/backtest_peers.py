"""Backtests by others, in their own environment: EMA 12/26 cross with an RSI filter, long only, market orders at the
next open, fee 0.055 % of each fill, one whole unit.

Usage: `python backtest_peers.py PEER CANDLES [once]`. Without `once`: says `ready`, then for each line on standard
input runs once more and answers `{"seconds", "cpu_s", "trades"}`; with it: runs once and prints the same. A trade is
[entry bar, entry price, exit bar, exit price, pnl after fees]. The indicators are worked out inside what is timed, as
ours are, by pandas' own loops, to TA-Lib's numbers.

`vectorbt-sweep` runs the cross alone for a grid of lengths, each average worked out once, and answers of each set what
it made and how many trades it had.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FEE = 0.00055
CASH = 100_000_000.0


def candles(path: str) -> pd.DataFrame:
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt") as file:
        frame = pd.read_csv(file)
    frame.index = pd.to_datetime(frame["open_time_ms"], unit="ms")
    return frame.rename(columns={name: name.capitalize() for name in ("open", "high", "low", "close", "volume")})


def ema(values: Any, length: int) -> np.ndarray:
    """TA-Lib's: seeded with the mean of the first values."""
    series = pd.Series(np.asarray(values, dtype=float))
    seeded = series.iloc[length - 1 :].copy()
    seeded.iloc[0] = series.iloc[:length].mean()
    found = np.full(len(series), np.nan)
    found[length - 1 :] = seeded.ewm(span=length, adjust=False).mean()
    return found


def rsi(values: Any, length: int) -> np.ndarray:
    change = np.diff(np.asarray(values, dtype=float))
    ups, downs = (_wilder(np.maximum(sign * change, 0.0), length) for sign in (1, -1))
    found = np.full(len(change) + 1, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        found[1:] = 100.0 * ups / (ups + downs)
    return np.where(np.isnan(found) & (np.arange(len(found)) >= length), 0.0, found)


def _wilder(values: np.ndarray, length: int) -> np.ndarray:
    series = pd.Series(values[length - 1 :].copy())
    series.iloc[0] = values[:length].mean()
    found = np.full(len(values), np.nan)
    found[length - 1 :] = series.ewm(alpha=1.0 / length, adjust=False).mean()
    return found


def signals(close: Any) -> tuple[np.ndarray, np.ndarray]:
    fast, slow = ema(close, 12), ema(close, 26)
    above, below = np.zeros(len(fast), bool), np.zeros(len(fast), bool)
    above[1:] = (fast[1:] > slow[1:]) & (fast[:-1] <= slow[:-1])
    below[1:] = (fast[1:] < slow[1:]) & (fast[:-1] >= slow[:-1])
    return above & (rsi(close, 14) < 70), below


def of_backtesting(frame: pd.DataFrame) -> Any:
    from backtesting import Backtest, Strategy

    class Cross(Strategy):
        def init(self) -> None:
            self.fast = self.I(ema, self.data.Close, 12)
            self.slow = self.I(ema, self.data.Close, 26)
            self.strength = self.I(rsi, self.data.Close, 14)

        def next(self) -> None:
            fast, slow = self.fast, self.slow
            if fast[-1] > slow[-1] and fast[-2] <= slow[-2]:
                if not self.position and self.strength[-1] < 70:
                    self.buy(size=1)
            elif self.position and fast[-1] < slow[-1] and fast[-2] >= slow[-2]:
                self.position.close()

    def run() -> list[list[float]]:
        stats = Backtest(frame, Cross, cash=CASH, commission=FEE, finalize_trades=True).run()
        trades = stats["_trades"]
        # Its PnL leaves its commission out in some versions: worked out here of the fills that it reports.
        return [told(one.EntryBar, one.EntryPrice, one.ExitBar, one.ExitPrice) for one in trades.itertuples()]

    return run


def of_backtrader(frame: pd.DataFrame) -> Any:
    import backtrader as bt

    class Cross(bt.Strategy):
        def __init__(self) -> None:
            self.fast = bt.indicators.EMA(self.data.close, period=12)
            self.slow = bt.indicators.EMA(self.data.close, period=26)
            self.strength = bt.indicators.RSI(self.data.close, period=14, safediv=True)
            self.fills: list[tuple[int, float]] = []

        def notify_order(self, order: Any) -> None:
            if order.status == order.Completed:
                self.fills.append((len(self) - 1, order.executed.price))

        def next(self) -> None:
            fast, slow = self.fast, self.slow
            if fast[0] > slow[0] and fast[-1] <= slow[-1]:
                if not self.position and self.strength[0] < 70:
                    self.buy(size=1)
            elif self.position and fast[0] < slow[0] and fast[-1] >= slow[-1]:
                self.close()

    def run() -> list[list[float]]:
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame[["Open", "High", "Low", "Close", "Volume"]]))
        cerebro.addstrategy(Cross)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(commission=FEE)
        fills = cerebro.run()[0].fills
        return [told(*one, *other) for one, other in zip(fills[::2], fills[1::2], strict=False)]

    return run


def of_vectorbt(frame: pd.DataFrame) -> Any:
    import vectorbt as vbt

    def run() -> list[list[float]]:
        enter, leave = (pd.Series(one, index=frame.index).shift(1, fill_value=False) for one in signals(frame["Close"]))
        portfolio = vbt.Portfolio.from_signals(
            frame["Close"], enter, leave, price=frame["Open"], size=1.0, fees=FEE, init_cash=CASH, freq="1min"
        )
        return [
            told(one.entry_idx, one.entry_price, one.exit_idx, one.exit_price)
            for one in portfolio.trades.records.itertuples()
            if one.status == 1
        ]

    return run


FAST, SLOW = range(5, 21), range(25, 55)
SWEPT_AT_ONCE = 60  # columns: all 480 would take gigabytes


def of_vectorbt_sweep(frame: pd.DataFrame) -> Any:
    import vectorbt as vbt

    sets = [(fast, slow) for fast in FAST for slow in SLOW]
    prices = frame["Open"].to_numpy().copy()
    prices[-1] = frame["Close"].iloc[-1]  # what is open then is closed at the last close

    def run() -> list[list[float]]:
        lines = {length: ema(frame["Close"], length) for length in (*FAST, *SLOW)}
        found: list[list[float]] = []
        for first in range(0, len(sets), SWEPT_AT_ONCE):
            some = sets[first : first + SWEPT_AT_ONCE]
            fast, slow = (np.column_stack([lines[one[place]] for one in some]) for place in (0, 1))
            enter, leave = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
            # True at a close, filled at the next open.
            enter[2:] = (fast[1:-1] > slow[1:-1]) & (fast[:-2] <= slow[:-2])
            leave[2:] = (fast[1:-1] < slow[1:-1]) & (fast[:-2] >= slow[:-2])
            enter[-1], leave[-1] = False, True
            portfolio = vbt.Portfolio.from_signals(
                frame["Close"], enter, leave, price=prices[:, None], size=1.0, fees=FEE, init_cash=CASH, freq="1min"
            )
            found += zip(portfolio.total_profit().tolist(), portfolio.trades.count().tolist(), strict=True)
        return found

    return run


def told(entry_bar: int, entry: float, exit_bar: int, left: float) -> list[float]:
    return [int(entry_bar), float(entry), int(exit_bar), float(left), float(left - entry - FEE * (entry + left))]


def main() -> None:
    peer, path = sys.argv[1:3]
    runs = {
        "backtesting": of_backtesting,
        "backtrader": of_backtrader,
        "vectorbt": of_vectorbt,
        "vectorbt-sweep": of_vectorbt_sweep,
    }
    answer(runs[peer](candles(path)))


def answer(run: Any) -> None:
    """Once, where `once` was asked for behind the candles; else for each line."""
    if sys.argv[-1] == "once":
        print(json.dumps(timed(run)))
        return
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(timed(run)), flush=True)


def timed(run: Any) -> dict[str, Any]:
    started = time.perf_counter()
    cpu = time.process_time()
    trades = run()
    return {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu, "trades": trades}


if __name__ == "__main__":
    assert Path(sys.argv[2]).is_file()
    main()
