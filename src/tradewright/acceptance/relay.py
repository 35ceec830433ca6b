"""A relay on the loopback between us and the exchange: it passes on, records, and loses what it is told to lose.

Lives here: `Relay`. REST is sent on byte for byte (a signature covers the raw query and body), streams frame by frame.
Not here: what is recorded (`recorder`), what is tried (`steps`). Nobody but this machine reaches it, and it adds no
right: whoever uses it must sign.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Literal

import aiohttp
from aiohttp import web
from yarl import URL

from tradewright.acceptance.recorder import Recorder
from tradewright.exchange.ports import Endpoints

Loss = Literal["reply", "request"]
_CALL_S = 15.0
_BODY_BYTES_MAX = 1024 * 1024
_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "content-encoding"})


class Relay:
    """Serves from `start` to `close`. `lose` is for the next call of a path; `cut` ends every stream at once."""

    def __init__(self, upstream: Endpoints, recorder: Recorder, connector: aiohttp.BaseConnector) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=_CALL_S), cookie_jar=aiohttp.DummyCookieJar()
        )
        self._losses: dict[str, Loss] = {}
        self._streams: set[web.WebSocketResponse] = set()
        self._refuses_streams = False
        self._runner: web.AppRunner | None = None
        self.endpoints = upstream

    async def start(self) -> None:
        """Listens on a free port; `endpoints` then lead here."""
        application = web.Application(client_max_size=_BODY_BYTES_MAX)
        application.router.add_get("/public/{rest:.*}", self._public)
        application.router.add_get("/private/{rest:.*}", self._private)
        application.router.add_route("*", "/{path:.*}", self._call)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.endpoints = Endpoints(
            f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/public", f"ws://127.0.0.1:{port}/private/v5"
        )

    def lose(self, path: str, what: Loss) -> None:
        """Of the next call of this path: the reply, after the exchange has it, or the request, which it never sees."""
        self._losses[path] = what

    async def cut(self, *, stay_away: bool) -> None:
        """Ends the streams without a farewell; with `stay_away` a new one is refused until `let_in`."""
        self._refuses_streams = stay_away
        for stream in list(self._streams):
            if stream._req is not None and stream._req.transport is not None:
                stream._req.transport.abort()

    def let_in(self) -> None:
        self._refuses_streams = False

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._session.close()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        loss = self._losses.pop(request.path, None)
        body = await request.read()
        target = request.raw_path
        if loss == "request":
            self._recorder.call(request.method, target, request.headers, body, None, {}, b"", note="request lost here")
            return _broken(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        url = URL(self._upstream.rest + target, encoded=True)
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                received = await answer.read()
                kept: Mapping[str, str] = answer.headers
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            note = f"no answer from the exchange: {type(error).__name__}"
            self._recorder.call(request.method, target, request.headers, body, None, {}, b"", note=note)
            return _broken(request)
        note = "reply lost here" if loss == "reply" else ""
        self._recorder.call(request.method, target, request.headers, body, status, kept, received, note=note)
        if loss == "reply":
            return _broken(request)
        passed = {name: value for name, value in kept.items() if name.lower() not in _HOP}
        return web.Response(status=status, body=received, headers=passed)

    async def _public(self, request: web.Request) -> web.StreamResponse:
        return await self._relay(request, f"{self._upstream.public_stream}/{request.match_info['rest']}", "public")

    async def _private(self, request: web.Request) -> web.StreamResponse:
        return await self._relay(request, self._upstream.private_stream, "private")

    async def _relay(self, request: web.Request, address: str, name: str) -> web.StreamResponse:
        if self._refuses_streams:
            raise web.HTTPServiceUnavailable(text="the relay keeps streams away for now")
        ours = web.WebSocketResponse(heartbeat=None, max_msg_size=0)
        await ours.prepare(request)
        self._streams.add(ours)
        try:
            async with self._session.ws_connect(
                address, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=2)
            ) as theirs:
                pumps = [
                    asyncio.create_task(self._pump(ours, theirs, name, "sent")),
                    asyncio.create_task(self._pump(theirs, ours, name, "received")),
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # the exchange's stream is gone: ours ends with it, and its client comes again
        finally:
            self._streams.discard(ours)
            with contextlib.suppress(ConnectionError):
                await ours.close()
        return ours

    async def _pump(
        self,
        source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        target: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        name: str,
        direction: str,
    ) -> None:
        async for message in source:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._recorder.frame(name, direction, message.data)
                await target.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await target.send_bytes(message.data)


def _broken(request: web.Request) -> web.StreamResponse:
    """Ends the connection without an answer, as a network does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
