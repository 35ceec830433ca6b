"""A run's own money: what its fills have moved, to the last digit the exchange told.

Lives here: `RunBook` and `Round`, one position from its first fill until it is flat. Not here: what fills (`signal`),
the account's ledger (`trading.ledger`), books of a backtest, which make fees of rates (`backtest.book`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradewright.backtest.book import SMALLEST, Lot
from tradewright.core.money import ZERO, plain, rounded
from tradewright.strategy.prices import Direction, decimal_of

_SIDES: Mapping[Direction, str] = {1: "long", -1: "short"}


class RunBook:
    """`cash` is the equity without what is open. To be used inside `core.money.exactly()`."""

    def __init__(self, capital: Decimal) -> None:
        self.capital = capital
        self.cash, self.net = capital, ZERO
        self.fees = self.funding = ZERO
        self.trades = 0

    def fill(self, direction: Direction, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """`direction`: 1 buys. `fee` in quote coin, positive when paid."""
        self.cash -= direction * quantity * price + fee
        self.net += direction * quantity
        self.fees += fee

    def pay_funding(self, paid: Decimal) -> None:
        self.cash -= paid
        self.funding += paid

    def value(self, price: Decimal) -> Decimal:
        return self.cash + self.net * price

    # As brakes ask it.

    def equity(self, close: float) -> Decimal:  # lint: allow float-money: a candle's double, read back digit by digit
        return self.value(decimal_of(close)) if self.net else self.cash

    def is_at_most(
        self,
        least: Decimal,
        close: float,  # lint: allow float-money: a candle's double
    ) -> bool:
        return self.equity(close) <= least

    def totals(self, price: Decimal, position: Mapping[str, Any] | None) -> dict[str, Any]:
        """`net` is after fees and funding, `gross` before them; what is open counts at `price`."""
        equity = self.value(price)
        net = equity - self.capital
        return {
            "net": _money(net),
            "gross": _money(net + self.fees + self.funding),
            "fees": _money(self.fees),
            "funding": _money(self.funding),
            "trades": self.trades,
            "equity": _money(equity),
            "position": position,
        }

    def memory(self) -> dict[str, Any]:
        return {
            "cash": plain(self.cash),
            "net": plain(self.net),
            "fees": plain(self.fees),
            "funding": plain(self.funding),
            "trades": self.trades,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.cash, self.net = Decimal(kept["cash"]), Decimal(kept["net"])
        self.fees, self.funding = Decimal(kept["fees"]), Decimal(kept["funding"])
        self.trades = int(kept["trades"])


@dataclass(slots=True, kw_only=True)
class Round:
    """What was taken off a position so far. The lot is what was put on."""

    quantity: Decimal = ZERO
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO

    def take(self, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        self.quantity += quantity
        self.proceeds += quantity * price
        self.fees += fee

    def trade(self, lot: Lot, exit_time_ms: int, exit_reason: str) -> dict[str, Any]:
        """As a backtest tells a trade; times are those of the bars in which the fills happened."""
        fees = lot.fees + self.fees
        pnl = rounded(lot.direction * (self.proceeds - lot.cost) - fees - lot.funding, SMALLEST)
        return {
            "side": _SIDES[lot.direction],
            "qty": plain(lot.quantity),
            "entry_time": lot.entry_time_ms,
            "entry_price": _price(lot.cost, lot.quantity),
            "entry_reason": lot.reason,
            "exit_time": exit_time_ms,
            "exit_price": _price(self.proceeds, self.quantity),
            "exit_reason": exit_reason,
            "fees": _money(fees),
            "funding": _money(lot.funding),
            "pnl": plain(pnl),
            "pnl_pct": _percent(pnl, lot.cost),
            "bars": lot.bars,
            "cell": lot.cell,
        }

    def memory(self) -> dict[str, str]:
        return {"quantity": plain(self.quantity), "proceeds": plain(self.proceeds), "fees": plain(self.fees)}

    @classmethod
    def restored(cls, kept: Mapping[str, str]) -> Round:
        return cls(quantity=Decimal(kept["quantity"]), proceeds=Decimal(kept["proceeds"]), fees=Decimal(kept["fees"]))


def lot_memory(lot: Lot) -> dict[str, Any]:
    return {
        "direction": lot.direction,
        "quantity": plain(lot.quantity),
        "cost": plain(lot.cost),
        "fees": plain(lot.fees),
        "entry_time_ms": lot.entry_time_ms,
        "reason": lot.reason,
        "cell": lot.cell,
        "funding": plain(lot.funding),
        "bars": lot.bars,
    }


def lot_restored(kept: Mapping[str, Any]) -> Lot:
    return Lot(
        direction=1 if kept["direction"] == 1 else -1,
        quantity=Decimal(kept["quantity"]),
        cost=Decimal(kept["cost"]),
        fees=Decimal(kept["fees"]),
        entry_time_ms=int(kept["entry_time_ms"]),
        reason=kept["reason"],
        cell=int(kept["cell"]),
        funding=Decimal(kept["funding"]),
        bars=int(kept["bars"]),
    )


def _money(amount: Decimal) -> str:
    return plain(rounded(amount, SMALLEST))


def _price(money: Decimal, quantity: Decimal) -> str:
    """An average; of one fill it is that fill's price, digit for digit."""
    return plain(rounded(money / quantity, SMALLEST))


def _percent(pnl: Decimal, cost: Decimal) -> float:
    return 100.0 * float(pnl) / float(cost) + 0.0  # lint: allow float-money: a ratio, never -0
