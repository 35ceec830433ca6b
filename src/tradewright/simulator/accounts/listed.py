"""The orders that bind margin beside one position, and what they are worth, kept as they come and go.

Lives here: `Listed`, and what would be if an order were changed. Not here: how much they bind (`needs`), all live
orders (`live_orders`).
The sums are exact: values of contracts end after a few places (`contracts.value_of`), so that taking one away again
leaves what was there before.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Protocol

from tradewright.simulator.accounts.contracts import value_of
from tradewright.simulator.accounts.events import Side
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO


def binds(order: Order) -> bool:
    """Whether an order binds margin, or would if it opened something."""
    return order.is_live and not (order.is_spot or order.reduce_only or order.is_dormant)


class BindingOrders(Protocol):
    """Orders of one position, as margin is worked out from them."""

    def value(self, side: Side) -> Decimal:
        """What all of one side are worth at their prices (settle coin)."""
        ...

    def of(self, side: Side) -> Iterator[Order]:
        """One side's, in the order in which they are taken to fill: the oldest first."""
        ...


class Listed:
    """See `BindingOrders`. The same order is put again whenever it has changed."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self.version = 0  # another one after each change
        self._orders: dict[int, Order] = {}
        self._numbers: dict[Side, list[int]] = {"Buy": [], "Sell": []}
        self._values: dict[Side, Decimal] = {"Buy": ZERO, "Sell": ZERO}
        for order in orders:
            self.put(order)

    def __len__(self) -> int:
        return len(self._orders)

    def put(self, order: Order) -> bool:
        """Take an order in, or out if it binds nothing any more. Whether that changed anything."""
        before, after = self._orders.get(order.number), order if binds(order) else None
        if before is None and after is None:
            return False
        numbers, gone, come = self._numbers[order.side], _worth(before), _worth(after)
        if after is None:
            del self._orders[order.number]
            del numbers[bisect_left(numbers, order.number)]
        else:
            self._orders[order.number] = after
            if before is None:
                insort(numbers, order.number)
        if before is not None and after is not None and (before.leaves, before.price) == (after.leaves, after.price):
            return False
        self._values[order.side] += come - gone
        self.version += 1
        return True

    def find(self, order: Order) -> Order | None:
        """As it is listed, if it is."""
        return self._orders.get(order.number)

    def value(self, side: Side) -> Decimal:
        return self._values[side]

    def of(self, side: Side) -> Iterator[Order]:
        return (self._orders[number] for number in self._numbers[side])


@dataclass(frozen=True, slots=True)
class Changed:
    """What would be listed without an order, and with `more`, which would be the last to fill."""

    listed: Listed
    without: Order | None
    more: Order | None

    def value(self, side: Side) -> Decimal:
        value = self.listed.value(side)
        if self.without is not None and self.without.side == side:
            value -= _worth(self.without)
        if self.more is not None and self.more.side == side:
            value += _worth(self.more)
        return value

    def of(self, side: Side) -> Iterator[Order]:
        gone = self.without.number if self.without is not None else None
        more = () if self.more is None or self.more.side != side else (self.more,)
        return chain((order for order in self.listed.of(side) if order.number != gone), more)


def changed(listed: Listed, *, instead_of: Order, more: Order | None) -> Changed:
    """`instead_of` is gone in whatever form it is listed, and `more` is there if it binds."""
    return Changed(listed, listed.find(instead_of), more if more is not None and binds(more) else None)


def _worth(order: Order | None) -> Decimal:
    return ZERO if order is None else value_of(order.symbol, order.leaves, order.price)
