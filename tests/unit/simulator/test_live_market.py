"""The exchange on its own markets, quickly.

What the streams tell, REST tells too, and orders fill where the market is.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from support.sim_client import SimClient
from tradewright.simulator import SimulatorConfig, serve

PATIENCE_S = 20.0
SAMPLE = Path(__file__).parents[2] / "data" / "btcusdt-linear-1m-sample.csv.gz"


@asynccontextmanager
async def trading_on(config: SimulatorConfig) -> AsyncIterator[SimClient]:
    running = await serve(config)
    async with aiohttp.ClientSession() as session:
        yield SimClient(running.addresses, running.keys.trading, session)
    await running.close()


async def candles(client: SimClient, start_ms: int, end_ms: int) -> dict[int, list[str]]:
    query = f"category=linear&symbol=BTCUSDT&interval=1&start={start_ms}&end={end_ms}&limit=1000"
    rows = (await client.get("/v5/market/kline", query, signed=False)).rows
    return {int(row[0]): list(row) for row in rows}  # type: ignore[call-overload]


def as_rest_row(candle: dict[str, Any]) -> list[str]:
    return [str(candle["start"]), *(candle[name] for name in ("open", "high", "low", "close", "volume", "turnover"))]


async def test_every_candle_is_confirmed_exactly_once_and_is_what_rest_says() -> None:
    async with trading_on(SimulatorConfig(seed=5, speed=900.0)) as client:
        stream = await client.public()
        await stream.send(op="subscribe", args=["kline.1.BTCUSDT"])
        confirmed: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(confirmed) < 20:
                frame = await stream.next()
                confirmed += [row for row in frame.get("data", []) if row["confirm"]]
        starts = [row["start"] for row in confirmed]
        assert starts == list(range(starts[0], starts[0] + 60_000 * len(starts), 60_000))
        assert [row["end"] for row in confirmed] == [start + 59_999 for start in starts]
        rest = await candles(client, starts[0], starts[-1])
        assert [as_rest_row(row) for row in confirmed] == [rest[start] for start in starts]


async def test_deep_books_stay_whole_while_the_market_runs() -> None:
    async with trading_on(SimulatorConfig(seed=6, speed=100.0)) as client:
        stream = await client.public()
        await stream.send(op="subscribe", args=["orderbook.200.BTCUSDT"])
        book: dict[str, dict[str, str]] = {}
        last_u = 0
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(30):
                frame = await stream.until(lambda frame: "topic" in frame)
                data = frame["data"]
                if frame["type"] == "snapshot":
                    book = {side: dict(data[side]) for side in ("b", "a")}
                else:
                    assert data["u"] == last_u + 1
                    for side in ("b", "a"):
                        for price, size in data[side]:
                            if size == "0":
                                del book[side][price]
                            else:
                                book[side][price] = size
                last_u = data["u"]
                assert [len(book[side]) for side in ("b", "a")] == [200, 200]
                assert max(map(Decimal, book["b"])) < min(map(Decimal, book["a"]))


async def test_an_order_on_a_replay_fills_inside_the_candle_of_its_moment() -> None:
    with gzip.open(SAMPLE, "rt") as file:
        recorded = {int(row["open_time_ms"]): row for row in csv.DictReader(file)}
    async with trading_on(SimulatorConfig(market=(f"replay:{SAMPLE}@linear:BTCUSDT",), speed=60.0)) as client:
        executions = await client.private("execution")
        for side in ("Buy", "Sell", "Buy"):
            assert (await client.create(side, "0.010")).code == 0
            fill = (await executions.until(lambda frame: frame.get("topic") == "execution"))["data"][0]
            market_ms = await moment_of(client, fill["execId"])
            candle = recorded[market_ms - market_ms % 60_000]
            assert Decimal(candle["low"]) <= Decimal(fill["execPrice"]) <= Decimal(candle["high"])


async def moment_of(client: SimClient, exec_id: str) -> int:
    """Market time of a fill, by the exchange's own log."""
    url = f"{client.addresses.rest}/sim/log"
    async with client.session.get(url, headers={"X-Sim-Key": client.key.key}) as response:
        entries = (await response.json())["entries"]
    return int(next(entry["event"] for entry in entries if entry["event"].get("exec_id") == exec_id)["at"]["market_ms"])
