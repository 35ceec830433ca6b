"""Real money on a whole installation (promise J8): nothing opens before an owner has armed the account, nor after.

Real processes and sockets; the exchange plays live, and the truth is its own log.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from support.connecting import until_session
from support.installation import Installation, installed, wait_for
from support.live_exchange import (
    LiveExchange,
    add_live,
    arm,
    arming,
    lists_instruments,
    live_exchange,
    set_limits,
    until_ended,
)


@pytest.fixture(scope="module")
def exchange() -> Iterator[LiveExchange]:
    with live_exchange() as playing:
        yield playing


@pytest.fixture(scope="module")
def running(exchange: LiveExchange) -> Iterator[Installation]:
    with installed(environment=exchange.environment(real_trading=True)) as installation:
        installation.claim()
        yield installation


@pytest.fixture(scope="module")
def account(running: Installation, exchange: LiveExchange) -> str:
    added = add_live(running, exchange)
    until_session(running, added, "ready")
    wait_for(lambda: lists_instruments(running), "the live market's instruments are there")
    return added


def last_price(running: Installation) -> float:
    status, answer = running.request("GET", "/api/v1/tickers?category=linear&environment=live")
    assert status == 200, answer
    return float(next(row["last_price"] for row in answer["tickers"] if row["symbol"] == "BTCUSDT"))


def ask(running: Installation, account: str, kind: str, **body: Any) -> Any:
    body = {"id": str(uuid.uuid4()), "kind": kind, **body}
    status, answer = running.request("POST", f"/api/v1/accounts/{account}/intents", body)
    assert status in (200, 202), answer
    return until_over(running, account, body["id"])


def until_over(running: Installation, account: str, intent_id: str) -> Any:
    def look() -> Any:
        found = running.intent(account, intent_id)
        return found if found["status"] not in ("sending", "proposed", "approved") else None

    return wait_for(look, f"it is known what became of {intent_id}")


def order(running: Installation, account: str, **changes: Any) -> Any:
    """A small order: 0.001 BTC at market."""
    intent_id, status, answer = running.place(account, **{"quantity": "0.001", **changes})
    assert status in (200, 202), answer
    return until_over(running, account, intent_id)


def refused(answer: Any) -> str:
    assert answer["status"] == "refused", answer
    return str(answer["reason"]["code"])


def position(running: Installation, account: str) -> str:
    rows = running.table(account, "positions")["positions"]
    return str(rows[0]["size"]) if rows else "0"


def test_a_fresh_account_of_real_money_opens_nothing_whatever_is_tried(
    running: Installation, account: str, exchange: LiveExchange
) -> None:
    passive = str(round(last_price(running) * 0.98))
    exchange.order(qty="0.002")  # by the person's own app: there is a position, and an order from elsewhere
    foreign = exchange.order(orderType="Limit", price=passive)
    wait_for(lambda: position(running, account) == "0.002", "the position is seen")
    tries = [
        order(running, account),
        order(running, account, side="Sell"),
        order(running, account, order_type="Limit", price=passive, time_in_force="GTC"),
        order(running, account, trigger={"price": str(round(last_price(running) * 1.02)), "rises": True}),
        order(running, account, category="spot", quantity="0.0005"),
        ask(running, account, "reverse", category="linear", symbol="BTCUSDT", side="Buy", size="0.002"),
        ask(running, account, "leverage", category="linear", symbol="BTCUSDT", leverage="3"),
    ]
    assert {refused(each) for each in tries} == {"account.not_armed"}

    def external() -> Any:
        rows = running.table(account, "orders")["orders"]
        return next(
            (each for each in rows if each["exchange_order_id"] == foreign and each["status"] == "working"), None
        )

    more = ask(
        running, account, "amend", order_id=wait_for(external, "the foreign order is seen")["id"], quantity="0.002"
    )
    assert more["reason"]["code"] == "account.not_armed"
    # What takes something off goes: a cancel, a stop, a close.
    ask(running, account, "cancel", order_id=external()["id"])
    stop = str(round(last_price(running) * 0.9))
    assert ask(running, account, "exits", category="linear", symbol="BTCUSDT", stop_loss=stop)["reason"] is None
    ask(running, account, "close", category="linear", symbol="BTCUSDT", side="Buy", percent="50")
    wait_for(lambda: position(running, account) == "0.001", "the half was closed")
    kill = {"scope": "account", "account_id": account, "close_positions": True}
    assert running.request("POST", "/api/v1/kill", kill)[0] == 200
    wait_for(lambda: position(running, account) == "0", "the kill has closed the rest")
    assert running.request("POST", "/api/v1/kill/release", {"scope": "account", "account_id": account})[0] == 200
    assert refused(order(running, account)) == "account.not_armed"
    assert exchange.opened() == []


def test_armed_by_its_owner_it_trades_until_the_arming_ends(
    running: Installation, account: str, exchange: LiveExchange
) -> None:
    missing = {each["field"] for each in arming(running, account)["missing"]}
    assert missing == {"limits.order_notional", "limits.position_notional", "limits.daily_loss"}
    status, answer = arm(running, account)
    assert (status, {each["field"] for each in answer["problems"]}) == (422, missing)
    set_limits(running, account)
    for phrase in ("LIVE", "live Real one", "LIVE Real one ", "ЛАЙВ  Real one"):
        status, answer = arm(running, account, phrase=phrase)
        assert (status, [each["code"] for each in answer["problems"]]) == (422, ["arming.phrase_mismatch"])
    status, answer = arm(running, account)
    assert (status, answer["armed"]["by"], answer["missing"]) == (200, "anna", [])

    # The owner hears of it within a second.
    bought = wait_for(lambda: filled(running, account), "an order is filled")
    assert [each["link_id"] for each in exchange.opened()] == [bought["order"]["link_id"]]
    status, answer = running.request(
        "POST", f"/api/v1/accounts/{account}/intents", place(running, "0.009")
    )  # more than 300 USDT, less than 900
    assert (status, answer["problems"][0]["code"]) == (422, "order.confirmation_needed")
    assert len(exchange.opened()) == 1

    # Each of these ends it, and lets what is open be closed.
    status, answer = running.request("POST", f"/api/v1/accounts/{account}/disarm")
    assert (status, answer["armed"], answer["ended"]["why"]) == (200, None, "disarmed")
    wait_for(lambda: is_refused(running, account), "nothing opens")

    assert arm(running, account, lasts_s=5)[0] == 200
    until_ended(running, account, "expired")
    assert refused(order(running, account)) == "account.not_armed"

    assert arm(running, account)[0] == 200
    wait_for(lambda: filled(running, account), "an order is filled")
    set_limits(running, account, order_notional="950")
    until_ended(running, account, "limits_loosened")
    assert refused(order(running, account)) == "account.not_armed"

    assert arm(running, account)[0] == 200
    scope = {"scope": "workspace"}
    assert running.request("POST", "/api/v1/kill", scope)[0] == 200
    assert running.request("POST", "/api/v1/kill/release", scope)[0] == 200
    until_ended(running, account, "killed")
    sent = len(exchange.opened())
    assert refused(order(running, account)) == "account.not_armed"
    assert len(exchange.opened()) == sent
    assert lapses(running, account) == ["expired", "limits_loosened", "killed"]


def test_with_real_trading_off_an_account_that_was_armed_can_only_be_reduced(
    running: Installation, account: str, exchange: LiveExchange
) -> None:
    assert arm(running, account)[0] == 200
    wait_for(lambda: filled(running, account), "an order is filled")
    sent = len(exchange.opened())
    running.stop()
    running.set_environment(TRADEWRIGHT_REAL_TRADING="off")
    running.start()
    wait_for(lambda: "Real trading is off" in running.output(), "whoever started it is told")
    until_session(running, account, "ready")
    until_ended(running, account, "real_trading_off")
    assert refused(order(running, account)) == "account.real_trading_off"
    status, answer = arm(running, account)
    assert (status, answer["code"]) == (409, "account.real_trading_off")
    ask(running, account, "close", category="linear", symbol="BTCUSDT", side="Buy", percent="100")
    wait_for(lambda: position(running, account) == "0", "the position is closed")
    environments = running.request("GET", "/api/v1/environments")[1]["environments"]
    closed = {each["environment"]: each["refusal"] for each in environments if each["environment"] != "sim"}
    assert (closed["live"]["code"], closed["demo"]) == ("connection.live_closed", None)
    assert len(exchange.opened()) == sent


def place(running: Installation, quantity: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "kind": "place",
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "order_type": "Market",
        "quantity": quantity,
        "time_in_force": "IOC",
    }


def filled(running: Installation, account: str) -> Any:
    """A small order that was filled; None: its owner has not heard yet that it may."""
    answer = order(running, account)
    if answer["status"] == "refused":
        assert refused(answer) == "account.not_armed"
        return None
    return running.until(account, answer["intent_id"], "filled")


def is_refused(running: Installation, account: str) -> bool:
    answer = order(running, account)
    return bool(answer["status"] == "refused" and refused(answer) == "account.not_armed")


def lapses(running: Installation, account: str) -> list[str]:
    """Why armings of the account lapsed by themselves, as the audit trail has it, the oldest first."""
    url = json.loads((running.home / "database.json").read_text())["url"]
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT after ->> 'why' FROM audit_entries WHERE action = 'account.arming_lapsed' AND account_id = %s"
            " ORDER BY at, id",
            (account,),
        )
        return [row[0] for row in found]
