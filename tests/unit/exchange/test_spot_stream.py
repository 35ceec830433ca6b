"""The public stream of spot: its tickers lack bid and ask, which the best of its book completes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import Book, StreamUp, Ticker
from unit.exchange.fake_bybit import FakeBybit
from unit.exchange.fakes import FakeClock, FixedRng, KeptLogs
from unit.exchange.rows import push
from unit.exchange.test_streams import reading

PAIR = InstrumentId("spot", "BTCUSDT")
TICKER = {"symbol": "BTCUSDT", "lastPrice": "60000.1", "volume24h": "1", "turnover24h": "60000", "price24hPcnt": "0.01"}


@pytest.fixture
def spot(bybit: FakeBybit, logs: KeptLogs) -> BybitPublicStream:
    return BybitPublicStream(bybit.endpoints, "spot", clock=FakeClock(), rng=FixedRng(), log=logs.log)


def book(bid: str, ask: str, update: int) -> dict[str, object]:
    data = {"s": "BTCUSDT", "b": [[bid, "2"]], "a": [[ask, "3"]], "u": update, "seq": update}
    return push("orderbook.1.BTCUSDT", data, ts=1_700_000_000_900)


async def test_a_spot_ticker_is_completed_by_its_book_and_told_when_that_changes(
    bybit: FakeBybit, spot: BybitPublicStream
) -> None:
    spot.subscribe("tickers.BTCUSDT")
    async with reading(spot) as reader:
        socket = await bybit.sockets.get()
        assert (await socket.next("subscribe"))["args"] == ["tickers.BTCUSDT", "orderbook.1.BTCUSDT"]
        assert await reader.next() == StreamUp(1)
        pong = {"success": True, "ret_msg": "pong", "conn_id": "c", "op": "ping"}
        ack = {"success": True, "ret_msg": "subscribe", "conn_id": "c", "req_id": "1", "op": "subscribe"}
        for frame in (ack, pong, push("tickers.BTCUSDT", TICKER)):
            await socket.send(frame)
        first = await reader.next()
        assert (first.instrument, first.last_price, first.bid_price) == (PAIR, Decimal("60000.1"), None)
        await socket.send(book("60000", "60000.2", 7))
        second = await reader.next()
        assert isinstance(second, Ticker), "the book was not asked for, so it is not told"
        assert (second.bid_price, second.bid_size, second.ask_price) == (Decimal(60000), Decimal(2), Decimal("60000.2"))
        assert (second.last_price, second.exchange_time_ms) == (Decimal("60000.1"), 1_700_000_000_900)
        await socket.send(book("60000", "60000.2", 7))
        await socket.send(push("tickers.BTCUSDT", TICKER | {"lastPrice": "60000.2"}))
        third = await reader.next()
        assert (third.last_price, third.bid_price) == (Decimal("60000.2"), Decimal(60000)), "and nothing for the repeat"


async def test_a_book_that_is_wanted_too_stays_when_the_ticker_goes_and_the_other_way_round(
    bybit: FakeBybit, spot: BybitPublicStream
) -> None:
    spot.subscribe("tickers.BTCUSDT", "orderbook.1.BTCUSDT")
    async with reading(spot) as reader:
        socket = await bybit.sockets.get()
        assert (await socket.accept("subscribe"))["args"] == ["tickers.BTCUSDT", "orderbook.1.BTCUSDT"]
        assert await reader.next() == StreamUp(1)
        await socket.send(book("60000", "60000.2", 7))
        assert isinstance(await reader.next(), Book)
        spot.unsubscribe("tickers.BTCUSDT")
        assert (await socket.next("unsubscribe"))["args"] == ["tickers.BTCUSDT"]
        spot.subscribe("tickers.BTCUSDT")
        assert (await socket.accept("subscribe"))["args"] == ["tickers.BTCUSDT"]
        spot.unsubscribe("orderbook.1.BTCUSDT")
        spot.unsubscribe("tickers.BTCUSDT")
        assert (await socket.next("unsubscribe"))["args"] == ["tickers.BTCUSDT", "orderbook.1.BTCUSDT"]
