"""The filters of a spot pair: which quantity, price and value an order may have, with the codes Bybit has for spot.

Lives here: checks of values against one pair's rules. Not here: the fields they come from (`commands`), balances and
the price limits that move with the market (`engine`). Bybit's `minOrderQty`, `maxOrderQty` and `maxOrderAmt` are
deprecated and not enforced; the least value is.
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.simulator.accounts.events import OrderType, Side
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.model import InstrumentSpec


def check_quantity(spec: InstrumentSpec, quantity: Decimal, order_type: OrderType) -> None:
    """A quantity in base coin. Raises `ApiError` 170130 (zero), 170137 (decimals), 170381 or 170382 (too much)."""
    if quantity <= 0:
        raise not_valid("qty")
    if quantity % spec.qty_step:
        raise ApiError(RetCode.SPOT_QTY_TOO_PRECISE, f"Order volume decimal too long: steps of {spec.qty_step:f} only.")
    if order_type == "Market" and quantity > spec.max_market_qty:
        raise ApiError(
            RetCode.SPOT_MARKET_QTY_TOO_LARGE,
            f"Market order quantity [{quantity}] exceeds the maximum of {spec.max_market_qty}{spec.base_coin}.",
        )
    if order_type == "Limit" and quantity > spec.max_limit_qty:
        raise ApiError(
            RetCode.SPOT_LIMIT_QTY_TOO_LARGE,
            f"Limit order quantity [{quantity}] exceeds the maximum of {spec.max_limit_qty}{spec.base_coin}.",
        )


def check_amount(spec: InstrumentSpec, amount: Decimal) -> None:
    """What a market order is to spend or to bring, in quote coin. Raises `ApiError` 170130, 170148, 170140."""
    if amount <= 0:
        raise not_valid("qty")
    assert spec.quote_precision is not None, f"{spec.listing} is a spot pair"
    if amount % spec.quote_precision:
        raise ApiError(
            RetCode.SPOT_AMOUNT_TOO_PRECISE, f"Market order amount decimal too long: steps of {spec.quote_precision:f}."
        )
    check_value(spec, amount)


def check_amount_at(spec: InstrumentSpec, amount: Decimal, price: Decimal) -> None:
    """The same against the most that one market order may trade, at `price`. Raises `ApiError` 170124."""
    if amount > spec.max_market_qty * price:
        raise ApiError(
            RetCode.SPOT_AMOUNT_TOO_LARGE,
            f"Order amount too large: [{amount}] is more than {spec.max_market_qty}{spec.base_coin} at {price}.",
        )


def check_price(spec: InstrumentSpec, price: Decimal) -> None:
    """Raises `ApiError` 170130 (zero), 170134 (decimals), 170132 (beyond any price)."""
    if price <= 0:
        raise not_valid("price")
    if price % spec.tick_size:
        raise ApiError(
            RetCode.SPOT_PRICE_TOO_PRECISE, f"Order price decimal too long: steps of {spec.tick_size:f} only."
        )
    if price > spec.max_price:
        raise ApiError(RetCode.SPOT_PRICE_TOO_HIGH, f"Order price too high: at most {spec.max_price}.")


def check_limits(price: Decimal, side: Side, bounds: tuple[Decimal, Decimal]) -> None:
    """Against the lowest sell and the highest buy price of this moment. Spot refuses what contracts move to the limit.
    Raises `ApiError` 170193, 170194.
    """
    lowest_sell, highest_buy = bounds
    if side == "Buy" and price > highest_buy:
        raise ApiError(RetCode.SPOT_PRICE_ABOVE_LIMIT, f"Buy order price cannot be higher than {highest_buy}.")
    if side == "Sell" and price < lowest_sell:
        raise ApiError(RetCode.SPOT_PRICE_BELOW_LIMIT, f"Sell order price cannot be lower than {lowest_sell}.")


def check_value(spec: InstrumentSpec, value: Decimal) -> None:
    """The least value of an order, in quote coin. Raises `ApiError` 170140."""
    if value < spec.min_order_amount:
        raise ApiError(
            RetCode.SPOT_VALUE_TOO_SMALL,
            f"Order value exceeded lower limit: at least {spec.min_order_amount}{spec.quote_coin}.",
        )


def not_valid(name: str) -> ApiError:
    return ApiError(RetCode.SPOT_BAD_PARAMETER, f"Data sent for parameter '{name}' is not valid.")
