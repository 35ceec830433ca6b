"""Where resting orders stand in the queue of their price, and what a trade leaves for them: the queue model.

Lives here: `Places`, per account. Not here: when events are looked at (`floor`), the simpler rule `through`, which
knows no queue and fills a resting order only when the market goes strictly beyond its price.
The rules:

- An order that begins to rest stands behind all that the book shows at its price. A level that is not in sight is taken
  as it shows itself first.
- A trade at the price whose taker is on the other side is served to those ahead first; what is left of its size fills
  the order, in parts if need be. Our own orders at one price share it in the order in which they came.
- A book that shows less at the price than stands ahead moves the order up: whoever left may have been ahead, and never
  is more ahead than the level shows. A level that grows changes nothing: who comes later stands behind.
- What trades or is offered strictly beyond the price fills the order whole: it would have been served first.
- An amend to a smaller quantity keeps the place; any other goes to the end of its level.
- After a restart every order stands last in its level again: places are not written down.

Our orders are not part of the market's book, so nobody is delayed by them. Not verified against Bybit, whose queues
nobody sees: that those who leave a level stood ahead of us is the kind guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator.accounts.events import Side
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.market.model import Level, MarketBook, MarketTrade

_SPARE_MAX = 256  # places of orders that are gone, before they are dropped


@dataclass(frozen=True, slots=True)
class _Place:
    """`queued` is the order's own mark, which changes when it is requeued; `ahead` None is a level not in sight yet."""

    queued: tuple[int, int]
    ahead: Decimal | None


class Places:
    """How much of the market stands before each resting order of one account, in its quantity's unit."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def join(self, order: Order, book: MarketBook) -> None:
        """The order rests from now on, or was amended; it keeps a place it has."""
        found = self._places.get(order.order_id)
        if found is None or found.queued != order.queued:
            self._places[order.order_id] = _Place(order.queued, _shown(book, order.side, order.price))

    def ahead(self, order: Order, book: MarketBook) -> Decimal | None:
        """What stands before it, None where that is not known: then all that will show."""
        self.join(order, book)
        return self._places[order.order_id].ahead

    def see(self, orders: Iterable[Order], book: MarketBook) -> None:
        """The book is as it is now: nobody has more ahead than it shows."""
        for order in orders:
            self.join(order, book)
            place, shown = self._places[order.order_id], _shown(book, order.side, order.price)
            if shown is not None and (place.ahead is None or shown < place.ahead):
                self._places[order.order_id] = _Place(order.queued, shown)

    def served(self, orders: Sequence[Order], size: Decimal, book: MarketBook) -> list[Decimal]:
        """What a trade of `size` at the price of these orders, oldest first, leaves for each of them."""
        rest, market = size, ZERO  # what is left of the trade, and what of it the market has taken
        shares: list[Decimal] = []
        for order in orders:
            ahead = self.ahead(order, book)
            eaten = rest if ahead is None else min(rest, max(ZERO, ahead - market))
            market, rest = market + eaten, rest - eaten
            share = min(rest, order.leaves)
            rest -= share
            shares.append(share)
        for order in orders:
            place = self._places[order.order_id]
            if place.ahead is not None:
                self._places[order.order_id] = _Place(place.queued, max(ZERO, place.ahead - market))
        return shares

    def forget_all_but(self, live: Iterable[Order]) -> None:
        """Drop the places of orders that are gone, once there are many of them."""
        alive = {order.order_id for order in live}
        if len(self._places) > len(alive) + _SPARE_MAX:
            self._places = {order_id: place for order_id, place in self._places.items() if order_id in alive}


def can_serve(order: Order, trade: MarketTrade) -> bool:
    """Whether a trade happened at the order's price with a taker on the other side."""
    return trade.price == order.price and trade.side != order.side


def _shown(book: MarketBook, side: Side, price: Decimal) -> Decimal | None:
    """The size at a price of one's own side: 0 between levels, None beyond the last one that is in sight.

    By halves, because a book may compute its levels when they are read.
    """
    levels: Sequence[Level] = book.bids if side == "Buy" else book.asks
    first, end = 0, len(levels)
    while first < end:
        middle = (first + end) // 2
        level = levels[middle][0]
        if (level > price) if side == "Buy" else (level < price):
            first = middle + 1
        else:
            end = middle
    if first == len(levels):
        return None
    return levels[first][1] if levels[first][0] == price else ZERO
