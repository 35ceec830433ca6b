"""What a person may ask of trading, as it was asked: one body a kind, with the form in which two of them are compared.

Lives here: the bodies and `canonical`. Not here: what the owner holds of them (`model`), their rules (`checks`), the
commands that write them (`commands`, `change_commands`).

The same id with the same canonical body is the same intent. Numbers are compared by value, so `0.10` and `0.1` are one
body, and what was left out is the same as what was given as its default.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from tradewright.core.ids import IntentId, OrderId, link_id_of
from tradewright.core.instrument import Category, InstrumentId, OrderType, QuantityUnit, Side, TimeInForce
from tradewright.core.money import plain
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceBody:
    """An order as asked. Quantity in base coin (quote coin where `quantity_unit` says so), price in quote per base."""

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
    quantity_unit: QuantityUnit = "base"
    trigger: Trigger | None = None
    take_profit: Exit | None = None
    stop_loss: Exit | None = None
    slippage_percent: Decimal | None = None
    position_index: int = 0  # 0 one-way; in hedge mode the leg that it opens or closes: 1 long, 2 short

    @property
    def instrument(self) -> InstrumentId:
        return InstrumentId(self.category, self.symbol)

    @property
    def order(self) -> NewOrder:
        """The order as it would leave."""
        return NewOrder(
            link_id=link_id_of(self.id),
            instrument=self.instrument,
            side=self.side,
            order_type=self.order_type,
            quantity=self.quantity,
            price=self.price,
            time_in_force=self.time_in_force,
            reduce_only=self.reduce_only,
            quantity_unit=self.quantity_unit,
            trigger=self.trigger,
            take_profit=self.take_profit,
            stop_loss=self.stop_loss,
            slippage_percent=self.slippage_percent,
            position_index=self.position_index,
        )

    def canonical(self) -> dict[str, Any]:
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
        } | _given(
            quantity_unit=None if self.quantity_unit == "base" else self.quantity_unit,
            trigger=None if self.trigger is None else _trigger(self.trigger),
            take_profit=None if self.take_profit is None else _exit(self.take_profit),
            stop_loss=None if self.stop_loss is None else _exit(self.stop_loss),
            slippage_percent=self.slippage_percent,
            position_index=self.position_index or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelBody:
    """The wish to cancel the order of one row (`order_id` is the id in the table of orders)."""

    id: IntentId
    order_id: OrderId

    def canonical(self) -> dict[str, Any]:
        return {"kind": "cancel", "order_id": str(self.order_id)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendBody:
    """The wish to change the order of one row; None in the change leaves a thing as it is, an exit of zero removes."""

    id: IntentId
    order_id: OrderId
    change: OrderChange

    def canonical(self) -> dict[str, Any]:
        return {"kind": "amend", "order_id": str(self.order_id)} | _given(
            quantity=self.change.quantity,
            price=self.change.price,
            trigger_price=self.change.trigger_price,
            take_profit=self.change.take_profit,
            stop_loss=self.change.stop_loss,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseBody:
    """The wish to close `percent` of a position that was `side` when it was asked: at market, or at a limit price."""

    id: IntentId
    category: Category
    symbol: str
    side: Side
    percent: Decimal
    price: Decimal | None
    slippage_percent: Decimal | None

    @property
    def instrument(self) -> InstrumentId:
        return InstrumentId(self.category, self.symbol)

    def canonical(self) -> dict[str, Any]:
        return {
            "kind": "close",
            "category": self.category,
            "symbol": self.symbol,
            "side": self.side,
            "percent": plain(self.percent),
        } | _given(price=self.price, slippage_percent=self.slippage_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseBody:
    """The wish to turn a position of this side and size into one of the same size on the other side."""

    id: IntentId
    category: Category
    symbol: str
    side: Side
    size: Decimal

    @property
    def instrument(self) -> InstrumentId:
        return InstrumentId(self.category, self.symbol)

    def canonical(self) -> dict[str, Any]:
        return {
            "kind": "reverse",
            "category": self.category,
            "symbol": self.symbol,
            "side": self.side,
            "size": plain(self.size),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBody:
    id: IntentId
    category: Category
    symbol: str
    leverage: Decimal

    @property
    def instrument(self) -> InstrumentId:
        return InstrumentId(self.category, self.symbol)

    def canonical(self) -> dict[str, Any]:
        return {
            "kind": "leverage",
            "category": self.category,
            "symbol": self.symbol,
            "leverage": plain(self.leverage),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsBody:
    """The wish for a position's own take-profit, stop-loss and trailing stop: None leaves a leg, zero removes it."""

    id: IntentId
    category: Category
    symbol: str
    exits: PositionExits

    @property
    def instrument(self) -> InstrumentId:
        return InstrumentId(self.category, self.symbol)

    def canonical(self) -> dict[str, Any]:
        exits = self.exits
        return {"kind": "exits", "category": self.category, "symbol": self.symbol} | _given(
            take_profit=exits.take_profit,
            stop_loss=exits.stop_loss,
            take_profit_by=None if exits.take_profit_by == "LastPrice" else exits.take_profit_by,
            stop_loss_by=None if exits.stop_loss_by == "LastPrice" else exits.stop_loss_by,
            trailing_stop=exits.trailing_stop,
            trailing_active_price=exits.trailing_active_price,
            position_index=exits.position_index or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionModeBody:
    """The wish that one contract is held in two legs (`hedge`), or in one position for both sides."""

    id: IntentId
    category: Category
    symbol: str
    hedge: bool

    @property
    def instrument(self) -> InstrumentId:
        return InstrumentId(self.category, self.symbol)

    def canonical(self) -> dict[str, Any]:
        return {"kind": "position_mode", "category": self.category, "symbol": self.symbol, "hedge": self.hedge}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginModeBody:
    """The wish for the margin mode of the whole account, by the exchange's word."""

    id: IntentId
    mode: str

    def canonical(self) -> dict[str, Any]:
        return {"kind": "margin_mode", "mode": self.mode}


SymbolBody = PlaceBody | CloseBody | ReverseBody | LeverageBody | ExitsBody | PositionModeBody  # it names its symbol
Body = SymbolBody | CancelBody | AmendBody | MarginModeBody


# What an account's owner itself may want sent; of orders only what takes something off at market.
OwnBody = CancelBody | CloseBody | ExitsBody | PlaceBody


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAllBody:
    """The wish to cancel every live order: of the account, of a category, or of one symbol. It has no row of its own:
    its cancels have, each with an id made from this one and the order's.

    `external`: those too that were placed elsewhere. `conditional`: those too that still wait for a trigger."""

    id: UUID
    category: Category | None
    symbol: str | None
    external: bool = False
    conditional: bool = True


def _given(**fields: Any) -> dict[str, Any]:
    """Without what is None; decimals as plain text."""
    return {
        name: plain(value) if isinstance(value, Decimal) else value
        for name, value in fields.items()
        if value is not None
    }


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return {"price": plain(trigger.price), "by": trigger.by, "rises": trigger.rises}


def _exit(leg: Exit) -> dict[str, Any]:
    return _given(trigger_price=leg.trigger_price, trigger_by=leg.trigger_by, limit_price=leg.limit_price)
