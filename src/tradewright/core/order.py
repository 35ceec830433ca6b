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
from tradewright.core.instrument import InstrumentId, OrderType, QuantityUnit, Side, TimeInForce, TriggerBy
from tradewright.core.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What sets a conditional order off. `rises`: the price comes from below; else it falls to the trigger."""

    price: Decimal
    by: TriggerBy
    rises: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """One leg that takes a position off: a take-profit or a stop-loss. `limit_price` None: at market."""

    trigger_price: Decimal
    trigger_by: TriggerBy = "LastPrice"
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to be sent: already on the instrument's grid, with the client id it keeps for ever."""

    link_id: LinkId
    instrument: InstrumentId
    side: Side
    order_type: OrderType
    quantity: Decimal  # base coin; zero, reduce-only: all of the position
    price: Decimal | None  # quote per base; None for a market order
    time_in_force: TimeInForce
    reduce_only: bool = False
    quantity_unit: QuantityUnit = "base"
    trigger: Trigger | None = None  # makes it a conditional order
    take_profit: Exit | None = None  # attached: the exchange makes them orders once this one fills
    stop_loss: Exit | None = None
    slippage_percent: Decimal | None = None  # of a market order: how far from the best price it may fill, 0.01 to 10
    position_index: int = 0  # 0 one-way; in hedge mode the leg it opens or closes: 1 long, 2 short


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What an amend asks; None leaves a thing as it is. `quantity` is the new total; an exit of zero removes it."""

    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionExits:
    """What is asked of a position's own take-profit, stop-loss and trailing stop (of its full size, at market).

    None leaves a leg as it is, zero removes it. `trailing_stop` is a distance in quote coin; it follows the last price
    from `trailing_active_price` on, at once where that is None. `position_index` names the leg in hedge mode.
    """

    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit_by: TriggerBy = "LastPrice"
    stop_loss_by: TriggerBy = "LastPrice"
    trailing_stop: Decimal | None = None
    trailing_active_price: Decimal | None = None
    position_index: int = 0

    @property
    def removes_one(self) -> bool:
        return 0 in (self.take_profit, self.stop_loss, self.trailing_stop)


OrderState = Literal[
    "waiting_trigger", "working", "partially_filled", "filled", "cancelled", "rejected", "expired", "unrecognised"
]
LIVE_STATES: frozenset[OrderState] = frozenset({"waiting_trigger", "working", "partially_filled", "unrecognised"})
FINAL_STATES: frozenset[OrderState] = frozenset({"filled", "cancelled", "rejected", "expired"})


ATTACHED_TYPES = frozenset({"TakeProfit", "StopLoss", "PartialTakeProfit", "PartialStopLoss", "TrailingStop"})


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
    quantity_unit: QuantityUnit = "base"
    trigger_price: Decimal | None = None
    trigger_by: str = ""
    trigger_rises: bool | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_order_type: str = ""  # the exchange's word: Stop, TakeProfit, StopLoss, …; "" for a plain order
    parent_link_id: str = ""  # of an exit that the exchange made for an order of ours
    close_on_trigger: bool = False
    position_index: int = 0  # 0 one-way, 1 hedge long, 2 hedge short: the leg that its fills belong to

    @property
    def is_attached(self) -> bool:
        """Whether the exchange made it itself, as the exit of a position or of another order."""
        return bool(self.parent_link_id) or self.stop_order_type in ATTACHED_TYPES


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
    value: Decimal | None = None  # quote coin, at the exchange's mark
    maintenance_margin: Decimal | None = None
    take_profit: Decimal | None = None  # of the full position, as read back
    stop_loss: Decimal | None = None
    trailing_stop: Decimal | None = None
    break_even_price: Decimal | None = None
    adl_rank: int | None = None  # 0 to 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinBalance:
    coin: str
    wallet_balance: Decimal
    equity: Decimal
    order_margin: Decimal
    position_margin: Decimal
    unrealised_pnl: Decimal
    locked: Decimal = ZERO  # by open spot orders
    usd_value: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """What the account pays, as fractions of an order's value. `assumed`: the exchange would not say, a default."""

    maker: Decimal
    taker: Decimal
    assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What the exchange says of an API key: whose it is and what it may do."""

    uid: str
    read_only: bool
    may_trade: bool
    may_withdraw: bool
    permissions: Mapping[str, tuple[str, ...]]
    ips: tuple[str, ...]  # "*" alone: from everywhere
    expires_at: datetime | None
    is_unified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountModes:
    """How the account is set: `margin_mode` is the exchange's word, e.g. REGULAR_MARGIN (cross), ISOLATED_MARGIN."""

    margin_mode: str


MarginMode = Literal["REGULAR_MARGIN", "ISOLATED_MARGIN"]  # cross and isolated: those that may be asked for here


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolMode:
    """How positions of one contract are held: one for both sides, or in hedge mode a long and a short leg."""

    instrument: InstrumentId
    hedge: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """The unified account's wallet. Account-level figures are USD and None where the exchange leaves them empty."""

    total_equity: Decimal | None
    total_available: Decimal | None
    reported_at: datetime  # by the exchange's clock; the rows themselves carry no time
    coins: Mapping[str, CoinBalance] = field(default_factory=dict)
    is_whole: bool = False  # it names every coin that is held; else only those that moved
    read_after: datetime | None = None  # `reported_at` of the one that was held when this one was asked for

    def replaces(self, held_at: datetime | None) -> bool:
        """Whether it is newer than the one that is held, which was reported then: by its time, or because it was asked
        for when that one was there already. The exchange's clock may have been put back in between."""
        return held_at is None or self.reported_at >= held_at or self.read_after == held_at


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
    trigger_price: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None


UNSEEN = "unseen"  # why an order has ended that the exchange shows nowhere any more: our word, not one of its own

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

    Rules: a final state absorbs, but for one that is only ours (`UNSEEN`); the filled quantity never shrinks; between
    live states the later `updated_at` wins and, at the same time, the state further along. A report that carries a
    final state is taken whatever its time, because the exchange never takes a final state back.
    """
    candidate = TrackedOrder(
        state=report.state,
        quantity=report.quantity,
        price=report.price,
        filled_quantity=report.filled_quantity,
        average_price=report.average_price,
        reject_reason=report.reject_reason,
        updated_at=report.updated_at,
        trigger_price=report.trigger_price,
        take_profit=report.take_profit,
        stop_loss=report.stop_loss,
    )
    if known is None:
        return candidate
    is_unseen = known.reject_reason == UNSEEN  # only we called it ended: whatever is reported of it after all counts
    if known.state in FINAL_STATES and not is_unseen:
        return None
    if candidate.state in FINAL_STATES:
        return replace(candidate, filled_quantity=max(candidate.filled_quantity, known.filled_quantity))
    if candidate.updated_at < known.updated_at or candidate.filled_quantity < known.filled_quantity:
        return None
    if not is_unseen and candidate.updated_at == known.updated_at and _RANK[candidate.state] < _RANK[known.state]:
        return None
    return None if candidate == known else candidate


def exposed_quantity(state: OrderState, quantity: Decimal, filled: Decimal) -> Decimal:
    """What may still be filled (base coin, never negative): nothing once the order is final, or filled beyond it."""
    return ZERO if state in FINAL_STATES else max(quantity - filled, ZERO)
