"""Types of trading that are not the exchange's: what is asked of us, an account, and why something was refused.

Lives here: intents as asked (`PlaceBody`, `CancelBody`), as held (`Intent`), `Reason`, `AccountRef`.
Not here: the exchange's facts (`core.order`), rows (`tables`), JSON shapes (`views`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from tradewright.core.errors import Conflict
from tradewright.core.ids import AccountId, ExchangeOrderId, IntentId, LinkId, OrderId, WorkspaceId
from tradewright.core.instrument import Category, InstrumentId, OrderType, Side, TimeInForce
from tradewright.core.money import plain
from tradewright.core.order_status import IntentState

# By hand an opening order that waited longer than this is not what its sender meant any more.
HAND_VALIDITY = timedelta(seconds=10)


class IntentConflict(Conflict):
    """The intent's id was used for something else."""

    code = "intent.conflict"


class OrderEnded(Conflict):
    """The order has ended: there is nothing to cancel."""

    code = "order.ended"


SessionState = Literal["connecting", "reconciling", "ready", "degraded", "closed"]
EventSource = Literal["manual", "owner", "rest", "stream", "reconciliation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceBody:
    """An order as asked. Quantity in base coin, price in quote per base; the id is made by who asks, once per order."""

    id: IntentId
    category: Category
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    reduce_only: bool
    note: str | None

    def canonical(self) -> dict[str, Any]:
        """What is compared when the same id comes again: numbers by value, so `0.10` and `0.1` are one body."""
        return {
            "kind": "place",
            "category": self.category,
            "symbol": self.symbol,
            "side": self.side,
            "order_type": self.order_type,
            "quantity": plain(self.quantity),
            "price": None if self.price is None else plain(self.price),
            "time_in_force": self.time_in_force,
            "reduce_only": self.reduce_only,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelBody:
    """The wish to cancel the order of one row (`order_id` is the id in the table of orders)."""

    id: IntentId
    order_id: OrderId

    def canonical(self) -> dict[str, Any]:
        return {"kind": "cancel", "order_id": str(self.order_id)}


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
class PlaceIntent:
    """A place as the owner holds it; everything an order needs was committed with it."""

    id: IntentId
    state: IntentState
    link_id: LinkId
    instrument: InstrumentId
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    reduce_only: bool
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelIntent:
    """A cancel as the owner holds it, with how to name the order to the exchange."""

    id: IntentId
    state: IntentState
    target_id: UUID
    instrument: InstrumentId
    target_link_id: LinkId | None
    target_exchange_order_id: ExchangeOrderId | None
    target_final: bool  # the order has ended, or there never was one


Intent = PlaceIntent | CancelIntent
