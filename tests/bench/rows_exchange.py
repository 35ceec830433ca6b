"""What the simulated exchange can do alone: orders a second over both ways in, market messages with hundreds of
contracts, memory. There is no peer that could be measured beside it, so the figures are stated, not judged.

The clients here write bytes that were made and signed before the clock starts, so that the exchange is measured and not
they. Orders rest far from the market; with a state folder every one is on disk before its answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
from tests.bench.harness import Figure

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from support.exchange_process import KEY, SECRET, ExchangeProcess, exchange_process

ORDERS = 400  # of one contract 500 may be open
SYMBOLS = 600
LISTEN_S = 10.0
CONNECTIONS = 16
TOPICS = ("orderbook.50", "publicTrade", "tickers")
TOPICS_PER_CONNECTION = 600  # Bybit allows 21 000 characters
UNLIMITED = ("--ip-limit", "0", "--limit-factor", "0")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def measured() -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as state, exchange_process(*UNLIMITED, "--state", state) as exchange:
        figures.append(Figure("exchange: orders by REST, on disk", asyncio.run(_by_rest(exchange)), "/s"))
    with tempfile.TemporaryDirectory() as state, exchange_process(*UNLIMITED, "--state", state) as exchange:
        figures.append(Figure("exchange: orders by trade stream, on disk", asyncio.run(_by_stream(exchange)), "/s"))
    with exchange_process(*UNLIMITED) as exchange:
        figures.append(Figure("exchange: orders by REST, in memory", asyncio.run(_by_rest(exchange)), "/s"))
    with exchange_process(*UNLIMITED) as exchange:
        figures.append(Figure("exchange: orders by trade stream, in memory", asyncio.run(_by_stream(exchange)), "/s"))
    with exchange_process(*UNLIMITED, "--market", f"synthetic:{SYMBOLS}") as exchange:
        pid = _pid_of(exchange)
        at_rest_mb, idle_from_s = _pss_mb(pid), _cpu_s(pid)
        time.sleep(LISTEN_S / 2)
        idle = (_cpu_s(pid) - idle_from_s) / (LISTEN_S / 2)
        messages, cpu_s, topics = asyncio.run(_listen(exchange, pid))
        figures += [
            Figure(f"exchange: {SYMBOLS} contracts, CPU when nobody listens", idle * 100, "% of a core"),
            Figure(f"exchange: messages told, {topics} topics of {SYMBOLS} contracts", messages / LISTEN_S, "/s"),
            Figure("exchange: messages told for each second of CPU", messages / max(cpu_s, 0.01), "/s"),
            Figure(f"exchange: memory at its start, {SYMBOLS} contracts (PSS)", at_rest_mb, "MB"),
            Figure("exchange: memory after that (PSS)", _pss_mb(pid), "MB"),
        ]
    return figures


def _orders() -> list[dict[str, Any]]:
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001"}
    return [{**order, "price": "20000", "orderLinkId": f"bench-{number}"} for number in range(ORDERS)]


async def _by_rest(exchange: ExchangeProcess) -> float:
    """Orders a second over keep-alive connections, each waiting for its answer before the next."""
    host, port = exchange.rest.removeprefix("http://").rsplit(":", 1)
    requests = [_request(host, order) for order in _orders()]
    links = [await asyncio.open_connection(host, int(port)) for _ in range(CONNECTIONS)]

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mine: Sequence[bytes]) -> None:
        for request in mine:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            answer = json.loads(await reader.readexactly(length))
            assert answer["retCode"] == 0, answer

    began = time.perf_counter()
    await asyncio.gather(
        *(send(reader, writer, requests[place::CONNECTIONS]) for place, (reader, writer) in enumerate(links))
    )
    took_s = time.perf_counter() - began
    for _, writer in links:
        writer.close()
    return ORDERS / took_s


def _request(host: str, order: dict[str, Any]) -> bytes:
    body, stamp, window = json.dumps(order), str(time.time_ns() // 1_000_000), "60000"
    head = {
        "Host": host,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": _sign(f"{stamp}{KEY}{window}{body}"),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST /v5/order/create HTTP/1.1\r\n{lines}\r\n{body}".encode()


async def _by_stream(exchange: ExchangeProcess) -> float:
    """Orders a second over one connection that does not wait between them."""
    stamp = time.time_ns() // 1_000_000
    header = {"X-BAPI-TIMESTAMP": str(stamp), "X-BAPI-RECV-WINDOW": "60000"}
    frames = [
        json.dumps({"reqId": order["orderLinkId"], "header": header, "op": "order.create", "args": [order]})
        for order in _orders()
    ]
    async with aiohttp.ClientSession() as session, session.ws_connect(str(exchange.ready["ws_trade"])) as socket:
        expires = stamp + 10_000
        await socket.send_json({"op": "auth", "args": [KEY, expires, _sign(f"GET/realtime{expires}")]})
        assert (await socket.receive_json())["retCode"] == 0
        began = time.perf_counter()
        for frame in frames:
            await socket.send_str(frame)
        for _ in frames:
            answer = await socket.receive_json()
            assert answer["retCode"] == 0, answer
        return ORDERS / (time.perf_counter() - began)


async def _listen(exchange: ExchangeProcess, pid: int) -> tuple[int, float, int]:
    """Messages and CPU of the exchange while all contracts are listened to, and how many topics that were."""
    async with aiohttp.ClientSession() as session:
        listed = f"{exchange.rest}/v5/market/instruments-info?category=linear&limit=1000"
        async with session.get(listed) as response:
            symbols = [row["symbol"] for row in (await response.json())["result"]["list"]][:SYMBOLS]
        topics = [f"{topic}.{symbol}" for symbol in symbols for topic in TOPICS]
        heard = 0

        async def hear(mine: Sequence[str]) -> None:
            nonlocal heard
            async with session.ws_connect(f"{exchange.ready['ws_public']}/linear", max_msg_size=0) as socket:
                await socket.send_json({"op": "subscribe", "args": list(mine)})
                async for _ in socket:
                    heard += 1

        parts = range(0, len(topics), TOPICS_PER_CONNECTION)
        listeners = [asyncio.create_task(hear(topics[first : first + TOPICS_PER_CONNECTION])) for first in parts]
        await asyncio.sleep(3)  # the snapshots are no messages of a running market
        heard, before_s = 0, _cpu_s(pid)
        await asyncio.sleep(LISTEN_S)
        told, cpu_s = heard, _cpu_s(pid) - before_s
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        return told, cpu_s, len(topics)


def _sign(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def _pid_of(exchange: ExchangeProcess) -> int:
    """The process that listens there, by its command line: it was started with port 0 by this one."""
    for child in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        if b"tradewright.simulator" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise RuntimeError(f"the exchange at {exchange.rest} is no child of this process")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _pss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
