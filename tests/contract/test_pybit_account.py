"""Account, asset, user and position calls of unmodified pybit: each answers, and what it tells fits the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pybit.unified_trading import HTTP

from support.exchange_process import FUNDS, KEY, UNHURRIED, exchange_process
from support.pybit_client import http, once, refusal, rows

BTC = {"category": "linear", "symbol": "BTCUSDT"}
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture(scope="module")
def session() -> Iterator[HTTP]:
    with exchange_process(*UNHURRIED) as exchange:
        exchange.pause()
        yield http(exchange)


@pytest.fixture(scope="module")
def traded(session: HTTP) -> HTTP:
    """The session after five round trips."""
    for number in range(5):
        for side, reduce in (("Buy", False), ("Sell", True)):
            made = session.place_order(
                **BTC, side=side, orderType="Market", qty="0.01", reduceOnly=reduce, orderLinkId=f"trip-{number}-{side}"
            )
            once(lambda: rows(session.get_executions(**BTC, orderId=made["result"]["orderId"])))  # noqa: B023
    return session


def wallet(session: HTTP) -> dict[str, Any]:
    (account,) = rows(session.get_wallet_balance(accountType="UNIFIED"))
    return account | {"coins": {row["coin"]: row for row in account["coin"]}}


def test_the_wallet_holds_what_was_paid_in(session: HTTP) -> None:
    account = wallet(session)
    held = {coin: Decimal(row["walletBalance"]) for coin, row in account["coins"].items()}
    paid_in = {coin: Decimal(amount) for coin, _, amount in (fund.partition("=") for fund in FUNDS)}
    assert {coin: held[coin] for coin in ("USDC", "BTC", "ETH")} == {
        coin: paid_in[coin] for coin in ("USDC", "BTC", "ETH")
    }
    values = sum(Decimal(row["usdValue"]) for row in account["coins"].values())
    assert abs(Decimal(account["totalEquity"]) - values) < 1
    (one,) = rows(session.get_wallet_balance(accountType="UNIFIED", coin="BTC,USDC"))
    assert {row["coin"] for row in one["coin"]} == {"BTC", "USDC"}
    assert refusal(session.get_wallet_balance, accountType="SPOT") == 10001


def test_the_account_and_its_key_say_what_they_are(session: HTTP) -> None:
    info = session.get_account_info()["result"]
    assert (info["unifiedMarginStatus"] in (5, 6), info["marginMode"]) == (True, "REGULAR_MARGIN")
    key = session.get_api_key_information()["result"]
    assert (key["apiKey"], key["readOnly"], key["secret"], key["uta"]) == (KEY, 0, "", 1)
    assert "Order" in key["permissions"]["ContractTrade"]


@pytest.mark.parametrize(
    ("category", "symbol"), [("linear", "BTCUSDT"), ("linear", "BTCPERP"), ("inverse", "BTCUSD"), ("spot", "BTCUSDT")]
)
def test_fees_of_one_and_of_all(session: HTTP, category: str, symbol: str) -> None:
    (one,) = rows(session.get_fee_rates(category=category, symbol=symbol))
    assert 0 < Decimal(one["makerFeeRate"]) <= Decimal(one["takerFeeRate"]) < Decimal("0.01")
    listed = {row["symbol"] for row in rows(session.get_instruments_info(category=category, limit=1000))}
    assert {row["symbol"] for row in rows(session.get_fee_rates(category=category))} >= listed


def test_fees_of_options_are_by_coin(session: HTTP) -> None:
    found = {row["baseCoin"]: row["symbol"] for row in rows(session.get_fee_rates(category="option"))}
    assert found["BTC"] == ""


def test_instruments_of_the_account(session: HTTP) -> None:
    for category in ("linear", "inverse", "spot"):
        row = rows(session.get_account_instruments_info(category=category))[0]
        assert type(row["isPublicRpi"]) is type(row["myRpiPermission"]) is bool
        (public,) = rows(session.get_instruments_info(category=category, symbol=row["symbol"]))
        assert row["priceFilter"] == public["priceFilter"]


def test_the_log_adds_up_to_the_balance_page_by_page(traded: HTTP) -> None:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = traded.get_transaction_log(accountType="UNIFIED", currency="USDT", limit=4, cursor=cursor)["result"]
        found += page["list"]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert len({row["id"] for row in found}) == len(found) >= 11
    assert sum(Decimal(row["change"]) for row in found) == Decimal(found[0]["cashBalance"])
    assert Decimal(found[0]["cashBalance"]) == Decimal(wallet(traded)["coins"]["USDT"]["walletBalance"])
    trades = [row for row in found if row["type"] == "TRADE"]
    for row in trades:
        assert Decimal(row["change"]) == Decimal(row["cashFlow"]) + Decimal(row["funding"] or 0) - Decimal(row["fee"])
    assert rows(traded.get_transaction_log(accountType="UNIFIED", category="linear", type="TRADE", limit=50)) == trades


def test_executions_and_profits_come_page_by_page(traded: HTTP) -> None:
    for call, key in ((traded.get_executions, "execId"), (traded.get_closed_pnl, "orderId")):
        found: list[str] = []
        cursor = ""
        while True:
            page = call(**BTC, limit=2, cursor=cursor)["result"]
            found += [row[key] for row in page["list"]]
            cursor = page["nextPageCursor"]
            if not cursor:
                break
        assert len(set(found)) == len(found) >= 5
        assert found == [row[key] for row in rows(call(**BTC, limit=50))]


def test_spans_of_time_have_rules(traded: HTTP) -> None:
    now = int(time.time() * 1000)
    for call in (traded.get_executions, traded.get_order_history, traded.get_closed_pnl):
        assert rows(call(**BTC, startTime=now - HOUR_MS, endTime=now + HOUR_MS))
        assert rows(call(**BTC, startTime=now - 3 * DAY_MS, endTime=now - 2 * DAY_MS)) == []
        assert refusal(call, **BTC, startTime=now - 8 * DAY_MS, endTime=now) in (10001, 181010)
        assert refusal(call, **BTC, startTime=now, endTime=now - HOUR_MS) in (10001, 181009)


def test_executions_are_filtered(traded: HTTP) -> None:
    (row,) = rows(traded.get_executions(category="linear", orderLinkId="trip-0-Buy"))
    assert (row["orderLinkId"], row["side"], Decimal(row["closedSize"])) == ("trip-0-Buy", "Buy", 0)
    assert rows(traded.get_executions(**BTC, execType="Funding")) == []
    assert len(rows(traded.get_executions(**BTC, execType="Trade", limit=100))) >= 10


def test_profits_are_what_the_log_says(traded: HTTP) -> None:
    closed = rows(traded.get_closed_pnl(**BTC, limit=50))
    assert {row["side"] for row in closed} == {"Sell"}
    changes = rows(traded.get_transaction_log(accountType="UNIFIED", category="linear", type="TRADE", limit=50))
    assert sum(Decimal(row["closedPnl"]) for row in closed) == sum(Decimal(row["change"]) for row in changes)


def test_leverage_and_modes_are_set_once(session: HTTP) -> None:
    for at in ({"category": "linear", "symbol": "ETHUSDT"}, {"category": "inverse", "symbol": "ETHUSD"}):
        session.set_leverage(**at, buyLeverage="7", sellLeverage="7")
        (row,) = rows(session.get_positions(**at))
        assert (row["leverage"], row["side"], Decimal(row["size"])) == ("7", "", 0)
        assert refusal(session.set_leverage, **at, buyLeverage="7", sellLeverage="7") == 110043
        assert refusal(session.set_leverage, **at, buyLeverage="100000", sellLeverage="100000") in (110013, 10001)
        assert refusal(session.set_leverage, **at, buyLeverage="3", sellLeverage="4") == 10001
        (row,) = rows(session.get_positions(**at))
        assert row["leverage"] == "7"


def test_the_margin_mode_is_the_accounts(session: HTTP) -> None:
    isolated = session.set_margin_mode(setMarginMode="ISOLATED_MARGIN")
    assert isolated["result"] == {"reasons": []}
    assert session.get_account_info()["result"]["marginMode"] == "ISOLATED_MARGIN"
    at = {"category": "linear", "symbol": "SOLUSDT"}
    session.place_order(**at, side="Buy", orderType="Market", qty="10")
    before = once(lambda: (row := rows(session.get_positions(**at))[0])["side"] and row)
    changed = session.add_or_reduce_margin(**at, margin="10", positionIdx=0)["result"]
    assert Decimal(changed["positionIM"]) >= Decimal(before["positionIM"])
    session.set_auto_add_margin(**at, autoAddMargin=1, positionIdx=0)
    assert rows(session.get_positions(**at))[0]["autoAddMargin"] == 1
    session.place_order(**at, side="Sell", orderType="Market", qty="10", reduceOnly=True)
    once(lambda: rows(session.get_positions(**at))[0]["side"] == "")
    session.set_margin_mode(setMarginMode="REGULAR_MARGIN")
    assert session.get_account_info()["result"]["marginMode"] == "REGULAR_MARGIN"


def test_positions_are_listed_by_coin(traded: HTTP) -> None:
    traded.place_order(**BTC, side="Buy", orderType="Market", qty="0.02")
    once(lambda: rows(traded.get_positions(**BTC))[0]["side"])
    held = rows(traded.get_positions(category="linear", settleCoin="USDT"))
    assert [(row["symbol"], row["side"], Decimal(row["size"])) for row in held] == [("BTCUSDT", "Buy", Decimal("0.02"))]
    assert rows(traded.get_positions(category="linear", settleCoin="USDC")) == []
    assert rows(traded.get_positions(category="inverse")) == []
    assert rows(traded.get_positions(category="option")) == []
    assert refusal(traded.get_positions, category="linear") == 10001
    assert refusal(traded.get_positions, category="spot", symbol="BTCUSDT") == 10001
    traded.place_order(**BTC, side="Sell", orderType="Market", qty="0.02", reduceOnly=True)
    once(lambda: rows(traded.get_positions(**BTC))[0]["side"] == "")


def test_coins_chains_and_transferable_amounts(session: HTTP) -> None:
    named = {row["coin"] for row in session.get_coin_info()["result"]["rows"]}
    quoted = rows(session.get_instruments_info(category="spot", limit=1000))
    assert named >= {row["baseCoin"] for row in quoted} | {row["quoteCoin"] for row in quoted}
    assert {row["coin"] for row in session.get_coin_info(coin="BTC")["result"]["rows"]} == {"BTC"}
    unified = session.get_coins_balance(accountType="UNIFIED", coin="USDT,BTC")["result"]
    assert {row["coin"] for row in unified["balance"]} == {"USDT", "BTC"}
    assert session.get_coins_balance(accountType="FUND")["result"]["accountType"] == "FUND"
    one = session.get_coin_balance(accountType="UNIFIED", coin="ETH")["result"]["balance"]
    assert (one["coin"], Decimal(one["walletBalance"])) == ("ETH", 200)
    free = session.get_transferable_amount(coinName="ETH,USDC")["result"]
    assert {coin: Decimal(amount) for coin, amount in free["availableWithdrawalMap"].items()}.keys() == {"ETH", "USDC"}
    assert Decimal(free["availableWithdrawalMap"]["ETH"]) == 200


def test_what_an_order_would_do_to_the_margin(session: HTTP) -> None:
    answer = session.pre_check_order(**BTC, side="Buy", orderType="Market", qty="0.1")["result"]
    assert answer["postImrE4"] > answer["preImrE4"] >= 0


def test_orders_may_be_cancelled_on_disconnect(session: HTTP) -> None:
    session.set_dcp(product="DERIVATIVES", timeWindow=40)
    (row,) = (row for row in session.query_dcp_info()["result"]["dcpInfos"] if row["product"] == "DERIVATIVES")
    assert (row["dcpStatus"], row["timeWindow"]) == ("ON", "40")
    assert refusal(session.set_dcp, product="DERIVATIVES", timeWindow=2) == 10001


def test_a_limit_price_beyond_the_band_is_refused_on_demand(session: HTTP) -> None:
    (limit,) = (session.get_price_limit(category="linear", symbol="XRPUSDT")["result"],)
    order = {"category": "linear", "symbol": "XRPUSDT", "side": "Buy", "orderType": "Limit", "qty": "10"}
    beyond = str(Decimal(limit["buyLmt"]) * 2)
    session.set_limit_price_action(category="linear", modifyEnable=False)
    assert session.get_user_setting_config()["result"]["lpaPerp"] is True
    assert refusal(session.place_order, **order, price=beyond) in (110003, 110121)
    session.set_limit_price_action(category="linear", modifyEnable=True)
    assert session.get_user_setting_config()["result"]["lpaPerp"] is False


def asked(session: HTTP, method: str, path: str, **query: Any) -> Any:
    """What pybit has no method for goes by its general one."""
    return session._submit_request(method=method, path=session.endpoint + path, query=query, auth=True)["result"]


def test_leverage_of_one_symbol_and_the_whole_book(session: HTTP) -> None:
    (row, *_) = asked(session, "GET", "/v5/position/symbol-info", category="linear", symbol="BTCUSDT")["list"]
    assert (row["symbol"], row["leverage"]) == ("BTCUSDT", rows(session.get_positions(**BTC))[0]["leverage"])
    whole = asked(session, "GET", "/v5/market/full_orderbook", category="spot", symbol="BTCUSDT")
    best = session.get_orderbook(category="spot", symbol="BTCUSDT", limit=50)["result"]
    assert (whole["b"][:50], whole["a"][:50]) == (best["b"], best["a"])


def test_coins_are_borrowed_and_paid_back(session: HTTP) -> None:
    assert session.borrow(coin="SOL", amount="3")["result"]["coin"] == "SOL"
    row = wallet(session)["coins"]["SOL"]
    assert (Decimal(row["borrowAmount"]), Decimal(row["equity"])) == (3, 0)
    assert session.manual_no_convert_repay(coin="SOL", amount="3")["result"]["resultStatus"] == "SU"
    assert {row["currency"] for row in rows(session.get_borrow_history())} == {"SOL"}
    assert Decimal(wallet(session)["coins"].get("SOL", {"borrowAmount": "0"})["borrowAmount"] or 0) == 0


def test_the_stubs_of_things_this_account_does_not_do(session: HTTP) -> None:
    assert session.get_smp_group()["result"]["smpGroup"] == 0
    assert {row["currency"] for row in rows(session.get_collateral_info())} >= {"BTC", "USDT"}
    assert session.manual_no_convert_repay(coin="USDT")["result"]["resultStatus"] == "SU"
    assert rows(session.get_coin_greeks(baseCoin="BTC")) == []
    assert session.get_option_delivery_record(category="option")["result"]["list"] == []
    assert session.get_usdc_contract_settlement(category="linear")["result"]["list"] == []
    assert session.get_closed_options_positions(category="option")["result"]["list"] == []
    assert session.get_borrow_quota(category="spot", symbol="BTCUSDT", side="Buy")["result"]["symbol"] == "BTCUSDT"
    session.set_collateral_coin(coin="BTC", collateralSwitch="ON")
    session.confirm_new_risk_limit(**BTC)
