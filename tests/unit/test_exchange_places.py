"""Where each exchange is: settings before the exchange's own addresses, regions, public data of demo, proxies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.app.exchanges import ExchangePlaces
from tradewright.core.errors import ExchangeUnavailable, StartError
from tradewright.exchange.bybit.environments import ENVIRONMENTS
from tradewright.exchange.bybit.hosts import belongs_elsewhere
from tradewright.exchange.ports import Endpoints
from tradewright.settings import load

DEMO = Endpoints(
    "https://api-demo.bybit.com", "wss://stream.bybit.com/v5/public", "wss://stream-demo.bybit.com/v5/private"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWRIGHT_HOME", str(tmp_path))


def test_without_a_setting_the_documented_addresses_stand() -> None:
    places = ExchangePlaces(load())
    assert places.endpoints("demo")() == DEMO
    assert places.public_endpoints("demo")().rest == "https://api.bybit.com", "demo trades on the real market's prices"
    assert places.public_endpoints("testnet")().public_stream == "wss://stream-testnet.bybit.com/v5/public"
    assert places.proxy("demo") is None
    regional = places.endpoints("live", "eu")()
    assert (regional.rest, regional.private_stream) == ("https://api.bybit.eu", "wss://stream.bybit.eu/v5/private")


def test_a_host_that_is_set_stands_in_the_place_of_every_region_and_only_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__LIVE__REST", "http://[::1]:9300")
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__REST", "http://127.0.0.1:9400")
    monkeypatch.setenv("TRADEWRIGHT_PROXY__DEMO", "socks5://u:p@127.0.0.1:1080")
    places = ExchangePlaces(load())
    assert places.endpoints("live", "tr")() == Endpoints(
        "http://[::1]:9300", "wss://stream.bybit.tr/v5/public", "wss://stream.bybit.tr/v5/private"
    )
    assert places.endpoints("demo")().rest == "http://127.0.0.1:9400"
    assert places.public_endpoints("demo")().rest == "http://[::1]:9300", "mainnet's, until demo names a public stream"
    assert (places.proxy("demo"), places.proxy("live")) == ("socks5://u:p@127.0.0.1:1080", None)
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__PUBLIC_STREAM", "ws://127.0.0.1:9400/v5/public")
    assert ExchangePlaces(load()).public_endpoints("demo")() == Endpoints(
        "http://127.0.0.1:9400", "ws://127.0.0.1:9400/v5/public", DEMO.private_stream
    )


@pytest.mark.parametrize(
    ("environment", "kind", "address", "owner"),
    [
        ("demo", "REST", "https://api.bybit.com", "live"),
        ("demo", "REST", "http://api.bybit.com:8443/v5", "live"),
        ("demo", "REST", "https://api.bytick.com", "live"),  # its alternative name
        ("demo", "REST", "https://api.bybit.eu", "live"),
        ("demo", "REST", "https://api.manepa.jp:443", "live"),
        ("demo", "REST", "https://api2.bybit.com", "live"),  # in no table, and Bybit's
        ("demo", "REST", "https://api-testnet.bybit.com", "testnet"),
        ("demo", "PRIVATE_STREAM", "wss://stream.bybit.com/v5/private", "live"),
        ("demo", "PRIVATE_STREAM", "wss://stream.bytick.com/v5/private", "live"),
        ("demo", "PUBLIC_STREAM", "wss://stream-testnet.bybit.com/v5/public", "testnet"),
        ("testnet", "REST", "https://api.bybit.com", "live"),
        ("testnet", "REST", "https://api-demo.bybit.com", "demo"),
        ("testnet", "PRIVATE_STREAM", "ws://stream.bybit.tr/v5/private", "live"),
        ("live", "REST", "https://api-demo.bybit.com", "demo"),
        ("live", "PUBLIC_STREAM", "wss://stream-testnet.bybit.com/v5/public", "testnet"),
    ],
)
def test_a_host_that_is_bybits_for_another_environment_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, environment: str, kind: str, address: str, owner: str
) -> None:
    monkeypatch.setenv(f"TRADEWRIGHT_HOSTS__{environment.upper()}__{kind}", address)
    with pytest.raises(StartError, match=f"TRADEWRIGHT_HOSTS__{environment.upper()}__{kind} is .*{owner}") as failure:
        ExchangePlaces(load())
    assert failure.value.exit_code == 2


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("HTTPS://API.Bybit.COM", "live"),
        ("https://api.bybit.com.", "live"),
        ("https://u:p@api.bybit.com.:443/x", "live"),
        ("https://api-demo.bybit.com", None),
        ("https://api.bybit.com.example.org", None),
        ("https://notbybit.com", None),
        ("http://127.0.0.1:9300/api.bybit.com", None),
        ("http://[::1]:9300", None),
    ],
)
def test_whose_a_host_is_does_not_hang_on_how_it_is_written(address: str, owner: str | None) -> None:
    assert belongs_elsewhere(address, "rest", "demo") == owner


@pytest.mark.parametrize(
    ("environment", "kind", "address"),
    [
        ("demo", "REST", "http://127.0.0.1:9300"),
        ("demo", "REST", "https://exchange.example:9300"),
        ("demo", "REST", "https://api-demo.bytick.com"),
        ("demo", "PUBLIC_STREAM", "wss://stream.bybit.com/v5/public"),  # the real market's prices are demo's
        ("testnet", "REST", "https://api-testnet.manepa.jp"),
        ("live", "REST", "https://api.bybit.nl"),
        ("live", "PRIVATE_STREAM", "wss://localhost:9300/v5/private"),
    ],
)
def test_its_own_hosts_loopback_and_hosts_of_nobody_may_be_set(
    monkeypatch: pytest.MonkeyPatch, environment: str, kind: str, address: str
) -> None:
    monkeypatch.setenv(f"TRADEWRIGHT_HOSTS__{environment.upper()}__{kind}", address)
    ExchangePlaces(load())


@pytest.mark.parametrize("address", ["http://u:canary@proxy", "http://canary@proxy:1", "socks5://proxy:1/canary"])
def test_a_proxy_that_cannot_be_one_ends_the_start_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("TRADEWRIGHT_PROXY__TESTNET", address)
    with pytest.raises(StartError, match="TRADEWRIGHT_PROXY__TESTNET: ") as failure:
        ExchangePlaces(load())
    assert "canary" not in str(failure.value)


def test_a_region_that_an_environment_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(ExchangeUnavailable, match=r"demo has no regional host 'tr'; allowed are global"):
        ExchangePlaces(load()).endpoints("demo", "tr")


def test_the_simulated_exchange_is_where_its_ready_file_says(tmp_path: Path) -> None:
    source = ExchangePlaces(load()).endpoints("sim")
    with pytest.raises(ExchangeUnavailable, match="has not said where it listens"):
        source()
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange/ready.json").write_text('{"rest": "http://r", "ws_public": "ws://p", "ws_private": "ws://q"}')
    assert source() == Endpoints("http://r", "ws://p", "ws://q")


def test_every_uncertain_capability_is_one_and_every_environment_has_a_usual_region() -> None:
    for facts in ENVIRONMENTS.values():
        assert next(iter(facts.regions)) == "global"
        assert all(hasattr(facts.capabilities, name) for name in facts.uncertain)
