"""Every fault, seen from outside by a plain client; and what the truth log says of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from yarl import URL

from support.scripted_market import ScriptedMarket
from support.sim_client import Reply, SimClient, Stream
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.market import BTCUSDT, MarketClock
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.rest.limits import RollingWindow

CREATE = "/v5/order/create"


class Hand:
    """The hand on the exchange: its admin port."""

    def __init__(self, client: SimClient) -> None:
        self._client = client
        self._seen = 0

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        url = URL(self._client.addresses.rest + path, encoded=True)
        headers = {"X-Sim-Key": self._client.key.key}
        async with self._client.session.request(method, url, json=body, headers=headers) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def arm(self, kind: str, **body: Any) -> dict[str, Any]:
        return dict(await self.ask("POST", "/sim/faults", {"kind": kind, **body}))

    async def clear(self) -> int:
        return int((await self.ask("DELETE", "/sim/faults"))["cleared"])

    async def truth(self, *whats: str) -> list[dict[str, Any]]:
        """All records of these sorts."""
        rows: list[dict[str, Any]] = []
        after = 0
        while True:
            page = await self.ask("GET", f"/sim/truth?after={after}&limit=1000")
            rows += page["records"]
            if page["next"] == page["last"]:
                return [row for row in rows if not whats or row["what"] in whats]
            after = page["next"]

    async def until(self, wanted: Callable[[list[dict[str, Any]]], bool], *whats: str) -> list[dict[str, Any]]:
        """The records of these sorts, once they are as wanted."""
        async with asyncio.timeout(5):
            while not wanted(found := await self.truth(*whats)):
                await asyncio.sleep(0.005)
        return found


@pytest.fixture
def hand(client: SimClient) -> Hand:
    return Hand(client)


async def orders(client: SimClient, link_id: str) -> list[dict[str, Any]]:
    return (await client.get("/v5/order/realtime", f"category=linear&orderLinkId={link_id}")).rows


async def raw(client: SimClient, path: str, body: str, *, recv_window: str = "5000") -> aiohttp.ClientResponse:
    stamp = str(client.now_ms())
    headers = {
        "X-BAPI-API-KEY": client.key.key,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": recv_window,
        "X-BAPI-SIGN": client.sign(f"{stamp}{client.key.key}{recv_window}{body}"),
    }
    response = await client.session.post(client.addresses.rest + path, data=body.encode(), headers=headers)
    await response.read()
    return response


def order_body(link_id: str) -> str:
    return (
        '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.010","price":"59000.00",'
        f'"orderLinkId":"{link_id}"}}'
    )


# Calls.


async def test_a_lost_request_is_never_processed_whether_its_connection_drops_or_hangs(
    client: SimClient, hand: Hand
) -> None:
    await hand.arm("lost_request", path=CREATE, hang=False)
    with pytest.raises(aiohttp.ClientError):
        await client.create("Buy", "0.010", "59000.00", orderLinkId="dropped")
    await hand.arm("lost_request", path=CREATE)
    hanging = asyncio.create_task(client.create("Buy", "0.010", "59000.00", orderLinkId="hung"))
    await hand.until(lambda rows: len(rows) == 2, "fault")
    assert await orders(client, "dropped") == await orders(client, "hung") == []
    assert not hanging.done()
    hanging.cancel()
    creates = [row for row in await hand.truth("request") if row["path"] == CREATE]
    replies = {row["to"]: row for row in await hand.truth("reply")}
    assert [row["link_ids"] for row in creates] == [["dropped"], ["hung"]]
    assert [(replies[row["seq"]]["processed"], replies[row["seq"]]["sent"]) for row in creates] == [(False, False)] * 2


async def test_a_late_accept_happens_after_its_client_has_gone(client: SimClient, hand: Hand) -> None:
    await hand.arm("late_accept", path=CREATE, delay_ms=150)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.create("Buy", "0.010", "59000.00", orderLinkId="late")
    assert await orders(client, "late") == []
    accepted = await hand.until(
        lambda rows: any(row["entry"]["event"]["kind"] == "order_accepted" for row in rows), "account"
    )
    assert accepted[-1]["uid"]
    assert [row["orderLinkId"] for row in await orders(client, "late")] == ["late"]


async def test_a_request_that_comes_later_than_its_window_allows_is_refused_like_on_the_real_exchange(
    client: SimClient, hand: Hand
) -> None:
    await hand.arm("late_accept", path=CREATE, delay_ms=120)
    response = await raw(client, CREATE, order_body("stale"), recv_window="60")
    assert (await response.json())["retCode"] == 10002
    assert await orders(client, "stale") == []


@pytest.mark.parametrize("processed", [False, True])
async def test_gateway_errors_and_server_errors_may_hide_either_outcome(
    client: SimClient, hand: Hand, processed: bool
) -> None:
    for status in (429, 500, 503):
        await hand.arm("http_error", path=CREATE, status=status, processed=processed)
        response = await raw(client, CREATE, order_body(f"http-{status}"))
        assert response.status == status
        assert bool(await orders(client, f"http-{status}")) is processed
    for code in (10000, 10016):
        await hand.arm("ret_code", path=CREATE, code=code, processed=processed)
        reply = await client.create("Buy", "0.010", "59000.00", orderLinkId=f"code-{code}")
        assert (reply.status, reply.code, set(reply.body)) == (
            200,
            code,
            {"retCode", "retMsg", "result", "retExtInfo", "time"},
        )
        assert bool(await orders(client, f"code-{code}")) is processed
    creates = {row["seq"] for row in await hand.truth("request") if row["path"] == CREATE}
    told = [row for row in await hand.truth("reply") if row["to"] in creates]
    assert sum(row["sent"] for row in told) == 5
    assert sum(not row["sent"] and row["code"] == 0 for row in told) == (5 if processed else 0)


async def test_a_limited_call_is_told_when_it_may_come_again(client: SimClient, hand: Hand) -> None:
    await hand.arm("ret_code", path=CREATE, code=10006, reset_ms=700)
    reply = await client.create("Buy", "0.010", "59000.00", orderLinkId="limited")
    assert reply.code == 10006
    assert reply.headers["X-Bapi-Limit-Status"] == "0"
    wait_ms = int(reply.headers["X-Bapi-Limit-Reset-Timestamp"]) - int(reply.body["time"])
    assert 600 < wait_ms <= 700
    assert await orders(client, "limited") == []


async def test_a_fault_of_one_symbol_or_account_leaves_the_others_alone(client: SimClient, hand: Hand) -> None:
    await hand.arm("ret_code", path=CREATE, code=10016, symbol="ETHUSDT", for_ms=60_000)
    await hand.arm("ret_code", path=CREATE, code=10016, uid="1", for_ms=60_000)
    assert (await client.create("Buy", "0.010", "59000.00")).code == 0


# The trade stream.


@asynccontextmanager
async def trade_stream(client: SimClient) -> AsyncIterator[Stream]:
    async with client.session.ws_connect(client.addresses.ws_trade) as socket:
        stream = Stream(socket)
        expires = client.now_ms() + 5_000
        await stream.send(op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
        assert (await stream.next())["retCode"] == 0
        yield stream


async def send_order(client: SimClient, stream: Stream, link_id: str) -> None:
    args = {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.010",
        "price": "59000.00",
        "orderLinkId": link_id,
    }
    header = {"X-BAPI-TIMESTAMP": str(client.now_ms())}
    await stream.send(reqId=link_id, header=header, op="order.create", args=[args])


async def test_orders_by_stream_meet_the_same_faults(client: SimClient, hand: Hand) -> None:
    async with trade_stream(client) as stream:
        await hand.arm("lost_request", path=CREATE)
        await hand.arm("lost_reply", path=CREATE)
        await hand.arm("late_accept", path=CREATE, delay_ms=40)
        for link_id in ("lost", "unanswered", "late", "usual"):
            await send_order(client, stream, link_id)
        assert (await stream.next())["reqId"] == "usual"
        assert (await stream.next())["reqId"] == "late"
        found = [bool(await orders(client, link_id)) for link_id in ("lost", "unanswered", "late", "usual")]
        assert found == [False, True, True, True]

        await hand.arm("ret_code", path=CREATE, code=10016, processed=True)
        await send_order(client, stream, "hidden")
        answer = await stream.next()
        assert (answer["reqId"], answer["retCode"]) == ("hidden", 10016)
        assert set(answer) == {"reqId", "retCode", "retMsg", "op", "data", "retExtInfo", "header", "connId"}
        assert await orders(client, "hidden")

        await hand.arm("ret_code", path=CREATE, code=10006, reset_ms=700)
        await send_order(client, stream, "limited")
        limited = (await stream.next())["header"]
        assert 600 < int(limited["X-Bapi-Limit-Reset-Timestamp"]) - int(limited["Timenow"]) <= 700

        await hand.arm("maintenance")
        await send_order(client, stream, "closed")
        assert (await stream.next())["retCode"] == 10019
        await hand.clear()
        await hand.arm("lost_request", path=CREATE, hang=False)
        await send_order(client, stream, "cut")
        message = await stream.socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)


# Private messages.


def ids(stream: Stream, topic: str) -> list[str]:
    return [str(row["orderLinkId"]) for frame in stream.seen if frame.get("topic") == topic for row in frame["data"]]


async def test_private_messages_come_late_twice_in_another_order_or_never(client: SimClient, hand: Hand) -> None:
    stream = await client.private("order")
    await hand.arm("delayed_event", topic="order", delay_ms=600)
    await client.create("Buy", "0.010", "59000.00", orderLinkId="late")
    await hand.until(lambda rows: len(rows) == 1, "fault")
    await hand.arm("duplicated_event", topic="order")
    await client.create("Buy", "0.010", "59000.00", orderLinkId="twice")
    await hand.until(lambda rows: len(rows) == 2, "fault")
    await hand.arm("lost_event", topic="order")
    await client.create("Buy", "0.010", "59000.00", orderLinkId="never")
    await stream.until(lambda frame: "late" in ids(stream, "order"))
    await client.create("Buy", "0.010", "59000.00", orderLinkId="last")
    await stream.until(lambda frame: "last" in ids(stream, "order"))
    assert ids(stream, "order") == ["twice", "twice", "late", "last"]
    assert (await orders(client, "never"))[0]["orderStatus"] == "New"
    told = [(row["kind"], row["copies_ms"]) for row in await hand.truth("fault")]
    assert told == [("delayed_event", [600]), ("duplicated_event", [0, 0]), ("lost_event", [])]


async def test_reordered_messages_overtake_each_other_but_none_is_lost(client: SimClient, hand: Hand) -> None:
    stream = await client.private("order")
    await hand.arm("reordered_event", topic="order", delay_ms=150, count=100)
    links = [f"o{number}" for number in range(8)]
    for link_id in links:
        await client.create("Buy", "0.010", "59000.00", orderLinkId=link_id)
    await stream.until(lambda frame: len(ids(stream, "order")) == len(links))
    assert sorted(ids(stream, "order")) == links
    assert ids(stream, "order") != links


# Sockets.


async def test_a_silent_socket_stays_open_and_what_it_would_have_said_is_lost(client: SimClient, hand: Hand) -> None:
    stream = await client.private("order")
    public = await client.public()
    await hand.arm("silent_socket", stream="private")
    await client.create("Buy", "0.010", "59000.00", orderLinkId="unheard")
    await stream.send(op="ping")
    await hand.until(lambda rows: len(rows) == 1, "message")
    await public.send(op="ping")
    assert (await public.next())["ret_msg"] == "pong"
    assert await hand.clear() == 1
    await stream.send(op="ping", req_id="after")
    assert (await stream.next())["req_id"] == "after"
    told = await hand.truth("message")
    assert [(row["topic"], row["sent"]) for row in told] == [("order", False)]
    assert told[0]["ids"][0].endswith(":New")


async def test_a_silent_socket_may_go_on_answering_pings(client: SimClient, hand: Hand, market: ScriptedMarket) -> None:
    public = await client.public()
    await public.send(op="subscribe", args=["publicTrade.BTCUSDT"])
    await public.until(lambda frame: frame.get("op") == "subscribe")
    await hand.arm("silent_socket", stream="public", pongs=True)
    market.trade("60001.00")
    await public.socket.ping()
    await public.send(op="ping")
    assert (await public.next())["ret_msg"] == "pong"
    await hand.clear()
    market.trade("60002.00")
    trade = await public.until(lambda frame: "topic" in frame)
    assert [row["p"] for row in trade["data"]] == ["60002.00"]


async def test_sockets_are_dropped_at_once_or_in_place_of_their_next_frame(client: SimClient, hand: Hand) -> None:
    stream, public = await client.private("order"), await client.public()
    assert (await hand.arm("drop_sockets", stream="private"))["sockets"] == 1
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.TEXT
    stream = await client.private("order")
    await hand.arm("broken_socket", topic="order")
    await client.create("Buy", "0.010", "59000.00", orderLinkId="cut")
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.TEXT
    await public.send(op="ping")
    assert (await public.next())["ret_msg"] == "pong"
    closed = await hand.until(lambda rows: len(rows) == 2, "socket_closed")
    opened = [row for row in await hand.truth("socket_opened") if row["stream"] == "private"]
    assert [row["socket"] for row in closed] == [row["socket"] for row in opened]


# The exchange as a whole.


async def test_a_skewed_clock_shows_everywhere_and_the_market_does_not_jump_with_it(
    client: SimClient, hand: Hand, market: ScriptedMarket
) -> None:
    await hand.arm("clock_skew", skew_ms=-30_000)
    before_ms = market.now_ms
    server_time = await client.get("/v5/market/time", signed=False)
    assert abs(int(server_time.body["time"]) - (client.now_ms() - 30_000)) < 2_000
    assert (await client.create("Buy", "0.010", "59000.00")).code == 10002
    honest, client.now_ms = client.now_ms, lambda: time.time_ns() // 1_000_000 - 30_000
    assert (await client.create("Buy", "0.010", "59000.00", orderLinkId="theirs")).code == 0
    row = (await orders(client, "theirs"))[0]
    assert abs(int(row["createdTime"]) - client.now_ms()) < 2_000
    assert before_ms <= market.now_ms < before_ms + 5_000
    client.now_ms = honest
    await hand.clear()
    assert (await client.create("Buy", "0.010", "59000.00")).code == 0
    assert before_ms <= market.now_ms < before_ms + 5_000


def test_a_clock_that_was_set_back_leaves_nobody_limited_by_what_he_did_later() -> None:
    window = RollingWindow(1, 1_000)
    assert [window.take(1, now_ms=now_ms) for now_ms in (50_000, 50_500, 20_000, 20_500, 21_000)] == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("http", [False, True])
async def test_during_maintenance_trading_is_refused_and_reads_go_on(client: SimClient, hand: Hand, http: bool) -> None:
    assert (await client.create("Buy", "0.010", "59000.00", orderLinkId="before")).code == 0
    await hand.arm("maintenance", http=http, for_ms=60_000)
    response = await raw(client, CREATE, order_body("refused"))
    if http:
        assert response.status == 503
    else:
        assert (await response.json())["retCode"] == 10016
    assert await orders(client, "before")
    assert not await orders(client, "refused")
    notice = (await client.get("/v5/system/status", signed=False)).rows[0]
    assert (notice["state"], notice["serviceTypes"]) == ("ongoing", [1, 2, 3])
    assert 59_900 <= int(notice["end"]) - int(notice["begin"]) <= 60_000  # two looks at the clock
    await hand.clear()
    assert (await client.get("/v5/system/status", signed=False)).rows == []
    assert (await client.create("Buy", "0.010", "59000.00")).code == 0


async def test_a_halted_instrument_stands_still_and_refuses_orders_until_it_is_traded_again(
    client: SimClient, hand: Hand, market: ScriptedMarket
) -> None:
    assert (await client.create("Buy", "0.010", "59000.00", orderLinkId="resting")).code == 0
    await hand.arm("halted", symbol="BTCUSDT")
    market.trade("58000.00")
    assert (await client.create("Buy", "0.010", "59000.00")).code == 110074
    listed = await client.get("/v5/market/instruments-info", "category=linear&status=Closed", signed=False)
    assert [row["symbol"] for row in listed.rows] == ["BTCUSDT"]
    ticker = (await client.get("/v5/market/tickers", "category=linear&symbol=BTCUSDT", signed=False)).rows[0]
    assert Decimal(ticker["lastPrice"]) == 60_000
    assert (await orders(client, "resting"))[0]["orderStatus"] == "New"
    await hand.clear()
    assert (await client.create("Buy", "0.010", "59000.00")).code == 0


async def test_a_price_jump_fills_and_triggers_what_waited_for_it(client: SimClient, hand: Hand) -> None:
    stream = await client.private("execution", "order")
    await client.create("Buy", "0.010", "57000.00", orderLinkId="deep")
    stop: dict[str, Any] = {"triggerPrice": "63000.00", "triggerDirection": 1, "orderLinkId": "breakout"}
    assert (await client.create("Buy", "0.020", **stop)).code == 0
    await stream.until(lambda frame: "breakout" in ids(stream, "order"))
    await hand.arm("price_jump", symbol="BTCUSDT", fraction="-0.06")
    filled = await stream.until(lambda frame: frame.get("topic") == "execution")
    assert (filled["data"][0]["orderLinkId"], filled["data"][0]["execPrice"]) == ("deep", "57000.00")
    await hand.arm("price_jump", base_coin="BTC", fraction="0.15")
    await stream.until(lambda frame: "breakout" in ids(stream, "execution"))
    ticker = (await client.get("/v5/market/tickers", "category=linear&symbol=BTCUSDT", signed=False)).rows[0]
    assert Decimal(ticker["lastPrice"]) == Decimal("64860.00")  # 60 000 x 0.94 x 1.15
    assert Decimal(ticker["markPrice"]) == Decimal("64860.00")


def rebuilt(book: dict[str, dict[str, str]], frame: dict[str, Any]) -> dict[str, dict[str, str]]:
    """A book after one more frame of its topic."""
    data = frame["data"]
    if frame["type"] == "snapshot":
        return {side: dict(data[side]) for side in ("b", "a")}
    changed = {side: {**book[side], **dict(data[side])} for side in ("b", "a")}
    return {side: {price: size for price, size in rows.items() if size != "0"} for side, rows in changed.items()}


async def test_books_rebuilt_from_deltas_follow_a_jump(session: aiohttp.ClientSession) -> None:
    now_ms = time.time_ns() // 1_000_000
    clock = MarketClock(wall_ms=now_ms, market_ms=now_ms, speed=20.0)
    made = SyntheticMarket(
        seed=3, clock=clock, start_ms=now_ms, follows_wall=False, listed=(BTCUSDT,), history_minutes=3
    )
    served = await serve(SimulatorConfig(tick_ms=5), market=made)
    try:
        client = SimClient(served.addresses, served.keys.trading, session)
        stream = await client.public()
        await stream.send(op="subscribe", args=["orderbook.50.BTCUSDT"])
        book: dict[str, dict[str, str]] = {}
        best = []
        for number in range(30):
            if number == 15:
                await Hand(client).arm("price_jump", symbol="BTCUSDT", fraction="-0.4")
            frame = await stream.until(lambda frame: "topic" in frame)
            book = rebuilt(book, frame)
            assert all(0 < len(book[side]) <= 50 for side in ("b", "a"))
            assert max(map(Decimal, book["b"])) < min(map(Decimal, book["a"]))
            best.append(max(map(Decimal, book["b"])))
        assert Decimal("0.59") < best[-1] / best[14] < Decimal("0.61")
    finally:
        await served.close()


async def test_a_price_jump_liquidates_who_is_on_the_wrong_side(client: SimClient, hand: Hand) -> None:
    stream = await client.private("execution")
    assert (await client.post("/v5/position/set-leverage", **LEVERAGE)).code == 0
    assert (await client.create("Buy", "1.000")).code == 0
    await stream.until(lambda frame: frame.get("topic") == "execution")
    assert (await client.create("Buy", "15.000", "60010.00")).code == 0
    await stream.until(lambda frame: len(ids(stream, "execution")) > 2)
    await hand.arm("price_jump", symbol="BTCUSDT", fraction="-0.5")
    await stream.until(lambda frame: any(row.get("execType") == "BustTrade" for row in frame.get("data") or []))


LEVERAGE = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "50", "sellLeverage": "50"}


# By seed.


async def impatient(client: SimClient, hand: Hand, link_id: str) -> None:
    """Send an order and go away if no answer comes soon; but never before it has arrived, however busy the machine."""
    call = asyncio.create_task(raw(client, CREATE, order_body(link_id)))
    while not call.done():
        await asyncio.wait({call}, timeout=0.02)
        if any(link_id in row["link_ids"] for row in await hand.truth("request")):
            call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def run_by_seed(session: aiohttp.ClientSession, seed: int) -> list[str]:
    """What a fixed series of calls meets on a fresh exchange."""
    served = await serve(SimulatorConfig(order_delay_ms=0, tick_ms=5, fault_seed=seed), market=ScriptedMarket())
    try:
        client = SimClient(served.addresses, served.keys.trading, session)
        hand = Hand(client)
        for number in range(40):
            await impatient(client, hand, f"n{number}")
        return [row["kind"] for row in await hand.truth("fault") if "path" in row]
    finally:
        await served.close()


async def test_the_same_seed_and_the_same_calls_meet_the_same_faults(session: aiohttp.ClientSession) -> None:
    seeds = (3, 5, 8)
    runs = [await run_by_seed(session, seed) for seed in seeds]
    assert runs == [await run_by_seed(session, seed) for seed in seeds]
    assert any(runs)
    assert len({tuple(run) for run in runs}) == len(seeds)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_seed_does_the_truth_log_knows_which_orders_exist_and_afterwards_all_works(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("tradewright.simulator.faults.plan.SPAN_MS", 300)
    monkeypatch.setattr("tradewright.simulator.faults.plan.RATES", (0.2, 0.5))
    config = SimulatorConfig(order_delay_ms=0, tick_ms=5, fault_seed=seed, limit_factor=0)
    served = await serve(config, market=ScriptedMarket())
    try:
        client = SimClient(served.addresses, served.keys.trading, session)
        hand = Hand(client)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, TypeError):
            async with asyncio.timeout(0.1):
                await client.private("order", "execution")
        for number in range(30):
            await impatient(client, hand, f"n{number}")
        await hand.clear()

        assert not served.broken.done()
        assert (await client.create("Buy", "0.010", "50000.00", orderLinkId="after")).code == 0
        rows = await hand.truth()
        requests = {row["seq"]: row for row in rows if row["what"] == "request" and row["path"] == CREATE}
        replies = [row for row in rows if row["what"] == "reply" and row["to"] in requests]
        done = [requests[row["to"]]["link_ids"][0] for row in replies if row["processed"] and row["code"] == 0]
        entries = [row["entry"] for row in rows if row["what"] == "account"]
        events = [entry["event"] for entry in entries]
        accepted = [event["link_id"] for event in events if event["kind"] == "order_accepted"]
        assert sorted(done) == sorted(accepted)
        assert len(set(accepted)) == len(accepted)
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    finally:
        await served.close()


async def test_clearing_ends_what_a_seed_has_armed(session: aiohttp.ClientSession) -> None:
    served = await serve(SimulatorConfig(fault_seed=3), market=ScriptedMarket())
    try:
        hand = Hand(SimClient(served.addresses, served.keys.trading, session))
        listed = await hand.ask("GET", "/sim/faults")
        assert listed["seed"] == 3
        assert await hand.clear() == len(listed["armed"]) > 0
        assert (await hand.ask("GET", "/sim/faults"))["armed"] == []
    finally:
        await served.close()


async def test_no_secret_reaches_the_truth_log(
    client: SimClient, hand: Hand, running: RunningSimulator, reader: SimClient
) -> None:
    stream = await client.private("order")
    assert (await client.create("Buy", "0.010", "59000.00", orderLinkId="seen")).code == 0
    assert isinstance(await reader.get("/v5/account/info"), Reply)
    async with trade_stream(client) as trading:
        await send_order(client, trading, "traded")
        await trading.next()
    text = str(await hand.truth())
    assert client.key.key[:6] in text
    for pair in (running.keys.trading, running.keys.read_only, running.keys.withdrawing):
        assert pair.key not in text
        assert pair.secret not in text
    assert "sign" not in text.lower()
    assert stream.socket.closed is False
