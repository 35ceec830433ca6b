"""Shapes of an order as it stands in the ticket, and of what it would come to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradewright.core.instrument import Category, OrderType, Side, TimeInForce
from tradewright.core.risk import LimitName
from tradewright.web.schemas.base import DecimalText, Input, Output, PositionIndex, SymbolText
from tradewright.web.schemas.intents import ExitBody, TriggerBody
from tradewright.web.schemas.problems import FieldProblem

SizingUnit = Literal["base", "quote", "percent", "risk"]


class PreviewBody(Input):
    """An order as it stands in the ticket. `quantity` is in `quantity_unit`: base coin, quote coin, percent of what is
    available, or risk: quote coin to lose at the stop-loss."""

    category: Category
    symbol: SymbolText
    side: Side
    order_type: OrderType
    quantity: DecimalText
    quantity_unit: SizingUnit = "base"
    price: DecimalText | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    trigger: TriggerBody | None = None
    take_profit: ExitBody | None = None
    stop_loss: ExitBody | None = None
    slippage_percent: DecimalText | None = "0.5"
    position_index: PositionIndex | None = Field(
        None, description="In hedge mode the leg: 1 long, 2 short; else 0 or null"
    )


class PositionAfter(Output):
    side: Side | None
    size: DecimalText
    entry_price: DecimalText | None


TouchedName = Literal[LimitName, "prices_absurd"]


class TouchedLimit(Output):
    name: TouchedName
    used_percent: DecimalText | None
    blocks: bool


class Preview(Output):
    """What an order would come to; null where it cannot be known. Fees, margin and the rest are in `coin`."""

    quantity: DecimalText | None = Field(description="Base coin (spot market buys in quote: quote coin), on the step")
    problems: list[FieldProblem]
    warnings: list[FieldProblem]
    coin: str
    expected_price: DecimalText | None
    slippage_percent: DecimalText | None = Field(description="Of the expected price to the best price, by the book")
    order_value: DecimalText | None
    leverage: DecimalText | None
    initial_margin: DecimalText | None
    open_fee: DecimalText | None
    close_fee: DecimalText | None
    fees_assumed: bool
    cost: DecimalText | None
    cost_coin: str
    available: DecimalText | None = Field(description="In `cost_coin`")
    liquidation_price: DecimalText | None
    liquidation: Literal["estimate", "account_wide", "none"] = Field(
        description="Account-wide: margin is shared, so it depends on the whole account and is not told"
    )
    break_even_price: DecimalText | None
    risk_at_stop: DecimalText | None
    risk_percent: DecimalText | None = Field(description="Of the account's equity")
    reward_at_target: DecimalText | None
    reward_per_risk: DecimalText | None
    after: PositionAfter | None
    limits: list[TouchedLimit]
    last_price: DecimalText | None
    mark_price: DecimalText | None
    price_age_ms: int | None
