"""Files of trades as Bybit's public archive has them: pieces of text become columns of exact numbers.

Lives here: the two shapes, and what is wrong with a line. Not here: making bars of trades (`trade_bars`), where files
come from (`importing`, `archive_download`).

Contracts: `timestamp` in seconds with a fraction, `symbol`, `side`, `size` in base coin, `price`, and more. Spot: `id`,
`timestamp` in milliseconds, `price`, `volume` in base coin, `side`, and more. Columns are found by name. A trade's size
and price are whole numbers of 10⁻¹² while they are added up: sums of doubles would depend on the order of the rows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradewright.core.instrument import Category
from tradewright.market.history.delimited import even_rows, header_of
from tradewright.market.history.faults import BadCandles, bad_file
from tradewright.market.history.rows import PRICES

if TYPE_CHECKING:
    import polars

DECIMALS = 12
UNITS = 10**DECIMALS
TRADES_MAX = 1_000_000_000  # of one file: a busy month has a tenth of it
NOTIONAL_MAX = 1e12  # of one trade, in quote coin: sums of it stay exact
_NUMBER_MAX = 1e24
_LOSS_RATIO_MAX = 1e-12  # more is lost by 12 decimals than a double would lose
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TIME_MIN_S, _TIME_MAX_S = 1_230_768_000, 7_258_118_400  # 2009, when there was first a coin to trade, and 2200
_SECONDS_MAX, _MILLISECONDS_MAX = 10**11, 10**14  # as of candles: beyond are microseconds
_CELL_TOLD = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeShape:
    """`marks`: the names, in small letters, that give it away. `size`: the column of sizes."""

    category: Category
    marks: frozenset[str]
    size: str
    has_symbol: bool


CONTRACTS = TradeShape(
    category="linear",
    marks=frozenset({"timestamp", "symbol", "side", "size", "price"}),
    size="size",
    has_symbol=True,
)
SPOT = TradeShape(
    category="spot",
    marks=frozenset({"id", "timestamp", "price", "volume", "side"}),
    size="volume",
    has_symbol=False,
)


def shape_of(header: Sequence[str]) -> TradeShape | None:
    """The shape of a file of trades by the names of its columns; None for anything else, candles included."""
    names = {cell.lower() for cell in header}
    if set(PRICES) <= names:
        return None
    return next((shape for shape in (CONTRACTS, SPOT) if shape.marks <= names), None)


def trades_of(lines: Iterator[bytes], *, category: Category, symbol: str, name: str) -> Iterator[polars.DataFrame]:
    """Pieces of a file (`source.whole_lines`), its first line of names included, as frames in the file's order:
    `ns` (Unix nanoseconds), `price`, `price_units` and `size_units` (whole numbers of 10⁻¹²).

    Raises `BadCandles` (`bad_file`): not such a file, of another category or symbol, or a line that cannot be.
    """
    first = next(lines, b"")
    line, _, rest = first.partition(b"\n")
    header = [cell.lower() for cell in header_of(line, name)]
    shape = shape_of(header)
    if shape is None:
        raise bad_file(
            f"{name} is no file of trades of Bybit's archive: its first line is {_told(line)}, and must name"
            " timestamp,symbol,side,size,price (contracts) or id,timestamp,price,volume,side (spot)"
        )
    if shape.category != category:
        raise bad_file(f"{name} has trades of {shape.category}, and {category} was asked for; name its category")
    twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
    if twice:
        raise bad_file(f"{name} has the column {twice[0]} more than once; which one is meant?")
    reader = _TradeReader(shape, header, symbol, name)
    trades = 0
    for piece in lines if not rest else _with(rest, lines):
        frame = reader.frame(piece)
        trades += frame.height
        if trades > TRADES_MAX:
            raise bad_file(f"{name} has more than {TRADES_MAX} trades; split it")
        yield frame


def _with(rest: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    yield rest
    yield from lines


def _told(line: bytes) -> str:
    return repr(line[:120].decode("utf-8", "replace").strip())


class _TradeReader:
    """Reads quickly; whatever looks wrong is looked at again line by line, and there it gets its place."""

    def __init__(self, shape: TradeShape, header: list[str], symbol: str, name: str) -> None:
        self._shape = shape
        self._header = header
        self._symbol = symbol
        self._name = name
        self._lines_before = 1
        self._per_ns: int | None = None  # the time's column, read with nine decimals, divided by this is in ns
        # The names are ours: what a column is called then cannot surprise the reader.
        self._names = b",".join(b"c%d" % place for place in range(len(header))) + b"\n"

    def frame(self, piece: bytes) -> polars.DataFrame:
        import polars
        from polars.exceptions import PolarsError

        wanted = ["timestamp", "price", self._shape.size]
        wanted += ["symbol"] if self._shape.has_symbol else []
        wanted += ["homenotional"] if "homenotional" in self._header else []
        places = {column: f"c{self._header.index(column)}" for column in wanted}
        try:
            texts = polars.read_csv(self._names + piece, columns=list(places.values()), infer_schema=False)
        except PolarsError:
            self._tell_first_fault(piece)
            raise self._unreadable(piece) from None
        texts = texts.select(**{column: polars.col(place) for column, place in places.items()})
        texts = texts.filter(~polars.all_horizontal(polars.all().is_null()))  # blank lines
        if even_rows(piece, len(self._header)) != texts.height:
            self._tell_first_fault(piece)  # or a line is blank, or a comma inside a quoted cell: these are fine
        if self._per_ns is None:
            if not texts.height:
                self._lines_before += piece.count(b"\n")
                return _columns(texts, self._shape.size, 1)
            self._per_ns = self._unit_of(texts["timestamp"][0])
            self._refuse_inverse(texts)
        frame = _columns(texts, self._shape.size, self._per_ns)
        is_bad = _bad(frame)
        if self._shape.has_symbol:
            is_bad |= bool((texts["symbol"] != self._symbol).fill_null(True).any())
        if is_bad:
            self._tell_first_fault(piece)
            raise self._unreadable(piece)
        self._lines_before += piece.count(b"\n")
        return frame.select("ns", "price", "price_units", "size_units")

    def _unit_of(self, text: str | None) -> int:
        if text is None or not _NUMBER.fullmatch(text):
            return 1  # the line will be told
        moment = Decimal(text)
        return 1 if moment < _SECONDS_MAX else 1_000 if moment < _MILLISECONDS_MAX else 1_000_000

    def _refuse_inverse(self, texts: polars.DataFrame) -> None:
        """The folder of contracts has inverse ones too, whose size is in quote coin: as base coin it would be nonsense.
        The column `homeNotional` tells them: there it is the size by the price."""
        import polars

        if "homenotional" not in texts.columns:
            return
        numbers = texts.select(polars.col("homenotional", "price", "size").cast(polars.Float64, strict=False))
        home, size = polars.col("homenotional"), polars.col("size")
        is_other = (home - size).abs() > 1e-3 * size
        is_inverse = (home * polars.col("price") - size).abs() <= 1e-2 * size
        if bool(numbers.select((is_other & is_inverse).fill_null(False).all()).item()):
            raise bad_file(
                f"{self._name} has trades of an inverse contract, whose size is in quote coin; linear and spot are kept"
            )

    def _unreadable(self, piece: bytes) -> BadCandles:
        quote = piece.find(b'"')
        if quote >= 0:
            line = self._lines_before + piece[:quote].count(b"\n") + 1
            return bad_file(f"{self._name}, line {line} or after: a quotation mark stands where none can")
        last = self._lines_before + piece.count(b"\n")
        return bad_file(f"{self._name} cannot be read somewhere in the lines {self._lines_before + 1} to {last}")

    def _tell_first_fault(self, piece: bytes) -> None:
        """Raises `BadCandles` with the line of the first fault; returns when there is none."""
        try:
            text = piece.decode("utf-8")
        except UnicodeDecodeError as error:
            line = self._lines_before + piece[: error.start].count(b"\n") + 1
            raise bad_file(f"{self._name}, line {line} is not UTF-8") from None
        reader, line_before = csv.reader(text.split("\n"), strict=True), 0
        try:
            for cells in reader:
                line_before += 1
                if reader.line_num != line_before:  # it would hide the trades of the lines between
                    raise bad_file(f"{self._name}, line {self._lines_before + line_before}: a cell goes over its end")
                if any(cell.strip() for cell in cells):
                    fault = self._fault_of(cells)
                    if fault is not None:
                        raise bad_file(f"{self._name}, line {self._lines_before + reader.line_num}: {fault}")
        except csv.Error as error:
            raise bad_file(f"{self._name}, line {self._lines_before + reader.line_num}: {error}") from None

    def _fault_of(self, cells: list[str]) -> str | None:
        if len(cells) != len(self._header):
            return f"{len(cells)} cells, where the first line has {len(self._header)}"
        row = dict(zip(self._header, cells, strict=True))
        if self._shape.has_symbol and row["symbol"] != self._symbol:
            return f"symbol is {row['symbol'][:_CELL_TOLD]!r}, and {self._symbol} was asked for"
        for column in ("timestamp", "price", self._shape.size):
            if not _NUMBER.fullmatch(row[column]):
                return f"{column} is {row[column][:_CELL_TOLD]!r}; it must be a number"
            if abs(float(row[column])) > _NUMBER_MAX:
                return f"{column} is {row[column][:_CELL_TOLD]}; that is more than can be"
        if self._per_ns is None:
            self._per_ns = self._unit_of(row["timestamp"])
        time, price, size = (Decimal(row[column]) for column in ("timestamp", "price", self._shape.size))
        seconds = time / self._per_ns
        if not _TIME_MIN_S <= seconds < _TIME_MAX_S:
            unit = {1: "seconds", 1_000: "milliseconds"}.get(self._per_ns, "microseconds")
            return f"timestamp is {row['timestamp'][:_CELL_TOLD]}, which is no time of trading in {unit}"
        if price <= 0:
            return f"price is {row['price'][:_CELL_TOLD]}; it must be positive"
        if size < 0:
            return f"{self._shape.size} is {row[self._shape.size][:_CELL_TOLD]}; it must not be negative"
        if price * size > Decimal(NOTIONAL_MAX):
            return f"the trade is worth {price * size:.3e}; at most {NOTIONAL_MAX:.0e} can be"
        for column, number in (("price", price), (self._shape.size, size)):
            if _loses(number):
                return f"{column} is {row[column][:_CELL_TOLD]}; at most {DECIMALS} decimals are read"
        return None


def _columns(texts: polars.DataFrame, size: str, per_ns: int) -> polars.DataFrame:
    """`ns, price, price_units, size, size_units`; null where a cell is no such number."""
    import polars

    def units(column: str, decimals: int) -> polars.Expr:
        return polars.col(column).cast(polars.Decimal(38, decimals), strict=False).to_physical()

    return texts.select(
        ns=(units("timestamp", 9) // per_ns).cast(polars.Int64, strict=False),
        price=polars.col("price").cast(polars.Float64, strict=False),
        price_units=units("price", DECIMALS),
        size=polars.col(size).cast(polars.Float64, strict=False),
        size_units=units(size, DECIMALS),
    )


def _bad(frame: polars.DataFrame) -> bool:
    """Whether any row is no trade that can be."""
    import polars

    price, size, ns = polars.col("price"), polars.col("size"), polars.col("ns")
    bad = (
        (price <= 0)
        | (size < 0)
        | (price * size > NOTIONAL_MAX)
        | ~ns.is_between(_TIME_MIN_S * 10**9, _TIME_MAX_S * 10**9)
    )
    for name in ("price", "size"):
        exact, number = polars.col(f"{name}_units").cast(polars.Float64) / UNITS, polars.col(name)
        bad |= (exact - number).abs() > _LOSS_RATIO_MAX * number.abs()
    missing = polars.any_horizontal(polars.all().is_null())
    return bool(frame.select((bad.fill_null(True) | missing).any()).item())


def _loses(number: Decimal) -> bool:
    rounded = round(number, DECIMALS)
    return abs(rounded - number) > Decimal(_LOSS_RATIO_MAX) * abs(number)
