"""The exchange's heart: takes commands and refuses those that break a rule of the account.

Lives here: every command that may change the account, and what it needs to be let through.
Not here: what happens to orders after that (`floor`), the rules that need no account (`commands`), the wire (`rest_*`,
`ws_*`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts import margin
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import (
    CancelAccepted,
    Funded,
    MarginMode,
    PositionIndex,
    PositionModeSet,
    Together,
)
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.accounts.orders import Order, OrderStatus, accepted
from tradewright.simulator.config import QueueModel
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter, order_not_found
from tradewright.simulator.market.model import InstrumentSpec, Listing, Market
from tradewright.simulator.matching import delivery, house_orders, margin_settings, trading_stop
from tradewright.simulator.matching.amend import AmendOrder, amendment
from tradewright.simulator.matching.commands import CancelOrder, PlaceOrder, SetLeverage, SwitchMode
from tradewright.simulator.matching.decisions import ended
from tradewright.simulator.matching.floor import Floor
from tradewright.simulator.matching.intake import Intake, check_open
from tradewright.simulator.matching.ledger import Surroundings
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
    """One account on one market. See `SimulatorConfig` for `order_delay_ms`, `partial_fills` and `queue`."""

    def __init__(
        self,
        *,
        venue: Venue,
        log: EventLog,
        around: Surroundings,
        order_delay_ms: int,
        partial_fills: bool,
        queue: QueueModel = "through",
    ) -> None:
        self.venue = venue
        self.floor = Floor(venue=venue, log=log, around=around, partial_fills=partial_fills, queue=queue)
        self.market: Market = venue.market
        self.account: Account = self.floor.account
        self.specs: dict[str, InstrumentSpec] = self.floor.specs
        self._around = around
        self._intake = Intake(self.floor, around)
        self._order_delay_ms = order_delay_ms

    def resume(self) -> None:
        """After a restart: finish what was acknowledged but had not happened yet."""
        delivery.close_gone(self.floor)
        house_orders.end_torn(self.floor)
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
        """Accept an order. Its effect comes `order_delay_ms` later, but it can be read at once. One that only reduces
        and is larger than the largest order becomes several; the first is returned.

        Raises `ApiError`: what `Intake.accepted` raises, 110007 margin, on spot 170131 coins. A refused command leaves
        no trace.
        """
        events = self._intake.accepted(command)
        order = accepted(events[0], number=0)
        if (not order.is_dormant or order.locks_while_waiting) and (refusal := self.floor.shortage(order)):
            raise refusal
        self.floor.commit(events)
        for event in events:
            self._arrives_later(event.order_id)
        return self.account.orders[order.order_id]

    def _arrives_later(self, order_id: str) -> None:
        self._around.later(self._order_delay_ms, lambda: self.floor.arrive(order_id, delay_ms=0))

    def try_out(self, command: PlaceOrder) -> Trial:
        """What an order would do to the margin; nothing happens. Raises as `place` does, but for a lack of margin."""
        order = accepted(self._intake.accepted(command)[0], number=0)
        return Trial(
            order=order,
            before=self.margin_now(),
            after=self.floor.margin_if(order, instead_of=order),
            refusal=self.floor.shortage(order),
        )

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
        check_open(self.specs[order.symbol], link_lost=self.market.link_lost)
        event = amendment(order, command, self._intake.ground(order.symbol, order.position_index))
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
        if self.floor.is_hedged(command.symbol) != (command.position_index != 0):
            raise bad_parameter("position idx not match position mode")
        ground = self._intake.ground(command.symbol, command.position_index)
        live = [
            order
            for order in self.account.live_orders(command.symbol)
            if order.position_index == command.position_index
        ]
        moves = trading_stop.moves_of(command, live, ground, self.floor.scene(command.symbol))
        self.floor.commit([Together(at=self.floor.moment(), moves=tuple(moves))])

    def set_leverage(self, command: SetLeverage) -> None:
        """Raises what `margin_settings.set_leverage` raises."""
        margin_settings.set_leverage(self.floor, command, hedged=self.floor.is_hedged(command.symbol))

    def set_margin_mode(self, mode: MarginMode) -> None:
        """Raises what `margin_settings.set_margin_mode` raises."""
        self.catch_up()
        margin_settings.set_margin_mode(self.floor, mode)

    def add_margin(self, listing: Listing, index: PositionIndex, amount: Decimal) -> None:
        """Raises what `margin_settings.add_margin` raises."""
        self.catch_up()
        margin_settings.add_margin(self.floor, listing, index, amount)

    def set_auto_add_margin(self, listing: Listing, index: PositionIndex, *, on: bool) -> None:
        """Raises what `margin_settings.set_auto_add_margin` raises."""
        margin_settings.set_auto_add_margin(self.floor, listing, index, on=on)

    def set_position_mode(self, command: SwitchMode) -> None:
        """One-way or hedge mode for one listing, or for all that settle in a coin, those listed later included.

        Of a coin's listings those with a position or orders stay as they are. Raises `ApiError` 110029 where there is
        no hedge mode, 110025 if nothing changes, 110024 with a position, 110028 with orders.
        """
        named = [self.specs[command.symbol]] if command.symbol else self._settling_in(command.coin)
        able = [spec for spec in named if spec.may_hedge]
        if command.hedge and not able:
            raise ApiError(RetCode.HEDGE_MODE_UNSUPPORTED, "hedge mode is not supported for this symbol or coin")
        changing = [spec.listing for spec in able if self.floor.is_hedged(spec.listing) != command.hedge]
        coin_changes = bool(command.coin and able) and command.hedge != self.account.hedges_coin(command.coin)
        if not changing and not coin_changes:
            raise ApiError(RetCode.POSITION_MODE_UNCHANGED, "Position mode is not modified")
        busy = {listing: refusal for listing in changing if (refusal := self._mode_refusal(listing)) is not None}
        if command.symbol and busy:
            raise busy[command.symbol]
        free = tuple(listing for listing in changing if listing not in busy)
        at = self.floor.moment()
        self.floor.commit(
            [
                PositionModeSet(symbols=free, hedge=command.hedge, coin=command.coin, at=at),
                *([PositionModeSet(symbols=tuple(busy), hedge=not command.hedge, at=at)] if busy else []),
            ]
        )

    def _settling_in(self, coin: str) -> list[InstrumentSpec]:
        return [spec for spec in self.specs.values() if spec.category == "linear" and spec.settle_coin == coin]

    def _mode_refusal(self, listing: str) -> ApiError | None:
        """Why the mode of a listing cannot change now."""
        if any(position.size for position in self.floor.legs(listing)):
            return ApiError(
                RetCode.MODE_HAS_POSITION, "You have an existing position, so position mode cannot be switched"
            )
        if any(True for _ in self.account.live_orders(listing)):
            return ApiError(RetCode.MODE_HAS_ORDERS, "You have existing orders, so position mode cannot be switched")
        return None

    def catch_up(self) -> bool:
        """See `Venue.catch_up`."""
        return self.venue.catch_up()

    def margin_now(self) -> margin.MarginView:
        return self.floor.margin_now()

    def _named(self, command: CancelOrder | AmendOrder) -> Order:
        """The live order a command names. Raises `ApiError` 110001, on spot 170213."""
        order = self.account.find_order(order_id=command.order_id, link_id=command.link_id)
        if order is None or order.symbol != command.symbol or not order.is_live:
            raise order_not_found(spot=self.specs[command.symbol].is_spot)
        return order
