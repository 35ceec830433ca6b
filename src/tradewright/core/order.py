"""Orders: what we ask for, what the exchange says of them, and the moves between their states.

Lives here: `NewOrder`, the remote facts (`RemoteOrder`, `Execution`, `RemotePosition`, `Wallet`), `OrderState` and
`apply`, the tracker: which state follows from one report of the exchange.
Not here: talking to the exchange (`exchange`), saving (`trading.store`), the word a person reads (`core.order_status`).
No I/O and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tradewright.core.ids import ExchangeOrderId, ExecutionId, LinkId
from tradewright.core.instrument import InstrumentId, OrderType, Side, TimeInForce
from tradewright.core.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to be sent: already on the instrument's grid, with the client id it keeps for ever."""

    link_id: LinkId
    instrument: InstrumentId
    side: Side
    order_type: OrderType
    quantity: Decimal  # base coin
    price: Decimal | None  # quote per base; None for a market order
    time_in_force: TimeInForce
    reduce_only: bool = False


OrderState = Literal[
    "waiting_trigger", "working", "partially_filled", "filled", "cancelled", "rejected", "expired", "unrecognised"
]
LIVE_STATES: frozenset[OrderState] = frozenset({"waiting_trigger", "working", "partially_filled", "unrecognised"})
FINAL_STATES: frozenset[OrderState] = frozenset({"filled", "cancelled", "rejected", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOrder:
    """One report of an order by the exchange, over REST or the private stream.

    `state` is our reading of its `orderStatus`; `unrecognised` is a status we do not know: it counts as live.
    """

    exchange_order_id: ExchangeOrderId
    link_id: str  # "" when the order was placed without one
    instrument: InstrumentId
    side: Side
    order_type: OrderType
    time_in_force: str
    quantity: Decimal
    price: Decimal | None
    state: OrderState
    filled_quantity: Decimal
    average_price: Decimal | None
    reduce_only: bool
    reject_reason: str  # the exchange's word, "" when it gives none
    cancel_type: str
    raw_status: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill (or funding, or another venue-made booking: see `exec_type`). Booked once each, by `exec_id`."""

    exec_id: ExecutionId
    exchange_order_id: ExchangeOrderId
    link_id: str
    instrument: InstrumentId
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal  # positive = paid, negative = received
    fee_coin: str
    is_maker: bool
    exec_type: str  # "Trade" is a fill; see the exchange's list for others
    executed_at: datetime
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePosition:
    """A position as the exchange reports it. `size` is never negative; `side` is None when flat."""

    instrument: InstrumentId
    position_index: int  # 0 one-way, 1 hedge long, 2 hedge short
    side: Side | None
    size: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    liquidation_price: Decimal | None
    leverage: Decimal | None
    unrealised_pnl: Decimal
    realised_pnl: Decimal  # cumulative
    initial_margin: Decimal
    sequence: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinBalance:
    coin: str
    wallet_balance: Decimal
    equity: Decimal
    order_margin: Decimal
    position_margin: Decimal
    unrealised_pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """The unified account's wallet. Account-level figures are USD and None where the exchange leaves them empty."""

    total_equity: Decimal | None
    total_available: Decimal | None
    reported_at: datetime  # by the exchange's clock; the rows themselves carry no time
    coins: Mapping[str, CoinBalance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedOrder:
    """What we hold of an order: the newest report that was not stale."""

    state: OrderState
    quantity: Decimal
    price: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    reject_reason: str
    updated_at: datetime


_RANK: Mapping[OrderState, int] = {
    "unrecognised": 0,
    "waiting_trigger": 1,
    "working": 2,
    "partially_filled": 3,
    "cancelled": 4,
    "rejected": 4,
    "expired": 4,
    "filled": 5,
}


def apply(known: TrackedOrder | None, report: RemoteOrder) -> TrackedOrder | None:
    """The order after one report, or None when the report changes nothing (a repeat, or older than what we hold).

    Rules: a final state absorbs; the filled quantity never shrinks; between live states the later `updated_at` wins
    and, at the same time, the state further along. A report that carries a final state is taken whatever its time,
    because the exchange never takes a final state back.
    """
    candidate = TrackedOrder(
        state=report.state,
        quantity=report.quantity,
        price=report.price,
        filled_quantity=report.filled_quantity,
        average_price=report.average_price,
        reject_reason=report.reject_reason,
        updated_at=report.updated_at,
    )
    if known is None:
        return candidate
    if known.state in FINAL_STATES:
        return None
    if candidate.state in FINAL_STATES:
        return replace(candidate, filled_quantity=max(candidate.filled_quantity, known.filled_quantity))
    if candidate.updated_at < known.updated_at or candidate.filled_quantity < known.filled_quantity:
        return None
    if candidate.updated_at == known.updated_at and _RANK[candidate.state] < _RANK[known.state]:
        return None
    return None if candidate == known else candidate


def exposed_quantity(state: OrderState, quantity: Decimal, filled: Decimal) -> Decimal:
    """What may still be filled (base coin): nothing once the order is final."""
    return ZERO if state in FINAL_STATES else quantity - filled
