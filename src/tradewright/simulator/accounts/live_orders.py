"""The live orders of an account, sorted by what is asked of them at every market event and every command.

Lives here: `LiveOrders`, kept as orders come, change and end, so that no question costs more the more orders there are.
Not here: the orders that have ended (`account`), what any of them does next (`matching`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import takewhile

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.events import PositionIndex, Side
from tradewright.simulator.accounts.listed import Listed, binds
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, PositionKey
from tradewright.simulator.market.model import InstrumentSpec, Listing

_Place = tuple[Decimal, tuple[int, int], int]  # best price first, then the place in its queue, then its age


@dataclass(slots=True)
class _OfListing:
    """Live orders of one listing by their ids, oldest first; the resting ones by what comes first."""

    live: dict[str, Order] = field(default_factory=dict)
    dormant: dict[str, Order] = field(default_factory=dict)
    followers: dict[str, Order] = field(default_factory=dict)
    places: dict[Side, list[tuple[_Place, str]]] = field(default_factory=lambda: {"Buy": [], "Sell": []})


class LiveOrders:
    """See the module. What is given out is a snapshot: the account may change while it is looked through."""

    def __init__(self) -> None:
        self.version = 0  # another one after each change of what is bound or locked
        self.listings: set[Listing] = set()  # of the live orders
        self.contracts = 0  # how many are not on spot
        self.spot = 0
        self.listed: dict[PositionKey, Listed] = {}  # not to be changed
        self._live: dict[str, Order] = {}  # oldest first
        self._of: dict[Listing, _OfListing] = {}
        self._by_marks: dict[str, None] = {}
        self._spot_values: dict[tuple[Listing, Side], Decimal] = {}  # what plain orders lock, in the coin they lock
        self._special: dict[str, Order] = {}  # spot orders whose lock takes more to tell

    def __len__(self) -> int:
        return len(self._live)

    def put(self, order: Order) -> None:
        """An order is as it is now: new, changed or ended."""
        before = self._live.get(order.order_id)
        here = self._of.get(order.symbol)
        if here is None:
            here = self._of[order.symbol] = _OfListing()
        _keep(self._live, order, order.is_live)
        _keep(here.live, order, order.is_live)
        _keep(here.dormant, order, order.is_dormant)
        _keep(here.followers, order, order.is_live and (order.reduce_only or order.is_protective))
        _rest(here.places[order.side], before, order)
        (self.listings.add if here.live else self.listings.discard)(order.symbol)
        come = order.is_live - (before is not None)
        if order.is_live and order.looks_at_marks:
            self._by_marks[order.order_id] = None
        else:
            self._by_marks.pop(order.order_id, None)
        if order.is_spot:
            self.spot += come
            self._lock(before, order)
        else:
            self.contracts += come
            self._list(order)

    def all(self) -> Iterator[Order]:
        """Oldest first."""
        return _still(self._live, tuple(self._live))

    def of(self, listing: Listing) -> Iterator[Order]:
        """The same of one listing."""
        here = self._of.get(listing)
        return _still(here.live, tuple(here.live)) if here is not None else iter(())

    def dormant(self, listing: Listing) -> list[Order]:
        """Those that wait for a trigger, oldest first: no order begins to later."""
        here = self._of.get(listing)
        return list(here.dormant.values()) if here is not None else []

    def followers(self, listing: Listing) -> list[Order]:
        """Those that hang on a position, because they only reduce it or guard it, oldest first."""
        here = self._of.get(listing)
        return list(here.followers.values()) if here is not None else []

    def active(self, listing: Listing) -> int:
        """How many wait for no trigger."""
        here = self._of.get(listing)
        return len(here.live) - len(here.dormant) if here is not None else 0

    def resting(self, listing: Listing, side: Side) -> Iterator[Order]:
        """Best price first, then oldest first."""
        here = self._of.get(listing)
        if here is None:
            return iter(())
        return _still(here.live, tuple(order_id for _, order_id in here.places[side]))

    def beyond(self, listing: Listing, side: Side, is_met: Callable[[Order], bool]) -> list[Order]:
        """The best of the resting orders, as long as `is_met` says yes."""
        here = self._of.get(listing)
        if here is None:
            return []
        return list(takewhile(is_met, (here.live[order_id] for _, order_id in here.places[side])))

    def by_marks(self) -> list[Order]:
        """Those that trigger by mark or index price, or bring others that will; oldest first."""
        return sorted((self._live[order_id] for order_id in self._by_marks), key=_age)

    @property
    def has_by_marks(self) -> bool:
        return bool(self._by_marks)

    def locked(self, specs: Mapping[Listing, InstrumentSpec], *, without: str = "") -> dict[str, Decimal]:
        """See `spot.locked`; the order with the id `without` is not counted."""
        special = sorted((order for order in self._special.values() if order.order_id != without), key=_age)
        amounts = spot.locked(special, specs)
        for (listing, side), amount in self._spot_values.items():
            coin = specs[listing].quote_coin if side == "Buy" else specs[listing].base_coin
            amounts[coin] = amounts.get(coin, ZERO) + amount
        left_out = self._live.get(without)
        if left_out is not None and _is_plain(left_out):
            amounts[_coin(left_out, specs)] -= _value(left_out)
        return {coin: amount for coin, amount in amounts.items() if amount}

    def listed_of(self, key: PositionKey) -> Listed:
        """What binds margin beside a position. Not to be changed."""
        return self.listed.get(key) or Listed()

    def _list(self, order: Order) -> None:
        key: tuple[Listing, PositionIndex] = (order.symbol, order.position_index)
        listed = self.listed.get(key)
        if listed is None and binds(order):
            listed = self.listed[key] = Listed()
        if listed is not None and listed.put(order):
            self.version += 1
            if not listed:
                del self.listed[key]

    def _lock(self, before: Order | None, order: Order) -> None:
        key: tuple[Listing, Side] = (order.symbol, order.side)
        _keep(self._special, order, order.is_live and not _is_plain(order))
        moved = _value(order) - _value(before)
        if moved:
            self._spot_values[key] = self._spot_values.get(key, ZERO) + moved
        self.version += 1


def _is_plain(order: Order) -> bool:
    return order.is_spot and order.is_live and not order.is_dormant and not order.in_quote


def _value(order: Order | None) -> Decimal:
    """What a plain spot order locks; see `spot.lock_of`."""
    if order is None or not _is_plain(order):
        return ZERO
    return order.leaves * order.price if order.side == "Buy" else order.leaves


def _coin(order: Order, specs: Mapping[Listing, InstrumentSpec]) -> str:
    spec = specs[order.symbol]
    return spec.quote_coin if order.side == "Buy" else spec.base_coin


def _keep(among: dict[str, Order], order: Order, is_one: bool) -> None:
    if is_one:
        among[order.order_id] = order
    else:
        among.pop(order.order_id, None)


def _rest(places: list[tuple[_Place, str]], before: Order | None, order: Order) -> None:
    """Keep an order at its place among those that rest."""
    old = _place(before) if before is not None and before.is_resting else None
    new = _place(order) if order.is_resting else None
    if old == new:
        return
    if old is not None:
        del places[bisect_left(places, (old, ""))]
    if new is not None:
        insort(places, (new, order.order_id))


def _place(order: Order) -> _Place:
    return -order.price if order.side == "Buy" else order.price, order.queued, order.number


def _still(live: Mapping[str, Order], order_ids: tuple[str, ...]) -> Iterator[Order]:
    """Those that are live when their turn comes, as they are by then."""
    return (order for order_id in order_ids if (order := live.get(order_id)) is not None)


def _age(order: Order) -> int:
    return order.number
