"""A machine fed with bars, and its orders filled as the contract says a bar fills them: without exchange and session.

The plainest filler that can be: a market order at the next open, a limit when the range passes through it, a level when
it is touched. Everything that a machine remembers goes through JSON at every few closes, as if another process went on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tradewright.backtest.settings import BASIS_POINT, Settings
from tradewright.bots.machines.dca import DcaMachine
from tradewright.bots.machines.making import machine_of
from tradewright.bots.machines.model import Exits, Machine, OrderWanted, OwnFill, Said, Setup
from tradewright.bots.machines.signal import SignalMachine
from tradewright.core.money import exactly
from tradewright.strategy.candles import Candles
from tradewright.strategy.entries import liquidation_ratio
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.model import Dca, Grid, Strategy
from tradewright.strategy.prices import Direction, decimal_of


def bars_of(candles: Candles) -> list[Bar]:
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume, candles.turnover)
    return [Bar(*row) for row in zip(candles.open_time_ms.tolist(), *(one.tolist() for one in columns), strict=True)]


def play(
    strategy: Strategy, candles: Candles, settings: Settings, *, forgets_every: int = 7
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The trades as they are told, and how often each note was. The last position is closed at the last close."""
    player = {Dca: _PlayedDca, Grid: _PlayedGrid}.get(type(strategy.plan), _Played)
    with exactly():
        return player(strategy, bars_of(candles), settings).go(forgets_every)


class _Played:
    def __init__(self, strategy: Strategy, bars: Sequence[Bar], settings: Settings) -> None:
        category = strategy.market.category
        self.strategy, self.bars, self.settings = strategy, bars, settings
        self.taker, self.maker = settings.taker_rate(category), settings.maker_rate(category)
        self.setup = Setup(
            filters=settings.filters,
            capital=settings.equity,
            taker_rate=self.taker,
            first_open_ms=bars[0].open_time_ms,
        )
        self.machine: Machine = machine_of(strategy, self.setup)
        self.trades: list[dict[str, Any]] = []
        self.notes: dict[str, int] = {}
        self.resting: OrderWanted | None = None
        self.at_market: OrderWanted | None = None

    def go(self, forgets_every: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
        evaluator, funding = Evaluator(self.strategy.program), self._funding()
        for number, bar in enumerate(self.bars):
            rate = funding.get(number)
            if rate is not None and self.machine.net:
                close = decimal_of(self.bars[number - 1].close)
                self.take(self.machine.on_funding(rate * self.machine.net * close))
            self.inside(bar)
            values = evaluator.close(bar)
            if self.machine.equity(decimal_of(bar.close)) <= 0 or number == len(self.bars) - 1:
                self.take(self.machine.on_late(bar, values))  # its close counts, and nothing is decided
                self.end(bar)
                break
            self.take(self.machine.on_close(bar, values, may_enter=True))
            if number % forgets_every == 0:
                kept = json.loads(json.dumps(self.machine.memory()))
                self.machine = machine_of(self.strategy, self.setup, kept)
            self.cancel()
            self.send()
        return self.trades, self.notes

    def _funding(self) -> dict[int, Decimal]:
        """By the bar at whose open it is due, none at the first."""
        found: dict[int, Decimal] = {}
        given = self.settings.funding
        for time_ms, rate in zip(given.time_ms, given.rate_ratio, strict=True) if given is not None else ():
            number = next((k for k, bar in enumerate(self.bars) if bar.open_time_ms >= time_ms), None)
            if number:
                found[number] = found.get(number, Decimal(0)) + decimal_of(rate)
        return found

    def cancel(self) -> None:
        for key in self.machine.cancels():
            self.resting = None
            self.take(self.machine.on_ended(key))

    def send(self) -> None:
        """A limit order rests from the close on; one that waits for an exit is sent at the open behind it."""
        for wanted in self.machine.to_send():
            self.machine.on_asked(wanted.key)
            if wanted.price is None:
                self.at_market = wanted
            else:
                self.resting = wanted

    def inside(self, bar: Bar) -> None:
        opened = decimal_of(bar.open)
        close = self.machine.close_wanted()
        if close is not None:
            self.fill("own", close.key, -close.direction, close.quantity, self.slipped(opened, -close.direction), bar)
            self.send()
        is_inside = is_beyond = False
        if self.at_market is not None:
            order, self.at_market = self.at_market, None
            price = self.slipped(opened, order.direction)
            self.fill("own", order.key, order.direction, order.quantity, price, bar)
        elif self.resting is not None:
            order, price = self.resting, self.resting.price
            assert price is not None
            is_buy = order.direction > 0
            is_beyond = opened < price if is_buy else opened > price
            is_inside = not is_beyond and (decimal_of(bar.low) < price if is_buy else decimal_of(bar.high) > price)
            if is_beyond or is_inside:
                self.resting = None
                self.fill("own", order.key, order.direction, order.quantity, price, bar, is_maker=True)
        exits = self.machine.exits()
        if exits is not None:
            self.protect(bar, exits, is_inside=is_inside)

    def protect(self, bar: Bar, exits: Exits, *, is_inside: bool) -> None:
        side, opened = exits.direction, decimal_of(bar.open)
        worst, best = (bar.low, bar.high) if side > 0 else (bar.high, bar.low)
        stop, is_liquidation = self.nearest(exits)
        at_open = None if is_inside else opened
        if stop is not None and at_open is not None and (at_open - stop) * side <= 0:
            self.leave("liquidation" if is_liquidation else "stop", opened, bar)
        elif exits.target is not None and at_open is not None and (at_open - exits.target) * side >= 0:
            self.leave("target", opened, bar)
        elif stop is not None and (decimal_of(worst) - stop) * side <= 0:
            self.leave("liquidation" if is_liquidation else "stop", stop, bar)
        elif exits.target is not None and not is_inside and (decimal_of(best) - exits.target) * side >= 0:
            self.leave("target", exits.target, bar)

    def nearest(self, exits: Exits) -> tuple[Decimal | None, bool]:
        """The stop, or the level at which isolated margin is gone where that comes first."""
        assert isinstance(self.machine, SignalMachine | DcaMachine)
        held = self.machine.held
        assert held is not None
        if self.strategy.market.category == "spot":
            return exits.stop, False
        ratio = liquidation_ratio(exits.direction, self.strategy.leverage, self.settings.maintenance_margin_pct)
        level = held.lot.price * ratio
        if exits.stop is not None and (exits.stop - level) * exits.direction >= 0:
            return exits.stop, False
        return level, True

    def leave(self, by: Any, price: Decimal, bar: Bar) -> None:
        net = self.machine.net
        side: Direction = -1 if net > 0 else 1
        is_slipped = by != "liquidation"
        self.fill(by, None, side, abs(net), self.slipped(price, side) if is_slipped else price, bar)

    def end(self, bar: Bar) -> None:
        self.machine.want_close("end_of_data", bar.open_time_ms)
        close = self.machine.close_wanted()
        if close is not None:
            self.fill("own", close.key, -close.direction, close.quantity, decimal_of(bar.close), bar)
            length = self.bars[1].open_time_ms - self.bars[0].open_time_ms
            self.trades[-1]["exit_time"] = bar.open_time_ms + length

    def fill(
        self,
        by: Any,
        key: str | None,
        side: int,
        quantity: Decimal,
        price: Decimal,
        bar: Bar,
        *,
        is_maker: bool = False,
    ) -> None:
        fee = quantity * price * (self.maker if is_maker else self.taker)
        self.take(
            self.machine.on_fill(
                OwnFill(
                    by=by,
                    key=key,
                    direction=1 if side > 0 else -1,
                    quantity=quantity,
                    price=price,
                    fee=fee,
                    bar_open_ms=bar.open_time_ms,
                )
            )
        )

    def slipped(self, price: Decimal, side: int) -> Decimal:
        return price * (1 + side * self.settings.slippage_bps * BASIS_POINT)

    def take(self, said: Sequence[Said]) -> None:
        for one in said:
            if one.kind == "trade":
                self.trades.append(dict(one.payload))
            elif one.kind == "note":
                code = one.payload["code"]
                self.notes[code] = self.notes.get(code, 0) + 1


class _PlayedDca(_Played):
    """The order of a bar is another one: see the contract's section 6."""

    def __init__(self, strategy: Strategy, bars: Sequence[Bar], settings: Settings) -> None:
        super().__init__(strategy, bars, settings)
        self.safety: list[OrderWanted] = []  # the nearest first

    def cancel(self) -> None:
        for key in self.machine.cancels():
            self.safety = [each for each in self.safety if each.key != key]
            self.take(self.machine.on_ended(key))

    def send(self) -> None:
        for wanted in self.machine.to_send():
            self.machine.on_asked(wanted.key)
            if wanted.price is None:
                self.at_market = wanted
            else:
                self.safety.append(wanted)

    def inside(self, bar: Bar) -> None:
        opened = decimal_of(bar.open)
        close = self.machine.close_wanted()
        if close is not None:
            self.fill("own", close.key, -close.direction, close.quantity, self.slipped(opened, -close.direction), bar)
            self.cancel()
        if self.at_market is not None:
            order, self.at_market = self.at_market, None
            self.fill("own", order.key, order.direction, order.quantity, self.slipped(opened, order.direction), bar)
            self.send()
        exits = self.machine.exits()
        if exits is None:
            return
        side, target = exits.direction, exits.target
        assert target is not None
        far, near = (bar.low, bar.high) if side > 0 else (bar.high, bar.low)
        stop, is_liquidation = self.nearest(exits)
        if stop is not None and (opened - stop) * side <= 0:
            self.leave("liquidation" if is_liquidation else "stop", opened, bar)
        elif (opened - target) * side >= 0:
            self.leave("target", opened, bar)
        else:
            passed = [one for one in self.safety if one.price is not None and (one.price - decimal_of(far)) * side > 0]
            for order in passed:
                assert order.price is not None
                self.safety.remove(order)
                self.fill("own", order.key, side, order.quantity, order.price, bar, is_maker=True)
            exits = self.machine.exits()
            assert exits is not None
            stop, is_liquidation = self.nearest(exits)
            if stop is not None and (decimal_of(far) - stop) * side <= 0:
                self.leave("liquidation" if is_liquidation else "stop", stop, bar)
            elif not passed and (decimal_of(near) - target) * side >= 0:
                self.leave("target", target, bar)
        self.cancel()


class _PlayedGrid(_Played):
    """What rested at a bar's open fills in it, each order at its price; then the stops."""

    def __init__(self, strategy: Strategy, bars: Sequence[Bar], settings: Settings) -> None:
        super().__init__(strategy, bars, settings)
        self.orders: dict[str, OrderWanted] = {}

    def cancel(self) -> None:
        for key in self.machine.cancels():
            self.orders.pop(key, None)
            self.take(self.machine.on_ended(key))

    def send(self) -> None:
        for wanted in self.machine.to_send():
            self.machine.on_asked(wanted.key)
            if wanted.price is None:
                self.at_market = wanted
            else:
                self.orders[wanted.key] = wanted

    def inside(self, bar: Bar) -> None:
        opened, low, high = (decimal_of(price) for price in (bar.open, bar.low, bar.high))
        if self.at_market is not None:
            order, self.at_market = self.at_market, None
            self.fill("own", order.key, order.direction, order.quantity, self.slipped(opened, order.direction), bar)
            self.send()
        for key, order in list(self.orders.items()):
            assert order.price is not None
            if low < order.price if order.direction > 0 else high > order.price:
                del self.orders[key]
                self.fill("own", key, order.direction, order.quantity, order.price, bar, is_maker=True)
        plan = self.strategy.plan
        assert isinstance(plan, Grid)
        stop = None
        if plan.stop_below is not None and low <= plan.stop_below:
            stop = min(opened, plan.stop_below)
        elif plan.stop_above is not None and high >= plan.stop_above:
            stop = max(opened, plan.stop_above)
        if stop is not None:
            self.stopped(stop, bar)

    def stopped(self, stop: Decimal, bar: Bar) -> None:
        exits, net = self.machine.exits(), self.machine.net
        if exits is not None and exits.stop is not None and (stop - exits.stop) * exits.direction <= 0:
            self.leave("stop", stop, bar)
        self.take(self.machine.watch(stop))
        self.cancel()
        close = self.machine.close_wanted()
        if close is not None:
            self.fill("own", close.key, -close.direction, close.quantity, self.slipped(stop, -close.direction), bar)
        assert not self.machine.net, f"{net} was to be closed"

    def end(self, bar: Bar) -> None:
        told = len(self.trades)
        self.machine.want_close("end_of_data", bar.open_time_ms)
        self.cancel()
        close = self.machine.close_wanted()
        if close is None:
            return
        self.fill("own", close.key, -close.direction, close.quantity, decimal_of(bar.close), bar)
        length = self.bars[1].open_time_ms - self.bars[0].open_time_ms
        for trade in self.trades[told:]:
            trade["exit_time"], trade["bars"] = bar.open_time_ms + length, trade["bars"] + 1
