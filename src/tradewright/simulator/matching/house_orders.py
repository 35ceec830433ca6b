"""Orders that the exchange itself makes to close a position: by liquidation, at delivery.

Lives here: such an order and its fill at a given price, as one batch. Not here: when (`liquidation`, `delivery`).
They have no client's id, meet no book and wait for nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from tradewright.simulator.accounts.events import Event, ExecType, OrderAccepted, OrderFilled
from tradewright.simulator.accounts.orders import accepted
from tradewright.simulator.accounts.positions import Position
from tradewright.simulator.matching.decisions import ended, fill
from tradewright.simulator.matching.ledger import Ledger
from tradewright.simulator.matching.walks import Take

REDUCED: Final = "CreateByLiq"
TAKEN_OVER: Final = "CreateByTakeOver_PassThrough"
SETTLED: Final = "CreateBySettle"
HOUSE_TYPES: Final = (REDUCED, TAKEN_OVER, SETTLED)


def closing_order(
    ledger: Ledger,
    position: Position,
    *,
    quantity: Decimal,
    price: Decimal,
    create_type: str,
    last_price: Decimal | None = None,
) -> OrderAccepted:
    """A market order that reduces the position by `quantity`, at `price` or better."""
    return OrderAccepted(
        at=ledger.moment(),
        order_id=ledger.around.new_id(),
        link_id="",
        symbol=position.symbol,
        side="Sell" if position.size > 0 else "Buy",
        order_type="Market",
        time_in_force="IOC",
        quantity=quantity,
        price=price,
        reduce_only=True,
        close_on_trigger=False,
        last_price=ledger.last_price(position.symbol) if last_price is None else last_price,
        position_index=position.index,
        create_type=create_type,
    )


def close_at(ledger: Ledger, position: Position, *, price: Decimal, create_type: str, exec_type: ExecType) -> None:
    """Close all of a position at one price, in one batch. What is settled at delivery costs no fee."""
    order = closing_order(ledger, position, quantity=abs(position.size), price=price, create_type=create_type)
    scene = ledger.scene(position.symbol)
    filled = fill(accepted(order, number=0), position, Take(price, order.quantity), scene, is_maker=False)
    filled = msgspec.structs.replace(filled, exec_type=exec_type)
    if exec_type != "BustTrade":
        filled = msgspec.structs.replace(filled, fee=Decimal(0), fee_rate=Decimal(0))
    ledger.commit([order, filled])


def end_torn(ledger: Ledger) -> None:
    """After a crash: an order of which the fill did not reach the disk ends. Whoever made it will make another."""
    torn = [order for order in ledger.account.live_orders() if order.create_type in HOUSE_TYPES]
    ledger.commit([ended(order, ledger.scene(order.symbol), reject_reason="EC_Others") for order in torn])


def labelled(events: list[Event], exec_type: ExecType) -> list[Event]:
    """The events with every fill among them of this kind."""
    return [
        msgspec.structs.replace(event, exec_type=exec_type) if isinstance(event, OrderFilled) else event
        for event in events
    ]
