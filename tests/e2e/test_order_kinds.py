"""Every kind of order from the ticket to its last state, in a browser, in both languages, on a market that moves when
it is told.

The recording stands at 60,000 and jumps 600 up or down in certain minutes; nothing moves by itself, so each order meets
the price it is made for. What the exchange holds is asked of the exchange.
"""

from __future__ import annotations

import gzip
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import RESTART_MS, Terminal
from support.installation import FINAL, Installation, installed, wait_for

MINUTE_MS = 60_000
BEGIN_MS = 1_767_225_600_000  # 2026-01-01
ROWS, STARTED_ROW = 400, 199  # the next minute jumps up
LEVEL, JUMP = 60_000, 600
WORDS = {"en": ("Working", "Filled"), "ru": ("В стакане", "Исполнен")}
STOP_SENTENCE = {"en": r"Buy 0\.010 BTC .*60.300.*SIM", "ru": r"Купить 0,010 BTC,? .*60.300.*SIM"}


def spike_of(row: int) -> str | None:
    """Two quiet minutes, one that goes up and back, two quiet ones, one that goes down and back."""
    return {2: "up", 5: "down"}.get(row % 6)


def recording(path: Path) -> None:
    lines = ["open_time_ms,open,high,low,close,volume,turnover"]
    for row in range(ROWS):
        high = LEVEL + JUMP if spike_of(row) == "up" else LEVEL
        low = LEVEL - JUMP if spike_of(row) == "down" else LEVEL
        lines.append(f"{BEGIN_MS + row * MINUTE_MS},{LEVEL},{high},{low},{LEVEL},40,2400000")
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))


@dataclass
class Market:
    """The recording's needle: it goes to the end of the next minute that jumps the asked way."""

    installation: Installation
    row: int = STARTED_ROW

    def moves(self, way: str) -> None:
        self.row = next(row for row in range(self.row + 1, ROWS) if spike_of(row) == way)
        end = BEGIN_MS + (self.row + 1) * MINUTE_MS - 1
        self.installation.exchange_control("POST", "/sim/market", {"do": "jump", "to": end})


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    path = tmp_path_factory.mktemp("recording") / "spikes.csv.gz"
    recording(path)
    places = [f"replay:{path}@{category}:BTCUSDT" for category in ("linear", "spot")]
    arguments = [word for place in places for word in ("--market", place)]
    started = str(BEGIN_MS + STARTED_ROW * MINUTE_MS)
    with installed(*arguments, "--from", started) as installation:
        installation.exchange_control("POST", "/sim/market", {"do": "pause"})
        installation.claim()
        installation.account()
        yield Market(installation)


class Desk(Terminal):
    """The terminal with one thing asked after another; each row is known by its order's id."""

    def open(self, account: str, category: str) -> None:
        self.page.goto(f"{self.base}/terminal/{account}/{category}/BTCUSDT")
        self.wait_ready()
        self.part("tab-orders").click()

    def kind(self, kind: str, stop: str | None = None) -> None:
        self.part(f"ticket-type-{kind}").click()
        if stop is not None:
            self.part(f"ticket-stop-{stop}").click()

    def order_of(self, **fields: str) -> str:
        """Fills the named fields, sends, and finds the new row."""
        before = self.asked_order_ids()
        for name, value in fields.items():
            self.part(f"ticket-{name.replace('_', '-')}").fill(value)
        self.submit()
        return wait_for(
            lambda: next((found for found in self.asked_order_ids() if found not in before), None),
            "a new row in the table",
        )

    def ends_as(self, order_id: str, status: str, word: str = "") -> None:
        """Also when its row has left the table, some seconds after its end, before it was looked at: history has it."""

        def shown() -> list[str]:
            found: list[str] = self.chip(order_id).evaluate_all("(chips) => chips.map((chip) => chip.dataset.status)")
            return found

        if status in FINAL:
            wait_for(lambda: shown() in ([], [status]), f"the order's row is {status}, or gone")
        is_gone = status in FINAL and not shown()
        if is_gone:
            self.tab("history")
        expect(self.chip(order_id)).to_have_attribute("data-status", status)
        expect(self.chip(order_id)).to_contain_text(word)
        if is_gone:
            self.tab("orders")

    def side(self, side: str) -> None:
        self.part(f"ticket-side-{side}").click()

    def position(self) -> str | None:
        self.tab("positions")
        rows = self.part("position-row")
        text = rows.first.inner_text() if rows.count() else None
        self.tab("orders")
        return text


@pytest.fixture(params=["en", "ru"])
def desk(request: pytest.FixtureRequest, browser: Browser, market: Market) -> Iterator[Desk]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="ru-RU" if request.param == "ru" else "en-US"
    )
    opened = Desk(context, market.installation.base)
    opened.log_in()
    expect(opened.page.locator("html")).to_have_attribute("lang", request.param)
    yield opened
    context.close()
    assert opened.faults == []


def at_exchange(market: Market, category: str = "linear", **query: str) -> Any:
    return market.installation.exchange_get("/v5/position/list", category=category, symbol="BTCUSDT", **query)["list"][
        0
    ]


def test_orders_on_a_contract_end_as_their_kind_says(desk: Desk, market: Market) -> None:
    account = market.installation.account()
    desk.open(account, "linear")
    language = str(desk.page.locator("html").get_attribute("lang"))

    # Limit: rests, is changed, fills when the price goes through it.
    desk.kind("limit")
    desk.side("buy")
    resting = desk.order_of(price="59500", quantity="0.05")
    desk.ends_as(resting, "working")
    expect(desk.chip(resting)).to_contain_text(WORDS[language][0])
    desk.order(resting).get_by_test_id("order-amend").click()
    desk.part("amend-price").fill("59600")
    desk.part("amend-submit").click()
    expect(desk.part("amend-dialog")).to_have_count(0)
    expect(desk.order(resting)).to_contain_text("600")
    desk.ends_as(resting, "working")
    market.moves("up")
    desk.ends_as(resting, "working")
    market.moves("down")
    desk.ends_as(resting, "filled", WORDS[language][1])

    # IOC and FOK that meet nothing, post-only that would take: all end without a fill.
    for time_in_force in ("IOC", "FOK"):
        desk.part(f"ticket-tif-{time_in_force}").click()
        desk.ends_as(desk.order_of(price="59500", quantity="0.05"), "cancelled")
    desk.part("ticket-tif-PostOnly").click()
    desk.part("ticket-price").fill("60100")
    expect(desk.part("ticket-warning-price").first).to_be_visible()
    desk.ends_as(desk.order_of(quantity="0.05"), "cancelled")
    desk.part("ticket-tif-GTC").click()

    # Market, then what reduces: half by a reduce-only limit order.
    desk.kind("market")
    desk.ends_as(desk.order_of(quantity="0.05"), "filled")
    assert Decimal(at_exchange(market)["size"]) == Decimal("0.1")
    desk.kind("limit")
    desk.side("sell")
    desk.part("ticket-reduce-only").check()
    reducing = desk.order_of(price="60300", quantity="0.05")
    desk.ends_as(reducing, "working")
    market.moves("up")
    desk.ends_as(reducing, "filled")
    desk.part("ticket-reduce-only").uncheck()
    assert Decimal(at_exchange(market)["size"]) == Decimal("0.05")

    # Conditional: a stop-market that goes off upwards, a stop-limit downwards, one that is taken back.
    desk.side("buy")
    desk.kind("conditional", "market")
    desk.part("ticket-trigger").fill("60300")
    expect(desk.part("ticket-trigger-sentence")).to_be_visible()
    desk.part("ticket-quantity").fill("0.01")
    expect(desk.part("ticket-submit")).to_have_text(re.compile(STOP_SENTENCE[language]))
    stop = desk.order_of(quantity="0.01")
    desk.ends_as(stop, "waiting_trigger")
    market.moves("up")
    desk.ends_as(stop, "filled")
    desk.kind("conditional", "limit")
    stop_limit = desk.order_of(trigger="59700", price="59650", quantity="0.01")
    desk.ends_as(stop_limit, "waiting_trigger")
    market.moves("down")
    desk.ends_as(stop_limit, "filled")
    taken_back = desk.order_of(trigger="59000", price="58900", quantity="0.01")
    desk.ends_as(taken_back, "waiting_trigger")
    desk.order(taken_back).get_by_test_id("order-cancel").click()
    desk.ends_as(taken_back, "cancelled")

    # Take-profit and stop-loss of the position: set, read back, changed, and the stop that goes off ends the other.
    desk.tab("positions")
    desk.part("position-exits").click()
    desk.part("exits-take_profit").fill("61000")
    desk.part("exits-stop_loss").fill("59500")
    desk.part("exits-submit").click()
    expect(desk.part("exits-dialog")).to_have_count(0)
    expect(desk.part("position-exits")).to_contain_text("500")
    assert (Decimal(at_exchange(market)["takeProfit"]), Decimal(at_exchange(market)["stopLoss"])) == (61_000, 59_500)
    desk.part("position-exits").click()
    desk.part("exits-take_profit").fill("")
    desk.part("exits-submit").click()
    expect(desk.part("exits-dialog")).to_have_count(0)
    wait_for(lambda: not Decimal(at_exchange(market)["takeProfit"] or 0), "the take-profit is gone at the exchange")
    market.moves("down")
    expect(desk.part("position-row")).to_have_count(0)
    assert not Decimal(at_exchange(market)["size"])
    desk.tab("orders")

    # Entry with both exits: they come with the fill, and the target ends the stop.
    desk.kind("market")
    desk.side("buy")
    desk.part("ticket-exits").check()
    desk.part("ticket-take-profit").fill("60400")
    desk.part("ticket-stop-loss").fill("59000")
    desk.ends_as(desk.order_of(quantity="0.02"), "filled")
    attached = desk.page.locator("[data-testid=order-row][data-source=attached][data-row-status=waiting_trigger]")
    expect(attached).to_have_count(2)
    market.moves("up")
    expect(attached).to_have_count(0)
    wait_for(lambda: not Decimal(at_exchange(market)["size"]), "the target has closed the position")
    desk.part("ticket-exits").uncheck()

    # Close a half at market, reverse, close the rest by a limit order at the mark; leverage is a thing of its own.
    desk.ends_as(desk.order_of(quantity="0.04"), "filled")
    desk.tab("positions")
    desk.part("position-close").click()
    desk.part("close-part-50").click()
    desk.part("close-submit").click()
    expect(desk.part("close-dialog")).to_have_count(0)
    wait_for(lambda: Decimal(at_exchange(market)["size"]) == Decimal("0.02"), "half of the position is closed")
    expect(desk.part("position-row")).to_contain_text("020")
    desk.part("position-reverse").click()
    desk.part("reverse-confirm").click()
    expect(desk.part("reverse-dialog")).to_have_count(0)
    wait_for(lambda: at_exchange(market)["side"] == "Sell", "the position is reversed")
    assert Decimal(at_exchange(market)["size"]) == Decimal("0.02")
    expect(desk.part("position-row")).to_contain_text("▼")
    desk.part("ticket-leverage").click()
    desk.part("leverage-value").fill("7")
    desk.part("leverage-set").click()
    wait_for(lambda: Decimal(at_exchange(market)["leverage"]) == 7, "the leverage is set")
    desk.page.keyboard.press("Escape")
    expect(desk.part("position-row")).to_contain_text("7×")
    desk.part("position-close").click()
    desk.part("close-way-limit").click()
    desk.part("close-price").fill("59800")
    desk.part("close-submit").click()
    expect(desk.part("close-dialog")).to_have_count(0)
    market.moves("down")
    expect(desk.part("position-row")).to_have_count(0)
    market.installation.request(
        "POST",
        f"/api/v1/accounts/{account}/intents",
        {"id": str(uuid.uuid4()), "kind": "leverage", "category": "linear", "symbol": "BTCUSDT", "leverage": "10"},
    )


def test_orders_on_spot_move_coins_and_cancel_all_ends_what_is_left(desk: Desk, market: Market) -> None:
    account = market.installation.account()
    desk.open(account, "spot")
    held_before = coins(market)
    desk.side("buy")
    desk.kind("market")
    bought = desk.order_of(quantity="600")  # an amount of the quote coin: what a spot market buy is asked in
    wait_for(lambda: desk.chip(bought).get_attribute("data-status") in ("filled", "cancelled"), "the amount is spent")
    gained = coins(market)["BTC"] - held_before.get("BTC", Decimal(0))
    assert Decimal("0.0099") < gained <= Decimal("0.01")
    desk.kind("limit")
    desk.side("sell")
    resting = desk.order_of(price="60300", quantity="0.005")
    desk.ends_as(resting, "working")
    desk.tab("balances")
    expect(desk.page.locator("[data-testid=balance-row][data-coin=BTC]")).to_contain_text("005")
    desk.tab("orders")
    market.moves("up")
    desk.ends_as(resting, "filled")
    # What is left is ended by one question.
    left = [desk.order_of(price=price, quantity="0.001") for price in ("61000", "61500")]
    for order in left:
        desk.ends_as(order, "working")
    desk.part("cancel-all").click()
    desk.part("cancel-all-confirm").click()
    for order in left:
        desk.ends_as(order, "cancelled")
    assert market.installation.exchange_get("/v5/order/realtime", category="spot", symbol="BTCUSDT")["list"] == []


def test_a_restart_of_the_server_and_a_lost_link_lose_nothing(desk: Desk, market: Market) -> None:
    account = market.installation.account()
    desk.open(account, "linear")
    desk.kind("limit")
    desk.side("buy")
    before = desk.order_of(price="59500", quantity="0.01")
    desk.ends_as(before, "working")
    desk.context.set_offline(True)
    market.installation.kill("api")
    desk.context.set_offline(False)
    expect(desk.part("link-indicator")).to_have_attribute("data-state", "live", timeout=RESTART_MS)
    desk.ends_as(before, "working")
    killed = market.installation.kill("worker")
    wait_for(lambda: market.installation.pid_of("worker") != killed, "another worker is there")
    wait_for(lambda: market.installation.account() == account, "the account is ready again")
    expect(desk.part("ticket-submit")).to_be_visible()
    desk.kind("conditional", "market")
    stop = desk.order_of(trigger="60300", quantity="0.01")
    desk.ends_as(stop, "waiting_trigger")
    market.moves("down")
    desk.ends_as(before, "filled")
    market.moves("up")
    desk.ends_as(stop, "filled")
    assert Decimal(at_exchange(market)["size"]) == Decimal("0.02")
    desk.tab("positions")
    desk.part("position-close").click()
    desk.part("close-submit").click()
    expect(desk.part("position-row")).to_have_count(0)
    assert not Decimal(at_exchange(market)["size"])


def coins(market: Market) -> dict[str, Decimal]:
    rows = market.installation.exchange_get("/v5/account/wallet-balance", accountType="UNIFIED")["list"][0]["coin"]
    return {row["coin"]: Decimal(row["walletBalance"]) for row in rows}
