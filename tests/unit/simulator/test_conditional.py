"""Orders that wait for a price: on which side, when they trigger, and what they meet then."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.events import OrderFilled
from tradewright.simulator.accounts.orders import Order, OrderStatus
from tradewright.simulator.errors import ApiError

RISES, FALLS = 1, 2


def told(bench: Bench, order: Order) -> list[str]:
    """What the streams heard of an order, event by event."""
    events = (entry.event for outcome in bench.told for entry in outcome.entries)
    return [type(event).__name__ for event in events if getattr(event, "order_id", "") == order.order_id]


def refusal(bench: Bench, *args: Any, **more: Any) -> int:
    before = len(bench.log.entries)
    with pytest.raises(ApiError) as caught:
        bench.accept(*args, **more)
    assert len(bench.log.entries) == before
    return int(caught.value.code)


def test_a_stop_waits_triggers_at_a_touch_and_goes_to_the_market_under_its_own_ids() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES, orderLinkId="stop")
    assert (order.status, order.stop_kind) == (OrderStatus.UNTRIGGERED, "Stop")
    bench.trade("60499.90")
    assert bench.order(order).status is OrderStatus.UNTRIGGERED
    bench.market.quote(bid="60499.90", ask="60500.10")
    bench.trade("60500.00")
    after = bench.order(order)
    assert (after.status, after.link_id, after.average_price) == (OrderStatus.FILLED, "stop", Decimal("60500.10"))
    assert told(bench, order) == ["OrderAccepted", "OrderArmed", "OrderTriggered", "OrderFilled"]


def test_a_conditional_limit_order_rests_after_its_trigger() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "58000.00", triggerPrice="59000.00", triggerDirection=FALLS)
    bench.trade("59000.00")
    assert bench.order(order).status is OrderStatus.NEW
    bench.trade("57999.90")
    assert bench.order(order).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("trigger", "direction", "code"),
    [("60000.00", RISES, 110092), ("59000", RISES, 110092), ("61000", FALLS, 110093), ("60500", None, 10001)],
)
def test_a_trigger_lies_on_the_side_it_says(trigger: str, direction: int | None, code: int) -> None:
    assert refusal(Bench(), "Buy", "0.010", triggerPrice=trigger, triggerDirection=direction) == code


def test_a_waiting_order_binds_nothing_and_is_cancelled_if_its_margin_is_missing_then() -> None:
    bench = Bench(funds="1000")
    order = bench.place("Buy", "1.000", triggerPrice="60500.00", triggerDirection=RISES)
    assert bench.engine.margin_now().initial == 0
    bench.trade("60500.00")
    after = bench.order(order)
    assert (after.status, after.filled_quantity) == (OrderStatus.CANCELLED, 0)


def test_a_waiting_order_that_is_cancelled_is_deactivated() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES)
    assert bench.cancel(order).status is OrderStatus.DEACTIVATED
    bench.trade("60500.00")
    assert bench.size == 0


def test_ten_conditional_orders_wait_per_symbol_and_not_one_more() -> None:
    bench = Bench()
    for _ in range(10):
        bench.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES)
    assert refusal(bench, "Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES) == 110009
    assert bench.place("Buy", "0.010", "59000.00").status is OrderStatus.NEW


def test_thirty_conditional_orders_wait_per_spot_pair() -> None:
    bench = Bench(spot=True)
    stop = {"triggerPrice": "61000.00", "orderFilter": "StopOrder"}
    for _ in range(30):
        bench.spot("Buy", "100", **stop)
    assert refusal(bench, "Buy", "100", category="spot", **stop) == 170810


def test_a_trigger_looks_at_the_price_it_names() -> None:
    bench = Bench()
    by_mark = bench.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES, triggerBy="MarkPrice")
    bench.trade("60600.00")
    assert bench.order(by_mark).status is OrderStatus.UNTRIGGERED
    bench.market.mark = Decimal("60500.00")
    bench.wall_ms += 1_000
    bench.engine.catch_up()
    assert bench.order(by_mark).status is OrderStatus.FILLED


def test_a_stop_that_closes_all_takes_the_position_of_its_moment() -> None:
    bench = Bench()
    bench.place("Buy", "0.010")
    stop = bench.place(
        "Sell", "0", triggerPrice="59000.00", triggerDirection=FALLS, reduceOnly=True, closeOnTrigger=True
    )
    bench.place("Buy", "0.020")
    bench.amend(stop, triggerPrice="58900.00")
    bench.trade("59000.00")
    assert bench.size == Decimal("0.030")
    bench.trade("58900.00")
    assert (bench.order(stop).filled_quantity, bench.size) == (Decimal("0.030"), 0)


def test_a_reduce_only_stop_without_a_position_ends_at_its_trigger() -> None:
    bench = Bench()
    stop = bench.place("Sell", "0.010", triggerPrice="59000.00", triggerDirection=FALLS, reduceOnly=True)
    bench.trade("59000.00")
    assert (bench.order(stop).status, bench.order(stop).cancel_type) == (OrderStatus.CANCELLED, "CancelByReduceOnly")


def test_the_trigger_of_a_waiting_order_can_be_moved() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES)
    with pytest.raises(ApiError) as caught:
        bench.amend(order, triggerPrice="59000.00")
    assert caught.value.code == 110092
    bench.amend(order, triggerPrice="61000.00", qty="0.020")
    bench.trade("60500.00")
    assert bench.size == 0
    bench.trade("61000.00")
    assert bench.size == Decimal("0.020")


def test_in_a_jump_everything_triggers_at_its_event_and_meets_the_book_of_then() -> None:
    """The price falls to the stop, the book follows in the same moment, and later all is as before."""
    bench = Bench()
    bench.place("Buy", "0.010")
    stop = bench.place("Sell", "0.010", triggerPrice="59000.00", triggerDirection=FALLS, reduceOnly=True)
    again = bench.place("Buy", "0.005", triggerPrice="62000.00", triggerDirection=RISES)
    bench.market.now_ms += 1
    bench.market.trade("58900.00")
    bench.market.quote(bid="58890.00", ask="58910.00")
    bench.market.now_ms += 1
    bench.market.trade("62000.00")
    bench.market.quote(bid="61990.00", ask="62010.00")
    bench.market.now_ms += 1
    bench.market.trade("60000.00")
    bench.market.quote(bid="59999.90", ask="60000.10")
    bench.engine.catch_up()
    assert bench.order(stop).average_price == Decimal("58890.00")
    assert bench.order(again).average_price == Decimal("62010.00")
    times = [event.at.market_ms for event in bench.events() if isinstance(event, OrderFilled)]
    assert times == sorted(times)
    assert len(set(times)) == 3


def test_after_a_restart_what_waits_waits_on(tmp_path: Path) -> None:
    before = Bench(tmp_path)
    order = before.place("Buy", "0.010", triggerPrice="60500.00", triggerDirection=RISES)
    on_its_way = before.accept("Buy", "0.020", triggerPrice="60500.00", triggerDirection=RISES)
    before.log.close()
    after = Bench(tmp_path)
    after.engine.resume()
    assert after.order(order) == before.order(order)
    assert after.order(on_its_way).status is OrderStatus.UNTRIGGERED
    after.trade("60500.00")
    assert after.size == Decimal("0.030")


def test_a_slippage_tolerance_bounds_what_a_market_order_takes() -> None:
    """The book asks 60000.10 and 60001.00: five ticks reach the first only, 0.01 per cent the second too."""
    bench = Bench(funds="1000000")
    ticks = {"slippageToleranceType": "TickSize", "slippageTolerance": "5"}
    assert bench.place("Buy", "1.500", **ticks).filled_quantity == Decimal("1.000")
    percent = {"slippageToleranceType": "Percent", "slippageTolerance": "0.01"}
    assert bench.place("Buy", "1.500", **percent).filled_quantity == Decimal("1.500")
    assert refusal(bench, "Buy", "1", slippageToleranceType="TickSize", slippageTolerance="10001") == 110108
    assert refusal(bench, "Buy", "1", slippageToleranceType="Percent", slippageTolerance="10.01") == 110109


def test_a_spot_stop_locks_when_it_triggers_and_a_spot_tpsl_order_at_once() -> None:
    bench = Bench(spot=True, coins={"BTC": "1"})
    stop = bench.spot("Sell", "0.600000", triggerPrice="59000.00", orderFilter="StopOrder")
    tpsl = bench.spot("Sell", "0.600000", "58500.00", triggerPrice="59000.00", orderFilter="tpslOrder")
    assert (stop.status, tpsl.status) == (OrderStatus.UNTRIGGERED, OrderStatus.UNTRIGGERED)
    assert refusal(bench, "Sell", "0.500000", "61000.00", category="spot") == 170131
    bench.market.trade("59000.00", listing="spot:BTCUSDT")
    bench.engine.catch_up()
    assert bench.order(stop).status is OrderStatus.CANCELLED  # the other one has locked what it needs
    assert bench.order(tpsl).filled_quantity == Decimal("0.600000")


def test_an_order_that_closes_on_its_trigger_makes_room_for_itself() -> None:
    """A long of 1 at ten times leverage leaves little; a resting sale of 1 uses up what there is to close."""
    bench = Bench(funds="6200")
    bench.place("Buy", "1")
    conditional = bench.place("Sell", "1", triggerPrice="59000.00", triggerDirection=2, closeOnTrigger=True)
    resting = bench.place("Sell", "1", "61000.00")
    bench.market.mark = Decimal("59900.00")
    bench.trade("59000.00")
    assert bench.order(resting).cancel_type == "CancelByAdmin"
    assert (bench.order(conditional).status, bench.size) == (OrderStatus.FILLED, 0)


def test_without_that_flag_it_is_cancelled_for_lack_of_margin() -> None:
    bench = Bench(funds="6200")
    bench.place("Buy", "1")
    conditional = bench.place("Sell", "1", triggerPrice="59000.00", triggerDirection=2)
    resting = bench.place("Sell", "1", "61000.00")
    bench.market.mark = Decimal("59900.00")
    bench.trade("59000.00")
    assert bench.order(conditional).status is OrderStatus.CANCELLED
    assert bench.order(resting).is_live
