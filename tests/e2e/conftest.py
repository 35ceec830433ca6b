"""A real Chromium against a whole installation. Where no browser is found the layer skips, and the runner says so.

Lives here: the browser, an installation for the module, and `Terminal`, the page as a person uses it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from support.installation import PASSWORD, Installation, installed

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A headless Chromium without a display, and without its habit of calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000  # against hanging only: a machine may be doing ten other things
RESTART_MS = 180_000  # of a process that was killed, until the page knows that it is back
expect.set_options(timeout=PATIENCE_MS)


def installed_browser() -> str | None:
    return os.environ.get("TRADEWRIGHT_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = installed_browser()
    if path is None:
        pytest.skip("no Chromium was found")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed() as running:
        yield running


class Terminal:
    """The page, with what it said on its console."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base = base
        self.context = context
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        # A lost connection or a refusal is what some tests are about; anything else on the console is a fault.
        # 404: what the server says of an intent that it never got, when a lost answer is looked for.
        expected = ("net::ERR_", "WebSocket connection", *(f"status of {code}" for code in (401, 404, 409, 503)))
        if message.type == "error" and not any(text in message.text for text in expected):
            self.faults.append(f"console: {message.text}")

    def part(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def claim(self, link: str, *, username: str = "anna") -> None:
        self.page.goto(link)
        self.part("claim-username").fill(username)
        self.part("claim-password").fill(PASSWORD)
        self.part("claim-submit").click()
        self.wait_ready()

    def log_in(self, *, username: str = "anna") -> None:
        self.page.goto(self.base)
        self.part("login-username").fill(username)
        self.part("login-password").fill(PASSWORD)
        self.part("login-submit").click()
        self.wait_ready()

    def wait_ready(self) -> None:
        expect(self.part("ticket-form")).to_be_visible()
        expect(self.part("link-indicator")).to_have_attribute("data-state", "live")
        expect(self.part("exch-indicator")).to_have_attribute("data-state", "live")
        expect(self.part("last-price")).to_contain_text(re.compile(r"[0-9]"))

    def fill_ticket(self, *, side: str = "buy", kind: str = "limit", quantity: str, price: str | None = None) -> None:
        self.part(f"ticket-type-{kind}").click()
        self.part(f"ticket-side-{side}").click()
        self.part("ticket-quantity").fill(quantity)
        if price is not None:
            self.part("ticket-price").fill(price)

    def submit(self) -> None:
        expect(self.part("ticket-submit")).to_be_enabled()
        self.part("ticket-submit").click()

    def watch_statuses(self) -> None:
        """Notes every status that any order's chip shows from now on, however briefly."""
        self.page.evaluate(
            """() => {
              window.__seen = [];
              window.__phases = [];
              const form = document.querySelector('[data-testid=ticket-form]');
              const look = () => { window.__phases.push(form.dataset.phase);
              document.querySelectorAll('[data-testid=order-row]').forEach((row) => {
                const chip = row.querySelector('[data-testid=order-status]');
                if (!chip) return;
                const seen = `${row.dataset.orderId} ${chip.dataset.status}`;
                if (!window.__seen.includes(seen)) window.__seen.push(seen);
              }); };
              look();
              new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
            }"""
        )

    def statuses_of(self, order_id: str) -> list[str]:
        seen: list[str] = self.page.evaluate("() => window.__seen")
        return [entry.split(" ")[1] for entry in seen if entry.split(" ")[0] == order_id]

    def ticket_phases(self) -> list[str]:
        """What the ticket went through since `watch_statuses`."""
        phases: list[str] = self.page.evaluate("() => window.__phases")
        return phases

    def order_ids(self) -> list[str]:
        # In one look: a row that has ended leaves after a while, perhaps between two.
        found: list[str] = self.part("order-row").evaluate_all("(rows) => rows.map((row) => row.dataset.orderId)")
        return found

    def asked_order_ids(self) -> list[str]:
        """Without the exits that an entry brought."""
        found: list[str] = self.part("order-row").evaluate_all(
            "(rows) => rows.filter((row) => row.dataset.source !== 'attached').map((row) => row.dataset.orderId)"
        )
        return found

    def order(self, order_id: str) -> Locator:
        return self.page.locator(f"[data-testid=order-row][data-order-id='{order_id}']")

    def chip(self, order_id: str) -> Locator:
        return self.order(order_id).get_by_test_id("order-status")

    def tab(self, name: str) -> None:
        self.part(f"tab-{name}").click()


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 1440, "height": 900}, "locale": "en-US", "color_scheme": "dark"}


@pytest.fixture
def terminal(browser: Browser, installation: Installation, context_options: dict[str, Any]) -> Iterator[Terminal]:
    """A fresh browser profile; the test fails when the page complained on its console."""
    context = browser.new_context(**context_options)
    opened = Terminal(context, installation.base)
    yield opened
    faults = opened.faults
    context.close()
    assert faults == []
