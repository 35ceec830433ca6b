"""One file of trades that a person has, as bars of a series; what was made of it is told.

Lives here: which bars of it are whole. Not here: reading and grouping (`trade_files`, `trade_bars`), storing
(`importing`).

A file called as the archive calls it has all trades of its day or month. Of any other file nobody knows where it was
cut: its first and last bar may lack trades, so they are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tradewright.core.clock import from_milliseconds
from tradewright.market.history.archive_names import dated
from tradewright.market.history.faults import bad_file
from tradewright.market.history.rows import Rows
from tradewright.market.history.series import Series
from tradewright.market.history.trade_bars import FileBars, Span, Whole, bars_of, rows_of_bars, whole
from tradewright.market.history.trade_files import trades_of
from tradewright.strategy.timeframe import Timeframe, length_ms, open_of


def rows_of_trades(lines: Iterator[bytes], series: Series, name: str) -> tuple[Rows, tuple[str, ...]]:
    """Whole bars, oldest first, and notes for people. Raises `BadCandles` (`bad_file`): no such trades, those of
    another listing, or not one whole bar."""
    called = dated(name)
    if called is not None and (called.category, called.symbol) != (series.category, series.symbol):
        raise bad_file(
            f"{name} is called as trades of {called.symbol} ({called.category}), and"
            f" {series.symbol} ({series.category}) was asked for"
        )
    frames = trades_of(lines, category=series.category, symbol=series.symbol, name=name)
    file = bars_of(frames, series.timeframe, None if called is None else called.span, name)
    if file is None:
        raise bad_file(f"{name} has the columns of trades, and no trade")
    span = _whole_bars(file if called is None else called.span, series.timeframe)
    if span is None:
        raise bad_file(f"{name} has no whole bar of {series.timeframe}; take a shorter timeframe or more trades")
    rows = rows_of_bars([file])
    before = rows.close[rows.open_time_ms < span.first_ms]
    rows = rows.take((rows.open_time_ms >= span.first_ms) & (rows.open_time_ms < span.end_ms))
    made = whole(rows, length_ms(series.timeframe), span, float(before[-1]) if len(before) else None)
    if not len(made.rows):
        raise bad_file(f"{name} has no trade in a whole bar of {series.timeframe}; take a shorter timeframe")
    notes = [f"candles of {series.timeframe} were made of {file.trades} trades", *notes_of(file, made)]
    if called is None:
        notes.append(
            "the first and the last bar may lack trades and were left out; a whole day's file is called as Bybit's"
            " archive calls it, such as BTCUSDT2024-01-31.csv.gz or BTCUSDT_2024-01-31.csv.gz"
        )
    return made.rows, tuple(notes)


def notes_of(file: FileBars, made: Whole) -> list[str]:
    """What a person should know of one file's bars."""
    notes = []
    if file.is_newest_first:
        notes.append("the file goes from the newest to the oldest")
    if file.outside:
        notes.append(f"{file.outside} trades are not of the span that the file is named for, and were left out")
    if made.flat:
        begin = from_milliseconds(made.flat_from_ms).strftime("%Y-%m-%d %H:%M")
        notes.append(
            f"{made.flat} of {len(made.rows)} bars had no trade and are flat; the most in a row, {made.flat_run}, from"
            f" {begin}"
        )
    return notes


def _whole_bars(covered: FileBars | Span, timeframe: Timeframe) -> Span | None:
    """The bars that lie in what is covered; of a file whose ends are unknown neither the first nor the last."""
    length = length_ms(timeframe)
    if isinstance(covered, Span):
        first_ms, end_ms = open_of(covered.first_ms + length - 1, timeframe), open_of(covered.end_ms, timeframe)
    else:
        first_ms, end_ms = open_of(covered.first_ms, timeframe) + length, open_of(covered.last_ms, timeframe)
    return Span(first_ms=first_ms, end_ms=end_ms) if first_ms < end_ms else None
