"""Headers on every answer, and the refusal of what does not come from our own page."""

from __future__ import annotations

import asyncio
import resource

import aiohttp
import pytest
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import Site, User, place_body, started_site
from integration.web.test_identity_api import problem
from security.declared_people import EXPECTED
from tradewright.market.tickers import TickerCache
from tradewright.trading import queries
from tradewright.web.edge import BODY_BYTES_MAX
from tradewright.web.security import CONTENT_SECURITY_POLICY, host_is_ours, security_headers


def assert_protected(response: aiohttp.ClientResponse) -> None:
    headers = response.headers
    about = f"{response.method} {response.url} {response.status}"
    for name in (
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "permissions-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
    ):
        assert len(headers.getall(name, [])) == 1, f"{about}: {name}"
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in headers  # plain http: a browser would ignore it, and must
    assert "server" not in headers
    assert not {name.lower() for name in headers} & {"access-control-allow-origin", "x-powered-by"}


def test_the_policy_allows_no_inline_script_no_eval_no_framing() -> None:
    policy = {part.split(" ")[0]: part.split(" ")[1:] for part in CONTENT_SECURITY_POLICY.split("; ")}
    assert (
        policy["default-src"] == policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    )
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY


async def test_every_route_with_every_method_and_outcome_is_protected(site: Site, ann: User) -> None:
    paths = {path.replace("{account_id}", ann.account["id"]).replace("{intent_id}", "x") for _, path in EXPECTED}
    paths |= {
        "/",
        "/terminal/a/linear/BTCUSDT",
        "/assets/app-1a2b.js",
        "/assets/gone.js",
        "/api/v1/nope",
        "/openapi.json",
    }
    paths |= {"/api/v1/accounts/not-a-uuid/orders", "/api", "/docs", "/redoc", "/%00", "/..%2f..%2fetc%2fpasswd"}
    seen = set()
    for path in sorted(paths):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            for http in (site.browser(), ann.http) if path != "/api/v1/logout" else (site.browser(),):
                async with http.request(method, path, data=b"{not json" if method != "GET" else None) as response:
                    await response.read()
                    assert_protected(response)
                    seen.add(response.status)
                    if path == "/readyz" and response.status == 503:
                        continue  # its own answer: the kit has no worker
                    assert response.status < 500, path
                    if response.status >= 400 and method != "HEAD":
                        assert response.content_type == "application/problem+json", (method, path)
    assert {200, 401, 404, 405, 422} <= seen


async def test_an_unexpected_error_is_a_protected_problem_that_tells_nothing(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret is 4711")

    monkeypatch.setattr(TickerCache, "all", broken)
    with structlog.testing.capture_logs() as logs:
        async with ann.http.get("/api/v1/tickers") as response:
            assert_protected(response)
            await problem(response, 500, "internal")
            assert "4711" not in await response.text()
    assert [(each["event"], each["path"]) for each in logs] == [("web.unexpected", "/api/v1/tickers")]


async def test_a_database_that_is_away_is_a_protected_503(
    site: Site, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(queries, "accounts", away)
    async with ann.http.get("/api/v1/accounts") as response:
        assert_protected(response)
        assert (await problem(response, 503, "database.unavailable")).retryable


WRITES = sorted((method, path) for method, path in EXPECTED if method != "GET")
FOREIGN_ORIGINS = [
    "https://evil.example",
    "null",
    "",
    "http://127.0.0.1",  # another port is another origin
    "http://127.0.0.1:1",
    "https://127.0.0.1:{port}",
    "http://localhost:{port}",  # not the name that this request was sent to
    "http://127.0.0.1:{port}.evil.example",
    "http://evil.example/http://127.0.0.1:{port}",
    "file://",
]


async def test_every_write_from_another_origin_is_refused_and_does_nothing(site: Site, ann: User) -> None:
    cookie = {"Cookie": f"tradewright_{site.port}={ann.token}"}
    for method, url in ((method, path.replace("{account_id}", ann.account["id"])) for method, path in WRITES):
        for origin in FOREIGN_ORIGINS:
            headers = {"Origin": origin.format(port=site.port), "Sec-Fetch-Site": "cross-site"}
            async with ann.http.request(method, url, json=place_body(), headers=headers) as response:
                assert_protected(response)
                await problem(response, 403, "request.origin_refused")
        # A browser that hides its origin.
        headers = {"Sec-Fetch-Site": "cross-site", **cookie}
        async with raw(site).request(method, url, json=place_body(), headers=headers) as response:
            await problem(response, 403, "request.origin_refused")
    async with ann.http.get("/api/v1/accounts") as response:
        assert response.status == 200  # nobody was logged out
    assert await site.count("intents") == 0


async def test_two_origins_are_refused(site: Site, ann: User) -> None:
    headers = [
        ("Origin", site.base),
        ("Origin", "https://evil.example"),
        ("Cookie", f"tradewright_{site.port}={ann.token}"),
    ]
    async with raw(site).post("/api/v1/logout", headers=headers) as response:
        await problem(response, 403, "request.origin_refused")


async def test_a_program_without_origin_may_write(site: Site, ann: User) -> None:
    headers = {"Cookie": f"tradewright_{site.port}={ann.token}"}
    async with raw(site).post("/api/v1/logout", headers=headers) as response:
        assert response.status == 204


async def test_a_form_of_another_site_cannot_pass_as_json(site: Site, ann: User) -> None:
    """Even with the right origin: a body that is not declared JSON is not read as JSON."""
    headers = {"Content-Type": "text/plain"}
    async with ann.http.post(f"{ann.account_path}/intents", data=b'{"kind": "cancel"}', headers=headers) as response:
        await problem(response, 422, "input.invalid")


async def test_a_stream_from_another_origin_is_refused_at_the_handshake(site: Site, ann: User) -> None:
    for origin in filter(None, FOREIGN_ORIGINS):
        headers = {"Origin": origin.format(port=site.port)}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await ann.http.ws_connect("/api/v1/stream", headers=headers)
        assert refused.value.status == 403
        assert refused.value.headers is not None
        assert refused.value.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.2:{port}",
    "[::2]:{port}",
    "localhost@evil.example",
    "localhost:{port}@evil.example",
    "localhost.",
    "0.0.0.0:{port}",
]


async def test_a_request_for_another_host_is_refused(site: Site, ann: User) -> None:
    for host in (each.format(port=site.port) for each in FOREIGN_HOSTS):
        headers = {"Host": host, "Origin": f"http://{host}"}
        for method, path in (
            ("GET", "/api/v1/accounts"),
            ("GET", "/"),
            ("GET", "/healthz"),
            ("POST", "/api/v1/logout"),
        ):
            async with ann.http.request(method, path, headers=headers) as response:
                assert_protected(response)
                await problem(response, 421, "request.host_refused")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await ann.http.ws_connect("/api/v1/stream", headers=headers)
        assert refused.value.status == 421


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("192.168.1.5:8787", True), ("192.168.1.5", True), ("192.168.1.6:8787", False), ("evil.example", False)],
)
def test_in_a_network_the_address_that_a_request_came_to_is_ours_and_no_name_that_leads_there(
    host: str, is_ours: bool
) -> None:
    scope = {"server": ("192.168.1.5", 8787), "headers": [(b"host", host.encode())]}
    assert host_is_ours(scope, frozenset()) == is_ours


async def test_our_own_names_and_the_configured_one_are_served(site: Site) -> None:
    for host in ("localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}", "trade.example"):
        name = host.format(port=site.port)
        async with raw(site).get("/healthz", headers={"Host": name}) as response:
            assert response.status == 200
        body = {"username": "nobody", "password": "a wrong password"}
        headers = {"Host": name, "Origin": f"http://{name}".lower(), "Sec-Fetch-Site": "same-origin"}
        async with raw(site).post("/api/v1/login", json=body, headers=headers) as response:
            assert response.status == 401  # it got as far as the password


async def test_a_body_over_the_limit_is_413_declared_or_not(site: Site, ann: User) -> None:
    async def endless() -> object:
        for _ in range(1_600):  # 100 MB, if anybody would take it
            yield b"x" * 65_536

    for data in (b"x" * (BODY_BYTES_MAX + 1), endless()):
        async with ann.http.post("/api/v1/login", data=data) as response:
            assert_protected(response)
            await problem(response, 413, "request.too_large")
    async with ann.http.post("/api/v1/login", data=b"x" * BODY_BYTES_MAX) as response:
        assert response.status == 422  # just within: taken, and found not to be JSON


async def test_a_hundred_megabytes_are_answered_early_and_not_kept(site: Site) -> None:
    """By hand, to see the answer come before the body has been sent, and the memory stay where it was."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"POST /api/v1/login HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Length: 100000000\r\n\r\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
    assert answer.startswith(b"HTTP/1.1 413")
    for _ in range(100):
        writer.write(b"x" * 1_000_000)
        await writer.drain()
    await asyncio.wait_for(reader.read(), 10)  # to the end: the server closes
    writer.close()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 <= 20  # MB


async def test_absurdly_long_addresses_are_refused(site: Site) -> None:
    async with raw(site).get(f"/{'x' * 5_000}") as response:
        assert_protected(response)
        await problem(response, 414, "request.too_long")


async def test_nothing_for_developers_is_open(site: Site) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect", "/debug", "/metrics.txt"):
        async with site.browser().get(path, headers={"Accept": "text/html"}) as response:
            assert "swagger" not in (await response.text()).lower()


def test_over_https_the_header_for_it_is_sent_and_the_cookie_is_bound_to_the_host() -> None:
    named, local = [(b"host", b"trade.example:8787")], [(b"host", b"localhost:8787")]
    names = dict(security_headers({"scheme": "https", "headers": named}))
    assert names[b"strict-transport-security"] == b"max-age=31536000"
    assert b"strict-transport-security" not in dict(security_headers({"scheme": "http", "headers": named}))
    assert b"strict-transport-security" in dict(security_headers({"scheme": "wss", "headers": named}))
    # It would hold for every other program's page on this machine.
    assert b"strict-transport-security" not in dict(security_headers({"scheme": "https", "headers": local}))


async def test_a_page_that_was_not_built_says_how(engine: AsyncEngine, database_url: str) -> None:
    async with started_site(engine, database_url, page={}) as site:
        async with site.browser().get("/", headers={"Accept": "text/html"}) as response:
            assert response.status == 503
            assert_protected(response)
            assert "make setup" in await response.text()
        async with site.browser().get("/healthz") as response:
            assert response.status == 200


def raw(site: Site) -> aiohttp.ClientSession:
    """A client that adds neither Origin nor Sec-Fetch-Site."""
    session = aiohttp.ClientSession(site.base, cookie_jar=aiohttp.DummyCookieJar())
    site.sessions.append(session)
    return session
