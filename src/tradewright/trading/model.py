"""Types of trading that are not the exchange's: an intent as its owner holds it, an account, why something was refused.

Lives here: intents as held (`Intent`), `Reason`, `AccountRef`, `SymbolFacts`, the conflicts a command can end in.
Not here: intents as asked (`bodies`), the exchange's facts (`core.order`), rows (`tables`), JSON shapes (`views`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import UUID

from tradewright.core.errors import Conflict
from tradewright.core.ids import AccountId, ExchangeOrderId, IntentId, LinkId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import (
    AccountModes,
    FeeRates,
    MarginMode,
    NewOrder,
    OrderChange,
    PositionExits,
    RemoteOrder,
    RemotePosition,
)
from tradewright.core.order_status import IntentState

# By hand an opening order that waited longer than this is not what its sender meant any more; what takes exposure off
# or protects waits for a worker that starts anew, but not for another day and another position.
HAND_VALIDITY = timedelta(seconds=10)
PROTECTING_VALIDITY = timedelta(minutes=5)


class IntentConflict(Conflict):
    """The intent's id was used for something else."""

    code = "intent.conflict"


class OrderEnded(Conflict):
    """The order has ended: there is nothing to cancel or to change."""

    code = "order.ended"


class OrderNotLive(Conflict):
    """The exchange has not taken the order yet, or it is being cancelled: it cannot be changed now."""

    code = "order.not_live"


class PositionChanged(Conflict):
    """The position is not the one that the caller saw."""

    code = "position.changed"


class AccountResting(Conflict):
    """Nobody acts for the account: its connection was removed, or its exchange is not the one that runs."""

    code = "account.resting"


SessionState = Literal["connecting", "reconciling", "ready", "degraded", "closed"]
# The moves of a session within one process; the next one begins anew with `connecting`.
SESSION_MOVES: Mapping[SessionState, tuple[SessionState, ...]] = {
    "connecting": ("reconciling", "degraded", "closed"),
    "reconciling": ("ready", "degraded", "connecting", "closed"),
    "ready": ("reconciling", "degraded", "closed"),
    "degraded": ("reconciling", "ready", "closed"),
    "closed": ("connecting",),
}
EventSource = Literal["manual", "owner", "rest", "stream", "reconciliation"]
OwnSource = Literal["guardian", "kill", "drift", "bot"]  # who of the owner's own; a person's is "manual"
Proposed = Literal["proposed", "known", "moot"]
IntentKind = Literal["place", "cancel", "amend", "leverage", "exits", "position_mode", "margin_mode"]


@dataclass(frozen=True, slots=True)
class SubmittedIntent:
    intent_id: IntentId
    created: bool  # False: the same id and body was there already


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an intent was refused or rejected: a stable code with the numbers, and the exchange's own words apart."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    exchange_code: int | None = None
    exchange_text: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "params": dict(self.params),
            "exchange_code": self.exchange_code,
            "exchange_text": self.exchange_text,
        }


@dataclass(frozen=True, slots=True)
class AccountRef:
    """One exchange account, as its owner needs it; `epoch` numbers its ownings, 0 where nobody ever claimed it."""

    id: AccountId
    workspace_id: WorkspaceId
    environment: Literal["sim", "demo", "testnet", "live"]
    uid: str
    epoch: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFacts:
    """What the exchange says of one symbol for this account; `leverage` is None for spot."""

    instrument: InstrumentId
    leverage: Decimal | None
    rates: FeeRates


# The limits that an intent was held against when it was let go, with the numbers; None where nobody judged it. It is
# written down with its first request.
Verdict = list[dict[str, str]] | None

# Intents as the owner holds them. `reduces`: it may go while the account is degraded, and goes before what opens.
# `subject`: what must not overtake each other on the way to the exchange.


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceIntent:
    """An order to be placed; everything it needs was committed with it.

    `turns`: it turns a position, and is right only while that one is as it was seen. `is_outdated`: it was to close or
    turn a position that is another one by now. `is_behind`: it turns a position that another order is moving now, or
    may have moved a moment ago.
    """

    kind: ClassVar[IntentKind] = "place"
    id: IntentId
    state: IntentState
    order: NewOrder
    valid_until: datetime | None
    turns: bool = False
    closes_all: bool = False  # at market, whatever the size is
    is_outdated: bool = False
    is_behind: bool = False
    verdict: Verdict = None

    @property
    def instrument(self) -> InstrumentId:
        return self.order.instrument

    @property
    def reduces(self) -> bool:
        return self.order.reduce_only

    @property
    def subject(self) -> Hashable:
        return ("reverse", self.instrument) if self.turns else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelIntent:
    """A cancel, with how to name the order to the exchange.

    `is_early`: nobody knows yet whether the exchange has its order. Sent now it could arrive before it.
    """

    kind: ClassVar[IntentKind] = "cancel"
    reduces: ClassVar[bool] = True
    valid_until: ClassVar[datetime | None] = None
    id: IntentId
    state: IntentState
    target_id: UUID
    instrument: InstrumentId
    target_link_id: LinkId | None
    target_exchange_order_id: ExchangeOrderId | None
    target_final: bool  # the order has ended, or there never was one
    is_early: bool = False

    @property
    def subject(self) -> Hashable:
        return (self.kind, self.target_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendIntent:
    """A change of an order: `change` holds only what differs from the order as we hold it, `asked` all of it.

    `is_outdated`: it was to take quantity off, and would add some to what the order is by now. `is_behind`: what an
    earlier change of the same order came to is not read back yet. Sent now, the two could arrive
    the other way round, and the older wish would stand.
    """

    kind: ClassVar[IntentKind] = "amend"
    id: IntentId
    state: IntentState
    target_id: UUID
    instrument: InstrumentId
    target_link_id: LinkId | None
    target_exchange_order_id: ExchangeOrderId | None
    target_final: bool
    asked: OrderChange
    change: OrderChange
    reduces: bool  # it only takes quantity off
    valid_until: datetime | None
    is_behind: bool
    is_outdated: bool = False
    verdict: Verdict = None

    @property
    def subject(self) -> Hashable:
        return (self.kind, self.target_id)

    def is_met_by(self, order: RemoteOrder) -> bool:
        """Whether the order is as it was asked to become."""
        pairs = (
            (self.asked.quantity, order.quantity),
            (self.asked.price, order.price),
            (self.asked.trigger_price, order.trigger_price),
            (self.asked.take_profit, order.take_profit or Decimal(0)),
            (self.asked.stop_loss, order.stop_loss or Decimal(0)),
        )
        return all(asked is None or asked == held for asked, held in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageIntent:
    """The leverage of a whole symbol. `is_behind` as of an amend."""

    kind: ClassVar[IntentKind] = "leverage"
    reduces: ClassVar[bool] = False
    id: IntentId
    state: IntentState
    instrument: InstrumentId
    leverage: Decimal
    valid_until: datetime | None
    is_behind: bool

    @property
    def subject(self) -> Hashable:
        return (self.kind, self.instrument)

    def is_met_by(self, legs: Sequence[RemotePosition]) -> bool:
        return all(leg.leverage == self.leverage for leg in legs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsIntent:
    """Take-profit, stop-loss and trailing stop of a position. What only sets some protects, so it goes while degraded.

    `is_outdated`: the position has the other side by now. `is_behind`: an earlier one may still arrive after this one.
    """

    kind: ClassVar[IntentKind] = "exits"
    id: IntentId
    state: IntentState
    instrument: InstrumentId
    exits: PositionExits
    reduces: bool  # it removes none
    valid_until: datetime | None
    is_behind: bool = False
    is_outdated: bool = False

    @property
    def subject(self) -> Hashable:
        return (self.kind, self.instrument)

    def is_met_by(self, position: RemotePosition) -> bool:
        pairs = (
            (self.exits.take_profit, position.take_profit or Decimal(0)),
            (self.exits.stop_loss, position.stop_loss or Decimal(0)),
            (self.exits.trailing_stop, position.trailing_stop or Decimal(0)),
        )
        return all(asked is None or asked == held for asked, held in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionModeIntent:
    """One contract in two legs (`hedge`), or in one position for both sides. `is_behind` as of leverage."""

    kind: ClassVar[IntentKind] = "position_mode"
    reduces: ClassVar[bool] = False
    id: IntentId
    state: IntentState
    instrument: InstrumentId
    hedge: bool
    valid_until: datetime | None
    is_behind: bool

    @property
    def subject(self) -> Hashable:
        return (self.kind, self.instrument)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginModeIntent:
    """The margin mode of the whole account: it is about no symbol. `is_behind` as of leverage."""

    kind: ClassVar[IntentKind] = "margin_mode"
    reduces: ClassVar[bool] = False
    id: IntentId
    state: IntentState
    mode: MarginMode
    valid_until: datetime | None
    is_behind: bool

    @property
    def subject(self) -> Hashable:
        return self.kind

    def is_met_by(self, modes: AccountModes) -> bool:
        return modes.margin_mode == self.mode


SettingIntent = (
    LeverageIntent | ExitsIntent | PositionModeIntent | MarginModeIntent
)  # about a symbol or the account, not about an order
ChangeIntent = AmendIntent | SettingIntent  # its acknowledgement is followed by reading what became of it
ReadBackIntent = (
    ChangeIntent | CancelIntent
)  # acknowledged, it still has to show: a cancel by its order's end, else anew
Intent = PlaceIntent | CancelIntent | ChangeIntent


def instrument_of(intent: Intent) -> InstrumentId | None:
    """What it is about; None for what is about the whole account."""
    return None if isinstance(intent, MarginModeIntent) else intent.instrument
