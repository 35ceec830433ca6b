"""A recording of candles, checked row by row when it is read.

Lives here: the check, and the rows as candles with exactly the file's decimals. Not here: playing (`candle_track`).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tradewright.simulator.market.errors import RecordingError
from tradewright.simulator.market.intervals import is_aligned
from tradewright.simulator.market.model import Kline
from tradewright.simulator.market.recorded.rows import (
    DECIMAL,
    MOMENT,
    PRICE,
    Rows,
    Shape,
    decimals_of,
    fault_in,
    header_of,
    require_order,
)

COLUMNS: Final = ("open_time_ms", "open", "high", "low", "close", "volume", "turnover")
_PARSED_MAX: Final = 4_096  # candles kept parsed; a day of minutes is asked for again and again
_ROW: Final = re.compile(rb"(\d{1,15})," + b",".join([DECIMAL] * 5) + rb"," + DECIMAL + rb"?")


class CandleFile(Rows):
    """Bars of `base_ms`, not necessarily without holes."""

    __slots__ = ("_parsed", "base_ms")

    kind = "candles"

    def __init__(self, *, name: str, lines: list[bytes], times: array[int], base_ms: int) -> None:
        super().__init__(name=name, lines=lines, times=times)
        self.base_ms = base_ms
        self._parsed: dict[int, Kline] = {}
        self.price_decimals = max((decimals_of(cell) for line in lines for cell in line.split(b",", 5)[1:5]), default=0)

    @property
    def end_ms(self) -> int:
        """The moment at which the last bar is over."""
        return self._times[-1] + self.base_ms

    def bar(self, index: int) -> Kline:
        """One row as a closed candle. A turnover that the file does not have is volume times close."""
        bar = self._parsed.get(index)
        if bar is None:
            if len(self._parsed) >= _PARSED_MAX:
                self._parsed.clear()
            bar = self._parsed[index] = self._bar(index)
        return bar

    def _bar(self, index: int) -> Kline:
        cells = self._lines[index].decode("ascii").split(",")
        first, high, low, close, volume = map(Decimal, cells[1:6])
        start_ms = self._times[index]
        return Kline(
            start_ms=start_ms,
            end_ms=start_ms + self.base_ms - 1,
            open=first,
            high=high,
            low=low,
            close=close,
            volume=volume,
            turnover=Decimal(cells[6]) if cells[6] else volume * close,
            confirm=True,
        )


def candles_of(path: str, lines: Sequence[bytes]) -> CandleFile:
    """Check the lines of a recording, the header first.

    Raises `RecordingError` naming file, line, value and what is allowed.
    """
    if header_of(lines) != ",".join(COLUMNS):
        raise RecordingError(
            f"{path}, line 1: the header is {header_of(lines)[:120]!r}; it must be {','.join(COLUMNS)!r}"
        )
    rows = list(lines[1:])
    if len(rows) < 2:
        raise RecordingError(f"{path} has {len(rows)} rows; at least 2 are needed to know how long a bar is")
    opens = array("q")
    for number, line in enumerate(rows, start=2):
        opens.append(_checked_row(path, number, line, opens[-1] if opens else -1))
    base_ms = min(after - before for before, after in pairwise(opens))
    _check_grid(path, opens, base_ms)
    return CandleFile(name=path, lines=rows, times=opens, base_ms=base_ms)


def _checked_row(path: str, number: int, line: bytes, previous_ms: int) -> int:
    """Opening time of a row that breaks no rule."""
    match = _ROW.fullmatch(line)
    if match is None:
        raise RecordingError(f"{path}, line {number}: {fault_in(line, _shapes())}")
    open_ms = int(match[1])
    require_order(path, number, "open_time_ms", open_ms, previous_ms, strictly=True)
    first, high, low, close = (Decimal(match[place].decode()) for place in (2, 3, 4, 5))
    if not 0 < low <= min(first, close) <= max(first, close) <= high:
        raise RecordingError(
            f"{path}, line {number}: open {first}, high {high}, low {low}, close {close}; "
            "open and close must lie between low and high, and low above 0"
        )
    return open_ms


def _shapes() -> dict[str, Shape]:
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume"), PRICE)
    maybe = (re.compile(DECIMAL + rb"|").fullmatch, "plain decimal text such as 2300413.7295, or empty")
    return {"open_time_ms": MOMENT, **numbers, "turnover": maybe}


def _check_grid(path: str, opens: array[int], base_ms: int) -> None:
    for index, open_ms in enumerate(opens):
        if not is_aligned(base_ms, open_ms):
            raise RecordingError(
                f"{path}, line {index + 2}: open_time_ms {open_ms} is off the grid; "
                f"the shortest step between rows is {base_ms} ms, and every bar must open at a multiple of it"
            )
