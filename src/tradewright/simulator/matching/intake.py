"""From a create command to the orders it becomes: every rule but the account's means.

Lives here: `Intake`, which holds a command against the listing's state, the position mode, the caps, the price limits
and the position of this moment. Not here: reading commands (`placing`, `order_options`), whether the account can pay
(`ledger`), what happens then (`floor`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.events import OrderAccepted, Trigger
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter, duplicate_link_id
from tradewright.simulator.market.model import InstrumentSpec, Listing
from tradewright.simulator.market.synthetic.options_pricing import price_at
from tradewright.simulator.matching import caps, liquidity, spot_filters, triggers
from tradewright.simulator.matching.amend import Ground
from tradewright.simulator.matching.commands import BookPrice, PlaceOrder, check_notional, check_quantity
from tradewright.simulator.matching.floor import Floor
from tradewright.simulator.matching.ledger import Surroundings
from tradewright.simulator.matching.order_options import check_protection

# Bybit's createType of an order whose limit the book gave.
BY_BOOK: Final = "CreateByBboOrder"
IV_MAX: Final = 5


class Intake:
    """See the module."""

    def __init__(self, floor: Floor, around: Surroundings) -> None:
        self._floor = floor
        self._account = floor.account
        self._market = floor.market
        self._specs = floor.specs
        self._around = around

    def accepted(self, command: PlaceOrder) -> list[OrderAccepted]:
        """The orders a command becomes: one, unless it only reduces and is larger than the largest order.

        Raises `ApiError`: 110074, 110066 (spot 170151) not tradable now, 110072 duplicate link id, 10001 wrong leg for
        the position mode, 110017 reduce-only rule, 110094 value, 110020, 110009, 110061 too many orders, 110092 and
        110093 side of a trigger, 110118 no price in the book, 110120 and 110121 price limits where the account asks to
        be refused; on spot 170141, 170810, 170140 or 170124, 170193 and 170194.
        """
        self._floor.venue.catch_up()
        spec = self._specs[command.symbol]
        check_open(spec, link_lost=self._market.link_lost)
        if command.link_id and self._account.link_id_used(command.link_id):
            raise duplicate_link_id(spot=spec.is_spot)
        command = self._on_leg(command, spec)
        self._check_caps(command, spec)
        if command.by_book is not None:
            command = replace(command, price=self._price_by_book(command, command.by_book))
        if command.iv is not None:
            command = replace(command, price=self._price_by_volatility(spec, command.iv))
        if command.trigger is not None:
            command = replace(command, trigger=self._looked_at(command.trigger, spec))
        return [self._spot_event(command, spec)] if spec.is_spot else self._contract_events(command, spec)

    def ground(self, listing: Listing, index: int = 0) -> Ground:
        """What a change of an order or of a position's stops is held against; `index` is the position's."""
        return Ground(
            spec=self._specs[listing],
            at=self._floor.moment(),
            position=self._floor.leg(listing, index),
            bounds=self._floor.bounds(listing),
            refuses_beyond=self._refuses_beyond(self._specs[listing]),
            price=lambda by: triggers.price_of(self._market, listing, by),
            price_of_iv=lambda volatility: self._price_by_volatility(self._specs[listing], volatility),
        )

    def _on_leg(self, command: PlaceOrder, spec: InstrumentSpec) -> PlaceOrder:
        """The command for the leg it names. What is against the side of a leg of hedge mode can only reduce it (that
        Bybit marks such an order as reduce-only is not verified).
        """
        index = command.position_index
        if spec.is_spot:
            return command
        if self._floor.is_hedged(command.symbol) != (index != 0):
            raise bad_parameter("position idx not match position mode")
        closes = index != 0 and (command.side == "Buy") != (index == 1)
        if closes and command.protection is not None:
            raise bad_parameter("params error: takeProfit and stopLoss cannot be set on a reduce-only order")
        return replace(command, reduce_only=command.reduce_only or closes)

    def _check_caps(self, command: PlaceOrder, spec: InstrumentSpec) -> None:
        live, listing = self._account.live, command.symbol
        if spec.is_spot:
            caps.check_spot(command, live=live.spot, dormant=live.dormant(listing))
        elif spec.is_option:
            caps.check_option(sum(live.active(other) for other in live.listings if self._same_coin(other, spec)))
        else:
            caps.check_contract(command, active=live.active(listing), dormant=live.dormant(listing))

    def _same_coin(self, listing: Listing, spec: InstrumentSpec) -> bool:
        other = self._specs[listing]
        return other.is_option and other.base_coin == spec.base_coin

    def _price_by_book(self, command: PlaceOrder, wanted: BookPrice) -> Decimal:
        book = self._floor.book(command.symbol)
        levels = book.bids if (command.side == "Buy") == wanted.own_side else book.asks
        if len(levels) < wanted.level:
            raise ApiError(RetCode.NO_MARKET_PRICE, "The market price cannot be obtained: the book has no such level.")
        spec, price = self._specs[command.symbol], levels[wanted.level - 1][0]
        price -= price % spec.tick_size  # a recorded price may lie between the ticks
        if not command.reduce_only:
            check_notional(spec, command.quantity, price)
        return price

    def _price_by_volatility(self, spec: InstrumentSpec, volatility: Decimal) -> Decimal:
        """Worked out once, when the order or amend comes. (That Bybit does not follow the market is not verified.)"""
        if not 0 < volatility <= IV_MAX:
            raise bad_parameter(f"params error: orderIv must be above 0 and at most {IV_MAX}, for example 0.1 for 10 %")
        # What the ticker calls the underlying price is the forward of the option's delivery.
        forward = self._market.ticker(spec.listing).get("underlyingPrice") or self._market.index_price(spec.listing)
        return price_at(spec, forward=Decimal(forward), now_ms=self._market.now_ms, volatility=volatility)

    def _contract_events(self, command: PlaceOrder, spec: InstrumentSpec) -> list[OrderAccepted]:
        """The command with its prices and quantity settled by the market and the position of this moment."""
        symbol, side = command.symbol, command.side
        last_price = self._market.last_price(symbol)
        quantity, price = command.quantity, command.price or ZERO
        if command.trigger is not None:
            if command.price is None and not command.reduce_only:
                check_notional(spec, quantity, command.trigger.price)
        else:
            price = self._limit_of(command)
            if command.reduce_only:
                quantity = self._reduced_quantity(command, spec)
            elif command.price is None and not spec.is_option:
                check_notional(spec, quantity, last_price)
        if command.protection is not None and command.price is None and command.trigger is None:
            check_protection(command.protection, side, lambda leg: (last_price, "LastPrice"))
        return [
            self._event(command, order_id=self._around.new_id(), quantity=part, price=price, is_first=place == 0)
            for place, part in enumerate(_parts(command, spec, quantity))
        ]

    def _spot_event(self, command: PlaceOrder, spec: InstrumentSpec) -> OrderAccepted:
        """The same on spot, where a price beyond the limits is refused by default and ids are numbers."""
        last_price = self._market.last_price(command.symbol)
        if command.trigger is not None:  # a market order locks by the price it is to trigger at
            price = command.price or command.trigger.price
            if command.market_unit != "quoteCoin":
                spot_filters.check_value(spec, command.quantity * price)
        else:
            price = self._limit_of(command)
            if command.market_unit == "quoteCoin":
                spot_filters.check_amount_at(spec, command.quantity, last_price)
            elif command.price is None:
                spot_filters.check_value(spec, command.quantity * last_price)
        order_id = spot.order_id(self._floor.moment().wall_ms, number=len(self._account.orders) + 1)
        return self._event(command, order_id=order_id, quantity=command.quantity, price=price)

    def _event(
        self, command: PlaceOrder, *, order_id: str, quantity: Decimal, price: Decimal, is_first: bool = True
    ) -> OrderAccepted:
        """Of the orders that one command is split into, the first has its link id."""
        return OrderAccepted(
            at=self._floor.moment(),
            order_id=order_id,
            link_id=command.link_id if is_first else "",
            symbol=command.symbol,
            side=command.side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            quantity=quantity,
            price=price,
            reduce_only=command.reduce_only,
            close_on_trigger=command.close_on_trigger,
            last_price=self._market.last_price(command.symbol),
            market_unit=command.market_unit,
            stop_kind=command.stop_kind,
            trigger=command.trigger,
            protection=command.protection,
            slippage=command.slippage,
            position_index=command.position_index,
            create_type=BY_BOOK if command.by_book is not None else "",
            smp_type=command.smp_type,
            iv=command.iv,
        )

    def _looked_at(self, trigger: Trigger, spec: InstrumentSpec) -> Trigger:
        """A contract's trigger must lie on the side it says; a spot pair's has none and lies where it lies."""
        price = triggers.price_of(self._market, spec.listing, trigger.by)
        if spec.is_spot:
            return Trigger(price=trigger.price, rises=trigger.price > price, by=trigger.by)
        triggers.check_side(trigger, price)
        return trigger

    def _limit_of(self, command: PlaceOrder) -> Decimal:
        """The price an order goes to the market with: its own within the price limits, or a protection."""
        spec, symbol, side = self._specs[command.symbol], command.symbol, command.side
        if command.price is not None:
            bounds = self._floor.bounds(symbol)
            if self._refuses_beyond(spec):
                liquidity.check_limits(spec, command.price, side, bounds)
            return liquidity.clamp(command.price, side, bounds)
        book, last_price = self._market.book(symbol), self._market.last_price(symbol)
        if not (spec.is_spot or book.asks if side == "Buy" else spec.is_spot or book.bids):
            raise ApiError(RetCode.NO_MARKET_PRICE, "The market price cannot be obtained: nobody is on the other side.")
        price = liquidity.protection_price(spec, book, side, last_price)
        if command.slippage is None:
            return price
        bound = liquidity.slippage_price(spec, book, side, last_price, command.slippage)
        return min(price, bound) if side == "Buy" else max(price, bound)

    def _refuses_beyond(self, spec: InstrumentSpec) -> bool:
        """Whether a limit price beyond the limits is refused and not moved to them: the account's own setting, by
        default on spot only. (What Bybit's flags mean is not verified: its pages contradict each other.)
        """
        name, default = ("lpaSpot", "true") if spec.is_spot else ("lpaPerp", "false")
        return self._account.settings.get(name, default) == "true"

    def _reduced_quantity(self, command: PlaceOrder, spec: InstrumentSpec) -> Decimal:
        """A reduce-only order is cut to the position on arrival; there must be something to reduce."""
        reducible = self._floor.leg(command.symbol, command.position_index).reducible(command.side)
        if not reducible:
            raise ApiError(RetCode.REDUCE_ONLY_RULE, "current position is zero, cannot fix reduce-only order qty")
        quantity = reducible if command.closes_all else min(command.quantity, reducible)
        check_quantity(spec, quantity, command.order_type, bounded=False)
        return quantity


def check_open(spec: InstrumentSpec, *, link_lost: bool) -> None:
    """Raises `ApiError` 110074, on spot 170151, where the listing cannot be traded now; 110066, on spot the same, where
    its prices cannot be seen.
    """
    if spec.status != "Trading":
        code = RetCode.SPOT_NOT_OPEN if spec.is_spot else RetCode.CONTRACT_NOT_LIVE
        raise ApiError(code, f"This contract is not live: {spec.status}.")
    if link_lost:
        code = RetCode.SPOT_NOT_OPEN if spec.is_spot else RetCode.TRADING_NOT_ALLOWED
        raise ApiError(code, "Trading is currently not allowed: the market cannot be seen.")


def _parts(command: PlaceOrder, spec: InstrumentSpec, quantity: Decimal) -> list[Decimal]:
    """What Bybit splits a reduce-only order into that is larger than the largest order; all others stay whole."""
    highest = spec.max_market_qty if command.order_type == "Market" else spec.max_limit_qty
    if not command.reduce_only or quantity <= highest:
        return [quantity]
    whole, rest = divmod(quantity, highest)
    return [highest] * int(whole) + ([rest] if rest else [])
