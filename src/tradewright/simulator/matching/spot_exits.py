"""Take-profit and stop-loss that a spot limit order brings: orders for the coins it traded.

Lives here: the pure decision which there are after a fill. Not here: what contracts have (`protection`), what such
orders lock (`spot`).
There is no position to close on spot: the two belong to what the entry filled, less the fee that was taken out of a
buyer's coins, in whole steps. Not verified against Bybit: that they appear with the first part that fills and grow with
the next ones, and that those of a sale lock nothing while they wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.events import OrderAccepted, OrderArmed, OrderMove, Side, Together, Trigger
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.matching.decisions import Scene
from tradewright.simulator.matching.protection import resized


def brought(entry: Order, live: Sequence[Order], scene: Scene, last_price: Decimal, *, orders: int) -> Together:
    """The stops an entry asked for, now that more of it has filled; `orders` counts all the account ever had.

    What is too little for a step waits for the next fill, so the moves may be none.
    """
    covers, step = entry.unprotected_quantity, scene.spec.qty_step
    before = entry.protected_quantity // step * step
    more = (entry.protected_quantity + covers) // step * step - before
    moves: list[OrderMove] = []
    waiting = [order for order in live if order.parent_id == entry.order_id and order.is_dormant]
    if more and waiting:
        moves += [resized(order, order.quantity + more, scene) for order in waiting]
    elif more:
        moves += _placed(entry, more, scene, last_price, orders=orders)
    return Together(at=scene.at, moves=tuple(moves), parent_id=entry.order_id, covers=covers)


def _placed(entry: Order, quantity: Decimal, scene: Scene, last_price: Decimal, *, orders: int) -> list[OrderMove]:
    asked = entry.protection
    assert asked is not None, f"{entry.order_id} asked for no stops"
    side: Side = "Sell" if entry.side == "Buy" else "Buy"
    legs = [(leg, gains) for leg, gains in ((asked.take_profit, True), (asked.stop_loss, False)) if leg is not None]
    pair_id = scene.new_id() if len(legs) > 1 else ""
    moves: list[OrderMove] = []
    for place, (leg, gains) in enumerate(legs, start=1):
        accepted = OrderAccepted(
            at=scene.at,
            order_id=spot.order_id(scene.at.wall_ms, number=orders + place),
            link_id="",
            symbol=entry.symbol,
            side=side,
            order_type="Market" if leg.limit is None else "Limit",
            time_in_force="IOC" if leg.limit is None else "GTC",
            quantity=quantity,
            price=leg.price if leg.limit is None else leg.limit,
            reduce_only=False,
            close_on_trigger=False,
            last_price=last_price,
            market_unit="baseCoin" if leg.limit is None else "",
            stop_kind="BidirectionalTpslOrder",
            trigger=Trigger(price=leg.price, rises=gains == (side == "Sell")),
            parent_id=entry.order_id,
            parent_link_id=entry.link_id,
            pair_id=pair_id,
        )
        moves += [accepted, OrderArmed(at=scene.at, order_id=accepted.order_id)]
    assert quantity > ZERO, "there is something to guard"
    return moves
