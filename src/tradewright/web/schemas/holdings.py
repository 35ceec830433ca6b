"""Shapes of what an account holds and how it came to it: positions and their protection, fills, balances."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.instrument import Category, Side
from tradewright.web.schemas.base import DecimalText, Output, UnixMs
from tradewright.web.schemas.orders import Source


class Protection(Output):
    """Of a position with a stop in its plan. It is protected only while the exchange shows that stop."""

    state: Literal["protected", "naked", "repairing", "flattening"]
    stop: DecimalText
    naked_since_ms: UnixMs | None = Field(description="Since when it is seen without its stop; null: it is protected")
    naked_ms_total: int = Field(description="Of this position, in milliseconds, without the time that goes on now")
    why: str | None = Field(description="A stable code, such as protection.missing")


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
    maintenance_margin: DecimalText | None
    value: DecimalText | None
    take_profit: DecimalText | None
    stop_loss: DecimalText | None
    trailing_stop: DecimalText | None = Field(description="Its distance in quote coin")
    stops_read_ms: UnixMs | None = Field(description="When take-profit and stop-loss were last read from the exchange")
    break_even_price: DecimalText | None
    adl_rank: int | None
    protection: Protection | None = Field(description="Null: no stop was asked for it")
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
    source: Source
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
    locked: DecimalText = Field(description="By open spot orders")
    available: DecimalText
    usd_value: DecimalText | None


class Balances(Output):
    total_equity: DecimalText | None
    total_available: DecimalText | None
    coins: list[CoinBalance]
    updated_ms: UnixMs | None


class BalancesAnswer(Output):
    balances: Balances
