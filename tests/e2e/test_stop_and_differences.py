"""What a person does when something is wrong: stops all of it and lets it go again, and decides about a difference.

Against a whole installation with its simulated exchange; what was done is looked up at the exchange itself.
"""

from __future__ import annotations

import re

from playwright.sync_api import expect

from e2e.conftest import Terminal
from support.installation import PASSWORD, Installation, wait_for

# Every socket that the page opens is lost at once.
NO_STREAM = """
window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose?.({ code: 1006 }), 0); }
  send() {}
  close() {}
};
"""


def open_orders(installation: Installation) -> int:
    return len(installation.exchange_get("/v5/order/realtime", category="linear", settleCoin="USDT")["list"])


def low_price(terminal: Terminal) -> int:
    digits = re.sub(r"[^0-9.]", "", terminal.part("last-price").inner_text())
    return int(float(digits) * 0.9)


def test_trading_is_stopped_by_a_held_key_stays_stopped_over_a_reload_and_is_released(
    terminal: Terminal, installation: Installation
) -> None:
    terminal.claim(installation.greeted_link())
    terminal.fill_ticket(quantity="0.01", price=str(low_price(terminal)))
    terminal.submit()
    expect(terminal.page.locator("[data-row-status=working]")).to_have_count(1)
    terminal.fill_ticket(kind="market", quantity="0.01")
    terminal.submit()
    terminal.tab("positions")
    expect(terminal.part("position-row")).to_have_count(1)
    # Nobody asked for a stop of it, and the table says so.
    expect(terminal.part("shield")).to_have_attribute("data-state", "none")
    assert open_orders(installation) == 1

    # How the position came about: the request that was sent stands between the wish and its fill.
    terminal.tab("history")
    terminal.part("order-row").first.locator(".chip-button").click()
    expect(terminal.page.locator("[data-step=fill]")).to_have_count(1)
    steps = terminal.part("trace-step").evaluate_all("(rows) => rows.map((row) => row.dataset.step)")
    assert steps[:3] == ["intent", "verdict", "request"], steps
    terminal.page.keyboard.press("Escape")

    terminal.page.keyboard.press("Control+Shift+K")
    expect(terminal.part("kill-confirm")).to_be_focused()
    expect(terminal.part("kill-close")).not_to_be_checked()
    # A press alone stops nothing.
    terminal.page.keyboard.press("Enter")
    expect(terminal.part("kill-told")).to_contain_text("nothing was stopped")
    terminal.page.keyboard.down("Enter")
    expect(terminal.part("kill-pulled")).to_be_visible()
    terminal.page.keyboard.up("Enter")
    expect(terminal.part("kill-account")).to_have_attribute("data-state", "done")
    wait_for(lambda: open_orders(installation) == 0 or None, "the order is cancelled at the exchange")
    terminal.page.keyboard.press("Escape")
    # The position stays, as the sheet said; nothing more is risked, after a reload too.
    terminal.page.reload()
    terminal.wait_ready()
    expect(terminal.part("kill-banner")).to_be_visible()
    expect(terminal.part("kill-open-count")).to_contain_text("Orders to cancel: 0, open positions: 1")
    terminal.fill_ticket(quantity="0.01", price=str(low_price(terminal)))
    terminal.submit()
    expect(terminal.page.get_by_text("Everything is stopped here").first).to_be_visible()
    assert open_orders(installation) == 0

    terminal.part("kill-details").click()
    terminal.part("kill-release").click()
    expect(terminal.part("kill-banner")).to_have_count(0)
    terminal.submit()
    wait_for(lambda: open_orders(installation) == 1 or None, "orders go again")


def test_an_order_from_elsewhere_blocks_its_symbol_until_somebody_decides(
    terminal: Terminal, installation: Installation
) -> None:
    terminal.log_in()
    price = str(low_price(terminal))
    made = installation.exchange_post(
        "/v5/order/create",
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.02",
            "price": price,
        },
    )
    expect(terminal.part("ticket-blocked")).to_be_visible()
    terminal.part("banner-drift").click()
    card = terminal.part("difference")
    expect(card).to_have_attribute("data-kind", "order.foreign")
    expect(card).to_contain_text("0.02")
    card.get_by_test_id("difference-close").click()
    expect(terminal.part("difference-confirm")).to_contain_text("cancelled at the exchange")
    terminal.part("difference-decide").click()
    expect(terminal.part("differences-empty")).to_be_visible()
    there = installation.exchange_get("/v5/order/realtime", category="linear", orderId=made["orderId"])["list"]
    assert [row["orderStatus"] for row in there] in ([], ["Cancelled"])
    terminal.page.go_back()
    terminal.wait_ready()
    expect(terminal.part("ticket-blocked")).to_have_count(0)


def test_a_page_whose_stream_never_opens_stops_and_releases_by_pointer_and_by_word(
    terminal: Terminal, installation: Installation
) -> None:
    terminal.page.add_init_script(NO_STREAM)
    terminal.page.goto(terminal.base)
    terminal.part("login-username").fill("anna")
    terminal.part("login-password").fill(PASSWORD)
    terminal.part("login-submit").click()
    expect(terminal.part("link-indicator")).to_have_attribute("data-state", re.compile("reconnecting|disconnected"))
    terminal.part("kill-open").click()
    box = terminal.part("kill-confirm").bounding_box()
    assert box is not None
    terminal.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    terminal.page.mouse.down()
    expect(terminal.part("kill-pulled")).to_be_visible()
    terminal.page.mouse.up()
    terminal.page.keyboard.press("Escape")
    terminal.part("kill-details").click()
    terminal.part("kill-release").click()
    expect(terminal.part("kill-banner")).to_have_count(0)

    terminal.part("kill-open").click()
    terminal.part("kill-typed").fill("stop")
    terminal.page.keyboard.press("Enter")
    expect(terminal.part("kill-pulled")).to_be_visible()
    expect(terminal.part("kill-account")).to_have_attribute("data-state", "done")
    terminal.page.keyboard.press("Escape")
    terminal.part("kill-details").click()
    terminal.part("kill-release").click()
    expect(terminal.part("kill-banner")).to_have_count(0)
