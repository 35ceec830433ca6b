"""Columns as a file has them, before anybody has looked at what they say.

Lives here: `Rows`, their names, and putting pieces together. Not here: reading (`delimited`, `frames`), judging
(`judging`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewright.strategy.candles import Candles
from tradewright.strategy.timeframe import Timeframe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIME = "open_time_ms"
PRICES = ("open", "high", "low", "close")
REQUIRED = (TIME, *PRICES, "volume")
COLUMNS = (*REQUIRED, "turnover")
BARS_MAX = 20_000_000  # of one file or series: nineteen years of 3-minute bars, 1.1 GB
TIME_MAX_MS = 253_402_300_799_999  # the end of the year 9999: what is later is no time in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Columns of one length, in the file's order. A cell without a number is NaN; so is an absent turnover."""

    open_time_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    turnover: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.open_time_ms)

    def candles(self, timeframe: Timeframe) -> Candles:
        """The same columns; the caller has judged them."""
        return Candles(timeframe=timeframe, **{name: getattr(self, name) for name in COLUMNS})

    def take(self, which: Any) -> Rows:
        """Some rows: a slice, or an array of indices or of booleans."""
        return Rows(**{name: getattr(self, name)[which] for name in COLUMNS})

    def ends(self) -> tuple[int, int] | None:
        """The first and the last open time of rows in order; None where there are none."""
        return (int(self.open_time_ms[0]), int(self.open_time_ms[-1])) if len(self) else None


def rows_of(candles: Candles) -> Rows:
    return Rows(**{name: getattr(candles, name) for name in COLUMNS})


def joined(pieces: list[list[NDArray[Any]]]) -> Rows:
    """Rows of pieces, each a column of `COLUMNS` after another. Empties `pieces`: a million bars are there once, and
    one column of them twice."""
    import numpy as np

    columns: dict[str, NDArray[Any]] = {}
    by_column = [list(column) for column in zip(*pieces, strict=True)] or [[] for _ in COLUMNS]
    pieces.clear()
    by_column.reverse()
    for name in COLUMNS:
        parts = by_column.pop()
        kind = np.int64 if name == TIME else np.float64
        columns[name] = np.concatenate(parts) if parts else np.empty(0, dtype=kind)
        parts.clear()
    return Rows(**columns)
