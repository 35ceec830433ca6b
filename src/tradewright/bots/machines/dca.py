"""The machine of kind `dca`: cycles of a base order and safety orders, closed at a target that follows the average.

Lives here: `DcaMachine`, the contract's section 6. Not here: its money (`books`), its levels as a value (`held`).
Safety orders rest from the moment on at which the base order is filled. Once a cycle's position is gone, what is left
of its orders is cancelled, and the next cycle waits until that is over.
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
from tradewright.bots.machines.keeping import (
    by_version,
    held_memory,
    held_restored,
    optional,
    read_or_refuse,
    text_of,
)
from tradewright.bots.machines.model import BY_HAND, CloseWanted, Exits, OrderWanted, OwnFill, Said, Setup, Told
from tradewright.core.money import ZERO, plain
from tradewright.strategy.entries import are_on_their_sides, exceeds
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.model import Dca, Strategy
from tradewright.strategy.prices import HUNDRED, Direction, decimal_of
from tradewright.strategy.timeframe import length_ms

_KIND = "dca"
_ONE = Decimal(1)
_NAMES: Mapping[Direction, str] = {1: "long", -1: "short"}


@dataclass(slots=True, kw_only=True)
class Step:
    """An order of a cycle: the base order at market (`price` None), or a safety order."""

    key: str
    bar_open_ms: int
    quantity: Decimal
    price: Decimal | None
    is_asked: bool = False
    is_cancelled: bool = False  # as far as we want
    filled: Decimal = ZERO


class DcaMachine:
    """See `model.Machine`."""

    def __init__(self, strategy: Strategy, plan: Dca, setup: Setup) -> None:
        self._strategy, self._plan, self._setup = strategy, plan, setup
        self._length_ms = length_ms(strategy.market.timeframe)
        self.side: Direction = 1 if plan.side == "long" else -1
        self.book = RunBook(setup.capital)
        self.brakes = Brakes(plan.limits, setup.first_open_ms, setup.capital)
        self.held: Held | None = None
        self.round = Round()
        self.steps: list[Step] = []
        self.exit_bar_ms = 0
        self.cycle_ms = 0  # the bar whose close began the cycle: its orders are named by it
        self.reference = ZERO  # the close that began it
        self.is_over = False  # the one cycle of a plan that does not repeat was begun
        self.bars = 0
        self.last_open_ms = 0

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
        return {
            "direction": _NAMES[self.side],
            "quantity": plain(held.lot.quantity - self.round.quantity),
            "entry_price": text_of(held.lot.price),
            "stop": optional(held.stop),
            "target": optional(held.target),
            "bars": held.lot.bars,
        }

    def seen(self, bar: Bar) -> Position:
        return FLAT  # a start knows nothing of a position

    # The close.

    def on_close(self, bar: Bar, values: Values, *, may_enter: bool) -> list[Said]:
        told = Told()
        self._count(bar)
        time_ms = bar.open_time_ms + self._length_ms
        self.brakes.look(self.book, time_ms, bar.close)
        if self.held is not None:
            if self.brakes.is_tripped and self.held.exit_reason is None:
                self.want_close("daily_loss", bar.open_time_ms)
                told.add("signal", f"exit:{bar.open_time_ms}", action="exit", reason="daily_loss")
            return told.said
        is_start = self._plan.starts_now or values.at("dca.start", FLAT) == 1.0
        if not is_start or self.is_over or any(not each.is_cancelled for each in self.steps):
            return told.said
        if self.brakes.hold(self.bars - 1, time_ms, is_exit_decided=False):
            told.note("entry.braked", "info", side=_NAMES[self.side])
        elif not may_enter:
            told.note("entry.not_now", "info", side=_NAMES[self.side])
        else:
            self._start(bar, told)
        return told.said

    def on_late(self, bar: Bar, values: Values) -> list[Said]:
        """No cycle begins on it."""
        self._count(bar)
        self.brakes.look(self.book, bar.open_time_ms + self._length_ms, bar.close)
        return []

    def _count(self, bar: Bar) -> None:
        self.bars, self.last_open_ms = self.bars + 1, bar.open_time_ms
        if self.held is not None:
            self.held.lot.bars += 1

    def _start(self, bar: Bar, told: Told) -> None:
        reference, plan, most = decimal_of(bar.close), self._plan, self._setup.max_position
        problem = self._problem(reference)
        if problem is not None:
            told.note(problem)
            return
        value = plan.base_quote + sum(self._safety_values(), ZERO)
        if most is not None and value > most:
            limit = {"name": "max_position", "value": plain(value), "allowed": plain(most)}
            told.said.append(Said("limit", limit, "warning"))
            return
        self.cycle_ms, self.reference, self.is_over = bar.open_time_ms, reference, not plan.repeat
        base = Step(
            key=f"base:{bar.open_time_ms}",
            bar_open_ms=bar.open_time_ms,
            quantity=self._setup.filters.quantity(plan.base_quote, reference),
            price=None,
        )
        self.steps.append(base)
        told.add("signal", base.key, action=f"enter_{_NAMES[self.side]}", reason="start")

    def _problem(self, reference: Decimal) -> str | None:
        """Why no cycle starts, in the order in which it is looked for."""
        stop, target, filters = self._stop(reference), self._target(reference), self._setup.filters
        if target <= 0 or (stop is not None and stop <= 0):
            return "protect_unknown"
        if not are_on_their_sides(self.side, reference, stop, target):
            return "protect_wrong_side"
        values = self._plan.base_quote + sum(self._safety_values(), ZERO)
        equity = self.book.value(reference)
        if exceeds(values, _ONE, equity, self._strategy.leverage, self._setup.taker_rate):
            return "insufficient_balance"
        quantity = filters.quantity(self._plan.base_quote, reference)
        return "below_minimum" if filters.is_below_minimum(quantity, reference) else None

    def _safety_values(self) -> list[Decimal]:
        safety = self._plan.safety
        return [] if safety is None else [safety.quote * safety.size_scale**power for power in range(safety.count)]

    # What happens.

    def on_fill(self, fill: OwnFill) -> list[Said]:
        told = Told()
        self.book.fill(fill.direction, fill.quantity, fill.price, fill.fee)
        if fill.by == "own" and fill.key is not None and not fill.key.startswith("exit:"):
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
        told = Told()
        step = next((each for each in self.steps if each.key == key), None)
        if step is not None:
            self._forget([step])
            if step.price is None and self.held is not None:
                self._place_safety(told)  # the base order was filled in part
        return told.said

    def on_asked(self, key: str) -> None:
        for each in self.steps:
            each.is_asked |= each.key == key

    def recalled(self, key: str) -> None:
        for each in self.steps:
            each.is_asked &= each.key != key

    def dropped(self, key: str) -> None:
        self._forget([each for each in self.steps if each.key == key])

    def _forget(self, steps: Sequence[Step]) -> None:
        """They are over. Where a base order bought nothing its cycle never began, and may still be the one."""
        for step in steps:
            self.steps.remove(step)
            if step.price is None and not step.filled and self.held is None:
                self.is_over = False

    def give_up_entries(self) -> list[str]:
        """The safety orders are entries, too: what is held keeps its stop and its target."""
        given_up = list(self.unsent())
        self._cancel_steps()
        return given_up

    def give_up_orders(self) -> list[str]:
        return self.give_up_entries()

    def is_done(self) -> bool:
        return self.is_over and self.held is None and not self.steps

    def want_close(self, reason: str, bar_open_ms: int) -> None:
        if self.held is not None and self.held.exit_reason is None:
            self.held.exit_reason, self.exit_bar_ms = reason, bar_open_ms
            self._cancel_steps()

    def _cancel_steps(self) -> None:
        self._forget([each for each in self.steps if not each.is_asked])
        for each in self.steps:
            each.is_cancelled |= each.price is not None

    def _entered(self, fill: OwnFill, told: Told) -> None:
        step = next((each for each in self.steps if each.key == fill.key), None)
        held, cost = self.held, fill.quantity * fill.price
        if held is None:
            lot = Lot(
                direction=self.side,
                quantity=fill.quantity,
                cost=cost,
                fees=fill.fee,
                entry_time_ms=fill.bar_open_ms,
                reason="start",
            )
            self.held, self.round = self._held_at(lot), Round()
            if step is None or step.price is not None:
                # It was on its way out while its cycle ended: a position without a plan leaves at once.
                self.held.exit_reason, self.exit_bar_ms = "stop_loss", fill.bar_open_ms
                told.note("fill.after_end", key=str(fill.key))
            else:
                self.brakes.entered(fill.bar_open_ms)
        else:
            lot = held.lot
            lot.quantity, lot.cost, lot.fees = lot.quantity + fill.quantity, lot.cost + cost, lot.fees + fill.fee
            held.target = self._target(lot.price)
        if step is not None:
            step.filled += fill.quantity
            if step.filled >= step.quantity:
                self.steps.remove(step)
                if step.price is None:
                    self._place_safety(told)
        told.add("position", fill.key, **(self.position() or {}))

    def _held_at(self, lot: Lot) -> Held:
        price = lot.price
        return Held(
            lot=lot,
            price=price,
            best=price,
            stop=self._stop(price),
            target=self._target(price),
            trailing=None,
            liquidation=None,
            activation=None,
            on_exchange=(None, None),
        )

    def _place_safety(self, told: Told) -> None:
        """They rest from now on, the nearest first; `price` of the first fill, here of the whole base order."""
        held, safety, filters = self.held, self._plan.safety, self._setup.filters
        if held is None or safety is None or held.exit_reason is not None:
            return
        first, deviation = held.lot.price, ZERO
        held.price, held.stop = first, self._stop(first)
        for number, value in enumerate(self._safety_values()):
            deviation += safety.step_pct * safety.step_scale**number
            price = filters.order_price(self.side, first * (1 - self.side * deviation / HUNDRED))
            quantity = filters.quantity(value, price) if price > 0 else ZERO
            if filters.is_below_minimum(quantity, price):
                told.note("below_minimum")
                continue
            self.steps.append(
                Step(
                    key=f"safety:{self.cycle_ms}:{number + 1}",
                    bar_open_ms=self.cycle_ms,
                    quantity=quantity,
                    price=price,
                )
            )

    def _left(self, fill: OwnFill, told: Told) -> None:
        held = self.held
        if held is None:
            told.note("fill.unexpected", "error", quantity=plain(fill.quantity))
            return
        self.round.take(fill.quantity, fill.price, fill.fee)
        if self.round.quantity < held.lot.quantity:
            told.add("position", fill.key, **(self.position() or {}))
            return
        reasons = {"target": "take_profit", "stop": "stop_loss", "liquidation": "liquidation", "manual": BY_HAND}
        reason = reasons.get(fill.by) or held.exit_reason or "exit"
        self.book.trades += 1
        trade = self.round.trade(held.lot, fill.bar_open_ms, reason)
        self.brakes.exited(self.bars if fill.bar_open_ms > self.last_open_ms else self.bars - 1)
        self.held, self.round = None, Round()
        self._cancel_steps()
        told.add("position", fill.key, direction="flat", quantity="0")
        told.add("trade", fill.key, **trade)

    # What is wanted.

    def to_send(self) -> Sequence[OrderWanted]:
        """The base order once nothing of the cycle before is left; the safety orders while its position is held."""
        held = self.held
        if held is None:
            base = next((each for each in self.steps if each.price is None and not each.is_asked), None)
            if base is None or any(each.is_asked for each in self.steps):
                return ()
            return (self._wanted(base, self._stop(self.reference), self._target(self.reference)),)
        if held.exit_reason is not None:
            return ()
        return [self._wanted(each, None, None) for each in self.steps if not each.is_asked and each.price is not None]

    def _wanted(self, step: Step, stop: Decimal | None, target: Decimal | None) -> OrderWanted:
        return OrderWanted(
            key=step.key,
            bar_open_ms=step.bar_open_ms,
            direction=self.side,
            quantity=step.quantity,
            price=step.price,
            is_post_only=False,
            stop=stop,
            target=target,
            rests=step.price is not None,
        )

    def unsent(self) -> Sequence[str]:
        return [each.key for each in self.steps if not each.is_asked]

    def resting(self) -> Sequence[str]:
        return [each.key for each in self.steps if each.is_asked]

    def cancels(self) -> Sequence[str]:
        return [each.key for each in self.steps if each.is_asked and each.is_cancelled]

    def close_wanted(self) -> CloseWanted | None:
        held = self.held
        if held is None or held.exit_reason is None:
            return None
        left = held.lot.quantity - self.round.quantity
        return CloseWanted(f"exit:{self.exit_bar_ms}", self.side, left, held.exit_reason)

    def exits(self) -> Exits | None:
        held = self.held
        return None if held is None else Exits(self.side, held.stop, held.target)

    def passed(self, price: Decimal) -> str | None:
        return None if self.held is None else self.held.reason_at(price)

    def watch(self, price: Decimal) -> list[Said]:
        return []

    def expects(self, bar: Bar) -> bool:
        low, high = decimal_of(bar.low), decimal_of(bar.high)
        far, near = (low, high) if self.side > 0 else (high, low)
        for each in self.steps:
            if each.is_asked and (each.price is None or (each.price - far) * self.side > 0):
                return True
        held = self.held
        return held is not None and (held.exit_reason is not None or held.is_lost_at(far) or held.is_won_at(near))

    def _target(self, average: Decimal) -> Decimal:
        level = average * (1 + self.side * self._plan.take_profit_pct / HUNDRED)
        return self._setup.filters.protective_price(self.side, level)

    def _stop(self, first_fill: Decimal) -> Decimal | None:
        if self._plan.stop_loss_pct is None:
            return None
        level = first_fill * (1 - self.side * self._plan.stop_loss_pct / HUNDRED)
        return self._setup.filters.protective_price(self.side, level)

    # What is kept.

    def memory(self) -> dict[str, Any]:
        return {
            **by_version(_KIND),
            "book": self.book.memory(),
            "brakes": self.brakes.memory(),
            "held": None if self.held is None else held_memory(self.held),
            "round": self.round.memory(),
            "steps": [
                {
                    "key": each.key,
                    "bar_open_ms": each.bar_open_ms,
                    "quantity": plain(each.quantity),
                    "price": optional(each.price),
                    "is_asked": each.is_asked,
                    "is_cancelled": each.is_cancelled,
                    "filled": plain(each.filled),
                }
                for each in self.steps
            ],
            "exit_bar_ms": self.exit_bar_ms,
            "cycle_ms": self.cycle_ms,
            "reference": plain(self.reference),
            "is_over": self.is_over,
            "bars": self.bars,
            "last_open_ms": self.last_open_ms,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Raises `BadMemory` for what this program did not write."""
        with read_or_refuse(_KIND, kept):
            self.book.restore(kept["book"])
            self.brakes.restore(kept["brakes"])
            self.held = None if kept["held"] is None else held_restored(kept["held"])
            self.round = Round.restored(kept["round"])
            self.steps = [
                Step(
                    key=each["key"],
                    bar_open_ms=int(each["bar_open_ms"]),
                    quantity=Decimal(each["quantity"]),
                    price=None if each["price"] is None else Decimal(each["price"]),
                    is_asked=bool(each["is_asked"]),
                    is_cancelled=bool(each["is_cancelled"]),
                    filled=Decimal(each["filled"]),
                )
                for each in kept["steps"]
            ]
            self.exit_bar_ms, self.cycle_ms = int(kept["exit_bar_ms"]), int(kept["cycle_ms"])
            self.reference, self.is_over = Decimal(kept["reference"]), bool(kept["is_over"])
            self.bars, self.last_open_ms = int(kept["bars"]), int(kept["last_open_ms"])
