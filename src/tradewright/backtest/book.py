"""The books of a run: lots that are open, trades that are closed, and the equity between.

Lives here: `Lot`, `Book`: exact sums in Decimal, rounded once for each trade; the same as doubles for a bar's mark.
Not here: what fills and when (`signal`, `dca`, `grid`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradewright.backtest.result import Trade
from tradewright.core.money import ZERO, rounded
from tradewright.strategy.prices import Direction, decimal_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = Decimal("1e-18")  # what money is rounded to, once for each trade
_SURE_RATIO = 1e-9  # doubles that differ by more say the same as the decimals


@dataclass(slots=True, kw_only=True)
class Lot:
    """An open position, or a cell's, from its first fill on. `cost` is the sum of quantity times price."""

    direction: Direction
    quantity: Decimal
    cost: Decimal
    fees: Decimal
    entry_time_ms: int
    reason: str
    cell: int = 0
    funding: Decimal = ZERO
    bars: int = 0
    is_ambiguous: bool = False

    @property
    def price(self) -> Decimal:
        """The average."""
        return self.cost / self.quantity


class Book:
    """`cash` is the equity without what is open: equity = cash + net quantity times price.

    To be used inside `core.money.exactly()`.
    """

    def __init__(self, capital: Decimal) -> None:
        self.cash = capital
        self.net = ZERO
        self.cash_mark, self.net_mark = float(capital), 0.0
        self.trades: list[Trade] = []
        self._marks: list[tuple[int, float, float]] = []

    def open(
        self,
        direction: Direction,
        quantity: Decimal,
        price: Decimal,
        rate: Decimal,
        time_ms: int,
        reason: str,
        cell: int = 0,
    ) -> Lot:
        """A fill that opens. `rate`: the fee, a fraction."""
        cost = quantity * price
        lot = Lot(
            direction=direction,
            quantity=quantity,
            cost=cost,
            fees=cost * rate,
            entry_time_ms=time_ms,
            reason=reason,
            cell=cell,
        )
        self.cash -= direction * cost + lot.fees
        self.net += direction * quantity
        return lot

    def add(self, lot: Lot, quantity: Decimal, price: Decimal, rate: Decimal) -> None:
        """A fill that makes a lot larger."""
        cost = quantity * price
        lot.quantity += quantity
        lot.cost += cost
        lot.fees += cost * rate
        self.cash -= lot.direction * cost + cost * rate
        self.net += lot.direction * quantity

    def pay_funding(self, lot: Lot, rate: Decimal, price: Decimal) -> None:
        paid = lot.direction * rate * lot.quantity * price
        lot.funding += paid
        self.cash -= paid

    def close(self, lot: Lot, price: Decimal, rate: Decimal, time_ms: int, reason: str) -> None:
        proceeds = lot.quantity * price
        fees = lot.fees + proceeds * rate
        pnl = rounded(lot.direction * (proceeds - lot.cost) - fees - lot.funding, SMALLEST)
        self.cash += lot.direction * lot.cost + lot.fees + lot.funding + pnl
        self.net -= lot.direction * lot.quantity
        self.trades.append(
            Trade(
                direction=lot.direction,
                quantity=lot.quantity,
                entry_time_ms=lot.entry_time_ms,
                entry_price=lot.price,
                entry_reason=lot.reason,
                exit_time_ms=time_ms,
                exit_price=price,
                exit_reason=reason,
                fees=rounded(fees, SMALLEST),
                funding=rounded(lot.funding, SMALLEST),
                pnl=pnl,
                pnl_pct=100.0 * float(pnl) / float(lot.cost) + 0.0,  # never -0
                bars=lot.bars,
                is_ambiguous=lot.is_ambiguous,
                cell=lot.cell,
            )
        )

    def equity(self, close: float) -> Decimal:
        return self.cash + self.net * decimal_of(close) if self.net else self.cash

    def is_at_most(self, least: Decimal, close: float) -> bool:
        """Whether the equity at this close is `least` or less: by doubles where they cannot err, else exactly."""
        open_mark = self.net_mark * close
        difference = self.cash_mark + open_mark - float(least)
        if abs(difference) > _SURE_RATIO * (abs(self.cash_mark) + abs(open_mark) + abs(float(least))):
            return difference < 0
        return self.equity(close) <= least

    def price_of(self, equity: Decimal) -> float | None:
        """The price at which the equity is about this; None while no price changes it."""
        return (float(equity) - self.cash_mark) / self.net_mark if self.net_mark else None

    def mark(self, bar: int) -> None:
        """What stands now is what the equity of this bar and of those after it is made of."""
        self.cash_mark, self.net_mark = float(self.cash), float(self.net)
        if self._marks and self._marks[-1][0] == bar:
            self._marks.pop()
        self._marks.append((bar, self.cash_mark, self.net_mark))

    def curve(self, first: int, closes: NDArray[np.float64], capital: Decimal) -> NDArray[np.float64]:
        """The equity at each of `closes`, the first of which is that of bar `first`."""
        import numpy as np

        marks = (
            self._marks if self._marks and self._marks[0][0] == first else [(first, float(capital), 0.0), *self._marks]
        )
        bars, cash, net = (np.array(column) for column in zip(*marks, strict=True))
        lengths = np.diff(np.append(bars, first + len(closes)))
        curve = np.repeat(net, lengths)
        curve *= closes
        curve += np.repeat(cash, lengths)
        return curve
