"""The trading floor: orders meet the market here, and every step ends in a batch of events.

Lives here: bringing orders to the matching engine, filling those that rest, triggering those that wait, ending those
that are of no use.
Not here: time (`venue`), commands and their refusals (`engine`), what becomes of an order (`decisions`, `protection`),
how a batch is written down (`ledger`). Everything happens on one thread, one thing after another.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import cast

from tradewright.simulator.accounts.events import (
    AmendLost,
    CancelLost,
    Event,
    OrderAmended,
    OrderArmed,
    OrderTriggered,
    PositionIndex,
    Together,
    Trail,
    Trigger,
)
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order, OrderStatus, amended
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.config import QueueModel
from tradewright.simulator.market.model import Listing, MarketBook, MarketEvent, MarketLiquidation, MarketTrade
from tradewright.simulator.matching import delivery, funding, liquidation, liquidity, protection, spot_exits, trailing
from tradewright.simulator.matching.decisions import Facing, arrival, ended, fill, fillable, moved
from tradewright.simulator.matching.ledger import Ledger, Surroundings
from tradewright.simulator.matching.queue import Places, can_serve
from tradewright.simulator.matching.triggers import is_met, price_of
from tradewright.simulator.matching.venue import MARK_STEP_MS, ORDER_STEP_MS, Venue
from tradewright.simulator.matching.walks import Own, Take, is_within


class Floor(Ledger):
    """Where one account's orders meet the market. With `partial_fills` a trade fills resting orders no further than its
    size; the queue model `queue` also fills what a trade at the price of an order comes to (see the module `queue`).
    """

    def __init__(
        self, *, venue: Venue, log: EventLog, around: Surroundings, partial_fills: bool, queue: QueueModel
    ) -> None:
        super().__init__(venue=venue, log=log, around=around)
        self._partial_fills = partial_fills
        self._places = Places() if queue == "queue" else None
        self._funded_to_ms = self.entries[-1].event.at.market_ms - 1 if self.entries else self.market.now_ms
        self._bringing: set[Listing] = set()  # whose entries are getting their stops right now
        self._met: dict[str, None] = {}  # ids of orders whose trigger the moment at hand has met
        self._trails: dict[str, tuple[Trail, Trigger]] = {}  # of trailing stops that met a price of the moment at hand
        venue.join(self)

    @property
    def marks_every_ms(self) -> int:
        """See `venue.Onlooker`."""
        live = self.account.live
        if self.account.held or live.has_by_marks:
            return MARK_STEP_MS
        return ORDER_STEP_MS if live.contracts else 0

    def listings(self) -> set[Listing]:
        """See `venue.Onlooker`."""
        return self.account.live_listings()

    def meet(self, event: MarketEvent, price: Decimal | None) -> None:
        """Fill and trigger by one event. See `venue.Onlooker`."""
        self._fill_resting(event)
        if price is None:
            return
        for order in self.account.live.dormant(event.symbol):
            trigger = order.trigger
            if trigger is None:
                continue
            if order.trail is not None:
                self._follow(order, order.trail, trigger, price)
            elif trigger.by == "LastPrice" and is_met(trigger, price):
                self._met[order.order_id] = None

    def settle_moment(self) -> None:
        """See `venue.Onlooker`."""
        trails, self._trails = self._trails, {}
        for order_id, (trail, trigger) in trails.items():
            order = self.account.orders[order_id]
            if order.is_dormant and (trail, trigger) != (order.trail, order.trigger):
                self.commit([trailing.moved(order, trail, trigger, self.scene(order.symbol))])
        met, self._met = self._met, {}
        for order_id in met:
            self._trigger(order_id, delay_ms=0)

    def _follow(self, order: Order, trail: Trail, trigger: Trigger, price: Decimal) -> None:
        """A trailing stop meets a price: what it makes of all prices of one moment is written down once."""
        trail, trigger = self._trails.get(order.order_id, (trail, trigger))
        if trail.active and is_met(trigger, price):
            self._met[order.order_id] = None
        else:
            self._trails[order.order_id] = trailing.followed(order, trail, trigger, price)

    def settle_marks(self, *, since_ms: int) -> None:
        """See `venue.Onlooker`. The first time after a start, funding is looked for from the last moment of the log on:
        a crash may have come between a fill at a funding time and its payment, and a position is held also while the
        exchange is not running.
        """
        for order in self.account.live.by_marks():
            if order.trigger is not None and order.trigger.by != "LastPrice":
                self._trigger_if_met(order.order_id, delay_ms=0)
        funding.pay(self, since_ms=min(since_ms, self._funded_to_ms))
        self._funded_to_ms = self.market.now_ms
        delivery.settle(self)
        liquidation.check(self, lambda listing: self.tidy(listing, delay_ms=0))

    def arrive(self, order_id: str, *, delay_ms: int) -> None:
        """Bring an accepted order to the matching engine, unless its cancel has done so already; a conditional one
        begins to wait.
        """
        if self.account.orders[order_id].status is not OrderStatus.ACCEPTED:
            return
        self.venue.catch_up()
        order = self.account.orders[order_id]
        if order.status is not OrderStatus.ACCEPTED:  # a liquidation or a delivery came first
            return
        if order.is_dormant:
            self.commit([OrderArmed(order_id=order_id, at=self.moment())], delay_ms=delay_ms)
            self._trigger_if_met(order_id, delay_ms=delay_ms)
        else:
            self._enter(order, delay_ms=delay_ms)

    def go_on_after_trigger(self, order_id: str, *, delay_ms: int) -> None:
        """Bring a triggered order to the matching engine, if the account can back it."""
        order = self.account.orders[order_id]
        if order.close_on_trigger:
            self._make_room(order, delay_ms=delay_ms)
        if self.shortage(order) is None:
            self._enter(order, delay_ms=delay_ms)
        else:  # the reason's name is not verified; Bybit documents only that such an order is cancelled
            self.commit([ended(order, self.scene(order.symbol), reject_reason="EC_Others")], delay_ms=delay_ms)

    def _make_room(self, order: Order, *, delay_ms: int) -> None:
        """For an order that closes on its trigger other orders of its listing that bind margin are cancelled, the
        newest first, until it can be backed. (Which orders Bybit cancels, and the name it gives this, is not verified.)
        """
        others = [
            other for other in self._waiting(order.symbol) if other.order_id != order.order_id and not other.reduce_only
        ]
        for other in sorted(others, key=lambda other: other.number, reverse=True):
            if self.shortage(order) is None:
                return
            gone = ended(other, self.scene(order.symbol), cancel_type="CancelByAdmin")
            self.commit([gone], delay_ms=delay_ms)

    def finish_amend(self, order_id: str, *, delay_ms: int) -> None:
        """Carry out an accepted amend, unless the order ended or filled beyond it first."""
        order = self.account.orders[order_id]
        wanted = order.amend_requested
        if wanted is None:
            return
        if not order.is_live or 0 < order.filled_quantity >= wanted.quantity:
            self.commit([AmendLost(order_id=order_id, at=self.moment())], delay_ms=delay_ms)
            return
        event = OrderAmended(
            at=self.moment(),
            order_id=order_id,
            quantity=wanted.quantity,
            price=wanted.price,
            trigger=wanted.trigger,
            protection=wanted.protection,
            pair_id=order.pair_id,
            iv=wanted.iv,
            requeued=wanted.price != order.price or wanted.quantity > order.quantity,
        )
        changed = amended(order, event, queued=order.queued)
        after = moved(changed, self._facing(changed), self.scene(order.symbol))
        self.commit([event, *after], delay_ms=delay_ms)
        self.tidy(order.symbol, delay_ms=delay_ms)
        self._queue_up(order_id)

    def finish_cancel(self, order_id: str, *, delay_ms: int) -> None:
        order = self.account.orders[order_id]
        if order.is_live:
            outcome: Event = ended(
                order, self.scene(order.symbol), cancel_type="CancelByUser", reject_reason="EC_PerCancelRequest"
            )
        elif order.status is OrderStatus.FILLED:
            outcome = CancelLost(order_id=order_id, at=self.moment())
        else:
            return
        self.commit([outcome], delay_ms=delay_ms)

    def tidy(self, symbol: str, *, delay_ms: int) -> None:
        """After a change of the position: resting reduce-only orders that have nothing left to reduce end, entries get
        the take-profit and stop-loss they asked for, and all of these follow the position.
        """
        scene = self.scene(symbol)
        for position in self.legs(symbol):
            live = self._followers_of(position)
            gone = [
                ended(order, scene, cancel_type="CancelByReduceOnly")
                for order in live
                if order.is_resting and order.reduce_only and not position.reducible(order.side)
            ]
            self.commit(gone, delay_ms=delay_ms)
            self.commit(protection.in_step(live, position, scene), delay_ms=delay_ms)
        if symbol not in self._bringing:  # else whoever is at it goes on: each entry within the one before is too deep
            self._bringing.add(symbol)
            try:
                while waiting := self.account.unprotected_orders(symbol):
                    self._bring(waiting[0], delay_ms=delay_ms)
            finally:
                self._bringing.discard(symbol)

    def _bring(self, entry: Order, *, delay_ms: int) -> None:
        """Give an entry the take-profit and stop-loss it asked for; what is met already triggers at once."""
        scene, last_price, position = self.scene(entry.symbol), self.last_price(entry.symbol), self.position_of(entry)
        live = self._followers_of(position)
        if entry.is_spot:
            legs = spot_exits.brought(entry, live, scene, last_price, orders=len(self.account.orders))
        else:
            legs = protection.brought(entry, position, live, scene, last_price)
        self.commit([legs], delay_ms=delay_ms)
        for order_id in dict.fromkeys(move.order_id for move in legs.moves):
            self._trigger_if_met(order_id, delay_ms=delay_ms)

    def is_hedged(self, listing: Listing) -> bool:
        """Whether a listing holds a long and a short leg."""
        spec = self.specs[listing]
        return spec.may_hedge and self.account.is_hedged(listing, spec.settle_coin)

    def legs(self, listing: Listing) -> list[Position]:
        """The positions of a listing in its present mode, flat ones too."""
        return [self.leg(listing, 1), self.leg(listing, 2)] if self.is_hedged(listing) else [self.leg(listing, 0)]

    def leg(self, listing: Listing, index: int) -> Position:
        return self.account.position(listing, cast(PositionIndex, index))

    def bounds(self, listing: Listing) -> tuple[Decimal, Decimal]:
        """The lowest sell and the highest buy price that are accepted now."""
        spec, mark = self.specs[listing], self.reference_price(listing)
        index = mark if spec.is_option else self.market.index_price(listing)  # an option's index is its underlying's
        premium = self.venue.premium(listing)
        return liquidity.price_bounds(spec, mark_price=mark, index_price=index, premium=premium)

    def _followers_of(self, position: Position) -> list[Order]:
        followers = self.account.live.followers(position.symbol)
        return [order for order in followers if order.position_index == position.index]

    def _trigger_if_met(self, order_id: str, *, delay_ms: int) -> None:
        order = self.account.orders[order_id]
        if order.trigger is None or order.trail is not None:  # a trailing stop waits for the prices to come
            return
        by_last = order.trigger.by == "LastPrice"
        price = self.last_price(order.symbol) if by_last else price_of(self.market, order.symbol, order.trigger.by)
        if is_met(order.trigger, price):
            self._trigger(order_id, delay_ms=delay_ms)

    def _trigger(self, order_id: str, *, delay_ms: int) -> None:
        """The price an order waited for has come: it goes to the market; the other leg of its pair ends."""
        order = self.account.orders[order_id]
        if order.status is not OrderStatus.UNTRIGGERED:
            return
        scene = self.scene(order.symbol)
        takes_all = order.follows_position or not order.quantity
        quantity = self.position_of(order).reducible(order.side) if takes_all else order.quantity
        event = OrderTriggered(order_id=order_id, at=scene.at, quantity=quantity, price=self._price_to_enter(order))
        partner = protection.partner_ended(order, self.account.live_orders(order.symbol), scene)
        both = Together(at=scene.at, moves=(event, partner)) if partner is not None else event
        self.commit([both], delay_ms=delay_ms)
        self.go_on_after_trigger(order_id, delay_ms=delay_ms)

    def _price_to_enter(self, order: Order) -> Decimal:
        """The limit a triggered order goes to the market with; a contract's is moved within the price bounds."""
        spec, symbol = self.specs[order.symbol], order.symbol
        if order.order_type == "Market":
            return liquidity.protection_price(spec, self.book(symbol), order.side, self.last_price(symbol))
        if order.is_spot:
            return order.price
        return liquidity.clamp(order.price, order.side, self.bounds(symbol))

    def _enter(self, order: Order, *, delay_ms: int) -> None:
        self.commit(arrival(order, self._facing(order), self.scene(order.symbol)), delay_ms=delay_ms)
        self.tidy(order.symbol, delay_ms=delay_ms)
        self._queue_up(order.order_id)

    def _queue_up(self, order_id: str) -> None:
        """An order that came to rest takes its place behind what the book shows."""
        order = self.account.orders[order_id]
        if self._places is not None and order.is_resting:
            self._places.join(order, self.book(order.symbol))

    def _facing(self, order: Order) -> Facing:
        positions = {leg.index: leg for leg in self.legs(order.symbol)}
        return Facing(book=self.book(order.symbol), own=self._own_against(order), positions=positions)

    def _own_against(self, order: Order) -> list[Own]:
        """The account's resting orders that an incoming one may meet. Those that only reduce share what there is.

        A take-profit or stop-loss does not meet entries that bring such ones: each step of the entry that it took would
        bring the next one, which takes the next step. (What Bybit does there is not verified.)
        """
        book, own = self.book(order.symbol), list[Own]()
        reducible: dict[int, Decimal] = {}
        for other in self.account.live.resting(order.symbol, "Sell" if order.side == "Buy" else "Buy"):
            # With queues everybody's place is looked at, also beyond the limit: who has none yet takes it now.
            if self._places is None and not is_within(order.side, other.price, order.price):
                break
            if order.is_protective and other.protection is not None:
                continue
            quantity = other.leaves
            if other.reduce_only:
                left = reducible.get(other.position_index)
                left = self.position_of(other).reducible(other.side) if left is None else left
                quantity = min(quantity, left)
                reducible[other.position_index] = left - quantity
            if quantity > 0:
                own.append(Own(other, quantity, None if self._places is None else self._places.ahead(other, book)))
        return own

    def _fill_resting(self, event: MarketEvent) -> None:
        """Fill the resting orders this market event went through, best price first, then oldest first; with queues also
        those that a trade at their price has come to.
        """
        match event:
            case MarketTrade():
                left = event.size if self._partial_fills else None
                for order in self._passed(event.symbol, lambda order: liquidity.went_through(order, event.price)):
                    filled = self._fill_passed(order.order_id, left)
                    left = None if left is None else left - filled
                if self._places is not None:
                    self._serve(self._places, event, event.size if left is None else left)
            case MarketBook():
                if not self._partial_fills:  # then only trades fill: a book says nothing of how much was traded
                    for order in self._passed(event.symbol, lambda order: liquidity.book_went_through(order, event)):
                        self._fill_passed(order.order_id, None)
                if self._places is not None:
                    self._places.see(self._waiting(event.symbol), event)
                    self._places.forget_all_but(self.account.live_orders())
            case MarketLiquidation():
                pass  # the trades it led to are told as such

    def _serve(self, places: Places, trade: MarketTrade, size: Decimal) -> None:
        """What a trade at the price of resting orders leaves for them, in whole steps."""
        at_price = [order for order in self._waiting(trade.symbol) if can_serve(order, trade)]
        shares = places.served(at_price, size, self.book(trade.symbol))
        for order, share in zip(at_price, shares, strict=True):
            self._fill_passed(order.order_id, share)

    def _waiting(self, listing: Listing) -> list[Order]:
        """The resting orders of a listing, best price first, then oldest first; those that buy first."""
        live = self.account.live
        return [*live.resting(listing, "Buy"), *live.resting(listing, "Sell")]

    def _passed(self, listing: Listing, went_through: Callable[[Order], bool]) -> list[Order]:
        """Those of them that the market went through: on each side the best."""
        live = self.account.live
        return [*live.beyond(listing, "Buy", went_through), *live.beyond(listing, "Sell", went_through)]

    def _fill_passed(self, order_id: str, most: Decimal | None) -> Decimal:
        """Fill a resting order at its price, in whole steps of at most `most`; how much that was."""
        order = self.account.orders[order_id]  # as the fills before it left it
        quantity = fillable(order, self.position_of(order)) if order.is_resting else ZERO
        if most is not None:
            step = self.specs[order.symbol].qty_step
            quantity = min(quantity, most // step * step)
        if quantity > 0:
            part = Take(order.price, quantity)
            self.commit([fill(order, self.position_of(order), part, self.scene(order.symbol), is_maker=True)])
            self.tidy(order.symbol, delay_ms=0)
        return quantity
