"""Trailing stops: a stop of the whole position whose trigger follows the last price at a distance.

Lives here: pure decisions, when one becomes active, where its trigger goes, what a command makes of it. Not here: when
prices are looked at (`floor`), reading the command (`trading_stop`).
Until the price has come to the activation price, that is the order's trigger; then the trigger is the best price seen
since, less the distance (a short position: plus it). Each move of it is an event, so a restart goes on from there. Not
verified against Bybit: that a new distance counts from the last price, and that the order tells its moving trigger.
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.simulator.accounts.events import OrderAccepted, OrderAmended, OrderArmed, OrderMove, Trail, Trigger
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.decisions import Scene, ended
from tradewright.simulator.matching.triggers import is_met


def followed(order: Order, trail: Trail, trigger: Trigger, price: Decimal) -> tuple[Trail, Trigger]:
    """Both after the last price has come to `price`, which does not trigger the order."""
    if not trail.active:
        if not is_met(trigger, price):
            return trail, trigger
        return Trail(distance=trail.distance, active=True), _behind(order.side == "Buy", price, trail.distance)
    wanted = _behind(order.side == "Buy", price, trail.distance)
    moves = wanted.price < trigger.price if trigger.rises else wanted.price > trigger.price
    return trail, wanted if moves else trigger


def moved(order: Order, trail: Trail, trigger: Trigger, scene: Scene) -> OrderAmended:
    return OrderAmended(
        at=scene.at,
        order_id=order.order_id,
        quantity=order.quantity,
        price=order.price,
        trigger=trigger,
        protection=None,
        pair_id=order.pair_id,
        trail=trail,
    )


def wanted_moves(
    distance: Decimal | None,
    activation: Decimal | None,
    there: Order | None,
    position: Position,
    scene: Scene,
    last_price: Decimal,
) -> list[OrderMove]:
    """What a command makes of a position's trailing stop: a `distance` of 0 removes it, None keeps the one there is.

    None or 0 for `activation` is at once. Raises `ApiError` 10001 for what does not fit the position or the grid.
    """
    if not distance and not activation:
        removed = distance is not None and there is not None
        return [ended(there, scene, cancel_type="CancelByUser")] if removed and there is not None else []
    before = there.trail if there is not None else None
    distance = distance or (before.distance if before is not None else None)
    if distance is None:
        raise bad_parameter("params error: activePrice needs a trailingStop")
    is_short = position.size < 0
    _check(distance, activation, scene.spec, last_price, is_short=is_short)
    trail = Trail(distance=distance, active=not activation)
    trigger = Trigger(price=activation, rises=not is_short) if activation else _behind(is_short, last_price, distance)
    if there is None:
        return _placed(trail, trigger, position, scene, last_price)
    if before == trail and (trail.active or trigger == there.trigger):
        return []
    return [moved(there, trail, trigger, scene)]


def _behind(is_short: bool, price: Decimal, distance: Decimal) -> Trigger:
    return Trigger(price=price + distance, rises=True) if is_short else Trigger(price=price - distance, rises=False)


def _check(
    distance: Decimal, activation: Decimal | None, spec: InstrumentSpec, last_price: Decimal, *, is_short: bool
) -> None:
    if distance % spec.tick_size or distance >= last_price:
        raise bad_parameter(
            f"params error: trailingStop [{distance}] must be a multiple of {spec.tick_size} below the last price"
        )
    if not activation:
        return
    if activation % spec.tick_size:
        raise bad_parameter(f"params error: activePrice [{activation}] must be a multiple of {spec.tick_size}")
    if (activation >= last_price) if is_short else (activation <= last_price):
        word = "lower" if is_short else "higher"
        raise bad_parameter(
            f"params error: activePrice [{activation}] should be {word} than the last price {last_price}"
        )


def _placed(trail: Trail, trigger: Trigger, position: Position, scene: Scene, last_price: Decimal) -> list[OrderMove]:
    accepted = OrderAccepted(
        at=scene.at,
        order_id=scene.new_id(),
        link_id="",
        symbol=position.symbol,
        side="Sell" if position.size > 0 else "Buy",
        order_type="Market",
        time_in_force="IOC",
        quantity=abs(position.size),
        price=ZERO,
        reduce_only=True,
        close_on_trigger=True,
        last_price=last_price,
        stop_kind="TrailingStop",
        trigger=trigger,
        position_index=position.index,
        trail=trail,
    )
    return [accepted, OrderArmed(at=scene.at, order_id=accepted.order_id)]
