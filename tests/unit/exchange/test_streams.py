"""Streams keep themselves up, say when they are not, and never lose or invent anything silently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tradewright.core.clock import from_milliseconds
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.bybit.private_stream import TOPICS, BybitPrivateStream
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.bybit.signing import Signer
from tradewright.exchange.bybit.stream import BACKOFF_MAX_S, backoff_s
from tradewright.exchange.bybit.stream_link import SILENCE_MAX_S
from tradewright.exchange.ports import Book, CandleUpdate, Endpoints, PublicTrade, StreamDown, StreamUp, Ticker
from unit.exchange.conftest import KEY
from unit.exchange.fake_bybit import SERVER_MS, FakeBybit, Socket
from unit.exchange.fakes import FakeClock, FixedRng, KeptLogs
from unit.exchange.rows import execution_row, order_row, position_row, private_push, push, ticker_data, wallet_row

BTC = InstrumentId("linear", "BTCUSDT")


async def server_time() -> datetime:
    return from_milliseconds(SERVER_MS)


class Reader:
    """Reads a stream's events in the background, so that a test can ask for the next one with a bound."""

    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self._events:
            await self._queue.put(event)

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return await self._queue.get()

    def waiting(self) -> int:
        return self._queue.qsize()


@asynccontextmanager
async def reading(stream: BybitPrivateStream | BybitPublicStream) -> AsyncIterator[Reader]:
    reader = Reader(stream.events())
    try:
        yield reader
    finally:
        await stream.close()
        async with asyncio.timeout(5):
            await reader.task


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def private(bybit: FakeBybit, clock: FakeClock, logs: KeptLogs) -> BybitPrivateStream:
    return BybitPrivateStream(bybit.endpoints, KEY, server_time=server_time, clock=clock, rng=FixedRng(), log=logs.log)


@pytest.fixture
def public(bybit: FakeBybit, clock: FakeClock, logs: KeptLogs) -> BybitPublicStream:
    return BybitPublicStream(bybit.endpoints, "linear", clock=clock, rng=FixedRng(), log=logs.log)


async def next_socket(bybit: FakeBybit) -> Socket:
    async with asyncio.timeout(5):
        return await bybit.sockets.get()


async def sign_in(bybit: FakeBybit) -> Socket:
    socket = await next_socket(bybit)
    await socket.accept("auth")
    await socket.accept("subscribe")
    return socket


async def until(condition: Callable[[], object], clock: FakeClock | None = None, step_s: float = 0.0) -> None:
    """Lets the loop, and with a clock the time, run until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            if clock is not None:
                await clock.advance(step_s)
            await asyncio.sleep(0.001)


# The private stream


async def test_private_stream_signs_in_subscribes_and_only_then_is_up(
    bybit: FakeBybit, private: BybitPrivateStream
) -> None:
    async with reading(private) as reader:
        socket = await next_socket(bybit)
        auth = await socket.accept("auth")
        key, expires_ms, signature = auth["args"]
        assert key == "test-key"
        assert expires_ms > SERVER_MS
        assert signature == Signer(KEY).stream_signature(expires_ms)
        subscribe = await socket.next("subscribe")
        assert tuple(subscribe["args"]) == TOPICS
        assert reader.waiting() == 0
        await socket.send({"success": True, "ret_msg": "", "op": "subscribe", "conn_id": "c"})
        assert await reader.next() == StreamUp(1)


async def test_private_rows_become_reports_in_the_order_they_came(
    bybit: FakeBybit, private: BybitPrivateStream
) -> None:
    async with reading(private) as reader:
        socket = await sign_in(bybit)
        assert await reader.next() == StreamUp(1)
        in_linear = {"category": "linear"}
        await socket.send(private_push("execution", execution_row(**in_linear), execution_row(execId="2", **in_linear)))
        await socket.send(
            private_push("order", order_row(orderStatus="PartiallyFilled", cumExecQty="0.004", **in_linear))
        )
        row = position_row(**in_linear)
        row["entryPrice"] = row.pop("avgPrice")
        await socket.send(private_push("position", row))
        await socket.send(private_push("wallet", wallet_row()))
        events = [await reader.next() for _ in range(5)]
        assert [type(event) for event in events] == [Execution, Execution, RemoteOrder, RemotePosition, Wallet]
        assert events[2].state == "partially_filled"
        assert events[3].entry_price == Decimal("61000.1")


async def test_one_unreadable_row_is_logged_and_its_neighbours_arrive(
    bybit: FakeBybit, private: BybitPrivateStream, logs: KeptLogs
) -> None:
    async with reading(private) as reader:
        socket = await sign_in(bybit)
        await reader.next()
        bad, good = execution_row(category="linear", execPrice="1e400"), execution_row(category="linear", execId="good")
        await socket.send(private_push("execution", bad, good))
        assert (await reader.next()).exec_id == "good"
        assert "1e400" in logs.named("stream.unreadable")[0]["raw"]


async def test_junk_frames_are_survived(bybit: FakeBybit, private: BybitPrivateStream, logs: KeptLogs) -> None:
    async with reading(private) as reader:
        socket = await sign_in(bybit)
        await reader.next()
        for junk in (
            "",
            "null",
            "[]",
            '{"topic":5}',
            "{",
            "[" * 100_000,
            '{"topic":"order","data":{}}',
            '{"op":"zzz"}',
        ):
            await socket.send(junk)
        await socket.send(private_push("order", order_row(category="linear", orderStatus="StatusOfTheFuture")))
        report = await reader.next()
        assert (report.state, report.raw_status) == ("unrecognised", "StatusOfTheFuture")
        await socket.send(private_push("order", order_row(category="linear", orderStatus="StatusOfTheFuture")))
        await reader.next()
        assert [event["status"] for event in logs.named("stream.status_unknown")] == ["StatusOfTheFuture"]
        assert len(logs.named("stream.unreadable")) == 7


async def test_rows_of_categories_we_do_not_trade_are_left_out(bybit: FakeBybit, private: BybitPrivateStream) -> None:
    async with reading(private) as reader:
        socket = await sign_in(bybit)
        await reader.next()
        option = order_row(category="option", symbol="BTC-13FEB26-89000-P-USDT")
        await socket.send(private_push("order", option, order_row(category="linear", orderId="ours")))
        assert (await reader.next()).exchange_order_id == "ours"


async def test_refused_sign_in_is_down_and_tried_again(
    bybit: FakeBybit, private: BybitPrivateStream, clock: FakeClock
) -> None:
    async with reading(private) as reader:
        socket = await next_socket(bybit)
        await socket.next("auth")
        await socket.send({"success": False, "ret_msg": "API key is invalid", "op": "auth", "conn_id": "c"})
        down = await reader.next()
        assert isinstance(down, StreamDown)
        assert "API key is invalid" in down.reason
        await until(lambda: not bybit.sockets.empty(), clock, 0.5)
        await sign_in(bybit)
        assert await reader.next() == StreamUp(1)


async def test_lost_connection_is_down_then_up_again_and_signed_in_anew(
    bybit: FakeBybit, private: BybitPrivateStream, clock: FakeClock
) -> None:
    async with reading(private) as reader:
        socket = await sign_in(bybit)
        assert await reader.next() == StreamUp(1)
        await socket.drop()
        assert isinstance(await reader.next(), StreamDown)
        await until(lambda: not bybit.sockets.empty(), clock, 0.5)
        await sign_in(bybit)
        assert await reader.next() == StreamUp(2)


async def test_ping_goes_out_every_twenty_seconds_and_an_answer_keeps_the_connection(
    bybit: FakeBybit, private: BybitPrivateStream, clock: FakeClock
) -> None:
    async with reading(private) as reader:
        socket = await sign_in(bybit)
        await reader.next()
        for _ in range(5):
            await clock.advance(20.0)
            assert await socket.next("ping") == {"op": "ping"}
            await socket.send({"op": "pong", "args": ["1"], "conn_id": "c"})
            await until(lambda: private.last_frame_age_seconds() == 0.0)
        assert reader.waiting() == 0


async def test_silence_is_noticed_within_thirty_seconds(
    bybit: FakeBybit, private: BybitPrivateStream, clock: FakeClock
) -> None:
    async with reading(private) as reader:
        await sign_in(bybit)
        await reader.next()
        await clock.advance(SILENCE_MAX_S - 0.1)
        assert reader.waiting() == 0
        await clock.advance(0.2)
        down = await reader.next()
        assert isinstance(down, StreamDown)
        assert "silent" in down.reason


async def test_reader_that_is_too_slow_loses_the_connection_not_an_event(
    bybit: FakeBybit, private: BybitPrivateStream, clock: FakeClock, logs: KeptLogs
) -> None:
    private._runner._queue_max = 10
    events = private.events()
    first = asyncio.ensure_future(anext(events))
    socket = await sign_in(bybit)
    assert await first == StreamUp(1)
    rows = [execution_row(category="linear", execId=str(number)) for number in range(50)]
    await socket.send(private_push("execution", *rows))
    async with asyncio.timeout(5):
        await socket.closed.wait()
    await clock.advance(60.0)
    assert bybit.sockets.empty(), "no new connection while the queue is full"
    seen = [await anext(events) for _ in range(11)]
    assert [event.exec_id for event in seen[:10]] == [str(number) for number in range(10)]
    assert isinstance(seen[10], StreamDown)
    assert "too slow" in seen[10].reason
    await private.close()
    assert [event async for event in events] == []


async def test_cancelled_reader_leaves_no_task_and_no_socket_behind(
    bybit: FakeBybit, private: BybitPrivateStream
) -> None:
    before = asyncio.all_tasks()
    reader = Reader(private.events())
    socket = await sign_in(bybit)
    await reader.next()
    reader.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader.task
    async with asyncio.timeout(5):
        await socket.closed.wait()
    ours = {task for task in asyncio.all_tasks() - before if "bybit" in task.get_name()}
    assert ours == set()


async def test_cancelled_while_connecting_the_socket_is_closed_too(
    clock: FakeClock, logs: KeptLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.exchange.bybit.stream_link.HANDSHAKE_TIMEOUT_S", 0.2)
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stream = BybitPublicStream(
        lambda: Endpoints("", address, address), "linear", clock=clock, rng=FixedRng(), log=logs.log
    )
    reader = Reader(stream.events())
    async with asyncio.timeout(5):
        await arrived.wait()
        await stream.close()
        await reader.task
        await gone.wait()
    server.close()


async def test_a_second_reader_is_refused(private: BybitPrivateStream) -> None:
    async with reading(private):
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already has a reader"):
            await anext(private.events())


def test_backoff_grows_with_jitter_between_half_a_second_and_fifteen() -> None:
    for attempt in range(1, 40):
        shortest, longest = backoff_s(attempt, FixedRng(0.0)), backoff_s(attempt, FixedRng(0.999_999))
        assert 0.5 <= shortest < longest <= BACKOFF_MAX_S
    assert backoff_s(1, FixedRng(0.0)) == 0.5
    assert backoff_s(30, FixedRng(1.0)) == 15.0


async def test_half_an_hour_of_refusals_stays_below_sixty_connections_in_five_minutes(
    logs: KeptLogs, unused_tcp_port: int
) -> None:
    clock = FakeClock()
    moments: list[float] = []

    def refusing() -> Endpoints:
        moments.append(clock.monotonic())
        nowhere = f"ws://127.0.0.1:{unused_tcp_port}"
        return Endpoints("", nowhere, nowhere)

    stream = BybitPublicStream(refusing, "linear", clock=clock, rng=FixedRng(0.0), log=logs.log)
    async with reading(stream):
        while clock.monotonic() < 1_000 + 1_800:
            await until(lambda: moments and len(clock.slept) == len(moments))
            known = len(moments)
            await clock.advance(clock.slept[-1])
            async with asyncio.timeout(5):
                while len(moments) == known:
                    await asyncio.sleep(0.001)
    assert len(moments) > 200
    for start in moments:
        assert sum(1 for moment in moments if start <= moment < start + 300) <= 60


# The public stream


async def test_ticker_deltas_are_merged_and_an_empty_text_means_none(
    bybit: FakeBybit, public: BybitPublicStream
) -> None:
    public.subscribe("tickers.BTCUSDT")
    async with reading(public) as reader:
        socket = await next_socket(bybit)
        assert (await socket.accept("subscribe"))["args"] == ["tickers.BTCUSDT"]
        assert await reader.next() == StreamUp(1)
        await socket.send(push("tickers.BTCUSDT", {"symbol": "BTCUSDT", "lastPrice": "1"}, "delta"))
        await socket.send(push("tickers.BTCUSDT", ticker_data()))
        first = await reader.next()
        assert isinstance(first, Ticker)
        assert first.last_price == Decimal("60000.10"), "a delta before its snapshot says nothing"
        change = {"symbol": "BTCUSDT", "lastPrice": "60001", "fundingRate": "", "bid1Price": "0"}
        await socket.send(push("tickers.BTCUSDT", change, "delta", ts=1_700_000_000_800))
        second = await reader.next()
        assert second.last_price == Decimal(60001)
        assert second.mark_price == first.mark_price
        assert second.funding_rate is None
        assert second.bid_price is None
        assert second.exchange_time_ms == 1_700_000_000_800


async def test_klines_and_trades_arrive_one_by_one(bybit: FakeBybit, public: BybitPublicStream) -> None:
    public.subscribe("kline.1.BTCUSDT", "publicTrade.BTCUSDT")
    async with reading(public) as reader:
        socket = await next_socket(bybit)
        await socket.accept("subscribe")
        await reader.next()
        closed = {
            "start": 1_700_000_040_000,
            "end": 1_700_000_099_999,
            "interval": "1",
            "open": "10",
            "high": "12",
            "low": "9",
            "close": "11",
            "volume": "5",
            "turnover": "52.5",
            "confirm": True,
            "timestamp": 1_700_000_099_990,
        }
        opened = closed | {"start": 1_700_000_100_000, "confirm": False}
        await socket.send(push("kline.1.BTCUSDT", [closed, opened]))
        trade = {"T": 1_700_000_100_001, "s": "BTCUSDT", "S": "Sell", "v": "0.5", "p": "11", "i": "t1", "BT": False}
        await socket.send(push("publicTrade.BTCUSDT", [trade, trade | {"i": "t2"}]))
        events = [await reader.next() for _ in range(4)]
        assert [type(event) for event in events] == [CandleUpdate, CandleUpdate, PublicTrade, PublicTrade]
        assert [event.candle.confirmed for event in events[:2]] == [True, False]
        assert events[2].side == "Sell"


async def test_reconnect_subscribes_again_and_forgets_what_was_merged(
    bybit: FakeBybit, public: BybitPublicStream, clock: FakeClock
) -> None:
    public.subscribe("tickers.BTCUSDT")
    async with reading(public) as reader:
        socket = await next_socket(bybit)
        await socket.accept("subscribe")
        await reader.next()
        await socket.send(push("tickers.BTCUSDT", ticker_data()))
        await reader.next()
        public.subscribe("publicTrade.BTCUSDT")
        assert (await socket.accept("subscribe"))["args"] == ["publicTrade.BTCUSDT"]
        public.unsubscribe("publicTrade.BTCUSDT")
        assert (await socket.next("unsubscribe"))["args"] == ["publicTrade.BTCUSDT"]
        await socket.drop()
        assert isinstance(await reader.next(), StreamDown)
        await until(lambda: not bybit.sockets.empty(), clock, 0.5)
        socket = await next_socket(bybit)
        assert (await socket.accept("subscribe"))["args"] == ["tickers.BTCUSDT"]
        assert await reader.next() == StreamUp(2)
        await socket.send(push("tickers.BTCUSDT", {"symbol": "BTCUSDT", "lastPrice": "1"}, "delta"))
        await socket.send(push("tickers.BTCUSDT", ticker_data(lastPrice="59000")))
        assert (await reader.next()).last_price == Decimal(59000)


async def test_a_refused_topic_does_not_take_others_with_it(
    bybit: FakeBybit, public: BybitPublicStream, logs: KeptLogs
) -> None:
    public.subscribe("tickers.BTCUSDT", "tickers.NOSUCH")
    async with reading(public):
        socket = await next_socket(bybit)
        both = await socket.next("subscribe")
        refusal = {"success": False, "ret_msg": "error:handler not found,topic:tickers.NOSUCH", "op": "subscribe"}
        await socket.send(refusal | {"req_id": both["req_id"]})
        assert (await socket.accept("subscribe"))["args"] == ["tickers.BTCUSDT"]
        alone = await socket.next("subscribe")
        assert alone["args"] == ["tickers.NOSUCH"]
        await socket.send(refusal | {"req_id": alone["req_id"]})
        await until(lambda: logs.named("stream.topic_refused"))
        assert logs.named("stream.topic_refused")[0]["topic"] == "tickers.NOSUCH"


async def test_many_topics_go_out_ten_at_a_time(bybit: FakeBybit, public: BybitPublicStream) -> None:
    public.subscribe(*(f"tickers.COIN{number}USDT" for number in range(25)))
    async with reading(public):
        socket = await next_socket(bybit)
        assert [len((await socket.accept("subscribe"))["args"]) for _ in range(3)] == [10, 10, 5]


async def test_book_gap_asks_for_a_new_snapshot_and_publishes_nothing_until_then(
    bybit: FakeBybit, public: BybitPublicStream
) -> None:
    topic = "orderbook.50.BTCUSDT"
    public.subscribe(topic)

    def book(u: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
        return {"s": "BTCUSDT", "b": bids, "a": asks, "u": u, "seq": u}

    async with reading(public) as reader:
        socket = await next_socket(bybit)
        await socket.accept("subscribe")
        await reader.next()
        await socket.send(push(topic, book(100, [["10", "1"], ["9", "2"]], [["11", "1"]])))
        await socket.send(push(topic, book(101, [["9", "0"], ["10", "3"]], [["12", "5"]]), "delta"))
        first, second = await reader.next(), await reader.next()
        assert isinstance(first, Book)
        assert second.bids == ((Decimal(10), Decimal(3)),)
        assert second.asks == ((Decimal(11), Decimal(1)), (Decimal(12), Decimal(5)))
        await socket.send(push(topic, book(103, [["9", "1"]], []), "delta"))
        assert (await socket.accept("unsubscribe"))["args"] == [topic]
        assert (await socket.accept("subscribe"))["args"] == [topic]
        await socket.send(push(topic, book(104, [["9", "1"]], []), "delta"))
        await socket.send(push(topic, book(200, [["8", "1"]], [["9", "1"]])))
        third = await reader.next()
        assert (third.update_id, third.bids) == (200, ((Decimal(8), Decimal(1)),))


async def test_a_book_whose_snapshot_does_not_come_is_asked_for_again_with_growing_pauses(
    bybit: FakeBybit, public: BybitPublicStream, clock: FakeClock, logs: KeptLogs
) -> None:
    """After a gap the request, or what it should bring, is lost, while the connection lives."""
    topic = "orderbook.50.BTCUSDT"
    public.subscribe(topic, "tickers.BTCUSDT")
    whole = {"s": "BTCUSDT", "b": [["10", "1"]], "a": [["11", "1"]], "seq": 1}
    async with reading(public) as reader:
        socket = await next_socket(bybit)
        await socket.accept("subscribe")
        await reader.next()
        await socket.send(push(topic, whole | {"u": 100}))
        assert (await reader.next()).update_id == 100
        await clock.advance(15)
        assert logs.named("stream.book_missing") == [], "one that came is not asked for"
        await socket.send(push(topic, whole | {"u": 105}, "delta"))
        for _ in range(3):
            assert [frame["args"] for frame in await socket.commands(2)] == [[topic], [topic]]
            asked = len(logs.named("stream.book_missing"))
            await until(lambda: len(logs.named("stream.book_missing")) > asked, clock, 0.5)  # noqa: B023
            await socket.send(push("tickers.BTCUSDT", ticker_data()))  # it lives
            await reader.next()
        assert [each["again_in_s"] for each in logs.named("stream.book_missing")] == [6.0, 12.0, 24.0]
        await socket.send(push(topic, whole | {"u": 300}))
        assert (await reader.next()).update_id == 300
        await clock.advance(25)
        assert len(logs.named("stream.book_missing")) == 3


async def test_a_book_that_is_broken_again_and_again_is_not_asked_for_in_a_loop(
    bybit: FakeBybit, public: BybitPublicStream, clock: FakeClock
) -> None:
    topic = "orderbook.50.BTCUSDT"
    public.subscribe(topic, "tickers.BTCUSDT")
    whole = {"s": "BTCUSDT", "b": [["10", "1"]], "a": [["11", "1"]], "u": 99, "seq": 1}
    crossed = {"s": "BTCUSDT", "b": [["12", "1"]], "a": [["11", "1"]], "u": 100, "seq": 1}
    async with reading(public) as reader:
        socket = await next_socket(bybit)
        await socket.accept("subscribe")
        await reader.next()
        await socket.send(push(topic, whole))
        await reader.next()
        for _ in range(50):
            await socket.send(push(topic, crossed))
        await socket.send(push("tickers.BTCUSDT", ticker_data()))
        await reader.next()
        assert (await socket.next("unsubscribe"))["args"] == [topic], "the first time at once"
        assert (await socket.next("subscribe"))["args"] == [topic]
        assert socket.received.empty()
        await clock.advance(3.5)
        assert (await socket.next("unsubscribe"))["args"] == [topic]
        assert (await socket.next("subscribe"))["args"] == [topic]
        assert reader.waiting() == 0, "nothing of it is passed on"


def test_an_unknown_kind_of_topic_is_refused_with_what_is_allowed(public: BybitPublicStream) -> None:
    with pytest.raises(ValueError, match=r"expected tickers\.SYMBOL"):
        public.subscribe("liquidation.BTCUSDT")
