"""The filters of create, cancel and set-leverage: which rule gives which code."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tradewright.simulator.errors import ApiError
from tradewright.simulator.market import BTCUSDT
from tradewright.simulator.matching.commands import read_cancel, read_leverage
from tradewright.simulator.matching.order_options import read_create

SPECS = {"BTCUSDT": BTCUSDT}
LIMIT = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.010",
    "price": "60000.10",
}


def code_of(read: Any, body: dict[str, Any]) -> int:
    with pytest.raises(ApiError) as caught:
        read(body, SPECS)
    return int(caught.value.code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"category": "option"}, 10001),
        ({"category": None}, 10001),
        ({"symbol": "btcusdt"}, 10001),
        ({"side": "buy"}, 10001),
        ({"orderType": "Stop"}, 10001),
        ({"timeInForce": "RPI"}, 110119),
        ({"qty": "0.0105"}, 10001),
        ({"qty": "0"}, 10001),
        ({"qty": "-1"}, 10001),
        ({"qty": "1e1"}, 10001),
        ({"qty": "NaN"}, 10001),
        ({"qty": ["1"]}, 10001),
        ({"qty": "1190.001"}, 10001),
        ({"price": "60000.05"}, 10001),
        ({"price": None}, 10001),
        ({"price": "2000000.00"}, 110003),
        ({"qty": "0.001", "price": "4999.90"}, 110094),
        ({"positionIdx": 3}, 10001),
        ({"smpType": "CancelAll"}, 10001),
        ({"bboSideType": "Queue", "bboLevel": "6"}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"orderLinkId": "with space"}, 10001),
        ({"triggerPrice": "61000"}, 10001),
        ({"stopLoss": "61000"}, 10001),
        ({"reduceOnly": "perhaps"}, 10001),
    ],
)
def test_a_rule_that_is_broken_gives_its_code(change: dict[str, Any], code: int) -> None:
    assert code_of(read_create, {**LIMIT, **change}) == code


def test_an_order_at_the_edge_of_every_filter_passes() -> None:
    command = read_create({**LIMIT, "qty": "0.001", "price": "5000.00"}, SPECS)
    assert (command.quantity, command.price) == (Decimal("0.001"), Decimal("5000"))
    assert read_create({**LIMIT, "qty": "1190"}, SPECS).quantity == 1190


def test_unset_and_unknown_fields_do_not_hinder() -> None:
    unset = {"takeProfit": "", "stopLoss": "0", "callerMethodName": "x", "positionIdx": 0}
    command = read_create({**LIMIT, **unset}, SPECS)
    assert command.time_in_force == "GTC"


def test_a_market_order_is_immediate_whatever_it_says_and_has_its_own_maximum() -> None:
    market = {**LIMIT, "orderType": "Market", "price": None, "timeInForce": "GTC", "qty": 2}
    command = read_create(market, SPECS)
    assert (command.time_in_force, command.price) == ("IOC", None)
    assert code_of(read_create, {**market, "qty": "500.001"}) == 10001


def test_zero_quantity_closes_all_only_with_both_flags() -> None:
    market = {**LIMIT, "orderType": "Market", "price": None, "qty": "0", "reduceOnly": True}
    assert code_of(read_create, market) == 10001
    assert read_create({**market, "closeOnTrigger": True}, SPECS).closes_all


def test_a_reduce_only_order_may_be_below_the_minimum_value() -> None:
    assert read_create({**LIMIT, "qty": "0.001", "price": "100.00", "reduceOnly": True}, SPECS).reduce_only


def test_a_cancel_names_its_order() -> None:
    assert code_of(read_cancel, {"category": "linear", "symbol": "BTCUSDT"}) == 10001


@pytest.mark.parametrize(
    ("buy", "sell", "code"),
    [("0.5", "0.5", 110013), ("5", "100.01", 110013), ("x", "x", 10001)],
)
def test_leverage_is_within_its_range(buy: str, sell: str, code: int) -> None:
    body = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": buy, "sellLeverage": sell}
    assert code_of(read_leverage, body) == code
