"""Positions in options that are over: opened, closed by trades or by delivery, and what came of them.

Lives here: `closed_options`, from the executions alone. Not here: their rows (`rest.past`), closing orders of contracts
(`past`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts.account import Execution
from tradewright.simulator.accounts.events import OrderFilled, Side
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.market.model import is_option


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedOption:
    """One position from flat to flat. Values and fees in the settle coin; `side` is the position's; `seq` is that of
    the fill that ended it. `delivery_price` is None where it was not delivered.
    """

    symbol: str
    side: Side
    quantity: Decimal  # all that was opened
    entry_value: Decimal
    exit_value: Decimal
    open_fee: Decimal
    close_fee: Decimal
    delivery_fee: Decimal
    delivery_price: Decimal | None
    open_ms: int
    close_ms: int
    seq: int

    @property
    def profit(self) -> Decimal:
        gross = self.exit_value - self.entry_value
        return (gross if self.side == "Buy" else -gross) - self.open_fee - self.close_fee - self.delivery_fee


def closed_options(executions: Iterable[Execution]) -> list[ClosedOption]:
    """In the order of their ends. A fill that closes one position and opens the opposite one shares out its fee by
    size.
    """
    running: dict[str, ClosedOption] = {}
    held: dict[str, Decimal] = {}
    over: list[ClosedOption] = []
    for execution in executions:
        fill = execution.fill
        if not is_option(fill.symbol):
            continue
        closed, opened = fill.closed_quantity, fill.quantity - fill.closed_quantity
        closing_fee = fill.fee * closed / fill.quantity
        if closed:
            position = running[fill.symbol] = _closing(running[fill.symbol], fill, closing_fee, seq=execution.seq)
            held[fill.symbol] -= closed
            if not held[fill.symbol]:
                over.append(position)
                del running[fill.symbol], held[fill.symbol]
        if opened:
            before = running.get(fill.symbol) or _fresh(fill)
            running[fill.symbol] = replace(
                before,
                quantity=before.quantity + opened,
                entry_value=before.entry_value + opened * fill.price,
                open_fee=before.open_fee + fill.fee - closing_fee,
            )
            held[fill.symbol] = held.get(fill.symbol, ZERO) + opened
    return over


def _fresh(fill: OrderFilled) -> ClosedOption:
    return ClosedOption(
        symbol=fill.symbol,
        side=fill.side,
        quantity=ZERO,
        entry_value=ZERO,
        exit_value=ZERO,
        open_fee=ZERO,
        close_fee=ZERO,
        delivery_fee=ZERO,
        delivery_price=None,
        open_ms=fill.at.wall_ms,
        close_ms=fill.at.wall_ms,
        seq=0,
    )


def _closing(position: ClosedOption, fill: OrderFilled, fee: Decimal, *, seq: int) -> ClosedOption:
    is_delivery = fill.exec_type == "Delivery"
    return replace(
        position,
        exit_value=position.exit_value + fill.closed_quantity * fill.price,
        close_fee=position.close_fee + (ZERO if is_delivery else fee),
        delivery_fee=position.delivery_fee + (fee if is_delivery else ZERO),
        delivery_price=fill.price if is_delivery else position.delivery_price,
        close_ms=fill.at.wall_ms,
        seq=seq,
    )
