"""The cells of a grid: each between two neighbouring levels, with what it holds and the order it has.

Lives here: `Cell`, `cells_of`, `problem_of`. Not here: where levels lie (`backtest.grid.levels_of`), when an order is
to rest (`grid`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.grid import levels_of
from tradewright.bots.machines.books import Round
from tradewright.core.money import ZERO
from tradewright.strategy.model import Grid
from tradewright.strategy.prices import Direction, Filters


@dataclass(slots=True, kw_only=True)
class Cell:
    """`direction` of the position that it opens. `orders` counts its orders: their keys are made of it."""

    number: int
    direction: Direction
    lower: Decimal
    upper: Decimal
    quantity: Decimal
    lot: Lot | None = None
    taken: Round | None = None  # of what is held
    opened_bar: int = 0
    orders: int = 0
    is_wanted: bool = False  # its order is to rest
    is_asked: bool = False
    is_cancelled: bool = False
    takes_off: bool = False  # the order at hand: what it holds, when the order was decided
    is_at_start: bool = False  # opened by the order that the grid begins with
    filled: Decimal = ZERO  # of the order at hand

    @property
    def opening(self) -> Decimal:
        return self.lower if self.direction > 0 else self.upper

    def is_behind(self, price: Decimal) -> bool:
        """Whether the price is past the level at which it opens: it would be open by now."""
        return (self.opening - price) * self.direction > 0

    @property
    def side(self) -> Direction:
        """What its order does: a buy (1) at the lower level, a sell (-1) at the upper one."""
        takes_off = self.takes_off if self.is_wanted or self.is_asked else self.lot is not None
        return 1 if takes_off != (self.direction > 0) else -1

    @property
    def price(self) -> Decimal:
        return self.lower if self.side > 0 else self.upper

    @property
    def left(self) -> Decimal:
        """What it holds."""
        if self.lot is None or self.taken is None:
            return ZERO
        return self.lot.quantity - self.taken.quantity

    @property
    def key(self) -> str:
        return f"cell:{self.number}:{self.orders}"


def cells_of(plan: Grid, filters: Filters, price: Decimal) -> list[Cell]:
    """As they are decided at this price, the lowest first; nothing is held yet."""
    prices = levels_of(plan, filters)
    return [
        _cell(plan, filters, number, prices[number], prices[number + 1], price) for number in range(len(prices) - 1)
    ]


def _cell(plan: Grid, filters: Filters, number: int, lower: Decimal, upper: Decimal, price: Decimal) -> Cell:
    is_long = plan.side == "long" or (plan.side == "neutral" and lower <= price)
    opening, each = lower if is_long else upper, plan.per_level
    if each.by == "base":
        quantity = filters.quantity(each.amount, Decimal(1))
    else:
        quantity = filters.quantity(each.amount, opening) if opening > 0 else ZERO
    return Cell(number=number, direction=1 if is_long else -1, lower=lower, upper=upper, quantity=quantity)


def value_of(cells: Sequence[Cell]) -> Decimal:
    """Quote coin, when all of them are open."""
    return sum((cell.quantity * cell.opening for cell in cells), ZERO)


def problem_of(cells: Sequence[Cell], filters: Filters, allowed: Decimal) -> str | None:
    """Why the grid cannot be, in the order in which it is looked for. `allowed`: the value that all may come to."""
    if any(filters.is_below_minimum(cell.quantity, cell.opening) for cell in cells):
        return "below_minimum"
    if any(cell.lower == cell.upper for cell in cells):
        return "levels_collide"
    return "insufficient_balance" if value_of(cells) > allowed else None
