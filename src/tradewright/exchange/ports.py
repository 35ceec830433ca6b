"""What trading and market data need of an exchange. Implemented by `exchange.bybit`; tests have in-memory twins.

Every command ends in one of: a value (the exchange acknowledged it), `Refused` (it did not happen), `DuplicateLinkId`,
`NotSent` (no byte left) or `OutcomeUnknown`. Every read ends in the whole answer, all pages, or `ExchangeUnavailable`:
a failed or partial read is never an empty one. Where the exchange judged the question and turned it down, so that
asking again brings the same, that is `ReadRefused`.
Market data are msgspec structs, not dataclasses: one is made for each message, and a struct is made 10 times as fast.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.instrument import Category, Instrument, InstrumentId, RiskTier
from tradewright.core.order import (
    AccountModes,
    Execution,
    FeeRates,
    KeyFacts,
    MarginMode,
    NewOrder,
    OrderChange,
    PositionExits,
    RemoteOrder,
    RemotePosition,
    Wallet,
)
from tradewright.core.transactions import ClosedPnl, Transaction


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where one exchange is: base addresses without a trailing slash, e.g. `http://127.0.0.1:9300`,
    `ws://127.0.0.1:9300/v5/public` (the category is appended), `ws://127.0.0.1:9300/v5/private`."""

    rest: str
    public_stream: str
    private_stream: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    key: str
    secret: str = field(repr=False)


EndpointSource = Callable[[], Endpoints]  # asked anew at each (re)connect: a restarted exchange may listen elsewhere


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The exchange took the request. Not a fill, and not yet an order in the book."""

    exchange_order_id: ExchangeOrderId
    trace: Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUse:
    """One endpoint's budget: calls of the last second, or those that may still arrive. `resets_at`: when the next unit
    is free again, or the endpoint open again, by our clock."""

    path: str
    used: int
    limit: int
    waiting: int
    is_closed: bool  # the exchange has said that nothing more is taken
    resets_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBudget:
    """How much may be asked. `endpoints` are those of which something counts or waits; `address_*` are this process's
    part of what its address may ask in 5 seconds; nothing is sent until `silent_until`."""

    endpoints: Sequence[EndpointUse]
    address_used: int
    address_limit: int
    silent_until: datetime | None


MayGo = Callable[[], bool]


def always() -> bool:
    """Of a command that is sent whenever its turn comes."""
    return True


class OrderGateway(Protocol):
    """The private REST side of one account.

    A command may wait for its turn. `may_go` is asked after the wait, when the request is signed and right before its
    bytes leave: where it says no, none does and the command ends in `NotSent`. It may be asked more than once.
    """

    @property
    def categories(self) -> Sequence[Category]:
        """What is read and traded: nothing is said of positions and orders of any other."""
        ...

    async def place(self, order: NewOrder, *, may_go: MayGo = always) -> Acknowledged: ...
    async def cancel(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> Acknowledged:
        """One of the two ids is needed; the exchange's own wins. `Refused` with 110001: not found or too late."""
        ...

    async def amend(
        self,
        instrument: InstrumentId,
        change: OrderChange,
        *,
        link_id: LinkId | None,
        exchange_order_id: ExchangeOrderId | None,
        may_go: MayGo = always,
    ) -> Acknowledged:
        """The order keeps its ids. `Refused` with 110001: not found or too late. Only what is not None is sent."""
        ...

    async def set_leverage(self, instrument: InstrumentId, leverage: Decimal, *, may_go: MayGo = always) -> Trace:
        """For both sides of the whole symbol. "Not modified" counts as done."""
        ...

    async def set_exits(self, instrument: InstrumentId, exits: PositionExits, *, may_go: MayGo = always) -> Trace:
        """Take-profit, stop-loss and trailing stop of the open position, full size, at market. "Not modified" counts as
        done."""
        ...

    async def set_position_mode(self, instrument: InstrumentId, *, hedge: bool, may_go: MayGo = always) -> Trace:
        """One position for both sides of a contract, or two legs. "Not modified" counts as done. `Refused` while there
        is a position (110024) or an order (110028) of it, or where there is no hedge mode (110029)."""
        ...

    async def set_margin_mode(self, mode: MarginMode, *, may_go: MayGo = always) -> Trace:
        """Of the whole account. The present one counts as done. `Refused` with 3400045: its text has the reasons."""
        ...

    async def find_order(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> RemoteOrder | None:
        """Looks in open orders (incl. recently closed), then in history. None: both answered and neither has it.

        One of the two ids is needed; the exchange's own wins."""
        ...

    async def open_orders(self) -> Sequence[RemoteOrder]: ...
    async def order_history(self, since: datetime) -> Sequence[RemoteOrder]: ...
    async def executions(self, since: datetime) -> Sequence[Execution]:
        """All kinds, oldest first."""
        ...

    async def executions_of(self, instrument: InstrumentId, link_id: LinkId) -> Sequence[Execution]: ...
    async def positions(self) -> Sequence[RemotePosition]:
        """Those that are not flat, of every category and settle coin this account trades."""
        ...

    async def legs(self, instrument: InstrumentId) -> Sequence[RemotePosition]:
        """All there is of one contract, flat or not: the one position (index 0), in hedge mode both legs (1 and 2)."""
        ...

    async def position(self, instrument: InstrumentId, index: int = 0) -> RemotePosition:
        """One of them, also when it is flat: its leverage is the symbol's. `ReadRefused` where there is no such leg."""
        ...

    async def wallet(self) -> Wallet: ...
    async def fee_rates(self, instrument: InstrumentId) -> FeeRates:
        """What the exchange says; where it will not (demo), the usual rates, marked as assumed."""
        ...

    async def key_facts(self) -> KeyFacts: ...
    async def modes(self) -> AccountModes: ...
    async def cancel_working(self, category: Category) -> Collection[ExchangeOrderId]:
        """Asks for the cancelling of every order in the book, whoever placed it, at once; conditional ones stay, and
        with them the stops of positions. Those that the exchange names: perhaps not all, so look and ask again."""
        ...

    async def server_time(self) -> datetime:
        """The exchange's clock as we believe it now (local time plus the measured offset); measures it when needed."""
        ...

    async def close(self) -> None: ...


class LedgerGateway(Protocol):
    """What the ledger reads of one account: what it holds, and what the exchange keeps of how it came to that.

    Every method raises `ExchangeUnavailable` where not all of it could be read.
    """

    @property
    def categories(self) -> Sequence[Category]: ...
    async def transaction_log(self, since: datetime) -> Sequence[Transaction]:
        """Every movement of the wallet since then, oldest first, of every category."""
        ...

    async def closed_pnl(self, since: datetime) -> Sequence[ClosedPnl]:
        """Of contracts: what each order that closed something since then has closed in all; oldest first."""
        ...

    async def executions(self, since: datetime) -> Sequence[Execution]: ...
    async def positions(self) -> Sequence[RemotePosition]: ...
    async def wallet(self) -> Wallet: ...
    async def server_time(self) -> datetime: ...


LinkFault = Literal[
    "link.unreachable",  # no connection could be made
    "link.proxy",  # the connection's proxy could not be reached, refused us, or could not reach the exchange
    "link.refused",  # the exchange refused the sign-in or the subscription
    "link.unanswered",  # it took what was asked and did not answer
    "link.silent",  # no frame for too long
    "link.closed",  # the exchange closed it
    "link.lost",  # it broke
    "link.overloaded",  # more arrived than could be read
]


@dataclass(frozen=True, slots=True)
class StreamUp:
    """Connected, authenticated and subscribed: from here on events may be missed no more. Reconcile now."""

    connection: int  # 1, 2, 3 …


@dataclass(frozen=True, slots=True)
class StreamDown:
    reason: str
    code: LinkFault = "link.lost"


PrivateEvent = StreamUp | StreamDown | RemoteOrder | Execution | RemotePosition | Wallet


class PrivateStream(Protocol):
    """The account's private stream: reconnects by itself with jittered backoff, pings every 20 s, and says so."""

    def events(self) -> AsyncIterator[PrivateEvent]:
        """Ends only when closed. A message that cannot be read is logged with its raw text and skipped."""
        ...

    async def close(self) -> None: ...


class Candle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One candle; `confirmed` once it is closed. Volume is base coin, turnover quote coin."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal
    confirmed: bool


class Ticker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The merged ticker: every field the newest known; None where the exchange never gave one."""

    instrument: InstrumentId
    last_price: Decimal | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    bid_price: Decimal | None = None
    bid_size: Decimal | None = None
    ask_price: Decimal | None = None
    ask_size: Decimal | None = None
    change_24h_ratio: Decimal | None = None
    high_24h: Decimal | None = None
    low_24h: Decimal | None = None
    volume_24h: Decimal | None = None
    turnover_24h: Decimal | None = None
    funding_rate: Decimal | None = None
    next_funding_at_ms: int | None = None
    exchange_time_ms: int = 0


class PublicTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    trade_id: str
    instrument: InstrumentId
    side: Literal["Buy", "Sell"]  # of the taker
    price: Decimal
    quantity: Decimal
    traded_at_ms: int


class FundingRate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was due at a settlement: a fraction of the position's value, paid by a long; negative, and it receives."""

    due_at_ms: int
    rate: Decimal


class Book(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The whole book at the subscribed depth: bids descending, asks ascending, as (price, size). Never crossed."""

    instrument: InstrumentId
    depth: int  # levels a side that were asked for, e.g. 50
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    update_id: int
    exchange_time_ms: int


class CandleUpdate(msgspec.Struct, frozen=True, gc=False):
    instrument: InstrumentId
    interval: str  # Bybit's: 1 3 5 15 30 60 120 240 360 720 D W M
    candle: Candle


PublicEvent = StreamUp | StreamDown | Ticker | CandleUpdate | PublicTrade | Book


class MarketGateway(Protocol):
    """Public REST reads of one exchange."""

    async def instruments(self, category: Category) -> Sequence[Instrument]: ...
    async def risk_tiers(self, instrument: InstrumentId) -> Sequence[RiskTier]:
        """The steps of one contract's risk limits, lowest first; none for spot."""
        ...

    async def all_risk_tiers(self) -> Mapping[InstrumentId, Sequence[RiskTier]]:
        """Those of every contract, each lowest first. Many pages: for what is kept, not for what is asked at once."""
        ...

    async def trades(self, instrument: InstrumentId, limit: int) -> Sequence[PublicTrade]:
        """The newest public trades, oldest first, at most 60. They have the stream's ids."""
        ...

    async def candles(
        self, instrument: InstrumentId, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Candle]:
        """Oldest first, at most 1,000."""
        ...

    async def tickers(self, category: Category) -> Sequence[Ticker]: ...
    async def market_now_ms(self) -> int:
        """Market time: `/sim/clock` on the simulated exchange, else the exchange's clock."""
        ...

    async def close(self) -> None: ...


class PublicStream(Protocol):
    """One public connection of one category; topics are Bybit's, e.g. `tickers.BTCUSDT`, `kline.1.BTCUSDT`."""

    def events(self) -> AsyncIterator[PublicEvent]: ...
    def subscribe(self, *topics: str) -> None:
        """Takes effect now if connected, and again after each reconnect. Subscribing twice is harmless."""
        ...

    def unsubscribe(self, *topics: str) -> None: ...
    def last_frame_age_seconds(self) -> float | None:
        """Seconds since anything was received, a pong and the opening of the connection included; None before that."""
        ...

    async def close(self) -> None: ...
