"""The exchange's heart: takes commands and refuses those that break a rule of the account.

Lives here: every command that may change the account, and what it needs to be let through.
Not here: what happens to orders after that (`floor`), the rules that need no account (`commands`), the wire (`rest_*`,
`ws_*`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts import margin, spot
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import CancelAccepted, Funded, LeverageSet, OrderAccepted, Together, Trigger
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order, OrderStatus, accepted
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.errors import ApiError, RetCode, duplicate_link_id, order_not_found
from tradewright.simulator.market.model import InstrumentSpec, Market
from tradewright.simulator.matching import caps, liquidity, spot_filters, trading_stop, triggers
from tradewright.simulator.matching.amend import AmendOrder, Ground, amendment
from tradewright.simulator.matching.commands import CancelOrder, PlaceOrder, SetLeverage, check_notional, check_quantity
from tradewright.simulator.matching.decisions import ended
from tradewright.simulator.matching.floor import Floor
from tradewright.simulator.matching.ledger import Surroundings
from tradewright.simulator.matching.order_options import check_protection
from tradewright.simulator.matching.trading_stop import TradingStop
from tradewright.simulator.matching.venue import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An order that was only tried out: the margin without and with it, and why it would be refused, if so."""

    order: Order
    before: margin.MarginView
    after: margin.MarginView
    refusal: ApiError | None


class Engine:
    """One account on one market. See `SimulatorConfig` for `order_delay_ms` and `partial_fills`."""

    def __init__(
        self, *, venue: Venue, log: EventLog, around: Surroundings, order_delay_ms: int, partial_fills: bool
    ) -> None:
        self.venue = venue
        self.floor = Floor(venue=venue, log=log, around=around, partial_fills=partial_fills)
        self.market: Market = venue.market
        self.account: Account = self.floor.account
        self.specs: dict[str, InstrumentSpec] = self.floor.specs
        self._around = around
        self._order_delay_ms = order_delay_ms

    def resume(self) -> None:
        """After a restart: finish what was acknowledged but had not happened yet."""
        for order in self.account.live_orders():
            if order.is_resting and order.time_in_force in ("IOC", "FOK"):
                # The crash came between its fills: the rest of such an order never waits.
                rest = ended(order, self.floor.scene(order.symbol), reject_reason="EC_NoImmediateQtyToFill")
                self.floor.commit([rest])
            elif order.status is OrderStatus.TRIGGERED:
                self.floor.go_on_after_trigger(order.order_id, delay_ms=0)
            self.floor.arrive(order.order_id, delay_ms=0)
            if order.cancel_requested:
                self.floor.finish_cancel(order.order_id, delay_ms=0)
            self.floor.finish_amend(order.order_id, delay_ms=0)
        for symbol in self.specs:
            self.floor.tidy(symbol, delay_ms=0)

    def fund(self, funds: Iterable[tuple[str, Decimal]]) -> None:
        """Pay in play money; the first start does it once."""
        self.floor.commit(
            [Funded(coin=coin, amount=amount, at=self.floor.moment()) for coin, amount in funds if amount]
        )

    def place(self, command: PlaceOrder) -> Order:
        """Accept an order. Its effect comes `order_delay_ms` later, but it can be read at once.

        Raises `ApiError`: 110072 duplicate link id, 110017 reduce-only rule, 110094 value, 110020 too many orders,
        110009 too many conditional ones, 110061 too many protections, 110092 and 110093 side of a trigger, 110007
        margin; on spot 170141, 170810, 170140 or 170124 value, 170193 and 170194 price limits, 170131 coins.
        A refused command leaves no trace.
        """
        event = self._prepared(command)
        order = accepted(event, number=0)
        if (not order.is_dormant or order.locks_while_waiting) and (refusal := self.floor.shortage(order)):
            raise refusal
        self.floor.commit([event])
        self._around.later(self._order_delay_ms, lambda: self.floor.arrive(event.order_id, delay_ms=0))
        return self.account.orders[event.order_id]

    def try_out(self, command: PlaceOrder) -> Trial:
        """What an order would do to the margin; nothing happens. Raises as `place` does, but for a lack of margin."""
        order = accepted(self._prepared(command), number=0)
        live = list(self.account.live_orders())
        return Trial(
            order=order,
            before=self.margin_now(),
            after=self.floor.margin_of(self.account.positions.values(), [*live, order]),
            refusal=self.floor.shortage(order),
        )

    def _prepared(self, command: PlaceOrder) -> OrderAccepted:
        """The command as it would be accepted, held against every rule but the account's means."""
        spec = self.specs[command.symbol]
        if command.link_id and self.account.link_id_used(command.link_id):
            raise duplicate_link_id(spot=spec.is_spot)
        if spec.is_spot:
            caps.check_spot(command, list(self.account.live_orders()))
        else:
            caps.check_contract(command, list(self.account.live_orders(command.symbol)))
        self.catch_up()
        if command.trigger is not None:
            command = replace(command, trigger=self._looked_at(command.trigger, spec))
        return self._accepted_spot_event(command) if spec.is_spot else self._accepted_event(command)

    def cancel(self, command: CancelOrder) -> Order:
        """Accept a cancel and carry it out in the books; the streams hear of it `order_delay_ms` later.

        An order that has not reached the matching engine yet goes there first, in front of its cancel, and may fill.
        Raises `ApiError` 110001 if there is no such live order, 170213 on spot.
        """
        self.catch_up()
        order = self._named(command)
        self.floor.commit([CancelAccepted(order_id=order.order_id, at=self.floor.moment())], tell=False)
        self.floor.arrive(order.order_id, delay_ms=self._order_delay_ms)
        self.floor.finish_cancel(order.order_id, delay_ms=self._order_delay_ms)
        return self.account.orders[order.order_id]

    def cancel_all(self, category: str, *, cancel_type: str) -> list[Order]:
        """End the active orders of a category by the exchange's own decision, and tell so at once. Conditional orders
        and exits stay. One that has not reached the matching engine yet goes there first and may fill.
        """
        self.catch_up()
        gone: list[Order] = []
        for order in self.account.live_orders():
            if self.specs[order.symbol].category != category or order.is_dormant:
                continue
            self.floor.arrive(order.order_id, delay_ms=0)
            left = self.account.orders[order.order_id]
            if left.is_live:
                self.floor.commit([ended(left, self.floor.scene(left.symbol), cancel_type=cancel_type)])
                gone.append(self.account.orders[order.order_id])
        return gone

    def amend(self, command: AmendOrder) -> Order:
        """Accept an amend and carry it out in the books; the streams hear of it `order_delay_ms` later.

        An order that has not reached the matching engine yet goes there first, in front of its amend, and may fill.
        Raises `ApiError` 110001 (170213 on spot) if there is no such live order, what `amend.amendment` raises, and
        110007 or 170131 if the account cannot back it. A refused command leaves no trace.
        """
        self.catch_up()
        order = self._named(command)
        event = amendment(order, command, self._ground(command.symbol))
        changed = replace(order, quantity=event.quantity, price=event.price)
        binds = not order.is_dormant or order.locks_while_waiting
        moved = (changed.quantity, changed.price) != (order.quantity, order.price)
        if binds and moved and (refusal := self.floor.shortage(changed, instead_of=order)):
            raise refusal
        self.floor.commit([event], tell=False)
        self.floor.arrive(order.order_id, delay_ms=self._order_delay_ms)
        self.floor.finish_amend(order.order_id, delay_ms=self._order_delay_ms)
        return self.account.orders[order.order_id]

    def set_trading_stop(self, command: TradingStop) -> None:
        """Set, change or remove take-profit and stop-loss of a position; at once. Raises what `trading_stop` raises."""
        self.catch_up()
        live = list(self.account.live_orders(command.symbol))
        moves = trading_stop.moves_of(command, live, self._ground(command.symbol), self.floor.scene(command.symbol))
        self.floor.commit([Together(at=self.floor.moment(), moves=tuple(moves))])

    def set_leverage(self, command: SetLeverage) -> None:
        """Raises `ApiError` 110043 if nothing changes, 110007 if the margin does not cover a lower leverage."""
        position = self.account.position(command.symbol)
        if position.leverage == command.leverage:
            raise ApiError(RetCode.LEVERAGE_UNCHANGED, "leverage not modified")
        changed = {**self.account.positions, position.key: replace(position, leverage=command.leverage)}
        after = self.floor.margin_of(changed.values(), self.account.live_orders())
        if command.leverage < position.leverage and after.available < 0:
            raise ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new leverage")
        self.floor.commit([LeverageSet(symbol=command.symbol, leverage=command.leverage, at=self.floor.moment())])

    def catch_up(self) -> bool:
        """See `Venue.catch_up`."""
        return self.venue.catch_up()

    def margin_now(self) -> margin.MarginView:
        return self.floor.margin_now()

    def _accepted_event(self, command: PlaceOrder) -> OrderAccepted:
        """The command with its prices and quantity settled by the market and the position of this moment."""
        symbol, side = command.symbol, command.side
        spec, last_price = self.specs[symbol], self.market.last_price(symbol)
        quantity = command.quantity
        if command.trigger is not None:
            price = command.price or ZERO
            if command.price is None and not command.reduce_only:
                check_notional(spec, quantity * command.trigger.price)
        else:
            price = self._limit_of(command)
            if command.reduce_only:
                quantity = self._reduced_quantity(command)
            elif command.price is None:
                check_notional(spec, quantity * last_price)
        if command.protection is not None and command.price is None and command.trigger is None:
            check_protection(command.protection, side, lambda leg: (last_price, "LastPrice"))
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
            stop_kind=command.stop_kind,
            trigger=command.trigger,
            protection=command.protection,
            slippage=command.slippage,
        )

    def _looked_at(self, trigger: Trigger, spec: InstrumentSpec) -> Trigger:
        """A contract's trigger must lie on the side it says; a spot pair's has none and lies where it lies."""
        price = triggers.price_of(self.market, spec.listing, trigger.by)
        if spec.is_spot:
            return Trigger(price=trigger.price, rises=trigger.price > price, by=trigger.by)
        triggers.check_side(trigger, price)
        return trigger

    def _limit_of(self, command: PlaceOrder) -> Decimal:
        """The price an order for a contract goes to the market with: its own within the bounds, or a protection."""
        spec, symbol, side = self.specs[command.symbol], command.symbol, command.side
        if command.price is not None:
            ground = self._ground(symbol)
            return liquidity.clamp(command.price, side, ground.bounds)
        book, last_price = self.market.book(symbol), self.market.last_price(symbol)
        price = liquidity.protection_price(spec, book, side, last_price)
        if command.slippage is None:
            return price
        bound = liquidity.slippage_price(spec, book, side, last_price, command.slippage)
        return min(price, bound) if side == "Buy" else max(price, bound)

    def _ground(self, symbol: str) -> Ground:
        """What a change of an order or of a position's stops is held against."""
        spec, mark = self.specs[symbol], self.floor.reference_price(symbol)
        index = self.market.index_price(symbol)
        return Ground(
            spec=spec,
            at=self.floor.moment(),
            position=self.account.position(symbol),
            bounds=liquidity.price_bounds(spec, mark_price=mark, index_price=index),
            price=lambda by: triggers.price_of(self.market, symbol, by),
        )

    def _named(self, command: CancelOrder | AmendOrder) -> Order:
        """The live order a command names. Raises `ApiError` 110001, on spot 170213."""
        order = self.account.find_order(order_id=command.order_id, link_id=command.link_id)
        if order is None or order.symbol != command.symbol or not order.is_live:
            raise order_not_found(spot=self.specs[command.symbol].is_spot)
        return order

    def _accepted_spot_event(self, command: PlaceOrder) -> OrderAccepted:
        """The same on spot, where a price beyond the limits is refused and ids are numbers."""
        symbol, side = command.symbol, command.side
        spec, last_price = self.specs[symbol], self.market.last_price(symbol)
        if command.trigger is not None:  # a market order locks by the price it is to trigger at
            price = command.price or command.trigger.price
            if command.market_unit != "quoteCoin":
                spot_filters.check_value(spec, command.quantity * price)
        elif command.price is not None:
            price = command.price
            index = self.market.index_price(symbol)
            spot_filters.check_limits(price, side, liquidity.price_bounds(spec, mark_price=index, index_price=index))
        else:
            price = self._limit_of(command)
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
            stop_kind=command.stop_kind,
            trigger=command.trigger,
            protection=command.protection,
            slippage=command.slippage,
        )

    def _reduced_quantity(self, command: PlaceOrder) -> Decimal:
        """A reduce-only order is cut to the position on arrival; there must be something to reduce."""
        reducible = self.account.position(command.symbol).reducible(command.side)
        if not reducible:
            raise ApiError(RetCode.REDUCE_ONLY_RULE, "current position is zero, cannot fix reduce-only order qty")
        quantity = reducible if command.closes_all else min(command.quantity, reducible)
        check_quantity(self.specs[command.symbol], quantity, command.order_type)
        return quantity
