"""A recording of candles: a gzip CSV file, checked row by row when it is read.

Lives here: reading, checking, and the rows as candles with exactly the file's decimals. Not here: playing (`replay`).
Rows stay as the bytes of the file and are parsed when asked for: 45,000 rows take a few megabytes.
"""

from __future__ import annotations

import gzip
import re
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final

from tradewright.simulator.market.clock import time_text
from tradewright.simulator.market.errors import CandleFileError
from tradewright.simulator.market.intervals import is_aligned
from tradewright.simulator.market.model import Kline

COLUMNS: Final = ("open_time_ms", "open", "high", "low", "close", "volume", "turnover")
ROWS_MAX: Final = 5_000_000
_DECIMAL: Final = rb"(\d{1,20}(?:\.\d{1,20})?)"
_ROW: Final = re.compile(rb"(\d{1,15})," + b",".join([_DECIMAL] * 5) + rb"," + _DECIMAL + rb"?")
_ALLOWED: Final = {
    "open_time_ms": "Unix milliseconds",
    "turnover": "plain decimal text such as 2300413.7295, or empty",
}


class CandleFile:
    """Rows of one recording, ascending in time; bars of `base_ms`, not necessarily without holes."""

    __slots__ = ("_lines", "_opens", "base_ms", "digest", "name", "price_decimals")

    def __init__(self, *, name: str, lines: list[bytes], opens: array[int], base_ms: int, digest: str) -> None:
        self.name = name
        self._lines = lines
        self._opens = opens
        self.base_ms = base_ms
        self.digest = digest  # SHA-256 of the rows, to know the file again
        self.price_decimals = max(_decimals(cell) for line in lines for cell in line.split(b",", 5)[1:5])

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def first_ms(self) -> int:
        return self._opens[0]

    @property
    def end_ms(self) -> int:
        """The moment at which the last bar is over."""
        return self._opens[-1] + self.base_ms

    @property
    def span(self) -> str:
        """First and last opening time, for people."""
        return f"{time_text(self._opens[0])} to {time_text(self._opens[-1])}"

    def open_ms(self, index: int) -> int:
        return self._opens[index]

    def index_at(self, ms: int) -> int:
        """Index of the first row that opens at or after `ms`; the length when there is none."""
        return bisect_left(self._opens, ms)

    def bar(self, index: int) -> Kline:
        """One row as a closed candle. A turnover that the file does not have is volume times close."""
        cells = self._lines[index].decode("ascii").split(",")
        first, high, low, close, volume = map(Decimal, cells[1:6])
        start_ms = self._opens[index]
        return Kline(
            start_ms=start_ms,
            end_ms=start_ms + self.base_ms - 1,
            open=first,
            high=high,
            low=low,
            close=close,
            volume=volume,
            turnover=Decimal(cells[6]) if cells[6] else volume * close,
            confirm=True,
        )


def read_candle_file(path: str) -> CandleFile:
    """Read and check a recording. Raises `CandleFileError` naming file, line, value and what is allowed."""
    lines = _read_lines(path)
    if not lines or tuple(lines[0].decode("utf-8", "replace").split(",")) != COLUMNS:
        seen = lines[0].decode("utf-8", "replace")[:120] if lines else ""
        raise CandleFileError(f"{path}, line 1: the header is {seen!r}; it must be {','.join(COLUMNS)!r}")
    rows = lines[1:]
    if len(rows) < 2:
        raise CandleFileError(f"{path} has {len(rows)} rows; at least 2 are needed to know how long a bar is")
    if len(rows) > ROWS_MAX:
        raise CandleFileError(f"{path} has {len(rows)} rows; at most {ROWS_MAX} are read")
    opens = array("q")
    for number, line in enumerate(rows, start=2):
        opens.append(_checked_row(path, number, line, opens[-1] if opens else -1))
    base_ms = min(after - before for before, after in pairwise(opens))
    _check_grid(path, opens, base_ms)
    return CandleFile(name=path, lines=rows, opens=opens, base_ms=base_ms, digest=_digest(rows))


def _read_lines(path: str) -> list[bytes]:
    try:
        text = gzip.decompress(Path(path).read_bytes())
    except FileNotFoundError:
        raise CandleFileError(f"there is no file {path}; give the path of a csv.gz recording") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CandleFileError(
            f"{path} is not a complete gzip file ({error}); it must be a gzip-compressed CSV"
        ) from None
    except OSError as error:
        raise CandleFileError(
            f"{path} cannot be read ({error.strerror or error}); give a readable csv.gz file"
        ) from None
    return text.splitlines()


def _checked_row(path: str, number: int, line: bytes, previous_ms: int) -> int:
    """Opening time of a row that breaks no rule."""
    match = _ROW.fullmatch(line)
    if match is None:
        raise CandleFileError(f"{path}, line {number}: {_fault(line)}")
    open_ms = int(match[1])
    if open_ms <= previous_ms:
        what = "repeats the row before" if open_ms == previous_ms else f"comes after {previous_ms}"
        raise CandleFileError(f"{path}, line {number}: open_time_ms {open_ms} {what}; rows must ascend in time")
    first, high, low, close = Decimal(match[2].decode()), *(Decimal(match[place].decode()) for place in (3, 4, 5))
    if not 0 < low <= min(first, close) <= max(first, close) <= high:
        raise CandleFileError(
            f"{path}, line {number}: open {first}, high {high}, low {low}, close {close}; "
            "open and close must lie between low and high, and low above 0"
        )
    return open_ms


def _fault(line: bytes) -> str:
    """What is wrong with a row that does not have the shape of one."""
    cells = line.decode("utf-8", "replace").split(",")
    if len(cells) != len(COLUMNS):
        return f"{len(cells)} cells; there must be {len(COLUMNS)}: {','.join(COLUMNS)}"
    whole = re.compile(r"\d{1,15}")
    decimal = re.compile(_DECIMAL.decode())
    for column, cell in zip(COLUMNS, cells, strict=True):
        shape = whole if column == "open_time_ms" else decimal
        if shape.fullmatch(cell) is None and not (column == "turnover" and cell == ""):
            return f"{column} is {cell[:60]!r}; it must be {_ALLOWED.get(column, 'plain decimal text such as 46319.5')}"
    return f"the row {line[:120]!r} cannot be read"


def _check_grid(path: str, opens: array[int], base_ms: int) -> None:
    for index, open_ms in enumerate(opens):
        if not is_aligned(base_ms, open_ms):
            raise CandleFileError(
                f"{path}, line {index + 2}: open_time_ms {open_ms} is off the grid; "
                f"the shortest step between rows is {base_ms} ms, and every bar must open at a multiple of it"
            )


def _digest(rows: Iterable[bytes]) -> str:
    digest = sha256()
    for row in rows:
        digest.update(row + b"\n")
    return digest.hexdigest()


def _decimals(cell: bytes) -> int:
    return len(cell.partition(b".")[2])
