"""ccxt, unmodified, pointed at the exchange that `EXCHANGE` names. Runs in an environment of ccxt's own."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
import pytest_asyncio

READY = json.loads(os.environ["EXCHANGE"])
KEYS = {"apiKey": os.environ["EXCHANGE_KEY"], "secret": os.environ["EXCHANGE_SECRET"]}
# ccxt spaces its calls by this many milliseconds of its own accord; 20 unless told otherwise. This exchange is patient.
OPTIONS: dict[str, Any] = {"rateLimit": 2, "options": {"defaultType": "swap"}}
PATIENCE_S = 10.0


def redirected(exchange: Any) -> Any:
    """All that ccxt needs to be told; its socket addresses stay a tree of their own."""
    public, private = READY["ws_public"], READY["ws_private"]
    sockets = {
        "public": {kind: f"{public}/{kind}" for kind in ("spot", "linear", "inverse", "option")},
        "private": {
            "spot": {"unified": private, "nonUnified": private},
            "contract": private,
            "usdc": private,
            "trade": READY["ws_trade"],
        },
    }
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], READY["rest"]) | {"ws": sockets}
    return exchange


class Motion:
    """Stops the market and lets it go on."""

    def __call__(self, **command: Any) -> None:
        self._post("/sim/market", command)

    def _post(self, path: str, command: dict[str, Any]) -> None:
        headers = {"X-Sim-Key": KEYS["apiKey"], "Content-Type": "application/json"}
        request = urllib.request.Request(READY["rest"] + path, json.dumps(command).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            answer.read()

    def falls_until(self, look: Callable[[], Any]) -> Any:
        """Bitcoin falls by a hundredth, and a paused market goes on by seconds until `look` finds something."""
        self._post("/sim/faults", {"kind": "price_jump", "base_coin": "BTC", "fraction": "-0.01"})
        for _ in range(400):
            if found := look():
                return found
            self(do="step", seconds=1)
        raise AssertionError("it never came")


@pytest.fixture(scope="session")
def motion() -> Motion:
    return Motion()


@pytest.fixture(scope="session")
def rest() -> Any:
    exchange = redirected(ccxt.bybit(KEYS | OPTIONS))
    exchange.load_markets()
    return exchange


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asynchronous() -> AsyncIterator[Any]:
    exchange = redirected(ccxt.async_support.bybit(KEYS | OPTIONS))
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pro() -> AsyncIterator[Any]:
    exchange = redirected(ccxt.pro.bybit(KEYS | OPTIONS))
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


def once(look: Callable[[], Any]) -> Any:
    """What `look` finds as soon as it is something; the exchange acts a moment after it has answered."""
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.03)
    return found


@pytest.fixture(scope="session", name="once")
def _once() -> Callable[[Callable[[], Any]], Any]:
    return once
