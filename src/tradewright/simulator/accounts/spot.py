"""Spot: coins change hands, and open orders lock what they may cost.

Lives here: what an order locks, what a fill moves, and from which coin its fee is taken. Values in, values out. Not
here: refusing an order for lack of coins (`engine`), the filters (`spot_filters`), margin (`margin`).
The fee comes out of what is received: base coin for a buyer, quote coin for a seller. So what an order locks is all
that it can cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from tradewright.simulator.accounts.events import OrderFilled, Side
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.market.model import InstrumentSpec, Listing


def order_id(wall_ms: int, *, number: int) -> str:
    """Nineteen digits that rise, as Bybit's ids of spot orders. `number` counts the account's orders and keeps those of
    one millisecond apart.
    """
    return str(wall_ms * 1_000_000 + number % 1_000_000)


def lock_of(order: Order, spec: InstrumentSpec) -> tuple[str, Decimal]:
    """The coin and the amount that a live spot order keeps from other use.

    A sale that says what it is to bring locks what it may have to sell, at its protection price, in whole steps.
    """
    if order.side == "Buy":
        return spec.quote_coin, order.leaves if order.in_quote else order.leaves * order.price
    if order.in_quote:
        steps, over = divmod(order.leaves, order.price * spec.qty_step)
        return spec.base_coin, (steps + (1 if over else 0)) * spec.qty_step
    return spec.base_coin, order.leaves


def locked(orders: Iterable[Order], specs: Mapping[Listing, InstrumentSpec]) -> dict[str, Decimal]:
    """What all spot orders among `orders` lock, by coin; coins with nothing locked are absent.

    Of those that wait for a trigger some do, and a pair of which only one can happen locks once.
    """
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    pairs: set[str] = set()
    for order in orders:
        if order.is_dormant and order.pair_id in pairs:
            continue
        if order.is_spot and (not order.is_dormant or order.locks_while_waiting):
            if order.is_dormant and order.pair_id:
                pairs.add(order.pair_id)
            coin, amount = lock_of(order, specs[order.symbol])
            amounts[coin] += amount
    return dict(amounts)


def flows(fill: OrderFilled) -> dict[str, Decimal]:
    """What a spot fill adds to the wallet, by coin (negative: takes from it), its fee included."""
    sign = 1 if fill.side == "Buy" else -1
    moved = {fill.base_coin: sign * fill.quantity, fill.quote_coin: -sign * fill.quantity * fill.price}
    moved[fill.fee_coin] -= fill.fee
    return moved


def fee_of(
    spec: InstrumentSpec, *, side: Side, price: Decimal, quantity: Decimal, rate: Decimal
) -> tuple[str, Decimal]:
    """The coin and the amount of a fill's fee. It is exact, not rounded: a fraction of a small fill would be lost.

    A maker's rebate, which is a fee below 0 by a `rate` below 0, comes in the other coin.
    """
    if (side == "Buy") == (rate >= 0):
        return spec.base_coin, quantity * rate
    return spec.quote_coin, quantity * price * rate
