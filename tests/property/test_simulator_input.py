"""Whatever strangers send, the exchange answers in its envelope or its frames, and nothing changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, NoReturn

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from fuzz_exchange.campaign import Campaign
from fuzz_exchange.valid import PUBLIC
from support.sim_client import SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.streams import sockets
from tradewright.simulator.streams.private import PrivateStream

BODIES = 1_500
SEED = "1"

ENVELOPE = {"retCode", "retMsg", "result", "retExtInfo", "time"}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=40),
    st.just("0.010"),
    st.just("-0"),
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
FIELDS = st.sampled_from(
    [
        "category",
        "symbol",
        "side",
        "orderType",
        "qty",
        "price",
        "timeInForce",
        "orderLinkId",
        "orderId",
        "reduceOnly",
        "marketUnit",
        "isLeverage",
        "positionIdx",
        "buyLeverage",
        "sellLeverage",
        "settleCoin",
        "baseCoin",
        "limit",
        "cursor",
        "startTime",
        "endTime",
        "start",
        "end",
        "interval",
        "openOnly",
        "orderFilter",
        "triggerPrice",
        "triggerDirection",
        "triggerBy",
        "takeProfit",
        "stopLoss",
        "tpslMode",
        "tpSize",
        "slSize",
        "slOrderType",
        "slLimitPrice",
        "slippageToleranceType",
        "slippageTolerance",
        "request",
        "mode",
        "coin",
        "setMarginMode",
    ]
)
USUAL = st.sampled_from(
    ["linear", "spot", "BTCUSDT", "SOLUSDT", "USDT", "M", "W", "1", "999999999999999", "253402300799999", "p1", "Buy"]
)
BODIES = st.dictionaries(FIELDS, USUAL | JSON, max_size=8)
READS = st.sampled_from(
    [
        "/v5/market/kline",
        "/v5/market/orderbook",
        "/v5/market/recent-trade",
        "/v5/market/tickers",
        "/v5/market/instruments-info",
        "/v5/market/risk-limit",
        "/v5/market/price-limit",
        "/v5/order/realtime",
        "/v5/order/history",
        "/v5/execution/list",
        "/v5/position/list",
        "/v5/account/wallet-balance",
        "/v5/account/fee-rate",
    ]
)
WRITES = st.sampled_from(
    [
        "/v5/order/create",
        "/v5/order/amend",
        "/v5/order/cancel",
        "/v5/order/cancel-all",
        "/v5/order/create-batch",
        "/v5/order/amend-batch",
        "/v5/order/cancel-batch",
        "/v5/position/set-leverage",
        "/v5/position/trading-stop",
        "/v5/position/switch-mode",
        "/v5/account/set-margin-mode",
    ]
)
TOPICS = st.sampled_from(
    ["order", "order.linear", "wallet", "tickers.BTCUSDT", "kline.M.ETHUSDT", "orderbook.50.BTCUSDT", "publicTrade.X"]
)
FRAMES = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["subscribe", "unsubscribe", "auth", "order.create", "order.cancel"]),
        "args": st.lists(TOPICS | JSON, max_size=3) | JSON,
        "req_id": JSON,
    }
)
BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest_asyncio.fixture
async def running() -> AsyncIterator[RunningSimulator]:
    """Without limits, so that no call is one too many."""
    served = await serve(SimulatorConfig(funds=(), ip_limit=0, limit_factor=0, new_connections=0))
    yield served
    await served.close()


def lasting(running: RunningSimulator) -> int:
    return len(running.engine.account.orders)


@BOUNDED
@given(READS, st.dictionaries(FIELDS, USUAL | st.text(max_size=20), max_size=6))
async def test_any_query_is_answered_in_the_envelope(
    running: RunningSimulator, path: str, query: dict[str, str]
) -> None:
    async with aiohttp.ClientSession() as session:
        client = Forger(running, session)
        url = URL(running.addresses.rest + path).with_query({name: clean(value) for name, value in query.items()})
        reply = await client.fetch("GET", url, url.raw_query_string, b"")
        assert set(reply) == ENVELOPE


@BOUNDED
@given(WRITES, BODIES | JSON)
async def test_any_body_is_answered_in_the_envelope(running: RunningSimulator, path: str, body: Any) -> None:
    async with aiohttp.ClientSession() as session:
        client = Forger(running, session)
        content = json.dumps(body).encode()
        reply = await client.fetch("POST", URL(running.addresses.rest + path), "", content)
        assert set(reply) == ENVELOPE
        assert lasting(running) == 0  # nobody has any money here


@BOUNDED
@given(st.lists(JSON | FRAMES, max_size=5))
async def test_any_frame_leaves_the_sockets_answering(running: RunningSimulator, frames: list[Any]) -> None:
    async with aiohttp.ClientSession() as session:
        public = f"{running.addresses.ws_public}/linear"
        for address in (public, running.addresses.ws_private, running.addresses.ws_trade):
            if address != public:
                # A bad login ends a private connection, rightly.
                frames = [frame for frame in frames if not (isinstance(frame, dict) and frame.get("op") == "auth")]
            async with session.ws_connect(address) as socket:
                for frame in frames:
                    await socket.send_str(json.dumps(frame))
                await socket.send_json({"op": "ping", "req_id": "the end", "reqId": "the end"})
                async with asyncio.timeout(5):
                    while "the end" not in (answer := await socket.receive_json()).values():
                        pass
                assert "pong" in answer.values()


@asynccontextmanager
async def campaign_of(seed: str) -> AsyncIterator[tuple[RunningSimulator, Campaign]]:
    """A fresh exchange without limits, whose account can pay for nearly everything."""
    config = SimulatorConfig(
        funds=(("USDT", Decimal(10**9)), ("BTC", Decimal(1_000)), ("USDC", Decimal(10**6))),
        order_delay_ms=1,
        ip_limit=0,
        limit_factor=0,
        new_connections=0,
        public_connections=0,
    )
    running = await serve(config)
    try:
        async with aiohttp.ClientSession() as session:
            routes = [*running.members.first.endpoints, *(("GET", path) for path in PUBLIC)]
            yield running, Campaign(running.addresses, running.keys.trading, routes, session, seed)
    finally:
        await running.close()


async def test_spoiled_requests_of_every_kind_get_documented_answers_and_end_no_stream(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--exchange-bodies N` sends more, `--exchange-bodies-seed S` others: `make fuzz-exchange`."""
    # Pauses for known clients, which these are not.
    monkeypatch.setattr(sockets, "SUBSCRIPTION_DELAY_S", 0)
    bodies = int(pytestconfig.getoption("exchange_bodies", BODIES))
    seed = str(pytestconfig.getoption("exchange_bodies_seed", SEED))
    async with campaign_of(seed) as (running, campaign):
        report = await campaign.run(bodies)
        print(report)
        assert not report.faults, "\n".join(report.faults)
        assert report.bodies == bodies
        assert not running.broken.done()
        assert set(report.paths) == {path for _, path in campaign.routes}
        # Spoiled, but most of them not beyond recognition: otherwise nothing behind the first checks was reached.
        assert sum(report.accepted.values()) > bodies // 5
        assert len(report.codes) > 10


async def test_the_campaign_finds_an_endpoint_that_breaks_and_a_stream_that_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: object) -> NoReturn:
        raise KeyError("planted")

    monkeypatch.setattr(sockets, "SUBSCRIPTION_DELAY_S", 0)
    async with campaign_of("planted") as (running, campaign):
        endpoints = running.members.first.endpoints
        route = ("GET", "/v5/position/list")
        endpoints[route] = replace(endpoints[route], handle=breaks)
        monkeypatch.setattr(PrivateStream, "_join", breaks)
        campaign.routes = [route]
        report = await campaign.run(120)
    assert any("500" in fault and route[1] in fault for fault in report.faults)
    assert any(fault.startswith("private: ") for fault in report.faults)
    assert all("500" in fault or fault.startswith("private: ") for fault in report.faults)


def clean(text: str) -> str:
    """What a query can carry at all."""
    return text.encode("utf-8", "replace").decode()


class Forger(SimClient):
    """Signs anything."""

    def __init__(self, running: RunningSimulator, session: aiohttp.ClientSession) -> None:
        super().__init__(running.addresses, running.keys.trading, session)

    async def fetch(self, method: str, url: URL, query: str, body: bytes) -> dict[str, Any]:
        async with self.session.get(self.addresses.rest + "/v5/market/time") as response:
            stamp = str((await response.json())["time"])
        window = "9999999"
        payload = query.encode() if method == "GET" else body
        headers = {
            "X-BAPI-API-KEY": self.key.key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": self.sign_bytes(f"{stamp}{self.key.key}{window}".encode() + payload),
        }
        async with self.session.request(method, url, data=body or None, headers=headers) as response:
            assert response.status in (200, 400), await response.text()
            reply: dict[str, Any] = await response.json()
            assert reply["retCode"] not in (10002, 10003, 10004, 10006)
            return reply
