"""An exact run of kind `signal`: bars in the order of the contract's section 3.1, each order through the live core.

Lives here: `SignalRun`: what a close decides and what is asked of the desk when. Not here: where levels lie
(`signal_levels`), what runs of all kinds share (`played_run`).

A level that cannot stand where the price is waits for the jump to the next open: beyond it the position is closed at
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.brakes import Brakes
from tradewright.backtest.feed import Piece
from tradewright.bots.machines.held import Held
from tradewright.bots.machines.signal_levels import SignalLevels
from tradewright.core.ids import IntentId
from tradewright.core.order import Execution
from tradewright.lab.desk import LabFault
from tradewright.lab.played_run import PlayedRun, Stage, check_booked
from tradewright.strategy.entries import Entry, Refused, levels, plan_entry, reference_price
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.position import FLAT
from tradewright.strategy.model import LimitEntry, Signal
from tradewright.strategy.prices import HUNDRED, Direction, decimal_of


@dataclass(slots=True)
class _Resting:
    entry: Entry
    order: IntentId
    last_bar: int


class SignalRun(PlayedRun):
    def __init__(self, stage: Stage, plan: Signal) -> None:
        super().__init__(stage)
        self.plan, self.protect = plan, plan.protect
        self._levels = SignalLevels(plan.protect, self.filters)
        self.brakes = Brakes(plan.limits, int(self.feed.times[self.feed.first]), self.settings.equity)
        self._held: Held | None = None
        self._market_entry: Entry | None = None
        self._resting: _Resting | None = None
        self._late_entry: tuple[Entry, LimitEntry, int] | None = None  # rests only once the exit has left
        self._attached: tuple[Decimal | None, Decimal | None] = (None, None)  # of the entry that was sent last

    def is_idle(self) -> bool:
        return self._held is None and self._market_entry is None and self._resting is None

    def open_lots(self) -> Sequence[Lot]:
        return [] if self._held is None else [self._held.lot]

    def watched(self, piece: Piece) -> Sequence[Decimal]:
        held = self._held
        return [] if held is None or held.liquidation is None else [held.liquidation]

    # Inside a bar.

    async def jump(self, piece: Piece) -> None:
        """To the open; then what was decided at the close before, exit first."""
        await self._open_at(piece)
        held = self._held
        if held is not None and held.exit_reason is not None:
            await self._close(held.exit_reason, piece)
        elif held is not None:
            await self._place(held, piece)
        if self._late_entry is not None:
            late, self._late_entry = self._late_entry, None
            self.desk.leave()
            await self._rest(*late)
            await self._open_at(piece)
            if self._held is not None:
                await self._place(self._held, piece)
        if self._market_entry is not None:
            await self._enter(self._market_entry, piece)

    async def _open_at(self, piece: Piece) -> None:
        resting = self._resting
        await self.move_to(decimal_of(piece.open), piece)
        if resting is None or self._resting is not None:
            return
        if self._held is not None:
            self._held.lot.is_ambiguous = False  # it filled at the open, and the whole bar follows it
        else:
            self._mark_last_ambiguous()

    async def move_to(self, price: Decimal, piece: Piece, *, is_slipping: bool = True) -> None:
        is_liquidated = self._is_liquidated_at(price)
        resting = self._resting
        await super().move_to(price, piece, is_slipping=is_slipping and not is_liquidated)
        if is_liquidated and self._held is not None:
            await self._close("liquidation", piece)
        if resting is not None and self._held is not None:
            self._held.lot.is_ambiguous |= self._held.reaches_target(piece)

    def _is_liquidated_at(self, price: Decimal) -> bool:
        """Whether the position is lost there by its liquidation, or the one that a resting order opens there is."""
        held, resting = self._held, self._resting
        if held is not None:
            return held.exit_reason is None and held.is_liquidated_at(price)
        if resting is None:
            return False
        entry = resting.entry
        stop, _ = self._levels.attached(entry)
        level = entry.reference * self.liquidation_ratios[entry.direction]
        is_nearest = stop is None or (level - stop) * entry.direction > 0
        return is_nearest and (price - level) * entry.direction <= 0

    async def _enter(self, entry: Entry, piece: Piece) -> None:
        """At the market, with those of its exits that may stand where the price is by now."""
        stop, target = self._levels.attached(entry)
        price, side = self.desk.price, entry.direction
        stop = stop if stop is not None and (price - stop) * side > 0 else None
        target = target if target is not None and (target - price) * side > 0 else None
        self._attached = stop, target
        self.desk.order(side, entry.quantity, stop=stop, target=target)
        await self.settle(piece)
        if self._held is None:
            raise LabFault("an order at the market was sent and nothing was opened")
        await self._place(self._held, piece)

    async def _place(self, held: Held, piece: Piece) -> None:
        """The levels as they are wanted; beyond one of them the position is closed at once."""
        reason = held.reason_at(self.desk.price)
        if reason is not None:
            await self._close(reason, piece)
            return
        await self._protect(held)

    async def _protect(self, held: Held) -> None:
        """What the exchange does not hold yet and what may stand where the price is."""
        price, side = self.desk.price, held.direction
        stop, target = held.placed_stop, held.target
        known_stop, known_target = held.on_exchange
        if stop is None or stop == known_stop or (price - stop) * side <= 0:
            stop = None
        if target is None or target == known_target or (target - price) * side <= 0:
            target = None
        if stop is None and target is None:
            return
        self.desk.protect(stop=stop, target=target)
        await self.desk.settle()
        held.on_exchange = (
            known_stop if stop is None else stop,
            known_target if target is None else target,
        )

    async def _close(self, reason: str, piece: Piece) -> None:
        held = self._held
        assert held is not None, "only an open position is closed"
        if reason in ("liquidation", "end_of_data"):  # at the price itself
            self.without_slippage()
        held.exit_reason = reason
        self.desk.close()
        await self.settle(piece)
        if self._held is not None:
            raise LabFault("a position was closed and is still open")

    # Fills.

    def book_fill(self, fill: Execution, piece: Piece) -> None:
        if self._held is None:
            self._book_entry(fill, piece)
        else:
            self._book_exit(fill, self._held, piece)

    def _book_entry(self, fill: Execution, piece: Piece) -> None:
        entry = self._resting.entry if self._resting is not None else self._market_entry
        if entry is None or fill.quantity != entry.quantity or fill.side != ("Buy" if entry.direction > 0 else "Sell"):
            raise LabFault(f"a fill of {fill.quantity} {fill.side} belongs to no entry")
        self._resting = self._market_entry = None
        side, price, rate = entry.direction, fill.price, self.maker if fill.is_maker else self.taker
        check_booked(fill.fee, fill.quantity * price * rate)
        reason = "enter_long" if side > 0 else "enter_short"
        lot = self.book.open(side, fill.quantity, price, rate, piece.time_ms, reason)
        placed = levels(self.protect, side, price, entry.measured, self.filters)
        assert placed is not None, "a level that was known at the decision is known at the fill"
        trailing = self.protect.trailing
        waits = trailing is not None and bool(trailing.activate_pct)
        self._held = Held(
            lot=lot,
            price=price,
            best=price,
            stop=placed.stop,
            target=placed.target,
            trailing=placed.trailing,
            liquidation=price * self.liquidation_ratios[side],
            activation=price * (1 + side * trailing.activate_pct / HUNDRED) if trailing and waits else None,
            on_exchange=self._attached,
        )
        self.brakes.entered(piece.time_ms)

    def _book_exit(self, fill: Execution, held: Held, piece: Piece) -> None:
        if fill.quantity != held.lot.quantity:
            raise LabFault(f"a fill of {fill.quantity} closes a position of {held.lot.quantity}")
        reason = held.exit_reason
        if reason is None:
            nearest = held.nearest_stop()
            is_target = self.desk.stop_type(fill) == "TakeProfit"
            if not is_target and nearest is None:
                raise LabFault("a stop was filled that was never asked for")
            reason = "take_profit" if is_target or nearest is None else nearest[0]
            is_undecided = held.reason_at(decimal_of(piece.open)) is None
            held.lot.is_ambiguous |= is_undecided and held.covers_both(piece)
        check_booked(fill.fee, fill.quantity * fill.price * self.taker)
        time_ms = self.feed.close_ms(self.bar) if reason == "end_of_data" else piece.time_ms
        self.book.close(held.lot, fill.price, self.taker, time_ms, reason)
        self.brakes.exited(self.bar)
        self._held = None

    def _mark_last_ambiguous(self) -> None:
        """A resting order and a stop at one open."""
        last = self.book.trades[-1]
        self.book.trades[-1] = last._replace(is_ambiguous=last.exit_reason != "take_profit")

    # The close.

    def closes(self, bar: int, values: Values) -> None:
        if self._held is not None:
            self._held.lot.bars += 1
            self._levels.bring_up_to_date(self._held, self._bars[bar], values)

    async def decide(self, bar: int, values: Values) -> None:
        """Steps e2 to e5, and what may be sent before the next open."""
        time_ms, close = self.feed.close_ms(bar), self.feed.close[bar]
        self.brakes.look(self.book, time_ms, close)
        held, was_idle = self._held, self.is_idle()
        if held is not None:
            held.exit_reason = self._exit_reason(held, values, close)
        cancelled = None
        if self._resting is not None and self._is_cancelled(self._resting, bar, values):
            cancelled, self._resting = self._resting, None
        entry = None
        is_exit_decided = held is not None and held.exit_reason is not None
        if (held is None or is_exit_decided) and self._resting is None:
            is_free = not self.brakes.hold(bar, time_ms, is_exit_decided=is_exit_decided)
            side = self._wanted_side(values) if is_free else None
            entry = None if side is None else self._planned(side, time_ms, close, values)
        if was_idle and entry is not None:
            self.stand(bar)
        self.desk.leave()
        if cancelled is not None:
            self.desk.cancel(cancelled.order)
            await self.desk.settle()
        if held is not None and not is_exit_decided:
            await self._protect(held)
        if entry is not None:
            await self._send(entry, bar)

    async def _send(self, entry: Entry, bar: int) -> None:
        """A limit order at once, but not before an exit that was decided with it; one at the market after the jump."""
        plan = self.plan.entry
        if not isinstance(plan, LimitEntry):
            self._market_entry = entry
        elif self._held is not None:
            self._late_entry = entry, plan, bar + plan.expire_bars
        else:
            await self._rest(entry, plan, bar + plan.expire_bars)

    async def _rest(self, entry: Entry, plan: LimitEntry, last_bar: int) -> None:
        stop, target = self._attached = self._levels.attached(entry)
        order = self.desk.order(
            entry.direction,
            entry.quantity,
            price=entry.reference,
            is_post_only=plan.post_only,
            stop=stop,
            target=target,
        )
        await self.desk.settle()
        self._resting = _Resting(entry, order, last_bar)

    def _exit_reason(self, held: Held, values: Values, close: float) -> str | None:
        if self.brakes.is_tripped:
            return "daily_loss"
        name = "exit_long" if held.direction > 0 else "exit_short"
        if self.is_true(f"rules.{name}", values, held.seen(close)):
            return name
        most = self.protect.max_bars
        return "max_bars" if most is not None and held.lot.bars >= most else None

    def _is_cancelled(self, resting: _Resting, bar: int, values: Values) -> bool:
        name = "exit_long" if resting.entry.direction > 0 else "exit_short"
        return self.brakes.is_tripped or bar >= resting.last_bar or self.is_true(f"rules.{name}", values, FLAT)

    def _wanted_side(self, values: Values) -> Direction | None:
        is_long = self.is_true("rules.enter_long", values, FLAT)
        is_short = self.is_true("rules.enter_short", values, FLAT)
        if is_long and is_short:
            self.notes.add("entry_conflict", self.feed.close_ms(self.bar))
            return None
        return 1 if is_long else -1 if is_short else None

    def _planned(self, side: Direction, time_ms: int, close: float, values: Values) -> Entry | None:
        reference = reference_price(self.plan, side, decimal_of(close), self.filters)
        planned = plan_entry(
            self.plan,
            self.strategy.leverage,
            side,
            reference,
            self.book.equity(close),
            self._levels.measured(side, reference, values),
            self.filters,
            self.taker,
        )
        if planned.is_capped:
            self.notes.add("size_capped", time_ms)
        if isinstance(planned, Refused):
            self.notes.add(planned.code, time_ms)
            return None
        return planned

    async def end(self, bar: int) -> None:
        if self._held is not None:
            await self._close("end_of_data", self.feed.whole(bar))
