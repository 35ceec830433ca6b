"""An account whose key may only read, in a whole installation: it is watched, and nothing is sent that would change it.

Real processes and sockets; the exchange plays live, and refuses what the key may not, as Bybit does.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_real_money import ask, order, position, refused
from support.connecting import CONNECTIONS, accounts, concluded, read_connection, until_session
from support.installation import Installation, installed, wait_for
from support.live_exchange import NAME, LiveExchange, arm, arming, lists_instruments, live_exchange

READ_ONLY = "connection.read_only"


@pytest.fixture(scope="module")
def exchange() -> Iterator[LiveExchange]:
    with live_exchange() as playing:
        yield playing


@pytest.fixture(scope="module")
def running(exchange: LiveExchange) -> Iterator[Installation]:
    with installed(environment=exchange.environment(real_trading=True)) as installation:
        installation.claim()
        yield installation


def view(running: Installation, account: str) -> Any:
    return next(each for each in accounts(running) if each["id"] == account)


def added(running: Installation, pair: dict[str, str]) -> Any:
    body = {"id": str(uuid.uuid4()), "environment": "live", "name": NAME, "key": pair["key"], "secret": pair["secret"]}
    status, answer = running.request("POST", CONNECTIONS, body)
    assert status == 202, answer
    return concluded(running, body["id"])


def changed(running: Installation, connection_id: str, pair: dict[str, str]) -> Any:
    """The connection once the exchange has answered about the new key."""
    body = {"id": str(uuid.uuid4()), "key": pair["key"], "secret": pair["secret"]}
    status, answer = running.request("POST", f"{CONNECTIONS}/{connection_id}/change", body)
    assert status == 202, answer

    def look() -> Any:
        found = read_connection(running, connection_id)
        return found if found["change"] is None or found["change"]["state"] == "refused" else None

    return wait_for(look, "the exchange has answered about the other key")


def foreign_order(running: Installation, account: str, exchange_id: str) -> Any:
    rows = running.table(account, "orders")["orders"]
    return next((each for each in rows if each["exchange_order_id"] == exchange_id), None)


def killed(running: Installation, account: str) -> Any:
    status, answer = running.request("GET", "/api/v1/kill")
    assert status == 200, answer
    return next((each for each in answer["accounts"] if each["account_id"] == account), None)


def test_a_key_that_may_only_read_shows_its_account_and_sends_nothing_until_it_is_changed(
    running: Installation, exchange: LiveExchange
) -> None:
    exchange.order(qty="0.002")  # by the person's own app
    resting = exchange.order(orderType="Limit", price="10000")

    connection = added(running, exchange.keys["read_only"])
    assert (connection["state"], connection["reason"]) == ("ok", None)
    assert connection["key_facts"]["read_only"]
    assert READ_ONLY in [each["code"] for each in connection["warnings"]]
    account = str(connection["account_id"])
    until_session(running, account, "ready")
    wait_for(lambda: lists_instruments(running), "the live market's instruments are there")
    assert view(running, account)["read_only"]

    # It is watched.
    wait_for(lambda: position(running, account) == "0.002", "the position is seen")
    shown = wait_for(lambda: foreign_order(running, account, resting), "the order is seen")
    assert running.table(account, "balances")["balances"]["coins"]
    exchange.order(qty="0.001")
    wait_for(lambda: position(running, account) == "0.003", "what happens elsewhere is told by the stream")

    # Nothing is sent for it, what reduces neither.
    about = {"category": "linear", "symbol": "BTCUSDT"}
    tries = [
        order(running, account),
        order(running, account, side="Sell", reduce_only=True),
        ask(running, account, "cancel", order_id=shown["id"]),
        ask(running, account, "amend", order_id=shown["id"], quantity="0.002"),
        ask(running, account, "close", **about, side="Buy", percent="100"),
        ask(running, account, "exits", **about, stop_loss="9000"),
        ask(running, account, "leverage", **about, leverage="3"),
    ]
    assert {each["reason"]["code"] for each in tries} == {READ_ONLY}
    assert foreign_order(running, account, resting)["status"] == "working", "nobody seems to cancel it"
    assert ("arming.key_read_only", "key") in {
        (each["code"], each["field"]) for each in arming(running, account)["missing"]
    }
    assert arm(running, account)[0] == 422

    # The kill switch says that it cannot, and what it leaves.
    take_down = {"id": str(uuid.uuid4()), "close_positions": True}
    status, answer = running.request("POST", f"/api/v1/accounts/{account}/take-down", take_down)
    assert (status, answer["code"]) == (409, READ_ONLY)
    kill = {"scope": "account", "account_id": account, "close_positions": True}
    assert running.request("POST", "/api/v1/kill", kill)[0] == 200
    told = wait_for(lambda: (found := killed(running, account)) and found["fault"] and found, "the kill says so")
    assert (told["state"], told["fault"], told["orders"], told["positions"]) == ("failing", READ_ONLY, 1, 1)
    assert running.request("POST", "/api/v1/kill/release", {"scope": "account", "account_id": account})[0] == 200
    assert foreign_order(running, account, resting)["status"] == "working"
    assert position(running, account) == "0.003"
    assert "exchange.refused" not in running.log("worker")

    # Another key of the same account, and it is one like any other; a key that only reads does not take its place.
    connection = changed(running, connection["id"], exchange.keys["trading"])
    assert (connection["state"], connection["change"], connection["key_facts"]["read_only"]) == ("ok", None, False)
    wait_for(lambda: not view(running, account)["read_only"], "the account is no more only watched")
    until_session(running, account, "ready")
    assert refused(order(running, account)) == "account.not_armed"
    assert ask(running, account, "cancel", order_id=shown["id"])["reason"] is None
    wait_for(lambda: foreign_order(running, account, resting)["status"] == "cancelled", "it is cancelled")
    connection = changed(running, connection["id"], exchange.keys["read_only"])
    assert (connection["state"], connection["change"]["reason"]["code"]) == ("ok", "connection.read_only_change")
    assert not view(running, account)["read_only"]
