"""What the composition root hands to whom, and what it makes of what it reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tradewright.app.ground import simulated_endpoints
from tradewright.app.run import _children
from tradewright.core.errors import ExchangeUnavailable
from tradewright.settings import Settings, load
from tradewright.simulator.process import _log_to_stderr

READY = {"rest": "http://127.0.0.1:1", "ws_public": "ws://127.0.0.1:1/p", "ws_private": "ws://127.0.0.1:1/q"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in list(os.environ):
        if name.startswith("TRADEWRIGHT_"):
            monkeypatch.delenv(name)
    (tmp_path / "exchange").mkdir()
    return load(home=tmp_path)


@pytest.fixture
def loggers_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_the_exchange_is_not_told_where_database_and_proxies_are(settings: Settings) -> None:
    environment = {
        "PATH": "/bin",
        "TRADEWRIGHT_DATABASE_URL": "x",
        "TRADEWRIGHT_DATABASE_DIRECT_URL": "x",
        "TRADEWRIGHT_PROXY__DEMO": "http://u:p@proxy:1",
    }
    specs = {spec.name: spec.env for spec in _children(settings, environment, lambda _line: None)}
    assert specs["exchange"] == {"PATH": "/bin"}
    assert specs["worker"] == specs["api"] == environment


def test_a_wish_to_crash_is_for_the_first_worker_alone(settings: Settings) -> None:
    environment = {"PATH": "/bin", "TRADEWRIGHT_CRASH_AT": "answer.received:3", "TRADEWRIGHT_STOP_AT": "facts.taken"}
    specs = {spec.name: spec for spec in _children(settings, environment, lambda _line: None)}
    assert specs["worker"].env == {"PATH": "/bin"}
    assert specs["worker"].env_once == {name: environment[name] for name in environment if name != "PATH"}


def test_an_address_file_that_is_not_whole_says_nothing_and_is_read_again_when_it_is(settings: Settings) -> None:
    """A surprise there must not end the owner of the accounts: the call did not leave, and the next one asks again."""
    endpoints = simulated_endpoints(settings)
    for text in ("{", "[]", json.dumps({"rest": READY["rest"]})):
        settings.exchange_ready_file.write_text(text)
        with pytest.raises(ExchangeUnavailable):
            endpoints()
    settings.exchange_ready_file.write_text(json.dumps(READY))
    assert endpoints().rest == READY["rest"]
    settings.exchange_ready_file.write_text(json.dumps({**READY, "rest": "http://127.0.0.1:2"}))
    os.utime(settings.exchange_ready_file, ns=(1, 1))
    assert endpoints().rest == "http://127.0.0.1:2"


def test_the_exchange_says_what_broke_it(capsys: pytest.CaptureFixture[str], loggers_as_they_were: None) -> None:
    _log_to_stderr()
    try:
        raise OSError("no space left")
    except OSError:
        structlog.get_logger().exception("exchange.broken")
    (line,) = capsys.readouterr().err.splitlines()
    assert "no space left" in json.loads(line)["exception"]
