"""What all recordings have in common: rows kept as the bytes of their file, and their moments.

Lives here: reading a file whole (gzip or Parquet), `Rows`, and the shapes of cells. Not here: what the columns of a
kind mean (`candle_file`, `trade_file`, `quote_file`, `book_file`, `funding_file`), and telling the kinds apart
(`recording`).
Rows stay bytes and are parsed when asked for: 45,000 of them take a few megabytes.
"""

from __future__ import annotations

import gzip
import re
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final

from tradewright.simulator.market.clock import time_text
from tradewright.simulator.market.errors import RecordingError
from tradewright.simulator.market.recorded.parquet_table import PARQUET_MAGIC, table_lines

ROWS_MAX: Final = 5_000_000
BYTES_MAX: Final = 1 << 30  # unpacked; a gzip file of a megabyte may hold a gigabyte of nothing
DECIMAL: Final = rb"(\d{1,20}(?:\.\d{1,30})?)"
_SURE_DIGITS: Final = 15  # as many significant digits a 64-bit float keeps for certain
_SURE: Final = Context(prec=_SURE_DIGITS)
_TIME: Final = re.compile(rb"\d{1,15}")
_PLAIN: Final = re.compile(DECIMAL)


Shape = tuple[Callable[[bytes], object], str]  # what finds a good cell, and the words for it


class Rows:
    """Rows of one recording, ascending in time. `digest` (SHA-256 of the rows) knows the file again."""

    __slots__ = ("_lines", "_times", "digest", "name", "price_decimals", "size_decimals")

    kind: str  # for people: what the rows are

    def __init__(self, *, name: str, lines: list[bytes], times: array[int]) -> None:
        self.name = name
        self._lines = lines
        self._times = times
        self.digest = _digest(lines)
        self.price_decimals = 0  # as many as the recorded prices need, float noise aside
        self.size_decimals: int | None = None  # the same of sizes; None where they say nothing of the lot (candles)

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def first_ms(self) -> int:
        return self._times[0]

    @property
    def last_ms(self) -> int:
        """Time of the last row."""
        return self._times[-1]

    @property
    def end_ms(self) -> int:
        """The moment at which the recording is over: nothing is known from there on."""
        return self._times[-1]

    @property
    def span(self) -> str:
        """First and last row's time, for people."""
        return f"{time_text(self.first_ms)} to {time_text(self.last_ms)}"

    def time_ms(self, index: int) -> int:
        return self._times[index]

    def index_at(self, ms: int) -> int:
        """Index of the first row at or after `ms`; the length when there is none."""
        return bisect_left(self._times, ms)


def read_lines(path: str) -> list[bytes]:
    """All lines of a recording, the header first; a Parquet table as the lines it would have as CSV.

    Raises `RecordingError`.
    """
    try:
        with Path(path).open("rb") as file:
            if file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC:
                return table_lines(path, rows_max=ROWS_MAX)
        with gzip.open(path) as unpacked:
            text = unpacked.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise RecordingError(
            f"there is no file {path}; give the path of a recording (csv.gz, jsonl.gz or Parquet)"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RecordingError(
            f"{path} is not a complete gzip file ({error}); it must be a gzip-compressed table or a Parquet file"
        ) from None
    except OSError as error:
        raise RecordingError(
            f"{path} cannot be read ({error.strerror or error}); give a readable csv.gz, jsonl.gz or Parquet file"
        ) from None
    if len(text) > BYTES_MAX:
        raise RecordingError(f"{path} is longer than {BYTES_MAX} bytes unpacked; give a part of it")
    lines = text.splitlines()
    if len(lines) - 1 > ROWS_MAX:
        raise RecordingError(f"{path} has {len(lines) - 1} rows; at most {ROWS_MAX} are read")
    return lines


def header_of(lines: Sequence[bytes]) -> str:
    """The first line as text, "" for an empty file."""
    return lines[0].decode("utf-8", "replace") if lines else ""


def fault_in(line: bytes, shapes: Mapping[str, Shape]) -> str:
    """What is wrong with a row that does not have the shape of one; `shapes` by column."""
    cells = line.split(b",")
    if len(cells) != len(shapes):
        return f"{len(cells)} cells; there must be {len(shapes)}: {','.join(shapes)}"
    for (column, (is_good, allowed)), cell in zip(shapes.items(), cells, strict=True):
        if not is_good(cell):
            return f"{column} is {cell.decode('utf-8', 'replace')[:60]!r}; it must be {allowed}"
    return f"the row {line.decode('utf-8', 'replace')[:120]!r} cannot be read"


MOMENT: Final[Shape] = (_TIME.fullmatch, "Unix milliseconds")
PRICE: Final[Shape] = (_PLAIN.fullmatch, "plain decimal text such as 46319.5")
SIZE: Final[Shape] = (_PLAIN.fullmatch, "plain decimal text such as 0.0031")


def decimals_of(cell: bytes) -> int:
    """Decimals of a number, without what is only the noise of a 64-bit float: 0.017050000000000003 has five."""
    fraction = len(cell.partition(b".")[2])
    if fraction == 0 or len(cell) <= _SURE_DIGITS + 1:
        return fraction
    exponent = _SURE.create_decimal(cell.decode("ascii")).normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a row has finite numbers"
    return min(fraction, max(0, -exponent))


def require_order(path: str, number: int, column: str, ms: int, previous_ms: int, *, strictly: bool) -> None:
    """Raises `RecordingError` when a row's time is not after (or, where rows may share one, before) the row before."""
    if ms < previous_ms or (strictly and ms == previous_ms):
        what = "repeats the row before" if ms == previous_ms else f"comes after {previous_ms}"
        raise RecordingError(f"{path}, line {number}: {column} {ms} {what}; rows must ascend in time")


def positive(path: str, number: int, **values: bytes) -> None:
    """Raises `RecordingError` when one of the numbers is zero."""
    for name, cell in values.items():
        if not Decimal(cell.decode("ascii")):
            raise RecordingError(f"{path}, line {number}: {name} is {cell.decode('ascii')}; it must be above 0")


def _digest(rows: Iterable[bytes]) -> str:
    digest = sha256()
    for row in rows:
        digest.update(row + b"\n")
    return digest.hexdigest()
