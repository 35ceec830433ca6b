"""Commands as clients send them, read into types and held against the instrument's filters.

Lives here: parsing and every check that needs no account. Not here: margin, duplicates, reduce-only (`engine`).
Unknown fields are ignored, as the exchange does; fields that would change what the order does and are not served yet
are refused, because an order that silently loses its stop is worse than no order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

from tradewright.simulator.accounts.events import (
    MarketUnit,
    OrderType,
    Protection,
    Side,
    Slippage,
    StopKind,
    TimeInForce,
    Trigger,
)
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, decimal, flag, text
from tradewright.simulator.market.model import InstrumentSpec, Listing, listing_of
from tradewright.simulator.matching import spot_filters

LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
NOT_SERVED = ("bboSideType", "orderIv")

Specs = Mapping[Listing, InstrumentSpec]
Category = Literal["linear", "spot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """A create command that passed its filters. `price` is None for a market order; `closes_all` is Bybit's quantity
    "0". With the `market_unit` "quoteCoin" the quantity is an amount of quote coin. What comes after it is unset until
    `order_options` has read it.
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
    market_unit: MarketUnit = ""
    stop_kind: StopKind = ""
    trigger: Trigger | None = None
    protection: Protection | None = None
    slippage: Slippage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """`order_id` wins over `link_id`; one of the two is given."""

    symbol: Listing
    order_id: str
    link_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLeverage:
    symbol: str
    leverage: Decimal


def read_place(body: Body, specs: Specs) -> PlaceOrder:
    """A create command. Raises `ApiError` with the code Bybit gives for the first rule it breaks."""
    spec = read_symbol(body, specs)
    refuse_unserved(body)
    if spec.is_spot:
        return _read_spot_place(body, spec)
    side = cast(Side, _one_of(body, "side", ("Buy", "Sell"), "Side invalid"))
    order_type = cast(OrderType, _one_of(body, "orderType", ("Market", "Limit"), "OrderType invalid"))
    time_in_force = _time_in_force(body, order_type)
    if text(body, "positionIdx") not in ("", "0"):
        raise bad_parameter("position idx not match position mode")
    reduce_only, close_on_trigger = flag(body, "reduceOnly"), flag(body, "closeOnTrigger")
    link_id = read_new_link_id(body)
    quantity = decimal(body, "qty", "Qty invalid")
    closes_all = quantity == 0 and reduce_only and close_on_trigger
    price = decimal(body, "price", "Price invalid") if order_type == "Limit" else None
    if not closes_all:
        check_quantity(spec, quantity, order_type)
    if price is not None:
        check_price(spec, price)
        if not reduce_only:
            check_notional(spec, quantity * price)
    return PlaceOrder(
        symbol=spec.listing,
        side=side,
        order_type=order_type,
        time_in_force=time_in_force,
        quantity=quantity,
        price=price,
        link_id=link_id,
        reduce_only=reduce_only,
        close_on_trigger=close_on_trigger,
        closes_all=closes_all,
    )


def _read_spot_place(body: Body, spec: InstrumentSpec) -> PlaceOrder:
    """A create command for a spot pair. `reduceOnly`, `closeOnTrigger` and `positionIdx` are words of contracts and
    ignored here; borrowing is refused, because an order that quietly does not borrow is another order.
    """
    side = cast(Side, _one_of(body, "side", ("Buy", "Sell"), "Invalid side.", RetCode.SPOT_BAD_SIDE))
    order_type = cast(
        OrderType, _one_of(body, "orderType", ("Market", "Limit"), "Invalid orderType.", RetCode.SPOT_BAD_ORDER_TYPE)
    )
    time_in_force = _time_in_force(body, order_type, RetCode.SPOT_BAD_TIME_IN_FORCE)
    if text(body, "isLeverage") not in ("", "0"):
        raise bad_parameter("params error: isLeverage is not served by this exchange: nothing can be borrowed, use 0")
    stop_kind = _spot_stop_kind(body)
    link_id = read_new_link_id(body)
    quantity, price = _spot_decimal(body, "qty"), None
    market_unit = _market_unit(body, side) if order_type == "Market" else ""
    if market_unit == "quoteCoin":
        spot_filters.check_amount(spec, quantity)
    else:
        spot_filters.check_quantity(spec, quantity, order_type)
    if order_type == "Limit":
        price = _spot_decimal(body, "price")
        spot_filters.check_price(spec, price)
        spot_filters.check_value(spec, quantity * price)
    return PlaceOrder(
        symbol=spec.listing,
        side=side,
        order_type=order_type,
        time_in_force=time_in_force,
        quantity=quantity,
        price=price,
        link_id=link_id,
        reduce_only=False,
        close_on_trigger=False,
        closes_all=False,
        market_unit=market_unit,
        stop_kind=stop_kind,
    )


def _spot_stop_kind(body: Body) -> StopKind:
    """What `orderFilter` makes of a spot order; only a conditional one has a trigger price."""
    order_filter = text(body, "orderFilter") or "Order"
    kinds: dict[str, StopKind] = {"Order": "", "StopOrder": "Stop", "tpslOrder": "tpslOrder"}
    if order_filter not in kinds:
        raise bad_parameter("params error: orderFilter must be Order, StopOrder or tpslOrder")
    kind = kinds[order_filter]
    if (text(body, "triggerPrice") not in ("", "0")) != (kind != ""):
        raise bad_parameter("params error: triggerPrice and orderFilter StopOrder or tpslOrder belong together")
    return kind


def read_new_link_id(body: Body) -> str:
    """The id a client wants for a new order, "" if it wants none."""
    link_id = text(body, "orderLinkId")
    if link_id and not LINK_ID.fullmatch(link_id):
        raise bad_parameter("orderLinkId is invalid: at most 36 characters of A-Z a-z 0-9 - _")
    return link_id


def read_cancel(body: Body, specs: Specs) -> CancelOrder:
    spec = read_symbol(body, specs)
    order_id, link_id = text(body, "orderId"), text(body, "orderLinkId")
    if not (order_id or link_id):
        raise bad_parameter("params error: orderId or orderLinkId is required")
    return CancelOrder(symbol=spec.listing, order_id=order_id, link_id=link_id)


def read_leverage(body: Body, specs: Specs) -> SetLeverage:
    require_linear(body)
    spec = read_symbol(body, specs)
    buy, sell = (
        decimal(body, "buyLeverage", "buyLeverage invalid"),
        decimal(body, "sellLeverage", "sellLeverage invalid"),
    )
    if buy != sell:
        raise bad_parameter("buy leverage must equal sell leverage in one-way mode")
    if not 1 <= buy <= spec.max_leverage or buy % spec.leverage_step:
        raise ApiError(
            RetCode.LEVERAGE_OUT_OF_RANGE,
            f"cannot set leverage [{buy}]: allowed are 1 to {spec.max_leverage} in steps of {spec.leverage_step}",
        )
    return SetLeverage(symbol=spec.listing, leverage=buy)


def read_symbol(body: Body, specs: Specs) -> InstrumentSpec:
    """The instrument named by `category` and `symbol`: a linear contract or a spot pair."""
    category = read_category(body)
    spec = specs.get(listing_of(category, text(body, "symbol")))
    if spec is None:
        if category == "spot":
            raise ApiError(RetCode.SPOT_BAD_SYMBOL, "Invalid symbol.")
        raise bad_parameter("params error: symbol invalid")
    return spec


def read_category(body: Body) -> Category:
    category = text(body, "category")
    if category not in ("linear", "spot"):
        raise bad_parameter(f"params error: category [{category}] is not served, use linear or spot")
    return cast(Category, category)


def require_linear(body: Body, *, default: Literal["", "linear"] = "") -> None:
    category = text(body, "category") or default
    if category != "linear":
        raise bad_parameter(f"params error: category [{category}] is not served, use linear")


def refuse_unserved(body: Body) -> None:
    """Refuse what this exchange cannot do yet instead of dropping it. "" and "0" mean unset, as in Bybit's own
    samples.
    """
    for name in NOT_SERVED:
        if text(body, name) not in ("", "0"):
            raise bad_parameter(f"params error: {name} is not served by this exchange")


def check_quantity(spec: InstrumentSpec, quantity: Decimal, order_type: OrderType) -> None:
    highest = spec.max_market_qty if order_type == "Market" else spec.max_limit_qty
    if quantity <= 0 or quantity % spec.qty_step:
        raise bad_parameter("Qty invalid")
    if quantity < spec.min_qty:
        raise bad_parameter("The number of contracts exceeds minimum limit allowed")
    if quantity > highest:
        raise bad_parameter("The number of contracts exceeds maximum limit allowed: too large")


def check_price(spec: InstrumentSpec, price: Decimal) -> None:
    if price <= 0 or price % spec.tick_size:
        raise bad_parameter("Price invalid")
    if not spec.min_price <= price <= spec.max_price:
        raise ApiError(RetCode.PRICE_OUT_OF_RANGE, "Order price is out of permissible range.")


def check_notional(spec: InstrumentSpec, notional: Decimal) -> None:
    if notional < spec.min_notional:
        raise ApiError(
            RetCode.BELOW_MIN_NOTIONAL, f"Order does not meet minimum order value {spec.min_notional}{spec.quote_coin}"
        )


def _spot_decimal(body: Body, name: str) -> Decimal:
    """The same with spot's two codes, for an absent and for a malformed number."""
    if not text(body, name):
        raise ApiError(RetCode.SPOT_EMPTY_PARAMETER, f"Parameter '{name}' was empty.")
    try:
        return decimal(body, name, "")
    except ApiError:
        raise spot_filters.not_valid(name) from None


def _market_unit(body: Body, side: Side) -> MarketUnit:
    """A market buy says what to spend and a market sale what to sell, unless told otherwise."""
    given = text(body, "marketUnit") or ("quoteCoin" if side == "Buy" else "baseCoin")
    if given not in ("baseCoin", "quoteCoin"):
        raise spot_filters.not_valid("marketUnit")
    return cast(MarketUnit, given)


def _one_of(
    body: Body, name: str, allowed: tuple[str, ...], refusal: str, code: RetCode = RetCode.BAD_PARAMETER
) -> str:
    value = text(body, name)
    if value not in allowed:
        raise ApiError(code, refusal)
    return value


def _time_in_force(body: Body, order_type: OrderType, code: RetCode = RetCode.BAD_PARAMETER) -> TimeInForce:
    """Market orders are always IOC on Bybit, whatever the client says."""
    given = text(body, "timeInForce") or "GTC"
    if given not in ("GTC", "IOC", "FOK", "PostOnly"):
        raise ApiError(code, "timeInForce invalid")
    return "IOC" if order_type == "Market" else cast(TimeInForce, given)
