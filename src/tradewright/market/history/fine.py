"""Finer candles beside those of a strategy: what happened inside each bar.

Lives here: reading them, and which of them lie in which bar. Not here: walking them (`backtest`).

Their spacing is found in the file; it must go into the bar a whole number of times. They may have gaps and need not
reach as far as the bars: a bar that they do not cover completely has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewright.market.history.faults import BadCandles, CandleFault
from tradewright.market.history.files import read_rows
from tradewright.market.history.judging import faults_of, spacing_ms
from tradewright.market.history.rows import Rows
from tradewright.market.history.source import Source, name_of
from tradewright.strategy.candles import Candles
from tradewright.strategy.timeframe import Timeframe, length_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FineCandles:
    """`spacing_ms` or a multiple of it apart, oldest first; prices and volume as in `Candles`."""

    spacing_ms: int
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)


def read_fine_candles(source: Source, base: Timeframe) -> FineCandles:
    """As `files.read_candles`, for bars inside those of `base`; their timeframe need not be one of the twelve.

    Raises `CannotOpen`, and `BadCandles`: `wrong_timeframe` where the spacing does not go into `base` a whole number of
    times, and whatever else may be wrong, but gaps.
    """
    rows = read_rows(source)
    spacing = spacing_ms(rows.open_time_ms) or length_ms(base)  # one bar alone: it may be as long as the base's
    if length_ms(base) % spacing:
        message = f"the bars are {spacing} ms apart, which does not go into {base} a whole number of times"
        faults = [CandleFault(code="wrong_timeframe", message=message, count=len(rows))]
    else:
        faults = faults_of(rows, spacing, with_gaps=False)
    if faults:
        name = name_of(source)
        raise BadCandles([fault.of(name) for fault in faults])
    return FineCandles(spacing_ms=spacing, rows=rows)


def cover(candles: Candles, fine: FineCandles) -> tuple[NDArray[np.int64], int]:
    """For each bar the index of its first fine bar, −1 where they do not cover it completely; and how many follow it.

    A bar that is covered has all its fine bars, the first at its own open.
    """
    import numpy as np

    length = length_ms(candles.timeframe)
    inside = length // fine.spacing_ms
    opens = fine.rows.open_time_ms
    first = np.searchsorted(opens, candles.open_time_ms, side="left")
    behind = np.searchsorted(opens, candles.open_time_ms + length, side="left")
    complete = behind - first == inside
    complete[complete] = opens[first[complete]] == candles.open_time_ms[complete]
    return np.where(complete, first, -1).astype(np.int64), inside
