"""Parquet and Feather: columns by name, as numbers.

Lives here: the one place that needs polars, which takes half a second to import and is imported when such a file is
there. Not here: what the numbers say (`judging`).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tradewright.market.history.delimited import WHOLE_MAX, Wanted, places_of
from tradewright.market.history.faults import bad_file
from tradewright.market.history.rows import BARS_MAX

if TYPE_CHECKING:
    import polars
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose columns are read one at a time, because a million bars need not be there twice."""

    content: bytes
    kind: Literal["parquet", "arrow"]
    name: str
    columns: tuple[str, ...]

    def column(self, column: str) -> polars.Series:
        """Raises `BadCandles` (`bad_file`)."""
        import polars

        with _whole_file(self.kind, self.name):
            # One row more than is taken: what has it is refused.
            if self.kind == "parquet":
                table = polars.read_parquet(io.BytesIO(self.content), columns=[column], n_rows=BARS_MAX + 1)
            else:
                table = polars.read_ipc(io.BytesIO(self.content), columns=[column], n_rows=BARS_MAX + 1)
        if table.height > BARS_MAX:
            raise bad_file(f"{self.name} has more than {BARS_MAX} rows; split it")
        return table[column]


def table_of(content: bytes, kind: Literal["parquet", "arrow"], name: str) -> Table:
    """Raises `BadCandles` (`bad_file`)."""
    import polars

    with _whole_file(kind, name):
        read = polars.read_parquet_schema if kind == "parquet" else polars.read_ipc_schema
        return Table(content, kind, name, tuple(read(io.BytesIO(content))))


def columns_of_table(table: Table, wanted: Wanted) -> list[NDArray[Any]]:
    """The wanted columns: the first int64, the others float64, NaN where there is none.

    A moment in the time's column counts as milliseconds. Raises `BadCandles` (`bad_file`).
    """
    import numpy as np

    columns: list[NDArray[Any]] = []
    for column, place in zip(wanted.all, places_of(table.columns, wanted, table.name), strict=True):
        if place is None:
            columns.append(np.full(len(columns[0]), np.nan))
            continue
        series = table.column(table.columns[place])
        columns.append(_whole(series, table.name) if column == wanted.whole else _numbers(series, table.name))
    if len({len(column) for column in columns}) > 1:
        raise bad_file(f"{table.name} has columns of different lengths; write it again")
    return columns


@contextlib.contextmanager
def _whole_file(kind: Literal["parquet", "arrow"], name: str) -> Iterator[None]:
    """What polars says of a broken file, one in which it panics included, as a fault of the file."""
    from polars.exceptions import PanicException, PolarsError

    try:
        yield
    except (PolarsError, PanicException, OSError, ValueError, MemoryError, OverflowError) as error:
        what = "Parquet" if kind == "parquet" else "Feather"
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise bad_file(f"{name} is not a complete {what} file ({reason}); write it again") from None


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
