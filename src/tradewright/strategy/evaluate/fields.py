"""A bar's fields and the times of its close, as whole columns and of one bar.

`hour minute weekday day month` are of the close, which is the open plus the timeframe's length, in UTC.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from tradewright.strategy.candles import Candles
from tradewright.strategy.program import OPEN_TIME
from tradewright.strategy.timeframe import DAY_MS, MINUTE_MS, length_ms

if TYPE_CHECKING:  # a bot that takes bar by bar needs no numpy
    import numpy as np
    from numpy.typing import NDArray

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = 3  # a Thursday; Monday is 0
_MINUTES_OF_HOUR, _HOURS_OF_DAY, _DAYS_OF_WEEK, _MONTHS_OF_YEAR = 60, 24, 7, 12


class Bar(NamedTuple):
    """One closed bar, in the units of `Candles`. An absent turnover is NaN."""

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float


def column(candles: Candles, name: str) -> NDArray[np.float64]:
    """A field or time of every bar. Not to be written to: it may be the candles' own."""
    match name:
        case "open" | "high" | "low" | "close" | "volume" | "turnover":
            found: NDArray[np.float64] = getattr(candles, name)
            return found
        case "hl2":
            return (candles.high + candles.low) / 2.0
        case "hlc3":
            return (candles.high + candles.low + candles.close) / 3.0
        case "ohlc4":
            return (candles.open + candles.high + candles.low + candles.close) / 4.0
        case _ if name == OPEN_TIME:
            return candles.open_time_ms.astype("float64")
        case _:
            return _time_column(candles.open_time_ms + length_ms(candles.timeframe), name).astype("float64")


def field(bar: Bar, bar_length_ms: int, name: str) -> float:
    """A field or time of one bar."""
    match name:
        case "open" | "high" | "low" | "close" | "volume" | "turnover":
            found: float = getattr(bar, name)
            return found
        case "hl2":
            return (bar.high + bar.low) / 2.0
        case "hlc3":
            return (bar.high + bar.low + bar.close) / 3.0
        case "ohlc4":
            return (bar.open + bar.high + bar.low + bar.close) / 4.0
        case _ if name == OPEN_TIME:
            return float(bar.open_time_ms)
        case _:
            return float(_time(bar.open_time_ms + bar_length_ms, name))


def _time_column(moments_ms: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    days = moments_ms // DAY_MS
    match name:
        case "minute":
            return moments_ms // MINUTE_MS % _MINUTES_OF_HOUR
        case "hour":
            return moments_ms // (_MINUTES_OF_HOUR * MINUTE_MS) % _HOURS_OF_DAY
        case "weekday":
            return (days + _EPOCH_WEEKDAY) % _DAYS_OF_WEEK
        case "month":
            months: NDArray[np.int64] = days.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
            return months % _MONTHS_OF_YEAR + 1
        case "day":
            as_days = days.astype("datetime64[D]")
            since_first: NDArray[np.int64] = (as_days - as_days.astype("datetime64[M]")).astype("int64")
            return since_first + 1
        case _:
            raise ValueError(f"{name} is no field or time of a bar")


def _time(moment_ms: int, name: str) -> int:
    days = moment_ms // DAY_MS
    match name:
        case "minute":
            return moment_ms // MINUTE_MS % _MINUTES_OF_HOUR
        case "hour":
            return moment_ms // (_MINUTES_OF_HOUR * MINUTE_MS) % _HOURS_OF_DAY
        case "weekday":
            return (days + _EPOCH_WEEKDAY) % _DAYS_OF_WEEK
        case "month":
            return date.fromordinal(_EPOCH_DAY + days).month
        case "day":
            return date.fromordinal(_EPOCH_DAY + days).day
        case _:
            raise ValueError(f"{name} is no field or time of a bar")
