"""What happened, in the page: the bell, the centre, channels with their rules, and price alerts. One installation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.installation import Installation

HOSTILE = "<img src=x onerror=window.__hit=1 class=hit>"


@pytest.fixture(scope="module")
def account(installation: Installation) -> str:
    installation.claim()
    return installation.account()


@pytest.fixture
def terminal(browser: Browser, installation: Installation, account: str) -> Iterator[Terminal]:
    context = browser.new_context()
    page = Terminal(context, f"http://localhost:{installation.port}")
    page.log_in()
    yield page
    # What is refused at a field is told there.
    assert [fault for fault in page.faults if "status of 422" not in fault] == []
    context.close()


def test_an_order_that_a_limit_refused_rings_the_bell_and_is_read(
    terminal: Terminal, installation: Installation, account: str
) -> None:
    bell = terminal.part("bell")
    expect(bell).to_have_attribute("data-unread", "0")
    price = str(int(Decimal(installation.last_price()) * Decimal("0.9")))
    installation.limit(account, price, quantity="900", note="far beyond every limit")
    expect(bell).to_have_attribute("data-unread", "1")
    bell.click()
    row = terminal.part("news-row")
    expect(row).to_have_attribute("data-kind", "limit_hit")
    expect(row).to_contain_text("BTCUSDT")
    terminal.part("news-read").click()
    expect(row).to_have_attribute("data-read", "true")
    expect(bell).to_have_attribute("data-unread", "0")
    terminal.part("news-unread").press(" ")  # a toast may lie over it
    expect(terminal.part("news-empty")).to_be_visible()


def test_an_alert_tells_with_another_screen_open_and_shows_a_note_as_text(
    terminal: Terminal, installation: Installation
) -> None:
    terminal.page.goto(f"{terminal.base}/alerts")
    terminal.part("alert-add").click()
    terminal.part("alert-price").fill("0")
    terminal.part("alert-submit").click()
    expect(terminal.part("alert-form")).to_contain_text("above zero")
    # Far away, so that it is on the other side for certain.
    terminal.part("alert-price").fill(str(int(Decimal(installation.last_price()) * 3)))
    terminal.part("alert-note").fill(HOSTILE)
    terminal.part("alert-submit").click()
    alert = terminal.part("alert")
    expect(alert).to_contain_text(HOSTILE)
    expect(alert).to_have_attribute("data-state", "waiting")
    terminal.part("alert-pause").click()
    expect(alert).to_have_attribute("data-state", "paused")
    terminal.part("alert-resume").click()
    expect(alert).to_have_attribute("data-state", "waiting")
    # The line comes near, and the price goes over it.
    terminal.part("alert-edit").click()
    terminal.part("alert-price").fill(str(int(Decimal(installation.last_price()) * Decimal("1.02"))))
    terminal.part("alert-submit").click()
    expect(terminal.part("alert-form")).to_have_count(0)
    terminal.page.goto(terminal.base)
    bell = terminal.part("bell")
    for fraction in ("0.05", "-0.048") * 5:  # a price that is beyond it when the change is first judged is no crossing
        jump = {"kind": "price_jump", "base_coin": "BTC", "fraction": fraction}
        installation.exchange_control("POST", "/sim/faults", jump)
        terminal.page.wait_for_timeout(3_000)
        if bell.get_attribute("data-unread") != "0":
            break
    expect(bell).not_to_have_attribute("data-unread", "0")
    bell.click()
    row = terminal.page.locator("[data-testid=news-row][data-kind=price_alert]").first
    expect(row).to_contain_text(HOSTILE)
    assert terminal.page.evaluate("document.querySelectorAll('.hit').length + (window.__hit ?? 0)") == 0
    row.get_by_role("link").click()
    expect(terminal.part("alert")).to_have_attribute("data-state", "fired")
    terminal.part("alert-remove").click()
    terminal.part("question-act").click()
    expect(terminal.part("alerts-empty")).to_be_visible()


def test_a_channel_is_refused_added_tried_and_given_rules(terminal: Terminal) -> None:
    terminal.page.goto(f"{terminal.base}/settings/notifications")
    expect(terminal.part("channels-empty")).to_be_visible()
    terminal.part("channel-add").click()
    terminal.part("channel-name").fill("<b class=hit>Phone</b>")
    terminal.part("channel-address").fill("jsons://127.0.0.1/secret-path")
    terminal.part("channel-submit").click()
    expect(terminal.part("channel-form")).to_contain_text("TRADEWRIGHT_OUTBOUND_ALLOW")
    terminal.part("channel-address").fill("tgram://123456789:abcdefghijklmnopqrstuvwxyz0123456789/12345/")
    terminal.part("channel-submit").click()
    channel = terminal.part("channel")
    expect(channel).to_contain_text("<b class=hit>Phone</b>")
    expect(channel).not_to_contain_text("abcdefghijklmnop")
    rule = terminal.part("rule-kill")
    rule.get_by_role("checkbox").check()
    terminal.part("quiet-from").fill("22:30")
    terminal.part("quiet-to").fill("07:00")
    terminal.part("time-zone").fill("Nowhere/City")
    terminal.part("news-save").click()
    expect(terminal.part("news-fault")).to_contain_text("Nowhere/City")
    terminal.part("time-zone").fill("UTC")
    terminal.part("news-save").click()
    expect(terminal.part("news-fault")).to_have_count(0)
    terminal.page.reload()
    expect(terminal.part("rule-kill").get_by_role("checkbox")).to_be_checked()
    expect(terminal.part("quiet-from")).to_have_value("22:30")
    terminal.part("channel-remove").click()
    terminal.part("question-act").click()
    expect(terminal.part("channels-empty")).to_be_visible()
    assert terminal.page.evaluate("document.querySelectorAll('.hit').length + (window.__hit ?? 0)") == 0
