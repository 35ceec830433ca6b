"""What every topic of the public streams is: a snapshot for who joins, and frames as the market moves.

Lives here: the `Topic` protocol, and what topics are made from. Not here: the kinds (`books`, `trades`, `tickers`, …).
`ts` is market time. Wall time only paces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.model import InstrumentSpec, Listing, Market, MarketEvent
from tradewright.simulator.rows.told_books import ToldBooks

NEVER_MS: Final = 1 << 62
QUIET_MS: Final = 1_000  # how often what moves without events is looked at: quiet books, marks


class Topic(Protocol):
    """One topic. All its readers share it, so that counters and deltas are the same for everybody."""

    @property
    def hears(self) -> Listing:
        """Whose events concern it; "" if none do. `option:BTC` are those of all options of a coin."""
        ...

    @property
    def wakes_ms(self) -> int:
        """Wall time from which it wants to be asked, even if nothing happened that concerns it."""
        ...

    def snapshot(self) -> Frame | None:
        """What a new subscriber gets first; None if the topic has no such thing."""
        ...

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        """Frames for all subscribers after the market moved. `happened` are the events it hears."""
        ...


def no_premium(listing: Listing) -> Decimal:
    return Decimal(0)


@dataclass(frozen=True, slots=True)
class Sources:
    """What topics are made from. `notices` are the exchange's own announcements, as rows of system/status; `premium`
    is how far a book was from its mark of late, which price limits count in.
    """

    market: Market
    specs: Mapping[Listing, InstrumentSpec]
    told: ToldBooks = field(default_factory=ToldBooks)
    notices: Callable[[], list[Frame]] = list
    premium: Callable[[Listing], Decimal] = no_premium
