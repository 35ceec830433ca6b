"""Refusals in Bybit's language: a return code, its text and the HTTP status that carries it.

Lives here: `ApiError` and the codes this exchange uses; `StateUnusable` and `AddressUnusable` for whoever starts it.
Not here: the envelope around them (`http_server`), nor when each is due.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class RetCode(IntEnum):
    """The part of Bybit's code table that this exchange answers with."""

    OK = 0
    BAD_PARAMETER = 10001
    BAD_TIMESTAMP = 10002
    BAD_KEY = 10003
    BAD_SIGNATURE = 10004
    NO_PERMISSION = 10005
    TOO_MANY_VISITS = 10006
    UNKNOWN_PATH = 10017
    TOO_MANY_BY_ADDRESS = 10403
    UNKNOWN_OPERATION = 10404
    ALREADY_AUTHENTICATED = 20001
    SESSION_FLOOD = 20003
    DUPLICATE_REQUEST_ID = 20006
    PROTECTION_UNCHANGED = 34040
    ORDER_NOT_FOUND = 110001
    PRICE_OUT_OF_RANGE = 110003
    NOT_ENOUGH_MARGIN = 110007
    TOO_MANY_STOPS = 110009
    WOULD_LIQUIDATE = 110011
    LEVERAGE_OUT_OF_RANGE = 110013
    NOT_ENOUGH_TO_ADD = 110014
    CROSS_POSITION = 110015
    REDUCE_ONLY_RULE = 110017
    TOO_MANY_ORDERS = 110020
    MODE_HAS_POSITION = 110024
    POSITION_MODE_UNCHANGED = 110025
    MARGIN_UNCHANGED = 110027
    MODE_HAS_ORDERS = 110028
    HEDGE_MODE_UNSUPPORTED = 110029
    NO_POSITION = 110034
    LEVERAGE_UNCHANGED = 110043
    PROTECTION_OF_PARTLY_FILLED = 110059
    TOO_MANY_PROTECTIONS = 110061
    QTY_NOT_ABOVE_FILLED = 110064
    TRADING_NOT_ALLOWED = 110066
    DUPLICATE_LINK_ID = 110072
    CONTRACT_NOT_LIVE = 110074
    ONLY_ISOLATED = 110076
    RISK_LIMIT = 110090
    TRIGGER_NOT_ABOVE = 110092
    TRIGGER_NOT_BELOW = 110093
    BELOW_MIN_NOTIONAL = 110094
    SETTLE_COIN_NO_COLLATERAL = 110101
    SLIPPAGE_TICKS = 110108
    SLIPPAGE_PERCENT = 110109
    NO_MARKET_PRICE = 110118
    RPI_NOT_PERMITTED = 110119
    PRICE_BELOW_LIMIT = 110120
    PRICE_ABOVE_LIMIT = 110121
    SPOT_EMPTY_PARAMETER = 170105
    SPOT_BAD_TIME_IN_FORCE = 170115
    SPOT_BAD_ORDER_TYPE = 170116
    SPOT_BAD_SIDE = 170117
    SPOT_BAD_SYMBOL = 170121
    SPOT_AMOUNT_TOO_LARGE = 170124
    SPOT_BAD_PARAMETER = 170130
    SPOT_INSUFFICIENT_BALANCE = 170131
    SPOT_PRICE_TOO_HIGH = 170132
    SPOT_PRICE_TOO_PRECISE = 170134
    SPOT_QTY_TOO_PRECISE = 170137
    SPOT_VALUE_TOO_SMALL = 170140
    SPOT_DUPLICATE_LINK_ID = 170141
    SPOT_AMOUNT_TOO_PRECISE = 170148
    SPOT_NOT_OPEN = 170151
    SPOT_PRICE_ABOVE_LIMIT = 170193
    SPOT_PRICE_BELOW_LIMIT = 170194
    SPOT_ORDER_NOT_FOUND = 170213
    SPOT_QTY_BELOW_FILLED = 170313
    SPOT_RPI_NOT_PERMITTED = 170355
    SPOT_LIMIT_QTY_TOO_LARGE = 170381
    SPOT_MARKET_QTY_TOO_LARGE = 170382
    SPOT_TOO_MANY_ORDERS = 170810
    TIME_RANGE_MISORDERED = 181009
    TIME_RANGE_TOO_LONG = 181010
    COIN_UNKNOWN = 182204
    OPTION_QTY_TOO_SMALL = 3100116
    OPTION_LINK_ID_MISSING = 3100198
    OPTION_MARGIN = 3200300
    MARGIN_MODE_FAILED = 3400045


class ApiError(Exception):
    """The request is refused and changed nothing. Business refusals travel with HTTP 200, as on the real exchange."""

    def __init__(
        self,
        code: RetCode,
        text: str,
        *,
        http_status: int = 200,
        result: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """`extra` is for `retExtInfo`."""
        super().__init__(text)
        self.extra = extra or {}
        self.result = result or {}
        self.code = code
        self.text = text
        self.http_status = http_status

    def __str__(self) -> str:
        return f"{int(self.code)} {self.text}"


class StateUnusable(Exception):
    """The state folder cannot be gone on with. The text is one sentence that says what to do."""


class AddressUnusable(OSError):
    """Nothing can listen there. The text is one sentence that says what to do."""


def bad_parameter(text: str) -> ApiError:
    return ApiError(RetCode.BAD_PARAMETER, text)


def order_not_found(*, spot: bool) -> ApiError:
    """The same situation has two codes on Bybit, one of contracts and one of spot."""
    if spot:
        return ApiError(RetCode.SPOT_ORDER_NOT_FOUND, "Order does not exist.")
    return ApiError(RetCode.ORDER_NOT_FOUND, "order not exists or too late to cancel")


def duplicate_link_id(*, spot: bool) -> ApiError:
    if spot:
        return ApiError(RetCode.SPOT_DUPLICATE_LINK_ID, "Duplicate clientOrderId.")
    return ApiError(RetCode.DUPLICATE_LINK_ID, "OrderLinkedID is duplicate")
