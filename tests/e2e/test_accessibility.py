"""Every screen of people, keys and settings, scanned by axe in both themes and languages.

Against a whole installation with something on each screen: accounts of demo and of real money, a token, an invitation,
a member, a second workspace, a backtest, a second factor.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from e2e.rules import Scan
from support.connecting import until_session
from support.installation import PASSWORD, Installation, installed, wait_for
from support.live_exchange import LiveExchange, add_live, live_exchange

# What each screen is known by before it is scanned.
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
# What is opened there, by what, and what shows that it is.
DIALOGS = {
    "/settings/security": ("totp-begin", "totp-enrol"),
    "/settings/tokens": ("token-add", "token-form"),
    "/settings/accounts": ("connection-add", "connection-form"),
    "/settings/users": ("member-remove", "question-act"),
    "/audit": ("audit-open", "audit-detail"),
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


@pytest.fixture(scope="module")
def scan() -> Scan:
    return Scan()


def opened(browser: Browser, house: Installation, *, theme: str, language: str) -> Any:
    """High enough that nothing of the ticket lies under its button, where a rule of size counts it as hidden."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 1300},
        locale="ru-RU" if language == "ru" else "en-US",
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    return Terminal(context, house.base)


# Contrast hangs on the theme and labels on the language, so two of the four looks show both.
@pytest.mark.parametrize(("theme", "language"), [("dark", "ru"), ("light", "en")])
def test_no_screen_breaks_a_rule_of_accessibility(
    browser: Browser,
    house: Installation,
    account: str,
    backtest: str,
    member: None,
    scan: Scan,
    theme: str,
    language: str,
) -> None:
    desk = opened(browser, house, theme=theme, language=language)
    found: dict[tuple[str, str], list[str]] = {}

    def look(place: str) -> None:
        for each in scan.violations(desk):
            found.setdefault((each["rule"], each["where"]), []).append(place)

    desk.page.goto(desk.base)
    expect(desk.part("login-submit")).to_be_visible()
    look("/login")
    desk.log_in()
    look("terminal")
    screens = SCREENS | {f"/settings/accounts/{account}": "limits", f"/backtests/{backtest}": "backtest-report"}
    for place, part in screens.items():
        desk.page.goto(f"{desk.base}{place}")
        expect(desk.part(part).first).to_be_visible()
        expect(desk.page.locator(".waiting")).to_have_count(0)
        look(place)
        if place in DIALOGS:
            button, shown = DIALOGS[place]
            desk.part(button).first.click()
            expect(desk.part(shown).first).to_be_visible()
            look(f"{place}, opened")
            desk.page.keyboard.press("Escape")
    desk.page.goto(f"{desk.base}/settings/accounts/{account}")
    desk.part("limits-edit").click()
    expect(desk.part("limits-form")).to_be_visible()
    look("limits, being edited")
    house.request("POST", "/api/v1/sessions/end-others")
    expect(desk.part("log-in-again")).to_be_visible()
    look("logging in again")
    desk.context.close()
    assert not found, "\n".join(f"{rule} at {where}: {', '.join(places)}" for (rule, where), places in found.items())
    assert desk.faults == []
