"""What the exchange twin holds: an order from placing to its end, and what fills add up to.

Lives here: `TwinOrder`, `Holding`, the wallet, an order after an amend. Not here: what happens to them
(`exchange_twin`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tradewright.core.ids import ExchangeOrderId
from tradewright.core.order import (
    CoinBalance,
    Execution,
    Exit,
    NewOrder,
    OrderChange,
    OrderState,
    RemoteOrder,
    Wallet,
)

_ZERO = Decimal(0)

ENDED = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Deactivated"})
_STATES: dict[str, OrderState] = {
    "Untriggered": "waiting_trigger",
    "New": "working",
    "PartiallyFilled": "partially_filled",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "PartiallyFilledCanceled": "cancelled",
    "Deactivated": "cancelled",
}


@dataclass(slots=True, kw_only=True)
class TwinOrder:
    order_id: ExchangeOrderId
    asked: NewOrder  # as it stands: an amend replaces it
    created_at: datetime
    updated_at: datetime
    visible_at_s: float  # on the loop's clock
    status: str = "New"
    rests: bool = False  # in the book, where the market may come to it
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    stop_order_type: str = ""
    parent_link_id: str = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def rest(self) -> Decimal:
        return self.asked.quantity - self.filled

    def report(self) -> RemoteOrder:
        asked = self.asked
        return RemoteOrder(
            exchange_order_id=self.order_id,
            link_id=asked.link_id,
            instrument=asked.instrument,
            side=asked.side,
            order_type=asked.order_type,
            time_in_force=asked.time_in_force,
            quantity=asked.quantity,
            price=asked.price,
            state=_STATES[self.status],
            filled_quantity=self.filled,
            average_price=self.cost / self.filled if self.filled else None,
            reduce_only=asked.reduce_only,
            reject_reason="EC_NoError",
            cancel_type="UNKNOWN",
            raw_status=self.status,
            created_at=self.created_at,
            updated_at=self.updated_at,
            trigger_price=None if asked.trigger is None else asked.trigger.price,
            trigger_by="" if asked.trigger is None else asked.trigger.by,
            trigger_rises=None if asked.trigger is None else asked.trigger.rises,
            take_profit=None if asked.take_profit is None else asked.take_profit.trigger_price,
            stop_loss=None if asked.stop_loss is None else asked.stop_loss.trigger_price,
            stop_order_type=self.stop_order_type,
            parent_link_id=self.parent_link_id,
            close_on_trigger=bool(self.stop_order_type) and self.stop_order_type != "Stop",
            position_index=asked.position_index,
        )


@dataclass(slots=True)
class Holding:
    """What the fills of one instrument add up to. `includes`: every fill of a number up to it."""

    size: Decimal = Decimal(0)  # signed
    entry: Decimal | None = None
    includes: int = 0
    updated_at: datetime | None = None


def wallet_of(funds: Decimal, fills: Sequence[Execution], orders: Sequence[TwinOrder], at: datetime) -> Wallet:
    """Contracts move the quote coin by their fees alone here; spot moves both coins, and its resting orders lock."""
    usdt, btc = funds, _ZERO
    for fill in fills:
        if fill.instrument.category == "spot":
            sign = 1 if fill.side == "Buy" else -1
            btc += sign * fill.quantity
            usdt -= sign * fill.quantity * fill.price
        if fill.fee_coin == "BTC":
            btc -= fill.fee
        else:
            usdt -= fill.fee
    resting = [
        order for order in orders if order.rests and not order.ended and order.asked.instrument.category == "spot"
    ]
    pays = sum((order.rest * (order.asked.price or _ZERO) for order in resting if order.asked.side == "Buy"), _ZERO)
    delivers = sum((order.rest for order in resting if order.asked.side == "Sell"), _ZERO)
    coins = {"USDT": _coin("USDT", usdt, pays), "BTC": _coin("BTC", btc, delivers)}
    return Wallet(total_equity=usdt, total_available=usdt, reported_at=at, coins=coins)


def amended_order(asked: NewOrder, change: OrderChange) -> NewOrder:
    amended = asked
    if change.quantity is not None:
        amended = replace(amended, quantity=change.quantity)
    if change.price is not None:
        amended = replace(amended, price=change.price)
    if change.trigger_price is not None and amended.trigger is not None:
        amended = replace(amended, trigger=replace(amended.trigger, price=change.trigger_price))
    if change.take_profit is not None:
        amended = replace(amended, take_profit=_leg(change.take_profit))
    if change.stop_loss is not None:
        amended = replace(amended, stop_loss=_leg(change.stop_loss))
    return amended


def _leg(price: Decimal) -> Exit | None:
    return Exit(trigger_price=price) if price else None


def _coin(name: str, balance: Decimal, locked: Decimal) -> CoinBalance:
    return CoinBalance(
        coin=name,
        wallet_balance=balance,
        equity=balance,
        order_margin=_ZERO,
        position_margin=_ZERO,
        unrealised_pnl=_ZERO,
        locked=locked,
    )
