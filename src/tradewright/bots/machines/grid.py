"""The machine of kind `grid`: each cell between two levels buys at the lower one and sells at the upper one.

Lives here: `GridMachine`, the contract's section 5. Not here: its cells (`grid_cells`), its money (`books`), what it
remembers as JSON (`grid_memory`).

Cells are the run's own count; at the exchange all of them are one position. What was filled in a bar has its next order
at that bar's close. The stop on the side where the net position loses is the position's own; the other one is watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from tradewright.backtest.book import Lot
from tradewright.bots.machines.books import Round, RunBook
from tradewright.bots.machines.grid_cells import Cell, cells_of, problem_of, value_of
from tradewright.bots.machines.keeping import optional, text_of
from tradewright.bots.machines.model import BY_HAND, CloseWanted, Exits, OrderWanted, OwnFill, Said, Setup, Told
from tradewright.core.money import ZERO, plain
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.evaluate.position import FLAT, Position
from tradewright.strategy.model import Grid, Strategy
from tradewright.strategy.prices import Direction, decimal_of
from tradewright.strategy.timeframe import length_ms

_NAMES: Mapping[Direction, str] = {1: "long", -1: "short"}
_START = "start"


class GridMachine:
    """See `model.Machine`."""

    def __init__(self, strategy: Strategy, plan: Grid, setup: Setup) -> None:
        self._strategy, self._plan, self._setup = strategy, plan, setup
        self._length_ms = length_ms(strategy.market.timeframe)
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
        self.is_start_over = False
        self.may_open = False  # as of the newest close that was decided on
        self.is_withdrawn = False  # no order is to rest any more
        self.close_reason: str | None = None
        self.close_bar_ms = 0
        self.bars = 0
        self.last_open_ms = 0
        self.last_price = ZERO

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
        self._count(bar, told)
        self.may_open = may_enter and not self.is_withdrawn
        close = decimal_of(bar.close)
        if self.state == "waiting" and not self.is_withdrawn and self._plan.lower <= close <= self._plan.upper:
            if may_enter:
                self._start(bar.open_time_ms, close, told)
            else:
                told.note("entry.not_now", "info", side=self._plan.side)
        elif self.state == "running":
            self._want_orders()
        return told.said

    def on_late(self, bar: Bar, values: Values) -> list[Said]:
        """The grid does not begin on it, and no cell opens; what rests goes on resting."""
        told = Told()
        self._count(bar, told)
        self.may_open = False
        if self.state == "running":
            self._want_orders()
        return told.said

    def _count(self, bar: Bar, told: Told) -> None:
        """A stop that the bar touched ends the grid here, if nobody saw that price when it was there."""
        if self.cells and self.state != "starting":
            for extreme in (bar.low, bar.high):
                told.said.extend(self.watch(decimal_of(extreme)))
        self.bars, self.last_open_ms, self.last_price = self.bars + 1, bar.open_time_ms, decimal_of(bar.close)

    def _start(self, bar_open_ms: int, price: Decimal, told: Told) -> None:
        """Everything is decided at this price; what opens at once does so by one order at market."""
        filters = self._setup.filters
        cells = cells_of(self._plan, filters, price)
        problem = problem_of(cells, filters, self.book.value(price) * self._strategy.leverage)
        if problem is not None:
            self.state = "ended"
            told.note(problem)
            return
        most, value = self._setup.max_position, value_of(cells)
        if most is not None and value > most:
            self.state = "ended"
            limit = {"name": "max_position", "value": plain(value), "allowed": plain(most)}
            told.said.append(Said("limit", limit, "warning"))
            return
        self.cells, self.start_bar_ms = cells, bar_open_ms
        at_once = [cell for cell in cells if self._plan.side != "neutral" and cell.is_behind(price)]
        for cell in at_once:
            cell.is_at_start = True
        self.start_quantity = sum((cell.quantity for cell in at_once), ZERO)
        self.state = "starting" if at_once else "running"
        told.add("signal", f"{_START}:{bar_open_ms}", action=f"grid_{self._plan.side}", reason=_START)
        if not at_once:
            self._want_orders()

    def _want_orders(self) -> None:
        """Each cell has its order, or, where fewer may rest at once, the cells that are nearest to the price.

        While none may open, only those that take off what a cell holds.
        """
        if self.is_withdrawn:
            return
        may = [cell for cell in self.cells if self.may_open or cell.is_asked or cell.lot is not None]
        ranked = sorted(may, key=self._nearness)
        most = len(ranked) if self._setup.resting_max is None else self._setup.resting_max
        for cell in ranked[:most]:
            if not cell.is_wanted and not cell.is_asked:
                cell.is_wanted, cell.takes_off = True, cell.lot is not None
        for cell in ranked[most:]:
            cell.is_cancelled |= cell.is_asked
            cell.is_wanted &= cell.is_asked

    def watch(self, price: Decimal) -> list[Said]:
        """At any price: a stop that is touched ends the grid."""
        told = Told()
        if self.cells and self.close_reason is None and self.passed(price) is not None:
            told.add("signal", f"exit:{self.last_open_ms}", action="exit", reason="stop_loss")
            self.want_close("stop_loss", self.last_open_ms)
        if self.close_reason is not None and not self.net and not self.resting():
            self._close_against_each_other(price, self.close_reason, told)
        return told.said

    def _close_against_each_other(self, price: Decimal, reason: str, told: Told) -> None:
        """Long and short cells that come to nothing: there is nothing to be sent, and they end at the price."""
        for cell in [cell for cell, _ in self._held()]:
            assert cell.taken is not None, "as it was opened"
            cell.taken.take(cell.left, price, ZERO)
            self._trade(cell, None, self.last_open_ms + self._length_ms, reason, told)

    # What happens.

    def on_fill(self, fill: OwnFill) -> list[Said]:
        told = Told()
        self.book.fill(fill.direction, fill.quantity, fill.price, fill.fee)
        if fill.key is not None and fill.key.startswith(f"{_START}:"):
            self._started(fill)
        elif fill.key is not None and fill.key.startswith("cell:"):
            self._filled(self.cells[int(fill.key.split(":")[1])], fill, told)
        else:
            self._left(fill, told)
        told.add("position", fill.key, **(self.position() or {"direction": "flat", "quantity": "0"}))
        return told.said

    def on_funding(self, paid: Decimal) -> list[Said]:
        """Each cell has its part, by what it holds."""
        self.book.pay_funding(paid)
        held, net = list(self._held()), self.book.net
        for cell, lot in held:
            if net:
                lot.funding += paid * lot.direction * cell.left / net
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
        """At the next close it is wanted again, with all that have not left. Without the order that it begins with, the
        grid waits for another close to begin at."""
        if key.startswith(f"{_START}:"):
            self._wait_again()
        cell = self._by_key(key)
        if cell is not None:
            cell.is_asked = False
        for each in self.cells:
            each.is_wanted &= each.is_asked

    def give_up_entries(self) -> list[str]:
        """What would open more is cancelled; what takes off what a cell holds stays."""
        return self._give_up(also_closing=False)

    def give_up_orders(self) -> list[str]:
        return self._give_up(also_closing=True)

    def _give_up(self, *, also_closing: bool) -> list[str]:
        self.may_open = False
        self.is_withdrawn |= also_closing
        given_up = []
        if self.state == "starting" and not self.is_start_asked:
            given_up.append(self._start_key)
            self._wait_again()
        for cell in self.cells:
            if cell.takes_off and not also_closing:
                continue
            if cell.is_wanted and not cell.is_asked:
                given_up.append(cell.key)
                cell.is_wanted = False
            cell.is_cancelled |= cell.is_asked
        return given_up

    def _wait_again(self) -> None:
        self.state, self.cells, self.is_start_asked = "waiting", [], False

    def is_done(self) -> bool:
        is_open = self.net or any(self._held())
        return self.state == "ended" and not is_open and not self.resting()

    def want_close(self, reason: str, bar_open_ms: int) -> None:
        if self.close_reason is None and (self.book.net or self.cells):
            self.close_reason, self.close_bar_ms = reason, bar_open_ms
            self.give_up_orders()
            self.state = "ended"

    def _started(self, fill: OwnFill) -> None:
        self.start_filled += fill.quantity
        self.start_cost += fill.quantity * fill.price
        self.start_fees += fill.fee
        self.start_open_ms = fill.bar_open_ms
        if self.start_filled >= self.start_quantity:
            self._open_started()

    def _open_started(self) -> None:
        """The cells share what the order at market got, those that are farthest from their levels first."""
        if self.is_start_over:
            return
        self.is_start_over, left = True, self.start_filled
        marked = [cell for cell in self.cells if cell.is_at_start]
        for cell in sorted(marked, key=lambda one: one.opening * -one.direction):
            part = min(left, cell.quantity)
            if not part:
                break  # the others open by orders of their own
            left -= part
            fee = self.start_fees * part / self.start_filled
            self._open(cell, part, self.start_cost / self.start_filled, fee, self.start_open_ms)
        if self.state == "starting":
            self.state = "running"
            self._want_orders()

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
        is_at_hand = fill.key == cell.key  # else its end was told before its last fill
        if is_at_hand:
            cell.filled += fill.quantity
        if fill.direction == cell.direction:
            lot = cell.lot
            if lot is None:
                self._open(cell, fill.quantity, fill.price, fill.fee, fill.bar_open_ms)
            else:
                lot.quantity += fill.quantity
                lot.cost += fill.quantity * fill.price
                lot.fees += fill.fee
            if is_at_hand and cell.filled >= cell.quantity:
                self._next_order(cell)
            return
        if cell.lot is None or cell.taken is None or fill.quantity > cell.left:
            told.note("fill.unexpected", "error", quantity=plain(fill.quantity))
            return
        cell.taken.take(fill.quantity, fill.price, fill.fee)
        if not cell.left:
            self._trade(cell, fill.key, fill.bar_open_ms, "take_profit", told)
            if is_at_hand:
                self._next_order(cell)

    def _next_order(self, cell: Cell) -> None:
        """From the next close on."""
        cell.orders, cell.filled = cell.orders + 1, ZERO
        cell.is_wanted = cell.is_asked = cell.is_cancelled = cell.takes_off = False

    def _left(self, fill: OwnFill, told: Told) -> None:
        """What is closed at market takes cells off, by their number."""
        reasons = {"stop": "stop_loss", "target": "take_profit", "liquidation": "liquidation", "manual": BY_HAND}
        reason = reasons.get(fill.by) or self.close_reason or "exit"
        self.want_close(reason, fill.bar_open_ms)
        left = fill.quantity
        for cell, lot in list(self._held()):
            assert cell.taken is not None, "as it was opened"
            part = min(cell.left, left)
            if lot.direction == fill.direction or not part:
                continue
            cell.taken.take(part, fill.price, fill.fee * part / fill.quantity)
            left -= part
            if not cell.left:
                self._trade(cell, fill.key, fill.bar_open_ms, reason, told)
        if not self.net:
            self._close_against_each_other(fill.price, reason, told)

    def _trade(self, cell: Cell, key: str | None, bar_open_ms: int, reason: str, told: Told) -> None:
        assert cell.lot is not None, "only what is held is closed"
        assert cell.taken is not None, "as it was opened"
        cell.lot.bars = self._index(bar_open_ms) - cell.opened_bar
        trade = cell.taken.trade(cell.lot, bar_open_ms, reason)
        self.book.trades += 1
        cell.lot = cell.taken = None
        told.add("trade", key, **trade)

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
                    key=self._start_key,
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
                quantity=cell.left if cell.takes_off else cell.quantity,
                price=cell.price,
                is_post_only=False,
                stop=None,
                target=None,
                rests=True,
            )
            for cell in self._unasked()
        ]

    def unsent(self) -> Sequence[str]:
        keys = [cell.key for cell in self._unasked()]
        return [self._start_key, *keys] if self.state == "starting" and not self.is_start_asked else keys

    def _unasked(self) -> list[Cell]:
        """The nearest first: where fewer leave than are wanted, those are missed least."""
        cells = [cell for cell in self.cells if cell.is_wanted and not cell.is_asked]
        return sorted(cells, key=self._nearness)

    def _nearness(self, cell: Cell) -> tuple[Decimal, int]:
        return abs(cell.price - self.last_price), cell.number

    @property
    def _start_key(self) -> str:
        return f"{_START}:{self.start_bar_ms}"

    def resting(self) -> Sequence[str]:
        keys = [cell.key for cell in self.cells if cell.is_asked]
        return [self._start_key, *keys] if self.is_start_asked and not self.is_start_over else keys

    def cancels(self) -> Sequence[str]:
        return [cell.key for cell in self.cells if cell.is_asked and cell.is_cancelled]

    def close_wanted(self) -> CloseWanted | None:
        """At once, and beside the cancels: what still fills meanwhile changes the net, and is closed after it."""
        net = self.book.net
        if self.close_reason is None or not net:
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
        if self.is_start_asked and not self.is_start_over:
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
