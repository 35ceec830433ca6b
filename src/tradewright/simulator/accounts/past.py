"""What the account's log adds up to for its holder: profits of closing orders, and every movement of a coin.

Lives here: `closed_orders` and `Movements`, both from what happened alone. Not here: their rows (`rest.past`), closed
positions of options (`closed_options`).
Bybit's entry and exit prices of a closed profit have fees in them; here they are those of the executions, and the fees
stand beside them: profit = exit less entry (a short: entry less exit) less both fees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts import spot
from tradewright.simulator.accounts.account import Execution, cash_flow
from tradewright.simulator.accounts.contracts import profit_of, rounded, value_of
from tradewright.simulator.accounts.events import Entry, ExecType, Funded, FundingPaid, OrderFilled
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, PositionKey
from tradewright.simulator.market.model import is_inverse


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
    exec_type: ExecType = "Trade"  # of the last closing fill

    @property
    def profit(self) -> Decimal:
        is_long = self.order.side == "Sell"
        gross = profit_of(self.order.symbol, is_long=is_long, cost=self.entry_value, value=self.exit_value)
        return gross - self.open_fee - self.close_fee


def entry_value(fill: OrderFilled) -> Decimal:
    """What the part that a fill closes was opened for (settle coin), from its profit."""
    value = value_of(fill.symbol, fill.closed_quantity, fill.price)
    gains_with_value = (fill.side == "Sell") != is_inverse(fill.symbol)
    return value - fill.realised if gains_with_value else value + fill.realised


def entry_price(fill: OrderFilled) -> Decimal | None:
    """The average price (quote coin) of the part that a fill closes; None if it closes nothing."""
    value = entry_value(fill)
    if not fill.closed_quantity or not value:
        return None
    return fill.closed_quantity / value if is_inverse(fill.symbol) else value / fill.closed_quantity


def closed_orders(executions: Iterable[Execution]) -> list[ClosedOrder]:
    """The closing orders among all executions of contracts, in the order of their last closing fill.

    The fees of opening are shared out by size, rounded to eight places until the position is flat, so that nothing of
    them is lost.
    """
    sizes: dict[PositionKey, Decimal] = {}
    fees: dict[PositionKey, Decimal] = {}  # paid for the open part of each position
    found: dict[str, ClosedOrder] = {}
    for execution in executions:
        fill, order = execution.fill, execution.order
        if order.is_spot:
            continue
        key: PositionKey = (fill.symbol, fill.position_index)
        held = sizes.get(key, ZERO)  # unsigned
        closed, opened = fill.closed_quantity, fill.quantity - fill.closed_quantity
        closing_fee = fill.fee if not opened else rounded(fill.fee * closed / fill.quantity)
        if closed:
            pool = fees.get(key, ZERO)
            share = pool if closed == held else rounded(pool * closed / held)
            fees[key] = pool - share
            part = ClosedOrder(
                order=order,
                seq=execution.seq,
                quantity=closed,
                entry_value=entry_value(fill),
                exit_value=value_of(fill.symbol, closed, fill.price),
                open_fee=share,
                close_fee=closing_fee,
                fills=1,
                first_ms=fill.at.wall_ms,
                last_ms=fill.at.wall_ms,
                exec_type=fill.exec_type,
            )
            before = found.pop(order.order_id, None)
            found[order.order_id] = part if before is None else _sum(before, part)
        fees[key] = fees.get(key, ZERO) + fill.fee - closing_fee
        sizes[key] = held - closed + opened
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
    """One change of a coin's balance. `fill` or `funding` is what it came of, neither where money was paid in or out;
    `place` counts all movements.
    """

    place: int
    coin: str
    at_ms: int
    cash: Decimal  # without the fee
    fee: Decimal
    balance: Decimal
    rest_size: Decimal  # of the position after it, signed; 0 on spot
    fill: OrderFilled | None = None
    funding: FundingPaid | None = None

    @property
    def funding_received(self) -> Decimal:
        """Negative when it was paid."""
        return ZERO if self.funding is None else -self.funding.fee

    @property
    def change(self) -> Decimal:
        return self.cash + self.funding_received - self.fee


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
                case FundingPaid():
                    self._add(event.settle_coin, event.at.wall_ms, cash=ZERO, funding=event)
                case _:
                    pass
        self._entries = len(entries)
        return self.all

    def _add(
        self,
        coin: str,
        at_ms: int,
        *,
        cash: Decimal,
        fee: Decimal = ZERO,
        fill: OrderFilled | None = None,
        funding: FundingPaid | None = None,
    ) -> None:
        cause = fill or funding
        movement = Movement(
            place=len(self.all) + 1,
            coin=coin,
            at_ms=at_ms,
            cash=cash,
            fee=fee,
            balance=ZERO,
            rest_size=ZERO if cause is None else self._sizes.get((cause.symbol, cause.position_index), ZERO),
            fill=fill,
            funding=funding,
        )
        balance = self._balances.get(coin, ZERO) + movement.change
        self._balances[coin] = balance
        self.all.append(replace(movement, balance=balance))
