"""The port between an account's session and its storage: what is committed, and when, around each effect.

Lives here: `Journal` and the values it takes and gives. Implemented on PostgreSQL by `store`; tests have an in-memory
twin. Every method is one transaction: it commits whole or leaves nothing, and writes its events in the same commit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from tradewright.core.errors import Trace
from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, ExecutionId, RequestId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import (
    AccountModes,
    Execution,
    OrderState,
    RemoteOrder,
    RemotePosition,
    SymbolMode,
    Wallet,
)
from tradewright.trading.bodies import OwnBody
from tradewright.trading.guardian.model import Guarded, ProtectionNews
from tradewright.trading.model import (
    CancelIntent,
    EventSource,
    Intent,
    OwnSource,
    PlaceIntent,
    Proposed,
    ReadBackIntent,
    Reason,
    SessionState,
    SymbolFacts,
)
from tradewright.trading.own_orders import OwnOrder

Fact = RemoteOrder | Execution | RemotePosition | Wallet | SymbolMode | AccountModes

# An acknowledged order that the exchange has not reported by then is missing: twice the settling margin.
REPORT_DUE = timedelta(seconds=30)

# A request whose outcome is unknown since then does not arrive any more; what may overtake it waits no longer.
ARRIVES_WITHIN = timedelta(seconds=30)

# The exchange tells a position a moment after the order that moved it; if it never does, its own numbers count.
POSITION_DUE = timedelta(seconds=5)

# A page resumes from at most 1,000 events back; what is ten times older is nobody's any more.
EVENTS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """The fills that were read beside some positions: all since then, by the exchange's clock."""

    since: datetime
    exec_ids: frozenset[ExecutionId]

    @classmethod
    def of(cls, executions: Sequence[Execution], since: datetime) -> Listed:
        return cls(since, frozenset(execution.exec_id for execution in executions))


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request that may now be sent: it and its intent in `sending` are committed.

    `left_s`: for how many seconds more, by the database's clock; None for what never expires.
    """

    req_id: RequestId
    attempt: int
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class AnsweredAcknowledged:
    """`exchange_order_id` is None for what is about a symbol and not about an order."""

    exchange_order_id: ExchangeOrderId | None
    trace: Trace


@dataclass(frozen=True, slots=True)
class AnsweredRefused:
    """The exchange refused it: it did not happen."""

    reason: Reason
    trace: Trace


@dataclass(frozen=True, slots=True)
class AnsweredNotSent:
    """No byte left. `retry` keeps the intent in `sending` for another attempt; else it ends as not sent."""

    reason: Reason
    trace: Trace
    retry: bool


@dataclass(frozen=True, slots=True)
class AnsweredAgainLater:
    """Definitely not executed, and worth another attempt with the same id (clock, rate limit)."""

    reason: Reason
    trace: Trace


@dataclass(frozen=True, slots=True)
class AnsweredUnknown:
    """It may have happened: the intent becomes `unknown` until there is evidence."""

    reason: Reason
    trace: Trace


Answer = AnsweredAcknowledged | AnsweredRefused | AnsweredNotSent | AnsweredAgainLater | AnsweredUnknown


@dataclass(frozen=True, slots=True)
class UnknownIntent:
    """An intent whose outcome is open. No request of it was signed after `signed_by`, by the exchange's clock.

    None when its sender ended before it could say so: then the time is the exchange's when we first look, or
    `last_signed`, the latest that is known, where an attempt was made after that.
    `is_duplicate`: the exchange said that it has it already, so it can only have happened. `attempts`: how many
    requests of it were begun. `is_being_sent`: one of them has no end yet (the kill switch tries again what nobody
    knows the outcome of).
    """

    intent: Intent
    signed_by: datetime | None
    is_duplicate: bool = False
    last_signed: datetime | None = None
    attempts: int = 0
    is_being_sent: bool = False


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order that we hold as live, to be found again at a reconciliation.

    `acknowledged`: the exchange took it and has not reported it since. The exchange's id is "" where no answer told it.
    `is_fresh`: it was reported within `REPORT_DUE`; what is read may be older than that report.
    """

    exchange_order_id: ExchangeOrderId
    link_id: str
    instrument: InstrumentId
    state: OrderState | Literal["acknowledged"]
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference between us and the exchange that no report explains."""

    # order.foreign | order.missing | order.unexpected | order.duplicate | order.unreadable | change.unreadable
    # | position.size
    kind: str
    subject: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reconciliation begins with: the database's time, and what was acknowledged before and not read back, also
    cancels whose orders are still held as live. `wallet_at`: when the wallet that is held was reported."""

    began_at: datetime
    unread: Sequence[ReadBackIntent]
    wallet_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """A whole answer of the exchange, read together from `taken_at` on, by its clock: all open orders, positions and
    the wallet, what ended in the last days, and every execution since `executions_since`."""

    taken_at: datetime
    executions_since: datetime
    open_orders: Sequence[RemoteOrder]
    ended_orders: Sequence[RemoteOrder]
    executions: Sequence[Execution]
    positions: Sequence[RemotePosition]
    wallet: Wallet
    modes: AccountModes

    def facts(self) -> list[Fact]:
        return [
            *self.open_orders,
            *self.ended_orders,
            *self.executions,
            *(SymbolMode(instrument=held.instrument, hedge=held.position_index != 0) for held in self.positions),
            *self.positions,
            self.wallet,
        ]


class Journal(Protocol):
    async def take_over(self) -> None:
        """At the start of a session: opening intents not yet sending expire, those in `sending` become `unknown`."""
        ...

    async def proposed(self) -> Sequence[Intent]:
        """Intents that wait for the owner, at most 100: what reduces first, closes before cancels, then oldest first.

        What is behind an earlier change of the same thing is among them, and says so."""
        ...

    async def propose(
        self,
        body: OwnBody,
        *,
        source: OwnSource,
        reason: Reason,
        validity: timedelta | None = None,
        run_id: UUID | None = None,
    ) -> Proposed:
        """Writes down what the owner itself wants sent: an intent like any other, with its audit row.

        The id says what it is about (`core.ids.made_id`), so that after a restart nothing is asked twice: "known", and
        nothing is written, when there is an intent of this id, or for a cancel another one under way. "moot": the
        order has ended, or the position is flat or of the other side. A close is of all of the position at market
        (anything else raises ValueError) and goes to the exchange without a price to bound it; a part is taken off by a
        reduce-only order at market, the one order that may be given. Without `validity` it never expires.
        `run_id`: the bot's run that wants it.
        """
        ...

    async def refuse(self, intent: Intent, reason: Reason) -> None: ...
    async def withdraw(self, place: PlaceIntent, cancel: CancelIntent) -> None:
        """Ends a place that was cancelled before it was sent, and the cancel with it. No change if it was sent."""
        ...

    async def expire_overdue(self) -> None:
        """Ends proposed intents whose time is over, by the database's clock."""
        ...

    async def open_request(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        """Approves and opens an attempt; None when the intent expired, ended or is outdated by now: then nothing may
        be sent. Each attempt is judged by what is booked at its commit (`checks.outdated`)."""
        ...

    async def open_own(self, own: OwnOrder, intent: PlaceIntent, req_id: RequestId) -> OpenedRequest | None:
        """Writes down an order that the owner itself wants together with its first attempt: intent in `sending`,
        request, audit row and event in one commit. None, and nothing is written, where its id is known. Another attempt
        of it is opened like any other."""
        ...

    async def reject(self, intent: Intent, reason: Reason) -> None:
        """Ends one in `sending` without an open request whose last answer was a refusal."""
        ...

    async def answer(self, intent: Intent, request: OpenedRequest, answer: Answer) -> None: ...
    async def unknowns(self) -> Sequence[UnknownIntent]: ...
    async def resolve(
        self,
        intent: Intent,
        *,
        happened: bool,
        source: EventSource = "reconciliation",
        reason: Reason | None = None,
        attempts: int | None = None,
    ) -> bool:
        """Ends an `unknown` by evidence: acknowledged, or not placed. No change, and False, if it was resolved
        meanwhile or if by now there are other than so many `attempts`: what was found says nothing of those."""
        ...

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        """Books reports of the exchange, each at most once; a stale or repeated one changes nothing."""
        ...

    async def confirm(self, intent: ReadBackIntent, facts: Sequence[Fact], source: EventSource) -> None:
        """Books what was read after an amend, leverage or exits was acknowledged, and marks it as read back, in one.
        So for a cancel that was acknowledged and did not end its order: it is not asked any more.

        One that is not acknowledged stays as it is, and the facts are booked all the same.
        """
        ...

    async def begin_reading(self) -> Reading:
        """To be asked before the first read of a reconciliation."""
        ...

    async def note_reconciled(self, began_at: datetime, modes: AccountModes) -> None:
        """A reconciliation that began then is done. Never moves back."""
        ...

    async def note_symbol(self, facts: SymbolFacts) -> None:
        """What the exchange says of one symbol now."""
        ...

    async def live_orders(self) -> Sequence[LiveOrder]:
        """Orders that are not final, and places acknowledged `REPORT_DUE` ago or earlier that have no order yet."""
        ...

    async def end_unseen(self, order: LiveOrder) -> None:
        """Ends a live order that the exchange shows nowhere any more, with the reason `UNSEEN`."""
        ...

    async def executions_read_until(self) -> datetime | None:
        """Until when every execution is booked, by the exchange's clock; None before the first reconciliation.

        Not the time of the newest one: what the stream or a look-up booked says nothing of what came before it.
        """
        ...

    async def note_executions_read(self, until: datetime) -> None:
        """Every execution until then is booked. Never moves back."""
        ...

    async def position_breaks(
        self, positions: Sequence[RemotePosition], listed: Listed | None = None
    ) -> Sequence[Drift] | None:
        """Positions whose size is not what the booked fills add up to, by a complete list: what it does not name is
        flat. The first look at a symbol sets its base.

        None, and nothing is set, where a contract's fill is booked that is not among those `listed`: something else
        found it meanwhile, and the positions may be older than it. So while a fill of a symbol in hedge mode is not
        known to belong to a leg, because its order is not known yet; and while an order of a contract is under way,
        whoever sent it: sending, unknown, or acknowledged within `REPORT_DUE` and not reported. It may have moved a
        position with a fill that is not listed yet.
        """
        ...

    async def flatten_absent(self, positions: Sequence[RemotePosition]) -> None:
        """A complete list of open positions: those we hold and it does not name are flat."""
        ...

    async def forget_events(self, *, keep: int) -> None:
        """Drops events further than `keep` back whose facts stand elsewhere: fills, positions, balances, sessions.

        An order's events are its history, and a drift is told once by the event that told it: both stay.
        """
        ...

    async def keep_protection(self, guarded: Guarded, news: ProtectionNews | None) -> None:
        """Keeps what is known of a position's protection and shows it with the position; `news` is told. "removed" and
        "flat" end it: then nothing is kept."""
        ...

    async def record_drift(self, drifts: Sequence[Drift], *, compared: Collection[str] = ()) -> None:
        """Tells differences, each once. `compared`: the kinds that were looked for everywhere, so that those of them
        which wait and are not among `drifts` are gone."""
        ...

    async def set_session(self, state: SessionState, reason: Fault | None) -> None: ...


def signed_quantity(execution: Execution) -> Decimal:
    """What a fill adds to the position, in base coin; zero for bookings that move no quantity (funding)."""
    if execution.exec_type == "Funding":
        return Decimal(0)
    return execution.quantity if execution.side == "Buy" else -execution.quantity
