"""Indicators brought up to date at one closed bar: seven of them, as one strategy of a live bot asks for them.

Ours is each function's step alone, and the bot's own evaluator with them (a checked program, bar by bar, known and
unknown kept apart, the outputs of a close kept). Beside it: talipp, which is made for updates, and TA-Lib as it is used
where updates are wanted: a window of the last 500 bars, moved on by one and worked out anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import talib
from tests.bench.harness import Row

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from support.peers import peers_python
from support.strategy_series import rows as bars_of
from support.strategy_series import series
from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.functions.definitions import DEFINITIONS, typed
from tradewright.strategy.program import Program, Step

BARS = 1_000
WINDOW = 500


def rows() -> list[Row]:
    candles = series("btcusdt-linear-1m-sample.csv.gz", BARS + WINDOW)
    sides = {"seven indicators updated, alone": _alone(candles), "the same in a bot's evaluator": _ours(candles)}
    peers = ((_talipp(candles), "talipp", 2, 4), (_talib(candles), f"TA-Lib over {WINDOW} bars", 5, 10))
    return [
        Row(name=name, ours=ours, peer=peer, peer_name=peer_name, operations=BARS, must=must, goal=goal)
        for name, ours in sides.items()
        for peer, peer_name, must, goal in peers
    ]


def _step(name: str, arguments: Sequence[int] = (), constants: Sequence[float] = ()) -> Step:
    return Step(name, "1m", tuple(arguments), tuple(constants))


PROGRAM = Program(
    "1m",
    (
        _step("high"),
        _step("low"),
        _step("close"),
        _step("ema", [2], [12.0]),
        _step("sma", [2], [20.0]),
        _step("rsi", [2], [14.0]),
        _step("atr", [0, 1, 2], [14.0]),
        _step("bb_upper", [2], [20.0, 2.0]),
        _step("macd_hist", [2], [12.0, 26.0, 9.0]),
        _step("stoch_k", [0, 1, 2], [14.0, 3.0, 3.0]),
    ),
    {f"series.{place}": place for place in range(3, 10)},
)


def _alone(candles: Candles) -> Callable[[], None]:
    """Each function's step, as the evaluator holds it, and nothing around it: what a peer's `add` is."""
    columns = [column[WINDOW:].tolist() for column in (candles.high, candles.low, candles.close)]

    def run() -> None:
        steps = []
        for step in PROGRAM.steps[len(columns) :]:
            definition, constants = DEFINITIONS[step.name], typed(step.name, step.constants)
            memory = [0.0] * definition.cells(*constants)
            steps.append((partial(definition.step, memory, 0, *constants), len(step.arguments) == 1))
        for behind, high, low, close in zip(range(BARS), *columns, strict=True):
            for update, is_of_close in steps:
                if is_of_close:
                    update(behind, close)
                else:
                    update(behind, high, low, close)

    return run


def _ours(candles: Candles) -> Callable[[], None]:
    bars = bars_of(candles)[WINDOW:]

    def run() -> None:
        evaluator = Evaluator(PROGRAM)
        for bar in bars:
            evaluator.close(bar)

    return run


def _talipp(candles: Candles) -> Callable[[], None]:
    """Pure Python, installed into an environment of the bench's own and imported from there."""
    found = sorted((peers_python("indicators").parents[1] / "lib").glob("python*/site-packages"))
    sys.path.append(str(found[-1]))
    from talipp.indicators import ATR, BB, EMA, MACD, RSI, SMA, Stoch
    from talipp.ohlcv import OHLCV

    closes = candles.close[WINDOW:].tolist()
    bars: list[Any] = [OHLCV(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars_of(candles)[WINDOW:]]

    def run() -> None:
        of_close = (EMA(12), SMA(20), RSI(14), BB(20, 2.0), MACD(12, 26, 9))
        of_bar = (ATR(14), Stoch(14, 3))
        for close, bar in zip(closes, bars, strict=True):
            for indicator in of_close:
                indicator.add(close)
            for indicator in of_bar:
                indicator.add(bar)

    return run


def _talib(candles: Candles) -> Callable[[], None]:
    columns = np.array((candles.high, candles.low, candles.close))
    new_bars = list(columns[:, WINDOW:].T.copy())

    def run() -> None:
        window = columns[:, :WINDOW].copy()
        highs, lows, closes = window
        for bar in new_bars:
            window[:, :-1] = window[:, 1:]
            window[:, -1] = bar
            _ = (
                talib.EMA(closes, 12)[-1],
                talib.SMA(closes, 20)[-1],
                talib.RSI(closes, 14)[-1],
                talib.ATR(highs, lows, closes, 14)[-1],
                talib.BBANDS(closes, 20, 2.0, 2.0)[0][-1],
                talib.MACD(closes, 12, 26, 9)[2][-1],
                talib.STOCH(highs, lows, closes, 14, 3, 0, 3, 0)[0][-1],
            )

    return run


if __name__ == "__main__":
    from tests.bench.harness import measure, table

    print(table([measure(row) for row in rows()]))
