"""Order entry over a socket: its login, its request ids, its header, and the limits it shares with HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import count
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from support.scripted_market import START_MS, ScriptedMarket
from support.sim_client import SimClient, Stream
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.streams import trade

ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.010",
    "price": "59000.00",
}


class Desk:
    """One trade socket on an exchange whose clock stands still until the test moves it."""

    def __init__(self, client: SimClient, stream: Stream) -> None:
        self.client = client
        self.stream = stream
        self._ids = count(1)

    async def ask(self, op: str, *args: Any, header: Any = None, **more: Any) -> dict[str, Any]:
        """`reqId` is a fresh one unless given; None leaves it out."""
        frame = {"reqId": f"r{next(self._ids)}", **more}
        if frame["reqId"] is None:
            del frame["reqId"]
        stamp = str(self.client.now_ms())
        sent = {"X-BAPI-TIMESTAMP": stamp} if header is None else header
        await self.stream.send(op=op, header=sent, args=list(args), **frame)
        return await self.stream.next()

    async def code(self, op: str, *args: Any, **more: Any) -> int:
        return int((await self.ask(op, *args, **more))["retCode"])

    async def login(self) -> dict[str, Any]:
        expires = self.client.now_ms() + 5_000
        await self.stream.send(
            op="auth", args=[self.client.key.key, str(expires), self.client.sign(f"GET/realtime{expires}")]
        )
        return await self.stream.next()


@pytest.fixture
def clock() -> dict[str, int]:
    return {"ms": START_MS}


@pytest_asyncio.fixture
async def running(market: ScriptedMarket, clock: dict[str, int]) -> AsyncIterator[RunningSimulator]:
    served = await serve(SimulatorConfig(tick_ms=5), market=market, wall_ms=lambda: clock["ms"])
    yield served
    await served.close()


@pytest.fixture
def client(running: RunningSimulator, session: aiohttp.ClientSession, clock: dict[str, int]) -> SimClient:
    made = SimClient(running.addresses, running.keys.trading, session)
    made.now_ms = lambda: clock["ms"]
    return made


async def opened(client: SimClient) -> Desk:
    return Desk(client, Stream(await client.session.ws_connect(client.addresses.ws_trade)))


@pytest_asyncio.fixture
async def desk(client: SimClient) -> Desk:
    made = await opened(client)
    assert (await made.login())["retCode"] == 0
    return made


async def test_an_answer_has_the_documented_keys_and_the_limits_of_http_in_its_header(desk: Desk) -> None:
    answer = await desk.ask("order.create", ORDER, reqId="test-005")
    assert list(answer) == ["reqId", "retCode", "retMsg", "op", "data", "retExtInfo", "header", "connId"]
    assert (answer["reqId"], answer["op"], set(answer["data"])) == (
        "test-005",
        "order.create",
        {"orderId", "orderLinkId"},
    )
    assert set(answer["header"]) == {
        "X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp", "Traceid", "Timenow",
    }  # fmt: skip
    assert (answer["header"]["X-Bapi-Limit"], answer["header"]["X-Bapi-Limit-Status"]) == ("10", "9")
    assert "reqId" not in await desk.ask("order.create", ORDER, reqId=None)


async def test_http_and_the_socket_draw_on_one_budget_and_batches_on_another(
    desk: Desk, client: SimClient, running: RunningSimulator, clock: dict[str, int]
) -> None:
    assert [(await client.create("Buy", "0.010", "59000.00")).code for _ in range(6)] == [0] * 6
    assert [await desk.code("order.create", ORDER) for _ in range(5)] == [0] * 4 + [10006]
    assert (await client.create("Buy", "0.010", "59000.00")).code == 10006
    neighbour = SimClient(
        client.addresses, running.add_account([("USDT", Decimal(9_000))]).keys.trading, client.session
    )
    neighbour.now_ms = client.now_ms
    assert (await neighbour.create("Buy", "0.010", "59000.00")).code == 0
    item = {name: value for name, value in ORDER.items() if name != "category"}
    batch = await desk.ask("order.create-batch", {"category": "linear", "request": [item] * 12})
    assert [row["code"] for row in batch["retExtInfo"]["list"]] == [0] * 10 + [10006] * 2
    assert [bool(row["orderId"]) for row in batch["data"]["list"]] == [True] * 10 + [False] * 2
    assert batch["retCode"] == 0
    clock["ms"] += 1_000
    assert await desk.code("order.create", ORDER) == 0


async def test_a_request_id_is_short_and_never_comes_twice_in_a_session(desk: Desk, client: SimClient) -> None:
    assert await desk.code("order.create", ORDER, reqId="once") == 0
    again = await desk.ask("order.create", ORDER, reqId="once")
    assert (again["retCode"], again["reqId"], again["data"]) == (20006, "once", {})
    assert await desk.code("order.create", ORDER, reqId="x" * 37) == 10001
    assert await desk.code("order.create", ORDER, reqId=["once"]) == 10001
    assert await desk.code("order.create", ORDER, reqId="x" * 36) == 0
    assert (await desk.ask("order.create", ORDER, reqId=7))["reqId"] == 7
    other = await opened(client)
    await other.login()
    assert await other.code("order.create", ORDER, reqId="once") == 0


async def test_nothing_goes_before_the_login_and_a_second_one_is_said_to_be_so(client: SimClient) -> None:
    desk = await opened(client)
    await desk.stream.send(op="ping")
    pong = await desk.stream.next()
    assert list(pong) == ["retCode", "retMsg", "op", "connId", "data"]
    assert (pong["op"], pong["data"]) == ("pong", [str(client.now_ms())])
    assert await desk.code("order.create", ORDER) == 10004
    await desk.stream.send(op="auth", args=[client.key.key, client.now_ms() + 1_000, "ключ"])
    assert (await desk.stream.next())["retCode"] == 10004
    await desk.stream.send(op="auth", args=["alone"])
    assert (await desk.stream.next())["retCode"] == 10001
    assert (await desk.login())["retCode"] == 0
    assert (await desk.login())["retCode"] == 20001
    assert await desk.code("order.create", ORDER) == 0


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"X-BAPI-TIMESTAMP": START_MS}, 0),
        ({"X-BAPI-TIMESTAMP": str(START_MS), "X-BAPI-RECV-WINDOW": 8000, "Referer": "bot"}, 0),
        ({"X-BAPI-TIMESTAMP": str(START_MS - 5_001)}, 10002),
        ({"X-BAPI-TIMESTAMP": str(START_MS - 5_001), "X-BAPI-RECV-WINDOW": "8000"}, 0),
        ({"X-BAPI-TIMESTAMP": str(START_MS + 1_000), "X-BAPI-RECV-WINDOW": "8000"}, 10002),
        ({"X-BAPI-TIMESTAMP": "soon"}, 10001),
        ({}, 10001),
        ("none", 10001),
    ],
)
async def test_the_time_in_the_header_is_text_or_number_and_obeys_the_rule_of_http(
    desk: Desk, header: Any, code: int
) -> None:
    assert await desk.code("order.create", ORDER, header=header) == code


async def test_what_is_not_offered_is_told_from_what_is_wrong(desk: Desk, client: SimClient) -> None:
    assert await desk.code("order.query", ORDER) == 10404
    assert await desk.code("order.create", {**ORDER, "category": "spread"}) == 10404
    assert await desk.code("order.create", ORDER, ORDER) == 10001
    assert await desk.code("order.create") == 10001
    assert await desk.code("order.create", {**ORDER, "qty": "much"}) == 10001
    await desk.stream.socket.send_str("{not json")
    assert (await desk.stream.next())["retCode"] == 10404
    assert await desk.code("order.cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "none"}) == 110001


async def test_a_session_and_an_address_may_ask_too_fast(desk: Desk, client: SimClient, clock: dict[str, int]) -> None:
    """The real numbers, with questions that cost nothing else."""
    for desks, wanted in (([desk], 20003), ([await opened(client) for _ in range(3)], 10403)):
        clock["ms"] += 1_000
        for number in range(trade.PER_SESSION):
            for one in desks:
                await one.stream.socket.send_str('{"op":"none"}')
            for one in desks:
                answer = await one.stream.next()
                assert answer["retCode"] == 10404, number
        assert await desks[0].code("none") == wanted
    clock["ms"] += 1_000
    assert await desk.code("order.create", ORDER) == 0


async def test_a_key_that_only_reads_may_not_order(client: SimClient, running: RunningSimulator) -> None:
    reader = SimClient(client.addresses, running.keys.read_only, client.session)
    reader.now_ms = client.now_ms
    desk = await opened(reader)
    assert (await desk.login())["retCode"] == 0
    assert await desk.code("order.create", ORDER) == 10005
    assert not running.engine.account.orders
