"""The environments the exchange can play: what demo lacks, its money and memory, and the kinds of keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from support.documented_shapes import kept
from support.scripted_market import START_MS, ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.accounts.keys import load_or_make_keys
from tradewright.simulator.environments import environment_of

DAY_MS = 24 * 3_600_000


class Wall:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest_asyncio.fixture
async def demo(wall: Wall) -> AsyncIterator[RunningSimulator]:
    served = await serve(SimulatorConfig(environment="demo"), market=ScriptedMarket(spot=True), wall_ms=wall)
    yield served
    await served.close()


@pytest.fixture
def on_demo(demo: RunningSimulator, session: aiohttp.ClientSession, wall: Wall) -> SimClient:
    client = SimClient(demo.addresses, demo.keys.trading, session)
    client.now_ms = wall
    return client


async def test_demo_has_no_order_stream_and_none_of_what_its_page_does_not_list(on_demo: SimClient) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await on_demo.session.ws_connect(on_demo.addresses.ws_trade)
    assert refused.value.status == 404
    for path in ("/v5/account/fee-rate", "/v5/asset/coin/query-info"):
        reply = await on_demo.get(path, "category=linear")
        assert (reply.status, reply.code) == (404, 10017)
    assert (await on_demo.get("/v5/account/info")).code == 0
    assert (await on_demo.get("/v5/market/tickers", "category=linear", signed=False)).code == 0


def test_demo_has_the_private_endpoints_that_its_page_lists() -> None:
    assert environment_of("demo").private_paths == frozenset(kept("rest")["demo"])


async def test_demo_takes_batches_of_linear_contracts_and_options_only(on_demo: SimClient) -> None:
    item = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.010", "price": "59000.00"}
    assert (await on_demo.post("/v5/order/create-batch", category="linear", request=[item])).code == 0
    for category in ("spot", "inverse"):
        assert (await on_demo.post("/v5/order/create-batch", category=category, request=[item])).status == 404


async def test_demo_streams_know_no_fast_executions(on_demo: SimClient, wall: Wall) -> None:
    for topic, known in (("execution", True), ("execution.fast", False), ("dcp.future", False)):
        stream = await on_demo.private()
        await stream.send(op="subscribe", args=[topic])
        answer = await stream.until(lambda frame: frame.get("op") == "subscribe")
        assert answer["success"] is known


async def test_demo_money_has_its_coins_its_limits_and_its_minute(on_demo: SimClient, wall: Wall) -> None:
    async def apply(kind: int, *amounts: tuple[str, str]) -> int:
        items = [{"coin": coin, "amountStr": amount} for coin, amount in amounts]
        reply = await on_demo.post("/v5/account/demo-apply-money", adjustType=kind, utaDemoApplyMoney=items)
        wall.now_ms += 60_000
        return reply.code

    async def balances() -> dict[str, str]:
        reply = await on_demo.get("/v5/account/wallet-balance", "accountType=UNIFIED")
        return {row["coin"]: row["walletBalance"] for row in reply.rows[0]["coin"]}

    assert await apply(0, ("BTC", "15"), ("USDT", "109")) == 0
    assert await balances() == {"BTC": "15", "USDT": "100109"}
    assert await apply(0, ("BTC", "15.1")) == 10001
    assert await apply(0, ("SOL", "1")) == 10001
    assert await apply(0, ("USDC", "1"), ("BTC", "16")) == 10001  # all or nothing
    assert await apply(1, ("BTC", "5")) == 0
    assert await balances() == {"BTC": "10", "USDT": "100109"}
    wall.now_ms -= 1_000
    assert await apply(0, ("BTC", "1")) == 10006


async def test_demo_forgets_orders_after_seven_days(on_demo: SimClient, wall: Wall, demo: RunningSimulator) -> None:
    order_id = (await on_demo.create("Buy", "0.010")).body["result"]["orderId"]
    demo.engine.floor.arrive(order_id, delay_ms=0)
    query = f"category=linear&orderId={order_id}"
    wall.now_ms += 7 * DAY_MS - 1_000
    assert len((await on_demo.get("/v5/order/history", query)).rows) == 1
    wall.now_ms += 2_000
    assert (await on_demo.get("/v5/order/history", query)).rows == []
    assert len((await on_demo.get("/v5/execution/list", query)).rows) == 1


async def test_elsewhere_nobody_gives_money(client: SimClient) -> None:
    items = [{"coin": "USDT", "amountStr": "1"}]
    reply = await client.post("/v5/account/demo-apply-money", adjustType=0, utaDemoApplyMoney=items)
    assert reply.status == 404


async def test_each_key_says_what_it_may(running: RunningSimulator, session: aiohttp.ClientSession) -> None:
    told = {}
    for name in ("trading", "read_only", "withdrawing"):
        client = SimClient(running.addresses, getattr(running.keys, name), session)
        told[name] = (await client.get("/v5/user/query-api")).body["result"]
    assert {name: result["readOnly"] for name, result in told.items()} == {
        "trading": 0,
        "read_only": 1,
        "withdrawing": 0,
    }
    assert [name for name, result in told.items() if "Withdraw" in result["permissions"]["Wallet"]] == ["withdrawing"]
    client = SimClient(running.addresses, running.keys.withdrawing, session)
    assert (await client.create("Buy", "0.010", "59000.00")).code == 0


def test_a_file_of_keys_from_before_gets_the_new_kind_and_keeps_the_others(tmp_path: Path) -> None:
    ring = load_or_make_keys(tmp_path)
    path = tmp_path / "keys.json"
    content = json.loads(path.read_text())
    del content["withdrawing"]
    path.write_text(json.dumps(content))
    again = load_or_make_keys(tmp_path)
    assert replace(again, withdrawing=ring.withdrawing) == ring
    assert load_or_make_keys(tmp_path) == again
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_environment_that_is_none_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"moon.*sim, testnet, live, demo"):
        environment_of("moon")
