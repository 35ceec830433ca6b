"""Parquet and Feather: columns by name, as numbers.

Lives here: the one place that needs polars, which takes half a second to import and is imported when such a file is
there. Not here: what the numbers say (`judging`).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

from tradewright.market.history.delimited import WHOLE_MAX, Wanted, places_of
from tradewright.market.history.faults import bad_file

if TYPE_CHECKING:
    import polars
    from numpy.typing import NDArray


def table_of(content: bytes, kind: Literal["parquet", "arrow"], name: str) -> polars.DataFrame:
    """The whole table. Raises `BadCandles` (`bad_file`)."""
    import polars
    from polars.exceptions import PolarsError

    try:
        if kind == "parquet":
            return polars.read_parquet(io.BytesIO(content))
        return polars.read_ipc(io.BytesIO(content))
    except (PolarsError, OSError, ValueError) as error:
        what = "Parquet" if kind == "parquet" else "Feather"
        reason = str(error).splitlines()[0][:120]
        raise bad_file(f"{name} is not a complete {what} file ({reason}); write it again") from None


def columns_of_table(table: polars.DataFrame, wanted: Wanted, name: str) -> list[NDArray[Any]]:
    """The wanted columns: the first int64, the others float64, NaN where there is none. Takes them out of `table`.

    A moment in the time's column counts as milliseconds. Raises `BadCandles` (`bad_file`).
    """
    import numpy as np

    places = places_of(table.columns, wanted, name)
    rows, names = table.height, list(table.columns)
    columns: list[NDArray[Any]] = []
    for column, place in zip(wanted.all, places, strict=True):
        if place is None:
            columns.append(np.full(rows, np.nan))
            continue
        series = table.drop_in_place(names[place])
        columns.append(_whole(series, name) if column == wanted.whole else _numbers(series, name))
    return columns


def _whole(series: polars.Series, name: str) -> NDArray[Any]:
    import polars

    kind = series.dtype
    if isinstance(kind, polars.Datetime):
        series = series.dt.epoch("ms")
    elif kind.is_float():
        if not ((series.floor() == series) & (series.abs() < WHOLE_MAX)).fill_null(False).all():
            raise bad_file(f"{name}: {series.name} has numbers that are not whole; Unix milliseconds are")
        series = series.cast(polars.Int64)
    elif kind == polars.String:
        series = series.str.strip_chars().cast(polars.Int64, strict=False)
    elif not kind.is_integer():
        raise bad_file(f"{name}: {series.name} is {kind}; it must be whole numbers of Unix milliseconds")
    if series.null_count():
        raise bad_file(f"{name}: {series.name} has {series.null_count()} rows without a whole number of milliseconds")
    try:
        return series.cast(polars.Int64).to_numpy()
    except polars.exceptions.PolarsError:
        raise bad_file(f"{name}: {series.name} has numbers that are too large for a time") from None


def _numbers(series: polars.Series, name: str) -> NDArray[Any]:
    import polars

    kind = series.dtype
    if kind == polars.String:
        texts = series.str.strip_chars()
        numbers = texts.cast(polars.Float64, strict=False)
        lost = texts.filter(numbers.is_null() & texts.is_not_null() & (texts != ""))
        if len(lost):
            raise bad_file(f"{name}: {series.name} has {lost[0]!r}; it must be a number")
        series = numbers
    elif not kind.is_numeric() and kind != polars.Null:
        raise bad_file(f"{name}: {series.name} is {kind}; it must be numbers")
    return series.cast(polars.Float64).fill_null(float("nan")).to_numpy()
