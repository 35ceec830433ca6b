"""Requests to addresses that people gave us, on real sockets: nothing inside is reached, whatever a name says when."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tradewright.outbound.addresses import Allowed, allowed_of
from tradewright.outbound.client import OutboundClient, OutboundFailed
from tradewright.outbound.urls import UrlRefused, read_url


class Inside:
    """A server on loopback that must not hear of anything; it counts connections, too."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.port = 0
        self.answer: Callable[[web.Request], web.StreamResponse] = lambda _: web.Response(text="hello")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return self.answer(request)


@asynccontextmanager
async def listening() -> AsyncIterator[Inside]:
    inside = Inside()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", inside.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    inside.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield inside
    finally:
        await runner.cleanup()


class Names:
    """A resolver that says something else each time it is asked; the last answer stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_name_that_leads_inside_is_refused_and_nothing_is_connected() -> None:
    async with listening() as inside:
        for answer in (["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"]):
            client = OutboundClient(Allowed(), lookup=Names(answer))
            with pytest.raises(UrlRefused):
                await client.send("POST", read_url(f"https://hooks.example.org:{inside.port}/x", Allowed()), body=b"{}")
        assert inside.requests == []


async def test_a_name_that_changes_between_the_look_and_the_connection_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: outside when it is judged, inside when it is connected. The addresses that were judged are used."""
    connected: list[str] = []
    real = asyncio.get_running_loop().sock_connect

    async def watched(sock: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError("nobody there, in a test")
        await real(sock, address)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", watched, raising=False)
    async with listening() as inside:
        names = Names(["203.0.114.1"], ["127.0.0.1"])
        client = OutboundClient(Allowed(), lookup=names)
        with pytest.raises(OutboundFailed):
            await client.send("POST", read_url(f"https://hooks.example.org:{inside.port}/x", Allowed()))
        assert names.asked == 1
        assert connected in (["203.0.114.1"], [])
        with pytest.raises(UrlRefused):
            await client.send("POST", read_url(f"https://hooks.example.org:{inside.port}/x", Allowed()))
        assert inside.requests == []


async def test_another_spelling_of_an_inner_address_is_stopped_at_the_socket_too() -> None:
    """The last look: whatever got by the reading of the address, the socket's own address is judged."""
    async with listening() as inside:
        named = allowed_of("hooks.lan")
        for host in ("127.0.0.1", "2130706433", "127.1"):
            given = read_url(f"http://hooks.lan:{inside.port}/x", named)
            past = type(given)(given.shown, given.host, given.port, False, given.url.with_host(host))
            with pytest.raises((UrlRefused, OutboundFailed)):
                await OutboundClient(Allowed()).send("GET", past)
        assert inside.requests == []


async def test_what_the_operator_named_is_reached_and_a_redirect_is_not_taken() -> None:
    async with listening() as inside:
        allowed = allowed_of(f"127.0.0.1, hooks.lan:{inside.port}")
        client = OutboundClient(allowed, lookup=Names(["127.0.0.1"]))
        url = read_url(f"http://hooks.lan:{inside.port}/s3cr3t", allowed)
        answer = await client.send("POST", url, body=b"{}", headers={"content-type": "application/json"})
        assert (answer.status, answer.body) == (200, b"hello")
        assert "cookie" not in inside.requests[0].headers
        inside.answer = lambda _: web.Response(status=302, headers={"location": "http://169.254.169.254/latest/"})
        with pytest.raises(OutboundFailed, match="redirect") as failed:
            await client.send("POST", url)
        assert "s3cr3t" not in str(failed.value)
        assert len(inside.requests) == 2


async def test_size_and_time_are_limited() -> None:
    async with listening() as inside:
        allowed = allowed_of("127.0.0.1")
        url = read_url(f"http://127.0.0.1:{inside.port}/", allowed)
        inside.answer = lambda _: web.Response(body=b"x" * 70_000)
        with pytest.raises(OutboundFailed, match="more than 65536 bytes"):
            await OutboundClient(allowed).send("GET", url)
    server = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(OutboundFailed, match="did not answer within"):
        await OutboundClient(allowed).send("GET", read_url(f"http://127.0.0.1:{port}/", allowed), timeout_s=0.2)
    server.close()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as inside, listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        allowed = allowed_of("127.0.0.1")
        await OutboundClient(allowed).send("GET", read_url(f"http://127.0.0.1:{inside.port}/", allowed))
        assert (len(inside.requests), len(proxy.requests)) == (1, 0)
