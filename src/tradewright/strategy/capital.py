"""How much capital a strategy needs before an instrument lets any of its orders through.

Lives here: the least equity with which the orders of the contract's sections 3.2, 5 and 6 pass their checks at a price.
Not here: what a spec may lose (`check.facts`), the checks themselves at a decision (`entries`, `backtest`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from tradewright.core.money import ZERO, exactly
from tradewright.strategy.check.facts import grid_levels, safety_orders
from tradewright.strategy.entries import NOTHING_MEASURED, levels, reference_price
from tradewright.strategy.model import Dca, Grid, Signal, Strategy
from tradewright.strategy.prices import HUNDRED, Direction, Filters

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Needed:
    """In quote coin, rounded up to cents: with it every order is sent, with less one of them is not."""

    capital: Decimal


@dataclass(frozen=True, slots=True)
class NeverEnough:
    """The spec itself says a size that the instrument does not take: `value` in quote coin, where it takes `least`."""

    value: Decimal
    least: Decimal


@dataclass(frozen=True, slots=True)
class NotKnown:
    """It hangs on an indicator, or on a price at which the strategy does not begin."""


Capital = Needed | NeverEnough | NotKnown


def minimum_capital(strategy: Strategy, filters: Filters, *, price: Decimal, taker_rate: Decimal) -> Capital:
    """For orders decided at `price` (quote per base, positive). `taker_rate` is a fraction, such as 0.00055."""
    with exactly():
        match strategy.plan:
            case Signal():
                return _signal(strategy, strategy.plan, filters, price, taker_rate)
            case Grid():
                return _grid(strategy, strategy.plan, filters, price)
            case Dca():
                return _dca(strategy, strategy.plan, filters, price, taker_rate)


def _signal(strategy: Strategy, plan: Signal, filters: Filters, price: Decimal, taker_rate: Decimal) -> Capital:
    sides: list[tuple[str, Direction]] = [("enter_long", 1), ("enter_short", -1)]
    found: list[Capital] = [
        _entry(strategy, plan, filters, direction, reference_price(plan, direction, price, filters), taker_rate)
        for rule, direction in sides
        if f"rules.{rule}" in strategy.program.outputs
    ]
    return _most(found)


def _entry(
    strategy: Strategy, plan: Signal, filters: Filters, direction: Direction, reference: Decimal, taker_rate: Decimal
) -> Capital:
    if reference <= 0:
        return NotKnown()
    least = least_quantity(filters, reference)
    margin = (1 + strategy.leverage * taker_rate) / strategy.leverage  # of an order's value
    if plan.size.by in ("quote", "base"):
        per_unit = reference if plan.size.by == "quote" else Decimal(1)
        quantity = filters.quantity(plan.size.amount, per_unit)
        if quantity < least:
            return NeverEnough(plan.size.amount * reference / per_unit, least * reference)
        return _needed(quantity * reference * margin)
    per_unit = reference
    if plan.size.by == "risk_pct":
        placed = levels(plan.protect, direction, reference, NOTHING_MEASURED, filters)
        if placed is None or placed.stop is None:
            return NotKnown()
        per_unit = abs(reference - placed.stop)
    return _needed(max(least * per_unit * HUNDRED / plan.size.amount, least * reference * margin))


def _grid(strategy: Strategy, plan: Grid, filters: Filters, price: Decimal) -> Capital:
    if not plan.lower <= price <= plan.upper:
        return NotKnown()
    prices = [filters.nearest(level) for level in grid_levels(plan)]
    total = ZERO
    for lower, upper in itertools.pairwise(prices):
        is_long = plan.side == "long" or (plan.side == "neutral" and lower <= price)
        opening = lower if is_long else upper
        quantity = filters.quantity(plan.per_level.amount, opening if plan.per_level.by == "quote" else Decimal(1))
        if filters.is_below_minimum(quantity, opening):
            amount = plan.per_level.amount
            value = amount if plan.per_level.by == "quote" else amount * opening
            return NeverEnough(value, least_quantity(filters, opening) * opening)
        total += quantity * opening
    return _needed(total / strategy.leverage)


def _dca(strategy: Strategy, plan: Dca, filters: Filters, price: Decimal, taker_rate: Decimal) -> Capital:
    if filters.is_below_minimum(filters.quantity(plan.base_quote, price), price):
        return NeverEnough(plan.base_quote, least_quantity(filters, price) * price)
    total = plan.base_quote + sum((value for value, _ in safety_orders(plan)), ZERO)
    return _needed(total * (1 + strategy.leverage * taker_rate) / strategy.leverage)


def least_quantity(filters: Filters, price: Decimal) -> Decimal:
    """The smallest quantity that the instrument takes at `price`, in whole steps."""
    step = filters.quantity_step
    by_quantity = _up(max(filters.min_quantity, step), step)
    return max(by_quantity, _up(filters.min_notional / price, step))


def _up(quantity: Decimal, step: Decimal) -> Decimal:
    below = quantity // step * step
    return below if below >= quantity else below + step


def _needed(capital: Decimal) -> Needed:
    return Needed(capital.quantize(_CENT, ROUND_UP))


def _most(found: list[Capital]) -> Capital:
    """Of both sides the one that needs more; what cannot be is told first."""
    for each in found:
        if not isinstance(each, Needed):
            return each
    return max((each for each in found if isinstance(each, Needed)), key=lambda each: each.capital)
