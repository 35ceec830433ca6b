"""The exchange's heart: takes commands and refuses those that break a rule of the account.

Lives here: every command that may change the account, and what it needs to be let through.
Not here: what happens to orders after that (`floor`), the rules that need no account (`commands`), the wire (`rest_*`,
`ws_*`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from tradewright.simulator import margin, matching, spot, spot_filters
from tradewright.simulator.account import Account
from tradewright.simulator.commands import CancelOrder, PlaceOrder, SetLeverage, check_notional, check_quantity
from tradewright.simulator.decisions import ended
from tradewright.simulator.errors import ApiError, RetCode, duplicate_link_id, order_not_found
from tradewright.simulator.events import CancelAccepted, Funded, LeverageSet, OrderAccepted
from tradewright.simulator.floor import Floor, Surroundings
from tradewright.simulator.log import EventLog
from tradewright.simulator.market.model import InstrumentSpec, Market, MarketEvent
from tradewright.simulator.orders import Order, OrderStatus, accepted
from tradewright.simulator.positions import ZERO
from tradewright.simulator.texts import plain

ACTIVE_ORDERS_MAX = 500  # per symbol, as on Bybit's futures; of all pairs together on spot


class Engine:
    """One account on one market. See `SimulatorConfig` for `order_delay_ms` and `partial_fills`."""

    def __init__(
        self, *, market: Market, log: EventLog, around: Surroundings, order_delay_ms: int, partial_fills: bool
    ) -> None:
        self.floor = Floor(market=market, log=log, around=around, partial_fills=partial_fills)
        self.market: Market = market
        self.account: Account = self.floor.account
        self.specs: dict[str, InstrumentSpec] = self.floor.specs
        self._around = around
        self._order_delay_ms = order_delay_ms

    def resume(self) -> None:
        """After a restart: finish what was acknowledged but had not happened yet."""
        for order in self.account.live_orders():
            if order.status is not OrderStatus.ACCEPTED and order.time_in_force in ("IOC", "FOK"):
                # The crash came between its fills: the rest of such an order never waits.
                rest = ended(order, self.floor.scene(order.symbol), reject_reason="EC_NoImmediateQtyToFill")
                self.floor.commit([rest])
            self.floor.arrive(order.order_id, delay_ms=0)
            if order.cancel_requested:
                self.floor.finish_cancel(order.order_id, delay_ms=0)
        for symbol in self.specs:
            self.floor.drop_useless(symbol, delay_ms=0)

    def fund(self, funds: Iterable[tuple[str, Decimal]]) -> None:
        """Pay in play money; the first start does it once."""
        self.floor.commit(
            [Funded(coin=coin, amount=amount, at=self.floor.moment()) for coin, amount in funds if amount]
        )

    def place(self, command: PlaceOrder) -> Order:
        """Accept an order. Its effect comes `order_delay_ms` later, but it can be read at once.

        Raises `ApiError`: 110072 duplicate link id, 110017 reduce-only rule, 110094 value, 110020 too many orders,
        110007 margin; on spot 170141, 170810, 170140 or 170124 value, 170193 and 170194 price limits, 170131 coins.
        A refused command leaves no trace.
        """
        spec = self.specs[command.symbol]
        if command.link_id and self.account.link_id_used(command.link_id):
            raise duplicate_link_id(spot=spec.is_spot)
        self._check_room(spec)
        self.catch_up()
        event = self._accepted_spot_event(command) if spec.is_spot else self._accepted_event(command)
        self._check_means(accepted(event, number=0))
        self.floor.commit([event])
        self._around.later(self._order_delay_ms, lambda: self.floor.arrive(event.order_id, delay_ms=0))
        return self.account.orders[event.order_id]

    def cancel(self, command: CancelOrder) -> Order:
        """Accept a cancel and carry it out in the books; the streams hear of it `order_delay_ms` later.

        An order that has not reached the matching engine yet goes there first, in front of its cancel, and may fill.
        Raises `ApiError` 110001 if there is no such live order, 170213 on spot.
        """
        self.catch_up()
        order = self.account.find_order(order_id=command.order_id, link_id=command.link_id)
        if order is None or order.symbol != command.symbol or not order.is_live:
            raise order_not_found(spot=self.specs[command.symbol].is_spot)
        self.floor.commit([CancelAccepted(order_id=order.order_id, at=self.floor.moment())], tell=False)
        self.floor.arrive(order.order_id, delay_ms=self._order_delay_ms)
        self.floor.finish_cancel(order.order_id, delay_ms=self._order_delay_ms)
        return self.account.orders[order.order_id]

    def set_leverage(self, command: SetLeverage) -> None:
        """Raises `ApiError` 110043 if nothing changes, 110007 if the margin does not cover a lower leverage."""
        position = self.account.position(command.symbol)
        if position.leverage == command.leverage:
            raise ApiError(RetCode.LEVERAGE_UNCHANGED, "leverage not modified")
        changed = {**self.account.positions, command.symbol: replace(position, leverage=command.leverage)}
        after = self.floor.margin_of(changed.values(), self.account.live_orders())
        if command.leverage < position.leverage and after.available < 0:
            raise ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new leverage")
        self.floor.commit([LeverageSet(symbol=command.symbol, leverage=command.leverage, at=self.floor.moment())])

    def catch_up(self) -> bool:
        """See `Floor.catch_up`."""
        return self.floor.catch_up()

    def take_events(self) -> list[MarketEvent]:
        """See `Floor.take_events`."""
        return self.floor.take_events()

    def margin_now(self) -> margin.MarginView:
        return self.floor.margin_now()

    def _accepted_event(self, command: PlaceOrder) -> OrderAccepted:
        """The command with its prices and quantity settled by the market and the position of this moment."""
        symbol, side = command.symbol, command.side
        spec, last_price = self.specs[symbol], self.market.last_price(symbol)
        if command.price is None:
            price = matching.protection_price(spec, self.market.book(symbol), side, last_price)
        else:
            mark, index = self.market.mark_price(symbol), self.market.index_price(symbol)
            price = matching.clamp(command.price, side, matching.price_bounds(spec, mark_price=mark, index_price=index))
        quantity = self._reduced_quantity(command) if command.reduce_only else command.quantity
        if command.price is None and not command.reduce_only:
            check_notional(spec, quantity * last_price)
        return OrderAccepted(
            at=self.floor.moment(),
            order_id=self._around.new_id(),
            link_id=command.link_id,
            symbol=symbol,
            side=side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            quantity=quantity,
            price=price,
            reduce_only=command.reduce_only,
            close_on_trigger=command.close_on_trigger,
            last_price=last_price,
        )

    def _accepted_spot_event(self, command: PlaceOrder) -> OrderAccepted:
        """The same on spot, where a price beyond the limits is refused and ids are numbers."""
        symbol, side = command.symbol, command.side
        spec, last_price = self.specs[symbol], self.market.last_price(symbol)
        if command.price is not None:
            price = command.price
            index = self.market.index_price(symbol)
            spot_filters.check_limits(price, side, matching.price_bounds(spec, mark_price=index, index_price=index))
        else:
            price = matching.protection_price(spec, self.market.book(symbol), side, last_price)
            if command.market_unit == "quoteCoin":
                spot_filters.check_amount_at(spec, command.quantity, last_price)
            else:
                spot_filters.check_value(spec, command.quantity * last_price)
        at = self.floor.moment()
        return OrderAccepted(
            at=at,
            order_id=spot.order_id(at.wall_ms, number=len(self.account.orders) + 1),
            link_id=command.link_id,
            symbol=symbol,
            side=side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            quantity=command.quantity,
            price=price,
            reduce_only=False,
            close_on_trigger=False,
            last_price=last_price,
            market_unit=command.market_unit,
        )

    def _check_room(self, spec: InstrumentSpec) -> None:
        if spec.is_spot:
            if sum(order.is_spot for order in self.account.live_orders()) >= ACTIVE_ORDERS_MAX:
                raise ApiError(RetCode.SPOT_TOO_MANY_ORDERS, f"Cannot exceed maximum of {ACTIVE_ORDERS_MAX} orders.")
        elif sum(1 for _ in self.account.live_orders(spec.listing)) >= ACTIVE_ORDERS_MAX:
            raise ApiError(RetCode.TOO_MANY_ORDERS, f"You have reached the limit of {ACTIVE_ORDERS_MAX} active orders.")

    def _reduced_quantity(self, command: PlaceOrder) -> Decimal:
        """A reduce-only order is cut to the position on arrival; there must be something to reduce."""
        reducible = self.account.position(command.symbol).reducible(command.side)
        if not reducible:
            raise ApiError(RetCode.REDUCE_ONLY_RULE, "current position is zero, cannot fix reduce-only order qty")
        quantity = reducible if command.closes_all else min(command.quantity, reducible)
        check_quantity(self.specs[command.symbol], quantity, command.order_type)
        return quantity

    def _check_means(self, order: Order) -> None:
        """Refuse an order, new or changed, that the account cannot pay for or back."""
        if order.is_spot:
            self._check_coins(order)
        else:
            self._check_margin(order)

    def _check_coins(self, order: Order) -> None:
        coin, amount = spot.lock_of(order, self.specs[order.symbol])
        free = self.floor.free_coins(coin, without=order.order_id)
        if amount > free:
            raise ApiError(
                RetCode.SPOT_INSUFFICIENT_BALANCE,
                f"Insufficient balance: the order needs {plain(amount)} {coin}, {plain(max(free, ZERO))} are free.",
            )

    def _check_margin(self, order: Order) -> None:
        """Refuse an order that binds margin the account has not got. One that only reduces is always let through."""
        before = self.margin_now()
        after = self.floor.margin_of(self.account.positions.values(), [*self.account.live_orders(), order])
        if after.order_initial > before.order_initial and after.available < 0:
            raise ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new order")
