"""Which kind a recording is, told by its columns and never by its name; and what belongs to one listing.

Lives here: `read_recording`, and `Recordings`: the files of one listing, each of another kind.
Not here: the kinds themselves (`candle_file` and its siblings).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tradewright.simulator.market.clock import time_text
from tradewright.simulator.market.errors import MarketSpecError, RecordingError
from tradewright.simulator.market.model import Listing
from tradewright.simulator.market.recorded import candle_file, funding_file, quote_file, trade_file
from tradewright.simulator.market.recorded.book_file import BookFile, book_of
from tradewright.simulator.market.recorded.candle_file import CandleFile, candles_of
from tradewright.simulator.market.recorded.funding_file import FundingFile, funding_of
from tradewright.simulator.market.recorded.quote_file import QuoteFile, quotes_of
from tradewright.simulator.market.recorded.rows import header_of, read_lines
from tradewright.simulator.market.recorded.trade_file import TradeFile, trades_of

HISTORY_ROWS: Final = 1500  # served as history unless `--from` says where to start

AnyFile = CandleFile | TradeFile | QuoteFile | BookFile | FundingFile
_READERS: Final[dict[tuple[str, ...], Callable[[str, Sequence[bytes]], AnyFile]]] = {
    candle_file.COLUMNS: candles_of,
    trade_file.COLUMNS: trades_of,
    quote_file.COLUMNS: quotes_of,
    funding_file.COLUMNS: funding_of,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """The files of one listing; at least candles, trades or a book. With trades, candles are the bars they end in."""

    candles: CandleFile | None = None
    trades: TradeFile | None = None
    book: QuoteFile | BookFile | None = None
    funding: FundingFile | None = None

    @property
    def files(self) -> tuple[AnyFile, ...]:
        every = (self.candles, self.trades, self.book, self.funding)
        return tuple(file for file in every if file is not None)

    @property
    def played(self) -> tuple[CandleFile | TradeFile | QuoteFile | BookFile, ...]:
        """Those whose rows happen: where there are trades, they make the price, and candles only add them up."""
        price = self.candles if self.trades is None else self.trades
        return tuple(file for file in (price, self.book) if file is not None)

    @property
    def first_ms(self) -> int:
        return min(file.first_ms for file in self.played)

    @property
    def end_ms(self) -> int:
        """Where nothing more happens. Trades inside a recorded candle end with it, so that it is closed for good."""
        end_ms = max(file.end_ms for file in self.played)
        if self.candles is None or self.trades is None:
            return end_ms
        last = self.candles.index_at(self.trades.last_ms + 1) - 1
        return end_ms if last < 0 else max(end_ms, self.candles.time_ms(last) + self.candles.base_ms)

    @property
    def latest_start_ms(self) -> int:
        """The last moment at which something is left to play."""
        return max(max(file.last_ms, file.end_ms - 1) for file in self.played)

    @property
    def names(self) -> str:
        return " and ".join(file.name for file in self.played)

    @property
    def span(self) -> str:
        """First and last row's time, for people."""
        return f"{time_text(self.first_ms)} to {time_text(max(file.last_ms for file in self.played))}"

    @property
    def default_start_ms(self) -> int:
        """After 1,500 rows, or half of a shorter file; of several the latest."""
        return max(file.time_ms(HISTORY_ROWS if len(file) > HISTORY_ROWS else len(file) // 2) for file in self.played)

    def row_at(self, ms: int) -> int:
        """Time of the first row to play at or after `ms`; of the last one when there is none."""
        later = [file.time_ms(file.index_at(ms)) for file in self.played if file.index_at(ms) < len(file)]
        return min(later) if later else max(file.last_ms for file in self.played)


def read_recording(path: str) -> AnyFile:
    """Read and check one file. Raises `RecordingError` naming file, line, value and what is allowed."""
    lines = read_lines(path)
    header = header_of(lines)
    if header.startswith("{"):
        return book_of(path, lines)
    reader = _READERS.get(tuple(header.split(",")))
    if reader is None:
        known = ", ".join(repr(",".join(columns)) for columns in _READERS)
        raise RecordingError(
            f"{path}, line 1: the header is {header[:120]!r}; it must be one of {known}, "
            "or the lines must be messages of Bybit's order-book archive"
        )
    return reader(path, lines)


def together(listing: Listing, files: Sequence[AnyFile]) -> Recordings:
    """The recordings of one listing. Raises `MarketSpecError` when two are of one kind, or none has prices."""
    candles = [file for file in files if isinstance(file, CandleFile)]
    trades = [file for file in files if isinstance(file, TradeFile)]
    books = [file for file in files if isinstance(file, QuoteFile | BookFile)]
    funding = [file for file in files if isinstance(file, FundingFile)]
    for alike in (candles, trades, books, funding):
        if len(alike) > 1:
            raise MarketSpecError(
                f"{listing} is given {' and '.join(f'{file.name} ({file.kind})' for file in alike)}; "
                "a symbol has one recording of each kind, and one book"
            )
    if not (candles or trades or books):
        raise MarketSpecError(
            f"{listing} is given {funding[0].name} (funding) alone, which has no prices; "
            "give its candles, trades or book beside it"
        )
    return Recordings(
        candles=next(iter(candles), None),
        trades=next(iter(trades), None),
        book=next(iter(books), None),
        funding=next(iter(funding), None),
    )
