"""Candles as columns: what an evaluator and a backtest read.

Not here: reading them from files and finding what is wrong with them (`market.history`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewright.strategy.timeframe import Timeframe

if TYPE_CHECKING:  # numpy takes a tenth of a second to import: only who has candles pays for it
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Closed bars of one timeframe, oldest first, all columns of one length.

    Prices are quote per base, volume base, turnover quote. A price is the double nearest to its text, so its shortest
    text (`repr`) is the recorded one again. An absent turnover is NaN. `open_time_ms` grows strictly; a gap is a step
    of more than the timeframe's length.
    """

    timeframe: Timeframe
    open_time_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    turnover: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.open_time_ms)
