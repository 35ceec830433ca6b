"""The exchange as Bybit's demo, seen through unmodified pybit: play money on demand, and what demo has not got."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP

from support.exchange_process import exchange_process
from support.pybit_client import http, rows

ITEM = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "20000"}


@pytest.fixture(scope="module")
def session() -> Iterator[HTTP]:
    with exchange_process("--environment", "demo", funds=["USDT=1000"]) as exchange:
        yield http(exchange, retry_codes={30034})  # else pybit waits a minute for the next play money


def apply_money(session: HTTP, **wish: object) -> None:
    path = session.endpoint + "/v5/account/demo-apply-money"
    session._submit_request(method="POST", path=path, query=wish, auth=True)


def test_play_money_comes_once_a_minute(session: HTTP) -> None:
    apply_money(session, adjustType=0, utaDemoApplyMoney=[{"coin": "USDT", "amountStr": "500"}])
    (account,) = rows(session.get_wallet_balance(accountType="UNIFIED", coin="USDT"))
    assert Decimal(account["coin"][0]["walletBalance"]) == 1_500
    with pytest.raises(InvalidRequestError) as caught:
        apply_money(session, adjustType=0, utaDemoApplyMoney=[{"coin": "USDT", "amountStr": "500"}])
    assert caught.value.status_code == 10006


def test_orders_go_alone_and_in_batches_of_contracts(session: HTTP) -> None:
    made = session.place_batch_order(category="linear", request=[ITEM])
    assert [outcome["code"] for outcome in made["retExtInfo"]["list"]] == [0]
    assert len(rows(session.get_open_orders(category="linear", settleCoin="USDT"))) == 1
    session.cancel_all_orders(category="linear", settleCoin="USDT")
    with pytest.raises((InvalidRequestError, FailedRequestError)):
        session.place_batch_order(category="spot", request=[ITEM])


def test_what_demo_has_not_got(session: HTTP) -> None:
    for call in (session.get_fee_rates, session.get_smp_group, session.query_dcp_info, session.get_coin_info):
        with pytest.raises(FailedRequestError) as caught:
            call(**({"category": "linear"} if call == session.get_fee_rates else {}))
        assert caught.value.status_code == 404
