"""What people do wrong, and what breaks under them, in a real Chromium: nothing is sent twice, lost or told wrongly."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import RESTART_MS, Terminal
from e2e.contrast import READABLE, texts
from support.installation import PASSWORD, Installation, wait_for

_KEPT = "() => JSON.stringify({...sessionStorage})"


@pytest.fixture(scope="module")
def claimed(installation: Installation) -> Installation:
    installation.claim()
    return installation


@pytest.fixture
def desk(terminal: Terminal, claimed: Installation) -> Terminal:
    terminal.log_in()
    return terminal


def orders_of(installation: Installation) -> list[str]:
    rows = installation.exchange_get("/v5/order/realtime", category="linear", symbol="BTCUSDT")["list"]
    return [row["orderLinkId"] for row in rows]


def focused(desk: Terminal) -> str:
    found: str = desk.page.evaluate("() => document.activeElement?.dataset.testid ?? ''")
    return found


ABSURD = [
    "0",
    "-1",
    "-0.01",
    "1e5",
    "NaN",
    "Infinity",
    "0x10",
    "\u0660.\u0665",
    "1" * 400,
    "0.0000001",
    "99999999999",
    "1,000",
]


def test_no_absurd_number_opens_the_button_and_an_ambiguous_one_is_asked_about(desk: Terminal) -> None:
    desk.fill_ticket(quantity="0.01", price="50000")
    expect(desk.part("ticket-submit")).to_be_enabled()
    for quantity in ABSURD:
        desk.part("ticket-quantity").fill(quantity)
        expect(desk.part("ticket-submit")).to_be_disabled()
        assert desk.part("ticket-reason").inner_text() != "", quantity
    desk.part("ticket-quantity").fill("0.01")
    for price in [*ABSURD, "60412.53", "68,500"]:
        desk.part("ticket-price").fill(price)
        expect(desk.part("ticket-submit")).to_be_disabled()
    assert desk.page.evaluate("() => document.documentElement.scrollWidth") <= 1440
    # One comma before three digits may group or divide: the person says which.
    desk.fill_ticket(side="sell", quantity="0,05", price="68,500")
    question = desk.part("ticket-ambiguous-price")
    expect(question).to_contain_text("two ways")
    expect(question.get_by_role("button")).to_have_count(2)
    question.get_by_role("button").first.click()
    expect(desk.part("ticket-price")).to_have_value("68500")
    desk.part("ticket-price").fill("60 412,5")
    expect(desk.part("ticket-submit")).to_contain_text(re.compile(r"60.412\.5"))


def test_however_often_it_is_pressed_one_order_is_made_and_one_cancel(desk: Terminal, claimed: Installation) -> None:
    before = orders_of(claimed)
    desk.fill_ticket(quantity="0.01", price="50000")
    desk.part("ticket-submit").dblclick()
    expect(desk.part("order-row")).to_have_count(1)
    desk.fill_ticket(quantity="0.02", price="50000")
    desk.part("ticket-quantity").focus()
    for _ in range(4):
        desk.page.keyboard.press("Enter")
    expect(desk.part("order-row")).to_have_count(2)
    expect(desk.part("ticket-quantity")).to_have_value("")
    # Where the answer was quicker than the fourth key, that key met an empty ticket and was led to its first field.
    assert focused(desk) in ("ticket-quantity", "ticket-price")
    assert len(orders_of(claimed)) == len(before) + 2

    row = desk.part("order-row").first
    row.get_by_test_id("order-cancel").focus()
    for _ in range(3):
        desk.page.keyboard.press("Enter")
    expect(row.get_by_test_id("order-status")).to_have_attribute("data-status", "cancelled")
    wait_for(lambda: focused(desk) == "order-row", "the focus stays in the row whose button went away")
    desk.part("order-cancel").click()
    expect(desk.part("order-cancel")).to_have_count(0)
    assert orders_of(claimed) == before


def widen_limits(desk: Terminal) -> None:
    status = desk.page.evaluate(
        """async () => {
          const { accounts } = await (await fetch("/api/v1/accounts")).json();
          const names = ["order_notional", "position_notional", "total_notional"];
          const limits = names.map((name) => ({ name, value: "100000000" }));
          const answer = await fetch(`/api/v1/accounts/${accounts[0].id}/limits`, {
            method: "PUT",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ level: "installation", limits, confirmations: names }),
          });
          return answer.status;
        }"""
    )
    assert status == 200, f"the installation's limits could not be set: {status}"


def test_a_key_held_down_sends_a_refused_order_once(desk: Terminal, claimed: Installation) -> None:
    widen_limits(desk)  # else our own limit refuses what the exchange is to refuse here
    desk.fill_ticket(quantity="90", price="60000")
    desk.part("ticket-quantity").focus()
    with desk.page.expect_response(re.compile("/intents$")):
        desk.page.keyboard.down("Enter")
    expect(desk.part("ticket-reason")).to_contain_text("not enough margin")
    sent: list[tuple[str, str]] = []
    desk.page.on("request", lambda request: sent.append((request.method, request.url.rpartition("/")[2])))
    for _ in range(5):
        desk.page.keyboard.down("Enter")  # the same key again without an up: the browser marks it as a repetition
    desk.page.keyboard.up("Enter")
    desk.tab("history")
    expect(desk.page.locator("[data-testid=order-status][data-status=rejected]")).to_have_count(1)
    assert ("POST", "intents") not in sent  # previews are asked for meanwhile, and write nothing


def test_whoever_logs_out_leaves_nothing_typed_behind(desk: Terminal) -> None:
    desk.fill_ticket(quantity="0.055", price="50001.5")
    wait_for(lambda: "50001" in desk.page.evaluate(_KEPT), "the ticket outlives a reload")
    desk.part("user-menu").click()
    desk.part("log-out").click()
    expect(desk.part("login-username")).to_be_visible()
    assert "50001" not in desk.page.evaluate(_KEPT)


def test_a_log_out_in_one_tab_ends_the_other(desk: Terminal) -> None:
    other = Terminal(desk.context, desk.base)
    other.page.goto(desk.base)
    other.wait_ready()
    other.part("user-menu").click()
    other.part("log-out").click()
    expect(desk.part("login-username")).to_be_visible()
    assert "reason=left" in desk.page.url
    expect(desk.part("log-in-again")).to_have_count(0)
    assert other.faults == []


@contextmanager
def nobody_restarts(installation: Installation) -> Iterator[None]:
    """The supervisor holds still, so that what is killed stays dead."""
    supervisor = next(pid for pid, line in installation.commands().items() if "-m tradewright run" in line)
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def test_an_open_page_learns_that_nobody_looks_after_the_account(browser: Browser, claimed: Installation) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ru-RU")
    desk = Terminal(context, claimed.base)
    desk.log_in()
    desk.fill_ticket(quantity="0,01", price="50000")
    expect(desk.part("ticket-submit")).to_be_enabled()
    with nobody_restarts(claimed):
        claimed.kill("worker")
        expect(desk.part("ticket-submit")).to_be_disabled()
        expect(desk.part("ticket-reason")).to_contain_text("Симуляция: Подключается")
        desk.part("exch-indicator").click()
        expect(desk.page.get_by_text("Рабочий процесс не запущен").first).to_be_visible()
        desk.page.keyboard.press("Escape")
        # What only reduces may go: it waits for the next worker.
        desk.part("ticket-reduce-only").check()
        expect(desk.part("ticket-submit")).to_be_enabled()
        desk.part("ticket-reduce-only").uncheck()
    expect(desk.part("ticket-submit")).to_be_enabled(timeout=RESTART_MS)
    assert desk.faults == []
    context.close()


LOOKS = [(theme, palette) for theme in ("dark", "light") for palette in (None, "classic", "inverted")]


def look(desk: Terminal, theme: str, palette: str | None) -> None:
    desk.page.evaluate(
        "([theme, palette]) => { const data = document.documentElement.dataset; data.theme = theme;"
        " if (palette) data.palette = palette; else delete data.palette; }",
        [theme, palette],
    )


def test_numbers_of_a_page_that_hears_nothing_are_dim_and_stay_readable_in_every_look(
    desk: Terminal, claimed: Installation
) -> None:
    desk.tab("balances")
    expect(desk.page.get_by_role("row").filter(has_text="USDT").first).to_be_visible()
    places = ("[data-testid=last-price]", ".book-price", "[role=tabpanel] td.number")
    for place in places:
        expect(desk.page.locator(place).first).to_contain_text(re.compile(r"\d"))
    fresh = {}
    for chosen in LOOKS:
        look(desk, *chosen)
        fresh[chosen] = [texts(desk, place)[0] for place in places]
    api = claimed.pid_of("api")
    with nobody_restarts(claimed):
        os.kill(api, signal.SIGSTOP)
        try:
            for place in (".figures.is-old", ".book.is-old", "[role=tabpanel] .old"):
                expect(desk.page.locator(place).first).to_be_visible()
            for chosen in LOOKS:
                look(desk, *chosen)
                found = texts(desk, ".old, .is-old")
                assert sum(bool(re.search(r"\d", one["text"])) for one in found) > 20, found
                assert [one for one in found if one["contrast"] < READABLE] == [], chosen
                for before, place in zip(fresh[chosen], places, strict=True):
                    now = texts(desk, place)[0]
                    # What is coloured may have hardly more contrast than it must have: then it loses its colour.
                    is_dimmer = now["contrast"] < before["contrast"] or now["colour"] < before["colour"] / 1.5
                    assert is_dimmer, (chosen, place, before, now)
        finally:
            os.kill(api, signal.SIGCONT)
    expect(desk.part("link-indicator")).to_have_attribute("data-state", "live", timeout=RESTART_MS)
    expect(desk.page.locator(".figures.is-old")).to_have_count(0)


def test_a_link_to_the_login_leads_nowhere_else(terminal: Terminal, claimed: Installation) -> None:
    asked: list[str] = []
    terminal.page.on("request", lambda request: asked.append(request.url))
    terminal.page.goto(f"{claimed.base}/login?next=https://elsewhere.invalid/x")
    terminal.part("login-username").fill("anna")
    terminal.part("login-password").fill(PASSWORD)
    terminal.part("login-submit").click()
    terminal.wait_ready()
    assert [url for url in asked if "elsewhere" in url and not url.startswith(f"{claimed.base}/login")] == []
    # Nonsense in an address of our own is left out.
    terminal.page.goto(terminal.page.url.partition("?")[0] + "?tf=7m&tab=nothing&scope=9")
    terminal.wait_ready()
    expect(terminal.part("tab-orders")).to_have_attribute("aria-selected", "true")
