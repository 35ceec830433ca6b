"""Changing an order that lives: the amend command, and what it makes of the order.

Lives here: `read_amend`, and `amendment`, which decides pure from values or refuses. Not here: when the change takes
place (`floor`), whether the account can back it (`engine`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator.accounts.events import AmendAccepted, Leg, Moment, Protection, Trigger, TriggerBy
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import Position
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, decimal, text
from tradewright.simulator.market.model import InstrumentSpec, Listing
from tradewright.simulator.matching import spot_filters, triggers
from tradewright.simulator.matching.commands import Specs, check_notional, check_price, check_quantity
from tradewright.simulator.matching.commands import read_cancel as read_named
from tradewright.simulator.matching.liquidity import check_limits, clamp
from tradewright.simulator.matching.order_options import check_protection, read_by, read_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class LegChange:
    """What a client wants of one take-profit or stop-loss. `price` None keeps it, 0 removes it."""

    price: Decimal | None
    by: TriggerBy | None
    limit: Decimal | None

    def of(self, leg: Leg | None) -> Leg | None:
        """The leg after the change; without a price there is nothing to change on a leg that is not there."""
        if self.price == 0 or (leg is None and self.price is None):
            return None
        price = self.price if self.price is not None else leg.price if leg is not None else None
        assert price is not None, "one of the two is given here"
        by = self.by or (leg.by if leg is not None else "LastPrice")
        return Leg(price=price, by=by, limit=self.limit if self.limit is not None or leg is None else leg.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder:
    """`order_id` wins over `link_id`. What is None stays as it is; `whole` is None when no tpslMode is given."""

    symbol: Listing
    order_id: str
    link_id: str
    quantity: Decimal | None
    price: Decimal | None
    trigger_price: Decimal | None
    trigger_by: TriggerBy | None
    whole: bool | None
    take_profit: LegChange
    stop_loss: LegChange
    iv: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The market and the position a change is held against. `bounds` are the lowest sell and the highest buy price, and
    `refuses_beyond` is whether a price beyond them is refused or moved to them; `price` tells what a trigger looks at,
    `price_of_iv` what an option costs at a volatility.
    """

    spec: InstrumentSpec
    at: Moment
    position: Position
    bounds: tuple[Decimal, Decimal]
    refuses_beyond: bool
    price: Callable[[TriggerBy], Decimal]
    price_of_iv: Callable[[Decimal], Decimal]


def read_amend(body: Body, specs: Specs) -> AmendOrder:
    """An amend command; numbers are only read here, and held against their filters once the order is known."""
    named = read_named(body, specs)
    return AmendOrder(
        symbol=named.symbol,
        order_id=named.order_id,
        link_id=named.link_id,
        quantity=_given(body, "qty", "Qty invalid"),
        price=_given(body, "price", "Price invalid"),
        trigger_price=_given(body, "triggerPrice", "triggerPrice invalid"),
        trigger_by=_given_by(body, "triggerBy"),
        whole=read_whole(body, default=True) if text(body, "tpslMode") else None,
        take_profit=read_leg_change(body, "tp"),
        stop_loss=read_leg_change(body, "sl"),
        iv=_given(body, "orderIv", "orderIv invalid") or None,
    )


def read_leg_change(body: Body, prefix: str) -> LegChange:
    """The change of the leg with the prefix "tp" or "sl"."""
    name = "takeProfit" if prefix == "tp" else "stopLoss"
    limit = _given(body, f"{prefix}LimitPrice", f"{prefix}LimitPrice invalid")
    return LegChange(
        price=_given(body, name, f"{name} invalid"), by=_given_by(body, f"{prefix}TriggerBy"), limit=limit or None
    )


def amendment(order: Order, command: AmendOrder, ground: Ground) -> AmendAccepted:
    """What the order is to be.

    Raises `ApiError`: 110064 (170313 on spot) quantity not above what filled, 110017 nothing to reduce, 110059
    protection of a partly filled order, 110092 and 110093 side of a trigger, the codes of the filters, and 10001 for
    what the order does not have or where nothing changes.
    """
    quantity, price = _quantity(order, command, ground), _price(order, command, ground)
    trigger = _trigger(order, command, ground)
    protection = _protection(order, command, ground)
    if protection is not None and (protection, price) != (order.protection, order.price):
        entry = price or (trigger.price if trigger is not None else ground.price("LastPrice"))
        check_protection(protection, order.side, lambda leg: (entry, "order price"))
    changed = (quantity, price, trigger, protection)
    if changed == (order.quantity, order.price, order.trigger, order.protection):
        raise bad_parameter("The order remains unchanged as the parameters entered match the existing ones.")
    worth_at = price or (trigger.price if trigger is not None else price)
    if (quantity, worth_at) != (order.quantity, order.price) and worth_at and not order.in_quote:
        if order.is_spot:
            spot_filters.check_value(ground.spec, quantity * worth_at)
        elif not order.reduce_only:
            check_notional(ground.spec, quantity, worth_at)
    return AmendAccepted(
        at=ground.at,
        order_id=order.order_id,
        quantity=quantity,
        price=price,
        trigger=trigger,
        protection=protection,
        iv=command.iv or (order.iv if command.price is None else None),
    )


def _quantity(order: Order, command: AmendOrder, ground: Ground) -> Decimal:
    wanted = command.quantity
    if wanted is None or wanted == order.quantity:
        return order.quantity
    if order.follows_position or (order.is_spot and order.is_protective):
        raise bad_parameter("params error: qty of this TP/SL order follows what it protects")
    if order.in_quote:
        spot_filters.check_amount(ground.spec, wanted)
    elif order.is_spot:
        spot_filters.check_quantity(ground.spec, wanted, order.order_type)
    else:
        check_quantity(ground.spec, wanted, order.order_type)
    if wanted <= order.filled_quantity:
        code = RetCode.SPOT_QTY_BELOW_FILLED if order.is_spot else RetCode.QTY_NOT_ABOVE_FILLED
        raise ApiError(code, "The order modified qty must be greater than the cumulative executed qty")
    if not order.reduce_only or order.is_dormant:
        return wanted
    most = order.filled_quantity + ground.position.reducible(order.side)
    if most <= order.filled_quantity:
        raise ApiError(RetCode.REDUCE_ONLY_RULE, "current position is zero, cannot fix reduce-only order qty")
    return min(wanted, most)


def _price(order: Order, command: AmendOrder, ground: Ground) -> Decimal:
    wanted = command.price
    if command.iv is not None:
        if not ground.spec.is_option:
            raise bad_parameter("params error: orderIv is for options")
        wanted = ground.price_of_iv(command.iv)
    if wanted is None or (order.order_type == "Market" and not wanted):
        return order.price
    if order.order_type == "Market":
        raise bad_parameter("params error: price cannot be set on a market order")
    (spot_filters.check_price if order.is_spot else check_price)(ground.spec, wanted)
    if order.is_dormant:
        return wanted
    if ground.refuses_beyond:
        check_limits(ground.spec, wanted, order.side, ground.bounds)
    return clamp(wanted, order.side, ground.bounds)


def _trigger(order: Order, command: AmendOrder, ground: Ground) -> Trigger | None:
    if not command.trigger_price and command.trigger_by is None:
        return order.trigger
    if not order.is_dormant or order.trigger is None or order.trail is not None:
        raise bad_parameter("params error: triggerPrice can only be set on an order that waits for its trigger")
    price, by = command.trigger_price or order.trigger.price, command.trigger_by or order.trigger.by
    check_price(ground.spec, price)
    rises = price >= ground.price(by) if order.is_spot else order.trigger.rises
    wanted = Trigger(price=price, rises=rises, by=by)
    if wanted != order.trigger:
        triggers.check_side(wanted, ground.price(by))
    return wanted


def _protection(order: Order, command: AmendOrder, ground: Ground) -> Protection | None:
    """The legs of an entry, changed one by one."""
    before = order.protection
    whole = command.whole if command.whole is not None else before.whole if before is not None else True
    whole = whole and not order.is_spot
    take_profit = command.take_profit.of(before.take_profit if before is not None else None)
    stop_loss = command.stop_loss.of(before.stop_loss if before is not None else None)
    wanted = Protection(whole=whole, take_profit=take_profit, stop_loss=stop_loss)
    after = None if take_profit is None and stop_loss is None else wanted
    if after == before:
        return before
    if order.filled_quantity:
        raise ApiError(RetCode.PROTECTION_OF_PARTLY_FILLED, "TP/SL of a partially filled order cannot be modified")
    if order.reduce_only or (order.is_spot and (order.order_type != "Limit" or order.trigger is not None)):
        raise bad_parameter("params error: takeProfit and stopLoss cannot be set on this order")
    if after is not None:
        for leg in (take_profit, stop_loss):
            _check_leg(leg, ground.spec, whole=whole)
    return after


def _check_leg(leg: Leg | None, spec: InstrumentSpec, *, whole: bool) -> None:
    for price in (leg.price, leg.limit) if leg is not None else ():
        if price is not None:
            check_price(spec, price)
    if leg is not None and leg.limit is not None and whole:
        raise bad_parameter("params error: a limit price of TP/SL needs tpslMode Partial")


def _given(body: Body, name: str, refusal: str) -> Decimal | None:
    return decimal(body, name, refusal) if text(body, name) else None


def _given_by(body: Body, name: str) -> TriggerBy | None:
    return read_by(body, name) if text(body, name) else None
