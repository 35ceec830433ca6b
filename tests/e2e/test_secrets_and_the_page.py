"""Canaries through a whole life with a browser (promise K2): claim, a demo account behind a proxy with a sign-in, API
tokens, an invitation, a wrong password, an export, a log-out and a log-in, a second factor. No secret is in any sink,
in whatever form; and a secret that is put into each sink on purpose is found there."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.canaries import Page, found, sinks_of
from support.demo_exchange import SIGN_IN, DemoExchange, demo_exchange
from support.installation import PASSWORD, Installation, installed

WRONG = "a wrong password that somebody typed"
WEBHOOK = "http://hooks:canary-hook-password@127.0.0.1:9/canary-hook-path"  # nobody there: it fails, and is told
PLANTED = "planted-canary-9f2c71d0"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoExchange]:
    with demo_exchange() as running:
        yield running


def test_no_secret_is_in_any_sink_and_one_that_is_put_there_is_found(browser: Browser, demo: DemoExchange) -> None:
    told_to_it = {"TRADEWRIGHT_LOG_LEVEL": "debug", "TRADEWRIGHT_AUDIT_WEBHOOK": WEBHOOK, **demo.environment()}
    with installed(environment=told_to_it) as running:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        desk = Terminal(context, running.base)
        heard = Page(desk.page)
        heard.allowed = ("/api/v1/tokens", "/api/v1/session/totp", "/api/v1/session/totp/confirm")
        secrets, files = lived(desk, running, demo)
        own = {**sinks_of(running), **heard.sinks(), **files}
        own = {name: content for name, content in own.items() if name != "environments"}
        assert found(secrets, own) == []
        exchange_secrets = {name: value for name, value in secrets.items() if name.startswith("demo")}
        assert found(exchange_secrets, {"environments": sinks_of(running)["environments"]}) == []
        with planted_in_a_process(running):
            planted_in = planted(desk, running)
            every = {**sinks_of(running), **heard.sinks(), **planted_in}
        told = {each.partition(" in ")[2] for each in found({"planted": PLANTED}, every)}
        logs = {name for name in every if name.startswith("log ")}
        assert set(every) - logs <= told
        assert logs & told
        context.close()


def lived(desk: Terminal, running: Installation, demo: DemoExchange) -> tuple[dict[str, str], dict[str, bytes]]:
    """The secrets that a life with the page has, and the files that it downloaded."""
    link = running.greeted_link()
    desk.claim(link)
    cookies = [desk.context.cookies()[0]["value"]]
    trading = demo.keys["trading"]
    desk.page.goto(f"{desk.base}/settings/accounts")
    desk.part("connection-add").click()
    desk.part("connection-env-demo").click()
    desk.part("connection-name").fill("My demo")
    desk.part("connection-key").fill(trading["key"])
    desk.part("connection-secret").fill(trading["secret"])
    desk.page.locator("details:not(.safe-key) summary").click()
    desk.part("connection-proxy").fill(demo.proxy_address())
    desk.part("connection-submit").click()
    expect(desk.part("connection-form")).to_have_count(0)
    expect(desk.page.locator("[data-testid=connection]")).to_have_attribute("data-state", "ok")
    token = token_made(desk)
    asked = desk.context.request.get(f"{desk.base}/api/v1/accounts", headers={"Authorization": f"Bearer {token}"})
    assert asked.status == 200
    account = running_account(desk)
    export = desk.context.request.get(f"{desk.base}/api/v1/accounts/{account}/export/orders.csv")
    assert export.status == 200
    invited = desk.context.request.post(f"{desk.base}/api/v1/workspace/invitations", data={"role": "viewer"})
    assert invited.status == 201, invited.text()
    desk.page.goto(desk.base)
    desk.part("user-menu").click()
    desk.part("log-out").click()
    desk.part("login-username").fill("anna")
    desk.part("login-password").fill(WRONG)
    desk.part("login-submit").click()
    expect(desk.page.locator(".fault").first).to_be_visible()
    desk.part("login-password").fill(PASSWORD)
    desk.part("login-submit").click()
    desk.wait_ready()
    cookies.append(desk.context.cookies()[0]["value"])
    totp, recovery = second_factor_made(desk)
    secrets = {
        "password": PASSWORD,
        "wrong password": WRONG,
        "claim token": link.partition("#")[2],
        "API token": token,
        "invitation's token": invited.json()["token"],
        "TOTP secret": totp,
        "TOTP secret's bytes": base64.b32decode(totp).hex(),
        "recovery code": recovery,
        "webhook's password": "canary-hook-password",
        "webhook's path": "canary-hook-path",
        "demo's key": trading["key"],
        "demo's secret": trading["secret"],
        "demo's proxy user": SIGN_IN[0],
        "demo's proxy password": SIGN_IN[1],
        **{f"session {number}": cookie for number, cookie in enumerate(cookies)},
    }
    assert len(set(secrets.values())) == len(secrets)
    return secrets, {"an exported table": export.body()}


def token_made(desk: Terminal) -> str:
    desk.page.goto(f"{desk.base}/settings/tokens")
    desk.part("token-add").click()
    desk.part("token-name").fill("my bot")
    desk.part("token-submit").click()
    text = desk.part("token-text").input_value()
    assert re.fullmatch(r"tw_[0-9A-Za-z]{49}", text)
    desk.part("token-done").click()
    expect(desk.part("token-text")).to_have_count(0)
    return text


def second_factor_made(desk: Terminal) -> tuple[str, str]:
    desk.page.goto(f"{desk.base}/settings/security")
    desk.part("totp-begin").click()
    secret = desk.part("totp-secret").inner_text().replace(" ", "")
    desk.part("totp-code").fill(pyotp.TOTP(secret).now())
    desk.part("totp-confirm").click()
    code = desk.page.locator(".recovery-codes li").first.inner_text()
    desk.part("codes-done").click()
    expect(desk.part("recovery-codes")).to_have_count(0)
    return secret, code


def planted(desk: Terminal, running: Installation) -> dict[str, bytes]:
    """The canary in each sink, by the sink's own way; in another form where it is the test's own text."""
    hidden = base64.b64encode(b"xy" + PLANTED.encode()).decode()
    account = running_account(desk)
    price = str(int(float(running_price(desk)) * 0.7))
    body = {
        "id": str(uuid.uuid4()), "kind": "place", "category": "linear", "symbol": "BTCUSDT", "side": "Buy",
        "order_type": "Limit", "quantity": "0.001", "price": price, "time_in_force": "GTC", "reduce_only": False,
        "note": PLANTED,
    }  # fmt: skip
    placed = desk.context.request.post(f"{desk.base}/api/v1/accounts/{account}/intents", data=body)
    assert placed.status in (200, 202), placed.text()
    (running.home / "left-by-a-crash").write_text(PLANTED.encode().hex())
    with next((running.home / "log").glob("worker*")).open("a") as log:
        log.write(f"{quote(PLANTED, safe='')}\n")
    desk.page.goto(f"{desk.base}/settings/accounts")
    expect(desk.part("simulated-account")).to_be_visible()
    with desk.page.expect_response(re.compile("/orders")):
        desk.page.evaluate(
            "([account, text]) => fetch(`/api/v1/accounts/${account}/orders?scope=all&limit=200`)"
            ".then((answer) => answer.text()).then(() => fetch(`/api/v1/session?planted=${text}`))",
            [account, PLANTED],
        )
    desk.page.evaluate("(text) => localStorage.setItem('planted', text)", hidden)
    desk.page.evaluate("(text) => document.body.append(text)", PLANTED)
    desk.page.evaluate("(text) => console.log(text)", PLANTED)
    desk.page.evaluate("(text) => history.replaceState(null, '', `?planted=${text}`)", PLANTED)
    export = desk.context.request.get(f"{desk.base}/api/v1/accounts/{account}/export/orders.csv")
    return {"an exported table": export.body()}


@contextmanager
def planted_in_a_process(running: Installation) -> Iterator[None]:
    """One more process of the installation, by its mark, with the canary on its command line and in its environment."""
    with (running.home.parent / f"{running.home.name}.out").open("a") as out:
        out.write(f"{PLANTED}\n")
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)", PLANTED],
        env={**running._environment, "PLANTED": PLANTED.encode().hex()},
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def running_account(desk: Terminal) -> str:
    found = desk.context.request.get(f"{desk.base}/api/v1/accounts").json()["accounts"]
    return str(next(each["id"] for each in found if each["environment"] == "sim"))


def running_price(desk: Terminal) -> str:
    found = desk.context.request.get(f"{desk.base}/api/v1/tickers?category=linear").json()["tickers"]
    return str(next(each["last_price"] for each in found if each["symbol"] == "BTCUSDT"))
