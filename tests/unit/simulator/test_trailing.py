"""Trailing stops: they become active, follow the price at their distance, trigger, and outlive a restart."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.sim_bench import Bench
from support.sim_client import SimClient
from tradewright.simulator.accounts.events import OrderAmended, Trigger
from tradewright.simulator.accounts.orders import Order, OrderStatus
from tradewright.simulator.errors import ApiError


def trailing(bench: Bench) -> Order:
    return bench.stops()["TrailingStop"]


def trigger(bench: Bench) -> Decimal:
    found = trailing(bench).trigger
    assert found is not None
    return found.price


def long_with(folder: Path | None = None, **wanted: str) -> Bench:
    bench = Bench(folder)
    bench.place("Buy", "0.5")
    bench.trading_stop(**wanted)
    return bench


def test_it_follows_a_rise_stands_still_in_a_fall_and_closes_all_at_its_distance() -> None:
    bench = long_with(trailingStop="100.00")
    assert trigger(bench) == 59_900
    for price, expected in (("60050.00", 59_950), ("60200.00", 60_100), ("60120.00", 60_100)):
        bench.trade(price)
        assert trigger(bench) == expected
    order = trailing(bench)
    assert (order.reduce_only, order.close_on_trigger, order.order_type) == (True, True, "Market")
    bench.trade("60100.00")
    assert (bench.order(order).status, bench.size) == (OrderStatus.FILLED, 0)


def test_a_short_positions_trails_from_above() -> None:
    bench = Bench()
    bench.place("Sell", "0.5")
    bench.trading_stop(trailingStop="100.00", activePrice="59900.00")
    assert trailing(bench).trigger == Trigger(price=Decimal("59900.00"), rises=False)
    for price, expected in (("60100.00", 59_900), ("59950.00", 59_900), ("59890.00", 59_990), ("59800.00", 59_900)):
        bench.trade(price)
        assert trigger(bench) == expected
    bench.trade("59900.00")
    assert bench.size == 0


def test_prices_of_one_moment_are_met_one_by_one_and_told_once() -> None:
    bench = long_with(trailingStop="100.00")
    before = sum(isinstance(event, OrderAmended) for event in bench.events())
    for price in ("60300.00", "60250.00", "60500.00", "60450.00"):
        bench.market.trade(price)
    bench.engine.catch_up()
    assert trigger(bench) == 60_400
    assert sum(isinstance(event, OrderAmended) for event in bench.events()) == before + 1
    for price in ("60900.00", "60800.00", "60950.00"):
        bench.market.trade(price)
    bench.engine.catch_up()
    assert bench.size == 0


def test_it_outlives_a_restart_where_it_stands(tmp_path: Path) -> None:
    bench = long_with(tmp_path, trailingStop="100.00", activePrice="60500.00")
    bench.trade("60700.00")
    bench.log.close()
    again = Bench(tmp_path)
    again.engine.resume()
    assert (trigger(again), trailing(again).trail) == (60_600, trailing(bench).trail)
    again.trade("60601.00")
    assert again.size == Decimal("0.5")
    again.trade("60600.00")
    assert again.size == 0


def test_it_is_amended_and_removed_beside_other_stops_and_ends_with_the_position() -> None:
    bench = long_with(trailingStop="100.00", stopLoss="59000.00")
    first = trailing(bench)
    bench.trade("60300.00")
    bench.trading_stop(trailingStop="50.00")
    assert (trailing(bench).order_id, trigger(bench)) == (first.order_id, 60_250)
    with pytest.raises(ApiError, match="34040"):
        bench.trading_stop(trailingStop="50.00")
    bench.trading_stop(trailingStop="0")
    assert set(bench.stops()) == {"StopLoss"}
    assert bench.order(first).status is OrderStatus.DEACTIVATED
    bench.trading_stop(trailingStop="50.00")
    bench.place("Buy", "0.5")
    assert trailing(bench).quantity == 1
    second = trailing(bench)
    bench.place("Sell", "1")
    assert bench.order(second).cancel_type == "CancelByTpSlTsClear"


@pytest.mark.parametrize(
    "wanted",
    [
        {"trailingStop": "100.05"},
        {"trailingStop": "60000.00"},
        {"trailingStop": "-1"},
        {"activePrice": "60500.00"},
        {"trailingStop": "100.00", "activePrice": "59000.00"},
        {"trailingStop": "100.00", "activePrice": "60500.05"},
    ],
)
def test_what_does_not_fit_is_refused(wanted: dict[str, Any]) -> None:
    bench = Bench()
    bench.place("Buy", "0.5")
    with pytest.raises(ApiError, match="10001"):
        bench.trading_stop(**wanted)
    assert not bench.stops()


async def test_a_client_sees_it_on_the_position_and_among_the_orders(client: SimClient) -> None:
    assert (await client.create("Buy", "0.010")).code == 0
    while not (await client.get("/v5/position/list", "category=linear&settleCoin=USDT")).rows:
        await asyncio.sleep(0.05)  # asked without a pause it would be refused for asking too often
    # As one client sends it: nothing but the symbol and the distance.
    wanted = {"category": "linear", "symbol": "BTCUSDT", "trailingStop": "100"}
    assert (await client.post("/v5/position/trading-stop", **wanted)).code == 0
    position = (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows[0]
    assert position["trailingStop"] == "100.00"
    order = (await client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT&orderFilter=StopOrder")).rows[0]
    shown = {name: order[name] for name in ("stopOrderType", "createType", "triggerPrice", "orderStatus", "tpslMode")}
    assert shown == {
        "stopOrderType": "TrailingStop",
        "createType": "CreateByTrailingStop",
        "triggerPrice": "59900.00",
        "orderStatus": "Untriggered",
        "tpslMode": "Full",
    }
