"""Shapes of accounts, orders, positions, fills, balances and intents."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tradewright.core.instrument import Category, OrderType, QuantityUnit, Side, TimeInForce, TriggerBy
from tradewright.core.order_status import IntentState, OrderStatus
from tradewright.web.schemas.base import DecimalText, Environment, Fault, Input, Output, UnixMs
from tradewright.web.schemas.problems import FieldProblem

NOTE_LENGTH_MAX = 64

SymbolText = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$", max_length=32)]  # dated ones have a dash
PlainText = Annotated[str, Field(max_length=NOTE_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]
# In a strict model a UUID would have to be an object; JSON brings text.
IdText = Annotated[UUID, Field(strict=False)]


PositionIndex = Literal[0, 1, 2]


class AccountSession(Output):
    state: Literal["connecting", "reconciling", "ready", "degraded", "closed"]
    reason: Fault | None
    since_ms: UnixMs


class Capabilities(Output):
    """What an account can do, by its environment and its key; a control that is disabled says which of them lacks."""

    can_trade_linear: bool
    can_trade_spot: bool
    can_amend: bool
    can_place_conditional: bool
    can_attach_exits: bool
    can_set_leverage: bool
    can_trail_stops: bool
    can_set_margin_mode: bool
    can_set_position_mode: bool
    can_batch_linear: bool = Field(description="Several orders go in one request")
    can_batch_spot: bool
    has_fee_rates: bool
    has_trade_stream: bool = Field(description="The environment takes orders by WebSocket; we do not use it")


class AccountStop(Output):
    """The exchange refused the key or the account itself: nothing that adds exposure is sent until it is lifted."""

    exchange_code: int | None
    exchange_text: str | None
    since_ms: UnixMs


class ResumeAnswer(Output):
    was_stopped: bool


class EndpointBudget(Output):
    path: str
    used: int = Field(description="Calls that count in the last second, or that may still arrive")
    limit: int
    waiting: int
    is_closed: bool = Field(description="The exchange has said that it takes no more until then")
    resets_ms: UnixMs


class RateBudget(Output):
    """What may be asked of the exchange. `address_*`: this process's part of what one address may ask in 5 seconds."""

    told_ms: UnixMs | None = Field(description="When the account's owner told it; null: never yet")
    endpoints: list[EndpointBudget]
    address_used: int
    address_limit: int
    silent_until_ms: UnixMs | None = Field(description="The exchange blocked the address: nothing is sent until then")


class Account(Output):
    id: UUID
    name: str
    environment: Environment
    exchange: Literal["bybit"]
    connection_id: UUID | None = Field(description="Null for the account on the built-in simulated exchange")
    capabilities: Capabilities
    margin_mode: str | None = Field(
        description="The exchange's word: REGULAR_MARGIN (cross), ISOLATED_MARGIN; null unread"
    )
    position_mode: Literal["one_way", "by_symbol"] = Field(
        description="By symbol: of some contracts two legs are held (hedge mode), as each symbol says"
    )
    session: AccountSession
    stopped: AccountStop | None
    drift_count: int
    reconciled_ms: UnixMs | None = Field(description="When everything was last read whole from the exchange")


class AccountList(Output):
    accounts: list[Account]


class Reason(Output):
    """Why something was refused or rejected; the exchange's own code and text stand apart."""

    code: str
    params: dict[str, str]
    exchange_code: int | None
    exchange_text: str | None


class CancelAsked(Output):
    intent_id: UUID
    state: IntentState


class AmendAsked(Output):
    """The newest change asked of an order; null leaves a thing as it is, an exit of "0" removes it."""

    intent_id: UUID
    state: IntentState
    quantity: DecimalText | None
    price: DecimalText | None
    trigger_price: DecimalText | None
    take_profit: DecimalText | None
    stop_loss: DecimalText | None
    reason: Reason | None


class Trigger(Output):
    price: DecimalText
    by: TriggerBy
    rises: bool = Field(description="Sets off when the price rises to it; false: when it falls to it")


# attached: made by the exchange for a take-profit or stop-loss; adopted: placed elsewhere and taken as ours by a
# person since; guardian, kill, drift: by the account's owner itself
Source = Literal["manual", "external", "adopted", "attached", "guardian", "kill", "drift"]


class Order(Output):
    id: UUID = Field(description="The intent's id when the order is ours")
    account_id: UUID
    environment: Environment
    source: Source
    category: Category
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: str
    quantity: DecimalText
    quantity_unit: QuantityUnit
    price: DecimalText | None
    reduce_only: bool
    position_index: int = Field(description="0 one-way; in hedge mode the leg: 1 long, 2 short")
    trigger: Trigger | None
    take_profit: DecimalText | None
    stop_loss: DecimalText | None
    stop_order_type: str | None = Field(description="The exchange's word (Stop, TakeProfit, StopLoss, …); null: plain")
    parent_order_id: UUID | None = Field(description="Of an attached exit: the order it was asked with, where known")
    slippage_percent: DecimalText | None
    filled_quantity: DecimalText
    average_price: DecimalText | None
    status: OrderStatus
    reason: Reason | None
    link_id: str | None
    exchange_order_id: str | None
    cancel: CancelAsked | None
    amend: AmendAsked | None
    valid_until_ms: UnixMs | None
    note: str | None
    created_ms: UnixMs
    updated_ms: UnixMs
    version: int


class OrderPage(Output):
    orders: list[Order]
    next: str | None = Field(description="Cursor of the next, older page; null at the end")


class Protection(Output):
    """Of a position with a stop in its plan. It is protected only while the exchange shows that stop."""

    state: Literal["protected", "naked", "repairing", "flattening"]
    stop: DecimalText
    naked_since_ms: UnixMs | None = Field(description="Since when it is seen without its stop; null: it is protected")
    naked_ms_total: int = Field(description="Of this position, in milliseconds, without the time that goes on now")
    why: str | None = Field(description="A stable code, such as protection.missing")


class Position(Output):
    account_id: UUID
    category: Category
    symbol: str
    position_index: int
    side: Side | None
    size: DecimalText
    entry_price: DecimalText | None
    mark_price: DecimalText | None
    liquidation_price: DecimalText | None
    leverage: DecimalText | None
    unrealised_pnl: DecimalText
    realised_pnl: DecimalText
    initial_margin: DecimalText
    maintenance_margin: DecimalText | None
    value: DecimalText | None
    take_profit: DecimalText | None
    stop_loss: DecimalText | None
    trailing_stop: DecimalText | None = Field(description="Its distance in quote coin")
    stops_read_ms: UnixMs | None = Field(description="When take-profit and stop-loss were last read from the exchange")
    break_even_price: DecimalText | None
    adl_rank: int | None
    protection: Protection | None = Field(description="Null: no stop was asked for it")
    updated_ms: UnixMs


class PositionList(Output):
    positions: list[Position]


class Fill(Output):
    id: str = Field(description="The exchange's execution id")
    account_id: UUID
    category: Category
    symbol: str
    side: Side
    price: DecimalText
    quantity: DecimalText
    fee: DecimalText
    fee_coin: str
    is_maker: bool
    exec_type: str
    order_id: UUID | None
    exchange_order_id: str
    source: Source
    time_ms: UnixMs


class FillPage(Output):
    fills: list[Fill]
    next: str | None


class CoinBalance(Output):
    coin: str
    wallet_balance: DecimalText
    equity: DecimalText
    order_margin: DecimalText
    position_margin: DecimalText
    unrealised_pnl: DecimalText
    locked: DecimalText = Field(description="By open spot orders")
    available: DecimalText
    usd_value: DecimalText | None


class Balances(Output):
    total_equity: DecimalText | None
    total_available: DecimalText | None
    coins: list[CoinBalance]
    updated_ms: UnixMs | None


class BalancesAnswer(Output):
    balances: Balances


class TriggerBody(Input):
    """`rises` is what the caller was shown; it is refused when the price has passed the trigger meanwhile."""

    price: DecimalText
    by: TriggerBy = "LastPrice"
    rises: bool


class ExitBody(Input):
    """A take-profit or stop-loss the exchange makes an order of once the entry fills; no limit price: market."""

    trigger_price: DecimalText
    trigger_by: TriggerBy = "LastPrice"
    limit_price: DecimalText | None = None


class PlaceIntent(Input):
    """Asks for an order. `id` is made by the caller; the same id and body again is the same intent."""

    id: IdText
    kind: Literal["place"]
    category: Category
    symbol: SymbolText
    side: Side
    order_type: OrderType
    quantity: DecimalText
    quantity_unit: QuantityUnit = "base"
    price: DecimalText | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    trigger: TriggerBody | None = None
    take_profit: ExitBody | None = None
    stop_loss: ExitBody | None = None
    slippage_percent: DecimalText | None = Field(
        "0.5", description="Of a market order: how far from the best price it may fill, 0.01 to 10; else ignored"
    )
    position_index: PositionIndex | None = Field(
        None, description="In hedge mode the leg: 1 long, 2 short; else 0 or null"
    )
    note: PlainText | None = None


class CancelIntent(Input):
    """Asks for the cancelling of an order, ours or external. `order_id` is the order's id here, not the exchange's."""

    id: IdText
    kind: Literal["cancel"]
    order_id: IdText


class AmendIntent(Input):
    """Asks for a change of a live order. `quantity` is the new total; an exit of "0" removes it; null leaves it."""

    id: IdText
    kind: Literal["amend"]
    order_id: IdText
    quantity: DecimalText | None = None
    price: DecimalText | None = None
    trigger_price: DecimalText | None = None
    take_profit: DecimalText | None = None
    stop_loss: DecimalText | None = None


class CloseIntent(Input):
    """Closes a part of a position, always reduce-only: at market, or at a limit price. Becomes a place."""

    id: IdText
    kind: Literal["close"]
    category: Literal["linear"]
    symbol: SymbolText
    side: Side = Field(description="Of the position that the caller saw; another one by now is a 409")
    percent: DecimalText = Field("100", description="Above 0, at most 100; rounded down to the step, 100 is all of it")
    price: DecimalText | None = Field(None, description="Null: at market")
    slippage_percent: DecimalText | None = None


class ReverseIntent(Input):
    """Turns a position into one of the same size on the other side, by one market order. Becomes a place."""

    id: IdText
    kind: Literal["reverse"]
    category: Literal["linear"]
    symbol: SymbolText
    side: Side = Field(description="Of the position that the caller saw; another one by now is a 409")
    size: DecimalText = Field(description="Its size as the caller saw it; another one by now is a 409")


class LeverageIntent(Input):
    """Sets the leverage of a whole symbol; done once it is read back in `position`."""

    id: IdText
    kind: Literal["leverage"]
    category: Literal["linear"]
    symbol: SymbolText
    leverage: DecimalText


class ExitsIntent(Input):
    """Sets take-profit, stop-loss and trailing stop of an open position (full size, at market): null leaves one, "0"
    removes it."""

    id: IdText
    kind: Literal["exits"]
    category: Literal["linear"]
    symbol: SymbolText
    take_profit: DecimalText | None = None
    stop_loss: DecimalText | None = None
    take_profit_by: TriggerBy = "LastPrice"
    stop_loss_by: TriggerBy = "LastPrice"
    trailing_stop: DecimalText | None = Field(None, description="A distance in quote coin, behind the last price")
    trailing_active_price: DecimalText | None = Field(
        None, description="Of a trailing stop: the price from which it follows; null: at once"
    )
    position_index: PositionIndex | None = Field(
        None, description="In hedge mode the leg: 1 long, 2 short; else 0 or null"
    )


class PositionModeIntent(Input):
    """Holds one contract in two legs (hedge), or in one position for both sides; done once the legs are read back.
    Refused while it has a position or orders."""

    id: IdText
    kind: Literal["position_mode"]
    category: Literal["linear"]
    symbol: SymbolText
    mode: Literal["one_way", "hedge"]


class MarginModeIntent(Input):
    """Sets the margin mode of the whole account; done once it is read back in `margin_mode` of the account. Refused
    while there is any position or order; portfolio margin is not offered."""

    id: IdText
    kind: Literal["margin_mode"]
    mode: Literal["REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"]


IntentBody = Annotated[
    PlaceIntent
    | CancelIntent
    | AmendIntent
    | CloseIntent
    | ReverseIntent
    | LeverageIntent
    | ExitsIntent
    | PositionModeIntent
    | MarginModeIntent,
    Field(discriminator="kind"),
]
# A close or reverse is a place.
IntentKind = Literal["place", "cancel", "amend", "leverage", "exits", "position_mode", "margin_mode"]


class IntentAnswer(Output):
    intent_id: UUID
    kind: IntentKind
    status: OrderStatus
    order: Order | None = Field(description="The order it makes or is about; null for settings")
    position: Position | None = Field(
        description="Of leverage, exits and position mode: as read back since; null before, and else"
    )
    reason: Reason | None


class StatusMoment(Output):
    status: OrderStatus
    time_ms: UnixMs
    source: Literal["manual", "rest", "stream", "reconciliation", "owner"]


class HeldAgainst(Output):
    """One limit that an intent was held against when it was let go, with the numbers."""

    limit: str
    value: str = Field(description="A number, or the symbol")
    allowed: str
    level: str


class RequestMoment(Output):
    """One try at the exchange: written down before its first byte leaves, then signed, then answered."""

    attempt: int
    created_ms: UnixMs
    signed_ms: UnixMs | None = Field(description="By the exchange's clock; null: not sent, or not yet")
    answered_ms: UnixMs | None
    outcome: Literal["acknowledged", "refused", "duplicate", "not_sent", "unknown"] | None = Field(
        description="Null while it is under way"
    )
    exchange_code: int | None
    exchange_text: str | None


class IntentHistory(IntentAnswer):
    history: list[StatusMoment]
    requests: list[RequestMoment] = Field(description="In the order of their attempts")
    verdict: list[HeldAgainst] | None = Field(
        description="The limits of risk it was held against; null for what no limit is asked about, and before that"
    )


class CancelAllBody(Input):
    """Cancels every live order of the account, or of one category, or of one symbol: one cancel each."""

    id: IdText
    category: Category | None = None
    symbol: SymbolText | None = None
    external: bool = Field(False, description="Those too that were placed elsewhere on the account")
    conditional: bool = Field(True, description="Those too that still wait for their trigger")


class AskedCancel(Output):
    intent_id: UUID
    order_id: UUID


class CancelAllAnswer(Output):
    cancels: list[AskedCancel] = Field(description="One for each order that was live; each goes its own way")


class ReconcileBody(Input):
    """Reads everything from the exchange again; with a symbol also its leverage and fees."""

    category: Category | None = None
    symbol: SymbolText | None = None


class ReconcileAnswer(Output):
    done: bool = Field(description="False: the owner did not come to it within five seconds; it will")
    account: Account


class AccountSymbol(Output):
    """What the exchange says of one symbol for this account; null where it has not been asked yet (it is then)."""

    category: Category
    symbol: str
    leverage: DecimalText | None
    maker_rate: DecimalText | None
    taker_rate: DecimalText | None
    fees_assumed: bool
    margin_mode: str | None
    position_mode: Literal["one_way", "hedge"] | None
    read_ms: UnixMs | None


SizingUnit = Literal["base", "quote", "percent", "risk"]


class PreviewBody(Input):
    """An order as it stands in the ticket. `quantity` is in `quantity_unit`: base coin, quote coin, percent of what is
    available, or risk: quote coin to lose at the stop-loss."""

    category: Category
    symbol: SymbolText
    side: Side
    order_type: OrderType
    quantity: DecimalText
    quantity_unit: SizingUnit = "base"
    price: DecimalText | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    trigger: TriggerBody | None = None
    take_profit: ExitBody | None = None
    stop_loss: ExitBody | None = None
    slippage_percent: DecimalText | None = "0.5"
    position_index: PositionIndex | None = Field(
        None, description="In hedge mode the leg: 1 long, 2 short; else 0 or null"
    )


class PositionAfter(Output):
    side: Side | None
    size: DecimalText
    entry_price: DecimalText | None


TouchedName = Literal[
    "order_notional",
    "position_notional",
    "total_notional",
    "leverage",
    "open_orders",
    "orders_per_minute",
    "price_distance",
    "daily_loss",
    "data_age",
    "quote_age",
    "symbols",
    "prices_absurd",
]


class TouchedLimit(Output):
    name: TouchedName
    used_percent: DecimalText | None
    blocks: bool


class Preview(Output):
    """What an order would come to; null where it cannot be known. Fees, margin and the rest are in `coin`."""

    quantity: DecimalText | None = Field(description="Base coin (spot market buys in quote: quote coin), on the step")
    problems: list[FieldProblem]
    warnings: list[FieldProblem]
    coin: str
    expected_price: DecimalText | None
    slippage_percent: DecimalText | None = Field(description="Of the expected price to the best price, by the book")
    order_value: DecimalText | None
    leverage: DecimalText | None
    initial_margin: DecimalText | None
    open_fee: DecimalText | None
    close_fee: DecimalText | None
    fees_assumed: bool
    cost: DecimalText | None
    cost_coin: str
    available: DecimalText | None = Field(description="In `cost_coin`")
    liquidation_price: DecimalText | None
    liquidation: Literal["estimate", "account_wide", "none"] = Field(
        description="Account-wide: margin is shared, so it depends on the whole account and is not told"
    )
    break_even_price: DecimalText | None
    risk_at_stop: DecimalText | None
    risk_percent: DecimalText | None = Field(description="Of the account's equity")
    reward_at_target: DecimalText | None
    reward_per_risk: DecimalText | None
    after: PositionAfter | None
    limits: list[TouchedLimit]
    last_price: DecimalText | None
    mark_price: DecimalText | None
    price_age_ms: int | None
