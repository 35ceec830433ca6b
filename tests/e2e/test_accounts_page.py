"""A demo account from the page: its key added, checked, refused where it must be, traded on, and removed.

Against a simulated exchange in demo mode, a process of its own; the installation finds it where it looks for demo.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.demo_exchange import DemoExchange, demo_exchange
from support.installation import Installation, installed, wait_for


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoExchange]:
    with demo_exchange() as running:
        yield running


@pytest.fixture(scope="module")
def house(demo: DemoExchange) -> Iterator[Installation]:
    with installed(environment=demo.environment()) as running:
        running.claim()
        running.account()
        yield running


class Accounts(Terminal):
    def open(self) -> None:
        self.page.goto(f"{self.base}/settings/accounts")
        expect(self.part("simulated-account")).to_be_visible()

    def add(self, name: str, key: str, secret: str, proxy: str | None = None) -> None:
        self.part("connection-add").click()
        self.part("connection-env-demo").click()
        self.part("connection-name").fill(name)
        self.part("connection-key").fill(key)
        self.part("connection-secret").fill(secret)
        if proxy is not None:
            self.page.locator("details:not(.safe-key) summary").click()
            self.part("connection-proxy").fill(proxy)
        self.part("connection-submit").click()
        expect(self.part("connection-form")).to_have_count(0)

    def change_key(self, name: str, key: str, secret: str) -> None:
        self.card(name).get_by_test_id("connection-change").click()
        self.part("change-key").fill(key)
        self.part("change-secret").fill(secret)
        self.part("change-confirm").click()
        expect(self.part("change-dialog")).to_have_count(0)

    def card(self, name: str):  # type: ignore[no-untyped-def]  # a Locator
        return self.page.locator("[data-testid=connection]").filter(has_text=name)

    def remove(self, name: str) -> None:
        self.card(name).get_by_test_id("connection-remove").click()
        self.part("remove-typed").fill(name)
        self.part("remove-confirm").click()
        expect(self.card(name)).to_have_count(0)


@pytest.fixture(params=["en", "ru"])
def accounts(request: pytest.FixtureRequest, browser: Browser, house: Installation) -> Iterator[Accounts]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="ru-RU" if request.param == "ru" else "en-US"
    )
    opened = Accounts(context, house.base)
    opened.log_in()
    yield opened
    context.close()
    assert opened.faults == []


def since_of(house: Installation, name: str) -> tuple[str, int]:
    """What the account's session says, and since when, once it is ready."""

    def look() -> tuple[str, int] | None:
        found = house.request("GET", "/api/v1/accounts")[1]["accounts"]
        session = next((each["session"] for each in found if each["name"] == name), None)
        ready = session is not None and session["state"] == "ready"
        return (session["state"], session["since_ms"]) if ready else None

    return wait_for(look, f"{name} is ready")


def test_another_account_of_the_simulated_exchange_is_connected_by_its_key(
    accounts: Accounts, house: Installation
) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tradewright", "exchange-account", "--fund", "USDT=5000", "--json"],
        env={**os.environ, "TRADEWRIGHT_HOME": str(house.home)},
        capture_output=True,
        check=True,
    )
    opened = json.loads(said.stdout)
    accounts.open()
    accounts.part("connection-add").click()
    accounts.part("connection-env-sim").click()
    expect(accounts.part("safe-key")).to_be_visible()
    accounts.part("connection-name").fill("Practice")
    accounts.part("connection-key").fill(opened["key"])
    accounts.part("connection-secret").fill(opened["secret"])
    accounts.part("connection-submit").click()
    expect(accounts.card("Practice")).to_have_attribute("data-state", "ok")
    since_of(house, "Practice")
    accounts.remove("Practice")


def test_a_demo_account_is_added_checked_used_and_removed(
    accounts: Accounts, house: Installation, demo: DemoExchange
) -> None:
    accounts.open()
    # Real money waits for its gate, and the page says so before anything is typed.
    accounts.part("connection-add").click()
    accounts.part("connection-env-live").click()
    expect(accounts.part("connection-env-refused")).to_be_visible()
    expect(accounts.part("connection-submit")).to_be_disabled()
    accounts.part("connection-form").get_by_role("button").last.click()

    # Keys that must not be taken are refused with the reason, and their cards can be put away.
    for name, (key, secret) in {
        "Withdraws": (demo.keys["withdrawing"]["key"], demo.keys["withdrawing"]["secret"]),
        "Mistyped": (demo.keys["trading"]["key"], demo.keys["trading"]["secret"] + "x"),
    }.items():
        accounts.add(name, key, secret)
        expect(accounts.card(name)).to_have_attribute("data-state", "refused")
        expect(accounts.card(name).get_by_test_id("connection-reason")).not_to_be_empty()
        accounts.remove(name)

    # One that may only read is taken: its account is watched, and what stops everything says that it cannot there.
    accounts.add("Only looks", demo.keys["read_only"]["key"], demo.keys["read_only"]["secret"])
    expect(accounts.card("Only looks")).to_have_attribute("data-state", "ok")
    expect(accounts.card("Only looks").get_by_test_id("connection-warnings")).not_to_be_empty()
    expect(accounts.card("Only looks").get_by_test_id("top-up")).to_have_count(0)
    accounts.card("Only looks").get_by_test_id("connection-open").click()
    expect(accounts.part("env-badge").first).to_have_attribute("data-environment", "demo")
    expect(accounts.part("ticket-submit")).to_be_disabled()
    accounts.part("kill-open").click()
    expect(accounts.part("kill-read-only")).to_contain_text("Only looks")
    accounts.page.keyboard.press("Escape")
    accounts.open()
    accounts.remove("Only looks")

    # The good one, through a proxy of its own.
    trading = demo.keys["trading"]
    accounts.add("My demo", trading["key"], trading["secret"], proxy=demo.proxy_address())
    expect(accounts.card("My demo")).to_have_attribute("data-state", "ok")
    shown = accounts.card("My demo").inner_text()
    assert trading["key"][-4:] in shown
    assert not any(secret in accounts.page.content() for secret in (trading["key"], trading["secret"], "canary-proxy"))
    assert demo.uid in shown
    expect(accounts.card("My demo").get_by_test_id("connection-warnings")).not_to_be_empty()

    # Another key takes its place while the account goes on; one that may withdraw does not.
    session_since = since_of(house, "My demo")
    accounts.change_key("My demo", demo.keys["withdrawing"]["key"], demo.keys["withdrawing"]["secret"])
    note = accounts.card("My demo").get_by_test_id("connection-change-note")
    expect(note).to_have_attribute("data-state", "refused")
    expect(accounts.card("My demo")).to_have_attribute("data-state", "ok")
    note.get_by_test_id("connection-change-drop").click()
    expect(note).to_have_count(0)
    spare = demo.keys["spare"]
    accounts.change_key("My demo", spare["key"], spare["secret"])
    expect(accounts.card("My demo")).to_contain_text(spare["key"][-4:])
    expect(note).to_have_count(0)
    assert since_of(house, "My demo") == session_since, "the session went on, and never said otherwise"
    assert spare["secret"] not in accounts.page.content()

    # Play money, which this exchange gives once a minute: in one of the languages. And another name.
    if accounts.page.evaluate("document.documentElement.lang") == "en":
        accounts.card("My demo").get_by_test_id("top-up-ask").click()
        expect(accounts.card("My demo").get_by_test_id("top-up-state")).to_have_attribute("data-state", "done")
    accounts.card("My demo").get_by_test_id("connection-rename").click()
    accounts.part("rename-name").fill("Second demo")
    accounts.part("rename-confirm").click()
    expect(accounts.card("Second demo")).to_have_attribute("data-state", "ok")
    accounts.card("Second demo").get_by_test_id("connection-rename").click()
    accounts.part("rename-name").fill("My demo")
    accounts.part("rename-confirm").click()
    accounts.card("My demo").get_by_test_id("connection-open").click()

    # Used as any account: its own market, its own money, its own badge.
    expect(accounts.part("env-badge").first).to_have_attribute("data-environment", "demo")
    accounts.wait_ready()
    accounts.fill_ticket(kind="market", quantity="0.01")
    accounts.submit()
    accounts.tab("positions")
    expect(accounts.part("position-row")).to_have_count(1)
    there = [f for f in house.request("GET", "/api/v1/accounts")[1]["accounts"] if f["environment"] == "demo"]
    assert [account["name"] for account in there] == ["My demo"]
    accounts.part("position-close").click()
    accounts.part("close-submit").click()
    expect(accounts.part("position-row")).to_have_count(0)

    # To the simulated account and its market, which is another, and back to the page of accounts.
    demo_price = accounts.part("last-price").inner_text()
    accounts.part("account-switcher").click()
    accounts.part("account-option").filter(has_text="SIM").first.click()
    expect(accounts.part("env-badge").first).to_have_attribute("data-environment", "sim")
    accounts.wait_ready()
    wait_for(lambda: accounts.part("last-price").inner_text() != demo_price, "the other market has its own price")
    accounts.open()
    accounts.remove("My demo")
    wait_for(
        lambda: all(f["environment"] == "sim" for f in house.request("GET", "/api/v1/accounts")[1]["accounts"]),
        "the account rests",
    )


def test_the_process_that_serves_pages_holds_nothing_that_opens(accounts: Accounts, house: Installation) -> None:
    """Promise K5, of the real processes: neither their environment nor their memory has the private half, its text or
    the key-encryption key. The worker's memory does, by the same look: so the look finds what is there."""
    accounts.open()
    private = json.loads((house.home / "vault/trading.private").read_text())
    wanted = {name: [text.encode(), base64.b64decode(text)] for name, text in private.items()}
    found = {part: held_by(house.pid_of(part), wanted) for part in ("api", "jobs", "worker")}
    assert found["api"] == found["jobs"] == set()
    assert found["worker"], "the look finds what is there"


def held_by(pid: int, wanted: dict[str, list[bytes]]) -> set[str]:
    """Which of these are in the environment or the writable memory of a process."""
    content = [Path(f"/proc/{pid}/environ").read_bytes()]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            begin, end = (int(each, 16) for each in span.split("-"))
            if rights.startswith("rw"):
                with contextlib.suppress(OSError, ValueError):  # gone meanwhile, or not to be read
                    memory.seek(begin)
                    content.append(memory.read(end - begin))
    return {name for name, forms in wanted.items() if any(form in each for form in forms for each in content)}
