"""`make pictures`: the pictures of the docs, taken anew from a fresh installation with a demo account beside it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from e2e.conftest import ARGUMENTS, Terminal, installed_browser
from support.demo_exchange import DemoExchange, demo_exchange
from support.installation import Installation, installed

IMAGES = Path(__file__).parents[1] / "docs/images"


def main() -> None:
    with demo_exchange() as demo, installed(environment=demo.environment()) as house, sync_playwright() as driver:
        house.claim()
        house.account()
        browser = driver.chromium.launch(executable_path=installed_browser(), args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="en-US", color_scheme="dark", reduced_motion="reduce"
        )
        page = Terminal(context, house.base)
        page.log_in()
        terminal(page, house)
        accounts(page, house, demo)
        browser.close()


def terminal(page: Terminal, house: Installation) -> None:
    """A position with its exits, orders that wait, and a ticket with its preview."""
    tickers = house.request("GET", "/api/v1/tickers")[1]["tickers"]
    last = int(float(next(each["last_price"] for each in tickers if each["symbol"] == "BTCUSDT")))
    for share in (0.97, 0.98):
        page.fill_ticket(kind="limit", quantity="0.02", price=str(int(last * share)))
        page.submit()
        expect(page.part("ticket-form")).to_have_attribute("data-phase", "editing", timeout=15_000)
    page.fill_ticket(kind="market", quantity="0.05")
    page.submit()
    expect(page.part("ticket-form")).to_have_attribute("data-phase", "editing", timeout=15_000)
    page.fill_ticket(kind="limit", quantity="0.05", price=str(int(last * 0.99)))
    page.tab("orders")
    expect(page.part("order-row")).to_have_count(2)
    page.page.wait_for_timeout(4_000)  # candles and the preview are there, and no notice is in the way
    page.page.screenshot(path=IMAGES / "terminal.png")


def accounts(page: Terminal, house: Installation, demo: DemoExchange) -> None:
    """The form for a key, above an account that was added with it."""
    page.page.goto(f"{house.base}/settings/accounts")
    trading = demo.keys["trading"]
    for key, secret in ((trading["key"], trading["secret"]), ("", "")):
        page.part("connection-add").click()
        page.part("connection-env-demo").click()
        page.part("connection-name").fill("My demo" if key else "")
        page.part("connection-key").fill(key)
        page.part("connection-secret").fill(secret)
        if key:
            page.part("connection-submit").click()
            expect(page.part("connection")).to_have_attribute("data-state", "ok", timeout=30_000)
    page.page.screenshot(path=IMAGES / "accounts.png")


if __name__ == "__main__":
    main()
