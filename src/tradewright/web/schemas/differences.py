"""Shapes of differences between us and the exchange that wait for a person."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.instrument import Category, Side
from tradewright.web.schemas.base import DecimalText, Input, Output, UnixMs

DifferenceKind = Literal[
    "order.foreign",
    "order.duplicate",
    "order.unexpected",
    "order.missing",
    "order.unreadable",
    "change.unreadable",
    "position.size",
]
DifferenceState = Literal["open", "ignored", "adopted", "closing", "closed", "gone"]
DifferenceDecision = Literal["adopt", "ignore", "close"]


class DifferenceSide(Output):
    """What one side has. Of a position `size` is signed (short is negative); of an order what is known of it."""

    state: str | None = Field(description="Of an order or a change: ours by our word, theirs by the exchange's")
    size: DecimalText | None
    side: Side | None
    quantity: DecimalText | None
    price: DecimalText | None = Field(description="Null: at market, or not an order")


class Difference(Output):
    id: UUID
    account_id: UUID
    kind: DifferenceKind
    subject: str = Field(description="The exchange's order id, or category:symbol with :long or :short of a leg")
    category: Category | None
    symbol: str | None
    position_index: int | None
    order_id: UUID | None = Field(description="The order's row")
    before: DifferenceSide | None = Field(description="What we had; null: nothing")
    after: DifferenceSide | None = Field(description="What the exchange has; null: nothing")
    foreign: DecimalText | None = Field(description="Of a position: what no fill explains, signed")
    state: DifferenceState
    blocks: bool = Field(description="Nothing that adds exposure goes on this symbol")
    choices: list[DifferenceDecision] = Field(description="What may be decided now")
    always: bool = Field(description="Ignored together with every foreign order of this symbol that comes")
    why: str | None = Field(description="A stable code: why it was not closed")
    decided_by: UUID | None
    decided_ms: UnixMs | None
    found_ms: UnixMs
    ended_ms: UnixMs | None
    version: int


class DifferenceList(Output):
    differences: list[Difference]


class DecideBody(Input):
    """`version` is that of the difference as it was seen; another one by now is a conflict."""

    decision: DifferenceDecision
    version: int = Field(ge=1, le=2**31 - 1)
    always: bool = Field(
        False,
        description="With ignore of a foreign order: also those of this symbol that come later. Without it, no more",
    )
