"""Shapes of accounts, orders, positions, fills, balances and intents."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.instrument import Category, OrderType, Side, TimeInForce
from tradewright.core.order_status import IntentState, OrderStatus
from tradewright.web.schemas.base import DecimalText, Environment, Fault, Input, Output, UnixMs

NOTE_LENGTH_MAX = 64

SymbolText = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,32}$", max_length=32)]
PlainText = Annotated[str, Field(max_length=NOTE_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]
# In a strict model a UUID would have to be an object; JSON brings text.
IdText = Annotated[UUID, Field(strict=False)]


class AccountSession(Output):
    state: Literal["connecting", "reconciling", "ready", "degraded", "closed"]
    reason: Fault | None
    since_ms: UnixMs


class Account(Output):
    id: UUID
    name: str
    environment: Environment
    exchange: Literal["bybit"]
    session: AccountSession
    drift_count: int


class AccountList(Output):
    accounts: list[Account]


class Reason(Output):
    """Why something was refused or rejected; the exchange's own code and text stand apart."""

    code: str
    params: dict[str, str]
    exchange_code: int | None
    exchange_text: str | None


class CancelAsked(Output):
    intent_id: UUID
    state: IntentState


class Order(Output):
    id: UUID = Field(description="The intent's id when the order is ours")
    account_id: UUID
    environment: Environment
    source: Literal["manual", "external"]
    category: Category
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: str
    quantity: DecimalText
    price: DecimalText | None
    reduce_only: bool
    filled_quantity: DecimalText
    average_price: DecimalText | None
    status: OrderStatus
    reason: Reason | None
    link_id: str | None
    exchange_order_id: str | None
    cancel: CancelAsked | None
    valid_until_ms: UnixMs | None
    note: str | None
    created_ms: UnixMs
    updated_ms: UnixMs
    version: int


class OrderPage(Output):
    orders: list[Order]
    next: str | None = Field(description="Cursor of the next, older page; null at the end")


class Position(Output):
    account_id: UUID
    category: Category
    symbol: str
    position_index: int
    side: Side | None
    size: DecimalText
    entry_price: DecimalText | None
    mark_price: DecimalText | None
    liquidation_price: DecimalText | None
    leverage: DecimalText | None
    unrealised_pnl: DecimalText
    realised_pnl: DecimalText
    initial_margin: DecimalText
    updated_ms: UnixMs


class PositionList(Output):
    positions: list[Position]


class Fill(Output):
    id: str = Field(description="The exchange's execution id")
    account_id: UUID
    category: Category
    symbol: str
    side: Side
    price: DecimalText
    quantity: DecimalText
    fee: DecimalText
    fee_coin: str
    is_maker: bool
    exec_type: str
    order_id: UUID | None
    exchange_order_id: str
    time_ms: UnixMs


class FillPage(Output):
    fills: list[Fill]
    next: str | None


class CoinBalance(Output):
    coin: str
    wallet_balance: DecimalText
    equity: DecimalText
    order_margin: DecimalText
    position_margin: DecimalText
    unrealised_pnl: DecimalText


class Balances(Output):
    total_equity: DecimalText | None
    total_available: DecimalText | None
    coins: list[CoinBalance]
    updated_ms: UnixMs | None


class BalancesAnswer(Output):
    balances: Balances


class PlaceIntent(Input):
    """Asks for an order. `id` is made by the caller; the same id and body again is the same intent."""

    id: IdText
    kind: Literal["place"]
    category: Category
    symbol: SymbolText
    side: Side
    order_type: OrderType
    quantity: DecimalText
    price: DecimalText | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    note: PlainText | None = None


class CancelIntent(Input):
    """Asks for the cancelling of an order, ours or external. `order_id` is the order's id here, not the exchange's."""

    id: IdText
    kind: Literal["cancel"]
    order_id: IdText


IntentBody = Annotated[PlaceIntent | CancelIntent, Field(discriminator="kind")]


class IntentAnswer(Output):
    intent_id: UUID
    kind: Literal["place", "cancel"]
    status: OrderStatus
    order: Order | None
    reason: Reason | None


class StatusMoment(Output):
    status: OrderStatus
    time_ms: UnixMs
    source: Literal["manual", "rest", "stream", "reconciliation", "owner"]


class IntentHistory(IntentAnswer):
    history: list[StatusMoment]
