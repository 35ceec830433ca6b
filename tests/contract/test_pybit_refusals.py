"""What the exchange says to calls it must not obey, seen through unmodified pybit: keys, signatures, clocks, limits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pybit._helpers
import pytest
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP

from support.exchange_process import SECRET, ExchangeProcess, exchange_process
from support.pybit_client import http, refusal, rows

BTC = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    with exchange_process("--state", str(tmp_path_factory.mktemp("exchange"))) as running:
        yield running


@pytest.fixture
def session(exchange: ExchangeProcess) -> HTTP:
    return http(exchange)


def clock_ahead(monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    monkeypatch.setattr(pybit._helpers, "generate_timestamp", lambda: int(time.time() * 1000) + by_ms)


def test_a_wrong_secret_is_told_from_a_wrong_key(exchange: ExchangeProcess) -> None:
    assert refusal(http(exchange, secret="not-the-secret").get_account_info) == 10004
    stranger = http(exchange, key="nobody")
    with pytest.raises((InvalidRequestError, FailedRequestError)) as caught:
        stranger.get_account_info()
    assert caught.value.status_code in (10003, 401)


def test_a_wrong_signature_of_an_order_does_nothing(exchange: ExchangeProcess, session: HTTP) -> None:
    thief = http(exchange, secret=SECRET + "?")
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "10000", "orderLinkId": "stolen"}
    assert refusal(thief.place_order, **BTC, **order) == 10004
    assert rows(session.get_open_orders(category="linear", orderLinkId="stolen")) == []


def test_calls_without_keys_are_refused_and_public_ones_not(exchange: ExchangeProcess) -> None:
    session = HTTP(testnet=False)
    session.endpoint = exchange.rest
    assert rows(session.get_tickers(**BTC))
    with pytest.raises(PermissionError):
        session.get_account_info()


@pytest.mark.parametrize("by_ms", [-6_000, 1_500])
def test_a_clock_that_is_off_is_refused(exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch, by_ms: int) -> None:
    session = http(exchange, retry_codes={30034})  # else pybit tries again by itself
    clock_ahead(monkeypatch, by_ms)
    assert refusal(session.get_account_info) == 10002
    wide = http(exchange, retry_codes={30034}, recv_window=20_000)
    if by_ms < 0:
        assert wide.get_account_info()["retCode"] == 0
    else:
        assert refusal(wide.get_account_info) == 10002  # no window takes a call from the future


def test_pybit_widens_its_window_by_itself(exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_ahead(monkeypatch, -6_000)
    assert http(exchange, retry_delay=0).get_account_info()["retCode"] == 0


def test_too_many_calls_are_refused_and_taken_again_after_the_named_moment(exchange: ExchangeProcess) -> None:
    session = http(exchange, return_response_headers=True, max_retries=1)
    order = {"side": "Buy", "orderType": "Market", "qty": "0.000001"}  # each is refused, and counts all the same
    codes = []
    for _ in range(12):
        try:
            session.place_order(**BTC, **order)
        except InvalidRequestError as error:
            codes.append(error.status_code)
        except FailedRequestError as error:
            codes.append(error.status_code)
    assert 10001 in codes
    patient = http(exchange, return_response_headers=True)
    _, _, headers = patient.get_open_orders(**BTC)
    assert (headers["X-Bapi-Limit"], int(headers["X-Bapi-Limit-Status"]) < 50) == ("50", True)
    placed, _, headers = patient.place_order(**BTC, side="Buy", orderType="Limit", qty="0.01", price="10000")
    assert placed["retCode"] == 0
    assert headers["X-Bapi-Limit"] == "10"
    patient.cancel_all_orders(**BTC)


def test_what_does_not_exist_is_not_found(session: HTTP) -> None:
    with pytest.raises(FailedRequestError) as caught:
        session.get_affiliate_user_info()
    assert caught.value.status_code == 404


def test_a_key_that_may_only_read_trades_nothing(exchange: ExchangeProcess) -> None:
    held = json.loads(Path(exchange.ready["keys_file"]).read_text())["read_only"]
    reader = http(exchange, key=held["key"], secret=held["secret"])
    assert reader.get_api_key_information()["result"]["readOnly"] == 1
    assert rows(reader.get_wallet_balance(accountType="UNIFIED"))
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "10000", "orderLinkId": "read-only"}
    assert refusal(reader.place_order, **BTC, **order) == 10005
    assert rows(reader.get_open_orders(category="linear", orderLinkId="read-only")) == []


def test_parameters_are_named_when_they_are_wrong(session: HTTP) -> None:
    for arguments, named in (
        ({"category": "stock", "symbol": "BTCUSDT"}, "category"),
        ({"category": "linear", "symbol": "btcusdt"}, "symbol"),
    ):
        with pytest.raises(InvalidRequestError, match=named) as caught:
            session.get_orderbook(**arguments)
        assert caught.value.status_code == 10001
    assert refusal(session.get_open_orders, category="linear") == 10001
    assert refusal(session.get_order_history, category="linear", cursor="nonsense!") == 10001
    assert refusal(session.cancel_order, **BTC) == 10001
