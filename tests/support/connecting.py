"""What a person does with a connection in a whole installation, over the API: add it, wait, trade on its account.

Lives here: helpers for tests that have an `Installation` and a `DemoExchange`.
"""

from __future__ import annotations

import contextlib
import uuid
from decimal import Decimal
from typing import Any

from support.installation import Installation, wait_for

CONNECTIONS = "/api/v1/connections"


def add_connection(running: Installation, *, key: str, secret: str, proxy: str | None = None) -> str:
    body = {"id": str(uuid.uuid4()), "environment": "demo", "name": "My demo", "key": key, "secret": secret}
    status, answer = running.request("POST", CONNECTIONS, body | {"proxy": proxy})
    assert status == 202, answer
    return body["id"]


def read_connection(running: Installation, connection_id: str) -> Any:
    return running.request("GET", f"{CONNECTIONS}/{connection_id}")[1]["connection"]


def concluded(running: Installation, connection_id: str) -> Any:
    def look() -> Any:
        found = read_connection(running, connection_id)
        return None if found["state"] == "checking" else found

    return wait_for(look, f"the key is checked; worker: {running.log('worker')[-2000:]}")


def accounts(running: Installation) -> list[Any]:
    return list(running.request("GET", "/api/v1/accounts")[1]["accounts"])


def until_session(running: Installation, account: str, state: str) -> None:
    def look() -> bool:
        with contextlib.suppress(OSError):
            return any(each["id"] == account and each["session"]["state"] == state for each in accounts(running))
        return False

    wait_for(look, f"the demo account is {state}; worker: {running.log('worker')[-3000:]}")


def trade(running: Installation, account: str) -> str:
    """A market order that fills, and a limit order that rests; the id of the latter."""
    wait_for(lambda: instruments(running), "the demo market's instruments are there")
    bought, status, answer = running.place(account)
    assert status in (200, 202), answer
    running.until(account, bought, "filled")
    status, answer = running.request("GET", "/api/v1/tickers?category=linear&environment=demo")
    last = next(row["last_price"] for row in answer["tickers"] if row["symbol"] == "BTCUSDT")
    resting, status, answer = running.limit(account, str((Decimal(last) * Decimal("0.8")).quantize(Decimal(1))))
    assert status in (200, 202), answer
    running.until(account, resting, "working")
    return resting


def instruments(running: Installation) -> bool:
    status, answer = running.request("GET", "/api/v1/instruments?category=linear&environment=demo")
    return status == 200 and any(row["symbol"] == "BTCUSDT" for row in answer["instruments"])
