"""Changing an order that lives: what it becomes, what is refused, and what the market makes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.events import AmendLost, OrderFilled
from tradewright.simulator.accounts.orders import Order, OrderStatus
from tradewright.simulator.errors import ApiError


def refusal(bench: Bench, order: Order, **changes: Any) -> int:
    """The code of a refused amend, which leaves no trace."""
    before = len(bench.log.entries)
    with pytest.raises(ApiError) as caught:
        bench.amend(order, **changes)
    assert len(bench.log.entries) == before
    return int(caught.value.code)


def test_price_and_total_quantity_change_and_the_ids_stay() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00", orderLinkId="mine")
    after = bench.amend(order, qty="0.020", price="58000.00")
    assert (after.order_id, after.link_id, after.status) == (order.order_id, "mine", OrderStatus.NEW)
    assert (after.quantity, after.price) == (Decimal("0.020"), Decimal("58000"))
    assert bench.told[-1].delay_ms == 30  # to be read at once, heard of when it reaches the matching engine
    bench.trade("58500.00")
    assert bench.size == 0
    bench.trade("57999.90")
    assert bench.size == Decimal("0.020")


def test_the_new_price_may_take_at_once_and_pays_the_taker_fee() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00")
    after = bench.amend(order, price="60000.50")
    fill = next(event for event in bench.events() if isinstance(event, OrderFilled))
    assert after.status is OrderStatus.FILLED
    assert (fill.price, fill.is_maker) == (Decimal("60000.10"), False)


def test_a_post_only_order_that_is_moved_into_the_book_is_cancelled() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00", timeInForce="PostOnly")
    after = bench.amend(order, price="60000.10")
    assert (after.status, after.reject_reason) == (OrderStatus.CANCELLED, "EC_PostOnlyWillTakeLiquidity")


def test_the_quantity_is_the_total_and_must_exceed_what_has_filled() -> None:
    bench = Bench(funds="1000000", partial_fills=True)
    order = bench.place("Buy", "0.010", "59000.00")
    bench.trade("58999.90", "0.004")
    assert refusal(bench, order, qty="0.004") == 110064
    after = bench.amend(order, qty="0.006")
    assert (after.status, after.leaves) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.002"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"qty": "0.0105"}, 10001),
        ({"qty": "-1"}, 10001),
        ({"price": "59000.05"}, 10001),
        ({"price": "2000000.00"}, 110003),
        ({"price": "400.00"}, 110094),
        ({"qty": "50"}, 110007),
        ({"triggerPrice": "58000"}, 10001),
        ({"takeProfit": "58000"}, 10001),
        ({}, 10001),
        ({"qty": "0.010", "price": "59000.0"}, 10001),
        ({"symbol": "BTCUSDT", "orderId": "nobody"}, 110001),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_with_its_code(changes: dict[str, Any], code: int) -> None:
    bench = Bench()
    assert refusal(bench, bench.place("Buy", "0.010", "59000.00"), **changes) == code


def test_a_market_order_that_waits_is_worth_its_trigger_price() -> None:
    bench = Bench()
    stop = bench.place("Buy", "0.010", triggerPrice="61000.00", triggerDirection=1)
    bench.market.quote(bid="399.90", ask="400.00")
    bench.market.trade("400.00")
    bench.market.marks["BTCUSDT"] = Decimal("400.00")
    bench.engine.catch_up()
    assert refusal(bench, stop, triggerPrice="450.00") == 110094
    assert bench.amend(stop, triggerPrice="600.00").status is OrderStatus.UNTRIGGERED


def test_an_order_that_ended_cannot_be_changed() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00")
    bench.cancel(order)
    assert refusal(bench, order, qty="0.020") == 110001


def test_a_smaller_order_needs_no_margin_even_when_there_is_none() -> None:
    bench = Bench(funds="6700")
    bench.place("Buy", "1.000")
    order = bench.place("Buy", "0.010", "59000.00")
    bench.market.mark = Decimal("54000.00")
    assert bench.engine.margin_now().available < 0
    assert refusal(bench, order, qty="0.020") == 110007
    assert bench.amend(order, qty="0.005").quantity == Decimal("0.005")


@pytest.mark.parametrize(
    ("price", "changes", "served"),
    [
        ("59000.00", {"qty": "0.008"}, "first"),
        ("59000.00", {"qty": "0.012"}, "second"),
        ("58000.00", {"price": "59000.00"}, "second"),
    ],
)
def test_only_a_smaller_size_keeps_the_place_in_the_queue(price: str, changes: dict[str, str], served: str) -> None:
    """Two orders at 59000 and a trade that is enough for one of them."""
    bench = Bench(partial_fills=True)
    first = bench.place("Buy", "0.010", price, orderLinkId="first")
    bench.place("Buy", "0.010", "59000.00", orderLinkId="second")
    bench.amend(first, **changes)
    bench.trade("58999.90", "0.001")
    filled = [order.link_id for order in bench.engine.account.orders.values() if order.filled_quantity]
    assert filled == [served]


def test_an_order_changed_before_it_arrived_goes_to_the_market_first() -> None:
    bench = Bench()
    order = bench.accept("Buy", "0.010", "59000.00")
    assert bench.amend(order, price="58000.00").price == Decimal("58000")
    bench.arrive()
    assert bench.order(order).status is OrderStatus.NEW


def test_a_change_that_comes_after_the_fill_loses_and_changes_nothing() -> None:
    bench = Bench()
    order = bench.accept("Buy", "0.010")
    after = bench.amend(order, qty="0.020")
    assert (after.status, after.quantity) == (OrderStatus.FILLED, Decimal("0.010"))
    assert isinstance(bench.events()[-1], AmendLost)


def test_a_reduce_only_order_grows_no_further_than_the_position() -> None:
    bench = Bench()
    bench.place("Buy", "0.010")
    order = bench.place("Sell", "0.005", "61000.00", reduceOnly=True)
    assert bench.amend(order, qty="0.500").quantity == Decimal("0.010")


def test_a_spot_order_is_changed_by_the_rules_and_codes_of_spot() -> None:
    bench = Bench(spot=True)
    order = bench.spot("Buy", "0.010000", "59000.00")
    assert refusal(bench, order, price="1.00") == 170140
    assert refusal(bench, order, qty="10") == 170131
    bench.amend(order, qty="0.020000")
    bench.cancel(order)
    assert refusal(bench, order, qty="0.030000") == 170213
