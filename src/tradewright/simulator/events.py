"""What happened on the account: the records of the durable log, and the only things that change the account.

Lives here: one struct per kind of event, and their JSON form (decimals as strings). Not here: what an event does to the
account (`account`), where it is written (`log`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

Side = Literal["Buy", "Sell"]
OrderType = Literal["Market", "Limit"]
TimeInForce = Literal["GTC", "IOC", "FOK", "PostOnly"]
MarketUnit = Literal["", "baseCoin", "quoteCoin"]


class Moment(msgspec.Struct, frozen=True):
    """When something happened, by both clocks, Unix milliseconds."""

    wall_ms: int
    market_ms: int


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


class CancelAccepted(_Event, frozen=True, kw_only=True, tag="cancel_accepted"):
    """A cancel command for a live order will be acknowledged; the order may still fill first."""

    order_id: str


class OrderOpened(_Event, frozen=True, kw_only=True, tag="order_opened"):
    """The order reached the matching engine and is New."""

    order_id: str


class OrderFilled(_Event, frozen=True, kw_only=True, tag="order_filled"):
    """One execution. `fee` is paid when positive; `realised` is the profit of the closed part without fees.

    `symbol` holds a listing. A spot fill names the coins that changed hands and the one its fee was taken from; a
    contract leaves the three empty and settles in USDT. `mark_price` is the index price on spot.
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


class OrderClosed(_Event, frozen=True, kw_only=True, tag="order_closed"):
    """The order ended without filling to the end."""

    order_id: str
    cancel_type: str
    reject_reason: str


class CancelLost(_Event, frozen=True, kw_only=True, tag="cancel_lost"):
    """An acknowledged cancel found its order already filled."""

    order_id: str


class LeverageSet(_Event, frozen=True, kw_only=True, tag="leverage_set"):
    """The leverage of a symbol changed."""

    symbol: str
    leverage: Decimal


Event = Funded | OrderAccepted | CancelAccepted | OrderOpened | OrderFilled | OrderClosed | CancelLost | LeverageSet


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place in the log; `seq` starts at 1 and has no holes."""

    seq: int
    event: Event
