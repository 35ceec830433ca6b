"""With a certificate of its own, and behind a proxy that speaks https: cookies, headers, origins, sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn

from integration.web.kit import PAGE, PASSWORD, Site, User
from integration.web.test_identity_api import problem
from support.certificates import certificate
from support.routes import shared_routes
from tradewright.web.application import create_application
from tradewright.web.server import listening_socket, server_config

NAME = "trade.example"


@asynccontextmanager
async def served(site: Site, *, cert: Path | None = None, key: Path | None = None, **told: Any) -> AsyncIterator[int]:
    """The site's parts once more on another port, in another way."""
    listening = listening_socket("127.0.0.1", 0)
    port = int(listening.getsockname()[1])
    parts = replace(site.parts, settings=replace(site.parts.settings, port=port, **told))
    application = create_application(parts, page=PAGE, routes=shared_routes())
    server = uvicorn.Server(server_config(application, cert=cert, key=key))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(60):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        listening.close()


async def test_our_own_https_binds_the_cookie_to_the_host_and_the_browser_to_https(
    site: Site, ann: User, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, NAME)
    trust = ssl.create_default_context(cafile=str(cert))
    async with served(site, cert=cert, key=key) as port:
        base, own = f"https://127.0.0.1:{port}", f"https://{NAME}:{port}"
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(base, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
            headers = {"Host": f"{NAME}:{port}", "Origin": own, "Sec-Fetch-Site": "same-origin"}
            body = {"username": "Ann", "password": PASSWORD}
            async with http.post("/api/v1/login", json=body, headers=headers) as response:
                assert response.status == 200, await response.text()
                (cookie,) = response.headers.getall("set-cookie")
                assert response.headers["strict-transport-security"] == "max-age=31536000"
            pair, *attributes = [part.strip() for part in cookie.split(";")]
            assert pair.startswith("__Host-tradewright=")
            assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(attributes)
            assert not any(each.lower().startswith("domain") for each in attributes)
            headers["Cookie"] = pair
            async with http.get("/api/v1/accounts", headers=headers) as response:
                assert response.status == 200
            for path in ("/", "/api/v1/nope", "/assets/gone.js", "/healthz"):
                async with http.get(path, headers=headers) as response:
                    assert response.headers["strict-transport-security"] == "max-age=31536000", path
            # The cookie of plain http is none here, and an http page of the same name is another origin.
            plain = {**headers, "Cookie": f"tradewright_{port}={pair.partition('=')[2]}"}
            async with http.get("/api/v1/accounts", headers=plain) as response:
                await problem(response, 401, "session.required")
            async with http.post("/api/v1/logout", headers={**headers, "Origin": f"http://{NAME}:{port}"}) as response:
                await problem(response, 403, "request.origin_refused")
            async with http.ws_connect("/api/v1/stream", headers=headers) as stream:
                assert (await stream.receive_json(timeout=20))["type"] == "heartbeat"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect("/api/v1/stream", headers={**headers, "Origin": f"http://{NAME}:{port}"})
            assert refused.value.status == 403
        with pytest.raises((aiohttp.ClientError, TimeoutError)):  # and nothing is said in the clear
            async with aiohttp.ClientSession() as plainly, plainly.get(f"http://127.0.0.1:{port}/healthz"):
                pass


async def test_behind_a_proxy_its_word_makes_the_request_a_secure_one_and_nobody_elses_counts(
    site: Site, ann: User
) -> None:
    async with served(site, proxies=(ipaddress.ip_network("127.0.0.0/8"),)) as port:
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
            headers = {
                "Host": NAME,
                "Origin": f"https://{NAME}",
                "Sec-Fetch-Site": "same-origin",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": "6.6.6.6, 203.0.113.5",
                "User-Agent": "through a proxy",
            }
            body = {"username": "Ann", "password": PASSWORD}
            async with http.post("/api/v1/login", json=body, headers=headers) as response:
                assert response.status == 200, await response.text()
                (cookie,) = response.headers.getall("set-cookie")
                assert response.headers["strict-transport-security"] == "max-age=31536000"
            assert cookie.startswith("__Host-tradewright=")
            assert "Secure" in cookie
            headers["Cookie"] = cookie.partition(";")[0]
            async with http.ws_connect("/api/v1/stream", headers=headers) as stream:
                assert (await stream.receive_json(timeout=20))["type"] == "heartbeat"
            for changed in ({"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "https, http"}):
                async with http.get("/api/v1/accounts", headers={**headers, **changed}) as response:
                    await problem(response, 403, "request.proxy_refused")
            async with http.get("/healthz") as response:  # this machine itself, without the proxy
                assert response.status == 200
    async with (
        served(site, proxies=(ipaddress.ip_network("172.18.0.2/32"),)) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        for path in ("/", "/healthz", "/api/v1/session"):
            async with http.get(path, headers={"Host": NAME, "X-Forwarded-Proto": "https"}) as response:
                await problem(response, 403, "request.proxy_refused")
                assert "content-security-policy" in response.headers
