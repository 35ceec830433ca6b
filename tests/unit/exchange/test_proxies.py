"""REST and streams through real proxies: signed in, tunnelled, secured; and what is said of one that does not work."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import aiohttp.connector
import pytest
import uvloop
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.proxies import RunningProxy, running_proxy
from tradewright.core.errors import ExchangeUnavailable, NotSent
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.errors import ProxyUnavailable
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.proxy import BadProxy, Proxy, parse_proxy
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import Endpoints, StreamDown, StreamUp
from tradewright.system import SystemClock
from unit.exchange.conftest import KEY
from unit.exchange.fake_bybit import FakeBybit, envelope, ok
from unit.exchange.fakes import FakeClock, FixedRng, KeptLogs
from unit.exchange.rows import wallet_row

BTC = InstrumentId("linear", "BTCUSDT")
SIGN_IN = ("canary-user", "canary:pass@word/")
QUOTED = "canary-user:canary%3Apass%40word%2F@"
Kind = Literal["http", "socks5"]
KINDS: tuple[Kind, ...] = ("http", "socks5")


def gateway(bybit: FakeBybit, logs: KeptLogs, proxy: str) -> BybitOrderGateway:
    return BybitOrderGateway(bybit.endpoints, KEY, clock=SystemClock(), log=logs.log, proxy=parse_proxy(proxy))


def public_stream(endpoints: Callable[[], Endpoints], logs: KeptLogs, proxy: str, **options: Any) -> BybitPublicStream:
    return BybitPublicStream(
        endpoints, "linear", clock=FakeClock(), rng=FixedRng(), log=logs.log, proxy=parse_proxy(proxy), **options
    )


async def first_event(stream: BybitPublicStream) -> object:
    async with asyncio.timeout(10):
        event: object = await anext(stream.events())
    await stream.close()
    return event


@pytest.mark.parametrize("kind", KINDS)
async def test_calls_and_streams_go_through_the_proxy_that_wants_a_sign_in(
    bybit: FakeBybit, logs: KeptLogs, kind: Kind
) -> None:
    bybit.script["/v5/account/wallet-balance"] = [ok({"list": [wallet_row()]})]
    async with running_proxy(kind, SIGN_IN) as proxy:
        orders = gateway(bybit, logs, proxy.url(QUOTED))
        assert (await orders.wallet()).total_equity is not None
        assert (await orders.wallet()).total_equity is not None
        target = bybit.base.removeprefix("http://")
        assert proxy.tunnels == [target], "one tunnel, kept alive"
        assert await first_event(public_stream(bybit.endpoints, logs, proxy.url(QUOTED))) == StreamUp(1)
        assert proxy.tunnels == [target, target]
        await orders.close()
    assert_says_no_secret(logs)


@pytest.mark.parametrize("kind", KINDS)
def test_proxies_work_on_uvloop_too(kind: Kind) -> None:
    async def scenario() -> None:
        logs = KeptLogs()
        async with FakeBybit().running() as bybit, running_proxy(kind, SIGN_IN) as proxy:
            bybit.script["/v5/account/wallet-balance"] = [ok({"list": [wallet_row()]})]
            orders = gateway(bybit, logs, proxy.url(QUOTED))
            assert (await orders.wallet()).total_equity is not None
            for fast in (True, False):
                stream = public_stream(bybit.endpoints, logs, proxy.url(QUOTED), use_aiofastnet=fast)
                assert await first_event(stream) == StreamUp(1)
            await orders.close()
            assert len(proxy.tunnels) == 3

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["sign-in", "target", "gone"])
async def test_a_proxy_that_does_not_work_is_a_fault_of_the_proxy_and_says_no_password(
    bybit: FakeBybit, logs: KeptLogs, kind: Kind, fault: str
) -> None:
    async with running_proxy(kind, SIGN_IN) as proxy:
        address = proxy.url("canary-user:canary-wrong@" if fault == "sign-in" else QUOTED)
        proxy.reaches_target = fault != "target"
        if fault != "gone":
            await assert_says_so(bybit, logs, address, proxy)
    if fault == "gone":
        await assert_says_so(bybit, logs, address, proxy)
    assert bybit.asked == []
    assert_says_no_secret(logs)


async def assert_says_so(bybit: FakeBybit, logs: KeptLogs, address: str, proxy: RunningProxy) -> None:
    orders = gateway(bybit, logs, address)
    with pytest.raises(ProxyUnavailable) as read:
        await orders.wallet()
    with pytest.raises(NotSent) as command:
        await orders.cancel(BTC, link_id=None, exchange_order_id=ExchangeOrderId("x"))
    await orders.close()
    down = await first_event(public_stream(bybit.endpoints, logs, address))
    assert isinstance(down, StreamDown)
    assert (read.value.code, down.code) == ("link.proxy", "link.proxy")
    for text in (str(read.value), str(command.value), down.reason):
        assert f"{proxy.kind}://127.0.0.1:{proxy.port}" in text
        assert "canary" not in text


def assert_says_no_secret(logs: KeptLogs) -> None:
    assert logs.events
    assert "canary" not in repr(logs.events)


class SecuredExchange:
    """A peer behind TLS with a certificate of its own for `localhost`."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )
        private = serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
        self.certificate.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.certificate)

    async def start(self) -> tuple[web.AppRunner, Endpoints]:
        async def socket(request: web.Request) -> web.StreamResponse:
            response = web.WebSocketResponse()
            await response.prepare(request)
            async for _message in response:
                pass
            return response

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.json_response(envelope({"list": [wallet_row()]}))

        app = web.Application()
        app.router.add_get("/v5/public/{category}", socket)
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.context).start()
        port = runner.addresses[0][1]
        return runner, Endpoints(f"https://localhost:{port}", f"wss://localhost:{port}/v5/public", "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_what_is_secured_is_secured_inside_the_tunnel_and_the_proxy_looks_names_up(
    kind: Kind, loop_factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, logs = SecuredExchange(tmp_path), KeptLogs()

    async def scenario() -> None:
        runner, endpoints = await exchange.start()
        async with running_proxy(kind) as proxy:
            address = proxy.url(scheme="socks5h" if kind == "socks5" else None)
            stranger = gateway_to(endpoints, logs, address)
            with pytest.raises(ExchangeUnavailable, match="certificate"):
                await stranger.wallet()
            await stranger.close()
            assert isinstance(await first_event(public_stream(lambda: endpoints, logs, address)), StreamDown)
            monkeypatch.setattr(
                aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=str(exchange.certificate))
            )
            monkeypatch.setenv("SSL_CERT_FILE", str(exchange.certificate))
            orders = gateway_to(endpoints, logs, address)
            assert (await orders.wallet()).total_equity is not None
            await orders.close()
            for fast in (True, False):
                stream = public_stream(lambda: endpoints, logs, address, use_aiofastnet=fast)
                assert await first_event(stream) == StreamUp(1)
            assert set(proxy.tunnels) == {endpoints.rest.removeprefix("https://")}
        await runner.cleanup()

    with asyncio.Runner(loop_factory=loop_factory) as loop:
        loop.run(scenario())


def gateway_to(endpoints: Endpoints, logs: KeptLogs, proxy: str) -> BybitOrderGateway:
    return BybitOrderGateway(lambda: endpoints, KEY, clock=SystemClock(), log=logs.log, proxy=parse_proxy(proxy))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("https://u:p@10.0.0.1:443/", "https://10.0.0.1:443"),
        ("socks5://u:p%40q@[::1]:1080", "socks5://[::1]:1080"),
        ("socks5h://proxy:1080", "socks5h://proxy:1080"),
    ],
)
def test_an_address_is_shown_without_its_sign_in(text: str, shown: str) -> None:
    proxy = parse_proxy(text)
    assert proxy.shown == shown
    assert parse_proxy(proxy.url).password == proxy.password
    assert "p@q" not in repr(proxy)
    assert "%40" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    [
        *("", "proxy:3128", "ftp://proxy:21", "socks4://proxy:1080", "http://proxy", "http://proxy:0", "http://:3128"),
        *("http://proxy:99999", "http://user@proxy:3128", "http://:canary@proxy:3128", "http://proxy:3128/path"),
        *("http://proxy:3128?x", "http://pro xy:3128", "http://u:canary\x00@proxy:1", "http://prоxy:3128"),
    ],
)
def test_what_is_no_address_of_a_proxy_is_said_without_repeating_it(text: str) -> None:
    with pytest.raises(BadProxy, match=r"expected http, https, socks5, socks5h") as refusal:
        parse_proxy(text)
    assert "canary" not in str(refusal.value)


def test_a_proxy_never_shows_its_password() -> None:
    shown = repr(Proxy("http", "h", 1, "canary", "canary"))
    assert "canary" not in shown
