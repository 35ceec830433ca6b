"""Topics, and the bounded outbox of one browser."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.identity.model import Membership, Principal, SessionId, User
from tradewright.web.stream import connection as connection_module
from tradewright.web.stream.connection import Connection
from tradewright.web.stream.outbox import Outbox
from tradewright.web.stream.topics import AccountTopic, BookTopic, CandleTopic, TickerTopic, TradesTopic, parse_topic

ID = "018f2f00-0000-7000-8000-000000000000"


def test_topics_are_read_as_the_contract_writes_them() -> None:
    btc = InstrumentId("linear", "BTCUSDT")
    assert parse_topic(f"account:{ID}") == AccountTopic(AccountId(uuid.UUID(ID)))
    assert parse_topic("ticker:sim:linear:BTCUSDT") == TickerTopic("sim", btc)
    assert parse_topic("candle:demo:linear:BTCUSDT:D") == CandleTopic("demo", btc, "D")
    assert parse_topic("book:live:spot:BTCUSDT") == BookTopic("live", InstrumentId("spot", "BTCUSDT"))
    assert parse_topic("trades:testnet:linear:BTCUSDT") == TradesTopic("testnet", btc)
    dated = InstrumentId("linear", "BTCUSDT-25DEC26")
    assert parse_topic("book:sim:linear:BTCUSDT-25DEC26") == BookTopic("sim", dated)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "account",
        "account:",
        f"account:{{{ID}}}",
        f"account:{ID.replace('-', '')}",
        f"account:{ID}:x",
        "ticker:linear:BTCUSDT",
        "ticker:sim:linear",
        "ticker:sim:linear:",
        "ticker:sim:linear:BTC USDT",
        "ticker:sim:linear:ＢＴＣ",
        "ticker:sim::BTCUSDT",
        "ticker:SIM:linear:BTCUSDT",
        "ticker:mainnet:linear:BTCUSDT",
        "ticker:sim:linear:BTCUSDT:1",
        "book:sim:linear:BTCUSDT:50",
        "candle:sim:linear:BTCUSDT",
        "candle:sim:linear:BTCUSDT:01",
        "candle:sim:linear:BTCUSDT:1:2",
        "Ticker:sim:linear:BTCUSDT",
    ],
)
def test_anything_else_is_no_topic(text: str) -> None:
    assert parse_topic(text) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_topics(text: str) -> None:
    parse_topic(text)
    parse_topic(f"account:{text}")


async def test_messages_come_out_in_order_and_count_until_written() -> None:
    outbox = Outbox(limit=3)
    assert [outbox.put(text) for text in "abc"] == [True] * 3
    drained = asyncio.create_task(outbox.drained())
    seen = ""
    for _ in range(3):
        assert not drained.done()
        seen += await outbox.get()
        outbox.wrote()
    await asyncio.wait_for(drained, 1)
    assert seen == "abc"


async def test_one_message_too_many_is_said_and_nothing_is_taken_after_it() -> None:
    outbox = Outbox(limit=2)
    assert [outbox.put(text) for text in "abcd"] == [True, True, False, False]
    assert outbox.is_overflown


class StuckSocket:
    """A browser that takes nothing: every send waits for ever, except the closing frame."""

    def __init__(self) -> None:
        self.closed_with: tuple[int, str] | None = None

    async def receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send_text(self, _text: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed_with = (code, reason)


def connection_to(socket: StuckSocket) -> Connection:
    user = User(UserId(uuid.UUID(ID)), "Ann", "en", is_operator=True)
    membership = Membership(WorkspaceId(uuid.UUID(ID)), "Ann", "owner")
    principal = Principal(SessionId(uuid.UUID(ID)), user, membership)
    return Connection(cast("Any", socket), principal, cast("Any", None), cast("Any", None))


async def test_more_than_a_thousand_waiting_messages_close_with_4008() -> None:
    socket = StuckSocket()
    connection = connection_to(socket)
    running = asyncio.create_task(connection.run())
    await asyncio.sleep(0)
    for n in range(1_000):
        connection.put(str(n))
    assert socket.closed_with is None
    connection.put("one more")
    await asyncio.wait_for(running, 5)
    assert socket.closed_with is not None
    assert socket.closed_with[0] == 4008


async def test_one_write_that_never_ends_closes_with_4008(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "WRITE_TIMEOUT_S", 0.05)
    socket = StuckSocket()
    connection = connection_to(socket)
    connection.put("only one")
    await asyncio.wait_for(connection.run(), 5)
    assert socket.closed_with is not None
    assert socket.closed_with[0] == 4008
