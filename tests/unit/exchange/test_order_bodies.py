"""What each kind of order, change and setting is called on the wire, as Bybit's documentation has it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tradewright.core.errors import NotSent, Refused
from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, Trigger
from tradewright.exchange.bybit.order_bodies import create_body
from tradewright.exchange.bybit.orders import BybitOrderGateway
from unit.exchange.fake_bybit import FakeBybit, http, ok, refused
from unit.exchange.rows import order_row, page

BTC = InstrumentId("linear", "BTCUSDT")
PAIR = InstrumentId("spot", "BTCUSDT")
LINK = LinkId("tw0123456789abcdef0123456789abcdef")
ACK = ok({"orderId": "exchange-1", "orderLinkId": LINK})
LIMIT: dict[str, Any] = {"order_type": "Limit", "price": Decimal("60000.10")}
LIMIT_BODY = {"orderType": "Limit", "price": "60000.1", "timeInForce": "GTC", "positionIdx": 0}
MARKET: dict[str, Any] = {"order_type": "Market", "price": None, "time_in_force": "IOC"}


def new_order(instrument: InstrumentId, **fields: Any) -> NewOrder:
    fields = {"quantity": Decimal("0.010"), "time_in_force": "GTC", "side": "Buy", **fields}
    return NewOrder(link_id=LINK, instrument=instrument, **fields)


def trigger(price: str, by: Any, *, rises: bool) -> Trigger:
    return Trigger(price=Decimal(price), by=by, rises=rises)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (
            new_order(BTC, **LIMIT, trigger=trigger("61000", "MarkPrice", rises=True)),
            {**LIMIT_BODY, "triggerPrice": "61000", "triggerDirection": 1, "triggerBy": "MarkPrice"},
        ),
        (
            new_order(BTC, **MARKET, reduce_only=True, trigger=trigger("5.9E+4", "LastPrice", rises=False)),
            {
                "orderType": "Market",
                "positionIdx": 0,
                "reduceOnly": True,
                "triggerPrice": "59000",
                "triggerDirection": 2,
                "triggerBy": "LastPrice",
            },
        ),
        (
            new_order(BTC, **LIMIT, take_profit=Exit(trigger_price=Decimal(65000), trigger_by="IndexPrice")),
            {
                **LIMIT_BODY,
                "takeProfit": "65000",
                "tpTriggerBy": "IndexPrice",
                "tpOrderType": "Market",
                "tpslMode": "Full",
            },
        ),
        (
            new_order(
                BTC,
                **LIMIT,
                take_profit=Exit(trigger_price=Decimal(65000), limit_price=Decimal("65000.50")),
                stop_loss=Exit(trigger_price=Decimal(58000)),
            ),
            {
                **LIMIT_BODY,
                "takeProfit": "65000",
                "tpTriggerBy": "LastPrice",
                "tpOrderType": "Limit",
                "tpLimitPrice": "65000.5",
                "stopLoss": "58000",
                "slTriggerBy": "LastPrice",
                "slOrderType": "Market",
                "tpslMode": "Partial",
            },
        ),
        (
            new_order(BTC, **MARKET, slippage_percent=Decimal("0.50")),
            {
                "orderType": "Market",
                "positionIdx": 0,
                "slippageToleranceType": "Percent",
                "slippageTolerance": "0.5",
            },
        ),
        (new_order(PAIR, **MARKET), {"orderType": "Market", "marketUnit": "baseCoin"}),
        (new_order(PAIR, **MARKET, quantity_unit="quote"), {"orderType": "Market", "marketUnit": "quoteCoin"}),
        (
            new_order(PAIR, **LIMIT, trigger=trigger("61000", "LastPrice", rises=True)),
            {
                "orderType": "Limit",
                "price": "60000.1",
                "timeInForce": "GTC",
                "triggerPrice": "61000",
                "orderFilter": "StopOrder",
            },
        ),
        (
            new_order(PAIR, **LIMIT, stop_loss=Exit(trigger_price=Decimal(58000), limit_price=Decimal(57900))),
            {
                "orderType": "Limit",
                "price": "60000.1",
                "timeInForce": "GTC",
                "stopLoss": "58000",
                "slOrderType": "Limit",
                "slLimitPrice": "57900",
            },
        ),
    ],
)
def test_every_kind_of_order_has_its_fields_and_no_others(order: NewOrder, expected: dict[str, Any]) -> None:
    common = {"category": order.instrument.category, "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01"}
    assert create_body(order) == {**common, "orderLinkId": LINK, **expected}


async def test_an_amend_sends_only_what_changes(bybit: FakeBybit, orders: BybitOrderGateway) -> None:
    bybit.script["/v5/order/amend"] = [ACK]
    change = OrderChange(
        quantity=Decimal("0.020"), price=Decimal("6E+4"), trigger_price=Decimal(1), stop_loss=Decimal(0)
    )
    acknowledged = await orders.amend(BTC, change, link_id=LINK, exchange_order_id=ExchangeOrderId("exchange-1"))
    assert acknowledged.exchange_order_id == "exchange-1"
    assert sent(bybit) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderId": "exchange-1",
        "qty": "0.02",
        "price": "60000",
        "triggerPrice": "1",
        "stopLoss": "0",
    }


@pytest.mark.parametrize(("was", "sends"), [("MarkPrice", "MarkPrice"), ("", "LastPrice"), ("UNKNOWN", "LastPrice")])
async def test_an_exit_that_is_moved_goes_off_by_the_price_it_did_before(
    bybit: FakeBybit, orders: BybitOrderGateway, was: str, sends: str
) -> None:
    bybit.script["/v5/order/realtime"] = [ok(page(order_row(tpTriggerBy=was, slTriggerBy="IndexPrice")))]
    bybit.script["/v5/order/amend"] = [ACK]
    await orders.amend(BTC, OrderChange(take_profit=Decimal(65000)), link_id=LINK, exchange_order_id=None)
    assert sent(bybit) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderLinkId": LINK,
        "takeProfit": "65000",
        "tpTriggerBy": sends,
    }
    bybit.script["/v5/order/realtime"] = [http(503)]
    with pytest.raises(NotSent):
        await orders.amend(BTC, OrderChange(take_profit=Decimal(65000)), link_id=LINK, exchange_order_id=None)
    assert bybit.times_asked("/v5/order/amend") == 1


async def test_leverage_is_set_for_both_sides_and_unchanged_counts_as_done(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    path = "/v5/position/set-leverage"
    bybit.script[path] = [ok({}), refused(110043, "leverage not modified"), refused(110013, "cannot set leverage")]
    assert (await orders.set_leverage(BTC, Decimal("12.50"))).ret_code == 0
    assert sent(bybit) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "buyLeverage": "12.5",
        "sellLeverage": "12.5",
    }
    assert (await orders.set_leverage(BTC, Decimal("12.5"))).ret_code == 110043
    with pytest.raises(Refused):
        await orders.set_leverage(BTC, Decimal(500))


async def test_exits_of_a_position_name_only_the_legs_that_are_asked(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    bybit.script["/v5/position/trading-stop"] = [ok({}), refused(34040, "not modified"), refused(10001, "no")]
    whole = {"category": "linear", "symbol": "BTCUSDT", "positionIdx": 0, "tpslMode": "Full"}
    exits = PositionExits(take_profit=Decimal(65000), stop_loss=Decimal(0), take_profit_by="MarkPrice")
    assert (await orders.set_exits(BTC, exits)).ret_code == 0
    assert sent(bybit) == {**whole, "takeProfit": "65000", "tpTriggerBy": "MarkPrice", "stopLoss": "0"}
    assert (await orders.set_exits(BTC, PositionExits(stop_loss=Decimal(58000)))).ret_code == 34040
    assert sent(bybit) == {**whole, "stopLoss": "58000", "slTriggerBy": "LastPrice"}
    with pytest.raises(Refused):
        await orders.set_exits(BTC, PositionExits(stop_loss=Decimal(1)))


async def test_cancel_of_a_spot_order_names_its_kind_as_placed_as_read_or_as_asked(
    bybit: FakeBybit, orders: BybitOrderGateway
) -> None:
    bybit.script["/v5/order/create"] = [ACK]
    bybit.script["/v5/order/cancel"] = [ACK]

    async def cancelled(name: str) -> object:
        await orders.cancel(PAIR, link_id=None, exchange_order_id=ExchangeOrderId(name))
        return sent(bybit)["orderFilter"]

    await orders.place(new_order(PAIR, **LIMIT, trigger=trigger("61000", "LastPrice", rises=True)))
    await orders.cancel(PAIR, link_id=LINK, exchange_order_id=None)
    assert sent(bybit)["orderFilter"] == "StopOrder"
    assert bybit.times_asked("/v5/order/realtime") == 0, "it was placed from here: nothing to ask"
    rows = [order_row(orderId=name, stopOrderType=name) for name in ("tpslOrder", "OcoOrder", "UNKNOWN")]
    bybit.script["/v5/order/realtime"] = [ok(page())]
    bybit.script["/v5/order/realtime?category=spot"] = [ok(page(*rows, category="spot"))]
    await orders.open_orders()
    del bybit.script["/v5/order/realtime?category=spot"]
    before = bybit.times_asked("/v5/order/realtime")
    assert [await cancelled(name) for name in ("tpslOrder", "OcoOrder", "UNKNOWN")] == [
        "tpslOrder",
        "OcoOrder",
        "Order",
    ]
    assert bybit.times_asked("/v5/order/realtime") == before
    bybit.script["/v5/order/realtime"] = [ok(page(order_row(orderId="foreign", stopOrderType="Stop"), category="spot"))]
    assert await cancelled("foreign") == "StopOrder", "seen by nobody so far: asked first"
    bybit.script["/v5/order/realtime"] = [http(503)]
    assert await cancelled("unread") == "Order", "a cancel goes out even when its order cannot be read"


def sent(bybit: FakeBybit) -> Any:
    """The body of the last command."""
    return json.loads(next(body for _path, _query, _headers, body in reversed(bybit.asked) if body))
