"""Shapes of orders, whoever placed them, and of what was asked of them since."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.instrument import Category, OrderType, QuantityUnit, Side, TriggerBy
from tradewright.core.order_status import IntentState, OrderStatus
from tradewright.web.schemas.base import DecimalText, Environment, Output, UnixMs


class Reason(Output):
    """Why something was refused or rejected; the exchange's own code and text stand apart."""

    code: str
    params: dict[str, str]
    exchange_code: int | None
    exchange_text: str | None


class CancelAsked(Output):
    intent_id: UUID
    state: IntentState


class AmendAsked(Output):
    """The newest change asked of an order; null leaves a thing as it is, an exit of "0" removes it."""

    intent_id: UUID
    state: IntentState
    quantity: DecimalText | None
    price: DecimalText | None
    trigger_price: DecimalText | None
    take_profit: DecimalText | None
    stop_loss: DecimalText | None
    reason: Reason | None


class Trigger(Output):
    price: DecimalText
    by: TriggerBy
    rises: bool = Field(description="Sets off when the price rises to it; false: when it falls to it")


# attached: made by the exchange for a take-profit or stop-loss; adopted: placed elsewhere and taken as ours by a
# person since; guardian, kill, drift: by the account's owner itself; bot: by a bot's run
Source = Literal["manual", "external", "adopted", "attached", "guardian", "kill", "drift", "bot"]


class Order(Output):
    id: UUID = Field(description="The intent's id when the order is ours")
    account_id: UUID
    environment: Environment
    source: Source
    run_id: UUID | None = Field(description="Of a bot: its run; of an attached exit: that of the order it came with")
    category: Category
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: str
    quantity: DecimalText
    quantity_unit: QuantityUnit
    price: DecimalText | None
    reduce_only: bool
    position_index: int = Field(description="0 one-way; in hedge mode the leg: 1 long, 2 short")
    trigger: Trigger | None
    take_profit: DecimalText | None
    stop_loss: DecimalText | None
    stop_order_type: str | None = Field(description="The exchange's word (Stop, TakeProfit, StopLoss, …); null: plain")
    parent_order_id: UUID | None = Field(description="Of an attached exit: the order it was asked with, where known")
    slippage_percent: DecimalText | None
    filled_quantity: DecimalText
    average_price: DecimalText | None
    status: OrderStatus
    reason: Reason | None
    link_id: str | None
    exchange_order_id: str | None
    cancel: CancelAsked | None
    amend: AmendAsked | None
    valid_until_ms: UnixMs | None
    note: str | None
    created_ms: UnixMs
    updated_ms: UnixMs
    version: int


class OrderPage(Output):
    orders: list[Order]
    next: str | None = Field(description="Cursor of the next, older page; null at the end")
