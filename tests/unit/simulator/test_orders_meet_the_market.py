"""What each kind of order does on arrival and while it rests. Prices and fees are worked out by hand in the tests."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.events import OrderFilled
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.errors import ApiError


def fills(bench: Bench) -> list[tuple[str, str, bool]]:
    return [
        (str(event.price), str(event.quantity), event.is_maker)
        for event in bench.events()
        if isinstance(event, OrderFilled)
    ]


def code_of(caught: pytest.ExceptionInfo[ApiError]) -> int:
    return int(caught.value.code)


def test_a_market_order_walks_the_book_and_pays_the_taker_fee() -> None:
    bench = Bench()
    order = bench.place("Buy", "1.500")
    assert order.status is OrderStatus.FILLED
    assert fills(bench) == [("60000.10", "1.000", False), ("60001.00", "0.500", False)]
    # 0.055 % of 60000.10 and of 30000.50
    assert bench.wallet == Decimal("100000") - Decimal("33.000055") - Decimal("16.500275")
    assert bench.size == Decimal("1.500")


def test_a_market_order_stops_at_its_protection_price_and_the_rest_is_cancelled() -> None:
    bench = Bench(funds="10000000")
    bench.market.quote(bid="59999.90", ask="60000.10", size="2.000")
    bench.engine.catch_up()
    order = bench.place("Buy", "3.000")
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, Decimal(2))
    assert order.reject_reason == "EC_NoImmediateQtyToFill"


def test_a_limit_order_below_the_market_rests_until_the_price_goes_through_it() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00")
    assert order.status is OrderStatus.NEW
    bench.trade("59000.00")
    assert bench.order(order).status is OrderStatus.NEW  # touched, but others stood in front
    bench.trade("58999.90")
    assert bench.order(order).status is OrderStatus.FILLED
    assert fills(bench) == [("59000.00", "0.010", True)]
    # 0.02 % of 590
    assert bench.wallet == Decimal("100000") - Decimal("0.118")


def test_a_sell_rests_above_and_fills_when_the_book_opens_beyond_it() -> None:
    bench = Bench()
    order = bench.place("Sell", "0.010", "60100.00")
    bench.market.quote(bid="60100.00", ask="60100.10")
    bench.engine.catch_up()
    assert bench.order(order).status is OrderStatus.NEW
    bench.market.quote(bid="60100.10", ask="60100.20")
    bench.engine.catch_up()
    assert bench.order(order).status is OrderStatus.FILLED


def test_a_limit_order_that_crosses_takes_up_to_its_price_and_rests_with_the_remainder() -> None:
    bench = Bench(funds="1000000")
    order = bench.place("Buy", "2.000", "60000.50")
    assert (order.status, order.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal(1))
    assert order.leaves == 1


def test_immediate_or_cancel_takes_what_there_is() -> None:
    bench = Bench(funds="1000000")
    order = bench.place("Buy", "2.000", "60000.50", timeInForce="IOC")
    assert (order.status, order.filled_quantity, order.leaves) == (OrderStatus.CANCELLED, Decimal(1), Decimal(0))
    nothing = bench.place("Buy", "2.000", "59000.00", timeInForce="IOC")
    assert (nothing.status, nothing.reject_reason) == (OrderStatus.CANCELLED, "EC_NoImmediateQtyToFill")


def test_fill_or_kill_is_all_or_nothing() -> None:
    bench = Bench(funds="1000000")
    killed = bench.place("Buy", "1.001", "60000.50", timeInForce="FOK")
    assert (killed.status, killed.filled_quantity) == (OrderStatus.CANCELLED, Decimal(0))
    assert killed.reject_reason == "EC_CancelForNoFullFill"
    assert bench.place("Buy", "1.000", "60000.50", timeInForce="FOK").status is OrderStatus.FILLED


def test_post_only_never_takes() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "60000.10", timeInForce="PostOnly")
    assert (order.status, order.reject_reason) == (OrderStatus.CANCELLED, "EC_PostOnlyWillTakeLiquidity")
    assert bench.place("Buy", "0.010", "60000.00", timeInForce="PostOnly").status is OrderStatus.NEW


def test_a_price_beyond_the_limit_is_moved_to_it_without_a_word() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "70000.00")
    assert order.price == Decimal("60600.00")  # mark 60000 and one per cent
    assert order.status is OrderStatus.FILLED


def test_the_same_link_id_is_refused_for_ever() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00", orderLinkId="once")
    bench.cancel(order)
    with pytest.raises(ApiError) as caught:
        bench.accept("Buy", "0.010", "59000.00", orderLinkId="once")
    assert code_of(caught) == 110072
    assert len(bench.engine.account.orders) == 1


def test_a_refused_order_leaves_no_trace() -> None:
    bench = Bench(funds="100")
    before = len(bench.log.entries)
    with pytest.raises(ApiError) as caught:
        bench.accept("Buy", "0.100", "59000.00", orderLinkId="too-big")
    assert code_of(caught) == 110007
    assert len(bench.log.entries) == before
    assert not bench.engine.account.link_id_used("too-big")


def test_open_orders_bind_margin_but_both_sides_are_not_counted_twice() -> None:
    bench = Bench(funds="700")
    bench.place("Buy", "0.100", "59000.00")  # binds 590 and fees
    bench.place("Sell", "0.098", "60200.00")  # the smaller side binds nothing more
    with pytest.raises(ApiError):
        bench.accept("Buy", "0.050", "59000.00")


def test_closing_is_always_allowed_even_without_free_margin() -> None:
    bench = Bench(funds="7000")
    bench.place("Buy", "1.000")
    bench.market.mark = Decimal("55000.00")
    assert bench.engine.margin_now().available < 0
    with pytest.raises(ApiError):
        bench.accept("Buy", "0.010", "59000.00")
    assert bench.place("Sell", "1.000", reduceOnly=True).status is OrderStatus.FILLED
    assert bench.size == 0


def test_reduce_only_needs_something_to_reduce_and_is_cut_to_it() -> None:
    bench = Bench()
    with pytest.raises(ApiError) as caught:
        bench.accept("Sell", "0.010", reduceOnly=True)
    assert code_of(caught) == 110017
    bench.place("Buy", "0.010")
    with pytest.raises(ApiError):
        bench.accept("Buy", "0.010", reduceOnly=True)
    assert bench.place("Sell", "0.500", reduceOnly=True).quantity == Decimal("0.010")
    assert bench.size == 0


def test_resting_reduce_only_orders_go_when_the_position_does() -> None:
    bench = Bench()
    bench.place("Buy", "0.010")
    resting = bench.place("Sell", "0.010", "61000.00", reduceOnly=True)
    bench.place("Sell", "0.010")
    gone = bench.order(resting)
    assert (gone.status, gone.cancel_type) == (OrderStatus.CANCELLED, "CancelByReduceOnly")


def test_two_resting_reduce_only_orders_never_flip_the_position() -> None:
    bench = Bench()
    bench.place("Buy", "0.010")
    first = bench.place("Sell", "0.006", "60100.00", reduceOnly=True)
    second = bench.place("Sell", "0.010", "60200.00", reduceOnly=True)
    bench.trade("60300.00")
    assert bench.order(first).filled_quantity == Decimal("0.006")
    assert bench.order(second).filled_quantity == Decimal("0.004")
    assert bench.order(second).cancel_type == "CancelByReduceOnly"
    assert bench.size == 0


def test_quantity_zero_closes_the_whole_position() -> None:
    bench = Bench()
    bench.place("Sell", "0.025")
    assert bench.place("Buy", "0", reduceOnly=True, closeOnTrigger=True).filled_quantity == Decimal("0.025")


def test_with_partial_fills_a_trade_gives_no_more_than_its_size_best_price_first() -> None:
    bench = Bench(partial_fills=True)
    far = bench.place("Buy", "0.010", "59000.00")
    near = bench.place("Buy", "0.010", "59500.00")
    bench.trade("58000.00", "0.015")
    assert bench.order(near).status is OrderStatus.FILLED
    assert (bench.order(far).status, bench.order(far).filled_quantity) == (
        OrderStatus.PARTIALLY_FILLED,
        Decimal("0.005"),
    )


def test_an_accepted_order_can_be_read_before_it_has_happened() -> None:
    bench = Bench()
    order = bench.accept("Buy", "0.010", orderLinkId="mine")
    assert bench.engine.account.find_order(link_id="mine") == order
    assert order.status is OrderStatus.ACCEPTED
    assert bench.size == 0


def test_a_cancel_that_arrives_before_its_market_order_loses_and_filled_is_told_twice() -> None:
    bench = Bench()
    order = bench.accept("Buy", "0.010")
    lost = bench.cancel(order)
    assert (lost.status, lost.cancel_type) == (OrderStatus.FILLED, "CancelByUser")
    assert lost.reject_reason == "EC_OrigClOrdIDDoesNotExist"
    bench.arrive()  # the order's own moment comes later and must not fill it again
    assert bench.size == Decimal("0.010")


def test_a_cancel_does_not_overtake_the_trade_that_came_before_it() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00")
    bench.market.trade("58999.90")  # on the market, but not looked at yet
    with pytest.raises(ApiError) as caught:
        bench.cancel(order)
    assert code_of(caught) == 110001
    assert bench.order(order).status is OrderStatus.FILLED


def test_an_order_does_not_meet_trades_from_before_it_came() -> None:
    bench = Bench()
    bench.market.trade("58999.90")
    assert bench.place("Buy", "0.010", "59000.00").status is OrderStatus.NEW
    assert [event.seq for event in bench.engine.venue.take_events()] == [2]  # the public streams still hear of it


def test_after_a_long_sleep_the_market_comes_back_in_steps() -> None:
    bench = Bench()
    bench.wall_ms += 5_000
    arrived = [bench.engine.catch_up() for _ in range(4)]
    assert arrived == [False, False, True, True]
    assert bench.market.now_ms == bench.wall_ms


def test_a_cancel_of_a_resting_order_ends_it_once() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00")
    ended = bench.cancel(order)
    assert (ended.status, ended.cancel_type, ended.leaves) == (OrderStatus.CANCELLED, "CancelByUser", Decimal(0))
    with pytest.raises(ApiError) as caught:
        bench.cancel(order)
    assert code_of(caught) == 110001
    bench.trade("50000.00")
    assert bench.size == 0


def test_leverage_that_does_not_change_says_so_and_one_that_cannot_be_paid_is_refused() -> None:
    bench = Bench(funds="7000")
    with pytest.raises(ApiError) as caught:
        bench.set_leverage("10")
    assert code_of(caught) == 110043
    bench.place("Buy", "1.000")
    with pytest.raises(ApiError) as caught:
        bench.set_leverage("2")
    assert code_of(caught) == 110007
    bench.set_leverage("20")
    assert bench.engine.account.position("BTCUSDT").leverage == 20


def test_a_position_that_flips_starts_a_new_holding() -> None:
    bench = Bench()
    bench.place("Buy", "0.010")
    bench.place("Sell", "0.030")
    position = bench.engine.account.position("BTCUSDT")
    assert position.size == Decimal("-0.020")
    assert position.average_price == Decimal("59999.90")
