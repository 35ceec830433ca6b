"""A session that ends while its page is shown: the page stays, one logs in on top of it and goes on; in both languages.

Nothing typed is lost, nothing is sent by itself, and nobody else sees what was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pyotp
import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from e2e.conftest import Terminal
from support.installation import PASSWORD, Installation, installed, wait_for

TITLES = {"en": "Log in again", "ru": "Войдите снова"}


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installed() as running:
        running.claim()
        running.account()
        yield running


@pytest.fixture
def desk(browser: Browser, house: Installation, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    locale = "ru-RU" if getattr(request, "param", "en") == "ru" else "en-US"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale=locale)
    opened = Terminal(context, house.base)
    opened.log_in()
    # Whatever loads the page anew takes this away.
    opened.page.evaluate("() => { window.__same = true; }")
    yield opened
    context.close()
    assert opened.faults == []


def revoke(house: Installation) -> None:
    """As from another device: every session but that one ends."""
    status, answer = house.request("POST", "/api/v1/sessions/end-others")
    assert status == 200, answer
    assert answer["ended"] >= 1


def stays(desk: Terminal) -> bool:
    """Whether it is the page that was there at first; one that is just being loaded is not."""
    with suppress(PlaywrightError):
        return bool(desk.page.evaluate("() => window.__same === true"))
    return False


def log_in(desk: Terminal, *, username: str | None = None) -> None:
    if username is not None:
        desk.part("login-username").fill(username)
    desk.part("login-password").fill(PASSWORD)
    desk.part("login-submit").click()


def orders(house: Installation) -> list[object]:
    return list(house.table(house.account(), "orders")["orders"])


@pytest.mark.parametrize("desk", ["en", "ru"], indirect=True)
def test_a_half_typed_ticket_outlives_the_session_and_nothing_is_sent(
    desk: Terminal, house: Installation, request: pytest.FixtureRequest
) -> None:
    before = orders(house)
    desk.fill_ticket(quantity="0.055", price="50001.5")
    address = desk.page.url
    revoke(house)
    with suppress(PlaywrightTimeout):  # the dialog may be quicker than the press
        desk.part("ticket-submit").click(timeout=2_000)
    again = desk.part("log-in-again")
    expect(again).to_contain_text(TITLES[request.node.callspec.params["desk"]])
    expect(desk.part("login-username")).to_have_value("anna")
    expect(desk.part("login-password")).to_be_focused()
    # What is behind it is old, and looks so; nothing closes the question but an answer.
    expect(desk.part("link-indicator")).to_have_attribute("data-state", "signed_out")
    for _ in range(3):
        desk.page.keyboard.press("Escape")
    expect(again).to_be_visible()
    desk.part("login-password").fill("a wrong password")
    desk.part("login-submit").click()
    expect(desk.part("login-error")).to_be_visible()
    log_in(desk)
    expect(again).to_have_count(0)
    desk.wait_ready()
    assert (desk.page.url, stays(desk)) == (address, True)
    expect(desk.part("ticket-quantity")).to_have_value("0.055")
    expect(desk.part("ticket-price")).to_have_value("50001.5")
    expect(desk.part("ticket-reason")).to_have_text("")
    expect(desk.part("ticket-form")).to_have_attribute("data-phase", "editing")
    assert orders(house) == before
    # The numbers move again, and the same ticket is sent once it is pressed.
    first = desk.part("last-price").inner_text()
    wait_for(lambda: desk.part("last-price").inner_text() != first, "the price moves")
    desk.submit()
    wait_for(lambda: len(orders(house)) == len(before) + 1, "the order is there")


def test_a_form_of_the_settings_stays_and_its_answer_is_given_after_it(desk: Terminal, house: Installation) -> None:
    desk.page.goto(f"{desk.base}/settings/tokens")
    desk.page.evaluate("() => { window.__same = true; }")
    desk.part("token-add").click()
    desk.part("token-name").fill("half typed")
    revoke(house)
    with suppress(PlaywrightTimeout):
        desk.part("token-submit").click(timeout=2_000)
    expect(desk.part("log-in-again")).to_be_visible()
    log_in(desk)
    expect(desk.part("log-in-again")).to_have_count(0)
    expect(desk.part("token-name")).to_have_value("half typed")
    desk.part("token-submit").click()
    assert desk.part("token-text").input_value().startswith("tw_")
    assert stays(desk)


def test_a_second_factor_is_asked_there_as_well(desk: Terminal, house: Installation) -> None:
    desk.page.goto(f"{desk.base}/settings/security")
    desk.part("totp-begin").click()
    secret = desk.part("totp-secret").inner_text().replace(" ", "").strip()
    codes = pyotp.TOTP(secret)
    desk.part("totp-code").fill(codes.now())
    desk.part("totp-confirm").click()
    expect(desk.part("recovery-codes")).to_be_visible()
    recovery = desk.page.locator(".recovery-codes li").all_inner_texts()
    desk.part("codes-done").click()
    desk.page.evaluate("() => { window.__same = true; }")
    revoke(house)
    expect(desk.part("log-in-again")).to_be_visible()
    log_in(desk)
    expect(desk.part("second-step")).to_be_visible()
    desk.part("second-code").fill(recovery[0])
    desk.part("second-submit").click()
    expect(desk.part("log-in-again")).to_have_count(0)
    expect(desk.part("recovery-left")).to_contain_text("9")
    assert stays(desk)
    desk.part("totp-remove").click()
    desk.part("totp-remove-dialog-confirm").click()
    expect(desk.part("totp-on")).to_have_count(0)


def test_another_person_begins_anew_and_finds_nothing_of_the_first(
    browser: Browser, desk: Terminal, house: Installation
) -> None:
    status, invited = house.request("POST", "/api/v1/workspace/invitations", {"role": "viewer"})
    assert status == 201, invited
    context = browser.new_context(locale="en-US")
    guest = Terminal(context, house.base)
    guest.page.goto(f"{house.base}/invite#{invited['token']}")
    guest.part("join-username").fill("boris")
    guest.part("join-password").fill(PASSWORD)
    guest.part("join-submit").click()
    guest.wait_ready()
    context.close()

    desk.fill_ticket(quantity="0.066", price="50002.5")
    revoke(house)
    expect(desk.part("log-in-again")).to_be_visible()
    log_in(desk, username="boris")
    wait_for(lambda: not stays(desk), "the page is loaded anew")
    desk.wait_ready()
    desk.part("user-menu").click()
    expect(desk.page.get_by_text(re.compile("boris")).first).to_be_visible()
    expect(desk.part("ticket-quantity")).to_have_value("")
    assert "50002" not in desk.page.evaluate("() => JSON.stringify({...sessionStorage})")


def test_a_tab_that_comes_back_finds_that_another_has_logged_in(desk: Terminal, house: Installation) -> None:
    second = Terminal(desk.context, desk.base)
    second.page.goto(desk.base)
    second.wait_ready()
    revoke(house)
    for tab in (desk, second):
        expect(tab.part("log-in-again")).to_be_visible()
    log_in(second)
    second.wait_ready()
    desk.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    expect(desk.part("log-in-again")).to_have_count(0)
    desk.wait_ready()
    assert stays(desk)
    assert second.faults == []


def test_who_does_not_want_to_leaves_for_the_login_and_comes_back_to_the_same_address(
    desk: Terminal, house: Installation
) -> None:
    desk.page.goto(f"{desk.base}/settings/sessions")
    expect(desk.part("own-session").first).to_be_visible()
    revoke(house)
    desk.part("again-leave").click()
    expect(desk.part("log-in-again")).to_have_count(0)
    expect(desk.part("login-submit")).to_be_visible()
    assert "reason=expired" in desk.page.url
    log_in(desk, username="anna")
    expect(desk.part("own-session").first).to_be_visible()
