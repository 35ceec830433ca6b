"""Where a setting comes from, and what is said of one that is wrong."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradewright.core.errors import StartError
from tradewright.settings import load


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("TRADEWRIGHT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRADEWRIGHT_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_without_anything_the_defaults_are_in_force(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADEWRIGHT_HOME")
    settings = load()
    assert settings.home == home.parent / ".tradewright"
    assert (settings.host, settings.port, settings.market, settings.speed) == ("127.0.0.1", 8787, "synthetic", 1)
    assert settings.database_url is None


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "tradewright.toml").write_text('port = 1111\nseed = 11\nspeed = "2"\nlog_level = "debug"\n')
    monkeypatch.setenv("TRADEWRIGHT_PORT", "2222")
    monkeypatch.setenv("TRADEWRIGHT_SEED", "22")
    settings = load(port=3333, seed=None)
    assert (settings.port, settings.seed, settings.speed, settings.log_level) == (3333, 22, Decimal(2), "debug")


def test_the_file_of_the_home_that_the_command_line_names_is_read(home: Path, tmp_path: Path) -> None:
    (home / "tradewright.toml").write_text("port = 1111\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "tradewright.toml").write_text("port = 4444\n")
    assert load(home=other).port == 4444


def test_where_the_market_begins_has_the_short_name_of_its_option(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(market_from="2022-01-05").market_from == "2022-01-05"
    monkeypatch.setenv("TRADEWRIGHT_FROM", "2022-01-06")
    assert load().market_from == "2022-01-06"


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentences of errors say "leave it empty"."""
    monkeypatch.setenv("TRADEWRIGHT_DATABASE_URL", "")
    monkeypatch.setenv("TRADEWRIGHT_PORT", "")
    settings = load()
    assert (settings.database_url, settings.port) == (None, 8787)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("PORT", "http", "valid integer"),
        ("SPEED", "0", "greater than 0"),
        ("SPEED", "NaN", "finite"),
        ("SEED", "-1", "greater than or equal to 0"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
        ("PLACEMENT", "leases", "'single'"),
        ("OPEN_BROWSER", "perhaps", "boolean"),
        ("SETTLING_MARGIN_S", "601", "less than or equal to 600"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(f"TRADEWRIGHT_{name}", value)
    with pytest.raises(StartError) as failure:
        load()
    assert failure.value.exit_code == 2
    assert f"TRADEWRIGHT_{name} is {value!r}" in str(failure.value)
    assert allowed in str(failure.value)


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWRIGHT_PORT", "0")
    with pytest.raises(StartError, match=r"TRADEWRIGHT_PORT is .*TRADEWRIGHT_SPEED is "):
        load(speed="fast")


@pytest.mark.parametrize("text", ["port = ", "\xff", "port = 1\nport = 2"])
def test_a_file_that_cannot_be_read_is_one_sentence(home: Path, text: str) -> None:
    (home / "tradewright.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(StartError, match=r"tradewright\.toml") as failure:
        load()
    assert failure.value.exit_code == 2


def test_a_database_address_is_shown_nowhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWRIGHT_DATABASE_URL", "postgresql://u:canary-password@db/x")
    settings = load()
    shown: list[Any] = [repr(settings), str(settings), settings.model_dump_json()]
    (home / "tradewright.toml").write_text('database_direct_url = ["postgresql://u:canary-password@db/x"]\n')
    with pytest.raises(StartError) as failure:
        load()
    assert "TRADEWRIGHT_DATABASE_DIRECT_URL" in str(failure.value)
    assert not any("canary-password" in text for text in [*shown, str(failure.value)])


@pytest.mark.parametrize("name", ["PROXY__DEMO", "PROXY__NOWHERE", "PROXY"])
def test_a_wrong_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TRADEWRIGHT_{name}", "ftp://u:canary-password@proxy")
    with pytest.raises(StartError) as failure:
        load()
    assert failure.value.exit_code == 2
    assert "proxy" in str(failure.value).lower()
    assert "canary-password" not in str(failure.value)


@pytest.mark.parametrize(
    "value", ["http://exchange:9300/", "exchange:9300", "ws://exchange:9300", "http://a b", "http://u:p@x"]
)
def test_a_wrong_host_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__REST", value)
    with pytest.raises(StartError, match="TRADEWRIGHT_HOSTS__DEMO__REST is "):
        load()


@pytest.mark.parametrize("between", [",", " ", "\n", " , "])
def test_several_recordings_are_one_market(monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    first, second = "replay:/data/a, b@home.csv.gz@spot:BTCUSDT", "replay:/data/c.jsonl.gz@linear:XRPUSDT"
    monkeypatch.setenv("TRADEWRIGHT_MARKET", f"{first}{between}{second}\n")

    settings = load()

    assert settings.markets == (first, second)
    assert settings.market_name == "Replay a, b and 1 more"
    assert load(market=first).markets == (first,)
    assert load().exchange_state != load(market=first).exchange_state


def test_the_settings_file_may_list_recordings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADEWRIGHT_MARKET", raising=False)
    home.mkdir(parents=True, exist_ok=True)
    (home / "tradewright.toml").write_text('market = ["replay:/a.csv.gz@spot:BTCUSDT", "replay:/b.csv.gz"]')

    assert load().markets == ("replay:/a.csv.gz@spot:BTCUSDT", "replay:/b.csv.gz")


def test_mirrored_listings_are_one_market() -> None:
    settings = load(market="mirror@linear:BTCUSDT,mirror@spot:ETHUSDT")
    assert settings.markets == ("mirror@linear:BTCUSDT", "mirror@spot:ETHUSDT")
    assert (settings.market_name, load(market="mirror").markets) == ("Mirror of the real market", ("mirror",))


def test_each_market_has_a_folder_and_a_name_of_its_own(home: Path) -> None:
    markets = [
        load(),
        load(seed=2),
        load(market="replay:/data/btc.csv.gz@linear:BTCUSDT"),
        load(market="replay:/data/btc.csv.gz@linear:BTCUSDT", market_from="2022-01-05"),
        load(market="synthetic:600"),
    ]
    assert len({market.exchange_state for market in markets}) == len(markets)
    assert all(market.exchange_state.is_relative_to(home / "exchange") for market in markets)
    assert [market.market_name for market in markets] == [
        "Simulated",
        "Simulated, seed 2",
        "Replay btc",
        "Replay btc",
        "Simulated, 600 contracts",
    ]


@pytest.mark.parametrize("text", ["prot = 1111\n", 'from = "2022-01-02"\n'])
def test_a_name_in_the_file_that_is_no_setting_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "tradewright.toml").write_text(text)
    with pytest.raises(StartError, match=r"tradewright\.toml in HOME sets \w+; allowed are .*market_from") as failure:
        load(home=tmp_path)
    assert failure.value.exit_code == 2
