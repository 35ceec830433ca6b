"""Candle files of others: other names of columns, none at all, times in other units, the newest first.

Lives here: finding out what a file is, and taking it into the store. Not here: the contract's own files, which a
backtest takes as they are (`files`), and what is wrong with candles (`judging`).

What is guessed is told (`Foreign.notes`), and prices are never touched. Candles are made of trades as Bybit's archive
has them (`trade_import`); what is something else is refused by its name: other trades, quotes, order books, funding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from tradewright.core.instrument import Category
from tradewright.market.history.delimited import Wanted, columns_of_pieces, header_of
from tradewright.market.history.faults import BadCandles, CandleFault, bad_file
from tradewright.market.history.frames import columns_of_table, table_of
from tradewright.market.history.judging import spacing_ms
from tradewright.market.history.merging import OnConflict
from tradewright.market.history.rows import BARS_MAX, PRICES, TIME, Rows, joined
from tradewright.market.history.series import Origin, Series
from tradewright.market.history.source import Source, kind_of, name_of, opened, whole_frame, whole_lines
from tradewright.market.history.store import Added, DataStore
from tradewright.market.history.trade_files import shape_of
from tradewright.market.history.trade_import import rows_of_trades
from tradewright.strategy.timeframe import TIMEFRAMES, Timeframe, length_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of exchanges' archives, of freqtrade, of Bybit's own answers.
FOREIGN_COLUMNS = Wanted(
    whole=TIME,
    numbers=(*PRICES, "volume"),
    optional=("turnover",),
    aliases={
        TIME: (
            "open_time",
            "opentime",
            "start_time",
            "starttime",
            "start",
            "timestamp",
            "datetime",
            "date",
            "time",
            "ts",
        ),
        "open": ("o",),
        "high": ("h",),
        "low": ("l",),
        "close": ("c",),
        "volume": ("v", "base_volume"),
        "turnover": ("quote_volume", "quote_asset_volume", "quotevolume"),
    },
    takes_dates=True,
)
# Files without a first line of names, by how many columns they have.
_WITHOUT_NAMES = {
    6: (TIME, *PRICES, "volume"),  # what ccxt gives
    7: (TIME, *PRICES, "volume", "turnover"),  # a row of Bybit's klines
    12: (
        TIME,
        *PRICES,
        "volume",
        "close_time",
        "turnover",
        "trades",
        "taker_base",
        "taker_quote",
        "ignored",
    ),  # Binance
}
# What else market data come as; the names that give it away.
_OTHER_KINDS = {
    "funding rates (give them to `tradewright backtest --funding`)": {"funding_rate", "fundingrate"},
    "trades": {
        "side",
        "taker_side",
        "is_buyer_maker",
        "buyer_maker",
        "aggressor_side",
        "trdmatchid",
    },
    "quotes": {"bid", "bid_price", "bidprice", "best_bid"},
    "an order book": {"bids", "asks", "orderbook"},
}
_SECONDS_MAX, _MILLISECONDS_MAX = 10**11, 10**14  # beyond: microseconds. In milliseconds these are 1973 and 5138


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """`rows`: oldest first where the file was in some order; not judged. `notes`: what was guessed, for people."""

    rows: Rows
    notes: tuple[str, ...]
    is_of_trades: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    series: Series
    added: Added
    notes: tuple[str, ...]


def import_candles(
    store: DataStore,
    source: Source,
    *,
    category: Category,
    symbol: str,
    timeframe: Timeframe | None = None,
    origin: Origin = "bybit",
    on_conflict: OnConflict = "refuse",
) -> Imported:
    """Takes a file into the store; without a `timeframe` the bars' own spacing says it, and trades become 1m.

    Raises `ValueError` for a name that is no series', `CannotOpen`, `BadCandles`, `StoreBusy`, `OSError`.
    """
    series = Series(category=category, symbol=symbol, timeframe=timeframe or "1m", origin=origin)
    name = name_of(source)
    foreign = read_foreign(source, trades_as=series)
    if timeframe is None and not foreign.is_of_trades:
        series = replace(series, timeframe=_timeframe_of(foreign.rows, name))
    try:
        added = store.add(series, foreign.rows, source=name, on_conflict=on_conflict)
    except BadCandles as bad:
        raise BadCandles([fault.of(name) for fault in bad.faults]) from None
    return Imported(series=series, added=added, notes=foreign.notes)


def read_foreign(source: Source, *, trades_as: Series | None = None) -> Foreign:
    """The columns of a file that somebody else wrote; trades become bars of `trades_as`, without it they are refused.
    Raises `CannotOpen`, and `BadCandles` (`bad_file`)."""
    name = name_of(source)
    notes: list[str] = []
    with opened(source) as stream:
        kind = kind_of(stream)
        if kind != "text":
            table = table_of(whole_frame(stream, name), kind, name)
            _refuse_other_kinds(table.columns, name)
            rows = joined([columns_of_table(table, FOREIGN_COLUMNS)])
        else:
            lines = whole_lines(stream, name)
            first = next(lines, b"")
            if trades_as is not None and shape_of(header_of(first.partition(b"\n")[0], name)) is not None:
                made, told = rows_of_trades(chain([first], lines), trades_as, name)
                return Foreign(rows=made, notes=told, is_of_trades=True)
            header = _header(first, name, notes)
            pieces, count = [], 0
            for columns in columns_of_pieces(
                chain([first], lines) if first else lines, FOREIGN_COLUMNS, name, header=header
            ):
                pieces.append(columns)
                count += len(columns[0])
                if count > BARS_MAX:
                    raise bad_file(f"{name} has more than {BARS_MAX} bars; split it")
            rows = joined(pieces)
    return _in_order(_in_milliseconds(rows, name, notes), notes)


def _header(first: bytes, name: str, notes: list[str]) -> Sequence[str] | None:
    """Names for a file whose first line has none; None where the file names its own."""
    line = first.partition(b"\n")[0]
    if line.lstrip()[:1] in (b"{", b"["):
        raise bad_file(
            f"{name} is JSON, such as messages of a stream or an order book; candles are CSV, Parquet or Feather"
        )
    cells = header_of(line, name)
    if not cells or not all(cell and cell[0] in "0123456789" for cell in cells[:6]):
        _refuse_other_kinds(cells, name)
        return None
    names = _WITHOUT_NAMES.get(len(cells))
    if names is None:
        known = ", ".join(map(str, _WITHOUT_NAMES))
        raise bad_file(f"{name} does not name its {len(cells)} columns; without names it must have {known} of them")
    notes.append(f"the file names no columns; they were taken to be {', '.join(names)}")
    return names


def _refuse_other_kinds(header: Sequence[str], name: str) -> None:
    names = {cell.lower() for cell in header}
    if set(PRICES) <= names:
        return
    for what, marks in _OTHER_KINDS.items():
        if names & marks:
            raise bad_file(f"{name} has {what}, not candles: its columns are {', '.join(header)[:200]}")


def _in_milliseconds(rows: Rows, name: str, notes: list[str]) -> Rows:
    import numpy as np

    if not len(rows):
        return rows
    latest = int(rows.open_time_ms.max())
    if latest < _SECONDS_MAX:
        notes.append("the times were taken to be in seconds")
        return _at(rows, rows.open_time_ms * 1_000)
    if latest < _MILLISECONDS_MAX:
        return rows
    if np.any(rows.open_time_ms % 1_000):
        raise bad_file(f"{name}: the times look like microseconds, and are not whole milliseconds")
    notes.append("the times were taken to be in microseconds")
    return _at(rows, rows.open_time_ms // 1_000)


def _at(rows: Rows, times: NDArray[np.int64]) -> Rows:
    columns = {field: getattr(rows, field) for field in (*PRICES, "volume", "turnover")}
    return Rows(open_time_ms=times, **columns)


def _in_order(foreign: Rows, notes: list[str]) -> Foreign:
    import numpy as np

    if len(foreign) > 1 and (np.diff(foreign.open_time_ms) < 0).all():
        notes.append("the file goes from the newest to the oldest")
        foreign = foreign.take(slice(None, None, -1))
    return Foreign(rows=foreign, notes=tuple(notes))


def _timeframe_of(rows: Rows, name: str) -> Timeframe:
    spacing = spacing_ms(rows.open_time_ms)
    if spacing is None:
        message = f"{name} has {len(rows)} bars, which does not say how long they are; name it with --timeframe"
        raise BadCandles([CandleFault(code="wrong_timeframe" if len(rows) else "no_candles", message=message)])
    for timeframe in TIMEFRAMES:
        if length_ms(timeframe) == spacing:
            return timeframe
    message = f"{name}: the bars are {spacing / 60_000:g} minutes apart, and there are {', '.join(TIMEFRAMES)}"
    raise BadCandles([CandleFault(code="wrong_timeframe", message=message, count=len(rows))])
