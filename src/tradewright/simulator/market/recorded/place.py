"""The faces of a recording that is being played, and what its kinds share.

Lives here: what a `Tape` asks of a recording of prices and of one of books, and the book that a price alone makes.
Not here: the kinds (`candle_track`, `trade_track`, `book_track`), their merge (`tape`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, Protocol

from tradewright.simulator.market.bars import PlayedRows
from tradewright.simulator.market.model import InstrumentSpec, Kline, MarketBook, MarketEvent, MarketTrade

WIDE: Final = Context(prec=60)  # recordings may have more digits than the 28 of ordinary arithmetic
NEVER: Final = 1 << 62  # later than every moment
TRADES_KEPT: Final = 1000
FIRST_UPDATE: Final = 2  # never 1, which on Bybit's streams means that the service was restarted

# How many of the symbol's sequence numbers the other recording has used up before a moment.
Neighbour = Callable[[int], int]


class Track(Protocol):
    """One recording with a needle: the places before it are played. Counters follow from the place alone."""

    needle: int

    @property
    def due_ms(self) -> int:
        """Time of the next place; `NEVER` when there is none."""
        ...

    @property
    def first_ms(self) -> int: ...

    @property
    def book(self) -> MarketBook:
        """The book as of the place played last, or of the first one."""
        ...

    def put(self, due_ms: int, now_ms: int) -> None:
        """The needle goes to the first place at or after `due_ms`; bars that are over at `now_ms` are closed."""
        ...

    def play(self) -> list[MarketEvent]:
        """What happens at the next place."""
        ...

    def place_at(self, ms: int) -> int:
        """The first place at or after `ms`."""
        ...

    def used_before(self, ms: int) -> int:
        """How many sequence numbers its places before `ms` use."""
        ...

    def time_ahead(self, count: int) -> int:
        """Time of the last of `count` places to come; `NEVER` when there are fewer."""
        ...

    def times_ahead(self, count: int) -> list[int]:
        """Times of at most `count` places to come."""
        ...


class PriceTrack(Track, Protocol):
    """A recording that has prices and makes candles; where no recorded book covers it, it makes books as well."""

    trades: deque[MarketTrade]
    bars: PlayedRows
    base_ms: int
    own_books: OwnBooks

    @property
    def last_price(self) -> Decimal: ...

    def settle(self, now_ms: int) -> None:
        """Close the bars that are over."""
        ...

    def live(self) -> Kline | None:
        """The bar in the making."""
        ...


@dataclass(frozen=True, slots=True)
class Covered:
    """When a recorded book holds, and how many rows it has. The default is none at all."""

    first_ms: int = NEVER
    last_ms: int = NEVER
    rows: int = 0


@dataclass(frozen=True, slots=True)
class OwnBooks:
    """Which places of a recording of prices make books: those before `until` and those from `start` on."""

    until: int
    start: int
    covered_rows: int

    @classmethod
    def around(cls, covered: Covered, place_at: Callable[[int], int]) -> OwnBooks:
        """Of one moment, trades come before the book: the first row's moment is not covered yet."""
        return cls(place_at(covered.first_ms + 1), place_at(covered.last_ms + 1), covered.rows)

    def has(self, place: int) -> bool:
        return place < self.until or place >= self.start

    def before(self, place: int) -> int:
        """How many places before this one make a book."""
        return min(place, self.until) + max(0, place - self.start)

    def update_id(self, place: int) -> int:
        """Of the book that a place makes, behind the recorded ones where it comes after them."""
        return self.before(place) + (self.covered_rows if place >= self.start else 0) + FIRST_UPDATE


def narrow_book(spec: InstrumentSpec, price: Decimal, *, time_ms: int, update_id: int, seq: int) -> MarketBook:
    """No spread, on the tick, with ample size: such a recording knows one price at a time and no book."""
    on_tick = price.quantize(spec.tick_size, ROUND_HALF_EVEN, WIDE)
    level = (price if price == on_tick else on_tick, spec.max_limit_qty)
    return MarketBook(
        symbol=spec.listing,
        bids=(level,),
        asks=(level,),
        time_ms=time_ms,
        update_id=update_id,
        seq=seq,
    )
