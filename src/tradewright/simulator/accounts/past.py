"""What the account's log adds up to for its holder: profits of closing orders, and every movement of a coin.

Lives here: `closed_orders` and `Movements`, both from what happened alone. Not here: their rows (`rest_past`).
Bybit's entry and exit prices of a closed profit have fees in them; here they are those of the executions, and the fees
stand beside them: profit = exit less entry (a short: entry less exit) less both fees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.account import Execution, cash_flow
from tradewright.simulator.accounts.events import Entry, Funded, OrderFilled
from tradewright.simulator.accounts.margin import rounded
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedOrder:
    """What one order closed of a position. Values in the settle coin; `order` as its last closing fill left it, `seq`
    is that fill's.
    """

    order: Order
    seq: int
    quantity: Decimal
    entry_value: Decimal
    exit_value: Decimal
    open_fee: Decimal
    close_fee: Decimal
    fills: int
    first_ms: int
    last_ms: int

    @property
    def profit(self) -> Decimal:
        gross = self.exit_value - self.entry_value
        return (gross if self.order.side == "Sell" else -gross) - self.open_fee - self.close_fee


def closed_orders(executions: Iterable[Execution]) -> list[ClosedOrder]:
    """The closing orders among all executions of contracts, in the order of their last closing fill.

    The fees of opening are shared out by size, rounded to eight places until the position is flat, so that nothing of
    them is lost.
    """
    sizes: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}  # paid for the open part of each position
    found: dict[str, ClosedOrder] = {}
    for execution in executions:
        fill, order = execution.fill, execution.order
        if order.is_spot:
            continue
        held = sizes.get(fill.symbol, ZERO)  # base coin, unsigned
        closed, opened = fill.closed_quantity, fill.quantity - fill.closed_quantity
        closing_fee = fill.fee if not opened else rounded(fill.fee * closed / fill.quantity)
        if closed:
            pool = fees.get(fill.symbol, ZERO)
            share = pool if closed == held else rounded(pool * closed / held)
            fees[fill.symbol] = pool - share
            exit_value = fill.price * closed
            part = ClosedOrder(
                order=order,
                seq=execution.seq,
                quantity=closed,
                entry_value=exit_value - fill.realised if fill.side == "Sell" else exit_value + fill.realised,
                exit_value=exit_value,
                open_fee=share,
                close_fee=closing_fee,
                fills=1,
                first_ms=fill.at.wall_ms,
                last_ms=fill.at.wall_ms,
            )
            before = found.pop(order.order_id, None)
            found[order.order_id] = part if before is None else _sum(before, part)
        fees[fill.symbol] = fees.get(fill.symbol, ZERO) + fill.fee - closing_fee
        sizes[fill.symbol] = held - closed + opened
    return list(found.values())


def _sum(before: ClosedOrder, part: ClosedOrder) -> ClosedOrder:
    return replace(
        part,
        quantity=before.quantity + part.quantity,
        entry_value=before.entry_value + part.entry_value,
        exit_value=before.exit_value + part.exit_value,
        open_fee=before.open_fee + part.open_fee,
        close_fee=before.close_fee + part.close_fee,
        fills=before.fills + 1,
        first_ms=before.first_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One change of a coin's balance. `fill` is None where money was paid in or out; `place` counts all movements."""

    place: int
    coin: str
    at_ms: int
    cash: Decimal  # without the fee
    fee: Decimal
    balance: Decimal
    rest_size: Decimal  # of the position after it, signed; 0 on spot
    fill: OrderFilled | None = None

    @property
    def change(self) -> Decimal:
        return self.cash - self.fee


class Movements:
    """The movements of a log so far, oldest first; `read` takes in what came since it was last called."""

    def __init__(self) -> None:
        self.all: list[Movement] = []
        self._entries = 0
        self._balances: dict[str, Decimal] = {}
        self._sizes: dict[PositionKey, Decimal] = {}

    def read(self, entries: Sequence[Entry]) -> list[Movement]:
        for entry in entries[self._entries :]:
            event = entry.event
            match event:
                case Funded(coin=coin, amount=amount):
                    self._add(coin, event.at.wall_ms, cash=amount)
                case OrderFilled() if event.base_coin:
                    for coin, change in spot.flows(event).items():
                        fee = event.fee if coin == event.fee_coin else ZERO
                        self._add(coin, event.at.wall_ms, cash=change + fee, fee=fee, fill=event)
                case OrderFilled():
                    signed = event.quantity if event.side == "Buy" else -event.quantity
                    key: PositionKey = (event.symbol, event.position_index)
                    self._sizes[key] = self._sizes.get(key, ZERO) + signed
                    cash = cash_flow(event) + event.fee
                    self._add(event.settle_coin, event.at.wall_ms, cash=cash, fee=event.fee, fill=event)
                case _:
                    pass
        self._entries = len(entries)
        return self.all

    def _add(
        self, coin: str, at_ms: int, *, cash: Decimal, fee: Decimal = ZERO, fill: OrderFilled | None = None
    ) -> None:
        balance = self._balances.get(coin, ZERO) + cash - fee
        self._balances[coin] = balance
        rest_size = ZERO if fill is None else self._sizes.get((fill.symbol, fill.position_index), ZERO)
        self.all.append(
            Movement(
                place=len(self.all) + 1,
                coin=coin,
                at_ms=at_ms,
                cash=cash,
                fee=fee,
                balance=balance,
                rest_size=rest_size,
                fill=fill,
            )
        )
