"""Types of trading that are not the exchange's: an intent as its owner holds it, an account, why something was refused.

Lives here: intents as held (`Intent`), `Reason`, `AccountRef`, `SymbolFacts`, the conflicts a command can end in.
Not here: intents as asked (`bodies`), the exchange's facts (`core.order`), rows (`tables`), JSON shapes (`views`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import UUID

from tradewright.core.errors import Conflict
from tradewright.core.ids import AccountId, ExchangeOrderId, IntentId, LinkId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FeeRates, NewOrder, OrderChange, PositionExits, RemoteOrder, RemotePosition
from tradewright.core.order_status import IntentState

# By hand an opening order that waited longer than this is not what its sender meant any more.
HAND_VALIDITY = timedelta(seconds=10)


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


SessionState = Literal["connecting", "reconciling", "ready", "degraded", "closed"]
EventSource = Literal["manual", "owner", "rest", "stream", "reconciliation"]
IntentKind = Literal["place", "cancel", "amend", "leverage", "exits"]


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
    """One exchange account, as its owner needs it."""

    id: AccountId
    workspace_id: WorkspaceId
    environment: Literal["sim", "demo", "testnet", "live"]
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFacts:
    """What the exchange says of one symbol for this account; `leverage` is None for spot."""

    instrument: InstrumentId
    leverage: Decimal | None
    rates: FeeRates


# Intents as the owner holds them. `reduces`: it may go while the account is degraded, and goes before what opens.
# `subject`: what must not overtake each other on the way to the exchange.


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceIntent:
    """An order to be placed; everything it needs was committed with it.

    `is_outdated`: it was to turn a position that is another one by now.
    """

    kind: ClassVar[IntentKind] = "place"
    id: IntentId
    state: IntentState
    order: NewOrder
    valid_until: datetime | None
    is_outdated: bool = False

    @property
    def instrument(self) -> InstrumentId:
        return self.order.instrument

    @property
    def reduces(self) -> bool:
        return self.order.reduce_only

    @property
    def subject(self) -> Hashable:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelIntent:
    """A cancel, with how to name the order to the exchange."""

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

    @property
    def subject(self) -> Hashable:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendIntent:
    """A change of an order: `change` holds only what differs from the order as we hold it, `asked` all of it.

    `is_behind`: what an earlier change of the same order came to is not read back yet. Sent now, the two could arrive
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

    def is_met_by(self, position: RemotePosition) -> bool:
        return position.leverage == self.leverage


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsIntent:
    """Take-profit and stop-loss of a position. It protects, so it goes while degraded and waits for nothing."""

    kind: ClassVar[IntentKind] = "exits"
    reduces: ClassVar[bool] = True
    id: IntentId
    state: IntentState
    instrument: InstrumentId
    exits: PositionExits
    valid_until: datetime | None

    @property
    def subject(self) -> Hashable:
        return (self.kind, self.instrument)

    def is_met_by(self, position: RemotePosition) -> bool:
        pairs = (
            (self.exits.take_profit, position.take_profit or Decimal(0)),
            (self.exits.stop_loss, position.stop_loss or Decimal(0)),
        )
        return all(asked is None or asked == held for asked, held in pairs)


SettingIntent = LeverageIntent | ExitsIntent  # about a symbol, not about an order
ChangeIntent = AmendIntent | SettingIntent  # its acknowledgement is followed by reading what became of it
Intent = PlaceIntent | CancelIntent | ChangeIntent
