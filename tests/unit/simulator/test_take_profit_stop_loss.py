"""Take-profit and stop-loss: on an entry, on a position, in pairs, and what ends them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.events import OrderFilled, Together
from tradewright.simulator.accounts.log import LOG_FILE
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.errors import ApiError

BOTH = {"takeProfit": "62000.00", "stopLoss": "59000.00"}


def refusal(call: Any, *args: Any, **more: Any) -> int:
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    return int(caught.value.code)


def levels(bench: Bench) -> dict[str, tuple[str, str]]:
    """Trigger price and quantity of the waiting stops, by kind."""
    return {
        kind: (str(order.trigger.price), str(order.quantity))
        for kind, order in bench.stops().items()
        if order.trigger is not None
    }


def test_the_stops_of_an_entry_appear_when_it_fills_as_orders_of_their_own() -> None:
    bench = Bench()
    entry = bench.place("Buy", "0.010", "59500.00", orderLinkId="entry", **BOTH)
    assert bench.stops() == {}
    bench.trade("59499.90")
    assert levels(bench) == {"TakeProfit": ("62000.00", "0.010"), "StopLoss": ("59000.00", "0.010")}
    for order in bench.stops().values():
        assert (order.parent_id, order.parent_link_id, order.link_id) == (entry.order_id, "entry", "")
        assert (order.side, order.reduce_only, order.close_on_trigger) == ("Sell", True, True)
        assert (order.status, order.order_type) == (OrderStatus.UNTRIGGERED, "Market")
    assert len({order.order_id for order in bench.stops().values()} | {entry.order_id}) == 3


@pytest.mark.parametrize(
    ("side", "stops", "price", "kind"),
    [
        ("Buy", BOTH, "62000.00", "TakeProfit"),
        ("Buy", BOTH, "58999.00", "StopLoss"),
        ("Sell", {"takeProfit": "59000.00", "stopLoss": "62000.00"}, "58000.00", "TakeProfit"),
        ("Sell", {"takeProfit": "59000.00", "stopLoss": "62000.00"}, "62000.00", "StopLoss"),
    ],
)
def test_one_leg_closes_the_position_and_the_other_ends_with_it(
    side: str, stops: dict[str, str], price: str, kind: str
) -> None:
    bench = Bench()
    bench.place(side, "0.010", **stops)
    pair = bench.stops()
    other = "StopLoss" if kind == "TakeProfit" else "TakeProfit"
    bench.trade(price)
    assert bench.size == 0
    assert bench.order(pair[kind]).status is OrderStatus.FILLED
    words = {"StopLoss": "CancelByOCOSlCanceledByTpTriggered", "TakeProfit": "CancelByOCOTpCanceledBySlTriggered"}
    assert (bench.order(pair[other]).status, bench.order(pair[other]).cancel_type) == (
        OrderStatus.DEACTIVATED,
        words[other],
    )
    assert bench.stops() == {}


def test_stops_of_the_whole_position_follow_its_size_and_go_with_it() -> None:
    bench = Bench()
    bench.place("Buy", "0.010", **BOTH)
    bench.place("Buy", "0.030")
    assert levels(bench)["StopLoss"] == ("59000.00", "0.040")
    bench.place("Sell", "0.015")
    assert levels(bench)["TakeProfit"] == ("62000.00", "0.025")
    pair = bench.stops()
    bench.place("Sell", "0.025", reduceOnly=True)
    assert [bench.order(order).cancel_type for order in pair.values()] == ["CancelByTpSlTsClear"] * 2


def test_a_flip_ends_the_old_stops_and_brings_those_of_the_order_that_flipped() -> None:
    bench = Bench()
    bench.place("Buy", "0.010", **BOTH)
    old = bench.stops()
    bench.place("Sell", "0.030", takeProfit="58000.00", stopLoss="61000.00")
    assert bench.size == Decimal("-0.020")
    assert levels(bench) == {"TakeProfit": ("58000.00", "0.020"), "StopLoss": ("61000.00", "0.020")}
    assert all(bench.order(order).status is OrderStatus.DEACTIVATED for order in old.values())


def test_an_entry_that_opens_a_position_anew_brings_its_stops_again() -> None:
    bench = Bench(partial_fills=True)
    bench.place("Buy", "0.030", "59990.00", stopLoss="59000.00")
    bench.trade("59989.00", "0.010")
    bench.place("Sell", "0.010", reduceOnly=True, smpType="CancelTaker")
    assert (bench.size, bench.stops()) == (0, {})
    bench.trade("59989.00", "0.010")
    assert levels(bench) == {"StopLoss": ("59000.00", "0.010")}
    bench.trade("59989.00", "0.010")
    assert levels(bench) == {"StopLoss": ("59000.00", "0.020")}


def test_an_order_that_only_closes_brings_no_stops() -> None:
    bench = Bench()
    bench.place("Buy", "0.030")
    bench.place("Sell", "0.010", takeProfit="58000.00", stopLoss="61000.00")
    assert bench.stops() == {}


def test_a_conditional_entry_brings_its_stops_once_it_has_triggered_and_filled() -> None:
    bench = Bench()
    bench.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=1, stopLoss="59000.00")
    assert bench.stops() == {}
    bench.trade("60500.00")
    assert levels(bench) == {"StopLoss": ("59000.00", "0.010")}


def test_a_later_entry_replaces_only_the_leg_it_names() -> None:
    bench = Bench()
    bench.place("Buy", "0.010", **BOTH)
    bench.place("Buy", "0.010", stopLoss="59500.00")
    assert levels(bench) == {"TakeProfit": ("62000.00", "0.020"), "StopLoss": ("59500.00", "0.020")}


def test_partial_stops_close_what_their_entry_opened_each_pair_on_its_own() -> None:
    bench = Bench()
    partial = {"tpslMode": "Partial", "tpOrderType": "Limit", "tpLimitPrice": "62000.00"}
    bench.place("Buy", "0.010", **BOTH, **partial)
    first = bench.stops()
    bench.place("Buy", "0.020", tpslMode="Partial", stopLoss="59500.00")
    bench.trade("59500.00")
    assert bench.size == Decimal("0.010")
    assert bench.order(first["PartialStopLoss"]).status is OrderStatus.UNTRIGGERED
    bench.trade("62000.00")  # the limit order rests now, and its partner is gone
    assert bench.order(first["PartialTakeProfit"]).status is OrderStatus.NEW
    assert bench.order(first["PartialStopLoss"]).status is OrderStatus.DEACTIVATED
    bench.trade("62000.10")
    assert bench.size == 0


def test_a_pair_grows_with_what_fills_of_its_entry() -> None:
    bench = Bench(partial_fills=True)
    bench.place("Buy", "0.010", "59500.00", tpslMode="Partial", **BOTH)
    for size, covered in (("0.004", "0.004"), ("0.003", "0.007"), ("5", "0.010")):
        bench.trade("59400.00", size)
        assert levels(bench)["PartialStopLoss"] == ("59000.00", covered)
    assert len(list(bench.engine.account.live_orders())) == 2


def test_a_stop_that_is_passed_already_when_the_entry_fills_triggers_at_once() -> None:
    bench = Bench()
    bench.place("Buy", "0.010", "59500.00", stopLoss="59400.00")
    bench.trade("59300.00")
    assert bench.size == 0
    assert [event.is_maker for event in bench.events() if isinstance(event, OrderFilled)] == [True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"takeProfit": "59000.00"},
        {"stopLoss": "61000.00"},
        {"stopLoss": "59000.05"},
        {"stopLoss": "59000.00", "reduceOnly": True},
        {"stopLoss": "59000.00", "tpslMode": "Half"},
        {"stopLoss": "59000.00", "slOrderType": "Limit", "slLimitPrice": "58900.00"},
        {"stopLoss": "59000.00", "slOrderType": "Limit", "tpslMode": "Partial"},
        {"stopLoss": "59000.00", "slTriggerBy": "Mood"},
    ],
)
def test_stops_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    bench = Bench()
    assert refusal(bench.accept, "Buy", "0.010", **wrong) == 10001
    assert not bench.engine.account.orders


def test_the_stops_of_an_entry_can_be_changed_until_it_begins_to_fill() -> None:
    bench = Bench(partial_fills=True)
    entry = bench.place("Buy", "0.010", "59500.00", **BOTH)
    assert refusal(bench.amend, entry, price="58900.00") == 10001  # beyond its own stop
    bench.amend(entry, takeProfit="63000.00", stopLoss="0")
    assert refusal(bench.amend, entry, stopLoss="61000.00") == 10001
    bench.trade("59400.00", "0.004")
    assert levels(bench) == {"TakeProfit": ("63000.00", "0.004")}
    assert refusal(bench.amend, entry, stopLoss="58000.00") == 110059


def test_the_stops_of_a_position_are_set_changed_and_removed() -> None:
    bench = Bench()
    assert refusal(bench.trading_stop, stopLoss="59000.00") == 10001  # nothing to guard
    bench.place("Buy", "0.010")
    bench.trading_stop(tpslMode="Full", positionIdx=0, **BOTH)
    stop = bench.stops()["StopLoss"]
    bench.trading_stop(stopLoss="59500.00")
    assert levels(bench) == {"TakeProfit": ("62000.00", "0.010"), "StopLoss": ("59500.00", "0.010")}
    assert bench.stops()["StopLoss"].order_id == stop.order_id
    assert refusal(bench.trading_stop, stopLoss="59500.00") == 34040
    assert refusal(bench.trading_stop, stopLoss="60100.00") == 10001
    bench.trading_stop(takeProfit="0")
    assert list(levels(bench)) == ["StopLoss"]
    assert refusal(bench.trading_stop, takeProfit="0") == 34040


def test_an_edit_of_one_leg_unlinks_the_pair_but_the_end_of_the_position_still_ends_both() -> None:
    bench = Bench()
    bench.place("Buy", "0.010", **BOTH)
    bench.trading_stop(stopLoss="59500.00")
    pair = bench.stops()
    bench.trade("59500.00")
    assert bench.order(pair["TakeProfit"]).cancel_type == "CancelByTpSlTsClear"


def test_partial_stops_of_a_position_are_added_up_to_twenty_pairs() -> None:
    bench = Bench()
    bench.place("Buy", "0.100")
    half = {"tpslMode": "Partial", "tpSize": "0.050", "slSize": "0.050", **BOTH}
    assert refusal(bench.trading_stop, **{**half, "slSize": "0.040"}) == 10001
    assert refusal(bench.trading_stop, **{**half, "tpSize": "0.101", "slSize": "0.101"}) == 10001
    for _ in range(20):
        bench.trading_stop(**half)
    assert refusal(bench.trading_stop, **half) == 110061
    bench.trade("59000.00")
    assert bench.size == 0
    assert bench.stops() == {}


def test_the_torn_end_of_a_log_never_leaves_a_position_without_the_stop_it_was_to_have(tmp_path: Path) -> None:
    """The entry filled and the power went before its stops were written down."""
    before = Bench(tmp_path)
    before.place("Buy", "0.010", **BOTH)
    before.log.close()
    assert isinstance(before.events()[-1], Together)
    path = tmp_path / LOG_FILE
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    after = Bench(tmp_path)
    assert after.stops() == {}
    after.engine.resume()
    assert levels(after) == {"TakeProfit": ("62000.00", "0.010"), "StopLoss": ("59000.00", "0.010")}
    after.trade("59000.00")
    assert after.size == 0


def spot_exits(bench: Bench) -> list[tuple[str, str, str]]:
    """Side, quantity and trigger price of the stops that wait on spot."""
    waiting = [order for order in bench.engine.account.live_orders("spot:BTCUSDT") if order.is_dormant]
    return [(order.side, str(order.quantity), str(order.trigger.price)) for order in waiting if order.trigger]


def test_a_spot_limit_order_brings_stops_for_the_coins_that_its_fee_left() -> None:
    """0.010000 bought for a fee of 0.1 %, in whole steps of 0.000001; the pair locks them once."""
    bench = Bench(spot=True)
    entry = bench.spot("Buy", "0.010000", "59000.00", takeProfit="62000.00", stopLoss="58000.00")
    bench.trade("58999.00", listing="spot:BTCUSDT")
    assert spot_exits(bench) == [("Sell", "0.009990", "62000.00"), ("Sell", "0.009990", "58000.00")]
    assert refusal(bench.spot, "Sell", "0.009990", "61000.00") == 170131
    target, stop = [order for order in bench.engine.account.live_orders() if order.is_dormant]
    assert (target.parent_id, target.stop_kind) == (entry.order_id, "BidirectionalTpslOrder")
    bench.market.quote(bid="57990.00", ask="58010.00", listing="spot:BTCUSDT")
    bench.trade("58000.00", listing="spot:BTCUSDT")
    assert bench.order(stop).status is OrderStatus.FILLED
    assert bench.order(target).cancel_type == "CancelByOCOTpCanceledBySlTriggered"
    assert bench.coin("BTC") == 0


def test_spot_stops_grow_with_what_fills_and_a_step_is_not_lost_to_rounding() -> None:
    bench = Bench(spot=True, partial_fills=True)
    bench.spot("Buy", "0.010000", "59000.00", stopLoss="58000.00", slOrderType="Limit", slLimitPrice="57900.00")
    for size, covered in (("0.001500", "0.001498"), ("0.001500", "0.002997"), ("1", "0.009990")):
        bench.trade("58999.00", size, listing="spot:BTCUSDT")
        assert spot_exits(bench) == [("Sell", covered, "58000.00")]


@pytest.mark.parametrize(
    ("quantity", "price", "stop", "code"),
    [
        ("600", None, "58000.00", 10001),
        ("0.010000", "59000.00", "59500.00", 10001),
        ("0.010000", "59000.00", "58000.005", 170134),
    ],
)
def test_spot_stops_need_a_limit_order_and_sense(quantity: str, price: str | None, stop: str, code: int) -> None:
    assert refusal(Bench(spot=True).spot, "Buy", quantity, price, stopLoss=stop) == code
