"""A served replay that only moves when the test says so, and what its wire tells, row for row.

Expected rows are read from the recordings by the plainest means; nothing of the exchange's own reading is used.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from support.sim_client import SimClient, Stream
from tradewright.simulator import SimulatorConfig, serve

PATIENCE_S = 60.0
Row = tuple[Any, ...]


class Replayed:
    """A paused market; only `move` moves it, and wall time with it."""

    def __init__(self, client: SimClient, wall: list[int]) -> None:
        self.client = client
        self._wall = wall

    async def move(self, **command: Any) -> dict[str, Any]:
        """`POST /sim/market`; a fifth of a second of wall time passes first, so that every topic is due."""
        self._wall[0] += 200
        return await self.command(**command)

    async def command(self, **command: Any) -> dict[str, Any]:
        async with self.client.session.post(
            f"{self.client.addresses.rest}/sim/market", json=command, headers={"X-Sim-Key": self.client.key.key}
        ) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def clock(self) -> dict[str, Any]:
        async with self.client.session.get(f"{self.client.addresses.rest}/sim/clock") as response:
            return dict(await response.json())

    async def market(self, what: str, query: str) -> Any:
        """The result of a public endpoint."""
        reply = await self.client.get(f"/v5/market/{what}", query, signed=False)
        assert reply.code == 0, reply.body
        return reply.body["result"]

    async def subscribe(self, category: str, *topics: str) -> Stream:
        stream = Stream(await self.client.session.ws_connect(f"{self.client.addresses.ws_public}/{category}"))
        await stream.send(op="subscribe", args=list(topics))
        answer = await stream.until(lambda frame: frame.get("op") == "subscribe")
        assert answer["success"], answer
        return stream

    async def all_candles(self, category: str, symbol: str, interval: str) -> list[Row]:
        """Every candle that REST has, oldest first, read from the newest back as clients do."""
        found: list[Row] = []
        end = ""
        while True:
            query = f"category={category}&symbol={symbol}&interval={interval}&limit=1000{end}"
            page = (await self.market("kline", query))["list"]
            found += [as_numbers(row) for row in page]
            if len(page) < 1000:
                return found[::-1]
            end = f"&end={int(page[-1][0]) - 1}"


@asynccontextmanager
async def replayed(*recordings: str, from_ms: int | None = None) -> AsyncIterator[Replayed]:
    """Serve `FILE@category:SYMBOL` from a moment on; whatever is due at that very moment has happened at once."""
    wall = [time.time_ns() // 1_000_000]  # near the true one: logins are signed with that
    config = SimulatorConfig(
        market=tuple(f"replay:{recording}" for recording in recordings),
        market_from=None if from_ms is None else str(from_ms),
        tick_ms=5,
    )
    running = await serve(config, wall_ms=lambda: wall[0])
    try:
        async with aiohttp.ClientSession() as session:
            client = SimClient(running.addresses, running.keys.trading, session)
            client.now_ms = lambda: wall[0]
            exchange = Replayed(client, wall)
            await exchange.command(do="pause")
            yield exchange
    finally:
        await running.close()


async def collected(stream: Stream, pick: Callable[[dict[str, Any]], list[Row]], count: int) -> list[Row]:
    """The first `count` rows that the frames of a stream hold."""
    rows = [row for frame in stream.seen for row in pick(frame)]
    async with asyncio.timeout(PATIENCE_S):
        while len(rows) < count:
            rows += pick(await stream.next())
    return rows


def confirmed_candles(frame: dict[str, Any]) -> list[Row]:
    """Of a kline topic: the candles that are closed for good."""
    names = ("start", "open", "high", "low", "close", "volume", "turnover")
    return [as_numbers([row[name] for name in names]) for row in rows_of(frame, "kline.") if row["confirm"]]


def public_trades(frame: dict[str, Any]) -> list[Row]:
    """Of a trade topic: time, id, side, price, size."""
    return [
        (row["T"], row["i"], row["S"], Decimal(row["p"]), Decimal(row["v"])) for row in rows_of(frame, "publicTrade.")
    ]


def rows_of(frame: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return list(frame["data"]) if str(frame.get("topic")).startswith(kind) else []


def as_numbers(row: Iterable[Any]) -> Row:
    start, *numbers = row
    return (int(start), *map(Decimal, numbers))


def recorded_candles(path: Path) -> list[Row]:
    """As `as_numbers`; a turnover that the file does not have is what the exchange says it puts there."""
    return [as_numbers([*row[:6], row[6] or Decimal(row[5]) * Decimal(row[4])]) for row in recorded(path)]


def recorded_trades(path: Path) -> list[Row]:
    return [(int(row[0]), row[1], row[2], Decimal(row[3]), Decimal(row[4])) for row in recorded(path)]


def recorded(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.reader(file))[1:]


def recorded_messages(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


class ClientsBook:
    """The book as the plainest client keeps it: prices and sizes by side."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}

    def apply(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.sides = {"b": {}, "a": {}}
        for side, levels in self.sides.items():
            for price, size in message["data"][side]:
                if Decimal(size):
                    levels[Decimal(price)] = Decimal(size)
                else:
                    del levels[Decimal(price)]


def as_book(result: dict[str, Any]) -> dict[str, dict[Decimal, Decimal]]:
    """A REST book in the same shape, best first."""
    return {side: {Decimal(price): Decimal(size) for price, size in result[side]} for side in ("b", "a")}
