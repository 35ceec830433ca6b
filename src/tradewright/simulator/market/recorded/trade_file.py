"""A recording of public trades, and the one-minute candles they make.

Lives here: the check, the rows as trades with exactly the file's ids, sides and decimals, and the minutes added up
once when the file is read. Not here: playing (`trade_track`). A minute without a trade has no candle.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from tradewright.simulator.market.bars import OpenBar
from tradewright.simulator.market.errors import RecordingError
from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.model import Side
from tradewright.simulator.market.recorded.candle_file import CandleFile
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

COLUMNS: Final = ("time_ms", "id", "side", "price", "size")
_ROW: Final = re.compile(rb"(\d{1,15}),([!-+\--~]{1,64}),(Buy|Sell)," + DECIMAL + b"," + DECIMAL)
_SHAPES: Final[dict[str, Shape]] = {
    "time_ms": MOMENT,
    "id": (re.compile(rb"[!-+\--~]{1,64}").fullmatch, "1 to 64 visible characters"),
    "side": (re.compile(rb"Buy|Sell").fullmatch, "Buy or Sell (the taker's side)"),
    "price": PRICE,
    "size": SIZE,
}


class RecordedTrade(NamedTuple):
    """One row."""

    time_ms: int
    trade_id: str
    side: Side
    price: Decimal
    size: Decimal


class TradeFile(Rows):
    """Trades; several may share a moment. `minutes` are the candles of all of them."""

    __slots__ = ("minutes",)

    kind = "trades"

    def __init__(self, *, name: str, lines: list[bytes], times: array[int]) -> None:
        super().__init__(name=name, lines=lines, times=times)
        self.minutes = _minutes(name, self)
        self.price_decimals = max(decimals_of(line.split(b",", 4)[3]) for line in lines)
        self.size_decimals = max(decimals_of(line.split(b",", 4)[4]) for line in lines)

    def trade(self, index: int) -> RecordedTrade:
        _, trade_id, side, price, size = self._lines[index].decode("ascii").split(",")
        bought: Side = "Buy" if side == "Buy" else "Sell"
        return RecordedTrade(self._times[index], trade_id, bought, Decimal(price), Decimal(size))


def trades_of(path: str, lines: Sequence[bytes]) -> TradeFile:
    """Check the lines of a recording of trades, the header first. Raises `RecordingError`."""
    rows = list(lines[1:])
    if not rows:
        raise RecordingError(f"{path} has 0 rows; at least 1 trade is needed")
    times = array("q")
    for number, line in enumerate(rows, start=2):
        match = _ROW.fullmatch(line)
        if match is None:
            raise RecordingError(f"{path}, line {number}: {fault_in(line, _SHAPES)}")
        times.append(int(match[1]))
        positive(path, number, price=match[4], size=match[5])
        require_order(path, number, "time_ms", times[-1], times[-2] if len(times) > 1 else -1, strictly=False)
    return TradeFile(name=path, lines=rows, times=times)


def _minutes(name: str, trades: TradeFile) -> CandleFile:
    """Candles of one minute, kept as lines: far smaller than values, and most are never asked for."""
    lines: list[bytes] = []
    opens = array("q")
    bar: OpenBar | None = None
    for index in range(len(trades)):
        trade = trades.trade(index)
        start_ms = trade.time_ms - trade.time_ms % MINUTE_MS
        if bar is not None and bar.start_ms == start_ms:
            bar.add(trade.price, trade.size)
            continue
        if bar is not None:
            lines.append(_line(bar))
        bar = OpenBar(start_ms, trade.price, trade.size)
        opens.append(start_ms)
    assert bar is not None, "a recording has at least one trade"
    lines.append(_line(bar))
    return CandleFile(name=name, lines=lines, times=opens, base_ms=MINUTE_MS)


def _line(bar: OpenBar) -> bytes:
    numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.turnover)
    return ",".join([str(bar.start_ms), *(format(number, "f") for number in numbers)]).encode()
