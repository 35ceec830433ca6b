"""Whether an order that is to rest would trade with another one of the same account.

Lives here: `meets_own`. A grid may want to buy where a neighbour cell sells; an account that trades with itself pays
twice for nothing, and exchanges take it for a wash trade. What would is kept back until the price has left the level.
"""

from __future__ import annotations

from collections.abc import Iterable

from tradewright.bots.machines.model import OrderWanted
from tradewright.core.order import RemoteOrder
from tradewright.exchange.ports import Ticker


def meets_own(wanted: OrderWanted, orders: Iterable[RemoteOrder], ticker: Ticker | None) -> bool:
    """`orders` are the account's that live, of one symbol.

    An order that the market stands before is filled by the market and reaches none of ours behind it. Where the best
    price is not known, or ours is the best, it is met.
    """
    price, is_buy = wanted.price, wanted.direction > 0
    if price is None:
        return False
    against = [
        order.price
        for order in orders
        if order.price is not None and order.trigger_price is None and (order.side == "Buy") != is_buy
    ]
    met = [other for other in against if (other <= price if is_buy else other >= price)]
    if not met:
        return False
    nearest = min(met) if is_buy else max(met)
    best = None if ticker is None else ticker.ask_price if is_buy else ticker.bid_price
    return best is None or (best >= nearest if is_buy else best <= nearest)
