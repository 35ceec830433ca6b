"""What the synthetic market asks of one of its listings, however that one comes by its prices.

Lives here: the protocols of `synthetic_symbol`, `computed_symbol`, the followers of both (`spot_pair`,
`following_contract`), and options. Not here: the market (`synthetic`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from tradewright.simulator.market.candles import Window
from tradewright.simulator.market.model import (
    Bar,
    InstrumentSpec,
    Kline,
    MarketBook,
    MarketEvent,
    MarketTrade,
    PriceKind,
)


class Candles(Protocol):
    """See `Market` for the meaning of the arguments; `now_ms` is market time."""

    def klines(
        self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Kline]: ...

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]: ...

    def live_kline(self, interval: str, now_ms: int) -> Kline | None: ...

    def day(self, now_ms: int) -> Window | None:
        """The last 24 hours, to the minute; None when nothing traded in them."""
        ...

    def price_at(self, ms: int) -> Decimal | None:
        """Open of the first minute at or after `ms`, i.e. the price then; None when there is no such minute."""
        ...


class Moment:
    """Market time, one for all listings of a market: hundreds of them need not be told of every step."""

    __slots__ = ("ms",)

    def __init__(self, ms: int) -> None:
        self.ms = ms


class Listed(Protocol):
    """One listing as of market time."""

    @property
    def spec(self) -> InstrumentSpec: ...

    @property
    def book(self) -> MarketBook: ...

    @property
    def last_price(self) -> Decimal: ...

    @property
    def candles(self) -> Candles: ...

    def trades(self, limit: int) -> list[MarketTrade]:
        """The newest `limit` trades, newest first; at most a thousand are known."""
        ...

    def mark_price(self) -> Decimal: ...

    def index_price(self) -> Decimal: ...

    def funding_rate(self, funding_ms: int) -> Decimal: ...

    def open_interest(self, now_ms: int) -> Decimal | None:
        """Base coin, of inverse contracts USD; None for a spot pair."""
        ...

    def price_bars(
        self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        """See `Market.price_bars`."""
        ...


class Maker(Listed, Protocol):
    """A listing that makes its own events."""

    def second(self, second: int) -> Sequence[MarketEvent]:
        """What happens during one second of market time (since the epoch), ascending; asked for once, in order."""
        ...
