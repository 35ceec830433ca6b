"""What is wrong with columns of candles, and the one thing that can be mended: gaps.

Lives here: every kind of fault at once, over whole columns. Not here: where the columns come from (`files`, `store`).

A bar belongs to a grid: the open times that are a whole number of bars apart from most others. A bar beside it, or bars
whose commonest distance is another than the timeframe, are `wrong_timeframe`; then gaps mean nothing and are not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.market.history.faults import TIMES_TOLD_MAX, BadCandles, CandleCode, CandleFault
from tradewright.market.history.rows import BARS_MAX, PRICES, TIME_MAX_MS, Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SECONDS_BEFORE_MS = 100_000_000_000  # 1973 in milliseconds; in seconds every time of trading is before


def spacing_ms(open_time_ms: NDArray[np.int64], expected_ms: int | None = None) -> int | None:
    """The commonest difference of neighbouring open times; None with fewer than two times.

    Of equally common ones `expected_ms` if it is among them, else the smallest.
    """
    import numpy as np

    steps = np.diff(_in_order(open_time_ms))
    if not len(steps):
        return None
    if (steps == steps[0]).all():
        return int(steps[0])
    values, counts = np.unique(steps, return_counts=True)
    commonest = values[counts == counts.max()]
    return expected_ms if expected_ms in commonest else int(commonest[0])


def faults_of(rows: Rows, length_ms: int, *, with_gaps: bool = True) -> list[CandleFault]:
    """Every kind found, the gravest first; none when the rows are fit to be used as bars of `length_ms`.

    Without `with_gaps` bars may be missing.
    """
    if not len(rows):
        return [CandleFault(code="no_candles", message="there are no candles")]
    opens = rows.open_time_ms
    strange = opens[(opens < 0) | (opens > TIME_MAX_MS)]
    if len(strange):
        what = f"{len(strange)} open times are before 1970 or after 9999; they must be Unix milliseconds"
        return [_fault("bad_file", what, strange)]
    beside = _beside_the_grid(opens, length_ms)
    found = [beside] if beside is not None else []
    found += _order_faults(opens)
    if with_gaps and beside is None:
        gap = gap_of(opens, length_ms)
        found += [gap] if gap is not None else []
    bad = _bad_candles(rows)
    return found + ([bad] if bad is not None else [])


def gap_of(opens: NDArray[np.int64], length_ms: int) -> CandleFault | None:
    """Where bars are missing between others; `times` are the first missing ones. Takes any order of `opens`."""
    firsts, missing = gaps_in(opens, length_ms)
    if not len(firsts):
        return None
    total = int(missing.sum())
    message = f"bars are missing in {len(firsts)} places, {total} bars in all; --fill-gaps puts flat ones there"
    return _fault("gap", message, firsts)


def gaps_in(opens: NDArray[np.int64], length_ms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each gap the open time of its first missing bar, and how many bars are missing."""
    import numpy as np

    times = _in_order(opens)
    steps = np.diff(times)
    wide = steps > length_ms
    return times[:-1][wide] + length_ms, steps[wide] // length_ms - 1


def filled(rows: Rows, length_ms: int) -> Rows:
    """Without gaps: a missing bar is open = high = low = close = last close, volume and turnover 0.

    The rows must have no other fault of their times. Raises `BadCandles` (`gap`) where that would be too many bars.
    """
    import numpy as np

    opens = rows.open_time_ms
    if not len(rows) or not (np.diff(opens) > length_ms).any():
        return rows
    bars = int(opens[-1] - opens[0]) // length_ms + 1
    if bars > BARS_MAX:
        fault = gap_of(opens, length_ms)
        assert fault is not None, "more bars than there are rows means gaps"
        message = f"{fault.message}; that would be {bars} bars, and at most {BARS_MAX} are read: is a time wrong?"
        raise BadCandles([CandleFault(code="gap", message=message, count=fault.count, times=fault.times)])
    every = opens[0] + length_ms * np.arange(bars, dtype=np.int64)
    before = np.searchsorted(opens, every, side="right") - 1
    is_new = opens[before] != every
    columns = {name: np.where(is_new, rows.close[before], getattr(rows, name)[before]) for name in PRICES}
    nothing = {name: np.where(is_new, 0.0, getattr(rows, name)[before]) for name in ("volume", "turnover")}
    return Rows(open_time_ms=every, **columns, **nothing)


def outside_their_range(rows: Rows) -> NDArray[np.int64]:
    """Open times of bars whose open or close is not within low and high: they are taken, and a person should know."""
    low, high = rows.low, rows.high
    odd = (rows.open < low) | (rows.open > high) | (rows.close < low) | (rows.close > high)
    return rows.open_time_ms[odd]


def _beside_the_grid(opens: NDArray[np.int64], length: int) -> CandleFault | None:
    import numpy as np

    spacing = spacing_ms(opens, length)
    if spacing is None:
        return None
    if spacing != length:
        in_seconds = opens[-1] < _SECONDS_BEFORE_MS and spacing * 1_000 == length
        hint = "; the times look like seconds, and must be milliseconds" if in_seconds else ""
        message = f"the bars are {spacing} ms apart, where the timeframe is {length} ms{hint}"
        return CandleFault(code="wrong_timeframe", message=message, count=len(opens), times=_first(opens))
    if not (np.diff(opens) % length).any():
        return None
    phases, counts = np.unique(opens % length, return_counts=True)
    beside = opens[opens % length != phases[counts.argmax()]]
    message = f"{len(beside)} bars open inside other bars: not a whole number of bars from the rest"
    return _fault("wrong_timeframe", message, beside)


def _in_order(opens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each time once, the oldest first."""
    import numpy as np

    if (np.diff(opens) > 0).all():
        return opens
    times = np.sort(opens)  # not `unique`: with hashes it takes four seconds for a million times
    once: NDArray[np.int64] = times[np.append(True, np.diff(times) > 0)]
    return once


def _order_faults(opens: NDArray[np.int64]) -> list[CandleFault]:
    import numpy as np

    steps = np.diff(opens)
    if (steps > 0).all():
        return []
    order = np.argsort(opens, kind="stable")
    again = np.zeros(len(opens), dtype=np.bool_)
    again[order[1:]] = np.diff(opens[order]) == 0  # stable: of equal times the later rows
    back = np.zeros(len(opens), dtype=np.bool_)
    back[1:] = opens[1:] < np.maximum.accumulate(opens)[:-1]
    back &= ~again
    found = []
    if back.any():
        message = f"{back.sum()} bars are older than one before them; candles go from the oldest to the newest"
        if (steps < 0).all():
            message = "the bars go from the newest to the oldest; candles go from the oldest to the newest"
        found.append(_fault("disorder", message, opens[back]))
    if again.any():
        found.append(_fault("duplicate", f"{again.sum()} bars have the open time of an earlier row", opens[again]))
    return found


def _bad_candles(rows: Rows) -> CandleFault | None:
    import numpy as np

    reasons: dict[str, NDArray[np.bool_]] = {}
    for name in PRICES:
        prices = getattr(rows, name)
        reasons[f"{name} is not a positive, finite price"] = ~((prices > 0) & np.isfinite(prices))
    reasons["high is below low"] = rows.high < rows.low
    reasons["volume is negative or no number"] = ~((rows.volume >= 0) & np.isfinite(rows.volume))
    reasons["turnover is negative"] = (rows.turnover < 0) | np.isinf(rows.turnover)
    bad = np.logical_or.reduce(list(reasons.values()))
    if not bad.any():
        return None
    first = int(bad.argmax())
    why = next(reason for reason, where in reasons.items() if where[first])
    cells = ", ".join(f"{name} {getattr(rows, name)[first]!s}" for name in (*PRICES, "volume"))
    message = f"{int(bad.sum())} bars cannot be; the first, at {rows.open_time_ms[first]}: {why} ({cells})"
    return _fault("bad_candle", message, rows.open_time_ms[bad])


def _fault(code: CandleCode, message: str, times: NDArray[np.int64]) -> CandleFault:
    return CandleFault(code=code, message=message, count=len(times), times=_first(times))


def _first(times: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(time) for time in times[:TIMES_TOLD_MAX])
