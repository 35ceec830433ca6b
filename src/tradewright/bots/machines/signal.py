"""The machine of kind `signal`: what a close decides and what a fill changes, in the order of the contract's 3.1.

Lives here: `SignalMachine`. Not here: where levels lie (`signal_levels`, `held`), its money (`books`), what it
remembers as JSON (`signal_memory`). The fast backtest is its measure: the same bars and fills give the same trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradewright.backtest.book import Lot
from tradewright.backtest.brakes import Brakes
from tradewright.bots.machines.books import Round, RunBook
from tradewright.bots.machines.held import Held
from tradewright.bots.machines.model import BY_HAND, CloseWanted, Exits, OrderWanted, OwnFill, Said, Setup, Told
from tradewright.bots.machines.signal_levels import SignalLevels
from tradewright.core.money import ZERO, plain
from tradewright.strategy.entries import Entry, Refused, levels, plan_entry, reference_price
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.model import LimitEntry, Signal, Strategy
from tradewright.strategy.prices import HUNDRED, Direction, decimal_of
from tradewright.strategy.timeframe import length_ms

_NAMES: Mapping[Direction, str] = {1: "long", -1: "short"}


@dataclass(slots=True, kw_only=True)
class Pending:
    """An entry that was decided and has not ended. `last_bar`: of a limit order, the bar at whose close it expires."""

    key: str
    entry: Entry
    bar_open_ms: int
    last_bar: int | None
    is_asked: bool = False
    is_cancelled: bool = False  # as far as we want
    filled: Decimal = ZERO


class SignalMachine:
    """See `model.Machine`."""

    def __init__(self, strategy: Strategy, plan: Signal, setup: Setup) -> None:
        self._strategy, self._plan, self._setup = strategy, plan, setup
        self._outputs = strategy.program.outputs
        self._length_ms = length_ms(strategy.market.timeframe)
        self._levels = SignalLevels(plan.protect, setup.filters)
        self.book = RunBook(setup.capital)
        self.brakes = Brakes(plan.limits, setup.first_open_ms, setup.capital)
        self.held: Held | None = None
        self.round = Round()  # of the position that is held
        self.entries: list[Pending] = []  # the first may rest or be on its way out, and the second wait for that
        self.exit_bar_ms = 0  # whose close decided the exit
        self.bars = 0  # that closed since the run began
        self.last_open_ms = 0  # of the newest of them

    @property
    def net(self) -> Decimal:
        return self.book.net

    def equity(self, price: Decimal) -> Decimal:
        return self.book.value(price)

    def totals(self, price: Decimal) -> dict[str, Any]:
        return self.book.totals(price, self.position())

    def trades(self) -> int:
        return self.book.trades

    def position(self) -> dict[str, Any] | None:
        held = self.held
        if held is None:
            return None
        stop, target = held.placed_stop, held.target
        return {
            "direction": _NAMES[held.direction],
            "quantity": plain(held.lot.quantity - self.round.quantity),
            "entry_price": plain(held.price),
            "stop": None if stop is None else plain(stop),
            "target": None if target is None else plain(target),
            "bars": held.lot.bars,
        }

    def seen(self, bar: Bar) -> Position:
        return FLAT if self.held is None else self.held.seen(bar.close)

    # The close.

    def on_close(self, bar: Bar, values: Values, *, may_enter: bool) -> list[Said]:
        """Steps e1 to e5."""
        told = Told()
        self._bring_up_to_date(bar, values)
        index, time_ms = self.bars - 1, bar.open_time_ms + self._length_ms
        self.brakes.look(self.book, time_ms, bar.close)
        held = self.held
        if held is not None and held.exit_reason is None:
            held.exit_reason = self._exit_reason(held, values, bar)
            if held.exit_reason is not None:
                self.exit_bar_ms = bar.open_time_ms
                told.add("signal", f"exit:{bar.open_time_ms}", action="exit", reason=held.exit_reason)
        for resting in self.entries:
            if not resting.is_cancelled and resting.last_bar is not None and self._is_over(resting, index, values):
                resting.is_cancelled = True
                told.add("signal", resting.key, action="cancel", reason="entry")
        is_exit_decided = held is not None and held.exit_reason is not None
        if (held is None or is_exit_decided) and all(each.is_cancelled for each in self.entries):
            self._decide_entry(bar, values, told, may_enter=may_enter, is_exit_decided=is_exit_decided)
        return told.said

    def on_late(self, bar: Bar, values: Values) -> list[Said]:
        """No decision: what it would have decided was meant for a market that is gone."""
        self._bring_up_to_date(bar, values)
        self.brakes.look(self.book, bar.open_time_ms + self._length_ms, bar.close)
        told, index = Told(), self.bars - 1
        for resting in self.entries:
            if not resting.is_cancelled and resting.last_bar is not None and self._is_over(resting, index, values):
                resting.is_cancelled = True
                told.add("signal", resting.key, action="cancel", reason="entry")
        return told.said

    def _bring_up_to_date(self, bar: Bar, values: Values) -> None:
        self.bars, self.last_open_ms = self.bars + 1, bar.open_time_ms
        if self.held is not None:
            self.held.lot.bars += 1
            self._levels.bring_up_to_date(self.held, bar, values)

    def _exit_reason(self, held: Held, values: Values, bar: Bar) -> str | None:
        if self.brakes.is_tripped:
            return "daily_loss"
        name = f"exit_{_NAMES[held.direction]}"
        if self._is_true(f"rules.{name}", values, held.seen(bar.close)):
            return name
        most = self._plan.protect.max_bars
        return "max_bars" if most is not None and held.lot.bars >= most else None

    def _is_over(self, resting: Pending, index: int, values: Values) -> bool:
        assert resting.last_bar is not None, "an order at market does not rest"
        rule = f"rules.exit_{_NAMES[resting.entry.direction]}"
        return self.brakes.is_tripped or index >= resting.last_bar or self._is_true(rule, values, FLAT)

    def _decide_entry(self, bar: Bar, values: Values, told: Told, *, may_enter: bool, is_exit_decided: bool) -> None:
        sides = self._wanted_sides(values)
        if not sides:
            return
        index, time_ms, wanted = (
            self.bars - 1,
            bar.open_time_ms + self._length_ms,
            " ".join(_NAMES[one] for one in sides),
        )
        if self.brakes.hold(index, time_ms, is_exit_decided=is_exit_decided):
            told.note("entry.braked", "info", side=wanted)
            return
        if not may_enter:
            told.note("entry.not_now", "info", side=wanted)
            return
        if len(sides) > 1:
            told.note("entry_conflict")
            return
        side = sides[0]
        entry = self._planned(side, bar, values, told)
        if entry is None:
            return
        plan = self._plan.entry
        pending = Pending(
            key=f"entry:{bar.open_time_ms}",
            entry=entry,
            bar_open_ms=bar.open_time_ms,
            last_bar=index + plan.expire_bars if isinstance(plan, LimitEntry) else None,
        )
        self.entries.append(pending)
        told.add("signal", pending.key, action=f"enter_{_NAMES[side]}", reason="rule")

    def _wanted_sides(self, values: Values) -> list[Direction]:
        sides: list[Direction] = [1, -1]
        return [side for side in sides if self._is_true(f"rules.enter_{_NAMES[side]}", values, FLAT)]

    def _planned(self, side: Direction, bar: Bar, values: Values, told: Told) -> Entry | None:
        setup, most = self._setup, self._setup.max_position
        reference = reference_price(self._plan, side, decimal_of(bar.close), setup.filters)
        planned = plan_entry(
            self._plan,
            self._strategy.leverage,
            side,
            reference,
            self.book.equity(bar.close),
            self._levels.measured(side, reference, values),
            setup.filters,
            setup.taker_rate,
        )
        if planned.is_capped:
            told.note("size_capped")
        if isinstance(planned, Refused):
            told.note(planned.code)
            return None
        value = planned.quantity * planned.reference
        if most is not None and value > most:
            limit = {"name": "max_position", "value": plain(value), "allowed": plain(most)}
            told.said.append(Said("limit", limit, "warning"))
            return None
        return planned

    # What happens.

    def on_fill(self, fill: OwnFill) -> list[Said]:
        told = Told()
        self.book.fill(fill.direction, fill.quantity, fill.price, fill.fee)
        if fill.key is not None and fill.key.startswith("entry:"):
            self._entered(fill, told)
        else:
            self._left(fill, told)
        return told.said

    def on_funding(self, paid: Decimal) -> list[Said]:
        self.book.pay_funding(paid)
        if self.held is not None:
            self.held.lot.funding += paid
        return []

    def on_ended(self, key: str) -> list[Said]:
        self.entries = [each for each in self.entries if each.key != key]
        return []

    def on_asked(self, key: str) -> None:
        for each in self.entries:
            each.is_asked |= each.key == key

    def recalled(self, key: str) -> None:
        for each in self.entries:
            each.is_asked &= each.key != key

    def dropped(self, key: str) -> None:
        self.entries = [each for each in self.entries if each.key != key]

    def give_up_entries(self) -> list[str]:
        given_up = list(self.unsent())
        self.entries = [each for each in self.entries if each.is_asked]
        for each in self.entries:
            each.is_cancelled |= each.last_bar is not None
        return given_up

    def give_up_orders(self) -> list[str]:
        return self.give_up_entries()

    def is_done(self) -> bool:
        return False

    def want_close(self, reason: str, bar_open_ms: int) -> None:
        if self.held is not None and self.held.exit_reason is None:
            self.held.exit_reason, self.exit_bar_ms = reason, bar_open_ms

    def _entered(self, fill: OwnFill, told: Told) -> None:
        pending = next((each for each in self.entries if each.key == fill.key), None)
        if pending is None:  # its end was told before its last fill: the levels of its decision are gone with it
            told.note("fill.after_end", "error", key=str(fill.key))
            self._unexpected(fill)
            return
        pending.filled += fill.quantity
        side, held = fill.direction, self.held
        cost = fill.quantity * fill.price
        if held is None:
            lot = Lot(
                direction=side,
                quantity=fill.quantity,
                cost=cost,
                fees=fill.fee,
                entry_time_ms=fill.bar_open_ms,
                reason=f"enter_{_NAMES[side]}",
            )
            self.held, self.round = self._held_at(lot, pending.entry), Round()
            self.brakes.entered(fill.bar_open_ms)
        else:
            lot = held.lot
            lot.quantity, lot.cost, lot.fees = lot.quantity + fill.quantity, lot.cost + cost, lot.fees + fill.fee
            if lot.bars == 0:  # later the levels have moved with closed bars, and stay
                self.held = self._held_at(lot, pending.entry)
        if pending.filled >= pending.entry.quantity:
            self.entries.remove(pending)
        for other in [each for each in self.entries if each is not pending and not each.is_asked]:
            self.entries.remove(other)
            told.note("entry.overtaken", "info", key=other.key)
        told.add("position", fill.key, **(self.position() or {}))

    def _unexpected(self, fill: OwnFill) -> None:
        """A position that nothing is known of but that it is ours: it has no levels, and is to be closed."""
        cost = fill.quantity * fill.price
        held = self.held
        if held is not None:
            lot = held.lot
            lot.quantity, lot.cost, lot.fees = lot.quantity + fill.quantity, lot.cost + cost, lot.fees + fill.fee
            return
        lot = Lot(
            direction=fill.direction,
            quantity=fill.quantity,
            cost=cost,
            fees=fill.fee,
            entry_time_ms=fill.bar_open_ms,
            reason="unexpected",
        )
        price = fill.price
        self.held, self.round = (
            Held(
                lot=lot,
                price=price,
                best=price,
                stop=None,
                target=None,
                trailing=None,
                liquidation=None,
                activation=None,
                on_exchange=(None, None),
            ),
            Round(),
        )

    def _held_at(self, lot: Lot, entry: Entry) -> Held:
        side, price, trailing = lot.direction, lot.price, self._plan.protect.trailing
        placed = levels(self._plan.protect, side, price, entry.measured, self._setup.filters)
        assert placed is not None, "a level that was known at the decision is known at the fill"
        waits = trailing is not None and bool(trailing.activate_pct)
        return Held(
            lot=lot,
            price=price,
            best=price,
            stop=placed.stop,
            target=placed.target,
            trailing=placed.trailing,
            liquidation=None,
            activation=price * (1 + side * trailing.activate_pct / HUNDRED) if trailing and waits else None,
            on_exchange=(None, None),
        )

    def _left(self, fill: OwnFill, told: Told) -> None:
        held = self.held
        if held is None:
            told.note("fill.unexpected", "error", quantity=plain(fill.quantity))
            return
        self.round.take(fill.quantity, fill.price, fill.fee)
        reason = self._reason_of(fill, held)
        if self.round.quantity < held.lot.quantity:
            told.add("position", fill.key, **(self.position() or {}))
            return
        self.book.trades += 1
        trade = self.round.trade(held.lot, fill.bar_open_ms, reason)
        self.brakes.exited(self._index(fill.bar_open_ms))
        self.held, self.round = None, Round()
        told.add("position", fill.key, direction="flat", quantity="0")
        told.add("trade", fill.key, **trade)

    def _reason_of(self, fill: OwnFill, held: Held) -> str:
        if fill.by == "own":
            return held.exit_reason or "exit"
        if fill.by == "target":
            return "take_profit"
        if fill.by == "liquidation":
            return "liquidation"
        if fill.by == "manual":
            return BY_HAND
        nearest = held.nearest_stop()
        return "stop_loss" if nearest is None else nearest[0]

    # What is wanted.

    def to_send(self) -> Sequence[OrderWanted]:
        """One at a time: not before the position of before has left, nor before an order that is being cancelled has
        ended."""
        if self.held is not None or not self.entries or self.entries[0].is_asked:
            return ()
        pending = self.entries[0]
        entry = pending.entry
        stop, target = self._levels.attached(entry)
        plan = self._plan.entry
        return (
            OrderWanted(
                key=pending.key,
                bar_open_ms=pending.bar_open_ms,
                direction=entry.direction,
                quantity=entry.quantity,
                price=entry.reference if entry.is_limit else None,
                is_post_only=isinstance(plan, LimitEntry) and plan.post_only,
                stop=stop,
                target=target,
            ),
        )

    def unsent(self) -> Sequence[str]:
        return [each.key for each in self.entries if not each.is_asked]

    def resting(self) -> Sequence[str]:
        return [each.key for each in self.entries if each.is_asked]

    def cancels(self) -> Sequence[str]:
        return [each.key for each in self.entries if each.is_asked and each.is_cancelled]

    def close_wanted(self) -> CloseWanted | None:
        held = self.held
        if held is None or held.exit_reason is None:
            return None
        left = held.lot.quantity - self.round.quantity
        return CloseWanted(f"exit:{self.exit_bar_ms}", held.direction, left, held.exit_reason)

    def exits(self) -> Exits | None:
        held = self.held
        return None if held is None else Exits(held.direction, held.placed_stop, held.target)

    def passed(self, price: Decimal) -> str | None:
        return None if self.held is None else self.held.reason_at(price)

    def watch(self, price: Decimal) -> list[Said]:
        return []

    def expects(self, bar: Bar) -> bool:
        low, high = decimal_of(bar.low), decimal_of(bar.high)
        for each in self.entries:
            price, side = each.entry.reference, each.entry.direction
            if each.is_asked and (not each.entry.is_limit or (low < price if side > 0 else high > price)):
                return True
        held = self.held
        if held is None:
            return False
        if held.exit_reason is not None:
            return True
        worst, best = (low, high) if held.direction > 0 else (high, low)
        stop = held.placed_stop
        is_stopped = stop is not None and (worst - stop) * held.direction <= 0
        return is_stopped or held.is_won_at(best)

    def memory(self) -> dict[str, Any]:
        from tradewright.bots.machines.signal_memory import memory_of

        return memory_of(self)

    def _index(self, open_ms: int) -> int:
        """Of the bar in which something happened, counted from the first: the open one, or the last that closed."""
        return self.bars if open_ms > self.last_open_ms else self.bars - 1

    def _is_true(self, rule: str, values: Values, seen: Position) -> bool:
        return rule in self._outputs and values.at(rule, seen) == 1.0
