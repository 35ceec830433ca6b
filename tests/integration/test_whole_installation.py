"""A whole installation, its parts killed one by one: what was true before is true after, and nothing is there twice.

The truth is the simulated exchange's own REST and log. Real processes, real SIGKILLs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.installation import Installation, installed, wait_for

ROOT = Path(__file__).parents[2]
# Nothing is called not placed within a test, however slow the machine: what is hidden stays unknown until it is shown.
UNHURRIED = {"TRADEWRIGHT_SETTLING_MARGIN_S": "600"}


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with installed(environment=UNHURRIED) as installation:
        installation.claim()
        yield installation


@pytest.fixture
def account(running: Installation) -> str:
    return running.account()


def passive_price(running: Installation) -> str:
    """A price for a buy that the market does not reach within a test: 20 % below the last."""
    return str((Decimal(running.last_price()) * Decimal("0.8")).quantize(Decimal(1)))


def tables(running: Installation, account: str) -> dict[str, Any]:
    """What the page shows, without what moves with the market."""
    position_fields = ("symbol", "side", "size", "entry_price", "realised_pnl")
    return {
        "orders": {
            order["id"]: (order["status"], order["filled_quantity"], order["exchange_order_id"])
            for order in running.table(account, "orders")["orders"]
        },
        "positions": [
            {name: position[name] for name in position_fields}
            for position in running.table(account, "positions")["positions"]
        ],
        "fills": {fill["id"]: fill for fill in running.table(account, "fills")["fills"]},
        "wallet": [
            (coin["coin"], coin["wallet_balance"]) for coin in running.table(account, "balances")["balances"]["coins"]
        ],
    }


def drift_count(running: Installation) -> int:
    return int(running.request("GET", "/api/v1/accounts")[1]["accounts"][0]["drift_count"])


def test_a_market_order_fills_because_the_exchange_said_so(running: Installation, account: str) -> None:
    intent, status, answer = running.place(account)
    assert status in (200, 202), answer
    filled = running.until(account, intent, "filled")
    there = running.orders_at_exchange(filled["order"]["link_id"])
    assert [order["orderStatus"] for order in there] == ["Filled"]
    assert Decimal(there[0]["cumExecQty"]) == Decimal(filled["order"]["filled_quantity"]) == Decimal("0.01")
    fills = [f for f in running.table(account, "fills")["fills"] if f["order_id"] == intent]
    executions = running.exchange_get("/v5/execution/list", category="linear", orderId=there[0]["orderId"])["list"]
    assert {f["id"] for f in fills} == {e["execId"] for e in executions}
    assert sum(Decimal(f["quantity"]) for f in fills) == Decimal("0.01")


def test_a_limit_order_rests_and_a_cancel_ends_it(running: Installation, account: str) -> None:
    intent, status, answer = running.limit(account, passive_price(running))
    assert status in (200, 202), answer
    working = running.until(account, intent, "working")
    seen = [step["status"] for step in working["history"]]
    assert seen == ["sending", "acknowledged", "working"]
    _, status, answer = running.cancel(account, intent)
    assert status in (200, 202), answer
    assert answer["status"] in ("cancel_requested", "cancelled")
    cancelled = running.until(account, intent, "cancelled")
    assert "cancel_requested" in [step["status"] for step in cancelled["history"]]
    assert running.orders_at_exchange(cancelled["order"]["link_id"])[0]["orderStatus"] == "Cancelled"


def _once_known(running: Installation, account: str, intent_id: str) -> Any:
    answer = running.intent(account, intent_id)
    return None if answer["status"] in ("proposed", "approved", "sending", "unknown") else answer


def test_every_kind_of_wish_becomes_what_the_exchange_holds(running: Installation, account: str) -> None:
    """From the API to the exchange and back: amend, exits, leverage, trigger, close, reverse, spot, cancel-all."""
    symbol = {"category": "linear", "symbol": "BTCUSDT"}
    low, lower = passive_price(running), str(Decimal(passive_price(running)) - 100)
    high = str((Decimal(running.last_price()) * Decimal("1.2")).quantize(Decimal(1)))

    def ask(kind: str, **fields: Any) -> Any:
        body = {"id": str(uuid.uuid4()), "kind": kind, **fields}
        status, answer = running.request("POST", f"/api/v1/accounts/{account}/intents", body)
        if status == 202:  # not known within two seconds: a slow machine
            answer = wait_for(lambda: _once_known(running, account, body["id"]), f"what became of the {kind} is known")
        assert status in (200, 202), answer
        return answer

    def position() -> Any:
        _, answer = running.request("POST", f"/api/v1/accounts/{account}/reconcile", symbol)
        assert answer["done"], answer
        held = running.table(account, "positions")["positions"]
        return held[0] if held else None

    before = position()
    if before is not None:
        ask("close", **symbol, side=before["side"])
        wait_for(lambda: position() is None, "what was held before is closed")
    assert ask("leverage", **symbol, leverage="7")["position"]["leverage"] == "7"
    resting, _, _ = running.limit(account, low)
    running.until(account, resting, "working")
    ask("amend", order_id=resting, price=lower, quantity="0.02")
    amended = running.until(account, resting, "working")["order"]
    there = running.orders_at_exchange(amended["link_id"])
    assert [(Decimal(row["price"]), Decimal(row["qty"])) for row in there] == [(Decimal(lower), Decimal("0.02"))]

    entry, _, _ = running.place(account, quantity="0.02", stop_loss={"trigger_price": low})
    running.until(account, entry, "filled")
    wait_for(lambda: (position() or {}).get("stop_loss") == low, "the stop of the entry is the position's")
    legs = [row for row in running.table(account, "orders")["orders"] if row["source"] == "attached"]
    assert [(leg["stop_order_type"], leg["parent_order_id"]) for leg in legs] == [("StopLoss", entry)]
    moved = ask("exits", **symbol, stop_loss=lower, take_profit=high)["position"]
    assert (moved["stop_loss"], moved["take_profit"]) == (lower, high)

    stop, _, _ = running.limit(account, high, trigger={"price": high, "by": "LastPrice", "rises": True})
    running.until(account, stop, "waiting_trigger")
    running.until(account, ask("close", **symbol, side="Buy", percent="50")["intent_id"], "filled")
    wait_for(lambda: (position() or {}).get("size") == "0.01", "half of it is closed")
    running.until(account, ask("reverse", **symbol, side="Buy", size="0.01")["intent_id"], "filled")
    wait_for(lambda: (position() or {}).get("side") == "Sell", "it is turned")

    coins, _, _ = running.place(account, category="spot", quantity="150", quantity_unit="quote")
    bought = Decimal(running.until(account, coins, "filled")["order"]["filled_quantity"])
    offer, _, _ = running.limit(account, high, category="spot", side="Sell", quantity="0.001")
    running.until(account, offer, "working")
    held = {coin["coin"]: coin for coin in running.table(account, "balances")["balances"]["coins"]}
    assert Decimal(held["BTC"]["wallet_balance"]) < bought, "the fee is in the coin that was bought"
    wait_for(
        lambda: any(
            (coin["coin"], coin["locked"]) == ("BTC", "0.001")
            for coin in running.table(account, "balances")["balances"]["coins"]
        ),
        "the coins on offer are locked",
    )

    status, answer = running.request("POST", f"/api/v1/accounts/{account}/cancel-all", {"id": str(uuid.uuid4())})
    assert status == 200, answer
    assert {resting, stop, offer} <= {cancel["order_id"] for cancel in answer["cancels"]}
    for intent in (resting, stop, offer):
        running.until(account, intent, "cancelled")
    running.until(account, ask("close", **symbol, side="Sell")["intent_id"], "filled")
    wait_for(lambda: position() is None, "nothing is held")
    assert drift_count(running) == 0


@pytest.mark.parametrize("part", ["worker", "exchange", "api", "whole"])
def test_after_a_kill_everything_is_as_before(running: Installation, account: str, part: str) -> None:
    resting, _, _ = running.limit(account, passive_price(running))
    running.until(account, resting, "working")
    bought, _, _ = running.place(account)
    running.until(account, bought, "filled")
    before = wait_for(lambda: _settled(running, account, bought), "the fill is in the tables")
    if part == "whole":
        running.kill_whole()
        running.start()
    else:
        old = running.kill(part)
        wait_for(lambda: running.pid_of(part) != old, f"a new {part}")
        if part == "api":
            wait_for(lambda: _serves(running), "the API serves again")
    account_again = running.account()
    assert account_again == account
    # Another order shows that the account's session is truly back, then the tables are compared without it.
    after_kill, status, answer = running.limit(account, passive_price(running))
    assert status in (200, 202), answer
    running.until(account, after_kill, "working")
    running.cancel(account, after_kill)
    running.until(account, after_kill, "cancelled")
    after = tables(running, account)
    del after["orders"][after_kill]
    assert after == before
    assert drift_count(running) == 0
    open_there = running.exchange_get("/v5/order/realtime", category="linear", settleCoin="USDT")["list"]
    assert resting in {order_id for order_id, row in after["orders"].items() if row[0] == "working"}
    assert len(open_there) == sum(row[0] == "working" for row in after["orders"].values())
    running.cancel(account, resting)
    running.until(account, resting, "cancelled")


def test_a_swallowed_reply_is_unknown_then_found_and_exists_once(running: Installation, account: str) -> None:
    _swallow(running, hide_ms=600_000)
    intent, status, answer = running.limit(account, passive_price(running))
    assert status == 202, answer
    running.until(account, intent, "unknown")
    running.exchange_control("POST", "/sim/faults", {"kind": "show_orders"})
    found = running.until(account, intent, "working", "acknowledged")
    assert "unknown" in [step["status"] for step in found["history"]]
    assert len(running.orders_at_exchange(found["order"]["link_id"])) == 1
    assert _accepted_creates(running, found["order"]["link_id"]) == 1
    running.until(account, intent, "working")
    running.cancel(account, intent)
    running.until(account, intent, "cancelled")


def test_a_worker_killed_before_the_reply_neither_loses_nor_doubles_the_order(
    running: Installation, account: str
) -> None:
    _swallow(running, hide_ms=4000, hang=True)
    intent, status, answer = running.limit(account, passive_price(running))
    assert status == 202, answer
    assert answer["status"] == "sending"
    wait_for(lambda: _accepted_creates(running, "tw" + intent.replace("-", "")) == 1, "the exchange has taken it")
    old = running.kill("worker")
    wait_for(lambda: running.pid_of("worker") != old, "a new worker")
    found = running.until(account, intent, "working")
    assert "unknown" in [step["status"] for step in found["history"]]
    assert len(running.orders_at_exchange(found["order"]["link_id"])) == 1
    assert _accepted_creates(running, found["order"]["link_id"]) == 1
    running.cancel(account, intent)
    running.until(account, intent, "cancelled")


def test_the_same_intent_posted_again_is_the_same_order(running: Installation, account: str) -> None:
    price = passive_price(running)
    intent, _, _ = running.limit(account, price)
    working = running.until(account, intent, "working")
    _, status, answer = running.limit(account, price, id=intent)
    assert (status, answer["intent_id"]) == (200, intent)
    _, status, answer = running.limit(account, price, id=intent, quantity="0.02")
    assert (status, answer["code"]) == (409, "intent.conflict")
    assert _accepted_creates(running, working["order"]["link_id"]) == 1
    running.cancel(account, intent)
    running.until(account, intent, "cancelled")


def _settled(running: Installation, account: str, bought: str) -> dict[str, Any] | None:
    """The tables, once the fill of `bought` and the position after it have arrived."""
    before = tables(running, account)
    there = running.exchange_get("/v5/position/list", category="linear", settleCoin="USDT")["list"]
    sizes = {row["symbol"]: Decimal(row["size"]) for row in there}
    ours = {row["symbol"]: Decimal(row["size"]) for row in before["positions"]}
    booked = any(fill["order_id"] == bought for fill in before["fills"].values())
    wallet = running.exchange_get("/v5/account/wallet-balance", accountType="UNIFIED")["list"][0]["coin"]
    same_wallet = {row["coin"]: Decimal(row["walletBalance"]) for row in wallet} == {
        coin: Decimal(balance) for coin, balance in before["wallet"]
    }
    return before if booked and ours == sizes and same_wallet else None


def _serves(running: Installation) -> bool:
    try:
        return running.request("GET", "/readyz")[0] == 200
    except OSError:
        return False


def _swallow(running: Installation, *, hide_ms: int, hang: bool = False) -> None:
    running.exchange_control(
        "POST",
        "/sim/faults",
        {"kind": "swallow_reply", "path": "/v5/order/create", "count": 1, "hide_ms": hide_ms, "hang": hang},
    )


def _accepted_creates(running: Installation, link_id: str) -> int:
    """How many orders with this client id the exchange ever accepted, by its own durable log."""
    entries: list[Any] = []
    while True:
        page = running.exchange_control("GET", f"/sim/log?since={len(entries)}")
        entries += page["entries"]
        if len(entries) >= page["last"]:
            break
    return sum(f'"{link_id}"' in json.dumps(entry) and "order_accepted" in json.dumps(entry) for entry in entries)


def test_a_link_leads_to_the_page_that_runs_whatever_the_shell_says(running: Installation) -> None:
    """`run --port N` in one shell, the command in another that has never heard of N."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
    done = subprocess.run(
        [sys.executable, "-m", "tradewright", "user", "reset-password-link", "anna"],
        env={**environment, "TRADEWRIGHT_HOME": str(running.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"http://localhost:{running.port}/")


def test_stopping_takes_seconds_and_leaves_nothing(running: Installation) -> None:
    began = time.monotonic()
    assert running.stop() == 0
    assert running.pids() == []
    assert time.monotonic() - began < 60  # a bound against hanging, not a measurement
    running.start()


def test_a_demo_order_on_somebody_elses_installation_ends_in_one_sentence(running: Installation) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/demo_order.py"],
        env={**os.environ, "TRADEWRIGHT_HOME": str(running.home), "TRADEWRIGHT_PORT": str(running.port)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip() == (
        "demo-order: somebody else claimed this installation, so there is no scripted user to log in as"
    )
