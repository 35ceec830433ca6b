"""A command on the wire: what is written, when it is certain that nothing left, and which connections live on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tradewright.exchange.bybit.http import HeldBack, HttpTransport, LastWord, NoAnswer, NotConnected

BODY = b'{"symbol":"BTCUSDT"}'
HEADERS = {"X-BAPI-SIGN": "0a1b", "Content-Type": "application/json"}
OK = b"HTTP/1.1 200 OK\r\nX-Bapi-Limit: 10\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Peer:
    """Answers each request with the next of `answers`; "" hangs up without one."""

    answers: list[bytes] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v5/order/create"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heard.append(head + await reader.readexactly(len(BODY)))
                if not (answer := self.answers.pop(0)):
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def peer(*answers: bytes) -> AsyncIterator[tuple[Peer, HttpTransport]]:
    known = Peer(list(answers))
    server = await asyncio.start_server(known.serve, "127.0.0.1", 0)
    known.port = server.sockets[0].getsockname()[1]
    transport = HttpTransport()
    try:
        yield known, transport
    finally:
        await transport.close()
        server.close()


def last_word(*, may_go: bool = True) -> LastWord:
    return LastWord(lambda: may_go, lambda: None)


async def test_a_command_says_what_http_wants_said_and_then_exactly_its_bytes() -> None:
    async with peer(OK) as (exchange, transport):
        answer = await transport.call("POST", exchange.url, HEADERS, BODY, last_word())
    assert (answer.status, answer.headers["x-bapi-limit"], answer.body) == (200, "10", b"{}")
    head, body = exchange.heard[0].split(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    said = dict(line.split(": ", 1) for line in lines)
    assert first == "POST /v5/order/create HTTP/1.1"
    assert body == BODY
    assert said["Host"] == f"127.0.0.1:{exchange.port}"
    assert said["Content-Length"] == str(len(BODY))
    assert said["User-Agent"].startswith("Python/")
    assert HEADERS.items() <= said.items()
    assert len(lines) == len(said), "nothing is said twice"


async def test_a_connection_is_used_again_also_after_a_command_that_was_held_back() -> None:
    async with peer(OK, OK) as (exchange, transport):
        await transport.call("POST", exchange.url, HEADERS, BODY, last_word())
        with pytest.raises(HeldBack):
            await transport.call("POST", exchange.url, HEADERS, BODY, last_word(may_go=False))
        await transport.call("POST", exchange.url, HEADERS, BODY, last_word())
    assert (len(exchange.heard), exchange.connections) == (2, 1)


async def test_answers_that_announce_another_one_are_passed_over_a_few_times() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with peer(interim * 2 + OK, interim * 11 + OK) as (exchange, transport):
        assert (await transport.call("POST", exchange.url, HEADERS, BODY, last_word())).body == b"{}"
        with pytest.raises(NoAnswer, match="announce another one"):
            await transport.call("POST", exchange.url, HEADERS, BODY, last_word())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_what_is_no_whole_answer_leaves_the_outcome_open_and_the_connection_is_not_used_again(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.exchange.bybit.http.CALL_TIMEOUT_S", 0.5)
    async with peer(answer, OK) as (exchange, transport):
        with pytest.raises(NoAnswer):
            await transport.call("POST", exchange.url, HEADERS, BODY, last_word())
        monkeypatch.undo()
        assert (await transport.call("POST", exchange.url, HEADERS, BODY, last_word())).status == 200
    assert exchange.connections == 2


async def test_bytes_that_nobody_asked_for_are_no_answer_to_the_next_command() -> None:
    async with peer(OK + OK.replace(b"{}", b"[]"), OK) as (exchange, transport):
        await transport.call("POST", exchange.url, HEADERS, BODY, last_word())
        assert (await transport.call("POST", exchange.url, HEADERS, BODY, last_word())).body == b"{}"
    assert exchange.connections == 2


async def test_without_a_connection_nothing_left_whatever_took_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewright.exchange.bybit.http.CALL_TIMEOUT_S", 0.3)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until it is closed: a TLS handshake that nobody answers
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = HttpTransport()
    asked: list[str] = []
    word = LastWord(lambda: bool(asked.append("may it go")), lambda: asked.append("handed"))
    with pytest.raises(NotConnected):
        await transport.call("POST", f"https://127.0.0.1:{port}/v5/order/create", HEADERS, BODY, word)
    server.close()
    with pytest.raises(NotConnected):
        await transport.call("POST", f"http://127.0.0.1:{port}/v5/order/create", HEADERS, BODY, word)
    assert asked == []
    await transport.close()
    with pytest.raises(NotConnected, match="closed"):
        await transport.call("POST", f"http://127.0.0.1:{port}/v5/order/create", HEADERS, BODY, word)


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
async def test_no_header_can_begin_another_one(key: str) -> None:
    async with peer(OK) as (exchange, transport):
        with pytest.raises(ValueError, match="end of a line"):
            await transport.call("POST", exchange.url, {"X-BAPI-API-KEY": key}, BODY, last_word())
    assert exchange.heard == []


async def test_a_cancelled_command_closes_its_connection() -> None:
    gone = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    transport = HttpTransport()
    handed = asyncio.Event()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v5/order/create"
    asking = asyncio.create_task(transport.call("POST", url, HEADERS, BODY, LastWord(lambda: True, handed.set)))
    async with asyncio.timeout(10):
        await handed.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await gone.wait()
    await transport.close()
    server.close()
