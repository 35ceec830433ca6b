"""The browser stream over a real WebSocket: snapshot, delta, resume, conflation, slow readers, sessions, limits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from integration.web.kit import (
    MINUTE_MS,
    NOW_MS,
    Owner,
    PublicStreamTwin,
    Site,
    User,
    drift_told,
    keep_instruments,
    place_body,
    public_trade,
    running_owner,
)
from tradewright.system import SystemIds
from tradewright.trading.ownership import OWNER_LOCK_KEY
from tradewright.web.schemas.stream import StreamServerMessage
from tradewright.web.stream import connection as connection_module
from tradewright.web.stream import hub as hub_module
from tradewright.web.stream.hub import SESSION_CHECK_S

TICKER = "ticker:sim:linear:BTCUSDT"
CANDLE = "candle:sim:linear:BTCUSDT:1"
BOOK = "book:sim:linear:BTCUSDT"
TRADES = "trades:sim:linear:BTCUSDT"


class Stream:
    """A connected browser that holds every message against the contract."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, *, heartbeats: bool = False, timeout: float = 60) -> dict[str, Any]:
        while True:
            frame = await self.socket.receive(timeout=timeout)
            assert frame.type == aiohttp.WSMsgType.TEXT, (frame, self.socket.close_code)
            StreamServerMessage.model_validate_json(frame.data)
            message: dict[str, Any] = json.loads(frame.data)
            if heartbeats or message["type"] != "heartbeat":
                return message

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The messages up to and with the first that is wanted."""
        seen = []
        async with asyncio.timeout(60):
            while not seen or not wanted(seen[-1]):
                seen.append(await self.next())
        return seen

    async def closed(self, timeout: float = 60) -> int:
        """The close code, whatever comes before it."""
        async with asyncio.timeout(timeout):
            while (await self.socket.receive()).type == aiohttp.WSMsgType.TEXT:
                pass
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def subscribe(self, *topics: str, **resume: int) -> None:
        body: dict[str, Any] = {"op": "subscribe", "topics": list(topics)}
        if resume:
            body["resume"] = {name.replace("__", ":").replace("_", "-"): seq for name, seq in resume.items()}
        await self.socket.send_json(body)


@asynccontextmanager
async def connected(user: User) -> AsyncIterator[Stream]:
    async with user.http.ws_connect("/api/v1/stream") as socket:
        stream = Stream(socket)
        first = await stream.next(heartbeats=True)
        assert first["type"] == "heartbeat"
        yield stream


async def asked_for(public: PublicStreamTwin, topic: str) -> None:
    """Returns once the exchange has been asked for the topic: what it says earlier is for nobody."""
    async with asyncio.timeout(60):
        while topic not in public.topics:
            await asyncio.sleep(0.005)


def account_topic(user: User) -> str:
    return f"account:{user.account['id']}"


async def test_the_first_message_is_a_heartbeat_with_both_clocks_and_each_link(site: Site, ann: User) -> None:
    async with ann.http.ws_connect("/api/v1/stream") as socket:
        message = await Stream(socket).next(heartbeats=True)
    link = {"state": "live", "last_frame_age_ms": 250, "reason": None}
    assert message["exchanges"] == {"sim": {"link": link, "market_now_ms": NOW_MS + 30_000}}
    assert abs(message["server_time_ms"] / 1000 - time.time()) < 5


async def test_heartbeats_go_on_when_the_exchange_does_not_answer(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.market.is_away = True
    async with connected(ann) as stream:
        message = await stream.next(heartbeats=True, timeout=hub_module.HEARTBEAT_S + 60)
        assert (message["type"], message["exchanges"]["sim"]["market_now_ms"]) == ("heartbeat", None)


async def test_an_exchange_that_never_answers_holds_up_one_heartbeat_and_no_other_browser(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def never(_: object) -> int:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr("tradewright.market.market_clock.FRESH_FOR_S", -1)
    monkeypatch.setattr(hub_module, "MARKET_CLOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(hub_module, "SILENT_FOR_S", 60.0)  # however slow the machine is
    monkeypatch.setattr(type(site.market), "market_now_ms", never)
    for _ in range(5):
        async with ann.http.ws_connect("/api/v1/stream") as socket:
            message = await Stream(socket).next(heartbeats=True)
            assert message["exchanges"]["sim"]["market_now_ms"] is None
    assert asked == 1


async def test_an_account_comes_as_snapshot_and_then_every_event_with_the_next_number(site: Site, ann: User) -> None:
    topic = account_topic(ann)
    async with connected(ann) as stream, running_owner(site, ann):
        await stream.subscribe(topic)
        snapshot = await stream.next()
        assert (snapshot["type"], snapshot["topic"], snapshot["seq"]) == ("snapshot", topic, 0)
        assert set(snapshot["data"]) == {"account", "orders", "positions", "fills", "balances"}
        body = place_body()
        async with ann.http.post(f"{ann.account_path}/intents", json=body) as response:
            assert response.status == 200
        seen = await stream.until(lambda each: each["data"]["order"]["status"] == "acknowledged")
    assert [message["seq"] for message in seen] == list(range(1, len(seen) + 1))
    assert {(message["type"], message["data"]["kind"]) for message in seen} == {("delta", "order")}
    assert {message["data"]["order"]["id"] for message in seen} == {body["id"]}


async def test_a_resume_gets_what_was_missed_once_and_in_order(site: Site, ann: User) -> None:
    owner, topic = Owner(site, ann), account_topic(ann)
    await owner.events(650)
    async with connected(ann) as stream:
        await stream.socket.send_json({"op": "subscribe", "topics": [topic], "resume": {topic: 100}})
        seen = await stream.until(lambda each: each["seq"] == 650)
        assert [message["seq"] for message in seen] == list(range(101, 651))
        assert {message["type"] for message in seen} == {"delta"}
        await owner.events(1)
        assert (await stream.next())["seq"] == 651


async def test_a_resume_from_the_newest_event_gets_nothing_but_what_comes(site: Site, ann: User) -> None:
    owner, topic = Owner(site, ann), account_topic(ann)
    await owner.events(5)
    async with connected(ann) as stream:
        await stream.socket.send_json({"op": "subscribe", "topics": [topic], "resume": {topic: 5}})
        await owner.events(1)
        message = await stream.next()
    assert (message["type"], message["seq"]) == ("delta", 6)


async def test_a_resume_that_cannot_be_served_gets_a_snapshot(site: Site, ann: User) -> None:
    """Too far behind, ahead of the journal (another database), or no number of ours."""
    owner, topic = Owner(site, ann), account_topic(ann)
    await owner.events(1_001)
    async with connected(ann) as stream:
        for seq in (0, 99_999, 2**53 - 1):
            await stream.socket.send_json({"op": "subscribe", "topics": [topic], "resume": {topic: seq}})
            message = await stream.next()
            assert (message["type"], message["seq"]) == ("snapshot", 1_001)
        await owner.events(1)
        message = await stream.next()
        assert (message["type"], message["seq"]) == ("delta", 1_002)


async def test_events_written_while_the_snapshot_is_taken_are_neither_lost_nor_doubled(site: Site, ann: User) -> None:
    owner, topic = Owner(site, ann), account_topic(ann)
    writing = asyncio.create_task(owner.events(2_000))
    for _ in range(5):
        async with connected(ann) as stream:
            await stream.subscribe(topic)
            snapshot = await stream.next()
            start = snapshot["seq"]
            for expected in range(start + 1, min(2_000, start + 150) + 1):
                assert (await stream.next())["seq"] == expected
    await writing


async def test_foreign_and_made_up_topics_are_errors_that_tell_nothing(site: Site, ann: User) -> None:
    bob = await site.second_user("owner")
    absent = "account:018f2f00-0000-7000-8000-000000000000"
    async with connected(bob) as stream:
        for topic, code in (
            (account_topic(ann), "not_found"),
            (absent, "not_found"),
            (account_topic(ann).upper().replace("ACCOUNT", "account"), "stream.topic_unknown"),
            ("account:1", "stream.topic_unknown"),
            ("ticker:sim:linear:NOPEUSDT", "not_found"),
            ("ticker:sim:spot:ETHUSDT", "not_found"),
            ("book:demo:linear:BTCUSDT", "market.no_account"),
            ("ticker:sim:inverse:BTCUSDT", "stream.topic_unknown"),
            ("ticker:linear:BTCUSDT", "stream.topic_unknown"),
            ("candle:sim:linear:BTCUSDT:2", "stream.topic_unknown"),
            ("everything", "stream.topic_unknown"),
            ("x" * 5_000, "stream.topic_unknown"),
        ):
            await stream.subscribe(topic)
            message = await stream.next()
            assert (message["type"], message["code"], message["topic"]) == ("error", code, topic[:200])
        await Owner(site, ann).events(3)
        await stream.subscribe(account_topic(bob))
        assert (await stream.next())["topic"] == account_topic(bob)  # nothing of the other account came before


async def test_tickers_are_a_snapshot_and_then_at_most_ten_a_second_with_the_newest_last(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        await stream.subscribe(TICKER)
        await asked_for(site.public, "tickers.BTCUSDT")
        began = time.monotonic()
        for n in range(500):
            site.public.ticker(f"{60_000 + n}")
            await asyncio.sleep(0.002)
        seen = await stream.until(lambda each: each["data"]["last_price"] == "60499")
        elapsed = time.monotonic() - began
    assert [message["type"] for message in seen] == ["snapshot"] + ["delta"] * (len(seen) - 1)
    assert [message["seq"] for message in seen] == list(range(1, len(seen) + 1))
    assert len(seen) <= elapsed * 10 + 2


async def test_a_closed_candle_is_never_left_out_and_the_live_one_is_conflated(site: Site, ann: User) -> None:
    opens = [NOW_MS + n * MINUTE_MS for n in range(40)]
    async with connected(ann) as stream:
        await stream.subscribe(CANDLE)
        await asked_for(site.public, "kline.1.BTCUSDT")
        for at in opens:
            for n in range(5):
                site.public.candle(at, f"{60_000 + n}")
            site.public.candle(at, "60009", confirmed=True)
        seen = await stream.until(lambda each: each["data"][0] == opens[-1] and each["data"][-1])
    closed = [message["data"][0] for message in seen if message["data"][-1]]
    assert closed == opens
    assert len(seen) < len(opens) * 3


async def test_a_book_is_whole_each_time_at_twenty_five_levels_and_conflated(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        await stream.subscribe(BOOK)
        began = time.monotonic()
        for n in range(300):
            site.public.book(60_000 + n)
            await asyncio.sleep(0.001)
        seen = await stream.until(lambda each: each["data"]["bids"][0][0] == "60299")
        elapsed = time.monotonic() - began
    assert [message["type"] for message in seen] == ["snapshot"] + ["delta"] * (len(seen) - 1)
    assert len(seen) <= elapsed * 10 + 2
    book = seen[-1]["data"]
    assert (book["bids"][0], book["asks"][0]) == (["60299", "1.5"], ["60300", "2"])
    assert (book["bids"][-1][0], book["asks"][-1][0], len(book["bids"]), len(book["asks"])) == (
        "60275",
        "60324",
        25,
        25,
    )


async def test_the_trades_known_come_at_once_and_each_later_one_once_in_order(site: Site, ann: User) -> None:
    site.market.tape = [public_trade(n) for n in range(-70, 2)]
    async with connected(ann) as first, connected(ann) as late:
        await first.subscribe(TRADES)
        snapshot = await first.next()
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 1)
        assert [trade["id"] for trade in snapshot["data"]] == [f"t{n}" for n in range(-58, 2)]
        for n in range(150):  # REST was quicker with the first two
            site.public.trade(n)
        seen = await first.until(lambda each: each["data"][-1]["id"] == "t149")
        told = [trade["id"] for message in seen for trade in message["data"]]
        assert told == [f"t{n}" for n in range(150 - len(told), 150)]
        assert len(told) <= 148
        assert len(told) >= 100
        await late.subscribe(TRADES)
        snapshot = await late.next()
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 1)
        assert [trade["id"] for trade in snapshot["data"]] == [f"t{n}" for n in range(50, 150)]
        site.public.trade(150)
        for stream in (first, late):
            message = await stream.next()
            expected = {"id": "t150", "side": "Sell", "price": "60150", "quantity": "0.01", "time_ms": NOW_MS + 150}
            assert (message["type"], message["data"]) == ("delta", [expected])


async def test_the_same_symbol_of_another_category_is_another_market(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        await stream.subscribe("ticker:sim:spot:BTCUSDT", TICKER)
        for public in (site.spot, site.public):
            await asked_for(public, "tickers.BTCUSDT")
        site.public.ticker("60000")
        site.spot.ticker("59990")
        seen = {message["topic"]: message["data"] for message in [await stream.next(), await stream.next()]}
    assert (seen[TICKER]["category"], seen[TICKER]["last_price"]) == ("linear", "60000")
    assert seen["ticker:sim:spot:BTCUSDT"]["last_price"] == "59990"
    assert seen["ticker:sim:spot:BTCUSDT"]["category"] == "spot"


async def test_a_market_is_followed_as_soon_as_it_has_an_account_and_what_was_asked_too_early_comes(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "LOOK_AGAIN_S", 0.02)
    topic, absent = "ticker:demo:linear:BTCUSDT", "book:demo:linear:NOPEUSDT"
    async with connected(ann) as stream:
        await stream.subscribe(topic, absent, "ticker:demo:linear:ETHUSDT")
        assert [(await stream.next())["code"] for _ in range(3)] == ["market.no_account"] * 3
        await stream.socket.send_json({"op": "unsubscribe", "topics": ["ticker:demo:linear:ETHUSDT"]})
        await site.add_account(ann, "demo")
        async with asyncio.timeout(60):
            while "demo" not in (await stream.next(heartbeats=True)).get("exchanges", {}):
                pass
        await keep_instruments(site.parts.engine, site.market, "demo")
        message = await stream.next()
        assert (message["code"], message["topic"]) == ("not_found", absent)
        await asked_for(site.public_of("demo"), "tickers.BTCUSDT")
        site.public_of("demo").ticker("61000")
        message = await stream.next()
        assert (message["topic"], message["data"]["last_price"]) == (topic, "61000")
        assert site.public_of("demo").topics == {"tickers.BTCUSDT"}, "one was taken back while it waited"


async def test_a_topic_dropped_at_once_is_given_back_too(site: Site, ann: User) -> None:
    """The task that would read it may be cancelled before it began."""
    async with connected(ann) as stream:
        await stream.socket.send_json({"op": "subscribe", "topics": [TICKER, TICKER, TICKER, BOOK]})
        await stream.socket.send_json({"op": "unsubscribe", "topics": [TICKER, BOOK]})
        await stream.subscribe("x")
        assert (await stream.next())["code"] == "stream.topic_unknown"
        async with asyncio.timeout(60):
            while site.public.topics:
                await asyncio.sleep(0.01)


async def test_the_last_reader_to_leave_gives_the_topic_back(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        await stream.subscribe(TICKER)
        await asked_for(site.public, "tickers.BTCUSDT")
        site.public.ticker("60000")
        await stream.next()
        await stream.socket.send_json({"op": "unsubscribe", "topics": [TICKER, "never:subscribed"]})
        async with asyncio.timeout(60):
            while site.public.topics:
                await asyncio.sleep(0.01)


async def test_who_does_not_read_is_cut_off_and_can_resume_without_loss(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CLOSE_TIMEOUT_S", 0.5)
    owner, topic = Owner(site, ann), account_topic(ann)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=4_096)
    handshake = (
        f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nOrigin: {site.base}\r\n"
        f"Cookie: tradewright_{site.port}={ann.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(handshake.encode())
    assert b"101" in await reader.readline()
    subscribe = json.dumps({"op": "subscribe", "topics": [topic]}).encode()
    writer.write(bytes([0x81, 0x80 | len(subscribe)]) + bytes(4) + subscribe)
    async with asyncio.timeout(60):
        while len(site.application.state.stream) == 0:
            await asyncio.sleep(0.01)
    # From here on nothing is read. Sockets hold some megabytes by themselves, so large events.
    written = 0
    async with asyncio.timeout(60):
        while len(site.application.state.stream) == 1:
            async with owner.journal._transaction("owner") as (_, events):
                for _ in range(400):
                    events.add("drift", drift_told("x" * 8_000))
            written += 400
            await asyncio.sleep(0.05)
    writer.close()
    assert written > 1_000
    async with connected(ann) as stream:
        behind = written - 500
        await stream.socket.send_json({"op": "subscribe", "topics": [topic], "resume": {topic: behind}})
        seen = await stream.until(lambda each: each["seq"] == written)
    assert [message["seq"] for message in seen] == list(range(behind + 1, written + 1))


async def test_a_revoked_session_loses_its_stream_within_five_seconds(site: Site, ann: User) -> None:
    async with connected(ann) as stream, connected(ann) as other_tab:
        began = time.monotonic()
        async with ann.http.post("/api/v1/logout") as response:
            assert response.status == 204
        assert await stream.closed() == 4401
        assert await other_tab.closed() == 4401
        # Looked for every SESSION_CHECK_S; the rest is for a machine that has other things to do.
        assert SESSION_CHECK_S * 2 <= 5
        assert time.monotonic() - began <= 60


async def test_an_expired_session_loses_its_stream_and_another_users_stays(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        site.clock.offset = timedelta(hours=13)
        bob = await site.second_user("viewer", workspace=ann.workspace_id)
        async with connected(bob) as fresh:
            assert await stream.closed() == 4401
            await fresh.subscribe(account_topic(ann))
            assert (await fresh.next())["type"] == "snapshot"


async def test_without_a_session_the_close_code_says_so(site: Site, ann: User) -> None:
    for http in (site.browser(), site.browser("made-up-token")):
        async with http.ws_connect("/api/v1/stream") as socket:
            assert await Stream(socket).closed() == 4401


NONSENSE = [
    "",
    "{",
    "[]",
    "1",
    '{"op": "place"}',
    '{"op": "subscribe"}',
    '{"op": "subscribe", "topics": [1]}',
    '{"op": "subscribe", "topics": "account:1"}',
    '{"op": "subscribe", "topics": [], "more": 1}',
    '{"op": "subscribe", "topics": [], "resume": {"account:1": 1e3}}',
    '{"op": "subscribe", "topics": [], "resume": {"account:1": 9007199254740992}}',
    '{"op": "subscribe", "topics": [], "resume": {"account:1": -1}}',
    '"\\ud800"',
    "[" * 50_000,
]


async def test_messages_that_make_no_sense_are_errors_and_the_stream_goes_on(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        for nonsense in NONSENSE:
            await stream.socket.send_str(nonsense)
            message = await stream.next()
            assert message == {"type": "error", "code": "stream.malformed", "topic": None}, nonsense
        await stream.socket.send_bytes(b"\x00\xff")
        assert (await stream.next())["code"] == "stream.malformed"
        await stream.subscribe(account_topic(ann))
        assert (await stream.next())["type"] == "snapshot"


async def test_too_much_nonsense_and_too_large_a_message_end_the_connection(site: Site, ann: User) -> None:
    async with connected(ann) as stream:
        for _ in range(30):
            await stream.socket.send_str("nonsense")
        assert await stream.closed() == 1008
    async with connected(ann) as stream:
        await stream.socket.send_str("x" * 70_000)
        assert await stream.closed() == 1009


async def test_topics_and_connections_are_bounded(site: Site, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "TOPICS_MAX", 3)
    monkeypatch.setattr(hub_module, "CONNECTIONS_OF_SESSION_MAX", 2)
    async with connected(ann) as stream:
        await stream.subscribe(*(f"candle:sim:linear:BTCUSDT:{each}" for each in ("1", "3", "5", "15")))
        message = await stream.next()
        assert (message["code"], message["topic"]) == ("stream.too_many_topics", "candle:sim:linear:BTCUSDT:15")
        async with connected(ann), ann.http.ws_connect("/api/v1/stream") as socket:
            assert await Stream(socket).closed() == 1013


@asynccontextmanager
async def owner_lock(site: Site) -> AsyncIterator[int]:
    """What a worker holds while it lives, with its epoch; its end is what others see of a killed one."""
    async with site.parts.engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": OWNER_LOCK_KEY})
        try:
            worker = {"id": SystemIds().new()}
            await connection.execute(
                text(
                    "INSERT INTO worker (id, host, process, version, capacity, began_at, beat, lock_pid, lock_since)"
                    " SELECT :id, 'here', '1', '0', 1, now(), now(), pid, backend_start FROM pg_stat_activity"
                    " WHERE pid = pg_backend_pid()"
                ),
                worker,
            )
            epoch = await connection.scalar(
                text(
                    "INSERT INTO account_owner SELECT id, :id, 1, now() FROM accounts ON CONFLICT (account_id)"
                    " DO UPDATE SET owner = :id, epoch = account_owner.epoch + 1 RETURNING epoch"
                ),
                worker,
            )
            await connection.commit()
            yield epoch
        finally:
            # A killed worker's connection is gone too: the next owner must not come back as the same one.
            await connection.invalidate()


async def test_a_killed_owner_is_told_beside_the_numbered_events(site: Site, ann: User) -> None:
    topic = account_topic(ann)
    async with connected(ann) as stream:
        async with owner_lock(site) as epoch:
            await Owner(site, ann, epoch=epoch).journal.set_session("ready", None)
            await stream.subscribe(topic)
            snapshot = await stream.next()
            assert snapshot["data"]["account"]["session"]["state"] == "ready"
        gone = await stream.next()
        assert (gone["type"], gone["topic"], set(gone)) == ("session", topic, {"type", "topic", "account"})
        assert gone["account"]["session"]["state"] == "connecting"
        assert gone["account"]["session"]["reason"] == {"code": "session.no_worker", "params": {}, "detail": None}
        async with connected(ann) as late:
            # Who resumes from the newest event hears of it too, though the journal has nothing new.
            await late.socket.send_json({"op": "subscribe", "topics": [topic], "resume": {topic: snapshot["seq"]}})
            assert (await late.next())["type"] == "session"
        async with owner_lock(site) as epoch:
            owner = Owner(site, ann, epoch=epoch)
            await owner.journal.set_session("ready", None)
            # What the poll sees and what the journal says come in either order, each once.
            back = {message["type"]: message for message in [await stream.next(), await stream.next()]}
            assert back["delta"]["seq"] == snapshot["seq"] + 1
            assert back["session"]["account"]["session"]["state"] == "ready"
            await owner.events(1)
            assert (await stream.next())["seq"] == snapshot["seq"] + 2


async def test_an_open_stream_is_use_of_the_session(site: Site, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven hours and seven more are longer than a session lives unused; the terminal was open all the time."""
    monkeypatch.setattr(hub_module, "SESSION_USE_S", 0)
    monkeypatch.setattr(hub_module, "SESSION_CHECK_S", 0.05)
    async with connected(ann) as stream:
        for hours in (7, 14):
            site.clock.offset = timedelta(hours=hours)
            await last_use_after(site, site.clock.now() - timedelta(minutes=1))
        await stream.subscribe(account_topic(ann))
        assert (await stream.next())["type"] == "snapshot"
    async with ann.http.get("/api/v1/accounts") as response:
        assert response.status == 200


async def last_use_after(site: Site, moment: datetime) -> None:
    async with asyncio.timeout(60), site.parts.engine.connect() as connection:
        while await connection.scalar(text("SELECT max(last_seen_at) FROM sessions")) < moment:
            await connection.rollback()
            await asyncio.sleep(0.05)
