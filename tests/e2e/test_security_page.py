"""Second factors on the page, in both languages: an authenticator and recovery codes, log-in in two steps, a passkey of
the browser's virtual authenticator, log-in by it alone, and what is asked again before it is done.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import psycopg
import pyotp
import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.installation import PASSWORD, Installation, installed

WORDS = {"en": "Your recovery codes", "ru": "Ваши коды восстановления"}


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installed() as running:
        running.claim()
        running.account()
        yield running


@pytest.fixture
def terminal(browser: Browser, house: Installation, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    locale = "ru-RU" if getattr(request, "param", "en") == "ru" else "en-US"
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=locale)
    terminal = Terminal(context, house.base)
    yield terminal
    context.close()
    # 403: the proof that is asked for before something is done.
    assert [fault for fault in terminal.faults if "status of 403" not in fault] == []


def virtual_authenticator(terminal: Terminal) -> None:
    """What a laptop with a fingerprint reader has; it answers by itself."""
    devtools = terminal.context.new_cdp_session(terminal.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def fresh_code(secret: str, used: set[str]) -> str:
    """A code that was not used yet: those of the next step are taken as well, so nobody waits for the clock here."""
    codes = pyotp.TOTP(secret)
    now = time.time()
    for moment in (now - 30, now, now + 30):
        code = codes.at(int(moment))
        if code not in used:
            used.add(code)
            return code
    raise AssertionError("three codes were used within one step")


def forget_proofs(house: Installation) -> None:
    """As if everybody had logged in an hour ago."""
    with psycopg.connect(json.loads((house.home / "database.json").read_text())["url"]) as connection:
        connection.execute("UPDATE sessions SET proved_at = proved_at - interval '1 hour'")


def to_security(terminal: Terminal) -> None:
    terminal.page.goto(f"{terminal.base}/settings/security")
    expect(terminal.part("totp")).to_be_visible()


def log_out(terminal: Terminal) -> None:
    terminal.part("user-menu").click()
    terminal.part("log-out").click()
    expect(terminal.part("login-submit")).to_be_visible()


def password_step(terminal: Terminal) -> None:
    terminal.part("login-username").fill("anna")
    terminal.part("login-password").fill(PASSWORD)
    terminal.part("login-submit").click()
    expect(terminal.part("second-step")).to_be_visible()


def fits(terminal: Terminal) -> None:
    assert terminal.page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("terminal", ["en", "ru"], indirect=True)
def test_an_authenticator_then_a_passkey_are_set_up_and_let_their_person_in(
    terminal: Terminal, request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["terminal"]
    virtual_authenticator(terminal)
    terminal.log_in()
    used: set[str] = set()

    # The authenticator: QR code and secret, a wrong code, the right one, the codes shown once.
    to_security(terminal)
    terminal.part("totp-begin").click()
    expect(terminal.part("totp-qr")).to_be_visible()
    secret = terminal.part("totp-secret").inner_text().replace(" ", "").strip()
    terminal.part("totp-code").fill("12")
    terminal.part("totp-confirm").click()
    expect(terminal.part("totp-enrol").locator(".fault")).to_be_visible()
    terminal.part("totp-code").fill(fresh_code(secret, used))
    terminal.part("totp-confirm").click()
    expect(terminal.part("recovery-codes")).to_contain_text(WORDS[language])
    codes = terminal.part("recovery-codes").locator("li").all_inner_texts()
    assert len(codes) == 10
    fits(terminal)
    terminal.part("codes-done").click()
    expect(terminal.part("recovery-codes")).to_have_count(0)
    expect(terminal.part("totp-on")).to_be_visible()

    # Out and in again, in two steps; a code that was used does not open.
    log_out(terminal)
    password_step(terminal)
    fits(terminal)
    terminal.part("second-code").fill(next(iter(used)))
    terminal.part("second-submit").click()
    expect(terminal.part("second-error")).to_be_visible()
    terminal.part("second-code").fill(fresh_code(secret, used))
    terminal.part("second-submit").click()
    terminal.wait_ready()

    # A passkey, by which alone one logs in.
    to_security(terminal)
    terminal.part("passkey-add").click()
    terminal.part("passkey-name").fill("Laptop")
    terminal.part("passkey-save").click()
    expect(terminal.part("passkey")).to_contain_text("Laptop")
    expect(terminal.part("passkey")).to_contain_text("localhost")
    log_out(terminal)
    terminal.part("login-passkey").click()
    terminal.wait_ready()

    # And as the second step; a recovery code as well.
    log_out(terminal)
    password_step(terminal)
    terminal.part("second-passkey").click()
    terminal.wait_ready()
    log_out(terminal)
    password_step(terminal)
    terminal.part("second-code").fill(codes[0])
    terminal.part("second-submit").click()
    terminal.wait_ready()
    to_security(terminal)
    expect(terminal.part("recovery-left")).to_contain_text("9")

    # Away again, so that the next language finds the house as it was.
    terminal.part("passkey-remove").click()
    terminal.part("passkey-remove-dialog-confirm").click()
    expect(terminal.part("passkey")).to_have_count(0)
    terminal.part("totp-remove").click()
    terminal.part("totp-remove-dialog-confirm").click()
    expect(terminal.part("totp-on")).to_have_count(0)


def test_a_proof_is_asked_for_in_place_and_the_deed_is_done_after_it(terminal: Terminal, house: Installation) -> None:
    terminal.log_in()
    to_security(terminal)
    forget_proofs(house)
    terminal.part("totp-begin").click()
    expect(terminal.part("step-up")).to_be_visible()
    terminal.part("step-up-password").fill("a wrong password")
    terminal.part("step-up-confirm").click()
    expect(terminal.part("step-up-error")).to_be_visible()
    terminal.part("step-up-password").fill(PASSWORD)
    terminal.part("step-up-confirm").click()
    expect(terminal.part("step-up")).to_have_count(0)
    expect(terminal.part("totp-qr")).to_be_visible()
    # Closed without a proof nothing is done, and the page says why.
    terminal.page.reload()
    forget_proofs(house)
    terminal.part("totp-begin").click()
    expect(terminal.part("step-up-password")).to_be_focused()
    terminal.page.keyboard.press("Escape")
    expect(terminal.part("totp").locator("[role=alert]")).to_be_visible()


def test_at_an_ip_address_the_page_says_why_there_are_no_passkeys(terminal: Terminal, house: Installation) -> None:
    terminal.base = re.sub("//localhost", "//127.0.0.1", house.base)
    terminal.page.goto(terminal.base)
    expect(terminal.part("login-submit")).to_be_visible()
    expect(terminal.part("login-passkey")).to_have_count(0)
    terminal.log_in()
    to_security(terminal)
    expect(terminal.part("passkeys-refused")).to_contain_text("IP")
    expect(terminal.part("passkey-add")).to_have_count(0)
