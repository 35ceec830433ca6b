"""Prices and quantities of a strategy's orders: from an indicator's double to a multiple of the tick or the step.

Lives here: `Filters` and the roundings of the contract's section 3.4, each with its direction in its name.
All of it is to be used inside `core.money.exactly()`: a product keeps every digit there.
Not here: which level or size an order has (`entries`); the exchange's own rules of an order (`core.instrument`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tradewright.core.money import ZERO

Direction = Literal[1, -1]  # of a position: long, short
HUNDRED = Decimal(100)
_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """An instrument's steps and minima. Without a tick prices are not rounded."""

    tick_size: Decimal | None = None
    quantity_step: Decimal = Decimal("0.000001")
    min_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO

    def down(self, price: Decimal) -> Decimal:
        """The highest price on the grid that is not above `price` (of a positive one)."""
        return price if self.tick_size is None else price // self.tick_size * self.tick_size

    def up(self, price: Decimal) -> Decimal:
        """The lowest price on the grid that is not below `price`."""
        below = self.down(price)
        return below if self.tick_size is None or below >= price else below + self.tick_size

    def nearest(self, price: Decimal) -> Decimal:
        """The nearest price on the grid; of two the higher one."""
        return price if self.tick_size is None else self.down(price + self.tick_size * _HALF)

    def order_price(self, direction: Direction, price: Decimal) -> Decimal:
        """Of a resting order that opens `direction`: away from the market, a buy down and a sell up."""
        return self.down(price) if direction > 0 else self.up(price)

    # A stop is rounded away from the position and a target toward it; for a long both are downward.
    protective_price = order_price

    def quantity(self, value: Decimal, per_unit: Decimal) -> Decimal:
        """`value / per_unit` (quote coin) in whole steps, never more; the quotient itself is not rounded first."""
        return value // (per_unit * self.quantity_step) * self.quantity_step

    def is_below_minimum(self, quantity: Decimal, price: Decimal) -> bool:
        """Whether an order of `quantity` at `price` is too small to be sent."""
        return quantity <= 0 or quantity < self.min_quantity or quantity * price < self.min_notional


def decimal_of(value: float) -> Decimal:
    """A double as its shortest text says: what is recorded in candles comes back digit by digit."""
    return Decimal(repr(float(value)))
