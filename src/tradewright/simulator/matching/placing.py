"""The plain part of a create command: side, type, quantity, price, ids, by the rules of each category.

Lives here: `read_place`. Not here: what an order may carry beyond that (`order_options`), the checks themselves
(`commands`, `spot_filters`), everything that needs the account or the market (`engine`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from tradewright.simulator.accounts.events import MarketUnit, OrderType, Side, SmpType, StopKind, TimeInForce
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, decimal, flag, text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching import spot_filters
from tradewright.simulator.matching.commands import (
    LINK_ID,
    PlaceOrder,
    Specs,
    check_notional,
    check_price,
    check_quantity,
    read_position_index,
    read_symbol,
)

SMP_TYPES: Final = ("None", "CancelMaker", "CancelTaker", "CancelBoth")
UNSET: Final = ("", "0")


def read_place(body: Body, specs: Specs) -> PlaceOrder:
    """A create command. Raises `ApiError` with the code Bybit gives for the first rule it breaks."""
    spec = read_symbol(body, specs)
    if spec.is_spot:
        return _read_spot(body, spec)
    if spec.is_option:
        return _read_option(body, spec)
    return _read_contract(body, spec)


def read_new_link_id(body: Body) -> str:
    """The id a client wants for a new order, "" if it wants none."""
    link_id = text(body, "orderLinkId")
    if link_id and not LINK_ID.fullmatch(link_id):
        raise bad_parameter("orderLinkId is invalid: at most 36 characters of A-Z a-z 0-9 - _")
    return link_id


def _read_contract(body: Body, spec: InstrumentSpec) -> PlaceOrder:
    """For a perpetual or dated contract. One that only reduces may be larger than the largest order: it is split.

    With `bboSideType` the price is the book's and comes later.
    """
    side, order_type, time_in_force = _side(body), _order_type(body), read_time_in_force(body, spec)
    reduce_only, close_on_trigger = flag(body, "reduceOnly"), flag(body, "closeOnTrigger")
    link_id = read_new_link_id(body)
    quantity = decimal(body, "qty", "Qty invalid")
    closes_all = quantity == 0 and reduce_only and close_on_trigger
    by_book = text(body, "bboSideType") not in UNSET
    price = decimal(body, "price", "Price invalid") if order_type == "Limit" and not by_book else None
    if not closes_all:
        check_quantity(spec, quantity, order_type, bounded=not reduce_only)
    if price is not None:
        check_price(spec, price)
        if not reduce_only:
            check_notional(spec, quantity, price)
    return PlaceOrder(
        symbol=spec.listing,
        side=side,
        order_type=order_type,
        time_in_force="IOC" if order_type == "Market" else time_in_force,
        quantity=quantity,
        price=price,
        link_id=link_id,
        reduce_only=reduce_only,
        close_on_trigger=close_on_trigger,
        closes_all=closes_all,
        position_index=read_position_index(body),
        smp_type=_smp_type(body),
    )


def _read_option(body: Body, spec: InstrumentSpec) -> PlaceOrder:
    """For an option: no trigger, and always an id of the client's. With `orderIv` the price is worked out later."""
    link_id = read_new_link_id(body)
    if not link_id:
        raise ApiError(RetCode.OPTION_LINK_ID_MISSING, "orderLinkId is required for options")
    side, order_type, time_in_force = _side(body), _order_type(body), read_time_in_force(body, spec)
    if text(body, "triggerPrice") not in UNSET:
        raise bad_parameter("params error: triggerPrice is not for options")
    quantity = decimal(body, "qty", "Qty invalid")
    if 0 < quantity < spec.min_qty:
        raise ApiError(
            RetCode.OPTION_QTY_TOO_SMALL, f"Order quantity is below the minimum of {spec.min_qty}{spec.base_coin}."
        )
    check_quantity(spec, quantity, order_type)
    volatility, price = None, None
    if order_type == "Limit" and text(body, "orderIv") not in UNSET:
        volatility = decimal(body, "orderIv", "orderIv invalid")
    elif order_type == "Limit":
        price = decimal(body, "price", "Price invalid")
        check_price(spec, price)
    return PlaceOrder(
        symbol=spec.listing,
        side=side,
        order_type=order_type,
        time_in_force="IOC" if order_type == "Market" else time_in_force,
        quantity=quantity,
        price=price,
        link_id=link_id,
        reduce_only=flag(body, "reduceOnly"),
        close_on_trigger=False,
        closes_all=False,
        position_index=read_position_index(body),
        smp_type=_smp_type(body),
        iv=volatility,
    )


def _read_spot(body: Body, spec: InstrumentSpec) -> PlaceOrder:
    """For a spot pair. `reduceOnly`, `closeOnTrigger` and `positionIdx` are words of contracts and ignored here;
    borrowing is refused, because an order that quietly does not borrow is another order.
    """
    side = cast(Side, _one_of(body, "side", ("Buy", "Sell"), "Invalid side.", RetCode.SPOT_BAD_SIDE))
    order_type = cast(
        OrderType, _one_of(body, "orderType", ("Market", "Limit"), "Invalid orderType.", RetCode.SPOT_BAD_ORDER_TYPE)
    )
    time_in_force = read_time_in_force(body, spec)
    if text(body, "isLeverage") not in UNSET:
        raise bad_parameter(
            "params error: isLeverage is not served by this exchange: an order does not borrow by itself, use 0"
        )
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
        time_in_force="IOC" if order_type == "Market" else time_in_force,
        quantity=quantity,
        price=price,
        link_id=link_id,
        reduce_only=False,
        close_on_trigger=False,
        closes_all=False,
        market_unit=market_unit,
        stop_kind=stop_kind,
        smp_type=_smp_type(body),
    )


def _spot_stop_kind(body: Body) -> StopKind:
    """What `orderFilter` makes of a spot order; only a conditional one has a trigger price."""
    order_filter = text(body, "orderFilter") or "Order"
    kinds: dict[str, StopKind] = {"Order": "", "StopOrder": "Stop", "tpslOrder": "tpslOrder"}
    if order_filter not in kinds:
        raise bad_parameter("params error: orderFilter must be Order, StopOrder or tpslOrder")
    kind = kinds[order_filter]
    if (text(body, "triggerPrice") not in UNSET) != (kind != ""):
        raise bad_parameter("params error: triggerPrice and orderFilter StopOrder or tpslOrder belong together")
    return kind


def read_time_in_force(body: Body, spec: InstrumentSpec) -> TimeInForce:
    """As given; what it means for a market order is the caller's. RPI is for market makers with a contract of their
    own: 110119, on spot 170355.
    """
    given = text(body, "timeInForce") or "GTC"
    if given == "RPI":
        code = RetCode.SPOT_RPI_NOT_PERMITTED if spec.is_spot else RetCode.RPI_NOT_PERMITTED
        raise ApiError(code, "RPI orders are not permitted for this account.")
    if given not in ("GTC", "IOC", "FOK", "PostOnly"):
        raise ApiError(RetCode.SPOT_BAD_TIME_IN_FORCE if spec.is_spot else RetCode.BAD_PARAMETER, "timeInForce invalid")
    return cast(TimeInForce, given)


def _side(body: Body) -> Side:
    return cast(Side, _one_of(body, "side", ("Buy", "Sell"), "Side invalid"))


def _order_type(body: Body) -> OrderType:
    return cast(OrderType, _one_of(body, "orderType", ("Market", "Limit"), "OrderType invalid"))


def _smp_type(body: Body) -> SmpType:
    given = text(body, "smpType") or "None"
    if given not in SMP_TYPES:
        raise bad_parameter(f"params error: smpType must be one of {', '.join(SMP_TYPES)}")
    return cast(SmpType, given)


def _spot_decimal(body: Body, name: str) -> Decimal:
    """A decimal with spot's two codes, for an absent and for a malformed number."""
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
