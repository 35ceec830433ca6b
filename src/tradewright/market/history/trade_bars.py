"""Bars of trades: any number of trades of one file in any order, in memory bounded by the number of bars.

Lives here: grouping, and the bars in which nothing was traded. Not here: reading the file (`trade_files`).

A bar opens at its first trade's price and closes at its last one's. Of trades at one moment the file's order decides;
a file in which times fall more often than they rise goes from the newest to the oldest. A bar without a trade is flat
at the last close, with volume 0, where a price is known, as klines are understood to be; else it is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewright.market.history.faults import bad_file
from tradewright.market.history.judging import filled
from tradewright.market.history.rows import COLUMNS, PRICES, Rows
from tradewright.market.history.trade_files import UNITS
from tradewright.strategy.timeframe import WEEK_MS, Timeframe, length_ms, open_of

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

_TABLE_ROWS_MAX = 200_000  # of pieces that wait to become one
_TURNOVER_MAX = 1e14  # of one bar, in quote coin: whole numbers of 10⁻²⁴ in 128 bits reach a little further
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a file has of the market: everything from `first_ms` to before `end_ms`."""

    first_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBars:
    """`table`: a row for each bar with trades, in no order. `outside`: trades that are not of the file's span, which
    were left out. `first_ms` and `last_ms` are of the trades that were taken; 0 when there are none."""

    table: polars.DataFrame
    trades: int
    outside: int
    is_newest_first: bool
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """`flat`: how many of the rows had no trade; `flat_run`: the longest run of them, which opens at `flat_from_ms`."""

    rows: Rows
    flat: int
    flat_run: int
    flat_from_ms: int


def bars_of(frames: Iterable[polars.DataFrame], timeframe: Timeframe, span: Span | None, name: str) -> FileBars | None:
    """The bars of one file's frames (`trade_files.trades_of`); None for a file without a trade. Raises what the frames
    raise, and `BadCandles` (`bad_file`) where no trade is of the span, or a bar turns over too much to be added up."""
    import polars

    length = length_ms(timeframe)
    origin = open_of(WEEK_MS, timeframe) % length
    pieces: list[polars.DataFrame] = []
    waiting = trades = outside = rises = falls = 0
    before: int | None = None
    for frame in frames:
        if not frame.height:
            continue
        steps = frame["ns"].diff().drop_nulls()
        first, last = int(frame["ns"][0]), int(frame["ns"][-1])
        rises += int((steps > 0).sum()) + (before is not None and first > before)
        falls += int((steps < 0).sum()) + (before is not None and first < before)
        before = last
        if span is not None:
            inside = frame.filter(
                polars.col("ns").is_between(span.first_ms * _NS_PER_MS, span.end_ms * _NS_PER_MS, closed="left")
            )
            outside += frame.height - inside.height
            frame = inside
        trades += frame.height
        pieces.append(_grouped(_each_a_bar(frame, origin, length)))
        waiting += pieces[-1].height
        if waiting > _TABLE_ROWS_MAX:
            pieces = [_grouped(polars.concat(pieces))]
            waiting = pieces[0].height
    if not trades and outside:
        raise bad_file(f"{name} has {outside} trades, and none of them is of the span that it is named for")
    if not trades:
        return None
    table = _grouped(polars.concat(pieces))
    if float(table["worth"].max()) > _TURNOVER_MAX:  # type: ignore[arg-type]  # a column of doubles, not empty
        raise bad_file(f"{name}: a bar turns over more than {_TURNOVER_MAX:.0e}; is a price or a size wrong?")
    way = "down" if falls > rises else "up"
    return FileBars(
        table=table.with_columns(open=polars.col(f"open_{way}"), close=polars.col(f"close_{way}")),
        trades=trades,
        outside=outside,
        is_newest_first=falls > rises,
        first_ms=int(table["first_ns"].min()) // _NS_PER_MS,  # type: ignore[arg-type]
        last_ms=int(table["last_ns"].max()) // _NS_PER_MS,  # type: ignore[arg-type]
    )


def rows_of_bars(files: Sequence[FileBars]) -> Rows:
    """Bars with trades, oldest first, of files that follow each other: a week's bar has trades of seven. Sums are the
    doubles nearest to them."""
    import numpy as np
    import polars

    by_time = polars.concat([file.table for file in files]).sort("first_ns")
    bars = (
        by_time.group_by("open_time_ms", maintain_order=True)
        .agg(
            polars.col("open").first(),
            polars.col("high").max(),
            polars.col("low").min(),
            polars.col("close").last(),
            polars.col("volume_units", "turnover_units").sum(),
        )
        .sort("open_time_ms")
    )
    # Whole numbers by whole numbers: Python's division gives the nearest double.
    volume = [units / UNITS for units in bars["volume_units"].to_list()]
    turnover = [units / UNITS**2 for units in bars["turnover_units"].to_list()]
    return Rows(
        open_time_ms=bars["open_time_ms"].to_numpy().astype(np.int64),
        **{name: bars[name].to_numpy().astype(np.float64) for name in PRICES},
        volume=np.array(volume, dtype=np.float64),
        turnover=np.array(turnover, dtype=np.float64),
    )


def whole(rows: Rows, length: int, span: Span, close_before: float | None) -> Whole:
    """The bars of the span with flat ones where nothing was traded: after the first trade, and before it too when the
    close of the bar before the span is known."""
    import numpy as np

    known = rows.open_time_ms
    opens, closes = rows.open_time_ms, rows.close
    parts = [rows]
    if len(rows):
        if opens[0] > span.first_ms and close_before is not None:
            parts.insert(0, _flat_at(span.first_ms, close_before))
        last_ms = span.end_ms - length
        if opens[-1] < last_ms:
            parts.append(_flat_at(last_ms, float(closes[-1])))
    elif close_before is not None:
        parts = [_flat_at(open_ms, close_before) for open_ms in sorted({span.first_ms, span.end_ms - length})]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    complete = filled(Rows(**columns), length)
    is_flat = ~np.isin(complete.open_time_ms, known)
    run, at = _longest_run(is_flat)
    flat_from_ms = int(complete.open_time_ms[at]) if run else 0
    return Whole(rows=complete, flat=int(is_flat.sum()), flat_run=run, flat_from_ms=flat_from_ms)


def _each_a_bar(frame: polars.DataFrame, origin: int, length: int) -> polars.DataFrame:
    """Every trade as a bar of its own. `_up` and `_down`: the price if the file goes up in time, or down."""
    import polars

    price, ns = polars.col("price"), polars.col("ns")
    return frame.select(
        open_time_ms=(ns // _NS_PER_MS - origin) // length * length + origin,
        first_ns=ns,
        last_ns=ns,
        open_up=price,
        open_down=price,
        close_up=price,
        close_down=price,
        high=price,
        low=price,
        volume_units=polars.col("size_units"),
        turnover_units=polars.col("price_units") * polars.col("size_units"),
        worth=price * (polars.col("size_units").cast(polars.Float64) / UNITS),
    )


def _grouped(table: polars.DataFrame) -> polars.DataFrame:
    """One row for each bar; `table` is in the file's order, and among trades of one moment that order decides."""
    import polars

    first_ns, last_ns = polars.col("first_ns"), polars.col("last_ns")
    is_first, is_last = first_ns == first_ns.min(), last_ns == last_ns.max()
    return table.group_by("open_time_ms", maintain_order=True).agg(
        first_ns.min(),
        last_ns.max(),
        polars.col("open_up").filter(is_first).first(),
        polars.col("open_down").filter(is_first).last(),
        polars.col("close_up").filter(is_last).last(),
        polars.col("close_down").filter(is_last).first(),
        polars.col("high").max(),
        polars.col("low").min(),
        polars.col("volume_units", "turnover_units", "worth").sum(),
    )


def _flat_at(open_ms: int, close: float) -> Rows:
    import numpy as np

    prices = {name: np.array([close]) for name in PRICES}
    return Rows(
        open_time_ms=np.array([open_ms], dtype=np.int64), **prices, volume=np.array([0.0]), turnover=np.array([0.0])
    )


def _longest_run(is_flat: NDArray[np.bool_]) -> tuple[int, int]:
    """How long the longest run of true ones is, and where it begins; (0, 0) where there is none."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_flat, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0
    begins, ends = edges[::2], edges[1::2]
    longest = int((ends - begins).argmax())
    return int(ends[longest] - begins[longest]), int(begins[longest])
