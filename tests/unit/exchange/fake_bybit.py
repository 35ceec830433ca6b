"""A hand-made peer over real sockets that answers what a test tells it to, also what no honest exchange would.

Lives here: scripted HTTP answers and a WebSocket that a test drives.
Not here: a simulated market (`tradewright.simulator`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tradewright.exchange.ports import Endpoints

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
SERVER_MS = 1_700_000_000_000


def envelope(result: object = None, *, code: int = 0, text: str = "OK") -> dict[str, Any]:
    return {
        "retCode": code,
        "retMsg": text,
        "result": result if result is not None else {},
        "retExtInfo": {},
        "time": SERVER_MS,
    }


def ok(result: object = None, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(envelope(result), headers=headers)

    return answer


def refused(code: int, text: str = "no", **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(envelope(code=code, text=text), headers=headers)

    return answer


def http(status: int, body: bytes = b"") -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Takes the request and drops the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class FakeBybit:
    """Answers are taken from `script[path]` in turn, the last one again and again; what was asked is in `asked`.

    A longer name, `script["path?category=linear&settleCoin=USDT"]`, wins for the questions that begin like it.
    """

    def __init__(self) -> None:
        self.script: dict[str, list[Answer]] = {"/v5/market/time": [ok({})]}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.sockets: asyncio.Queue[Socket] = asyncio.Queue()
        self.base = ""

    def endpoints(self) -> Endpoints:
        stream = self.base.replace("http", "ws")
        return Endpoints(self.base, f"{stream}/v5/public", f"{stream}/v5/private")

    def times_asked(self, path: str) -> int:
        return sum(1 for asked, *_ in self.asked if asked == path)

    def queries(self, path: str) -> list[str]:
        return [query for asked, query, *_ in self.asked if asked == path]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((request.path, request.rel_url.raw_query_string, dict(request.headers), body))
        whole = f"{request.path}?{request.rel_url.raw_query_string}"
        longer = max((name for name in self.script if "?" in name and whole.startswith(name)), key=len, default="")
        answers = self.script.get(longer or request.path)
        if not answers:
            return web.Response(status=404)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return await answer(request)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(autoping=True)
        await response.prepare(request)
        socket = Socket(response, request)
        await self.sockets.put(socket)
        async for message in response:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.received.put(json.loads(message.data))
        socket.closed.set()
        return response

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeBybit]:
        app = web.Application()
        app.router.add_get("/v5/private", self._socket)
        app.router.add_get("/v5/public/{category}", self._socket)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()


class Socket:
    """One client's connection, seen from the exchange."""

    def __init__(self, response: web.WebSocketResponse, request: web.Request) -> None:
        self._response = response
        self._request = request
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def send(self, frame: object) -> None:
        await self._response.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def next(self, op: str) -> dict[str, Any]:
        """The client's next frame, which must have this `op`."""
        async with asyncio.timeout(5):
            frame = await self.received.get()
        assert frame["op"] == op, f"expected {op}, got {frame}"
        return frame

    async def commands(self, count: int) -> list[dict[str, Any]]:
        """The client's next so many frames that are no pings."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(5):
            while len(found) < count:
                frame = await self.received.get()
                found += [] if frame["op"] == "ping" else [frame]
        return found

    async def accept(self, op: str) -> dict[str, Any]:
        frame = await self.next(op)
        await self.send({"success": True, "ret_msg": "", "op": op, "conn_id": "c", "req_id": frame.get("req_id", "")})
        return frame

    async def drop(self) -> None:
        assert self._request.transport is not None
        self._request.transport.abort()
        async with asyncio.timeout(5):
            await self.closed.wait()
