"""An exact run of kind `dca`: cycles of a base order and safety orders, each order through the live core.

Lives here: the contract's section 6. Not here: what runs of all kinds share (`played_run`).

The safety orders rest in the book from the first fill on; stop and target are the position's own, and the target is
moved to the new average after each fill. What is left of a cycle's orders is cancelled as soon as its position is
closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.brakes import Brakes
from tradewright.backtest.feed import Piece
from tradewright.bots.machines.held import Held
from tradewright.core.ids import IntentId, intent_of
from tradewright.core.money import ZERO
from tradewright.core.order import Execution
from tradewright.lab.desk import LabFault
from tradewright.lab.played_run import PlayedRun, Stage, check_booked
from tradewright.strategy.entries import are_on_their_sides, exceeds
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.position import FLAT
from tradewright.strategy.model import Dca
from tradewright.strategy.prices import HUNDRED, Direction, decimal_of

_ONE = Decimal(1)


@dataclass(slots=True)
class _Cycle:
    held: Held
    waiting: dict[IntentId, Decimal] = field(default_factory=dict)  # prices of the safety orders, the nearest first
    reached_target: bool = False  # the bar at hand reaches the target that was in force at its open


class DcaRun(PlayedRun):
    def __init__(self, stage: Stage, plan: Dca) -> None:
        super().__init__(stage)
        self.plan = plan
        self.side: Direction = 1 if plan.side == "long" else -1
        self.brakes = Brakes(plan.limits, int(self.feed.times[self.feed.first]), self.settings.equity)
        self._cycle: _Cycle | None = None
        self._ordered: Decimal | None = None  # the base order's quantity; it is sent after the jump
        self._attached: tuple[Decimal | None, Decimal | None] = (None, None)
        self._decided_ms = 0
        self._is_over = False  # the one cycle of a plan that does not repeat was begun

    def is_idle(self) -> bool:
        return self._cycle is None and self._ordered is None

    def open_lots(self) -> Sequence[Lot]:
        return [] if self._cycle is None else [self._cycle.held.lot]

    def watched(self, piece: Piece) -> Sequence[Decimal]:
        cycle = self._cycle
        if cycle is None or cycle.held.liquidation is None or self._fills_more(cycle, piece):
            return []
        return [cycle.held.liquidation]

    def _fills_more(self, cycle: _Cycle, piece: Piece) -> bool:
        """Whether the bar passes through another safety order: the contract looks at the liquidation level after it."""
        far = decimal_of(piece.low if self.side > 0 else piece.high)
        return any((price - far) * self.side > 0 for price in cycle.waiting.values())

    # Inside a bar.

    async def jump(self, piece: Piece) -> None:
        price = decimal_of(piece.open)
        cycle = self._cycle
        if cycle is not None:
            held = cycle.held
            cycle.reached_target = held.reaches_target(piece)
            is_lost = held.exit_reason is None and held.is_lost_at(price)
            is_beyond = any((order - price) * self.side > 0 for order in cycle.waiting.values())
            held.lot.is_ambiguous |= is_lost and is_beyond
        await self.move_to(price, piece)
        cycle = self._cycle
        if cycle is not None and cycle.held.exit_reason is not None:
            await self._close(cycle.held.exit_reason, piece)
        if self._ordered is not None:
            await self._begin(self._ordered, piece)

    async def move_to(self, price: Decimal, piece: Piece, *, is_slipping: bool = True) -> None:
        cycle = self._cycle
        is_liquidated = (
            cycle is not None and cycle.held.exit_reason is None and cycle.held.is_liquidated_at(price)
        ) and not (cycle is not None and self._fills_more(cycle, piece) and price != decimal_of(piece.open))
        await super().move_to(price, piece, is_slipping=is_slipping and not is_liquidated)
        if is_liquidated and self._cycle is not None:
            await self._close("liquidation", piece)

    async def went(self, piece: Piece) -> None:
        """The target follows the average, or what is left of the cycle's orders goes."""
        if self._cycle is not None and self._cycle.held.exit_reason is None:
            await self._protect(self._cycle.held)

    async def _begin(self, quantity: Decimal, piece: Piece) -> None:
        """The base order fills; the safety orders rest from then on, also where the price is beyond one."""
        price, side = self.desk.price, self.side
        reference = decimal_of(self.feed.close[self.bar - 1])
        stop, target = self._stop(reference), self._target(reference)
        stop = stop if stop is not None and (price - stop) * side > 0 else None
        self._attached = stop, target if (target - price) * side > 0 else None
        self.desk.order(side, quantity, stop=self._attached[0], target=self._attached[1])
        await self.settle(piece)
        cycle = self._cycle
        if cycle is None:
            raise LabFault("a base order was sent and nothing was opened")
        held = cycle.held
        reason = held.reason_at(price)
        if reason is not None:
            self._safety_orders(held.price)
            await self._close(reason, piece)
            return
        await self._protect(held)
        self.desk.leave()
        for order, amount in self._safety_orders(held.price):
            cycle.waiting[self.desk.order(side, amount, price=order)] = self.desk.on_grid(order)
        await self.desk.settle()
        cycle.reached_target = held.reaches_target(piece)
        await self.move_to(price, piece)

    def _safety_orders(self, first_fill: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Prices and quantities, the nearest first."""
        deviation, orders = ZERO, list[tuple[Decimal, Decimal]]()
        for number, value in enumerate(self._safety_values()):
            assert self.plan.safety is not None, "it has values"
            deviation += self.plan.safety.step_pct * self.plan.safety.step_scale**number
            price = self.filters.order_price(self.side, first_fill * (1 - self.side * deviation / HUNDRED))
            quantity = self.filters.quantity(value, price) if price > 0 else ZERO
            if self.filters.is_below_minimum(quantity, price):
                self.notes.add("below_minimum", self._decided_ms)
            else:
                orders.append((price, quantity))
        return orders

    def _safety_values(self) -> list[Decimal]:
        safety = self.plan.safety
        return [] if safety is None else [safety.quote * safety.size_scale**power for power in range(safety.count)]

    async def _protect(self, held: Held) -> None:
        price = self.desk.price
        known_stop, known_target = held.on_exchange
        stop = None if held.stop == known_stop else held.stop
        target = None if held.target == known_target or held.is_won_at(price) else held.target
        if stop is None and target is None:
            return
        self.desk.protect(stop=stop, target=target)
        await self.desk.settle()
        held.on_exchange = held.stop, known_target if target is None else target

    async def _close(self, reason: str, piece: Piece) -> None:
        cycle = self._cycle
        assert cycle is not None, "only an open cycle is closed"
        if reason in ("liquidation", "end_of_data"):
            self.without_slippage()
        cycle.held.exit_reason = reason
        self.desk.close()
        await self.settle(piece)
        if self._cycle is not None:
            raise LabFault("a cycle was closed and is still open")

    async def settle(self, piece: Piece) -> None:
        """What is left of a cycle's orders goes with its position, before the price moves on."""
        before = self._cycle
        await super().settle(piece)
        if before is not None and self._cycle is None:
            await self._cancel(before)

    async def _cancel(self, cycle: _Cycle) -> None:
        for order in cycle.waiting:
            self.desk.cancel(order)
        cycle.waiting.clear()
        await self.desk.settle()

    # Fills.

    def book_fill(self, fill: Execution, piece: Piece) -> None:
        cycle = self._cycle
        is_opening = fill.side == ("Buy" if self.side > 0 else "Sell")
        if cycle is None:
            if not is_opening or fill.quantity != self._ordered:
                raise LabFault(f"a fill of {fill.quantity} {fill.side} belongs to no cycle")
            self._book_base(fill, piece)
        elif is_opening:
            self._book_safety(fill, cycle, piece)
        else:
            self._book_exit(fill, cycle, piece)

    def _book_base(self, fill: Execution, piece: Piece) -> None:
        check_booked(fill.fee, fill.quantity * fill.price * self.taker)
        self._ordered = None
        lot = self.book.open(self.side, fill.quantity, fill.price, self.taker, piece.time_ms, "start")
        held = Held(
            lot=lot,
            price=fill.price,
            best=fill.price,
            stop=self._stop(fill.price),
            target=None,
            trailing=None,
            liquidation=None,
            activation=None,
            on_exchange=self._attached,
        )
        self._cycle = _Cycle(held)
        self._follow_average(held)
        self.brakes.entered(piece.time_ms)

    def _book_safety(self, fill: Execution, cycle: _Cycle, piece: Piece) -> None:
        intent = intent_of(fill.link_id)
        price = None if intent is None else cycle.waiting.pop(intent, None)
        if price is None or price != fill.price:
            raise LabFault(f"a fill at {fill.price} belongs to no safety order")
        check_booked(fill.fee, fill.quantity * fill.price * self.maker)
        held = cycle.held
        liquidation = held.liquidation
        if liquidation is not None and (liquidation - price) * self.side >= 0:
            self.notes.add("liquidation_before_safety", self.feed.close_ms(self.bar))
        self.book.add(held.lot, fill.quantity, fill.price, self.maker)
        self._follow_average(held)
        held.lot.is_ambiguous |= cycle.reached_target or held.reaches_target(piece)

    def _book_exit(self, fill: Execution, cycle: _Cycle, piece: Piece) -> None:
        held = cycle.held
        if fill.quantity != held.lot.quantity:
            raise LabFault(f"a fill of {fill.quantity} closes a cycle of {held.lot.quantity}")
        reason = held.exit_reason
        if reason is None:
            nearest = held.nearest_stop()
            is_target = self.desk.stop_type(fill) == "TakeProfit"
            reason = "take_profit" if is_target or nearest is None else nearest[0]
        if reason in ("stop_loss", "liquidation") and held.reason_at(decimal_of(piece.open)) is None:
            held.lot.is_ambiguous |= cycle.reached_target
        check_booked(fill.fee, fill.quantity * fill.price * self.taker)
        time_ms = self.feed.close_ms(self.bar) if reason == "end_of_data" else piece.time_ms
        self.book.close(held.lot, fill.price, self.taker, time_ms, reason)
        self.brakes.exited(self.bar)
        self._cycle = None

    def _follow_average(self, held: Held) -> None:
        average = held.lot.price
        held.target = self._target(average)
        held.liquidation = average * self.liquidation_ratios[self.side]

    def _target(self, average: Decimal) -> Decimal:
        return self.filters.protective_price(self.side, average * (1 + self.side * self.plan.take_profit_pct / HUNDRED))

    def _stop(self, first_fill: Decimal) -> Decimal | None:
        if self.plan.stop_loss_pct is None:
            return None
        level = first_fill * (1 - self.side * self.plan.stop_loss_pct / HUNDRED)
        return self.filters.protective_price(self.side, level)

    # The close.

    def closes(self, bar: int, values: Values) -> None:
        if self._cycle is not None:
            self._cycle.held.lot.bars += 1

    async def decide(self, bar: int, values: Values) -> None:
        time_ms, close = self.feed.close_ms(bar), self.feed.close[bar]
        self.brakes.look(self.book, time_ms, close)
        cycle = self._cycle
        if cycle is not None:
            self.desk.leave()
            if self.brakes.is_tripped:
                cycle.held.exit_reason = "daily_loss"
                await self._cancel(cycle)
            return
        is_start = self.plan.starts_now or self.is_true("dca.start", values, FLAT)
        if is_start and not self._is_over and not self.brakes.hold(bar, time_ms, is_exit_decided=False):
            self._start(bar, time_ms, decimal_of(close))

    def _start(self, bar: int, time_ms: int, reference: Decimal) -> None:
        problem = self._problem(reference)
        if problem is not None:
            self.notes.add(problem, time_ms)
            return
        self._ordered, self._decided_ms = self.filters.quantity(self.plan.base_quote, reference), time_ms
        self._is_over = not self.plan.repeat
        self.stand(bar)
        self.desk.leave()

    def _problem(self, reference: Decimal) -> str | None:
        """Why no cycle starts, in the order in which it is looked for."""
        stop, target = self._stop(reference), self._target(reference)
        values = self.plan.base_quote + sum(self._safety_values())
        if target <= 0 or (stop is not None and stop <= 0):
            return "protect_unknown"
        if not are_on_their_sides(self.side, reference, stop, target):
            return "protect_wrong_side"
        equity = self.book.equity(float(reference))
        if exceeds(values, _ONE, equity, self.strategy.leverage, self.taker):
            return "insufficient_balance"
        quantity = self.filters.quantity(self.plan.base_quote, reference)
        return "below_minimum" if self.filters.is_below_minimum(quantity, reference) else None

    async def end(self, bar: int) -> None:
        if self._cycle is not None:
            await self._close("end_of_data", self.feed.whole(bar))
