"""Hedge mode: a long and a short leg beside each other, each with its own orders, stops and profits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.scripted_market import BTCUSD, ETHUSDT, FUTURE, USDC_PERP
from support.sim_bench import Bench
from support.sim_client import SimClient
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.accounts.past import closed_orders
from tradewright.simulator.errors import ApiError
from tradewright.simulator.matching.commands import read_switch_mode

LONG, SHORT = {"positionIdx": 1}, {"positionIdx": 2}


def switch(bench: Bench, mode: int = 3, **where: str) -> None:
    body = {"category": "linear", "mode": mode, **(where or {"symbol": "BTCUSDT"})}
    bench.engine.set_position_mode(read_switch_mode(body, bench.engine.specs))


def hedged(**more: Any) -> Bench:
    bench = Bench(**more)
    switch(bench)
    return bench


def leg(bench: Bench, index: int) -> Decimal:
    return bench.engine.floor.leg("BTCUSDT", index).size


def refusal(call: Any, *args: Any, **more: Any) -> int:
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    return int(caught.value.code)


def test_many_entries_at_once_whose_stops_are_met_already_are_served_one_after_the_other() -> None:
    """Each within the one before was deeper than Python goes."""
    bench = hedged()
    for _ in range(200):
        bench.place("Sell", "0.001", "60000.00", takeProfit="59999.90", tpslMode="Partial", **SHORT)
    bench.trade("59999.90")
    bench.place("Buy", "0.200", **LONG)
    assert (leg(bench, 1), leg(bench, 2), bench.stops()) == (Decimal("0.200"), 0, {})


def test_the_leverage_stays_when_the_mode_goes_back() -> None:
    bench = hedged()
    bench.set_leverage("25")
    switch(bench, mode=0)
    assert bench.engine.account.position("BTCUSDT").leverage == 25


def test_the_two_legs_stand_beside_each_other_and_each_is_closed_by_its_own_orders(tmp_path: Path) -> None:
    bench = hedged(folder=tmp_path)
    bench.place("Buy", "0.5", **LONG)
    bench.place("Sell", "0.3", **SHORT)
    assert (leg(bench, 1), leg(bench, 2), bench.size) == (Decimal("0.5"), Decimal("-0.3"), 0)
    # What is against a leg only reduces it, however much is asked for.
    closing = bench.place("Sell", "2", **LONG)
    assert (closing.quantity, closing.reduce_only, leg(bench, 1)) == (Decimal("0.5"), True, 0)
    assert leg(bench, 2) == Decimal("-0.3")
    bench.place("Buy", "0.3", **SHORT)
    closed = closed_orders(bench.engine.account.executions)
    assert [(one.order.side, one.order.position_index, one.quantity) for one in closed] == [
        ("Sell", 1, Decimal("0.5")),
        ("Buy", 2, Decimal("0.3")),
    ]
    assert sum(one.profit for one in closed) == bench.wallet - 100_000

    bench.log.close()
    again = Bench(folder=tmp_path)
    assert again.engine.floor.is_hedged("BTCUSDT")
    assert again.engine.account.positions == bench.engine.account.positions


def test_an_order_must_name_a_leg_that_the_mode_has() -> None:
    one_way, both = Bench(), hedged()
    assert refusal(one_way.accept, "Buy", "1", **LONG) == 10001
    assert refusal(both.accept, "Buy", "1") == 10001
    assert refusal(both.accept, "Sell", "1", **LONG) == 110017  # nothing to close
    assert refusal(both.accept, "Buy", "1", reduceOnly=True, **LONG) == 110017


def test_a_mode_changes_only_where_nothing_stands_in_its_way() -> None:
    bench = Bench(others=(ETHUSDT, USDC_PERP, FUTURE, BTCUSD))
    assert refusal(switch, bench, 0) == 110025
    resting = bench.place("Buy", "1", "59000.00")
    assert refusal(switch, bench) == 110028
    bench.cancel(resting)
    bench.place("Buy", "1")
    assert refusal(switch, bench) == 110024
    for symbol in (USDC_PERP.symbol, FUTURE.symbol):
        assert refusal(switch, bench, symbol=symbol) == 110029
    assert refusal(switch, bench, coin="USDC") == 110029
    assert refusal(switch, bench, coin="EUR") == 10001

    switch(bench, coin="USDT")  # whatever has a position stays as it is
    floor = bench.engine.floor
    assert [floor.is_hedged(name) for name in ("BTCUSDT", "ETHUSDT", FUTURE.symbol)] == [False, True, False]
    assert bench.size == 1
    assert refusal(switch, bench, symbol="ETHUSDT") == 110025
    switch(bench, 0, coin="USDT")
    assert not floor.is_hedged("ETHUSDT")


def test_stops_belong_to_their_leg() -> None:
    bench = hedged()
    bench.place("Buy", "0.5", takeProfit="61000.00", stopLoss="59000.00", **LONG)
    bench.place("Sell", "0.3", **SHORT)
    bench.trading_stop(stopLoss="60800.00", tpslMode="Full", **SHORT)
    assert refusal(bench.trading_stop, stopLoss="59000.00", tpslMode="Full") == 10001
    stops = {(order.position_index, order.stop_kind): order for order in bench.engine.account.live_orders()}
    assert set(stops) == {(1, "TakeProfit"), (1, "StopLoss"), (2, "StopLoss")}
    assert stops[2, "StopLoss"].quantity == Decimal("0.3")

    bench.trade("60800.00")  # the short one's stop; the long one goes on to its take-profit
    assert (leg(bench, 1), leg(bench, 2)) == (Decimal("0.5"), 0)
    bench.trade("61000.00")
    assert leg(bench, 1) == 0
    assert bench.order(stops[1, "StopLoss"]).cancel_type == "CancelByOCOSlCanceledByTpTriggered"
    assert not list(bench.engine.account.live_orders())


def test_a_resting_close_of_one_leg_ends_with_it_and_leaves_the_other_alone() -> None:
    bench = hedged()
    bench.place("Buy", "0.5", **LONG)
    bench.place("Sell", "0.5", **SHORT)
    of_long = bench.place("Sell", "0.5", "61000.00", **LONG)
    of_short = bench.place("Buy", "0.5", "58000.00", **SHORT)
    bench.place("Sell", "0.5", **LONG)
    assert bench.order(of_long).cancel_type == "CancelByReduceOnly"
    assert bench.order(of_short).status is OrderStatus.NEW
    bench.trade("57999.00")
    assert leg(bench, 2) == 0


async def test_a_client_sees_both_legs(client: SimClient) -> None:
    where = {"category": "linear", "symbol": "BTCUSDT"}
    assert (await client.post("/v5/position/switch-mode", **where, mode=3)).code == 0
    flat = (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows
    assert [(row["positionIdx"], row["side"], row["size"]) for row in flat] == [(1, "", "0"), (2, "", "0")]
    stream = await client.private("position", "order", "execution")
    assert (await client.create("Buy", "0.010", positionIdx=1)).code == 0
    told = await stream.until(lambda frame: frame.get("topic") == "position")
    assert [(row["positionIdx"], row["size"]) for row in told["data"]] == [(1, "0.010"), (2, "0")]
    order = (await client.get("/v5/order/history", "category=linear&symbol=BTCUSDT")).rows[0]
    assert (order["positionIdx"], order["orderStatus"]) == (1, "Filled")
    held = (await client.get("/v5/position/list", "category=linear&settleCoin=USDT")).rows
    assert [(row["positionIdx"], row["side"]) for row in held] == [(1, "Buy")]
    assert (await client.create("Buy", "0.010")).code == 10001
