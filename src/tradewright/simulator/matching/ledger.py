"""The account, its log and the prices of the moment: what is true, and the one way in which it changes.

Lives here: a batch of events is logged, applied and then told; margin and coins at the prices of now; `Scene`s.
Not here: what happens next (`floor`), commands and their refusals (`engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator.accounts import margin, spot
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import Entry, Event, Moment
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.model import InstrumentSpec, MarketBook
from tradewright.simulator.matching.decisions import Scene
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.texts import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A batch that is on disk and applied. `delay_ms` is how long the streams still wait to tell it."""

    entries: Sequence[Entry]
    delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the exchange needs from outside: time, ids, the loop, and somebody who listens.

    `later(delay_ms, call)` runs something after so much wall time; `tell(outcome)` hears of every batch.
    """

    wall_ms: Callable[[], int]
    new_id: Callable[[], str]
    later: Callable[[int, Callable[[], None]], None]
    tell: Callable[[Outcome], None]


class Ledger:
    """One account on one market, as far as its log goes."""

    def __init__(self, *, venue: Venue, log: EventLog, around: Surroundings) -> None:
        self.venue = venue
        self.market = venue.market
        self.account = Account()
        self.specs: dict[str, InstrumentSpec] = venue.specs
        self.around = around
        self._log = log
        for entry in log.entries:
            self.account.apply(entry)

    @property
    def entries(self) -> Sequence[Entry]:
        """All that happened on the account, oldest first."""
        return self._log.entries

    def commit(self, events: Sequence[Event], *, delay_ms: int = 0, tell: bool = True) -> None:
        """Write, apply, tell: in this order, so that nobody ever hears of what a crash could undo."""
        if not events:
            return
        entries = self._log.append(events)
        for entry in entries:
            self.account.apply(entry)
        if tell:
            self.around.tell(Outcome(entries=entries, delay_ms=delay_ms))

    def margin_now(self) -> margin.MarginView:
        return self.margin_of(self.account.positions.values(), self.account.live_orders())

    def margin_of(self, positions: Iterable[Position], orders: Iterable[Order]) -> margin.MarginView:
        """The margin the account would have with these positions and orders at the prices of this moment."""
        held, listed = list(positions), list(orders)
        locked = spot.locked(listed, self.specs)
        return margin.view(
            wallet=sum((self.account.coin(coin).balance for coin in margin.COLLATERAL), ZERO),
            locked=sum((locked.get(coin, ZERO) for coin in margin.COLLATERAL), ZERO),
            positions=held,
            orders=listed,
            specs=self.specs,
            marks={position.symbol: self.market.mark_price(position.symbol) for position in held if position.size},
        )

    def free_coins(self, coin: str, *, without: str = "") -> Decimal:
        """What a spot order may lock of a coin; negative if there is less than is locked already.

        The order with the id `without` is not counted. What contracts need of the collateral is not free.
        """
        orders = [order for order in self.account.live_orders() if order.order_id != without]
        free = self.account.coin(coin).balance - spot.locked(orders, self.specs).get(coin, ZERO)
        if coin not in margin.COLLATERAL:
            return free
        return min(free, self.margin_of(self.account.positions.values(), orders).available)

    def reference_price(self, symbol: str) -> Decimal:
        """The mark price of a contract; a spot pair has none, and its index price stands in."""
        if self.specs[symbol].is_spot:
            return self.market.index_price(symbol)
        return self.market.mark_price(symbol)

    def shortage(self, order: Order, *, instead_of: Order | None = None) -> ApiError | None:
        """Why the account cannot pay for or back an order, or None if it can: a new one, a triggered one, or one that
        is changed and then stands `instead_of` the old. An order that binds no more than before is always let through.
        """
        others = [other for other in self.account.live_orders() if other.order_id != order.order_id]
        if order.is_spot:
            coin, amount = spot.lock_of(order, self.specs[order.symbol])
            free = self.free_coins(coin, without=order.order_id)
            if amount <= free:
                return None
            return ApiError(
                RetCode.SPOT_INSUFFICIENT_BALANCE,
                f"Insufficient balance: the order needs {plain(amount)} {coin}, {plain(max(free, ZERO))} are free.",
            )
        positions = self.account.positions.values()
        before = self.margin_of(positions, others if instead_of is None else [*others, instead_of])
        after = self.margin_of(positions, [*others, order])
        if after.order_initial > before.order_initial and after.available < 0:
            return ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new order")
        return None

    def position_of(self, order: Order) -> Position:
        """The position that an order of a contract works on."""
        return self.account.position(order.symbol, order.position_index)

    def book(self, symbol: str) -> MarketBook:
        """See `Venue.book`."""
        return self.venue.book(symbol)

    def last_price(self, symbol: str) -> Decimal:
        """See `Venue.last_price`."""
        return self.venue.last_price(symbol)

    def moment(self) -> Moment:
        """See `Venue.moment`."""
        return self.venue.moment()

    def scene(self, symbol: str) -> Scene:
        return Scene(
            spec=self.specs[symbol],
            mark_price=self.reference_price(symbol),
            at=self.moment(),
            new_id=self.around.new_id,
        )
