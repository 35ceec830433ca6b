"""Shapes of how an intent is answered, and of the way it went: moments, requests, the limits it was held against."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.order_status import OrderStatus
from tradewright.web.schemas.base import Output, UnixMs
from tradewright.web.schemas.holdings import Position
from tradewright.web.schemas.orders import Order, Reason

# A close or reverse is a place.
IntentKind = Literal["place", "cancel", "amend", "leverage", "exits", "position_mode", "margin_mode"]


class IntentAnswer(Output):
    intent_id: UUID
    kind: IntentKind
    status: OrderStatus
    order: Order | None = Field(description="The order it makes or is about; null for settings")
    position: Position | None = Field(
        description="Of leverage, exits and position mode: as read back since; null before, and else"
    )
    reason: Reason | None


class StatusMoment(Output):
    status: OrderStatus
    time_ms: UnixMs
    source: Literal["manual", "rest", "stream", "reconciliation", "owner"]


class HeldAgainst(Output):
    """One limit that an intent was held against when it was let go, with the numbers."""

    limit: str
    value: str = Field(description="A number, or the symbol")
    allowed: str
    level: str


class RequestMoment(Output):
    """One try at the exchange: written down before its first byte leaves, then signed, then answered."""

    attempt: int
    created_ms: UnixMs
    signed_ms: UnixMs | None = Field(description="By the exchange's clock; null: not sent, or not yet")
    answered_ms: UnixMs | None
    outcome: Literal["acknowledged", "refused", "duplicate", "not_sent", "unknown"] | None = Field(
        description="Null while it is under way"
    )
    exchange_code: int | None
    exchange_text: str | None


class IntentHistory(IntentAnswer):
    history: list[StatusMoment]
    requests: list[RequestMoment] = Field(description="In the order of their attempts")
    verdict: list[HeldAgainst] | None = Field(
        description="The limits of risk it was held against; null for what no limit is asked about, and before that"
    )


class AskedCancel(Output):
    intent_id: UUID
    order_id: UUID


class CancelAllAnswer(Output):
    cancels: list[AskedCancel] = Field(description="One for each order that was live; each goes its own way")
