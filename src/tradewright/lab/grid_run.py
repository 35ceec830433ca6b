"""An exact run of kind `grid`: each cell's order rests in the book of the exchange, sent and tracked by the live core.

Lives here: the contract's section 5. Not here: what runs of all kinds share (`played_run`), where levels lie
(`backtest.grid`).

Cells are the run's own count: on the account all of them are one position. Both stops are watched here; when one is
touched, what rests is cancelled, and what is held is closed at the market, long and short cells each by an order.

After a wild bar a cell may want to sell at a level where the price is above by now, or where another one wants to buy:
in the book the run's own orders would trade with each other. What is not passive is kept back until the next price. If
that is beyond its level too, it is passed like what had rested, alone in the book.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tradewright.backtest.book import Lot
from tradewright.backtest.feed import Piece
from tradewright.backtest.grid import levels_of
from tradewright.core.ids import IntentId, intent_of
from tradewright.core.money import ZERO
from tradewright.core.order import Execution
from tradewright.lab.desk import LabFault
from tradewright.lab.played_run import PlayedRun, Stage, check_booked
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.model import Grid
from tradewright.strategy.prices import Direction, decimal_of

_AT_ONCE = 40  # orders: more would wait so long for their turn that they expire


@dataclass(slots=True)
class _Cell:
    """`direction` of the position it opens; `order` is what rests of it."""

    number: int
    direction: Direction
    lower: Decimal
    upper: Decimal
    quantity: Decimal
    lot: Lot | None = None
    opened_bar: int = 0
    order: IntentId | None = None
    filled_bar: int = -1  # in which its order was filled last

    @property
    def opening(self) -> Decimal:
        return self.lower if self.direction > 0 else self.upper

    @property
    def resting_side(self) -> Direction:
        """What its order does next: a buy (1) at the lower level, a sell (-1) at the upper one."""
        return 1 if (self.lot is None) == (self.direction > 0) else -1

    @property
    def resting_price(self) -> Decimal:
        return self.lower if self.resting_side > 0 else self.upper

    def is_passed_at(self, price: Decimal) -> bool:
        """Whether the price is through its order's."""
        return (price - self.resting_price) * self.resting_side < 0


class GridRun(PlayedRun):
    def __init__(self, stage: Stage, plan: Grid) -> None:
        super().__init__(stage)
        self.plan = plan
        self._cells: list[_Cell] = []
        self._state: Literal["waiting", "running", "ended"] = "waiting"
        self._at_market: dict[Direction, str] = {}  # why an order at the market was sent, by its side
        self._kept: list[_Cell] = []  # whose order would meet a neighbour's at its level
        self._exposed = 0

    def exposed(self) -> int:
        return self._exposed

    def is_idle(self) -> bool:
        if self._state != "waiting":
            return self._state == "ended"
        return not self.plan.lower <= decimal_of(self.feed.open[self.bar]) <= self.plan.upper

    def open_lots(self) -> Sequence[Lot]:
        return [lot for _, lot in self._held()]

    def watched(self, piece: Piece) -> Sequence[Decimal]:
        stops = (self.plan.stop_below, self.plan.stop_above)
        return [stop for stop in stops if stop is not None] if self._state == "running" else []

    def _held(self) -> Iterator[tuple[_Cell, Lot]]:
        return ((cell, cell.lot) for cell in self._cells if cell.lot is not None)

    # Inside a bar.

    async def jump(self, piece: Piece) -> None:
        price = decimal_of(piece.open)
        await self.move_to(price, piece)
        if self._state == "waiting":
            await self._start(price, piece)

    async def went(self, piece: Piece) -> None:
        price, plan = self.desk.price, self.plan
        is_below = plan.stop_below is not None and price <= plan.stop_below
        is_above = plan.stop_above is not None and price >= plan.stop_above
        if self._state != "running":
            return
        if self._kept:
            await self._place_kept(piece)
        if is_below or is_above:
            self._state = "ended"
            await self._withdraw([cell for cell in self._cells if cell.order is not None])
            await self._close_all("stop_loss", piece)

    async def _start(self, price: Decimal, piece: Piece) -> None:
        """Everything is decided at this open."""
        prices = levels_of(self.plan, self.filters)
        self._cells = [
            self._cell(number, prices[number], prices[number + 1], price) for number in range(len(prices) - 1)
        ]
        problem = self._problem(price)
        if problem is not None:
            self.notes.add(problem, piece.time_ms)
            self._cells, self._state = [], "ended"
            return
        self._state = "running"
        at_once = [cell for cell in self._cells if self._opens_at_once(cell, price)]
        if at_once:
            side = at_once[0].direction
            self._at_market[side] = "start"
            self.desk.order(side, sum((cell.quantity for cell in at_once), ZERO))
            await self.settle(piece)
        self.desk.leave()
        await self._place(is_close=True)
        await self.move_to(price, piece)

    def _opens_at_once(self, cell: _Cell, price: Decimal) -> bool:
        return self.plan.side != "neutral" and (cell.opening - price) * cell.direction > 0

    def _cell(self, number: int, lower: Decimal, upper: Decimal, price: Decimal) -> _Cell:
        side, each = self.plan.side, self.plan.per_level
        is_long = side == "long" or (side == "neutral" and lower <= price)
        opening = lower if is_long else upper
        if each.by == "base":
            quantity = self.filters.quantity(each.amount, Decimal(1))
        else:
            quantity = self.filters.quantity(each.amount, opening) if opening > 0 else ZERO
        return _Cell(number, 1 if is_long else -1, lower, upper, quantity)

    def _problem(self, price: Decimal) -> str | None:
        """Why the grid cannot be, in the order in which it is looked for."""
        if any(self.filters.is_below_minimum(cell.quantity, cell.opening) for cell in self._cells):
            return "below_minimum"
        if any(cell.lower == cell.upper for cell in self._cells):
            return "levels_collide"
        values = sum((cell.quantity * cell.opening for cell in self._cells), ZERO)
        is_too_much = values > self.book.equity(float(price)) * self.strategy.leverage
        return "insufficient_balance" if is_too_much else None

    async def _place(self, *, is_close: bool) -> None:
        """Every cell has its order, but for those that are not passive where the price is or would meet another one.

        What was filled in this bar has its next order only at the close.
        """
        price = self.desk.price
        at_price = {cell.resting_side for cell in self._cells if cell.order is not None and cell.resting_price == price}
        fresh: list[_Cell] = []
        self._kept = []
        for cell in self._cells:
            if cell.order is not None or (cell.filled_bar == self.bar and not is_close):
                continue
            if cell.is_passed_at(price) or (cell.resting_price == price and -cell.resting_side in at_price):
                self._kept.append(cell)
                continue
            fresh.append(cell)
            if cell.resting_price == price:
                at_price.add(cell.resting_side)
        await self._send(fresh)

    async def _place_kept(self, piece: Piece) -> None:
        """What this price has passed is passed, alone in the book; the others rest."""
        price = self.desk.price
        sides: tuple[Direction, Direction] = (-1, 1)
        for side in sides:
            passed = [cell for cell in self._kept if cell.resting_side == side and cell.is_passed_at(price)]
            if passed:
                first = min(cell.resting_price * -side for cell in passed)  # of these the farthest behind the price
                await self._withdraw(
                    [
                        cell
                        for cell in self._cells
                        if cell.order is not None and cell.resting_side != side and cell.resting_price * -side >= first
                    ]
                )
                self.desk.leave()
                await self._send(passed)
                await self.show(price, piece)
        self.desk.leave()
        await self._place(is_close=False)
        await self.show(price, piece)

    async def _withdraw(self, cells: Sequence[_Cell]) -> None:
        for cell in cells:
            assert cell.order is not None, "they are chosen by it"
            self.desk.cancel(cell.order)
            cell.order = None
        await self.desk.settle()

    async def _send(self, cells: Sequence[_Cell]) -> None:
        for first in range(0, len(cells), _AT_ONCE):
            for cell in cells[first : first + _AT_ONCE]:
                cell.order = self.desk.order(cell.resting_side, cell.quantity, price=cell.resting_price)
            await self.desk.settle()

    async def _close_all(self, reason: str, piece: Piece) -> None:
        sides: tuple[Direction, Direction] = (1, -1)
        for side in sides:
            quantity = sum((lot.quantity for _, lot in self._held() if lot.direction == -side), ZERO)
            if quantity:
                self._at_market[side] = reason
                self.desk.order(side, quantity)
                await self.settle(piece)
        if self.open_lots():
            raise LabFault("a grid was closed and something of it is still open")

    # Fills.

    def book_fill(self, fill: Execution, piece: Piece) -> None:
        intent = intent_of(fill.link_id)
        cell = next((cell for cell in self._cells if cell.order is not None and cell.order == intent), None)
        if cell is not None:
            self._book_resting(fill, cell, piece)
            return
        side: Direction = 1 if fill.side == "Buy" else -1
        reason = self._at_market.pop(side, None)
        if reason == "start":
            cells = [cell for cell in self._cells if self._opens_at_once(cell, decimal_of(piece.open))]
        elif reason is not None:
            cells = [cell for cell, lot in self._held() if lot.direction == -side]
        else:
            raise LabFault(f"a fill of {fill.quantity} {fill.side} belongs to no cell")
        if fill.quantity != sum((cell.quantity for cell in cells), ZERO):
            raise LabFault(f"a fill of {fill.quantity} {fill.side} is not what the cells come to")
        check_booked(fill.fee, fill.quantity * fill.price * self.taker)
        for cell in cells:
            if reason == "start":
                self._open(cell, fill.price, self.taker, piece)
            else:
                self._close(cell, fill.price, self.taker, piece, reason)

    def _book_resting(self, fill: Execution, cell: _Cell, piece: Piece) -> None:
        if fill.quantity != cell.quantity or fill.price != self.desk.on_grid(cell.resting_price):
            raise LabFault(f"a fill of {fill.quantity} at {fill.price} is not what the cell's order asked for")
        check_booked(fill.fee, fill.quantity * fill.price * self.maker)
        cell.order, cell.filled_bar = None, self.bar
        low, high = decimal_of(piece.low), decimal_of(piece.high)
        plan = self.plan
        is_ambiguous = (
            (low < cell.lower and high > cell.upper)
            or (plan.stop_below is not None and low <= plan.stop_below)
            or (plan.stop_above is not None and high >= plan.stop_above)
        )
        if cell.lot is None:
            self._open(cell, fill.price, self.maker, piece).is_ambiguous = is_ambiguous
        else:
            cell.lot.is_ambiguous |= is_ambiguous
            self._close(cell, fill.price, self.maker, piece, "take_profit")

    def _open(self, cell: _Cell, price: Decimal, rate: Decimal, piece: Piece) -> Lot:
        cell.lot = self.book.open(cell.direction, cell.quantity, price, rate, piece.time_ms, "grid", cell.number)
        cell.opened_bar = self.bar
        return cell.lot

    def _close(self, cell: _Cell, price: Decimal, rate: Decimal, piece: Piece, reason: str) -> None:
        assert cell.lot is not None, "only what is open is closed"
        is_end = reason == "end_of_data"
        cell.lot.bars = self.bar - cell.opened_bar + is_end
        time_ms = self.feed.close_ms(self.bar) if is_end else piece.time_ms
        self.book.close(cell.lot, price, rate, time_ms, reason)
        cell.lot = None

    # The close.

    def closes(self, bar: int, values: Values) -> None:
        self._exposed += bool(self.open_lots())

    async def decide(self, bar: int, values: Values) -> None:
        """A cell's next order rests from the next bar on."""
        if self._state == "running":
            self.desk.leave()
            await self._place(is_close=True)

    async def end(self, bar: int) -> None:
        if self.open_lots():
            self.without_slippage()
            await self._close_all("end_of_data", self.feed.whole(bar))
