"""A Parquet table as the lines of the CSV file it stands for, so that both are read and checked by one reader.

Lives here: turning columns into cells. Not here: what the columns mean. The library is imported when a Parquet file is
there and not before: it takes most of a second, which no other start should pay.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.market.errors import RecordingError

PARQUET_MAGIC: Final = b"PAR1"
COLUMNS_MAX: Final = 7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def table_lines(path: str, *, rows_max: int) -> list[bytes]:
    """The header, then a line per row; nothing for null. Raises `RecordingError`."""
    import polars
    from polars.exceptions import PolarsError

    try:
        columns = len(polars.read_parquet_schema(path))
        if columns > COLUMNS_MAX:
            raise RecordingError(f"{path} has {columns} columns; a recording has at most {COLUMNS_MAX}")
        table = polars.read_parquet(path, n_rows=rows_max + 1, glob=False)
    except (PolarsError, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise RecordingError(f"{path} is not a complete Parquet file ({reason}); write it again") from None
    if table.height > rows_max:
        raise RecordingError(f"{path} has more than {rows_max} rows; at most {rows_max} are read")
    lines = [",".join(table.columns).encode()]
    for number, row in enumerate(table.iter_rows(), start=2):
        cells = [_cell(path, number, column, value) for column, value in zip(table.columns, row, strict=True)]
        lines.append(",".join(cells).encode())
    return lines


def _cell(path: str, number: int, column: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            pass
        case int():
            return str(value)
        case float():
            # The shortest text that reads back to the same number, never in exponent form.
            return format(Decimal(repr(value)), "f").removesuffix(".0")
        case Decimal():
            return format(value, "f")
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return str((aware - _EPOCH) // timedelta(milliseconds=1))
    raise RecordingError(
        f"{path}, line {number}: {column} is a {type(value).__name__}; it must be a number, a text or a moment"
    )
