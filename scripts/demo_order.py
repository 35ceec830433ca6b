"""One order on the running installation, proven by the exchange itself: `make demo-order`.

A scripted first user takes a fresh claim link, sets a password, logs in, buys at market on SIM, waits, and reads the
order back from the exchange's own REST with the read-only key of `HOME/exchange/ready.json`. Prints one JSON line.
Exit 0 when the exchange says Filled, 1 when not in time, 2 when somebody else claimed the installation.
Standard library only: it uses what anybody outside could use.
"""

from __future__ import annotations

import hashlib
import hmac
import http.cookiejar
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

HOME = Path(os.environ.get("TRADEWRIGHT_HOME") or Path.home() / ".tradewright").expanduser()
BASE = f"http://localhost:{os.environ.get('TRADEWRIGHT_PORT', '8787')}"
USER_FILE = HOME / "demo-order.json"  # 0600: the scripted user's password, so that it can come again
SYMBOL = os.environ.get("DEMO_SYMBOL", "")
WAIT_SECONDS = 60.0


def stop(sentence: str, code: int) -> NoReturn:
    print(f"demo-order: {sentence}", file=sys.stderr)
    sys.exit(code)


class Api:
    """The installation's API with a session cookie, as a client that is no browser."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(BASE + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=15) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text else None
        except OSError as error:
            stop(f"{BASE} does not answer ({error}); start the installation with `make run`", 1)


def sign_in(api: Api) -> None:
    """As the scripted user: by the password kept from an earlier time, else by claiming the installation."""
    if USER_FILE.is_file():
        kept = json.loads(USER_FILE.read_text())
        status, _ = api.call("POST", "/api/v1/login", kept)
        if status == 200:
            return
    asked = subprocess.run(
        [str(Path(sys.executable).with_name("tradewright")), "user", "claim-link"], capture_output=True, text=True
    )
    if asked.returncode == 2:
        stop("somebody else claimed this installation, so there is no scripted user to log in as", 2)
    if asked.returncode != 0:
        stop(asked.stderr.strip() or "no claim link could be made", 1)
    token = asked.stdout.strip().partition("#")[2]
    user = {"username": "demo", "password": secrets.token_urlsafe(24)}
    status, answer = api.call("POST", "/api/v1/claim", {"token": token, "language": "en", **user})
    if status != 201:
        stop(f"the claim was refused: {answer}", 2 if status == 409 else 1)
    descriptor = os.open(USER_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(user, file)
    status, answer = api.call("POST", "/api/v1/login", user)
    if status != 200:
        stop(f"the login was refused: {answer}", 1)


def ready_account(api: Api) -> str:
    """The id of the SIM account, once its session is ready."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        _, answer = api.call("GET", "/api/v1/accounts")
        for account in answer["accounts"]:
            if account["environment"] == "sim" and account["session"]["state"] == "ready":
                return str(account["id"])
        time.sleep(0.2)
    stop(f"the account was not ready after {WAIT_SECONDS:.0f} s", 1)


def buy(api: Api, account: str) -> dict[str, Any]:
    """A market order of the smallest comfortable size; returns the order once it has ended or time is over."""
    _, listed = api.call("GET", "/api/v1/instruments?category=linear")
    instruments = {item["symbol"]: item for item in listed["instruments"]}
    instrument = instruments[SYMBOL or ("BTCUSDT" if "BTCUSDT" in instruments else next(iter(instruments)))]
    intent = {
        "id": str(uuid.uuid4()),
        "kind": "place",
        "category": "linear",
        "symbol": instrument["symbol"],
        "side": "Buy",
        "order_type": "Market",
        "quantity": str(Decimal(instrument["min_quantity"]) * 10),
        "price": None,
        "time_in_force": "IOC",
        "reduce_only": False,
        "note": "demo-order",
    }
    status, answer = api.call("POST", f"/api/v1/accounts/{account}/intents", intent)
    if status not in (200, 202):
        stop(f"the order was refused: {answer}", 1)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        _, answer = api.call("GET", f"/api/v1/accounts/{account}/intents/{intent['id']}")
        if answer["status"] in ("filled", "cancelled", "rejected", "refused", "expired", "not_sent", "not_placed"):
            break
        time.sleep(0.1)
    return dict(answer["order"])


def read_from_exchange(order: dict[str, Any]) -> dict[str, Any]:
    """The same order in the exchange's own words, over its REST with the read-only key."""
    ready = json.loads((HOME / "exchange/ready.json").read_text())
    query = urllib.parse.urlencode({"category": "linear", "symbol": order["symbol"], "orderLinkId": order["link_id"]})
    key, secret = ready["read_only"]["key"], ready["read_only"]["secret"]
    now, window = str(int(time.time() * 1000)), "5000"
    signature = hmac.new(secret.encode(), f"{now}{key}{window}{query}".encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(f"{ready['rest']}/v5/order/realtime?{query}")
    for name, value in (
        ("X-BAPI-API-KEY", key),
        ("X-BAPI-TIMESTAMP", now),
        ("X-BAPI-RECV-WINDOW", window),
        ("X-BAPI-SIGN", signature),
    ):
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=10) as answer:
        rows = json.load(answer)["result"]["list"]
    return dict(rows[0]) if rows else {}


def main() -> int:
    api = Api()
    sign_in(api)
    order = buy(api, ready_account(api))
    exchange = read_from_exchange(order)
    shown = ("orderId", "orderLinkId", "orderStatus", "symbol", "side", "qty", "cumExecQty", "avgPrice", "createdTime")
    print(
        json.dumps(
            {
                "status": order["status"],
                "link_id": order["link_id"],
                "exchange": {name: exchange.get(name) for name in shown},
            }
        )
    )
    return 0 if exchange.get("orderStatus") == "Filled" and exchange.get("orderLinkId") == order["link_id"] else 1


if __name__ == "__main__":
    sys.exit(main())
