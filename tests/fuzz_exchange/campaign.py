"""A campaign of spoiled requests against a running exchange, every answer judged.

Lives here: the lanes that send, what must hold of each answer, and the report. Not here: what is sent (`valid`,
`spoiling`), the exchange (the test serves it).
Calls go over plain sockets, so that what is sent is what was meant. A lane draws from the seed and its own number.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp

from fuzz_exchange import valid
from fuzz_exchange.documented import CODES
from fuzz_exchange.spoiling import as_json, as_query, spoil, spoil_bytes
from tradewright.simulator import Addresses
from tradewright.simulator.accounts.keys import ApiKey

ANSWER_S_MAX = 20.0
CALL_LANES = 4
FRAMES_PER_CONNECTION = 25
KNOWN_MAX = 200
ORDERS_SHARE = 0.3  # of the calls, beside their turn among all endpoints
LISTED_MAX = 5  # of a category
FAULTS_MAX = 10
ENVELOPE = {"retCode", "retMsg", "result", "retExtInfo", "time"}
LINE_BYTES_MAX = 8_000
LISTS_ALONE = "/v5/market/historical-volatility"  # its result is a list, its category beside it
STATUSES = {200, 400, 401, 403, 404}
CODES_OF = {400: 10001, 401: 10001, 404: 10017}
CURSOR = re.compile(r"[A-Za-z0-9_-]*")
FRAME_BYTES_MAX = 60_000  # a longer one ends the connection, rightly


class Vanished(Exception):
    """The exchange ended a connection that it had no reason to end."""


@dataclass(slots=True)
class Report:
    bodies: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)  # by path or stream: answered with 0 or success
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def fault(self, said: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(said)

    def __str__(self) -> str:
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        return (
            f"{self.bodies} spoiled requests in {self.seconds:.0f} s: {dict(sorted(self.statuses.items()))}; {codes}; "
            f"{sum(self.accepted.values())} accepted; {len(self.faults)} faults"
        )


@dataclass(slots=True)
class Campaign:
    """`routes` are method and path of every endpoint, public and private."""

    addresses: Addresses
    key: ApiKey
    routes: list[tuple[str, str]]
    session: aiohttp.ClientSession
    seed: str
    report: Report = field(default_factory=Report)
    known: list[dict[str, Any]] = field(default_factory=list)
    market: list[valid.Listed] = field(default_factory=list)

    async def run(self, bodies: int) -> Report:
        """Send so many spoiled requests: of ten, six are calls and four frames."""
        began = time.monotonic()
        self.market = [listed for category in valid.CATEGORIES for listed in await self._listed(category)]
        calls, streams = bodies * 6 // 10, self._streams()
        frames = bodies - calls
        await asyncio.gather(
            *(self._call_lane(lane, share) for lane, share in enumerate(_shares(calls, CALL_LANES))),
            *(
                self._frame_lane(name, address, make, share)
                for (name, address, make), share in zip(streams, _shares(frames, len(streams)), strict=True)
            ),
        )
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _listed(self, category: str) -> list[valid.Listed]:
        """A few instruments of a category, as the exchange tells them."""
        rows: list[dict[str, dict[str, Any]]] = []
        for name in ("instruments-info", "tickers"):
            query = f"category={category}" + ("&baseCoin=BTC" if category == "option" else "")
            async with self.session.get(f"{self.addresses.rest}/v5/market/{name}?{query}") as response:
                rows.append({row["symbol"]: row for row in (await response.json())["result"]["list"]})
        instruments, tickers = rows
        found = []
        for symbol in [symbol for symbol in instruments if symbol in tickers][:LISTED_MAX]:
            lot = instruments[symbol]["lotSizeFilter"]
            found.append(
                valid.Listed(
                    category=category,
                    symbol=symbol,
                    tick=Decimal(instruments[symbol]["priceFilter"]["tickSize"]),
                    lot=Decimal(lot.get("qtyStep") or lot["basePrecision"]),
                    smallest=Decimal(lot["minOrderQty"]),
                    price=Decimal(tickers[symbol]["lastPrice"]),
                )
            )
        assert found, f"the exchange lists nothing of {category}"
        return found

    # Calls.

    async def _call_lane(self, lane: int, count: int) -> None:
        draw = random.Random(f"{self.seed}/calls/{lane}")
        host, port = self.addresses.rest.removeprefix("http://").split(":")
        line = _Line(host, int(port))
        orders = [route for route in self.routes if route[0] == "POST" and route[1].startswith("/v5/order/")]
        for number in range(count):
            route = self.routes[(number * CALL_LANES + lane) % len(self.routes)]
            if orders and draw.random() < ORDERS_SHARE:
                route = draw.choice(orders)
            request, label, fields = self._call(route, draw)
            self.report.bodies += 1
            self.report.paths[route[1]] += 1
            try:
                async with asyncio.timeout(ANSWER_S_MAX):
                    status, content = await line.ask(request)
            except (TimeoutError, EOFError, ValueError, OSError) as error:
                self.report.fault(f"{label}: no answer ({error!r}) to {request[:1500]!r}")
                line.close()
            else:
                result = self._judge_call(route[1], label, request, status, content)
                if route[1] == "/v5/order/create" and result.get("orderId"):
                    place = {name: fields.get(name) for name in ("category", "symbol")}
                    self.known.append({**place, "orderId": result["orderId"]})
                    del self.known[:-KNOWN_MAX]
        line.close()

    def _call(self, route: tuple[str, str], draw: random.Random) -> tuple[bytes, str, dict[str, Any]]:
        """The bytes of a spoiled call, what was done to it, and its fields."""
        method, path = route
        fields = valid.fields_of(method, path, draw, market=self.market, now_ms=_now_ms(), known=self.known)
        manner = draw.choices(("fields", "bytes", "head", "nothing"), (70, 15, 10, 5))[0]
        if manner == "fields":
            fields = spoil(fields, draw)
        payload = as_query(fields, draw) if method == "GET" else as_json(fields)
        if manner == "bytes":
            payload = spoil_bytes(payload, draw)
        if method == "GET":
            payload = b"".join(
                bytes([byte]) if 0x20 < byte < 0x7F or byte > 0xF0 else b"%%%02x" % byte for byte in payload
            )
            payload = payload.replace(b"#", b"%23")  # a fragment never leaves a client
        head = self._head(payload)
        if manner == "head":
            name = draw.choice(sorted(head))
            head[name] = draw.choice(
                (b"", b"0", b"-1", b"soon", b"\xff\xfe", b"9" * 300, head[name].swapcase(), b"%s%n")
            )
            if draw.random() < 0.3:
                del head[name]
            method = draw.choice((method, method, "PUT", "DELETE", "GET", "POST"))
        body = payload if route[0] == "POST" else b""
        target = path.encode() + (b"?" + payload if route[0] == "GET" else b"")
        lines = [b"%s %s HTTP/1.1" % (method.encode(), target), b"Host: exchange", b"Content-Length: %d" % len(body)]
        lines += [name.encode() + b": " + value for name, value in head.items()]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body, manner, fields

    def _head(self, payload: bytes) -> dict[str, bytes]:
        stamp, window = str(_now_ms()).encode(), b"20000"
        text = stamp + self.key.key.encode() + window + payload
        return {
            "X-BAPI-API-KEY": self.key.key.encode(),
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": hmac.new(self.key.secret.encode(), text, hashlib.sha256).hexdigest().encode(),
        }

    def _judge_call(self, path: str, label: str, request: bytes, status: int, content: bytes) -> dict[str, Any]:
        """The result if the call was accepted and has one to learn from."""
        self.report.statuses[status] += 1
        told = f"{label}: {status} {content[:300]!r} to {request[:1500]!r}"
        if status not in STATUSES:
            self.report.fault(told)
            return {}
        # What is no HTTP at all, or too long a line of it, is not answered by the exchange but by the server under it.
        is_no_http = status == 400 and (len(request) > LINE_BYTES_MAX or not request.isascii())
        is_read_with_body = status == 403 and request.startswith(b"GET")
        try:
            answer = json.loads(content)
        except ValueError:
            if not (is_no_http or is_read_with_body):
                self.report.fault(f"not JSON: {told}")
            return {}
        is_list = path == LISTS_ALONE and answer.get("retCode") == 0
        shape = (ENVELOPE | {"category"}, list) if is_list else (ENVELOPE, dict)
        if set(answer) != shape[0] or not isinstance(answer["result"], shape[1]) or answer["retCode"] not in CODES:
            self.report.fault(f"not as documented: {told}")
            return {}
        if status != 200 and answer["retCode"] != CODES_OF[status]:
            self.report.fault(f"status and code do not go together: {told}")
        result: dict[str, Any] = answer["result"] if isinstance(answer["result"], dict) else {}
        if not CURSOR.fullmatch(result.get("nextPageCursor", "")):
            self.report.fault(f"a cursor that clients escape in two ways: {told}")
        self.report.codes[answer["retCode"]] += 1
        if answer["retCode"] != 0:
            return {}
        self.report.accepted[path] += 1
        return result

    # Frames.

    def _streams(self) -> list[tuple[str, str, Callable[[random.Random], dict[str, Any]]]]:
        def public(category: str) -> tuple[str, str, Callable[[random.Random], dict[str, Any]]]:
            return (
                category,
                f"{self.addresses.ws_public}/{category}",
                partial(valid.public_frame, category, market=self.market),
            )

        def trade(draw: random.Random) -> dict[str, Any]:
            return valid.trade_frame(draw, market=self.market, now_ms=_now_ms(), known=self.known)

        return [
            *(public(category) for category in (*valid.CATEGORIES, "misc/status")),
            ("private", self.addresses.ws_private, valid.private_frame),
            ("trade", self.addresses.ws_trade, trade),
            ("trade", self.addresses.ws_trade, trade),
        ]

    async def _frame_lane(
        self, name: str, address: str, make: Callable[[random.Random], dict[str, Any]], count: int
    ) -> None:
        draw = random.Random(f"{self.seed}/{name}/{count}")
        for first in range(0, count, FRAMES_PER_CONNECTION):
            sent: list[str] = []
            try:
                async with asyncio.timeout(ANSWER_S_MAX), self.session.ws_connect(address) as socket:
                    if name in ("private", "trade"):
                        await self._login(socket)
                    for _ in range(min(FRAMES_PER_CONNECTION, count - first)):
                        text = self._frame(make(draw), draw)
                        sent.append(text)
                        self.report.bodies += 1
                        await socket.send_str(text)
                    await self._end(name, socket)
            except (TimeoutError, Vanished, aiohttp.ClientError, ConnectionError) as error:
                if not (name == "private" and any('"auth"' in text for text in sent)):  # a bad login ends it, rightly
                    self.report.fault(f"{name}: {error!r} after {sent!r}"[:6_000])

    async def _login(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        expires = _now_ms() + 10_000
        signature = hmac.new(self.key.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        await socket.send_json({"op": "auth", "args": [self.key.key, expires, signature]})

    def _frame(self, frame: dict[str, Any], draw: random.Random) -> str:
        manner = draw.choices(("fields", "bytes", "login", "nothing"), (70, 20, 3, 7))[0]
        if manner == "fields":
            frame = spoil(frame, draw)
        if manner == "login":
            frame = spoil({"op": "auth", "args": [self.key.key, _now_ms() + 9_000, "0" * 64]}, draw)
        content = as_json(frame)
        if manner == "bytes":
            content = spoil_bytes(content, draw)
        return content.decode(errors="replace")[: FRAME_BYTES_MAX // 4]

    async def _end(self, name: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Say the last word and read until it is answered."""
        marker = "the last word"
        if name == "option":  # whose pongs carry no id
            await socket.send_json({"op": "subscribe", "args": [marker]})
        else:
            await socket.send_json({"op": "ping", "req_id": marker, "reqId": marker})
        if name == "spot":  # neither do these, but refusals do
            await socket.send_json({"op": "subscribe", "args": [], "req_id": marker})
        while True:
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise Vanished(message.type.name)
            frame = json.loads(message.data)
            self._judge_frame(name, frame)
            report = frame.get("data") if frame.get("type") == "COMMAND_RESP" else {}
            if marker in (frame.get("req_id"), frame.get("reqId"), *report.get("failTopics", ())):
                return

    def _judge_frame(self, name: str, frame: dict[str, Any]) -> None:
        if "topic" in frame:
            is_good = "data" in frame
        elif name == "trade":
            is_good = frame.get("retCode") in CODES
            self.report.codes[frame.get("retCode", -99)] += 1
            self.report.accepted[name] += frame.get("retCode") == 0
        else:
            is_good = isinstance(frame.get("success"), bool) or frame.get("op") == "pong"
            self.report.accepted[name] += frame.get("success") is True
        if not is_good:
            self.report.fault(f"{name}: not as documented: {json.dumps(frame)[:1_000]}")


class _Line:
    """One connection for calls, opened when it is needed and again after it was closed in between."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. A connection that had answered before may have ended since: once more then."""
        was_used = self._open is not None
        try:
            return await self._asked(request)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if not was_used or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                raise
            self.close()
            return await self._asked(request)

    async def _asked(self, request: bytes) -> tuple[int, bytes]:
        if self._open is None:
            self._open = await asyncio.open_connection(*self._place)
        reader, writer = self._open
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lengths = [line.partition(":")[2] for line in head.split("\r\n") if line.startswith("content-length:")]
        content = await reader.readexactly(int(lengths[0]))
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), content

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _shares(whole: int, parts: int) -> list[int]:
    share, rest = divmod(whole, parts)
    return [share + (number < rest) for number in range(parts)]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
