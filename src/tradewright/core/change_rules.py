"""What a change of something that is there must meet: an amend, exits of a position, a symbol's leverage.

Lives here: `amend_problems`, `exits_problems`, `leverage_problems`. Not here: new orders (`order_rules`).
The page repeats them in `frontend/src/rules`; both read the vectors in `tests/data`. No I/O and no clock.
A fact that is not known (None) is not judged: the exchange judges it, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument, OrderType, Side, price_problems, quantity_problems
from tradewright.core.money import plain
from tradewright.core.order import OrderChange, PositionExits, Trigger
from tradewright.core.rule_parts import (
    Quotes,
    Standing,
    grid_problems_at,
    liquidation_problems,
    side_problems,
    tier_of,
    trigger_problems_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendable:
    """The order that a change is about, as it stands."""

    side: Side
    order_type: OrderType
    quantity: Decimal
    filled: Decimal
    price: Decimal | None
    reduce_only: bool
    trigger: Trigger | None  # of one that still waits for its trigger
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None


def amend_problems(instrument: Instrument, order: Amendable, change: OrderChange, quotes: Quotes) -> list[Problem]:
    """Every fault of a change of a live order, in the order of the form's fields."""
    problems: list[Problem] = []
    if change.trigger_price is not None and order.trigger is None:
        problems.append(Problem("amend.no_trigger", "trigger_price"))
    elif change.trigger_price is not None and order.trigger is not None:
        problems += trigger_problems_at(
            instrument,
            change.trigger_price,
            quotes.by(order.trigger.by),
            rises=order.trigger.rises,
            path="trigger_price",
        )
    if change.price is not None and order.order_type == "Market":
        problems.append(Problem("order.price_not_allowed", "price"))
    elif change.price is not None:
        problems += price_problems(instrument, order.side, change.price)
    if change.quantity is not None:
        problems += quantity_problems(instrument, order.order_type, change.quantity)
        if not problems and change.quantity <= order.filled:
            params = {"filled": plain(order.filled), "value": plain(change.quantity), "coin": instrument.base_coin}
            problems.append(Problem("amend.quantity_filled", "quantity", params))
    if order.filled > 0 and (change.take_profit is not None or change.stop_loss is not None):
        # The exchange says no to it: what is filled has its exits already.
        problems.append(
            Problem("amend.exits_partly_filled", "take_profit" if change.take_profit is not None else "stop_loss")
        )
    entry = change.price if change.price is not None else order.price
    problems += _amended_exit(instrument, order.side, entry, change.take_profit, "take_profit")
    problems += _amended_exit(instrument, order.side, entry, change.stop_loss, "stop_loss")
    if problems:
        return problems
    if not _differs(order, change):
        return [Problem("amend.nothing_changes", "")]
    valued_at = change.price if change.price is not None else order.price
    quantity = change.quantity if change.quantity is not None else order.quantity
    if valued_at is not None and not order.reduce_only and quantity * valued_at < instrument.min_notional:
        params = {
            "minimum": plain(instrument.min_notional),
            "value": plain(quantity * valued_at),
            "coin": instrument.quote_coin,
        }
        return [Problem("order.notional_min", "quantity", params)]
    return []


def exits_problems(instrument: Instrument, exits: PositionExits, quotes: Quotes, standing: Standing) -> list[Problem]:
    """Every fault of a take-profit, stop-loss and trailing stop asked of an open position."""
    if standing.position_side is None or not standing.position_size:
        return [Problem("exits.no_position", "symbol")]
    problems: list[Problem] = []
    is_long = standing.position_side == "Buy"
    if exits.take_profit is None and exits.stop_loss is None and exits.trailing_stop is None:
        if exits.trailing_active_price is not None:
            return [Problem("exits.trailing_needed", "trailing_stop")]
        return [Problem("exits.nothing_asked", "")]
    for price, by, path in (
        (exits.take_profit, exits.take_profit_by, "take_profit"),
        (exits.stop_loss, exits.stop_loss_by, "stop_loss"),
    ):
        if not price:  # left alone, or removed
            continue
        grid = grid_problems_at(instrument, price, path)
        problems += grid
        current = quotes.by(by)
        if not grid and current is not None:
            above = is_long if path == "take_profit" else not is_long
            problems += side_problems(price, current, above=above, path=path)
    problems += _trailing_problems(instrument, exits, quotes, is_long=is_long)
    if not problems and exits.stop_loss:
        problems += liquidation_problems(exits.stop_loss, standing.liquidation_price, is_long=is_long, path="stop_loss")
    return problems


def _trailing_problems(instrument: Instrument, exits: PositionExits, quotes: Quotes, *, is_long: bool) -> list[Problem]:
    """A distance on the grid and smaller than the price; it may begin to follow only from a price that is better than
    the present one. It follows the last price."""
    distance, begins = exits.trailing_stop, exits.trailing_active_price
    if not distance:
        return [] if begins is None else [Problem("exits.trailing_needed", "trailing_stop")]
    if distance < 0 or distance % instrument.tick_size != 0:
        nearest = max((distance // instrument.tick_size) * instrument.tick_size, instrument.tick_size)
        params = {"step": plain(instrument.tick_size), "value": plain(distance), "suggestion": plain(nearest)}
        return [Problem("exits.trailing_step", "trailing_stop", params)]
    if quotes.last is not None and distance >= quotes.last:
        params = {"value": plain(distance), "maximum": plain(quotes.last)}
        return [Problem("exits.trailing_too_far", "trailing_stop", params)]
    if begins is None:
        return []
    problems = grid_problems_at(instrument, begins, "trailing_active_price")
    if not problems and quotes.last is not None:
        problems = side_problems(begins, quotes.last, above=is_long, path="trailing_active_price")
    return problems


def leverage_problems(instrument: Instrument, leverage: Decimal, position_value: Decimal | None) -> list[Problem]:
    """Every fault of a leverage asked for a symbol that holds a position worth `position_value` (quote coin)."""
    value = plain(leverage)
    if not instrument.min_leverage <= leverage <= instrument.max_leverage:
        params = {"minimum": plain(instrument.min_leverage), "maximum": plain(instrument.max_leverage), "value": value}
        return [Problem("leverage.range", "leverage", params)]
    if leverage % instrument.leverage_step != 0:
        nearest = (leverage // instrument.leverage_step) * instrument.leverage_step
        params = {"step": plain(instrument.leverage_step), "value": value, "suggestion": plain(nearest)}
        return [Problem("leverage.step", "leverage", params)]
    tier = None if position_value is None else tier_of(instrument, position_value)
    if tier is not None and leverage > tier[1].leverage_max:
        params = {"maximum": plain(tier[1].leverage_max), "tier": str(tier[0]), "value": value}
        return [Problem("leverage.tier", "leverage", params)]
    return []


def _amended_exit(
    instrument: Instrument, side: Side, entry: Decimal | None, price: Decimal | None, path: str
) -> list[Problem]:
    if not price:
        return []
    grid = grid_problems_at(instrument, price, path)
    if grid or entry is None:
        return grid
    return side_problems(price, entry, above=(side == "Buy") == (path == "take_profit"), path=path)


def _differs(order: Amendable, change: OrderChange) -> bool:
    trigger_price = None if order.trigger is None else order.trigger.price
    pairs = (
        (change.quantity, order.quantity),
        (change.price, order.price),
        (change.trigger_price, trigger_price),
        (change.take_profit, order.take_profit or Decimal(0)),
        (change.stop_loss, order.stop_loss or Decimal(0)),
    )
    return any(asked is not None and asked != held for asked, held in pairs)
