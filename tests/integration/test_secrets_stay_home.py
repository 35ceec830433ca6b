"""Canaries in a whole installation (promise K2): after a claim, logins, orders, kills and a restart no secret is in a
log, in what `run` says, on a command line or in a reply of the API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from support.installation import PASSWORD, Installation, installed, wait_for

WRONG = "a wrong password that somebody typed"


class Replies:
    """Every reply of the API, as its client got it, beside the cookies that were set on the way."""

    def __init__(self, running: Installation) -> None:
        self.texts: list[str] = []
        self.cookies: set[str] = set()
        self._running = running
        self._ask = running.request
        running.request = self._record  # type: ignore[method-assign]

    def _record(self, *arguments: Any, **named: Any) -> tuple[int, Any]:
        status, answer = self._ask(*arguments, **named)
        self.texts.append(json.dumps(answer))
        self.cookies |= {cookie.value for cookie in self._running._cookies if cookie.value}
        return status, answer


def test_no_secret_leaves_its_place_in_the_life_of_an_installation() -> None:
    with installed(environment={"TRADEWRIGHT_LOG_LEVEL": "debug"}) as running:
        replies = Replies(running)
        tokens = _claim_and_log_in(running)
        account = running.account()
        _trade_and_read(running, account)
        commands = running.commands()
        for part in ("worker", "exchange"):
            running.kill(part)
        running.kill_whole()
        running.start()
        assert running.account() == account
        _trade_and_read(running, account)
        commands |= running.commands()
        running.stop()
        secrets = {**_secrets(running.home), "password": PASSWORD, "wrong password": WRONG}
        secrets |= {f"claim token {number}": token for number, token in enumerate(tokens)}
        secrets |= {f"session {number}": cookie for number, cookie in enumerate(replies.cookies)}
        assert len(replies.cookies) >= 2, "each login has a session of its own"
        sinks = {
            **_logs(running.home),
            "what run says": _without_greeting(running.output()),
            "the API's replies": "\n".join(replies.texts),
            "command lines": "\n".join(commands.values()),
        }
        assert any(path.startswith("log/worker") for path in sinks)
        found = [
            f"{name} in {sink}" for name, value in secrets.items() for sink, text in sinks.items() if value in text
        ]
        assert found == []


def _claim_and_log_in(running: Installation) -> list[str]:
    """Claims and logs in, with the mistakes that people make; every claim token that was given out."""
    greeting = wait_for(lambda: _greeting_token(running.output()), "the link that `run` says")
    used, unused = (running.claim_link().partition("#")[2] for _ in range(2))
    user = {"username": "anna", "password": PASSWORD, "language": "en"}
    assert running.request("POST", "/api/v1/claim", {**user, "token": used, "password": WRONG[:5]})[0] == 422
    assert running.request("POST", "/api/v1/claim", {**user, "token": used, "surplus": WRONG})[0] in (201, 422)
    running.request("POST", "/api/v1/claim", {**user, "token": used})
    assert running.request("POST", "/api/v1/claim", {**user, "token": unused})[0] == 409
    assert running.request("POST", "/api/v1/login", {"username": "anna", "password": WRONG})[0] == 401
    assert running.request("POST", "/api/v1/login", {"username": WRONG, "password": [PASSWORD]})[0] in (401, 422)
    assert running.request("POST", "/api/v1/login", {"username": "anna", "password": PASSWORD})[0] == 200
    return [greeting, used, unused]


def _trade_and_read(running: Installation, account: str) -> None:
    intent, status, answer = running.place(account)
    assert status in (200, 202), answer
    running.until(account, intent, "filled")
    assert running.place(account, quantity="0.0005")[1] == 422
    for path in ("session", "accounts", "instruments?category=linear", "tickers?category=linear"):
        assert running.request("GET", f"/api/v1/{path}")[0] == 200
    for name in ("orders?scope=all", "positions", "fills", "balances"):
        running.table(account, name)
    for path in ("/healthz", "/readyz", "/openapi.json"):
        running.request("GET", path)


def _secrets(home: Path) -> dict[str, str]:
    """Those that HOME itself keeps, each in its file of mode 0600."""
    keys = json.loads((home / "exchange/keys.json").read_text())
    passwords = json.loads((home / "postgres/passwords.json").read_text())
    return {
        "trading secret": keys["trading"]["secret"],
        "read-only secret": keys["read_only"]["secret"],
        "database password": passwords["application"],
        "superuser's password": passwords["superuser"],
    }


def _logs(home: Path) -> dict[str, str]:
    """Every log below HOME, PostgreSQL's own among them."""
    return {
        str(path.relative_to(home)): path.read_text(errors="replace")
        for path in home.rglob("*")
        if path.is_file() and (path.is_relative_to(home / "log") or path.suffix == ".log")
    }


def _greeting_token(output: str) -> str | None:
    found = re.search(r"/welcome#([A-Za-z0-9_-]{20,})", output)
    return found[1] if found else None


def _without_greeting(output: str) -> str:
    """The link is said to the person who started the run, once; anywhere else it has no place."""
    return re.sub(r"/welcome#[A-Za-z0-9_-]+", "/welcome#", output, count=1)
