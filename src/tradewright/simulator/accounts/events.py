"""What happened on the account: the records of the durable log, and the only things that change the account.

Lives here: one struct per kind of event, and their JSON form (decimals as strings). Not here: what an event does to the
account (`account`), where it is written (`log`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

PositionIndex = Literal[0, 1, 2]  # one-way; in hedge mode the long and the short leg
MarginMode = Literal["REGULAR_MARGIN", "ISOLATED_MARGIN"]  # Bybit's words for cross and isolated
ExecType = Literal["Trade", "BustTrade", "AdlTrade", "Settle", "Delivery"]
Side = Literal["Buy", "Sell"]
OrderType = Literal["Market", "Limit"]
TimeInForce = Literal["GTC", "IOC", "FOK", "PostOnly"]
MarketUnit = Literal["", "baseCoin", "quoteCoin"]
TriggerBy = Literal["LastPrice", "MarkPrice", "IndexPrice"]
SlippageUnit = Literal["TickSize", "Percent"]
SmpType = Literal["None", "CancelMaker", "CancelTaker", "CancelBoth"]  # what becomes of orders that meet their own
# Bybit's stopOrderType. "Stop" and "tpslOrder" (spot) are clients' orders, the others the exchange makes itself.
StopKind = Literal[
    "",
    "Stop",
    "tpslOrder",
    "TakeProfit",
    "StopLoss",
    "PartialTakeProfit",
    "PartialStopLoss",
    "TrailingStop",
    "BidirectionalTpslOrder",  # either leg of a spot entry
]


class Moment(msgspec.Struct, frozen=True):
    """When something happened, by both clocks, Unix milliseconds."""

    wall_ms: int
    market_ms: int


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """What an order waits for: that the price it looks at rises to `price`, or falls to it."""

    price: Decimal
    rises: bool
    by: TriggerBy = "LastPrice"


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One take-profit or stop-loss: its trigger price and the limit of the order that follows, None for the market."""

    price: Decimal
    by: TriggerBy = "LastPrice"
    limit: Decimal | None = None


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry order asks for once it has filled. `whole` is Bybit's Full: the legs are the position's own and
    follow its size; else (Partial) they close what the entry opened.
    """

    whole: bool
    take_profit: Leg | None = None
    stop_loss: Leg | None = None


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """How far behind the best opposite price a market order may go: ticks, or per cent."""

    unit: SlippageUnit
    tolerance: Decimal


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """How a trailing stop follows the last price: at this distance, once the price has come to its activation."""

    distance: Decimal
    active: bool


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    at: Moment


class Funded(_Event, frozen=True, kw_only=True, tag="funded"):
    """Play money was paid in."""

    coin: str
    amount: Decimal


class OrderAccepted(_Event, frozen=True, kw_only=True, tag="order_accepted"):
    """A create command passed every check and will be acknowledged; it has no effect on the market yet.

    `symbol` holds a listing. `market_unit` is set on spot market orders only; in "quoteCoin" the quantity is an amount
    of quote coin.

    With a `trigger` it is conditional: a market order's price is 0 until then, and a quantity of 0 is the whole
    position of then. `parent_id` and `parent_link_id` name the entry that brought a take-profit or stop-loss;
    `pair_id` is shared by two of which one ends when the other triggers.
    """

    order_id: str
    link_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal  # the limit, or the protection price of a market order
    reduce_only: bool
    close_on_trigger: bool
    last_price: Decimal
    market_unit: MarketUnit = ""
    stop_kind: StopKind = ""
    trigger: Trigger | None = None
    protection: Protection | None = None
    slippage: Slippage | None = None
    parent_id: str = ""
    parent_link_id: str = ""
    pair_id: str = ""
    position_index: PositionIndex = 0
    create_type: str = ""  # Bybit's createType where it does not follow from the rest
    smp_type: SmpType = "None"
    iv: Decimal | None = None  # the volatility that an option's price was given by, a fraction per year
    trail: Trail | None = None


class CancelAccepted(_Event, frozen=True, kw_only=True, tag="cancel_accepted"):
    """A cancel command for a live order will be acknowledged; the order may still fill first."""

    order_id: str


class OrderOpened(_Event, frozen=True, kw_only=True, tag="order_opened"):
    """The order reached the matching engine and is New."""

    order_id: str


class OrderFilled(_Event, frozen=True, kw_only=True, tag="order_filled"):
    """One execution. `fee` is paid when positive; `realised` is the profit of the closed part without fees.

    `symbol` holds a listing. A spot fill names the coins that changed hands and the one its fee was taken from; a
    contract leaves the three empty and settles in `settle_coin`. `mark_price` is the index price on spot.
    """

    order_id: str
    exec_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_rate: Decimal
    realised: Decimal
    closed_quantity: Decimal
    is_maker: bool
    mark_price: Decimal
    base_coin: str = ""
    quote_coin: str = ""
    fee_coin: str = ""
    settle_coin: str = "USDT"  # "USDT" on spot too, where it means nothing
    position_index: PositionIndex = 0
    exec_type: ExecType = "Trade"
    index_price: Decimal = Decimal(0)  # an option's underlying; 0 for everything else


class OrderClosed(_Event, frozen=True, kw_only=True, tag="order_closed"):
    """The order ended without filling to the end; `smp_order_id` names the own order that it would have met."""

    order_id: str
    cancel_type: str
    reject_reason: str
    smp_order_id: str = ""


class OrderArmed(_Event, frozen=True, kw_only=True, tag="order_armed"):
    """A conditional order waits for its trigger from now on."""

    order_id: str


class OrderTriggered(_Event, frozen=True, kw_only=True, tag="order_triggered"):
    """The trigger was met. `price` is the limit or protection price the order goes to the market with."""

    order_id: str
    price: Decimal
    quantity: Decimal


class AmendAccepted(_Event, frozen=True, kw_only=True, tag="amend_accepted"):
    """An amend command for a live order will be acknowledged; the order may still fill first.

    All values are those the order is to have then, changed or not.
    """

    order_id: str
    quantity: Decimal
    price: Decimal
    trigger: Trigger | None
    protection: Protection | None
    iv: Decimal | None = None


class OrderAmended(_Event, frozen=True, kw_only=True, tag="order_amended"):
    """The order has these values from now on. `requeued`: it went behind all others of its price. Without a `trail`
    that stays as it is.
    """

    order_id: str
    quantity: Decimal
    price: Decimal
    trigger: Trigger | None
    protection: Protection | None
    pair_id: str = ""
    requeued: bool = False
    trail: Trail | None = None
    iv: Decimal | None = None


class AmendLost(_Event, frozen=True, kw_only=True, tag="amend_lost"):
    """An acknowledged amend came too late: the order had ended or filled beyond it. The order stays as it is."""

    order_id: str


class CancelLost(_Event, frozen=True, kw_only=True, tag="cancel_lost"):
    """An acknowledged cancel found its order already filled."""

    order_id: str


class LeverageSet(_Event, frozen=True, kw_only=True, tag="leverage_set"):
    """The leverage of a position changed; `symbol` holds a listing."""

    symbol: str
    leverage: Decimal
    position_index: PositionIndex = 0


class PositionModeSet(_Event, frozen=True, kw_only=True, tag="position_mode_set"):
    """These listings hold a long and a short leg from now on (hedge), or one net position. With `coin` so do all that
    settle in it and are listed later.
    """

    symbols: tuple[str, ...]
    hedge: bool
    coin: str = ""


class MarginModeSet(_Event, frozen=True, kw_only=True, tag="margin_mode_set"):
    """How the account's positions are backed: by all of it, or each by its own margin."""

    mode: MarginMode


class MarginMoved(_Event, frozen=True, kw_only=True, tag="margin_moved"):
    """Margin was added to an isolated position (negative: taken from it); the wallet stays as it is."""

    symbol: str
    position_index: PositionIndex
    amount: Decimal  # settle coin


class AutoMarginSet(_Event, frozen=True, kw_only=True, tag="auto_margin_set"):
    """Whether an isolated position takes margin from the wallet before it is liquidated."""

    symbol: str
    position_index: PositionIndex
    on: bool


class FundingPaid(_Event, frozen=True, kw_only=True, tag="funding_paid"):
    """A position paid (`fee` above 0) or received funding at a funding time. `side` and `size` are the position's."""

    exec_id: str
    symbol: str
    position_index: PositionIndex
    side: Side
    size: Decimal
    mark_price: Decimal
    rate: Decimal
    fee: Decimal  # settle coin
    settle_coin: str
    due_ms: int = 0  # the funding time, market time


class Liquidating(_Event, frozen=True, kw_only=True, tag="liquidating"):
    """The exchange began to liquidate a position, or (not `on`) let what is left of it go."""

    symbol: str
    position_index: PositionIndex
    on: bool


class SettingChanged(_Event, frozen=True, kw_only=True, tag="setting_changed"):
    """A switch of the account that moves no money: `name` and `value` are its endpoint's own words."""

    name: str
    value: str


class Together(_Event, frozen=True, kw_only=True, tag="together"):
    """Several moves of orders that a crash must not tear apart: a stop and the take-profit beside it.

    Where they protect an entry, `parent_id` names it and `covers` is how much of what it opened they answer for.
    """

    moves: tuple[OrderAccepted | OrderArmed | OrderTriggered | OrderAmended | OrderClosed, ...]
    parent_id: str = ""
    covers: Decimal = Decimal(0)


OrderMove = OrderAccepted | OrderArmed | OrderTriggered | OrderAmended | OrderClosed
Event = (
    Funded
    | OrderAccepted
    | CancelAccepted
    | OrderOpened
    | OrderFilled
    | OrderClosed
    | CancelLost
    | OrderArmed
    | OrderTriggered
    | AmendAccepted
    | OrderAmended
    | AmendLost
    | Together
    | LeverageSet
    | PositionModeSet
    | MarginModeSet
    | MarginMoved
    | AutoMarginSet
    | FundingPaid
    | Liquidating
    | SettingChanged
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place in the log; `seq` starts at 1 and has no holes."""

    seq: int
    event: Event
