"""Real money from the page: what is missing, arming by a phrase and a fresh proof, its end, and disarming.

Against a simulated exchange that plays live, a process of its own; the truth is its own log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.connecting import until_session
from support.installation import PASSWORD, Installation, installed, wait_for
from support.live_exchange import (
    LIMITS,
    NAME,
    LiveExchange,
    add_live,
    arm,
    lists_instruments,
    live_exchange,
    set_limits,
)

WORDS = {"en": "LIVE", "ru": "ЛАЙВ"}


@pytest.fixture(scope="module")
def exchange() -> Iterator[LiveExchange]:
    with live_exchange() as running:
        yield running


@pytest.fixture(scope="module")
def house(exchange: LiveExchange) -> Iterator[Installation]:
    with installed(environment=exchange.environment(real_trading=True)) as running:
        running.claim()
        yield running


@pytest.fixture(scope="module")
def account(house: Installation, exchange: LiveExchange) -> str:
    added = add_live(house, exchange)
    until_session(house, added, "ready")
    wait_for(lambda: lists_instruments(house), "the live market's instruments are there")
    return added


class Person(Terminal):
    language = "en"
    account = ""

    def accounts(self) -> None:
        self.page.goto(f"{self.base}/settings/accounts")
        expect(self.part("arming")).to_be_visible()

    def terminal(self) -> None:
        self.page.goto(f"{self.base}/terminal/{self.account}/linear/BTCUSDT")
        self.wait_ready()

    def sends(self, quantity: str) -> None:
        """As far as the question that real money is asked."""
        self.fill_ticket(kind="market", quantity=quantity)
        self.submit()
        expect(self.part("ticket-confirm")).to_be_visible()


@pytest.fixture(params=["en", "ru"])
def person(request: pytest.FixtureRequest, browser: Browser, house: Installation, account: str) -> Iterator[Person]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="ru-RU" if request.param == "ru" else "en-US"
    )
    opened = Person(context, house.base)
    opened.language, opened.account = request.param, account
    opened.log_in()
    yield opened
    context.close()
    # The server's refusals are what this is about: no proof yet, no phrase yet.
    assert [fault for fault in opened.faults if not any(f"status of {code}" in fault for code in (403, 422))] == []


def test_real_money_is_armed_traded_with_and_disarmed(
    person: Person, house: Installation, account: str, exchange: LiveExchange
) -> None:
    person.accounts()
    expect(person.part("arming")).to_have_attribute("data-armed", "false")
    if person.part("arming-missing").count():  # the first of the two languages
        expect(person.part("arming-missing").locator("li")).to_have_count(len(LIMITS))
        expect(person.part("arming-arm")).to_be_disabled()
        person.part("arming-limits").click()
        person.part("limits-edit").click()
        for name, value in LIMITS.items():
            person.part(f"limit-{name}").fill(value)
        person.part("limits-save").click()
        expect(person.part("limits-form")).to_have_count(0)
        person.accounts()
        expect(person.part("arming-missing")).to_have_count(0)

    # Nothing opens before, and the page says so on the way.
    sent = len(exchange.opened())
    person.terminal()
    expect(person.part("banner-arming")).to_be_visible()
    person.sends("0.001")
    person.part("ticket-confirm-send").click()
    expect(person.part("ticket-reason")).not_to_be_empty()
    wait_for(lambda: newest(house, account)["reason"]["code"] == "account.not_armed", "it was refused")
    assert len(exchange.opened()) == sent

    # A phrase letter by letter, and a fresh proof.
    person.accounts()
    forget_proofs(house)
    person.part("arming-arm").click()
    phrase = f"{WORDS[person.language]} {NAME}"
    expect(person.part("arm-form")).to_contain_text(phrase)
    person.part("arm-phrase").fill(phrase.lower())
    expect(person.part("arm-submit")).to_have_attribute("aria-disabled", "true")
    person.part("arm-phrase").fill(phrase)
    person.part("arm-submit").click()
    person.part("step-up-password").fill(PASSWORD)
    person.part("step-up-confirm").click()
    expect(person.part("arming")).to_have_attribute("data-armed", "true")
    expect(person.part("arming-until")).not_to_be_empty()

    # It trades; what is large is typed first, and nothing is sent until it matches.
    person.terminal()
    expect(person.part("banner-arming")).to_have_count(0)
    person.sends("0.001")
    expect(person.part("typed-once")).to_have_count(0)
    person.part("ticket-confirm-send").click()
    wait_for(lambda: len(exchange.opened()) == sent + 1, "the small order was sent")
    wait_for(lambda: newest(house, account)["status"] == "filled", "and filled")
    person.sends("0.005")
    for wrong in ("", "BTC", "ETHUSDT"):
        person.part("typed-once").fill(wrong)
        expect(person.part("ticket-confirm-send")).to_have_attribute("aria-disabled", "true")
        person.part("ticket-confirm-send").click(force=True)  # it is closed to a mouse, and so it stays
    assert len(exchange.opened()) == sent + 1
    person.part("typed-once").fill("btcusdt")
    person.part("ticket-confirm-send").click()
    wait_for(lambda: len(exchange.opened()) == sent + 2, "the large order was sent")

    # Disarmed, at once and without a question.
    person.accounts()
    person.part("arming-disarm").click()
    expect(person.part("arming")).to_have_attribute("data-armed", "false")
    expect(person.part("arming-ended")).to_have_attribute("data-why", "disarmed")

    # An arming that ends by itself says so.
    assert house.request("POST", "/api/v1/session/step-up", {"password": PASSWORD})[0] == 200
    assert arm(house, account, lasts_s=8)[0] == 200
    expect(person.part("arming")).to_have_attribute("data-armed", "true")
    expect(person.part("arming-ended")).to_have_attribute("data-why", "expired")
    person.terminal()
    expect(person.part("banner-arming")).to_be_visible()
    person.sends("0.001")
    person.part("ticket-confirm-send").click()
    wait_for(lambda: newest(house, account)["status"] == "refused", "it was refused")
    assert len(exchange.opened()) == sent + 2


def test_every_page_says_that_it_is_real_money(person: Person, account: str) -> None:
    person.terminal()
    settings = f"/settings/accounts/{account}"
    for path in (
        f"/terminal/{account}/spot/BTCUSDT",
        settings,
        f"{settings}/differences",
        "/settings/accounts",
        "/backtests",
    ):
        person.page.goto(person.base + path)
        expect(person.part("env-frame")).to_have_attribute("data-environment", "live")
        expect(person.page.locator("header [data-testid=env-badge]").first).to_have_attribute(
            "data-environment", "live"
        )
        person.page.keyboard.press("Escape")
        frame = person.part("env-frame").evaluate("(e) => getComputedStyle(e).borderTopWidth")
        assert (frame, person.part("env-frame").count()) == ("4px", 1)


def test_the_way_to_real_money_is_confirmed_once_and_no_ticket_is_carried_there(
    person: Person, house: Installation, account: str
) -> None:
    sim = house.account()
    person.page.goto(f"{person.base}/terminal/{sim}/linear/BTCUSDT")
    person.wait_ready()
    person.fill_ticket(quantity="0.077", price="50003.5")

    def to_live() -> None:
        person.part("account-switcher").click()
        person.part("account-option").filter(has_text=NAME).click()

    # Stayed: nothing has changed, by the button as by the key.
    for stay in (lambda: person.part("to-live-stay").click(), lambda: person.page.keyboard.press("Escape")):
        to_live()
        expect(person.part("to-live")).to_contain_text(NAME)
        expect(person.part("to-live-stay")).to_be_focused()
        stay()
        expect(person.part("to-live")).to_have_count(0)
        assert f"/terminal/{sim}/" in person.page.url
        expect(person.part("ticket-quantity")).to_have_value("0.077")

    to_live()
    person.part("to-live-go").click()
    expect(person.part("toast")).to_have_count(1)  # for some seconds
    expect(person.part("env-frame")).to_have_attribute("data-environment", "live")
    person.wait_ready()
    expect(person.part("ticket-quantity")).to_have_value("")
    expect(person.part("live-polite")).not_to_be_empty()

    # Back: what was typed is gone there, too; and the way is open now, by the browser's own buttons as well.
    person.fill_ticket(quantity="0.088")
    person.page.go_back()
    expect(person.part("env-frame")).to_have_attribute("data-environment", "sim")
    expect(person.part("ticket-quantity")).to_have_value("")
    to_live()
    expect(person.part("env-frame")).to_have_attribute("data-environment", "live")
    expect(person.part("to-live")).to_have_count(0)
    expect(person.part("ticket-quantity")).to_have_value("")

    # Asked again of who comes next.
    person.part("user-menu").click()
    person.part("log-out").click()
    expect(person.part("login-submit")).to_be_visible()
    person.log_in()
    to_live()
    expect(person.part("to-live")).to_be_visible()


def test_a_limit_is_raised_by_who_types_its_name_and_the_word_of_real_money(
    person: Person, house: Installation, account: str
) -> None:
    assert house.request("POST", "/api/v1/session/step-up", {"password": PASSWORD})[0] == 200
    set_limits(house, account)
    name, word = {"en": ("Order value", "live"), "ru": ("Сумма ордера", "лайв")}[person.language]
    person.page.goto(f"{person.base}/settings/accounts/{account}")
    person.part("limits-edit").click()
    person.part("limit-order_notional").fill("901")
    forget_proofs(house)
    person.part("limits-save").click()
    expect(person.part("loosening")).to_contain_text(name)
    expect(person.part("loosening")).to_contain_text(f"{LIMITS['order_notional']} → 901")
    expect(person.part("loosen-submit")).to_have_attribute("aria-disabled", "true")
    person.part("loosen-order_notional").fill(name.upper())
    expect(person.part("loosen-submit")).to_have_attribute("aria-disabled", "true")
    person.part("loosen-limits.live_needed").fill(word)
    person.part("loosen-submit").click()
    person.part("step-up-password").fill(PASSWORD)
    person.part("step-up-confirm").click()
    expect(person.part("loosening")).to_have_count(0)
    expect(person.page.locator("[data-limit=order_notional]")).to_contain_text("901")
    _, answer = house.request("GET", f"/api/v1/accounts/{account}/limits")
    assert next(each["allowed"] for each in answer["limits"] if each["name"] == "order_notional") == "901"


def newest(house: Installation, account: str) -> dict:  # type: ignore[type-arg]
    """The newest order from here, with a reason where it has none."""
    found = house.table(account, "orders")["orders"][0]
    return {**found, "reason": found["reason"] or {"code": ""}}


def forget_proofs(house: Installation) -> None:
    """As if everybody had logged in an hour ago."""
    with psycopg.connect(json.loads((house.home / "database.json").read_text())["url"]) as connection:
        connection.execute("UPDATE sessions SET proved_at = proved_at - interval '1 hour'")
