"""People on the page: invited, accepted in another browser, roles seen and held, removed and out; also in Russian.

One installation, whose operator Anna makes what each test needs; each person has a browser profile of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.installation import PASSWORD, Installation, installed

Opened = Callable[..., AbstractContextManager[Terminal]]


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installed() as running:
        running.claim()
        running.account()
        yield running


@pytest.fixture
def opened(browser: Browser, house: Installation) -> Opened:
    """A browser profile of somebody's own; it fails the test when its page complained on the console."""

    @contextmanager
    def open_one(language: str = "en") -> Iterator[Terminal]:
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="ru-RU" if language == "ru" else "en-US"
        )
        terminal = Terminal(context, house.base)
        yield terminal
        context.close()
        # 403: a trader's page asks for nothing that only owners see, but the tests do.
        assert [fault for fault in terminal.faults if "status of 403" not in fault] == []

    return open_one


def section(terminal: Terminal, name: str) -> None:
    terminal.page.goto(f"{terminal.base}/settings/{name}")
    expect(terminal.page.locator("#settings-title")).to_be_visible()


def invitation(anna: Terminal, role: str, note: str) -> str:
    section(anna, "users")
    anna.part("invite-role").select_option(role)
    anna.part("invite-note").fill(note)
    anna.part("invite-submit").click()
    link = anna.part("invitation-link").input_value()
    anna.part("invitation-done").click()
    expect(anna.part("invitation").filter(has_text=note)).to_have_count(1)
    return link


def join(person: Terminal, link: str, name: str) -> None:
    person.page.goto(link)
    expect(person.part("invite-offer")).to_contain_text("anna")
    # Out of the address at once: neither a screenshot nor the history has the token.
    assert "#" not in person.page.url
    person.part("join-username").fill(name)
    person.part("join-password").fill(PASSWORD)
    person.part("join-submit").click()
    person.wait_ready()


def member(terminal: Terminal, name: str):  # type: ignore[no-untyped-def]  # a Locator
    return terminal.page.locator(f"[data-testid=member][data-name='{name}']")


def fits(terminal: Terminal) -> None:
    """Nothing is wider than the page."""
    assert terminal.page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("language", "name", "trader", "viewer"),
    [("en", "boris", "Trader", "Viewer"), ("ru", "вера", "Трейдер", "Наблюдатель")],
)
def test_who_is_invited_comes_in_may_what_the_role_says_and_is_out_when_removed(
    opened: Opened, language: str, name: str, trader: str, viewer: str
) -> None:
    with opened(language) as anna, opened(language) as guest:
        anna.log_in()
        link = invitation(anna, "trader", f"for {name}")
        join(guest, link, name)

        # Seen by both, with the role; the link brings nobody in any more.
        section(guest, "users")
        expect(member(guest, name).get_by_test_id("member-role-text")).to_have_text(trader)
        expect(guest.part("invite-form")).to_have_count(0)
        expect(guest.part("member-remove")).to_have_count(0)
        expect(guest.part("section-installation")).to_have_count(0)
        section(anna, "users")
        expect(member(anna, name).get_by_test_id("member-role")).to_have_value("trader")
        expect(anna.part("invitation").filter(has_text=f"for {name}")).to_have_count(0)
        with opened(language) as late:
            late.page.goto(link)
            expect(late.part("invite-refused")).to_be_visible()
        # What the page does not offer, the server does not do either.
        status = guest.page.evaluate(
            "() => fetch('/api/v1/workspace/invitations', {method: 'POST', headers: {'content-type':"
            " 'application/json'}, body: JSON.stringify({role: 'owner'})}).then((answer) => answer.status)"
        )
        assert status == 403

        # Another role holds at once.
        member(anna, name).get_by_test_id("member-role").select_option("viewer")
        expect(member(anna, name).locator(".hint")).to_contain_text("look" if language == "en" else "смотреть")
        section(guest, "users")
        expect(member(guest, name).get_by_test_id("member-role-text")).to_have_text(viewer)
        fits(guest)

        # Removed while a page of theirs is open: it is out by itself.
        guest.page.goto(guest.base)
        guest.wait_ready()
        member(anna, name).get_by_test_id("member-remove").click()
        anna.part("question-act").click()
        expect(member(anna, name)).to_have_count(0)
        expect(guest.part("login-submit")).to_be_visible()
        # They may still log in, into an empty workspace of their own.
        guest.part("login-username").fill(name)
        guest.part("login-password").fill(PASSWORD)
        guest.part("login-submit").click()
        expect(guest.part("login-submit")).to_have_count(0)
        section(guest, "users")
        expect(guest.page.locator("#settings-title")).to_contain_text(name)
        expect(guest.part("member")).to_have_count(1)
        # The last owner stays one.
        guest.part("leave").click()
        guest.part("question-act").click()
        expect(guest.part("settings-fault")).to_be_visible()


def test_who_is_in_two_workspaces_goes_from_one_to_the_other_and_nothing_mixes(opened: Opened) -> None:
    with opened() as anna:
        anna.log_in()
        expect(anna.part("workspace-switcher")).to_have_count(0)
        section(anna, "workspaces")
        anna.part("workspace-create-name").fill("Second place")
        anna.part("workspace-create-submit").click()
        expect(anna.part("workspace")).to_have_count(2)
        fits(anna)
        second = anna.context.new_page()
        second.goto(f"{anna.base}/settings/users")
        expect(second.locator("#settings-title")).to_contain_text("anna")

        anna.part("workspace-switcher").click()
        anna.part("workspace-option").filter(has_text="Second place").click()
        expect(anna.page.get_by_role("link", name="Manage accounts")).to_be_visible()
        expect(anna.part("workspace-switcher")).to_contain_text("Second place")
        # The other tab showed the first one: it begins anew by itself, and shows nothing of it any more.
        expect(second.get_by_role("link", name="Manage accounts")).to_be_visible()
        second.close()

        section(anna, "workspaces")
        anna.part("workspace-go").click()
        anna.wait_ready()


def test_a_person_sees_where_they_are_signed_in_and_ends_it_there(opened: Opened) -> None:
    with opened() as anna, opened() as elsewhere:
        anna.log_in()
        elsewhere.log_in()
        section(anna, "sessions")
        expect(anna.page.locator("[data-testid=own-session][data-current=true]")).to_contain_text(re.compile("Chrom"))
        anna.part("end-others").click()
        expect(anna.part("own-session")).to_have_count(1)
        expect(elsewhere.part("login-submit")).to_be_visible()


def test_the_operator_disables_and_enables_and_changes_a_quota(opened: Opened) -> None:
    with opened() as anna, opened() as guest:
        anna.log_in()
        join(guest, invitation(anna, "viewer", "for Carl"), "carl")
        section(anna, "installation")
        carl = anna.page.locator("[data-testid=user][data-name=carl]")
        carl.get_by_test_id("user-switch").click()
        expect(carl).to_have_attribute("data-disabled", "true")
        expect(guest.part("login-submit")).to_be_visible()
        guest.part("login-username").fill("carl")
        guest.part("login-password").fill(PASSWORD)
        guest.part("login-submit").click()
        expect(guest.part("login-error")).to_contain_text("disabled this user")
        carl.get_by_test_id("user-switch").click()
        expect(carl).to_have_attribute("data-disabled", "false")

        place = anna.part("all-workspace").first
        place.locator("summary").click()
        row = place.get_by_test_id("quota-workspace-connections")
        row.get_by_role("textbox").fill("7")
        row.get_by_role("button").first.click()
        expect(row).to_contain_text("usual: 50")
        fits(anna)
        section(anna, "workspaces")
        expect(anna.part("quota-workspace-connections")).to_contain_text("7")


def test_a_forgotten_password_is_set_anew_by_a_link_from_the_machine(opened: Opened, house: Installation) -> None:
    with opened("ru") as anna:
        anna.log_in()
        link = invitation(anna, "viewer", "for Dora")
    with opened("ru") as dora:
        join(dora, link, "dora")
        done = subprocess.run(
            [sys.executable, "-m", "tradewright", "user", "reset-password-link", "dora"],
            env={**os.environ, "TRADEWRIGHT_HOME": str(house.home)},
            capture_output=True,
            text=True,
            check=True,
        )
        dora.page.goto(done.stdout.strip())
        expect(dora.part("reset-password")).to_be_visible()
        assert "#" not in dora.page.url
        dora.part("reset-password").fill(f"{PASSWORD} anew")
        dora.part("reset-submit").click()
        expect(dora.part("reset-done")).to_be_visible()
        dora.page.goto(dora.base)
        dora.part("login-username").fill("dora")
        dora.part("login-password").fill(f"{PASSWORD} anew")
        dora.part("login-submit").click()
        dora.wait_ready()
