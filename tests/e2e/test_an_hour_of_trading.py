"""A scripted hour of market time with a hundred orders of every kind; then everybody must see the same account.

Unmodified pybit and ccxt ask the exchange, the page shows what our server says: orders, positions, balances, all equal.
The market runs 240 times as fast and is stopped for the comparison. The wishes are drawn from a seed.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from pybit.unified_trading import HTTP

from e2e.conftest import Terminal
from support.installation import FINAL, Installation, installed, wait_for
from support.peers import ask_peer

ORDERS = 100
MARKET_MS = 3_600_000
SPEED = "240"
GRID = {
    ("linear", "BTCUSDT"): (Decimal("0.1"), Decimal("0.001"), "0.02"),
    ("linear", "ETHUSDT"): (Decimal("0.01"), Decimal("0.01"), "0.4"),
    ("linear", "SOLUSDT"): (Decimal("0.01"), Decimal("0.1"), "10"),
    ("spot", "BTCUSDT"): (Decimal("0.01"), Decimal("0.000001"), "0.01"),
    ("spot", "ETHUSDT"): (Decimal("0.01"), Decimal("0.00001"), "0.2"),
}


@pytest.fixture(scope="module")
def traded() -> Iterator[Trader]:
    with installed("--speed", SPEED) as installation:
        installation.claim()
        trader = Trader(installation)
        trader.trade()
        trader.stop_the_market()
        yield trader


class Trader:
    """Asks for one thing after another through the API, as the page does, and keeps count of what."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.account = installation.account()
        installation.widen_limits(self.account)  # ten orders a second is what the exchange takes, and no person
        self.rng = random.Random(1)
        self.asked: Counter[str] = Counter()
        self.answers: list[tuple[str, int, Any]] = []
        self.tickers: dict[tuple[str, str], Decimal] = {}

    def trade(self) -> None:
        kinds: list[Callable[[], None]] = [
            self.market, self.passive_limit, self.crossing_limit, self.fill_or_kill, self.post_only,
            self.crossing_post_only, self.stop_market, self.stop_limit, self.with_exits, self.reduce_only,
            self.close_a_part, self.reverse, self.position_exits, self.leverage, self.amend, self.cancel,
            self.spot_for_an_amount, self.spot_limit, self.spot_sell, self.spot_stop,
        ]  # fmt: skip
        begun = self.market_now()
        # Positions and coins first, so that there is something to reduce, to close and to sell.
        for kind in (self.market, self.market, self.market, self.spot_for_an_amount, self.spot_for_an_amount):
            kind()
        deck: list[Callable[[], None]] = []
        while sum(self.asked.values()) < ORDERS:
            deck = deck or self.rng.sample(kinds, len(kinds))  # each in its turn: what some need is not always there
            deck.pop()()
        assert {kind.__name__ for kind in kinds} <= set(self.asked), f"not every kind came up: {self.asked}"
        wait_for(lambda: self.market_now() - begun >= MARKET_MS, "an hour of market time has passed", seconds=90)

    def market_now(self) -> int:
        return int(self.installation.exchange_control("GET", "/sim/clock")["market_now_ms"])

    def stop_the_market(self) -> None:
        """Nothing moves any more; the last reports arrive, and the account is read whole once."""
        self.installation.exchange_control("POST", "/sim/market", {"do": "pause"})
        time.sleep(1.0)  # what is under way on the exchange's side: 30 ms each
        status, answer = self.installation.request(
            "POST", f"/api/v1/accounts/{self.account}/reconcile", {"category": None, "symbol": None}
        )
        assert (status, answer["done"]) == (200, True), answer
        assert answer["account"]["drift_count"] == 0, self.installation.log("worker")[-3000:]

    # The kinds of wishes.

    def market(self) -> None:
        instrument = self.some("linear")
        self.place(
            "market", instrument, order_type="Market", time_in_force="IOC", side=self.side(), slippage_percent="1"
        )

    def passive_limit(self) -> None:
        instrument, side = self.some("linear"), self.side()
        self.place("passive_limit", instrument, side=side, price=self.near(instrument, -self.away(side)))

    def crossing_limit(self) -> None:
        instrument, side = self.some("linear"), self.side()
        self.place(
            "crossing_limit", instrument, side=side, price=self.near(instrument, self.away(side)), time_in_force="IOC"
        )

    def fill_or_kill(self) -> None:
        instrument, side = self.some("linear"), self.side()
        self.place(
            "fill_or_kill", instrument, side=side, price=self.near(instrument, self.away(side)), time_in_force="FOK"
        )

    def post_only(self) -> None:
        instrument, side = self.some("linear"), self.side()
        self.place(
            "post_only", instrument, side=side, price=self.near(instrument, -self.away(side)), time_in_force="PostOnly"
        )

    def crossing_post_only(self) -> None:
        instrument, side = self.some("linear"), self.side()
        self.place(
            "crossing_post_only",
            instrument,
            side=side,
            price=self.near(instrument, self.away(side)),
            time_in_force="PostOnly",
        )

    def stop_market(self) -> None:
        instrument, rises = self.some("linear"), self.rng.random() < 0.5
        trigger = {"price": self.near(instrument, 0.004 if rises else -0.004), "by": "LastPrice", "rises": rises}
        self.place(
            "stop_market", instrument, side=self.side(), order_type="Market", time_in_force="IOC", trigger=trigger
        )

    def stop_limit(self) -> None:
        instrument, rises = self.some("linear"), self.rng.random() < 0.5
        move = 0.004 if rises else -0.004
        trigger = {"price": self.near(instrument, move), "by": "MarkPrice", "rises": rises}
        self.place("stop_limit", instrument, side=self.side(), price=self.near(instrument, move), trigger=trigger)

    def with_exits(self) -> None:
        instrument = self.some("linear")
        self.place(
            "with_exits",
            instrument,
            side="Buy",
            price=self.near(instrument, 0.002),
            take_profit={"trigger_price": self.near(instrument, 0.02)},
            stop_loss={"trigger_price": self.near(instrument, -0.02), "trigger_by": "MarkPrice"},
        )

    def reduce_only(self) -> None:
        position = self.some_position()
        if position is None:
            self.market()
            return
        instrument = ("linear", position["symbol"])
        side = "Sell" if position["side"] == "Buy" else "Buy"
        self.place(
            "reduce_only", instrument, side=side, price=self.near(instrument, -self.away(side)), reduce_only=True
        )

    def close_a_part(self) -> None:
        position = self.some_position()
        if position is None:
            self.market()
            return
        self.ask(
            "close_a_part",
            kind="close",
            category="linear",
            symbol=position["symbol"],
            side=position["side"],
            percent="50",
        )

    def reverse(self) -> None:
        position = self.some_position()
        if position is None:
            self.market()
            return
        self.ask(
            "reverse",
            kind="reverse",
            category="linear",
            symbol=position["symbol"],
            side=position["side"],
            size=position["size"],
        )

    def position_exits(self) -> None:
        position = self.some_position()
        if position is None:
            self.market()
            return
        instrument = ("linear", position["symbol"])
        up, down = self.near(instrument, 0.03), self.near(instrument, -0.03)
        profit, loss = (up, down) if position["side"] == "Buy" else (down, up)
        self.ask(
            "position_exits",
            kind="exits",
            category="linear",
            symbol=position["symbol"],
            take_profit=profit,
            stop_loss=loss,
        )

    def leverage(self) -> None:
        _, symbol = self.some("linear")
        self.ask(
            "leverage", kind="leverage", category="linear", symbol=symbol, leverage=self.rng.choice(["5", "10", "20"])
        )

    def amend(self) -> None:
        order = self.some_order("working")
        if order is None or order["order_type"] != "Limit" or order["category"] != "linear":
            self.passive_limit()
            return
        instrument = (order["category"], order["symbol"])
        self.ask("amend", kind="amend", order_id=order["id"], price=self.near(instrument, -self.away(order["side"])))

    def cancel(self) -> None:
        order = self.some_order("working", "waiting_trigger")
        if order is None:
            self.passive_limit()
            return
        self.ask("cancel", kind="cancel", order_id=order["id"])

    def spot_for_an_amount(self) -> None:
        instrument = self.some("spot")
        self.place(
            "spot_for_an_amount",
            instrument, order_type="Market", time_in_force="IOC", side="Buy", quantity="800", quantity_unit="quote",
            slippage_percent="1",
        )  # fmt: skip

    def spot_limit(self) -> None:
        instrument = self.some("spot")
        self.place("spot_limit", instrument, side="Buy", price=self.near(instrument, -0.003))

    def spot_sell(self) -> None:
        instrument = self.some("spot")
        self.place(
            "spot_sell",
            instrument,
            side="Sell",
            price=self.near(instrument, -0.002),
            quantity=self.a_little_of(instrument),
        )

    def spot_stop(self) -> None:
        instrument = self.some("spot")
        trigger = {"price": self.near(instrument, -0.01), "by": "LastPrice", "rises": False}
        self.place(
            "spot_stop",
            instrument, side="Sell", order_type="Market", time_in_force="IOC", trigger=trigger,
            quantity=self.a_little_of(instrument),
        )  # fmt: skip

    # What they are made of.

    def place(self, kind: str, instrument: tuple[str, str], **fields: Any) -> None:
        category, symbol = instrument
        body = {
            "kind": "place", "category": category, "symbol": symbol, "order_type": "Limit", "time_in_force": "GTC",
            "quantity": self.size(instrument), **fields,
        }  # fmt: skip
        self.ask(kind, **body)

    def ask(self, name: str, **body: Any) -> None:
        """Posts an intent. A refusal by our rules is an answer too; a server error is not."""
        body = {"id": str(uuid.uuid4()), **body}
        status, answer = self.installation.request("POST", f"/api/v1/accounts/{self.account}/intents", body)
        assert status in (200, 202, 409, 422), (name, status, answer)
        self.asked[name] += 1
        self.answers.append((name, status, answer))
        time.sleep(0.1)  # the exchange takes ten a second

    def some(self, category: str) -> tuple[str, str]:
        return self.rng.choice([instrument for instrument in GRID if instrument[0] == category])

    def side(self) -> str:
        return self.rng.choice(["Buy", "Sell"])

    def away(self, side: str) -> float:
        """Through the market for a taker of this side; with a minus in front it rests."""
        return 0.003 if side == "Buy" else -0.003

    def near(self, instrument: tuple[str, str], share: float) -> str:
        category, symbol = instrument
        row = self.installation.exchange_get("/v5/market/tickers", category=category, symbol=symbol)["list"][0]
        price = Decimal(row["lastPrice"]) * (1 + Decimal(str(share)))
        return str((price / GRID[instrument][0]).to_integral_value(ROUND_DOWN) * GRID[instrument][0])

    def size(self, instrument: tuple[str, str]) -> str:
        return GRID[instrument][2]

    def a_little_of(self, instrument: tuple[str, str]) -> str:
        coin = instrument[1].removesuffix("USDT")
        rows = self.installation.table(self.account, "balances")["balances"]["coins"]
        held = next((Decimal(row["available"]) for row in rows if row["coin"] == coin), Decimal(0))
        step = GRID[instrument][1]
        return str(max((held / 3 / step).to_integral_value(ROUND_DOWN) * step, step * 200))

    def some_position(self) -> Any:
        rows = self.installation.table(self.account, "positions")["positions"]
        return self.rng.choice(rows) if rows else None

    def some_order(self, *statuses: str) -> Any:
        rows = [r for r in self.installation.table(self.account, "orders")["orders"] if r["status"] in statuses]
        return self.rng.choice(rows) if rows else None

    # What others see.

    def keys(self) -> tuple[str, str]:
        keys = json.loads(Path(self.installation.ready_file()["keys_file"]).read_text())
        return keys["read_only"]["key"], keys["read_only"]["secret"]

    def pybit(self) -> HTTP:
        key, secret = self.keys()
        session = HTTP(api_key=key, api_secret=secret)
        session.endpoint = self.installation.ready_file()["rest"]
        return session

    def ours(self, table: str) -> Any:
        return self.installation.table(self.account, f"{table}?limit=500" if table in ("orders", "fills") else table)[
            table
        ]


def same(number: str | float | None) -> Decimal:
    return Decimal(str(number or 0)).normalize()


def open_at_exchange(session: HTTP) -> dict[str, tuple[str, str, str]]:
    """Order id → (status, quantity, filled), as pybit reads them: contracts and spot, plain and conditional."""
    found = {}
    for category, scope in (("linear", {"settleCoin": "USDT"}), ("spot", {})):
        cursor = ""
        while True:
            page = session.get_open_orders(category=category, limit=50, cursor=cursor, **scope)["result"]
            for row in page["list"]:
                found[row["orderId"]] = (row["orderStatus"], same(row["qty"]), same(row["cumExecQty"]))
            cursor = page.get("nextPageCursor", "")
            if not cursor:
                break
    return found


STATUS = {"working": "New", "partially_filled": "PartiallyFilled", "waiting_trigger": "Untriggered"}


def test_a_hundred_wishes_of_every_kind_came_through(traded: Trader) -> None:
    assert sum(traded.asked.values()) >= ORDERS
    taken = [answer for _, status, answer in traded.answers if status in (200, 202)]
    assert len(taken) >= 0.8 * ORDERS, Counter((name, status) for name, status, _ in traded.answers)
    statuses = Counter(order["status"] for order in traded.ours("orders"))
    assert not set(statuses) & {"sending", "unknown", "acknowledged", "cancel_requested", "amend_requested"}, statuses
    assert statuses["filled"] >= 20, statuses


def test_pybit_sees_the_same_orders_positions_and_balances(traded: Trader) -> None:
    session = traded.pybit()
    ours = {
        order["exchange_order_id"]: (STATUS[order["status"]], same(order["quantity"]), same(order["filled_quantity"]))
        for order in traded.ours("orders")
        if order["status"] not in FINAL
    }
    assert ours == open_at_exchange(session)
    theirs = {
        row["symbol"]: (
            row["side"],
            same(row["size"]),
            same(row["avgPrice"]),
            same(row["takeProfit"] or 0),
            same(row["stopLoss"] or 0),
        )
        for row in session.get_positions(category="linear", settleCoin="USDT", limit=200)["result"]["list"]
    }
    assert theirs == {
        row["symbol"]: (
            row["side"],
            same(row["size"]),
            same(row["entry_price"]),
            same(row["take_profit"]),
            same(row["stop_loss"]),
        )
        for row in traded.ours("positions")
    }
    wallet = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"]
    assert {row["coin"]: (same(row["walletBalance"]), same(row["locked"])) for row in wallet} == {
        row["coin"]: (same(row["wallet_balance"]), same(row["locked"]))
        for row in traded.ours("balances")["coins"]
        if same(row["wallet_balance"]) or same(row["equity"])
    }


def test_every_order_ended_here_as_it_ended_there(traded: Trader) -> None:
    session = traded.pybit()
    ended = [
        order
        for order in traded.ours("orders")
        if order["status"] in ("filled", "cancelled", "expired") and order["exchange_order_id"]
    ]
    theirs: dict[str, str] = {}
    for category in ("linear", "spot"):
        cursor = ""
        while True:
            page = session.get_order_history(category=category, limit=50, cursor=cursor)["result"]
            theirs |= {row["orderId"]: row["orderStatus"] for row in page["list"]}
            cursor = page.get("nextPageCursor", "")
            if not cursor:
                break
    final = {
        "filled": {"Filled", "PartiallyFilledCanceled"},  # a spot amount that was spent but for less than a step
        "cancelled": {"Cancelled", "PartiallyFilledCanceled", "Deactivated"},
        "expired": {"Cancelled", "PartiallyFilledCanceled", "Deactivated"},
    }
    assert len(ended) >= 30
    wrong = {
        o["id"]: (o["status"], theirs.get(o["exchange_order_id"]))
        for o in ended
        if theirs.get(o["exchange_order_id"]) not in final[o["status"]]
    }
    assert wrong == {}


def test_ccxt_sees_the_same_orders_positions_and_balances(traded: Trader) -> None:
    key, secret = traded.keys()
    seen = ask_peer("ccxt_view.py", {"rest": traded.installation.ready_file()["rest"], "key": key, "secret": secret})
    ours = {
        order["exchange_order_id"]: (order["side"].lower(), same(order["quantity"]), same(order["filled_quantity"]))
        for order in traded.ours("orders")
        if order["status"] not in FINAL
    }
    assert {row["id"]: (row["side"], same(row["amount"]), same(row["filled"])) for row in seen["orders"]} == ours
    assert {(r["symbol"], r["side"], same(r["size"]), same(r["entry"])) for r in seen["positions"]} == {
        (r["symbol"], r["side"], same(r["size"]), same(r["entry_price"])) for r in traded.ours("positions")
    }
    wallets = {row["coin"]: Decimal(row["wallet_balance"]) for row in traded.ours("balances")["coins"]}
    for coin, total in seen["wallets"].items():
        # ccxt keeps totals as floats.
        assert abs(Decimal(str(total)) - wallets[coin]) <= abs(wallets[coin]) * Decimal("1e-12"), coin


def test_the_page_shows_what_the_exchange_has(traded: Trader, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    page = Terminal(context, traded.installation.base)
    page.log_in()
    session = traded.pybit()
    open_there = open_at_exchange(session)
    live = {o["id"]: o["exchange_order_id"] for o in traded.ours("orders") if o["status"] not in FINAL}

    def rows_are_all_there() -> bool:
        return set(page.order_ids()) == set(live)

    wait_for(rows_are_all_there, "the table of orders holds every live order")
    assert {live[order_id] for order_id in page.order_ids()} == set(open_there)
    for order_id in page.order_ids():
        status = page.chip(order_id).get_attribute("data-status")
        assert STATUS[str(status)] == open_there[live[order_id]][0]
    page.tab("positions")
    shown = {str(row.get_attribute("data-symbol")) for row in page.part("position-row").all()}
    there = session.get_positions(category="linear", settleCoin="USDT", limit=200)["result"]["list"]
    assert shown == {row["symbol"] for row in there}
    page.tab("balances")
    coins = {str(row.get_attribute("data-coin")) for row in page.part("balance-row").all()}
    wallet = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"]
    assert coins >= {row["coin"] for row in wallet if Decimal(row["usdValue"] or 0) >= 1}
    assert page.faults == []
    context.close()
