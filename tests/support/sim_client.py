"""A plain client of the simulated exchange: signs, calls, listens. It shares no code with the exchange it talks to."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tradewright.simulator import Addresses
from tradewright.simulator.accounts.keys import ApiKey

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def code(self) -> int:
        return int(self.body["retCode"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self.body["result"]["list"])


class Stream:
    """A socket whose frames are looked for, not counted."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = await self.socket.receive_json(timeout=PATIENCE_S)
        self.seen.append(frame)
        return frame

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next frame that is wanted; the others stay in `seen`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame


class SimClient:
    """One key's view of a running exchange."""

    def __init__(self, addresses: Addresses, key: ApiKey, session: aiohttp.ClientSession) -> None:
        self.addresses = addresses
        self.key = key
        self.session = session
        self.now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    @classmethod
    def at(cls, rest: str, session: aiohttp.ClientSession, *, key: str, secret: str) -> SimClient:
        """A client of an exchange in another process, for REST only."""
        return cls(Addresses(rest=rest, ws_public="", ws_private="", ws_trade=""), ApiKey(key, secret), session)

    def sign(self, text: str) -> str:
        return self.sign_bytes(text.encode())

    def sign_bytes(self, content: bytes) -> str:
        return hmac.new(self.key.secret.encode(), content, hashlib.sha256).hexdigest()

    def headers(self, payload: str, *, skew_ms: int = 0) -> dict[str, str]:
        stamp = str(self.now_ms() + skew_ms)
        return {
            "X-BAPI-API-KEY": self.key.key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": self.sign(f"{stamp}{self.key.key}5000{payload}"),
        }

    async def get(self, path: str, query: str = "", *, signed: bool = True, skew_ms: int = 0) -> Reply:
        """`query` goes out exactly as written."""
        from yarl import URL

        url = URL(f"{self.addresses.rest}{path}?{query}", encoded=True)
        headers = self.headers(query, skew_ms=skew_ms) if signed else {}
        async with self.session.get(url, headers=headers) as response:
            return Reply(response.status, await response.json(), dict(response.headers))

    async def post(self, path: str, **body: Any) -> Reply:
        text = json.dumps(body)
        async with self.session.post(
            self.addresses.rest + path, data=text.encode(), headers=self.headers(text)
        ) as response:
            return Reply(response.status, await response.json(), dict(response.headers))

    async def create(self, side: str, qty: str, price: str | None = None, **more: Any) -> Reply:
        body = {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": side,
            "orderType": "Limit" if price else "Market",
            "qty": qty,
        }
        return await self.post("/v5/order/create", **body, **({"price": price} if price else {}), **more)

    async def public(self) -> Stream:
        return Stream(await self.session.ws_connect(f"{self.addresses.ws_public}/linear"))

    async def private(self, *topics: str) -> Stream:
        """Connected, and subscribed without waiting for the login's answer, as pybit does it."""
        stream = Stream(await self.session.ws_connect(self.addresses.ws_private))
        expires = time.time_ns() // 1_000_000 + 5_000
        await stream.send(op="auth", args=[self.key.key, expires, self.sign(f"GET/realtime{expires}")])
        if topics:
            await stream.send(op="subscribe", args=list(topics))
            await stream.until(lambda frame: frame.get("op") == "subscribe")
        return stream
