"""Closed profits and the transaction log, worked out by hand."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from support.sim_bench import Bench
from support.sim_client import SimClient
from tradewright.simulator.accounts.past import Movements, closed_orders


def closings(bench: Bench) -> list[tuple[str, str, str, str, str]]:
    return [
        (closed.order.side, str(closed.quantity), str(closed.open_fee), str(closed.close_fee), str(closed.profit))
        for closed in closed_orders(bench.engine.account.executions)
    ]


def test_what_an_order_that_flips_realised_on_one_side_is_not_the_other_ones() -> None:
    """0.020 sold short at 59999.90 cost 0.65999890; the loss and the fee of what was closed are the long one's."""
    bench = Bench()
    bench.place("Buy", "0.010")
    bench.place("Sell", "0.030")
    position = bench.engine.account.position("BTCUSDT")
    assert position.holding_realised == Decimal("-0.65999890")
    assert position.total_realised == bench.wallet - 100_000


def test_a_closed_profit_has_its_share_of_the_fees_of_opening() -> None:
    """0.020 bought at 60000.10 for a fee of 0.66001100 in all; 0.005 and 0.015 sold at 59999.90."""
    bench = Bench()
    bench.place("Buy", "0.020")
    bench.place("Sell", "0.005")
    bench.place("Sell", "0.015")
    assert closings(bench) == [
        # A loss of 0.2 a coin, a quarter of the fee, and 0.055 % of 299.9995
        ("Sell", "0.005", "0.16500028", "0.16499972", "-0.33100000"),
        ("Sell", "0.015", "0.49500082", "0.49499918", "-0.99300000"),
    ]
    assert bench.wallet == 100_000 + sum(c.profit for c in closed_orders(bench.engine.account.executions))


def test_an_order_that_flips_closes_with_its_part_of_the_fee_and_opens_with_the_rest() -> None:
    bench = Bench()
    bench.place("Buy", "0.010")
    bench.place("Sell", "0.030")
    bench.place("Buy", "0.020")
    first, second = closed_orders(bench.engine.account.executions)
    assert (str(first.close_fee), str(second.open_fee)) == ("0.32999945", "0.65999890")
    assert (first.order.side, second.order.side) == ("Sell", "Buy")
    assert bench.wallet == 100_000 + first.profit + second.profit


def test_every_movement_of_every_coin_is_in_the_log_with_the_balance_after_it() -> None:
    bench = Bench(spot=True)
    bench.place("Buy", "0.010")
    bench.spot("Buy", "0.010000", marketUnit="baseCoin")
    movements = Movements()
    assert len(movements.read(bench.log.entries[:-1])) == 2  # paid in, bought the contract
    found = movements.read(bench.log.entries)
    assert len(found) == 4
    assert [(m.coin, str(m.rest_size)) for m in found[:2]] == [("USDT", "0"), ("USDT", "0.010")]
    assert {m.coin: m.balance for m in found} == {"USDT": bench.coin("USDT"), "BTC": bench.coin("BTC")}
    assert found == Movements().read(bench.log.entries)


async def test_rows_of_the_past_have_bybits_fields_and_filters(client: SimClient) -> None:
    await client.create("Buy", "0.010")
    await client.create("Sell", "0.010", orderLinkId="close")
    rows: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        while not rows:
            await asyncio.sleep(0.03)  # a poll: the endpoint allows fifty calls a second
            rows = (await client.get("/v5/position/closed-pnl", "category=linear&symbol=BTCUSDT")).rows
    (row,) = rows
    assert (row["side"], row["closedSize"], row["fillCount"]) == ("Sell", "0.010", "1")
    assert (row["avgEntryPrice"], row["avgExitPrice"], row["closedPnl"]) == ("60000.1", "59999.9", "-0.662")
    log = (await client.get("/v5/account/transaction-log", "accountType=UNIFIED&limit=2")).body["result"]
    assert [entry["type"] for entry in log["list"]] == ["TRADE", "TRADE"]
    assert log["list"][0]["orderLinkId"] == "close"
    assert log["list"][0]["cashBalance"] == "99999.338"
    older = (await client.get("/v5/account/transaction-log", f"cursor={log['nextPageCursor']}")).rows
    assert [(entry["type"], entry["change"]) for entry in older] == [("TRANSFER_IN", "100000")]
    assert (await client.get("/v5/account/transaction-log", "category=spot")).rows == []
    assert (await client.get("/v5/position/closed-pnl", "category=spot")).code == 10001


@pytest.mark.parametrize(
    ("path", "name", "misspelt", "known"),
    [
        ("/v5/order/realtime", "openOnly", "yes", "1"),
        ("/v5/order/realtime", "orderFilter", "Stop", "StopOrder"),
        ("/v5/order/history", "orderStatus", "Canceled", "Cancelled"),
        ("/v5/execution/list", "execType", "funding", "Funding"),
    ],
)
async def test_a_misspelt_filter_is_no_empty_list(
    client: SimClient, path: str, name: str, misspelt: str, known: str
) -> None:
    refused = await client.get(path, f"category=linear&symbol=BTCUSDT&{name}={misspelt}")
    assert refused.code == 10001
    assert f"{name} must be one of" in refused.body["retMsg"]
    assert (await client.get(path, f"category=linear&symbol=BTCUSDT&{name}={known}")).code == 0
