"""A phone reaches every screen of people, keys and settings by its menu, and none goes sideways; in both languages.

Against a whole installation with something on each screen: an account of real money, a token, an invitation, a member,
a second workspace, a backtest.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.connecting import until_session
from support.installation import PASSWORD, Installation, installed, wait_for
from support.live_exchange import LiveExchange, add_live, live_exchange

# What each screen is known by.
SCREENS = {
    "/settings/profile": "password-form",
    "/settings/security": "totp",
    "/settings/sessions": "own-session",
    "/settings/tokens": "token",
    "/settings/accounts": "connection",
    "/settings/users": "member",
    "/settings/workspaces": "workspace",
    "/settings/installation": "user",
    "/audit": "audit-entry",
    "/backtests": "backtest-form",
}


@pytest.fixture(scope="module")
def exchange() -> Iterator[LiveExchange]:
    with live_exchange() as running:
        yield running


@pytest.fixture(scope="module")
def house(exchange: LiveExchange) -> Iterator[Installation]:
    with installed(environment=exchange.environment(real_trading=True)) as running:
        running.claim()
        running.account()
        yield running


@pytest.fixture(scope="module")
def account(house: Installation, exchange: LiveExchange) -> str:
    """The account of real money; everything else that the screens show is made beside it."""
    added = add_live(house, exchange)
    until_session(house, added, "ready")
    assert house.request("POST", "/api/v1/tokens", {"name": "bot", "scopes": ["read"], "expires_in_days": 7})[0] == 201
    other = {"id": str(uuid.uuid4()), "name": "Second place"}
    assert house.request("POST", "/api/v1/workspaces", other)[0] == 201
    for role in ("viewer", "trader"):
        assert house.request("POST", "/api/v1/workspace/invitations", {"role": role, "note": "for Boris"})[0] == 201
    return added


@pytest.fixture(scope="module")
def backtest(house: Installation, account: str) -> str:
    """One that has finished."""
    template = house.request("GET", "/api/v1/specs/templates")[1]["templates"][0]
    asked = {"id": str(uuid.uuid4()), "text": template["text"], "origin": "sim", "settings": {"equity": "5000"}}
    status, answer = house.request("POST", "/api/v1/backtests", asked)
    assert status == 202, answer

    def state() -> bool:
        return bool(house.request("GET", f"/api/v1/backtests/{asked['id']}")[1]["backtest"]["state"] == "finished")

    wait_for(state, "the backtest has finished", seconds=300)
    return asked["id"]


@pytest.fixture(scope="module")
def member(house: Installation, account: str, browser: Browser) -> None:
    """One more person, who may be removed."""
    status, invited = house.request("POST", "/api/v1/workspace/invitations", {"role": "viewer"})
    assert status == 201, invited
    context = browser.new_context(locale="en-US")
    guest = Terminal(context, house.base)
    guest.page.goto(f"{house.base}/invite#{invited['token']}")
    guest.part("join-username").fill("boris")
    guest.part("join-password").fill(PASSWORD)
    guest.part("join-submit").click()
    expect(guest.part("join-submit")).to_have_count(0)
    context.close()


def opened(
    browser: Browser, house: Installation, *, theme: str = "dark", language: str = "en", width: int = 1440
) -> Any:
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 768 else 900},
        locale="ru-RU" if language == "ru" else "en-US",
        color_scheme="dark" if theme == "dark" else "light",
        has_touch=width < 768,
        reduced_motion="reduce",
    )
    return Terminal(context, house.base)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_phone_reaches_every_screen_by_its_menu_and_nothing_goes_sideways(
    browser: Browser, house: Installation, account: str, backtest: str, member: None, language: str
) -> None:
    phone = opened(browser, house, language=language, width=390)
    phone.log_in()

    def fits(place: str) -> None:
        width = phone.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 390, f"{place} is {width} px wide"

    for name, address in (("backtests", "/backtests"), ("accounts", "/settings/accounts"), ("terminal", "/terminal/")):
        phone.part("user-menu").click()
        phone.part(f"menu-{name}").click()
        phone.page.wait_for_url(re.compile(re.escape(address)))
        expect(phone.page.locator("#main")).to_be_visible()
        fits(name)
    phone.part("user-menu").click()
    phone.part("to-settings").click()
    for place, part in SCREENS.items():
        if place == "/backtests":
            continue
        phone.part(f"section-{place.rsplit('/', 1)[-1]}").click()
        expect(phone.part(part).first).to_be_visible()
        fits(place)
    for place in (
        f"/settings/accounts/{account}",
        f"/settings/accounts/{account}/differences",
        f"/backtests/{backtest}",
    ):
        phone.page.goto(f"{phone.base}{place}")
        expect(phone.page.locator("#main")).to_be_visible()
        fits(place)
    assert phone.faults == []
    phone.context.close()
