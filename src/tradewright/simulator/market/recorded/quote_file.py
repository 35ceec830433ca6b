"""A recording of best bid and ask: a book of one level a side.

Lives here: the check, and the rows as levels with exactly the file's decimals. Not here: playing (`book_track`).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.errors import RecordingError
from tradewright.simulator.market.model import Level
from tradewright.simulator.market.recorded.rows import (
    DECIMAL,
    MOMENT,
    PRICE,
    SIZE,
    Rows,
    Shape,
    decimals_of,
    fault_in,
    positive,
    require_order,
)

COLUMNS: Final = ("time_ms", "bid", "bid_size", "ask", "ask_size")
_ROW: Final = re.compile(rb"(\d{1,15})," + b",".join([DECIMAL] * 4))
_SHAPES: Final[dict[str, Shape]] = {"time_ms": MOMENT, "bid": PRICE, "bid_size": SIZE, "ask": PRICE, "ask_size": SIZE}


class QuoteFile(Rows):
    """Quotes; several may share a moment."""

    __slots__ = ()

    kind = "best bid and ask"

    def __init__(self, *, name: str, lines: list[bytes], times: array[int]) -> None:
        super().__init__(name=name, lines=lines, times=times)
        cells = [line.split(b",") for line in lines]
        self.price_decimals = max(decimals_of(row[place]) for row in cells for place in (1, 3))
        self.size_decimals = max(decimals_of(row[place]) for row in cells for place in (2, 4))

    def quote(self, index: int) -> tuple[Level, Level]:
        """Best bid and best ask of one row."""
        _, bid, bid_size, ask, ask_size = self._lines[index].decode("ascii").split(",")
        return (Decimal(bid), Decimal(bid_size)), (Decimal(ask), Decimal(ask_size))


def quotes_of(path: str, lines: Sequence[bytes]) -> QuoteFile:
    """Check the lines of a recording of quotes, the header first. Raises `RecordingError`."""
    rows = list(lines[1:])
    if not rows:
        raise RecordingError(f"{path} has 0 rows; at least 1 quote is needed")
    times = array("q")
    for number, line in enumerate(rows, start=2):
        match = _ROW.fullmatch(line)
        if match is None:
            raise RecordingError(f"{path}, line {number}: {fault_in(line, _SHAPES)}")
        times.append(int(match[1]))
        require_order(path, number, "time_ms", times[-1], times[-2] if len(times) > 1 else -1, strictly=False)
        positive(path, number, bid=match[2], bid_size=match[3], ask=match[4], ask_size=match[5])
        if Decimal(match[2].decode()) > Decimal(match[4].decode()):
            raise RecordingError(
                f"{path}, line {number}: bid {match[2].decode()} is above ask {match[4].decode()}; "
                "a quote must not be crossed"
            )
    return QuoteFile(name=path, lines=rows, times=times)
