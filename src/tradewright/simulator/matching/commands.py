"""Commands as clients send them, read into types and held against the instrument's filters.

Lives here: the commands' types, reading the small ones, and the checks of contracts that need no account. Not here:
reading a create command (`placing`, `order_options`) or an amend (`amend`), margin, duplicates, reduce-only (`engine`).
Unknown fields are ignored, as the exchange does; fields that would change what the order does and are not served are
refused, because an order that silently loses its stop is worse than no order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, cast

from tradewright.simulator.accounts.events import (
    MarketUnit,
    OrderType,
    PositionIndex,
    Protection,
    Side,
    Slippage,
    SmpType,
    StopKind,
    TimeInForce,
    Trigger,
)
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, decimal, text
from tradewright.simulator.market.model import CATEGORIES, Category, InstrumentSpec, Listing, listing_of

LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
CONTRACTS: Final[tuple[Category, ...]] = ("linear", "inverse")
WITH_POSITIONS: Final[tuple[Category, ...]] = ("linear", "inverse", "option")

Specs = Mapping[Listing, InstrumentSpec]


@dataclass(frozen=True, slots=True)
class BookPrice:
    """A limit that the book gives (Bybit's BBO): the price of a level, from 1, of the order's own side or the other."""

    own_side: bool
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """A create command that passed its filters. `price` is None for a market order, and where the book or a volatility
    (`iv`, a fraction per year) gives it; `closes_all` is Bybit's quantity "0". With the `market_unit` "quoteCoin" the
    quantity is an amount of quote coin. `trigger`, `protection`, `slippage` and `by_book` are unset until
    `order_options` has read them.
    """

    symbol: Listing
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    link_id: str
    reduce_only: bool
    close_on_trigger: bool
    closes_all: bool
    position_index: PositionIndex = 0
    smp_type: SmpType = "None"
    market_unit: MarketUnit = ""
    stop_kind: StopKind = ""
    iv: Decimal | None = None
    trigger: Trigger | None = None
    protection: Protection | None = None
    slippage: Slippage | None = None
    by_book: BookPrice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """`order_id` wins over `link_id`; one of the two is given."""

    symbol: Listing
    order_id: str
    link_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLeverage:
    """`leverage` is of the long leg in hedge mode, `sell_leverage` of the short one; both the same otherwise."""

    symbol: str
    leverage: Decimal
    sell_leverage: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchMode:
    """One-way or `hedge` mode, of a listing or of everything that settles in `coin`; one of the two is set."""

    symbol: Listing
    coin: str
    hedge: bool


def read_cancel(body: Body, specs: Specs) -> CancelOrder:
    spec = read_symbol(body, specs)
    order_id, link_id = text(body, "orderId"), text(body, "orderLinkId")
    if not (order_id or link_id):
        raise bad_parameter("params error: orderId or orderLinkId is required")
    return CancelOrder(symbol=spec.listing, order_id=order_id, link_id=link_id)


def read_leverage(body: Body, specs: Specs) -> SetLeverage:
    """Whether the two may differ is the account's matter (`engine`)."""
    require_category(body, CONTRACTS)
    spec = read_symbol(body, specs)
    buy, sell = (
        decimal(body, "buyLeverage", "buyLeverage invalid"),
        decimal(body, "sellLeverage", "sellLeverage invalid"),
    )
    for leverage in (buy, sell):
        if not spec.min_leverage <= leverage <= spec.max_leverage or leverage % spec.leverage_step:
            raise ApiError(
                RetCode.LEVERAGE_OUT_OF_RANGE,
                f"cannot set leverage [{leverage}]: allowed are {spec.min_leverage} to {spec.max_leverage} in steps of "
                f"{spec.leverage_step}",
            )
    return SetLeverage(symbol=spec.listing, leverage=buy, sell_leverage=sell)


def read_switch_mode(body: Body, specs: Specs) -> SwitchMode:
    """A symbol wins over a coin. Raises `ApiError` 10001."""
    require_category(body, ("linear",))
    symbol, coin = "", text(body, "coin")
    if text(body, "symbol"):
        symbol, coin = read_symbol(body, specs).listing, ""
    elif coin not in {spec.settle_coin for spec in specs.values() if spec.category == "linear"}:
        raise bad_parameter("params error: symbol or coin is required, coin must be a settle coin")
    mode = text(body, "mode")
    if mode not in ("0", "3"):
        raise bad_parameter("params error: mode must be 0 (one-way) or 3 (hedge)")
    return SwitchMode(symbol=symbol, coin=coin, hedge=mode == "3")


def read_symbol(body: Body, specs: Specs) -> InstrumentSpec:
    """The instrument named by `category` and `symbol`."""
    category = read_category(body)
    spec = specs.get(listing_of(category, text(body, "symbol")))
    if spec is None:
        if category == "spot":
            raise ApiError(RetCode.SPOT_BAD_SYMBOL, "Invalid symbol.")
        raise bad_parameter("params error: symbol invalid")
    return spec


def read_category(body: Body) -> Category:
    category = text(body, "category")
    if category not in CATEGORIES:
        raise bad_parameter(f"params error: category [{category}] is not one of {', '.join(CATEGORIES)}")
    return category


def require_category(body: Body, allowed: tuple[Category, ...]) -> Category:
    """The category, which must be one of these."""
    category = text(body, "category")
    if category not in allowed:
        raise bad_parameter(f"params error: category [{category}] is not served here, use {' or '.join(allowed)}")
    return category


def require_linear(body: Body, *, default: Literal["", "linear"] = "") -> None:
    category = text(body, "category") or default
    if category != "linear":
        raise bad_parameter(f"params error: category [{category}] is not served here, use linear")


def read_position_index(body: Body) -> PositionIndex:
    """0 where none is given. Whether it fits the position mode is the account's matter (`engine`)."""
    index = text(body, "positionIdx") or "0"
    if index not in ("0", "1", "2"):
        raise bad_parameter("params error: positionIdx must be 0 (one-way), 1 (long leg) or 2 (short leg)")
    return cast(PositionIndex, int(index))


def check_quantity(spec: InstrumentSpec, quantity: Decimal, order_type: OrderType, *, bounded: bool = True) -> None:
    """`bounded` holds it against the largest order, too."""
    highest = spec.max_market_qty if order_type == "Market" else spec.max_limit_qty
    if quantity <= 0 or quantity % spec.qty_step:
        raise bad_parameter("Qty invalid")
    if quantity < spec.min_qty:
        raise bad_parameter("The number of contracts exceeds minimum limit allowed")
    if bounded and quantity > highest:
        raise bad_parameter("The number of contracts exceeds maximum limit allowed: too large")


def check_price(spec: InstrumentSpec, price: Decimal) -> None:
    if price <= 0 or price % spec.tick_size:
        raise bad_parameter("Price invalid")
    if not spec.min_price <= price <= spec.max_price:
        raise ApiError(RetCode.PRICE_OUT_OF_RANGE, "Order price is out of permissible range.")


def check_notional(spec: InstrumentSpec, quantity: Decimal, price: Decimal) -> None:
    """The least value of an order; an inverse contract's quantity is its value in quote coin."""
    if (quantity if spec.is_inverse else quantity * price) < spec.min_notional:
        raise ApiError(
            RetCode.BELOW_MIN_NOTIONAL, f"Order does not meet minimum order value {spec.min_notional}{spec.quote_coin}"
        )
