"""Canaries in a whole installation (promise K2): after a claim, logins, orders, a demo account behind a proxy, kills
and a restart no secret is in a log, in what `run` says, on a command line or in a reply of the API; an exchange's key
is in the database as a box alone (K1), and gone when its connection was removed."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from support.connecting import (
    CONNECTIONS,
    accounts,
    add_connection,
    concluded,
    read_connection,
    trade,
    until_session,
)
from support.demo_exchange import SIGN_IN, DemoExchange, demo_exchange
from support.installation import PASSWORD, Installation, installed, wait_for
from tradewright.storage.engine import driver_url

PAIRS = ("trading", "read_only", "withdrawing")
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
    with (
        demo_exchange() as demo,
        installed(environment={"TRADEWRIGHT_LOG_LEVEL": "debug", **demo.environment()}) as running,
    ):
        replies = Replies(running)
        tokens = _claim_and_log_in(running)
        account = running.account()
        _trade_and_read(running, account)
        _have_keys_refused(running, demo)
        connection = _connect(running, demo)
        resting = trade(running, connection["account_id"])
        dumps = {"the database": _dump(running)}
        processes = _processes(running)
        for part in ("worker", "exchange"):
            running.kill(part)
        running.kill_whole()
        running.start()
        assert running.account() == account
        _trade_and_read(running, account)
        _cancel_and_remove(running, connection, resting)
        dumps |= {"the database at the end": _dump(running)}
        processes += _processes(running)
        running.stop()
        secrets = {**_secrets(running.home), "password": PASSWORD, "wrong password": WRONG}
        secrets |= {f"claim token {number}": token for number, token in enumerate(tokens)}
        secrets |= {f"session {number}": cookie for number, cookie in enumerate(replies.cookies)}
        exchange_secrets = {f"demo's {pair} secret": demo.keys[pair]["secret"] for pair in PAIRS}
        exchange_secrets |= {"demo key": demo.keys["trading"]["key"], "proxy user": SIGN_IN[0], "proxy's": SIGN_IN[1]}
        assert len(replies.cookies) >= 2, "each login has a session of its own"
        sinks = {
            **_logs(running.home),
            "what run says": _without_greeting(running.output()),
            "the API's replies": "\n".join(replies.texts),
            "command lines": "\n".join(line for line, _environment in processes),
        }
        assert any(path.startswith("log/worker") for path in sinks)
        found = _found(secrets | exchange_secrets, sinks)
        assert found == []
        environments = {"environments": "\n".join(environment for _line, environment in processes)}
        assert _found(exchange_secrets, environments | dumps) == []
        assert "connection_keys 1" in dumps["the database"]
        assert "connection_keys 0" in dumps["the database at the end"], "the one that was added was removed"


def _found(secrets: dict[str, str], sinks: dict[str, str]) -> list[str]:
    return [f"{name} in {sink}" for name, value in secrets.items() for sink, text in sinks.items() if value in text]


def _have_keys_refused(running: Installation, demo: DemoExchange) -> None:
    """Keys that are not taken, each with its reason; one behind a proxy that does not work is tried again."""
    asked = {
        "connection.may_withdraw": add_connection(running, **demo.keys["withdrawing"]),
        "connection.key_unknown": add_connection(running, key="no-such-key", secret="no-such-secret"),
        "connection.secret_wrong": add_connection(running, key=demo.keys["trading"]["key"], secret="not-its-secret"),
    }
    for code, connection_id in asked.items():
        found = concluded(running, connection_id)
        assert (found["state"], found["reason"]["code"], found["account_id"]) == ("refused", code, None)
    proxy = demo.proxy.url(f"{SIGN_IN[0]}:not-its-password@")
    nowhere = add_connection(running, **demo.keys["trading"], proxy=proxy)
    wait_for(lambda: read_connection(running, nowhere)["reason"], "it says what is wrong")
    found = read_connection(running, nowhere)
    assert (found["state"], found["reason"]["code"]) == ("checking", "connection.proxy_failed")
    assert found["proxy_shown"] == demo.proxy.url()
    assert running.request("POST", f"{CONNECTIONS}/{nowhere}/remove", {"name": "My demo"})[0] == 200


def _connect(running: Installation, demo: DemoExchange) -> Any:
    added = concluded(running, add_connection(running, **demo.keys["trading"], proxy=demo.proxy_address()))
    assert (added["state"], added["reason"]) == ("ok", None)
    assert (added["key_facts"]["uid"], added["host"]) == (demo.uid, demo.ready["rest"])
    until_session(running, added["account_id"], "ready")
    target = demo.ready["rest"].removeprefix("http://")
    assert demo.proxy.tunnels.count(target) >= 2, "the check, the calls and the stream go through the proxy"
    view = next(each for each in accounts(running) if each["id"] == added["account_id"])
    assert (view["environment"], view["connection_id"]) == ("demo", added["id"])
    assert (view["capabilities"]["has_fee_rates"], view["capabilities"]["can_trade_spot"]) == (False, True)
    return added


def _cancel_and_remove(running: Installation, connection: Any, resting: str) -> None:
    """After everything was killed the account is there again by its stored key; removed, it rests."""
    account = connection["account_id"]
    until_session(running, account, "ready")
    running.cancel(account, resting)
    running.until(account, resting, "cancelled")
    status, answer = running.request("POST", f"{CONNECTIONS}/{connection['id']}/remove", {"name": "My demo"})
    assert (status, answer["connection"]["state"]) == (200, "removed")
    assert account not in [each["id"] for each in accounts(running)]
    wait_for(lambda: "session.ended" in running.log("worker") or None, "its session ends")


def _processes(running: Installation) -> list[tuple[str, str]]:
    """Command line and environment of each."""
    found = []
    for pid, line in running.commands().items():
        with contextlib.suppress(OSError):
            found.append(
                (line, Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b"\n").decode(errors="replace"))
            )
    return found


def _dump(running: Installation) -> str:
    """Every row of every table as text, each table behind its name and number of rows."""
    url = json.loads((running.home / "database.json").read_text())["url"]
    lines = []
    with psycopg.connect(driver_url(url).set(drivername="postgresql").render_as_string(False)) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            found = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            lines += [f"{table} {len(found)}", *(repr(row) for row in found)]
    return "\n".join(lines)


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
