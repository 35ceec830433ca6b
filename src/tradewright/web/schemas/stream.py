"""Shapes of the browser stream's messages, for the page's types; the stream itself is `web.stream`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from tradewright.core.instrument import Category, Side
from tradewright.web.schemas.accounts import Account
from tradewright.web.schemas.base import Environment, Fault, Input, Output, UnixMs
from tradewright.web.schemas.differences import Difference
from tradewright.web.schemas.holdings import Balances, Fill, Position, Protection
from tradewright.web.schemas.ledger import LedgerBreak
from tradewright.web.schemas.market import Book, CandleRow, PublicTrade, Ticker
from tradewright.web.schemas.notifications import NotificationStanding
from tradewright.web.schemas.orders import Order
from tradewright.web.schemas.runs import Run, RunEvent

Sequence = Annotated[int, Field(ge=0, lt=2**53)]  # what a browser can count exactly


class SubscribeMessage(Input):
    op: Literal["subscribe"]
    topics: list[str]
    resume: dict[str, Sequence] = Field(default_factory=dict, description="Topic → the last sequence number seen")


class UnsubscribeMessage(Input):
    op: Literal["unsubscribe"]
    topics: list[str]


class StreamClientMessage(RootModel[Annotated[SubscribeMessage | UnsubscribeMessage, Field(discriminator="op")]]):
    pass


class AccountSnapshot(Output):
    account: Account
    orders: list[Order]
    positions: list[Position]
    fills: list[Fill]
    balances: Balances


class OrderEvent(Output):
    kind: Literal["order"]
    order: Order


class FillEvent(Output):
    kind: Literal["fill"]
    fill: Fill


class PositionEvent(Output):
    kind: Literal["position"]
    position: Position


class BalancesEvent(Output):
    kind: Literal["balances"]
    balances: Balances


class SessionEvent(Output):
    kind: Literal["session"]
    account: Account


class DriftTold(Output):
    kind: str
    subject: str
    ours: str
    theirs: str


class DriftEvent(Output):
    """A difference was found; before and after are in `difference`, as it was then."""

    kind: Literal["drift"]
    drift: DriftTold
    difference: Difference
    drift_count: int


class DifferenceEvent(Output):
    """What became of a difference: it was decided, carried out, or is gone by itself."""

    kind: Literal["difference"]
    difference: Difference
    drift_count: int


class LedgerEvent(Output):
    """The ledger and the exchange differ, or do so no more."""

    kind: Literal["ledger"]
    state: Literal["broken", "tied"]
    # Of what is said here once, `ours` and `theirs` are as they were then.
    difference: LedgerBreak


class ProtectionTold(Protection):
    """What became of a position's stop, with its state then."""

    news: Literal["planned", "naked", "repairing", "flattening", "restored", "followed", "removed", "flat"]
    category: Category
    symbol: str
    position_index: int
    side: Side


class ProtectionEvent(Output):
    kind: Literal["protection"]
    protection: ProtectionTold


AccountEvent = Annotated[
    OrderEvent
    | FillEvent
    | PositionEvent
    | BalancesEvent
    | SessionEvent
    | DriftEvent
    | DifferenceEvent
    | LedgerEvent
    | ProtectionEvent,
    Field(discriminator="kind"),
]


class RunSnapshot(Output):
    """Of `run:<id>`: how it stands and its newest events, the last of them the message's `seq`."""

    run: Run
    events: list[RunEvent]


class RunsSnapshot(Output):
    """Of `runs`: those that have not ended, and those that did within a day."""

    runs: list[Run]


class RunChanged(Output):
    """Of `runs`: how a run stands now. What was there in between is not told."""

    kind: Literal["run"]
    run: Run


class SnapshotMessage(Output):
    type: Literal["snapshot"]
    topic: str
    seq: int
    data: AccountSnapshot | RunSnapshot | RunsSnapshot | NotificationStanding | Ticker | Book | list[PublicTrade]


class DeltaMessage(Output):
    type: Literal["delta"]
    topic: str
    seq: int
    data: AccountEvent | RunEvent | RunChanged | NotificationStanding | Ticker | CandleRow | Book | list[PublicTrade]


class ExchangeLink(Output):
    state: Literal["live", "stale", "down"]
    last_frame_age_ms: int | None
    reason: Fault | None


class ExchangeState(Output):
    """One environment's public link, and its market time (null while it is not known)."""

    link: ExchangeLink
    market_now_ms: UnixMs | None


class HeartbeatMessage(Output):
    type: Literal["heartbeat"]
    server_time_ms: UnixMs
    exchanges: dict[Environment, ExchangeState] = Field(description="Of every environment with an account")


class SessionMessage(Output):
    """Beside an account's numbered events: the one who wrote them is gone, or there is one again."""

    type: Literal["session"]
    topic: str
    account: Account


class ErrorMessage(Output):
    type: Literal["error"]
    code: str
    topic: str | None


class StreamServerMessage(
    RootModel[
        Annotated[
            SnapshotMessage | DeltaMessage | SessionMessage | HeartbeatMessage | ErrorMessage,
            Field(discriminator="type"),
        ]
    ]
):
    pass
