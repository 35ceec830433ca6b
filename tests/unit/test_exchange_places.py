"""Where each exchange is: settings before the exchange's own addresses, regions, public data of demo, proxies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.app.exchanges import ExchangePlaces
from tradewright.core.errors import ExchangeUnavailable, StartError
from tradewright.exchange.bybit.environments import ENVIRONMENTS
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
