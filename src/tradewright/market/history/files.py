"""Candles from a file, as backtests take them: CSV with a header (also .gz), Parquet or Feather; `-` is standard input.

Lives here: `read_candles` and what it is made of. Not here: the readers of each kind (`delimited`, `frames`), what is
wrong with candles (`judging`), files of other programs with other names (`importing`).

Columns are found by name: `open_time_ms, open, high, low, close, volume[, turnover]`; others are ignored. What kind of
file it is its first bytes say. Nothing is mended but, when asked, gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.market.history.delimited import Wanted, columns_of_pieces
from tradewright.market.history.faults import BadCandles, bad_file
from tradewright.market.history.frames import columns_of_table, table_of
from tradewright.market.history.judging import faults_of, filled
from tradewright.market.history.rows import BARS_MAX, PRICES, TIME, Rows, joined
from tradewright.market.history.source import Source, kind_of, name_of, opened, whole_frame, whole_lines
from tradewright.strategy.candles import Candles
from tradewright.strategy.timeframe import Timeframe, length_ms

CANDLE_COLUMNS = Wanted(whole=TIME, numbers=(*PRICES, "volume"), optional=("turnover",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """`filled_bars`: how many bars were put into gaps."""

    candles: Candles
    filled_bars: int


def read_candles(source: Source, timeframe: Timeframe, *, fill_gaps: bool = False) -> Candles:
    """The candles of a path, an open binary stream, or `-`. A stream stays open.

    Raises `CannotOpen`, and `BadCandles` with every kind of fault found and the first twenty times of each.
    """
    return read(source, timeframe, fill_gaps=fill_gaps).candles


def read(source: Source, timeframe: Timeframe, *, fill_gaps: bool = False) -> Read:
    """As `read_candles`, with what was mended."""
    rows = read_rows(source)
    length = length_ms(timeframe)
    faults = faults_of(rows, length)
    if fill_gaps and faults and all(fault.code == "gap" for fault in faults):
        before = len(rows)
        rows, faults = filled(rows, length), []
        return Read(candles=rows.candles(timeframe), filled_bars=len(rows) - before)
    if faults:
        name = name_of(source)
        raise BadCandles([fault.of(name) for fault in faults])
    return Read(candles=rows.candles(timeframe), filled_bars=0)


def read_rows(source: Source) -> Rows:
    """The columns as they stand in the file, not judged. Raises `CannotOpen`, `BadCandles` (`bad_file`)."""
    name = name_of(source)
    with opened(source) as stream:
        kind = kind_of(stream)
        if kind != "text":
            table = table_of(whole_frame(stream, name), kind, name)
            return joined([columns_of_table(table, CANDLE_COLUMNS)])
        pieces = []
        rows = 0
        for columns in columns_of_pieces(whole_lines(stream, name), CANDLE_COLUMNS, name):
            pieces.append(columns)
            rows += len(columns[0])
            if rows > BARS_MAX:
                raise bad_file(f"{name} has more than {BARS_MAX} bars; split it")
        return joined(pieces)
