"""API tokens from the page, and what hostile texts do there: nothing (promise M4). One installation for both."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.connecting import add_connection, concluded
from support.demo_exchange import DemoExchange, demo_exchange
from support.installation import PASSWORD, Installation, installed

# Each would leave a mark if any of it became markup, script or a template: an element of its own, or a flag.
HOSTILE = (
    "<script>window.__hit=1</script>",
    "<img src=x onerror=window.__hit=1 class=hit>",
    '"><svg class=hit onload=window.__hit=1>',
    "'><b class=hit autofocus onfocus=window.__hit=1>",
    "<iframe class=hit srcdoc='<script>parent.__hit=1</script>'>",
    "<a class=hit href=javascript:window.__hit=1>x</a>",
    "</title><i class=hit>",
    "{{constructor.constructor('window.__hit=1')()}}",
    "$t(common.product) {{count}}",
    "&lt;b class=hit&gt;",
    "<style class=hit>*{display:none}</style>",
    "<math><mtext><mglyph class=hit></math>",
)
_LOOK = "() => [document.querySelectorAll('.hit').length, window.__hit ?? 0, window.__violations ?? []]"
_WATCH = """() => {
  window.__violations = [];
  document.addEventListener('securitypolicyviolation', (event) => window.__violations.push(event.blockedURI));
}"""


# Of the audit log: what has stored texts in its details. Its first page has them all.
_AUDITED = ("connection", "workspace", "token", "invitation", "session", "order", "backtest", "strategy", "bot")


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoExchange]:
    with demo_exchange() as running:
        yield running


@pytest.fixture(scope="module")
def installation(demo: DemoExchange) -> Iterator[Installation]:
    with installed(environment=demo.environment()) as running:
        yield running


@pytest.fixture(scope="module")
def connection(installation: Installation, demo: DemoExchange) -> str:
    installation.claim()
    pair = demo.keys["trading"]
    added = add_connection(installation, key=pair["key"], secret=pair["secret"])
    assert concluded(installation, added)["state"] == "ok"
    return added


@pytest.fixture(scope="module")
def furnished(installation: Installation, connection: str) -> str:
    """Every text that somebody can store, hostile in each way: names of tokens, connections, workspaces, bots and
    strategies, notes of orders, what a browser calls itself."""
    account = installation.account()
    price = str(int(float(installation.last_price()) * 0.7))
    for text in HOSTILE:
        token = {"name": text, "scopes": ["read"], "expires_in_days": 7}
        assert installation.request("POST", "/api/v1/tokens", token)[0] == 201, text
        assert installation.limit(account, price, quantity="0.001", note=text)[1] in (200, 202), text
        invitation = {"role": "viewer", "note": text}
        assert installation.request("POST", "/api/v1/workspace/invitations", invitation)[0] in (201, 409), text
        assert installation.request("PUT", "/api/v1/workspace", {"name": text})[0] == 200
        rename(installation, connection, text)
    for text in HOSTILE[:4]:
        _log_in_by(installation, text)
    other = {"id": str(uuid.uuid4()), "name": HOSTILE[0]}
    assert installation.request("POST", "/api/v1/workspaces", other)[0] == 201
    template = installation.request("GET", "/api/v1/specs/templates")[1]["templates"][0]
    for text in HOSTILE[:3]:
        spec = _renamed(template["text"], text)
        asked = {"id": str(uuid.uuid4()), "text": spec, "origin": "sim"}
        assert installation.request("POST", "/api/v1/backtests", asked)[0] in (201, 202, 409, 429), text
        kept = {"id": str(uuid.uuid4()), "name": text, "text": spec, "message": text}
        assert installation.request("POST", "/api/v1/strategies", kept)[0] == 201, text
    for text in HOSTILE:
        assert installation.request("POST", "/api/v1/bots", {"id": str(uuid.uuid4()), "name": text})[0] == 201, text
    return account


def rename(installation: Installation, connection: str, name: str) -> None:
    status, answer = installation.request("POST", f"/api/v1/connections/{connection}/rename", {"name": name})
    assert status == 200, answer


def _log_in_by(installation: Installation, user_agent: str) -> None:
    """A session of a browser that calls itself so."""
    body = json.dumps({"username": "anna", "password": PASSWORD}).encode()
    headers = {"User-Agent": user_agent, "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{installation.base}/api/v1/login", data=body, headers=headers, method="POST")
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert answer.status == 200


def _renamed(spec: str, name: str) -> str:
    lines = spec.splitlines()
    quoted = "'" + name.replace("'", "''") + "'"
    return "\n".join(f"name: {quoted}" if line.startswith("name:") else line for line in lines)


@pytest.fixture(params=["en", "ru"])
def page(request: pytest.FixtureRequest, browser: Browser, installation: Installation, furnished: str) -> Iterator[Any]:
    locale = "ru-RU" if request.param == "ru" else "en-US"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale=locale)
    context.add_init_script(f"({_WATCH})()")
    opened = Terminal(context, installation.base)
    opened.log_in()
    yield opened
    context.close()
    assert opened.faults == []


def open_details(page: Terminal) -> str:
    """Of every entry that the audit log shows; what is read there."""
    expect(page.part("audit-entry").first).to_be_visible()
    page.part("audit-open").evaluate_all(
        "(all) => all.filter((one) => one.ariaExpanded === 'false').forEach((one) => one.click())"
    )
    expect(page.part("audit-detail")).to_have_count(page.part("audit-entry").count())
    return "\n".join(page.part("audit-detail").all_inner_texts())


def test_hostile_texts_are_shown_and_run_nowhere(
    page: Terminal, furnished: str, installation: Installation, connection: str
) -> None:
    seen: dict[str, Any] = {}
    page.page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    places = {
        "/settings/tokens": "token",
        f"/terminal/{furnished}/linear/BTCUSDT": "order-row",
        "/settings/accounts": "simulated-account",
        "/settings/sessions": "own-session",
        "/settings/users": "invitation",
        "/settings/workspaces": None,
        "/backtests": None,
        "/bots": "bot-row",
        "/strategies": "strategy-card",
        **{f"/audit?what={what}": "audit-entry" for what in _AUDITED},
    }
    for place, part in places.items():
        page.page.goto(f"{page.base}{place}")
        if part is not None:
            expect(page.part(part).first).to_be_visible()
        expect(page.page.locator("#main")).to_be_visible()
        read = open_details(page) if part == "audit-entry" else ""
        seen[place] = page.page.evaluate(_LOOK)
        if place.endswith(("what=connection", "what=workspace", "what=token")):
            assert [text for text in HOSTILE if text not in read] == [], place
        if part in ("token", "bot-row"):
            shown = page.part(part).all_inner_texts()
            assert all(any(text in one for one in shown) for text in HOSTILE)
    # The name of an account stands on its card, in the switcher and on the way to it.
    for text in HOSTILE:
        rename(installation, connection, text)
        page.page.goto(f"{page.base}/settings/accounts")
        expect(page.part("connection")).to_contain_text(text)
        page.part("account-switcher").click()
        expect(page.part("account-option").filter(has_text=text)).to_be_visible()
        seen[text] = page.page.evaluate(_LOOK)
    assert seen == {place: [0, 0, []] for place in (*places, *HOSTILE)}
    # The control, on a page of its own: the same texts, made markup on purpose, are noticed.
    control = page.context.new_page()
    control.goto(page.base)
    control.evaluate(
        "(texts) => texts.forEach((text) => document.body.insertAdjacentHTML('beforeend', text))", list(HOSTILE)
    )
    control.wait_for_function("() => window.__violations.length > 0")
    marks, ran, _ = control.evaluate(_LOOK)
    assert marks >= 7
    assert ran == 0  # and the policy would have held even then
    control.close()


def test_a_token_is_made_seen_once_used_and_revoked(page: Terminal) -> None:
    page.page.goto(f"{page.base}/settings/tokens")
    page.part("token-add").click()
    page.part("token-submit").click()
    expect(page.part("token-name")).to_have_attribute("aria-invalid", "true")
    page.part("token-name").fill("my bot")
    page.part("token-scope-trade").check()
    page.part("token-submit").click()
    text = page.part("token-text").input_value()
    assert text.startswith("tw_")
    page.part("token-done").click()
    expect(page.part("token-text")).to_have_count(0)
    assert text not in page.page.content()
    headers = {"Authorization": f"Bearer {text}"}
    asked = page.context.request.get(f"{page.base}/api/v1/accounts", headers=headers)
    assert asked.status == 200
    card = page.part("token").filter(has_text="my bot")
    expect(card).to_contain_text(f"tw_…{text[-4:]}")
    card.get_by_test_id("token-revoke").click()
    page.part("token-revoke-confirm").click()
    expect(card).to_have_count(0)
    asked = page.context.request.get(f"{page.base}/api/v1/accounts", headers=headers)
    assert asked.status == 401
