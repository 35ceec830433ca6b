"""A simulated exchange that plays Bybit's live environment, a process of its own: real money that is none.

Lives here: `LiveExchange`, the settings that make an installation take it for live, and what a test reads of it: its
own log, and signed calls beside the terminal. Not here: what a test does with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.connecting import CONNECTIONS, concluded
from support.installation import PATIENCE_S, Installation, wait_for

NAME = "Real one"
LIMITS = {"order_notional": "900", "position_notional": "2000", "daily_loss": "2"}


class LiveExchange:
    def __init__(self, ready: dict[str, Any], keys: dict[str, Any]) -> None:
        self.ready = ready
        self.keys = keys

    def environment(self, *, real_trading: bool) -> dict[str, str]:
        """Settings by which an installation finds it where it looks for live, and is allowed to trade there or not."""
        return {
            "TRADEWRIGHT_HOSTS__LIVE__REST": self.ready["rest"],
            "TRADEWRIGHT_HOSTS__LIVE__PUBLIC_STREAM": self.ready["ws_public"],
            "TRADEWRIGHT_HOSTS__LIVE__PRIVATE_STREAM": self.ready["ws_private"],
            "TRADEWRIGHT_REAL_TRADING": "on" if real_trading else "off",
        }

    def opened(self) -> list[dict[str, Any]]:
        """Every order that came from a terminal and could open something, by the exchange's own durable log."""
        entries: list[Any] = []
        while True:
            page = self._call("GET", f"/sim/log?since={len(entries)}", {"X-Sim-Key": self.keys["trading"]["key"]})
            entries += page["entries"]
            if len(entries) >= page["last"]:
                break
        events = [entry.get("event", entry) for entry in entries]
        accepted = [event for event in events if event.get("kind") == "order_accepted"]
        return [each for each in accepted if each["link_id"].startswith("tw") and not each["reduce_only"]]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """A signed write beside the terminal, as by the person's own app; the envelope."""
        text, now = json.dumps(body), str(int(time.time() * 1000))
        key, secret = self.keys["trading"]["key"], self.keys["trading"]["secret"]
        headers = {
            "X-BAPI-API-KEY": key,
            "X-BAPI-TIMESTAMP": now,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hmac.new(secret.encode(), f"{now}{key}5000{text}".encode(), hashlib.sha256).hexdigest(),
        }
        envelope = self._call("POST", path, headers, text.encode())
        assert envelope["retCode"] == 0, envelope
        return envelope["result"]

    def order(self, **changes: str | bool) -> str:
        """An order placed elsewhere on the account; its id at the exchange."""
        body = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
        return str(self.post("/v5/order/create", body | changes)["orderId"])

    def _call(self, method: str, path: str, headers: dict[str, str], data: bytes | None = None) -> Any:
        request = urllib.request.Request(self.ready["rest"] + path, data=data, method=method)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.add_header(name, value)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)


@contextmanager
def live_exchange(*arguments: str) -> Iterator[LiveExchange]:
    with tempfile.TemporaryDirectory(prefix="tw-live-") as folder:
        command = [sys.executable, "-m", "tradewright", "exchange", "--environment", "live", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--state", folder, "--seed", "5", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield LiveExchange(ready, json.loads((Path(folder) / "keys.json").read_text()))
        finally:
            process.terminate()
            process.wait(timeout=60)


def add_live(running: Installation, exchange: LiveExchange) -> str:
    """Adds the account by its key; its id once the key was found good."""
    pair = exchange.keys["trading"]
    body = {"id": str(uuid.uuid4()), "environment": "live", "name": NAME, "key": pair["key"], "secret": pair["secret"]}
    status, answer = running.request("POST", CONNECTIONS, body)
    assert status == 202, answer
    found = concluded(running, body["id"])
    assert found["state"] == "ok", found
    return str(found["account_id"])


def lists_instruments(running: Installation) -> bool:
    status, answer = running.request("GET", "/api/v1/instruments?category=linear&environment=live")
    return status == 200 and any(row["symbol"] == "BTCUSDT" for row in answer["instruments"])


def arming(running: Installation, account: str) -> Any:
    status, answer = running.request("GET", f"/api/v1/accounts/{account}/arming")
    assert status == 200, answer
    return answer


def set_limits(running: Installation, account: str, **changes: str) -> None:
    limits = [{"name": name, "value": value} for name, value in (LIMITS | changes).items()]
    body = {"level": "account", "limits": limits, "confirmations": [*LIMITS, *changes, "LIVE"]}
    status, answer = running.request("PUT", f"/api/v1/accounts/{account}/limits", body)
    assert status == 200, answer


def arm(running: Installation, account: str, **changes: Any) -> tuple[int, Any]:
    body = {"id": str(uuid.uuid4()), "phrase": f"LIVE {NAME}", "lasts_s": 3600, "confirm_above": "300", **changes}
    return running.request("POST", f"/api/v1/accounts/{account}/arming", body)


def until_ended(running: Installation, account: str, why: str) -> None:
    """The arming is over, for this reason, and that was written down."""

    def look() -> bool:
        state = arming(running, account)
        return state["armed"] is None and state["ended"] is not None and state["ended"]["why"] == why

    wait_for(look, f"the arming ends: {why}; worker: {running.log('worker')[-2000:]}")
