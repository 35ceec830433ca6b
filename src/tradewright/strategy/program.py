"""A checked spec's expressions as a list of steps: what every evaluator runs, and the only thing it needs to know.

Names are gone: params are constants, a series stands where it is named, and equal sub-expressions on the same bars are
one step, so each is worked out once however often it is named. A step refers only to steps before it.
Values are doubles: unknown is NaN; a condition is 1.0, 0.0 or NaN. Equality is exact.

Lives here: the shape. Made by `strategy.check.compiling` from an expression tree; run by `strategy.evaluate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradewright.strategy.timeframe import Timeframe

FIELDS = ("open", "high", "low", "close", "volume", "turnover", "hl2", "hlc3", "ohlc4")
TIMES = ("hour", "minute", "weekday", "day", "month")  # of the bar's close
OPEN_TIME = "open_time"  # milliseconds; only functions that begin anew each day take it (`vwap`)
POSITION_FIELDS = tuple(f"position.{name}" for name in ("side", "entry_price", "bars", "pnl_pct", "best_pnl_pct"))
OPERATORS = ("+", "-", "*", "/", "%", "neg", "<", "<=", ">", ">=", "==", "!=", "and", "or", "not")
CONSTANT, HISTORY, RESAMPLE = "constant", "history", "resample"


@dataclass(frozen=True, slots=True)
class Step:
    """One value per bar of `timeframe`.

    `name` is one of FIELDS, TIMES, OPEN_TIME, POSITION_FIELDS, OPERATORS, CONSTANT, HISTORY, RESAMPLE or a function.
    `arguments` are indices of earlier steps: a function's series in the order of its signature, behind them the bar's
    fields that it reads by itself (`functions.table`: `atr` reads high, low, close). `constants` are its lengths and
    multipliers in the order of its signature; of CONSTANT its value, of HISTORY how many bars back.
    RESAMPLE takes one argument on longer bars: its value at the latest of them that is closed at this bar's close.
    A CONSTANT, and what is made of constants only, stands on the timeframe on which it is used.
    """

    name: str
    timeframe: Timeframe
    arguments: tuple[int, ...] = ()
    constants: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """`outputs` names steps on the base timeframe: `rules.enter_long` …, `series.NAME`, `dca.start`,
    `protect.stop_loss.price`, `protect.take_profit.price`, `protect.stop_loss.atr`, `protect.take_profit.atr`
    (the ATR itself, not times its factor).
    """

    base: Timeframe
    steps: tuple[Step, ...]
    outputs: Mapping[str, int]

    def of_position(self) -> frozenset[int]:
        """The steps whose value hangs on the position held: they cannot be worked out before a run."""
        found: set[int] = set()
        for index, step in enumerate(self.steps):
            if step.name in POSITION_FIELDS or any(argument in found for argument in step.arguments):
                found.add(index)
        return frozenset(found)
