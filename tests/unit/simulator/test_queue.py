"""The queue of a price: who stands before a resting order, and what trades leave for it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import aiohttp

from support.scripted_market import ScriptedMarket, levels
from support.sim_bench import Bench
from support.sim_client import SimClient
from tradewright.simulator import SimulatorConfig, serve
from tradewright.simulator.accounts.orders import Order, OrderStatus

TOUCH = "59999.90"  # where the book shows 1.000


def filled(bench: Bench, order: Order) -> Decimal:
    return bench.order(order).filled_quantity


def show(bench: Bench, *bids: tuple[str, str]) -> None:
    """The market's buyers are these from now on."""
    bench.market.show(levels(*bids), levels(("60000.10", "10.000")))
    bench.engine.catch_up()


def test_trades_at_the_price_serve_those_ahead_first_and_then_the_order_in_parts() -> None:
    bench = Bench(queue="queue")
    order = bench.place("Buy", "0.5", TOUCH)
    bench.trade(TOUCH, "0.700")
    assert filled(bench, order) == 0
    bench.trade(TOUCH, "0.500")  # 0.3 of it is for those ahead
    assert (filled(bench, order), bench.order(order).status) == (Decimal("0.2"), OrderStatus.PARTIALLY_FILLED)
    bench.trade(TOUCH, "5.000")
    assert bench.order(order).status is OrderStatus.FILLED
    maker_fee = Decimal("59999.90") * Decimal("0.5") * Decimal("0.0002")
    assert bench.wallet == 100_000 - maker_fee


def test_a_taker_of_the_own_side_serves_nobody_there() -> None:
    bench = Bench(queue="queue")
    order = bench.place("Buy", "0.5", TOUCH)
    bench.trade(TOUCH, "5.000", side="Buy")
    assert filled(bench, order) == 0


def test_a_level_that_shrinks_moves_the_order_up_and_one_that_grows_does_not_move_it_back() -> None:
    bench = Bench(queue="queue")
    order = bench.place("Buy", "0.5", TOUCH)
    show(bench, (TOUCH, "0.300"))
    show(bench, (TOUCH, "9.000"))
    bench.trade(TOUCH, "0.400")
    assert filled(bench, order) == Decimal("0.1")


def test_between_levels_nobody_is_ahead_and_beyond_the_last_one_all_that_shows_later() -> None:
    bench = Bench(queue="queue")
    between, beyond = bench.place("Buy", "0.5", "59999.50"), bench.place("Buy", "0.5", "59000.00")
    bench.trade("59999.50", "0.200")
    assert filled(bench, between) == Decimal("0.2")
    show(bench, ("59001.00", "1.000"), ("59000.00", "2.000"))
    bench.trade("59000.00", "2.000")
    assert (filled(bench, between), filled(bench, beyond)) == (Decimal("0.5"), 0)  # through the first one
    bench.trade("59000.00", "0.100")
    assert filled(bench, beyond) == Decimal("0.1")


def test_what_goes_strictly_beyond_the_price_fills_all() -> None:
    bench = Bench(queue="queue")
    order = bench.place("Buy", "0.5", TOUCH)
    bench.trade("59999.80", "0.001")
    assert bench.order(order).status is OrderStatus.FILLED


def test_own_orders_at_one_price_are_served_in_the_order_in_which_they_came() -> None:
    bench = Bench(queue="queue")
    first = bench.place("Buy", "0.5", TOUCH)
    show(bench, (TOUCH, "1.600"))  # 0.6 came after the first one
    second = bench.place("Buy", "0.5", TOUCH)
    bench.trade(TOUCH, "1.700")  # 1.0 ahead of both, 0.5 for the first, 0.2 of the 0.6 between them
    assert (filled(bench, first), filled(bench, second)) == (Decimal("0.5"), 0)
    bench.trade(TOUCH, "0.600")
    assert filled(bench, second) == Decimal("0.2")


def test_an_amend_keeps_the_place_only_if_it_makes_the_order_smaller() -> None:
    for change, expected in (({"qty": "0.4"}, "0.1"), ({"qty": "0.6"}, "0")):
        bench = Bench(queue="queue")
        order = bench.place("Buy", "0.5", TOUCH)
        bench.trade(TOUCH, "0.900")
        bench.amend(order, **change)
        bench.arrive()
        bench.trade(TOUCH, "0.200")
        assert filled(bench, order) == Decimal(expected)


def test_after_a_restart_an_order_stands_last_in_its_level(tmp_path: Path) -> None:
    bench = Bench(tmp_path, queue="queue")
    order = bench.place("Buy", "0.5", TOUCH)
    bench.trade(TOUCH, "0.900")
    bench.log.close()
    again = Bench(tmp_path, queue="queue")
    again.engine.resume()
    again.trade(TOUCH, "1.000")
    assert filled(again, order) == 0
    again.trade(TOUCH, "0.100")
    assert filled(again, order) == Decimal("0.1")


def test_an_own_taker_meets_its_resting_order_at_its_place() -> None:
    bench = Bench(queue="queue")
    order = bench.place("Sell", "0.5", "60000.10")
    bench.trade("60000.10", "0.800", side="Buy")  # 0.2 are left ahead of it
    bench.place("Buy", "0.3")
    assert filled(bench, order) == Decimal("0.1")


def test_without_queues_a_touch_fills_nothing() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.5", TOUCH)
    bench.trade(TOUCH, "100.000")
    assert filled(bench, order) == 0


async def test_an_exchange_is_started_with_a_queue_model(session: aiohttp.ClientSession) -> None:
    market = ScriptedMarket()
    async with AsyncExitStack() as stack:
        served = await serve(SimulatorConfig(order_delay_ms=5, tick_ms=5, queue="queue"), market=market)
        stack.push_async_callback(served.close)
        client = SimClient(served.addresses, served.keys.trading, session)
        stream = await client.private("order", "execution")
        await client.create("Buy", "0.500", TOUCH)
        await stream.until(lambda frame: frame.get("topic") == "order")
        market.trade(TOUCH, "1.100")
        told = await stream.until(lambda frame: frame.get("topic") == "execution")
        assert [(row["execQty"], row["isMaker"]) for row in told["data"]] == [("0.100", True)]
