"""The machine of kind `grid`: each cell between two levels buys at the lower one and sells at the upper one.

Lives here: `GridMachine`, the contract's section 5. Not here: where levels lie (`backtest.grid.levels_of`), its money
(`books`), what it remembers as JSON (`grid_memory`).

Cells are the run's own count; at the exchange all of them are one position. What was filled in a bar has its next order
at that bar's close. The stop on the side where the net position loses is the position's own; the other one is watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tradewright.backtest.book import Lot
from tradewright.backtest.grid import levels_of
from tradewright.bots.machines.books import Round, RunBook
from tradewright.bots.machines.keeping import optional, text_of
from tradewright.bots.machines.model import BY_HAND, CloseWanted, Exits, OrderWanted, OwnFill, Said, Setup, Told
from tradewright.core.money import ZERO, plain
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.model import Grid, Strategy
from tradewright.strategy.prices import Direction, decimal_of

_NAMES: Mapping[Direction, str] = {1: "long", -1: "short"}
_START = "start"


@dataclass(slots=True, kw_only=True)
class Cell:
    """`direction` of the position that it opens. `number_of_order` counts its orders: their keys are made of it."""

    number: int
    direction: Direction
    lower: Decimal
    upper: Decimal
    quantity: Decimal
    lot: Lot | None = None
    taken: Round | None = None  # of what is held
    opened_bar: int = 0
    orders: int = 0
    is_wanted: bool = False  # its order is to rest
    is_asked: bool = False
    is_cancelled: bool = False
    filled: Decimal = ZERO  # of the order at hand

    @property
    def opening(self) -> Decimal:
        return self.lower if self.direction > 0 else self.upper

    @property
    def side(self) -> Direction:
        """What its order does: a buy (1) at the lower level, a sell (-1) at the upper one."""
        return 1 if (self.lot is None) == (self.direction > 0) else -1

    @property
    def price(self) -> Decimal:
        return self.lower if self.side > 0 else self.upper

    @property
    def key(self) -> str:
        return f"cell:{self.number}:{self.orders}"


class GridMachine:
    """See `model.Machine`."""

    def __init__(self, strategy: Strategy, plan: Grid, setup: Setup) -> None:
        self._strategy, self._plan, self._setup = strategy, plan, setup
        self.book = RunBook(setup.capital)
        self.cells: list[Cell] = []
        self.state: Literal["waiting", "starting", "running", "ended"] = "waiting"
        self.start_quantity = ZERO  # of the order at market that the grid begins with
        self.start_filled = ZERO
        self.start_cost = ZERO
        self.start_fees = ZERO
        self.start_bar_ms = 0  # whose close decided it
        self.start_open_ms = 0  # in which it filled
        self.is_start_asked = False
        self.close_reason: str | None = None
        self.close_bar_ms = 0
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
        net, held = self.book.net, list(self._held())
        if not net:
            return None
        side: Direction = 1 if net > 0 else -1
        cost = sum((lot.cost for _, lot in held if lot.direction == side), ZERO)
        quantity = sum((lot.quantity for _, lot in held if lot.direction == side), ZERO)
        exits = self.exits()
        return {
            "direction": _NAMES[side],
            "quantity": plain(abs(net)),
            "entry_price": text_of(cost / quantity) if quantity else None,
            "stop": None if exits is None else optional(exits.stop),
            "target": None,
            "cells": len(held),
        }

    def seen(self, bar: Bar) -> Position:
        return FLAT

    def _held(self) -> Iterator[tuple[Cell, Lot]]:
        return ((cell, cell.lot) for cell in self.cells if cell.lot is not None)

    # The close.

    def on_close(self, bar: Bar, values: Values, *, may_enter: bool) -> list[Said]:
        told = Told()
        self._count(bar)
        close = decimal_of(bar.close)
        if self.state == "waiting" and self._plan.lower <= close <= self._plan.upper:
            if may_enter:
                self._start(bar.open_time_ms, close, told)
            else:
                told.note("entry.not_now", "info", side=self._plan.side)
        elif self.state == "running" and self.close_reason is None:
            self._want_orders(may_enter=may_enter)
        return told.said

    def on_late(self, bar: Bar, values: Values) -> list[Said]:
        """The grid does not begin on it; what rests goes on resting."""
        self._count(bar)
        if self.state == "running" and self.close_reason is None:
            self._want_orders(may_enter=True)
        return []

    def _count(self, bar: Bar) -> None:
        self.bars, self.last_open_ms = self.bars + 1, bar.open_time_ms

    def _start(self, bar_open_ms: int, price: Decimal, told: Told) -> None:
        """Everything is decided at this price; what opens at once does so by one order at market."""
        prices = levels_of(self._plan, self._setup.filters)
        cells = [self._cell(number, prices[number], prices[number + 1], price) for number in range(len(prices) - 1)]
        problem = self._problem(cells, price)
        if problem is not None:
            self.state = "ended"
            told.note(problem)
            return
        most, value = self._setup.max_position, sum((cell.quantity * cell.opening for cell in cells), ZERO)
        if most is not None and value > most:
            self.state = "ended"
            limit = {"name": "max_position", "value": plain(value), "allowed": plain(most)}
            told.said.append(Said("limit", limit, "warning"))
            return
        self.cells, self.start_bar_ms = cells, bar_open_ms
        at_once = [cell for cell in cells if self._opens_at_once(cell, price)]
        for cell in at_once:
            cell.is_cancelled = True  # as a mark: its first order is the one at market
        self.start_quantity = sum((cell.quantity for cell in at_once), ZERO)
        self.state = "starting" if at_once else "running"
        told.add("signal", f"{_START}:{bar_open_ms}", action=f"grid_{self._plan.side}", reason=_START)
        if not at_once:
            self._want_orders(may_enter=True)

    def _opens_at_once(self, cell: Cell, price: Decimal) -> bool:
        return self._plan.side != "neutral" and (cell.opening - price) * cell.direction > 0

    def _cell(self, number: int, lower: Decimal, upper: Decimal, price: Decimal) -> Cell:
        side, each, filters = self._plan.side, self._plan.per_level, self._setup.filters
        is_long = side == "long" or (side == "neutral" and lower <= price)
        opening = lower if is_long else upper
        if each.by == "base":
            quantity = filters.quantity(each.amount, Decimal(1))
        else:
            quantity = filters.quantity(each.amount, opening) if opening > 0 else ZERO
        return Cell(number=number, direction=1 if is_long else -1, lower=lower, upper=upper, quantity=quantity)

    def _problem(self, cells: Sequence[Cell], price: Decimal) -> str | None:
        """Why the grid cannot be, in the order in which it is looked for."""
        if any(self._setup.filters.is_below_minimum(cell.quantity, cell.opening) for cell in cells):
            return "below_minimum"
        if any(cell.lower == cell.upper for cell in cells):
            return "levels_collide"
        values = sum((cell.quantity * cell.opening for cell in cells), ZERO)
        return "insufficient_balance" if values > self.book.value(price) * self._strategy.leverage else None

    def _want_orders(self, *, may_enter: bool) -> None:
        """Each cell has its order; without `may_enter` only those that take off what a cell holds."""
        for cell in self.cells:
            if not cell.is_wanted and not cell.is_asked and (may_enter or cell.lot is not None):
                cell.is_wanted = True

    def watch(self, price: Decimal) -> list[Said]:
        """At any price: a stop that is touched ends the grid."""
        plan, told = self._plan, Told()
        is_below = plan.stop_below is not None and price <= plan.stop_below
        is_above = plan.stop_above is not None and price >= plan.stop_above
        if self.state in ("starting", "running") and (is_below or is_above) and self.close_reason is None:
            told.add("signal", f"exit:{self.last_open_ms}", action="exit", reason="stop_loss")
            self.want_close("stop_loss", self.last_open_ms)
            self.state = "ended"
        return told.said

    # What happens.

    def on_fill(self, fill: OwnFill) -> list[Said]:
        told = Told()
        self.book.fill(fill.direction, fill.quantity, fill.price, fill.fee)
        cell = None if fill.key is None else self._by_key(fill.key)
        if fill.key == _START or (fill.key is not None and fill.key.startswith(f"{_START}:")):
            self._started(fill)
        elif cell is not None:
            self._filled(cell, fill, told)
        else:
            self._left(fill, told)
        told.add("position", fill.key, **(self.position() or {"direction": "flat", "quantity": "0"}))
        return told.said

    def on_funding(self, paid: Decimal) -> list[Said]:
        """Each cell has its part, by what it holds."""
        self.book.pay_funding(paid)
        held, net = list(self._held()), self.book.net
        for _, lot in held:
            if net:
                lot.funding += paid * lot.direction * lot.quantity / net
        return []

    def on_ended(self, key: str) -> list[Said]:
        if key.startswith(f"{_START}:"):
            self._open_started()
            return []
        cell = self._by_key(key)
        if cell is not None:
            self._next_order(cell)
        return []

    def on_asked(self, key: str) -> None:
        if key.startswith(f"{_START}:"):
            self.is_start_asked = True
        cell = self._by_key(key)
        if cell is not None:
            cell.is_asked = True

    def recalled(self, key: str) -> None:
        if key.startswith(f"{_START}:"):
            self.is_start_asked = False
        cell = self._by_key(key)
        if cell is not None:
            cell.is_asked = False

    def dropped(self, key: str) -> None:
        """Asked again at the next close; the order that the grid begins with, never."""
        if key.startswith(f"{_START}:"):
            self.state = "ended"
        cell = self._by_key(key)
        if cell is not None:
            cell.is_wanted = cell.is_asked = False

    def give_up_entries(self) -> list[str]:
        """What would open more is cancelled; what takes off what a cell holds stays."""
        given_up = list(self.unsent())
        if self.state == "starting" and not self.is_start_asked:
            self.state = "ended"
        for cell in self.cells:
            if not cell.is_asked:
                cell.is_wanted = False
            elif cell.lot is None:
                cell.is_cancelled = True
        return given_up

    def want_close(self, reason: str, bar_open_ms: int) -> None:
        if self.close_reason is None and (self.book.net or self.cells):
            self.close_reason, self.close_bar_ms = reason, bar_open_ms
            self.state = "ended"
            for cell in self.cells:
                cell.is_wanted = False
                cell.is_cancelled = cell.is_asked

    def _started(self, fill: OwnFill) -> None:
        self.start_filled += fill.quantity
        self.start_cost += fill.quantity * fill.price
        self.start_fees += fill.fee
        self.start_open_ms = fill.bar_open_ms
        if self.start_filled >= self.start_quantity:
            self._open_started()

    def _open_started(self) -> None:
        """The cells share what the order at market got, those that are farthest from their levels first."""
        if self.state != "starting":
            return
        left, price = self.start_filled, self.start_cost / self.start_filled if self.start_filled else ZERO
        marked = [cell for cell in self.cells if cell.is_cancelled]
        for cell in sorted(marked, key=lambda one: one.opening * -one.direction):
            cell.is_cancelled = False
            if left < cell.quantity:
                continue  # it opens by its own order, when its level is reached
            left -= cell.quantity
            fee = self.start_fees * cell.quantity / self.start_filled
            self._open(cell, cell.quantity, price, fee, self.start_open_ms)
        self.state = "running"
        self._want_orders(may_enter=self.close_reason is None)

    def _open(self, cell: Cell, quantity: Decimal, price: Decimal, fee: Decimal, bar_open_ms: int) -> None:
        cell.lot = Lot(
            direction=cell.direction,
            quantity=quantity,
            cost=quantity * price,
            fees=fee,
            entry_time_ms=bar_open_ms,
            reason="grid",
            cell=cell.number,
        )
        cell.taken = Round()
        cell.opened_bar = self._index(bar_open_ms)

    def _filled(self, cell: Cell, fill: OwnFill, told: Told) -> None:
        cell.filled += fill.quantity
        is_whole = cell.filled >= cell.quantity
        if fill.direction == cell.direction:
            if cell.lot is None:
                self._open(cell, fill.quantity, fill.price, fill.fee, fill.bar_open_ms)
                # Its side is known by what it holds; while the rest of its order is open it is still that order.
            else:
                lot = cell.lot
                lot.quantity += fill.quantity
                lot.cost += fill.quantity * fill.price
                lot.fees += fill.fee
            if is_whole:
                self._next_order(cell)
            return
        assert cell.lot is not None, "only what is held is taken off"
        assert cell.taken is not None, "as it was opened"
        cell.taken.take(fill.quantity, fill.price, fill.fee)
        if cell.taken.quantity >= cell.lot.quantity:
            self._trade(cell, fill, "take_profit", told)
            self._next_order(cell)

    def _next_order(self, cell: Cell) -> None:
        """From the next close on."""
        cell.orders, cell.filled = cell.orders + 1, ZERO
        cell.is_wanted = cell.is_asked = cell.is_cancelled = False

    def _left(self, fill: OwnFill, told: Told) -> None:
        """What is closed at market takes cells off, by their number."""
        if self.state != "ended":
            self.want_close("stop_loss", fill.bar_open_ms)
        reasons = {"stop": "stop_loss", "target": "take_profit", "liquidation": "liquidation", "manual": BY_HAND}
        reason = reasons.get(fill.by) or self.close_reason or "exit"
        left = fill.quantity
        # A net close takes off both sides: those of the other direction close against the same price.
        for cell, lot in list(self._held()):
            assert cell.taken is not None, "as it was opened"
            rest = lot.quantity - cell.taken.quantity
            if lot.direction == fill.direction:
                continue
            part = min(rest, left)
            if part <= 0:
                break
            cell.taken.take(part, fill.price, fill.fee * part / fill.quantity)
            left -= part
            if cell.taken.quantity >= lot.quantity:
                self._trade(cell, fill, reason, told)
        if not self.book.net:
            for cell, lot in list(self._held()):  # long against short cells: nothing is left of either
                assert cell.taken is not None, "as it was opened"
                cell.taken.take(lot.quantity - cell.taken.quantity, fill.price, ZERO)
                self._trade(cell, fill, reason, told)

    def _trade(self, cell: Cell, fill: OwnFill, reason: str, told: Told) -> None:
        assert cell.lot is not None, "only what is held is closed"
        assert cell.taken is not None, "as it was opened"
        cell.lot.bars = self._index(fill.bar_open_ms) - cell.opened_bar
        trade = cell.taken.trade(cell.lot, fill.bar_open_ms, reason)
        self.book.trades += 1
        cell.lot = cell.taken = None
        told.add("trade", fill.key, **trade)

    def _index(self, bar_open_ms: int) -> int:
        return self.bars if bar_open_ms > self.last_open_ms else self.bars - 1

    def _by_key(self, key: str) -> Cell | None:
        return next((cell for cell in self.cells if cell.key == key), None)

    # What is wanted.

    def to_send(self) -> Sequence[OrderWanted]:
        if self.close_reason is not None:
            return ()
        if self.state == "starting" and not self.is_start_asked:
            side: Direction = 1 if self._plan.side == "long" else -1
            stop = self._plan.stop_below if side > 0 else self._plan.stop_above
            return (
                OrderWanted(
                    key=f"{_START}:{self.start_bar_ms}",
                    bar_open_ms=self.start_bar_ms,
                    direction=side,
                    quantity=self.start_quantity,
                    price=None,
                    is_post_only=False,
                    stop=stop,
                    target=None,
                ),
            )
        if self.state != "running":
            return ()
        return [
            OrderWanted(
                key=cell.key,
                bar_open_ms=self.last_open_ms,
                direction=cell.side,
                quantity=cell.quantity if cell.lot is None else cell.lot.quantity,
                price=cell.price,
                is_post_only=False,
                stop=None,
                target=None,
                rests=True,
            )
            for cell in self.cells
            if cell.is_wanted and not cell.is_asked
        ]

    def unsent(self) -> Sequence[str]:
        keys = [cell.key for cell in self.cells if cell.is_wanted and not cell.is_asked]
        is_starting = self.state == "starting" and not self.is_start_asked
        return [f"{_START}:{self.start_bar_ms}", *keys] if is_starting else keys

    def resting(self) -> Sequence[str]:
        keys = [cell.key for cell in self.cells if cell.is_asked]
        is_starting = self.state == "starting" and self.is_start_asked
        return [f"{_START}:{self.start_bar_ms}", *keys] if is_starting else keys

    def cancels(self) -> Sequence[str]:
        return [cell.key for cell in self.cells if cell.is_asked and cell.is_cancelled]

    def close_wanted(self) -> CloseWanted | None:
        """Once nothing rests any more: what is cancelled may still fill, and would change what is to be closed."""
        net = self.book.net
        if self.close_reason is None or not net or any(cell.is_asked for cell in self.cells):
            return None
        side: Direction = 1 if net > 0 else -1
        return CloseWanted(f"exit:{self.close_bar_ms}", side, abs(net), self.close_reason)

    def exits(self) -> Exits | None:
        """The stop on the side where the net position loses."""
        net = self.book.net
        if not net or self.close_reason is not None:
            return None
        side: Direction = 1 if net > 0 else -1
        stop = self._plan.stop_below if side > 0 else self._plan.stop_above
        return None if stop is None else Exits(side, stop, None)

    def passed(self, price: Decimal) -> str | None:
        plan = self._plan
        is_below = plan.stop_below is not None and price <= plan.stop_below
        is_above = plan.stop_above is not None and price >= plan.stop_above
        return "stop_loss" if is_below or is_above else None

    def expects(self, bar: Bar) -> bool:
        low, high = decimal_of(bar.low), decimal_of(bar.high)
        if self.state == "starting" and self.is_start_asked:
            return True
        if any(cell.is_asked and (low < cell.price if cell.side > 0 else high > cell.price) for cell in self.cells):
            return True
        exits = self.exits()
        if exits is None or exits.stop is None:
            return False
        return low <= exits.stop if exits.direction > 0 else high >= exits.stop

    def memory(self) -> dict[str, Any]:
        from tradewright.bots.machines.grid_memory import memory_of

        return memory_of(self)
