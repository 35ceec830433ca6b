"""Every kind of order that the ticket writes, from its fields to the exchange's last word, in both languages.

What the button said is held against the words, what came of it against the exchange. What goes wrong on the way is in
`test_wrong_things`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.installation import FINAL, Installation, wait_for

LOCALES = {"en": "en-US", "ru": "ru-RU"}
WORDS = {
    "en": {
        "limit": r"Buy 0\.010 BTC at .* · Limit · SIM",
        "exits": r"Buy 0\.010 BTC · Market · SIM",
        "stop_market": r"(Buy|Sell) 0\.010 BTC when last price (rises|falls) to .* · Stop-market · SIM",
        "stop_limit": r"Sell 0\.010 BTC at .* when mark price falls to .* · Stop-limit · SIM",
        "close": r"Sell .* BTC · Market · SIM",
        "amount": r"Buy BTC for 100\.00 USDT · Market · SIM",
    },
    "ru": {
        "limit": r"Купить 0,010 BTC по .* · Лимитный · SIM",
        "exits": r"Купить 0,010 BTC · Рыночный · SIM",
        "stop_market": r"(Купить|Продать) 0,010 BTC, когда последняя цена .* до .* · Стоп-рыночный · SIM",
        "stop_limit": r"Продать 0,010 BTC по .*, когда цена маркировки упадёт до .* · Стоп-лимитный · SIM",
        "close": r"Продать .* BTC · Рыночный · SIM",
        "amount": r"Купить BTC на 100,00 USDT · Рыночный · SIM",
    },
}


@pytest.fixture(scope="module")
def claimed(installation: Installation) -> Installation:
    installation.claim()
    installation.account()
    return installation


class Writer:
    """A person at the ticket, who writes one order after the other and knows what became of each."""

    def __init__(self, desk: Terminal, installation: Installation, language: str) -> None:
        self.desk = desk
        self.installation = installation
        self.account = installation.account()
        self.words = WORDS[language]
        self.ends: dict[str, str] = {}

    def open(self, category: str) -> None:
        self.desk.page.goto(f"{self.desk.base}/terminal/{self.account}/{category}/BTCUSDT")
        self.desk.wait_ready()

    def market(self, factor: str, category: str = "linear") -> str:
        """The last price times `factor`, on the tick."""
        row = self.installation.exchange_get("/v5/market/tickers", category=category, symbol="BTCUSDT")["list"][0]
        return str((Decimal(row["lastPrice"]) * Decimal(factor)).quantize(Decimal("0.1")))

    def pick(self, *parts: str) -> None:
        for part in parts:
            self.desk.part(f"ticket-{part}").click()

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            self.desk.part(f"ticket-{name.replace('_', '-')}").fill(text)

    def move(self, do: str, **how: int) -> None:
        self.installation.exchange_control("POST", "/sim/market", {"do": do, **how})

    def at_exchange(self, intent: str) -> list[dict[str, Any]]:
        return self.installation.orders_at_exchange("tw" + intent.replace("-", ""))

    def send(self, sentence: str | None = None) -> str:
        """Presses the button once it says `sentence`; the intent's id. Fails when the server does not take it."""
        button = self.desk.part("ticket-submit")
        expect(button).to_be_enabled()
        if sentence is not None:
            expect(button).to_have_text(re.compile(self.words[sentence]))
        with self.desk.page.expect_response(lambda answer: answer.url.endswith("/intents")) as answered:
            button.click()
        assert answered.value.ok, self.desk.part("ticket-reason").inner_text()
        return str(json.loads(answered.value.request.post_data or "")["id"])

    def row(self, intent: str) -> dict[str, Any]:
        status, answer = self.installation.request("GET", f"/api/v1/accounts/{self.account}/intents/{intent}")
        assert status == 200, answer
        return dict(answer)

    def until(self, intent: str, *statuses: str) -> None:
        def look() -> bool:
            status = self.row(intent)["status"]
            assert status in statuses or status not in FINAL, self.row(intent)
            return status in statuses

        wait_for(look, f"{intent} is {statuses}")
        self.ends[intent] = self.row(intent)["status"]

    def cancel(self, intent: str) -> None:
        self.desk.order(intent).get_by_test_id("order-cancel").click()
        self.until(intent, "cancelled")


@pytest.fixture(params=sorted(LOCALES))
def writer(request: pytest.FixtureRequest, browser: Browser, claimed: Installation) -> Iterator[Writer]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale=LOCALES[request.param])
    desk = Terminal(context, claimed.base)
    desk.log_in()
    desk.page.get_by_text(request.param.upper(), exact=True).click()
    yield Writer(desk, claimed, request.param)
    assert desk.faults == []
    context.close()


def test_every_kind_of_order_goes_from_the_ticket_to_its_end(writer: Writer) -> None:
    writer.open("linear")
    limits(writer)
    conditionals(writer)
    exits_and_the_close(writer)
    writer.open("spot")
    spot(writer)
    writer.desk.tab("history")
    for intent, status in writer.ends.items():
        expect(writer.desk.chip(intent)).to_have_attribute("data-status", status)


def limits(writer: Writer) -> None:
    writer.pick("type-limit", "side-buy", "tif-GTC")
    writer.write(price=writer.market("1.005"), quantity="0.01")
    writer.until(writer.send("limit"), "filled")
    writer.write(price="-5%", quantity="0.01")
    resting = writer.send("limit")
    writer.until(resting, "working")
    writer.cancel(resting)
    writer.pick("tif-IOC")
    writer.write(price="-5%", quantity="0.01")
    writer.until(writer.send(), "expired", "cancelled")
    writer.pick("tif-PostOnly")
    writer.write(price=writer.market("1.005"), quantity="0.01")
    expect(writer.desk.part("ticket-warning-price").first).to_have_attribute("data-code", "order.would_execute")
    writer.until(writer.send(), "rejected", "cancelled", "expired")
    # What was rejected keeps its values, what was accepted and ended does not; either way the next one is written anew.
    writer.pick("tif-GTC")


def conditionals(writer: Writer) -> None:
    writer.pick("type-conditional", "stop-market")
    # The market stands while they are written, and then goes one way or the other.
    writer.move("pause")
    waiting = []
    for side, factor in (("buy", "1.0003"), ("sell", "0.9997")):
        writer.pick(f"side-{side}")
        writer.write(trigger=writer.market(factor), quantity="0.01")
        waiting.append(writer.send("stop_market"))
        writer.until(waiting[-1], "waiting_trigger")
    for _ in range(60):
        writer.move("step", seconds=60)
        if any(row["orderStatus"] == "Filled" for each in waiting for row in writer.at_exchange(each)):
            break
    writer.move("resume")
    wait_for(lambda: any(writer.row(each)["status"] == "filled" for each in waiting), "a trigger is met")
    for intent in waiting:
        if writer.row(intent)["status"] == "waiting_trigger":
            writer.desk.order(intent).get_by_test_id("order-cancel").click()
        writer.until(intent, "filled", "cancelled")
    writer.pick("stop-limit", "side-sell")
    writer.write(trigger="-3%", price="-3.1%", quantity="0.01")
    writer.desk.part("ticket-trigger-by").select_option("MarkPrice")
    far = writer.send("stop_limit")
    writer.until(far, "waiting_trigger")
    writer.cancel(far)


def exits_and_the_close(writer: Writer) -> None:
    writer.pick("type-market", "side-buy")
    writer.desk.part("ticket-exits").check()
    writer.desk.part("ticket-take_profit-unit").select_option("r")
    writer.write(quantity="0.01", stop_loss="2%", take_profit="1.5")
    writer.until(writer.send("exits"), "filled")

    def stops() -> set[str]:
        rows = writer.installation.exchange_get("/v5/order/realtime", category="linear", symbol="BTCUSDT")["list"]
        return {row["stopOrderType"].removeprefix("Partial") for row in rows}

    wait_for(lambda: {"TakeProfit", "StopLoss"} <= stops(), "the exchange made orders of both exits")
    writer.desk.part("ticket-exits").uncheck()
    writer.pick("side-sell")
    writer.desk.part("ticket-reduce-only").check()
    writer.pick("share-100")
    writer.until(writer.send("close"), "filled")
    wait_for(lambda: stops() == set(), "the exits went with the position")


def spot(writer: Writer) -> None:
    writer.pick("type-market", "side-buy")
    writer.write(quantity="100")
    bought = writer.send("amount")
    # What is left of the amount and buys no whole step is given back, as by Bybit.
    writer.until(bought, "filled", "cancelled")
    assert Decimal(writer.row(bought)["order"]["filled_quantity"]) > Decimal("0.001")
    writer.pick("side-sell")
    writer.write(quantity="0.001")
    writer.until(writer.send(), "filled")
    writer.pick("type-limit", "side-buy")
    writer.write(price="-5%", quantity="0.001")
    resting = writer.send()
    writer.until(resting, "working")
    writer.cancel(resting)
