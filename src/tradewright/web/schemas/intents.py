"""Shapes of what a caller may ask for: every kind of intent, and the cancelling of many orders.

Not here: how they are answered (`intent_answers`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradewright.core.instrument import Category, OrderType, QuantityUnit, Side, TimeInForce, TriggerBy
from tradewright.web.schemas.base import DecimalText, IdText, Input, PlainText, PositionIndex, SymbolText


class TriggerBody(Input):
    """`rises` is what the caller was shown; it is refused when the price has passed the trigger meanwhile."""

    price: DecimalText
    by: TriggerBy = "LastPrice"
    rises: bool


class ExitBody(Input):
    """A take-profit or stop-loss the exchange makes an order of once the entry fills; no limit price: market."""

    trigger_price: DecimalText
    trigger_by: TriggerBy = "LastPrice"
    limit_price: DecimalText | None = None


Confirmation = Annotated[
    SymbolText | None,
    Field(description="The symbol typed once more: real money asks for it above the value that its arming says"),
]


class PlaceIntent(Input):
    """Asks for an order. `id` is made by the caller; the same id and body again is the same intent."""

    id: IdText
    kind: Literal["place"]
    category: Category
    symbol: SymbolText
    side: Side
    order_type: OrderType
    quantity: DecimalText
    quantity_unit: QuantityUnit = "base"
    price: DecimalText | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    trigger: TriggerBody | None = None
    take_profit: ExitBody | None = None
    stop_loss: ExitBody | None = None
    slippage_percent: DecimalText | None = Field(
        "0.5", description="Of a market order: how far from the best price it may fill, 0.01 to 10; else ignored"
    )
    position_index: PositionIndex | None = Field(
        None, description="In hedge mode the leg: 1 long, 2 short; else 0 or null"
    )
    note: PlainText | None = None
    confirmation: Confirmation = None


class CancelIntent(Input):
    """Asks for the cancelling of an order, ours or external. `order_id` is the order's id here, not the exchange's."""

    id: IdText
    kind: Literal["cancel"]
    order_id: IdText


class AmendIntent(Input):
    """Asks for a change of a live order. `quantity` is the new total; an exit of "0" removes it; null leaves it."""

    id: IdText
    kind: Literal["amend"]
    order_id: IdText
    quantity: DecimalText | None = None
    price: DecimalText | None = None
    trigger_price: DecimalText | None = None
    take_profit: DecimalText | None = None
    stop_loss: DecimalText | None = None
    confirmation: Confirmation = None


class CloseIntent(Input):
    """Closes a part of a position, always reduce-only: at market, or at a limit price. Becomes a place."""

    id: IdText
    kind: Literal["close"]
    category: Literal["linear"]
    symbol: SymbolText
    side: Side = Field(description="Of the position that the caller saw; another one by now is a 409")
    percent: DecimalText = Field("100", description="Above 0, at most 100; rounded down to the step, 100 is all of it")
    price: DecimalText | None = Field(None, description="Null: at market")
    slippage_percent: DecimalText | None = None


class ReverseIntent(Input):
    """Turns a position into one of the same size on the other side, by one market order. Becomes a place."""

    id: IdText
    kind: Literal["reverse"]
    category: Literal["linear"]
    symbol: SymbolText
    side: Side = Field(description="Of the position that the caller saw; another one by now is a 409")
    size: DecimalText = Field(description="Its size as the caller saw it; another one by now is a 409")
    confirmation: Confirmation = None


class LeverageIntent(Input):
    """Sets the leverage of a whole symbol; done once it is read back in `position`."""

    id: IdText
    kind: Literal["leverage"]
    category: Literal["linear"]
    symbol: SymbolText
    leverage: DecimalText


class ExitsIntent(Input):
    """Sets take-profit, stop-loss and trailing stop of an open position (full size, at market): null leaves one, "0"
    removes it."""

    id: IdText
    kind: Literal["exits"]
    category: Literal["linear"]
    symbol: SymbolText
    take_profit: DecimalText | None = None
    stop_loss: DecimalText | None = None
    take_profit_by: TriggerBy = "LastPrice"
    stop_loss_by: TriggerBy = "LastPrice"
    trailing_stop: DecimalText | None = Field(None, description="A distance in quote coin, behind the last price")
    trailing_active_price: DecimalText | None = Field(
        None, description="Of a trailing stop: the price from which it follows; null: at once"
    )
    position_index: PositionIndex | None = Field(
        None, description="In hedge mode the leg: 1 long, 2 short; else 0 or null"
    )


class PositionModeIntent(Input):
    """Holds one contract in two legs (hedge), or in one position for both sides; done once the legs are read back.
    Refused while it has a position or orders."""

    id: IdText
    kind: Literal["position_mode"]
    category: Literal["linear"]
    symbol: SymbolText
    mode: Literal["one_way", "hedge"]


class MarginModeIntent(Input):
    """Sets the margin mode of the whole account; done once it is read back in `margin_mode` of the account. Refused
    while there is any position or order; portfolio margin is not offered."""

    id: IdText
    kind: Literal["margin_mode"]
    mode: Literal["REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"]


IntentBody = Annotated[
    PlaceIntent
    | CancelIntent
    | AmendIntent
    | CloseIntent
    | ReverseIntent
    | LeverageIntent
    | ExitsIntent
    | PositionModeIntent
    | MarginModeIntent,
    Field(discriminator="kind"),
]


class CancelAllBody(Input):
    """Cancels every live order of the account, or of one category, or of one symbol: one cancel each."""

    id: IdText
    category: Category | None = None
    symbol: SymbolText | None = None
    external: bool = Field(False, description="Those too that were placed elsewhere on the account")
    conditional: bool = Field(True, description="Those too that still wait for their trigger")
