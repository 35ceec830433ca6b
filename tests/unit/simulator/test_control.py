"""The admin port: accounts, logs per account, refusals; and a market at ten thousand times its speed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from support.scripted_market import ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.faults.truth import TRUTH_FILE
from tradewright.simulator.market import BTCUSDT, ETHUSDT, MarketClock
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.synthetic.market import SyntheticMarket

BEGIN_MS = 1_772_409_600_000  # 2026-03-02
SPOT_PAIR = next(spec for spec in LISTED if spec.listing == "spot:BTCUSDT")
WALL_MS = 1_800_000_000_000
MINUTES = 10


async def ask(client: SimClient, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    url = URL(client.addresses.rest + path, encoded=True)
    headers = {"X-Sim-Key": client.key.key}
    async with client.session.request(method, url, json=body, headers=headers) as response:
        return response.status, dict(await response.json())


async def open_account(client: SimClient, **funds: str) -> SimClient:
    status, opened = await ask(client, "POST", "/sim/accounts", {"funds": funds})
    assert status == 200
    pair = opened["keys"]["trading"]
    made = SimClient(client.addresses, ApiKey(pair["key"], pair["secret"]), client.session)
    status, listed = await ask(client, "GET", "/sim/accounts")
    assert listed["accounts"][-1]["uid"] == opened["uid"]
    return made


async def test_another_account_trades_for_itself_and_has_a_log_of_its_own(client: SimClient) -> None:
    other = await open_account(client, USDT="1000")
    _, listed = await ask(client, "GET", "/sim/accounts")
    first, second = (row["uid"] for row in listed["accounts"])
    assert (await other.create("Buy", "0.010", "59000.00", orderLinkId="mine")).code == 0
    assert (await other.get("/v5/order/realtime", "category=linear&orderLinkId=mine")).rows
    assert (await client.get("/v5/order/realtime", "category=linear&orderLinkId=mine")).rows == []

    logs = [(await ask(client, "GET", f"/sim/log?uid={uid}"))[1]["entries"] for uid in (first, second)]
    assert [entry["event"]["kind"] for entry in logs[0]] == ["funded"]
    assert [entry["event"]["kind"] for entry in logs[1]][:2] == ["funded", "order_accepted"]
    assert (await ask(client, "GET", "/sim/log"))[1]["entries"] == logs[0]

    _, page = await ask(client, "GET", f"/sim/truth?uid={second}")
    assert page["records"]
    assert {row["uid"] for row in page["records"]} == {second}
    assert {"request", "reply", "account"} <= {row["what"] for row in page["records"]}
    assert page["next"] == page["last"]
    events = [row["entry"] for row in page["records"] if row["what"] == "account"]
    assert events[: len(logs[1])] == logs[1]


async def test_a_fault_of_one_account_does_not_meet_the_other(client: SimClient) -> None:
    other = await open_account(client, USDT="1000")
    _, listed = await ask(client, "GET", "/sim/accounts")
    fault = {"kind": "ret_code", "code": 10016, "uid": listed["accounts"][1]["uid"], "for_ms": 60_000}
    assert (await ask(client, "POST", "/sim/faults", fault))[0] == 200
    assert (await client.get("/v5/account/info")).code == 0
    assert (await other.get("/v5/account/info")).code == 10016


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("GET", "/sim/log?uid=12", None, "uid is '12'; there is no such account"),
        ("GET", "/sim/truth?after=-1", None, "after"),
        ("GET", "/sim/truth?limit=10001", None, "limit is 10001; it may be at most 10000"),
        ("DELETE", "/sim/faults?fault=x", None, "fault"),
        ("POST", "/sim/faults", {"kind": "nothing"}, "kind is 'nothing'; it must be one of"),
        ("POST", "/sim/faults", [], "not a JSON object"),
        ("POST", "/sim/accounts", {"money": 5}, "not with money"),
        ("POST", "/sim/accounts", {"funds": 5}, "funds is 5"),
        ("POST", "/sim/accounts", {"funds": {"USDT": -1}}, "funds has 'USDT': -1"),
        ("POST", "/sim/accounts", {"funds": {"USDT": {}}}, "funds has 'USDT': {}"),
    ],
)
async def test_what_is_wrong_is_named(client: SimClient, method: str, path: str, body: Any, complaint: str) -> None:
    status, answer = await ask(client, method, path, body)
    assert status == 400
    assert complaint in answer["error"]


async def test_everything_but_the_clock_needs_the_first_accounts_trading_key(
    client: SimClient, reader: SimClient
) -> None:
    other = await open_account(client)
    paths = ("/sim/log", "/sim/truth", "/sim/faults", "/sim/accounts")
    for key in (reader.key.key, other.key.key, "", "ключ"):
        for path in paths:
            headers = {"X-Sim-Key": key}
            async with client.session.get(client.addresses.rest + path, headers=headers) as response:
                assert response.status == 403
    async with client.session.get(client.addresses.rest + "/sim/clock") as response:
        assert response.status == 200


async def test_the_truth_of_a_state_folder_is_in_its_file_too(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    for link_id in ("one", "two"):
        served = await serve(SimulatorConfig(state=tmp_path, order_delay_ms=0), market=ScriptedMarket())
        client = SimClient(served.addresses, served.keys.trading, session)
        assert (await client.create("Buy", "0.010", "59000.00", orderLinkId=link_id)).code == 0
        await served.close()
    rows = [json.loads(line) for line in (tmp_path / TRUTH_FILE).read_text().splitlines()]
    seqs = [row["seq"] for row in rows]
    assert seqs == sorted(set(seqs))
    assert [row["link_ids"] for row in rows if row["what"] == "request"] == [["one"], ["two"]]
    accepted = [row for row in rows if row["what"] == "account" and row["entry"]["event"]["kind"] == "order_accepted"]
    assert [row["entry"]["event"]["link_id"] for row in accepted] == ["one", "two"]


async def settled_market(running: RunningSimulator, target_ms: int) -> None:
    async with asyncio.timeout(60):
        while running.engine.market.now_ms < target_ms:
            await asyncio.sleep(0)


async def played(session: aiohttp.ClientSession, *, speed: int) -> tuple[list[bytes], list[Any]]:
    """What ten market minutes look like at a speed: public data as bytes, and what became of resting orders."""
    wall = [WALL_MS]
    market = SyntheticMarket(
        seed=11,
        clock=MarketClock(wall_ms=WALL_MS, market_ms=BEGIN_MS, speed=1.0),
        start_ms=BEGIN_MS,
        follows_wall=False,
        history_minutes=5,
        listed=(BTCUSDT, ETHUSDT, SPOT_PAIR),
    )
    running = await serve(SimulatorConfig(order_delay_ms=0, ip_limit=0), wall_ms=lambda: wall[0], market=market)
    try:
        client = SimClient(running.addresses, running.keys.trading, session)
        client.now_ms = lambda: wall[0]
        status, _ = await ask(client, "POST", "/sim/market", {"do": "speed", "speed": speed})
        assert status == 200
        begun_ms = running.engine.market.now_ms
        last = running.engine.market.last_price("BTCUSDT")
        for number, share in enumerate(("0.9995", "0.999", "0.998", "1.0005", "1.001")):
            price = (last * type(last)(share)).quantize(type(last)("0.1"))
            side = "Buy" if price < last else "Sell"
            assert (await client.create(side, "0.010", str(price), orderLinkId=f"n{number}")).code == 0
        while any(not order.is_resting for order in running.engine.account.orders.values()):
            await asyncio.sleep(0)
        wall[0] += MINUTES * 60_000 // speed
        await settled_market(running, begun_ms + MINUTES * 60_000)
        told = []
        for path, query in (
            ("kline", "category=linear&symbol=BTCUSDT&interval=1&limit=20"),
            ("kline", "category=spot&symbol=BTCUSDT&interval=5&limit=20"),
            ("recent-trade", "category=linear&symbol=BTCUSDT&limit=1000"),
            ("orderbook", "category=linear&symbol=ETHUSDT&limit=200"),
            ("tickers", "category=linear"),
        ):
            reply = await client.get(f"/v5/market/{path}", query, signed=False)
            told.append(json.dumps(reply.body["result"]).encode())
        account = running.engine.account
        fills = [
            (account.orders[fill.order_id].link_id, fill.price, fill.quantity, fill.at.market_ms)
            for fill in (execution.fill for execution in account.executions)
        ]
        return told, fills
    finally:
        await running.close()


async def test_ten_thousand_times_as_fast_everything_is_the_same_byte_for_byte(session: aiohttp.ClientSession) -> None:
    slow, slow_fills = await played(session, speed=1)
    fast, fast_fills = await played(session, speed=10_000)
    assert fast == slow
    assert fast_fills == slow_fills
    assert fast_fills
