"""CSV with a header: columns by name, each number the double nearest to its text.

Lives here: two readers of one meaning. The quick one takes pieces in which every cell is a number as JSON has them,
which is what programs write: a decoder of JSON reads them ten times as fast as Python could. Whatever it refuses is
read again cell by cell, and there the fault gets its line. Not here: what the numbers say (`judging`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.core.clock import milliseconds
from tradewright.market.history.faults import bad_file
from tradewright.market.history.source import LINE_BYTES_MAX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHOLE_MAX = 2**53  # a larger whole number may not be what the file says once it is a double
_COMMA, _NEWLINE = 44, 10
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# What programs write for "no number"; everything else that is no number is a fault of the file.
_NO_NUMBER = frozenset({"", "nan", "null", "none", "na", "n/a", "inf", "+inf", "-inf", "infinity", "-infinity"})
_CELL_TOLD = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`whole`: the one column of whole numbers (a time). `numbers`: columns that must be there; `optional` may not.

    `aliases`: other names, in small letters, that a column goes by where its own is not there, the likeliest first.
    `takes_dates`: a time may be ISO 8601 too, UTC where it names no zone.
    """

    whole: str
    numbers: tuple[str, ...]
    optional: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    takes_dates: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        return (self.whole, *self.numbers, *self.optional)


def header_of(first_line: bytes, name: str) -> list[str]:
    """The names of the columns. Raises `BadCandles` (`bad_file`)."""
    try:
        text = first_line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad_file(f"{name} is neither CSV in UTF-8 nor Parquet nor Feather") from None
    try:
        cells = next(csv.reader([text.strip("\r\n")]), [])
    except csv.Error as error:
        raise bad_file(f"{name}, line 1 names no columns: {error}") from None
    return [cell.strip() for cell in cells]


def places_of(header: Sequence[str], wanted: Wanted, name: str) -> list[int | None]:
    """Where each wanted column is; None for an optional one that is not there. Raises `BadCandles` (`bad_file`)."""
    header = _by_our_names(header, wanted)
    missing = [column for column in (wanted.whole, *wanted.numbers) if column not in header]
    if missing:
        found = ",".join(header)[:200]
        raise bad_file(
            f"{name} has no column {', '.join(missing)}; its first line must name {', '.join(wanted.all)}"
            f" (of these {', '.join(wanted.optional) or 'none'} may be absent), and is {found!r}"
        )
    twice = [column for column in wanted.all if header.count(column) > 1]
    if twice:
        raise bad_file(f"{name} has the column {twice[0]} more than once; which one is meant?")
    return [header.index(column) if column in header else None for column in wanted.all]


def _by_our_names(header: Sequence[str], wanted: Wanted) -> list[str]:
    found, small = list(header), [cell.lower() for cell in header]
    for column, others in wanted.aliases.items():
        if column in header:
            continue
        other = next((other for other in (column, *others) if other in small), None)
        if other is not None:
            found = [column if cell == other else kept for cell, kept in zip(small, found, strict=True)]
    return found


def columns_of_pieces(
    pieces: Iterator[bytes], wanted: Wanted, name: str, *, header: Sequence[str] | None = None
) -> Iterator[list[NDArray[Any]]]:
    """For each piece of a file (`source.whole_lines`) the wanted columns: the first int64, the others float64.

    `header`: of a file that has none. Raises `BadCandles` (`bad_file`).
    """
    first = next(pieces, None)
    if first is None:
        raise bad_file(f"{name} is empty; its first line must name {', '.join(wanted.all)}")
    rest, lines_before = first, 0
    if header is None:
        line, _, rest = first.partition(b"\n")
        header, lines_before = header_of(line, name), 1
    reader = _Reader(len(header), places_of(header, wanted, name), wanted, name, lines_before)
    for piece in _with_first(rest, pieces):
        yield reader.columns(piece)


def even_rows(piece: bytes, width: int) -> int | None:
    """How many lines a piece has, where each of them has `width` cells and no comma is quoted; None elsewhere."""
    import numpy as np

    marks = np.frombuffer(piece, dtype=np.uint8)
    ends = marks[(marks == _COMMA) | (marks == _NEWLINE)] == _NEWLINE
    rows, odd = divmod(len(ends), width)
    if odd or np.count_nonzero(ends) != rows or not ends[width - 1 :: width].all():
        return None
    return rows


def _with_first(rest: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if rest:
        yield rest
    yield from pieces


class _Reader:
    def __init__(self, width: int, places: list[int | None], wanted: Wanted, name: str, lines: int) -> None:
        self._width = width
        self._places = places
        self._wanted = wanted
        self._name = name
        self._lines_before = lines
        self._numbers = msgspec.json.Decoder(list[float])
        self._numbers_and_nothing = msgspec.json.Decoder(list[float | None])

    def columns(self, piece: bytes) -> list[NDArray[Any]]:
        table = self._quick(piece)
        columns = None if table is None else self._chosen(table)
        if columns is None:
            columns = self._cell_by_cell(piece)
        self._lines_before += piece.count(b"\n")
        return columns

    def _quick(self, piece: bytes) -> NDArray[np.float64] | None:
        """Rows × columns; None when it is not for this reader."""
        import numpy as np

        rows = even_rows(piece, self._width)
        if rows is None:
            return None
        flat = b"[" + piece[:-1].replace(b"\n", b",") + b"]"
        try:
            numbers: Sequence[float | None]
            try:
                numbers = self._numbers.decode(flat)
            except msgspec.DecodeError:
                numbers = self._numbers_and_nothing.decode(_nothing_named(flat))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if len(numbers) != rows * self._width:
            return None
        return np.array(numbers, dtype=np.float64).reshape(rows, self._width)

    def _chosen(self, table: NDArray[np.float64]) -> list[NDArray[Any]] | None:
        import numpy as np

        whole = table[:, self._places[0]]
        if not ((whole == np.floor(whole)) & (np.abs(whole) < WHOLE_MAX)).all():
            return None  # the other reader says where
        columns: list[NDArray[Any]] = [whole.astype(np.int64)]
        for place in self._places[1:]:
            columns.append(np.full(len(table), np.nan) if place is None else table[:, place].copy())
        return columns

    def _cell_by_cell(self, piece: bytes) -> list[NDArray[Any]]:
        import numpy as np

        names = self._wanted.all
        whole: list[int] = []
        numbers: list[list[float]] = [[] for _ in names[1:]]
        for line, cells in self._rows(piece):
            if len(cells) != self._width:
                raise bad_file(f"{self._name}, line {line}: {len(cells)} cells, where the first line has {self._width}")
            whole.append(self._whole(cells, line))
            for column, place, into in zip(names[1:], self._places[1:], numbers, strict=True):
                into.append(np.nan if place is None else self._number(cells[place], column, line))
        return [np.array(whole, dtype=np.int64), *(np.array(column, dtype=np.float64) for column in numbers)]

    def _rows(self, piece: bytes) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not blank, with the number of their line."""
        try:
            text = piece.decode("utf-8")
        except UnicodeDecodeError as error:
            line = self._lines_before + piece[: error.start].count(b"\n") + 1
            raise bad_file(f"{self._name}, line {line} is not UTF-8") from None
        reader = csv.reader(text.split("\n"), strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield self._lines_before + reader.line_num, cells
        except csv.Error as error:
            line = self._lines_before + reader.line_num
            raise bad_file(f"{self._name}, line {line}: {error}") from None

    def _whole(self, cells: list[str], line: int) -> int:
        place = self._places[0]
        assert place is not None, "the whole number's column is required"
        if self._wanted.takes_dates and (moment := _moment(cells[place])) is not None:
            return moment
        number = self._number(cells[place], self._wanted.whole, line)
        if not abs(number) < WHOLE_MAX or number != int(number):
            raise bad_file(
                f"{self._name}, line {line}: {self._wanted.whole} is {cells[place][:_CELL_TOLD]!r};"
                " it must be a whole number of Unix milliseconds"
            )
        return int(number)

    def _number(self, cell: str, column: str, line: int) -> float:
        text = cell.strip()
        if len(text) < LINE_BYTES_MAX and _NUMBER.fullmatch(text):
            return float(text)
        if text.lower() in _NO_NUMBER:
            return float("nan")
        raise bad_file(f"{self._name}, line {line}: {column} is {text[:_CELL_TOLD]!r}; it must be a number")


def _moment(cell: str) -> int | None:
    """Unix milliseconds of ISO 8601; None for a plain number and for what is neither."""
    text = cell.strip()
    if _NUMBER.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        return None
    return milliseconds(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _nothing_named(flat: bytes) -> bytes:
    """Empty cells as JSON has them."""
    for _ in range(2):  # neighbours share a comma
        flat = flat.replace(b",,", b",null,")
    flat = flat.replace(b",\r,", b",null,")
    if flat.startswith(b"[,"):
        flat = b"[null" + flat[1:]
    return flat[:-1] + b"null]" if flat.endswith((b",]", b",\r]")) else flat
