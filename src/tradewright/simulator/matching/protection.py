"""Take-profit and stop-loss: the orders that guard a position, and what keeps them in step with it.

Lives here: pure decisions, from orders and a position to events. Not here: when they are due (`floor`), reading them
(`order_options`, `trading_stop`).
A leg of the whole position (Bybit's Full) follows its size and there is one of each; others (Partial) close what one
entry opened, or the size a client gave. Not verified against Bybit: which cancelType a replaced leg gets, that a later
part of an entry's fill enlarges its waiting pair, that an entry's leg replaces the position's of the same kind only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from tradewright.simulator.accounts.events import (
    Leg,
    OrderAccepted,
    OrderAmended,
    OrderArmed,
    OrderClosed,
    OrderMove,
    Protection,
    StopKind,
    Together,
    Trigger,
)
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.matching.decisions import Scene, ended

PAIRS_MAX = 20  # Partial, per position, as on Bybit
CLEARED = "CancelByTpSlTsClear"


def brought(entry: Order, position: Position, live: Sequence[Order], scene: Scene, last_price: Decimal) -> Together:
    """The take-profit and stop-loss an entry asked for, now that it has filled. `live` are the listing's orders."""
    protection, covers = entry.protection, entry.unprotected_quantity
    assert protection is not None, f"{entry.order_id} asked for no protection"
    if position.side != entry.side:  # what it opened was closed again at once, by an own order that it met
        return Together(at=scene.at, moves=(), parent_id=entry.order_id, covers=covers)
    moves: list[OrderMove] = []
    waiting = [order for order in live if order.parent_id == entry.order_id and order.is_dormant]
    if protection.whole:
        kinds = [kind for kind, _ in _legs(protection)]
        replaced = [order for kind, order in whole_legs(live).items() if kind in kinds]
        moves += [ended(order, scene, cancel_type=CLEARED) for order in replaced]
        moves += placed(protection, position, abs(position.size), scene, last_price, entry=entry)
    elif waiting:
        moves += [resized(order, order.quantity + covers, scene) for order in waiting]
    else:
        moves += placed(protection, position, covers, scene, last_price, entry=entry)
    return Together(at=scene.at, moves=tuple(moves), parent_id=entry.order_id, covers=covers)


def placed(
    protection: Protection,
    position: Position,
    quantity: Decimal,
    scene: Scene,
    last_price: Decimal,
    *,
    entry: Order | None = None,
    pair_id: str = "",
) -> list[OrderMove]:
    """New legs for a position, waiting for their triggers. Two of them are a pair; `pair_id` joins them to another."""
    legs = _legs(protection)
    pair_id = pair_id or (scene.new_id() if len(legs) > 1 else "")
    moves: list[OrderMove] = []
    for kind, leg in legs:
        accepted = OrderAccepted(
            at=scene.at,
            order_id=scene.new_id(),
            link_id="",
            symbol=position.symbol,
            side="Sell" if position.size > 0 else "Buy",
            order_type="Market" if leg.limit is None else "Limit",
            time_in_force="IOC" if leg.limit is None else "GTC",
            quantity=quantity,
            price=ZERO if leg.limit is None else leg.limit,
            reduce_only=True,
            close_on_trigger=True,
            last_price=last_price,
            stop_kind=kind,
            trigger=trigger_of(kind, leg, position),
            position_index=position.index,
            parent_id="" if entry is None else entry.order_id,
            parent_link_id="" if entry is None else entry.link_id,
            pair_id=pair_id,
        )
        moves += [accepted, OrderArmed(at=scene.at, order_id=accepted.order_id)]
    return moves


def trigger_of(kind: StopKind, leg: Leg, position: Position) -> Trigger:
    """A long position's take-profit waits for a rise, its stop-loss for a fall; a short one's the other way round."""
    gains = kind in ("TakeProfit", "PartialTakeProfit")
    return Trigger(price=leg.price, rises=gains == (position.size > 0), by=leg.by)


def in_step(orders: Iterable[Order], position: Position, scene: Scene) -> list[OrderClosed | OrderAmended]:
    """What the waiting legs among `orders` need after the position changed: an end, or its size."""
    events: list[OrderClosed | OrderAmended] = []
    for order in orders:
        if order.is_spot or not (order.is_protective and order.is_dormant):
            continue
        closes = position.reducible(order.side)
        if not closes:
            events.append(ended(order, scene, cancel_type=CLEARED))
        elif order.follows_position and order.quantity != closes:
            events.append(resized(order, closes, scene))
    return events


def partner_ended(order: Order, live: Iterable[Order], scene: Scene) -> OrderClosed | None:
    """The end of the other leg of a pair whose one leg triggers."""
    for other in live:
        if order.pair_id and other.pair_id == order.pair_id and other.is_dormant and other.order_id != order.order_id:
            word = "CancelByOCOSlCanceledByTpTriggered" if order.gains else "CancelByOCOTpCanceledBySlTriggered"
            return ended(other, scene, cancel_type=word)
    return None


def whole_legs(orders: Iterable[Order]) -> dict[StopKind, Order]:
    """The waiting legs of the whole position among its orders, by "TakeProfit", "StopLoss" and "TrailingStop"."""
    return {order.stop_kind: order for order in orders if order.follows_position and order.is_dormant}


def pairs(orders: Iterable[Order]) -> int:
    """How many Partial pairs wait; a leg on its own counts as one."""
    waiting = [order for order in orders if order.is_protective and order.is_dormant and not order.follows_position]
    return len({order.pair_id or order.order_id for order in waiting})


def _legs(protection: Protection) -> list[tuple[StopKind, Leg]]:
    kinds: tuple[StopKind, StopKind] = ("TakeProfit", "StopLoss")
    if not protection.whole:
        kinds = ("PartialTakeProfit", "PartialStopLoss")
    both = zip(kinds, (protection.take_profit, protection.stop_loss), strict=True)
    return [(kind, leg) for kind, leg in both if leg is not None]


def resized(order: Order, quantity: Decimal, scene: Scene) -> OrderAmended:
    return OrderAmended(
        at=scene.at,
        order_id=order.order_id,
        quantity=quantity,
        price=order.price,
        trigger=order.trigger,
        protection=order.protection,
        pair_id=order.pair_id,
    )
