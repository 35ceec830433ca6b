"""Orders while backtests run (promise O2 in small): counted, not clocked; the times are `make backtests-beside`'s."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from integration.backtests.kit import LONG_SPEC, frozen, playing, running_keeper, waves
from integration.web.kit import Site, User, place_body, running_owner
from tradewright.market.history.series import Series

ORDERS = 20
BACKTESTS = 4


async def test_every_order_is_answered_and_every_backtest_ends_once(
    site: Site, ann: User, engine: AsyncEngine, database_url: str
) -> None:
    series = Series(category="linear", symbol="LONGUSDT", timeframe="1m")
    await asyncio.to_thread(site.parts.candles.add, series, waves(200_000), source="a test")
    home = site.parts.candles.root.parent
    async with running_owner(site, ann), running_keeper(engine, database_url, home, at_once=BACKTESTS):
        backtests = [await ask(ann, equity=str(1_000 + number)) for number in range(BACKTESTS)]
        pids = await frozen(BACKTESTS)  # all at work at once, whatever the machine does beside
        wake(pids)
        orders = [place_body() for _ in range(ORDERS)]
        for order in orders:
            async with ann.http.post(f"{ann.account_path}/intents", json=order) as response:
                assert response.status in (200, 202)
        for order in orders:
            assert await status_of(ann, order["id"]) == "acknowledged"
        ended = [await finished(ann, backtest) for backtest in backtests]
    assert [one["state"] for one in ended] == ["finished"] * BACKTESTS
    assert await site.count("intents") == await site.count("requests") == ORDERS
    assert playing() == []


async def ask(user: User, **settings: str) -> str:
    body = {"id": str(uuid4()), "text": LONG_SPEC, "settings": settings}
    async with user.http.post("/api/v1/backtests", json=body) as response:
        assert response.status == 202, await response.text()
    return str(body["id"])


def wake(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


async def status_of(user: User, intent_id: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            async with user.http.get(f"{user.account_path}/intents/{intent_id}") as response:
                status = (await response.json())["status"]
            if status not in ("sending", "accepted"):
                return status
            await asyncio.sleep(0.05)


async def finished(user: User, backtest_id: str) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while True:
            async with user.http.get(f"/api/v1/backtests/{backtest_id}") as response:
                found = (await response.json())["backtest"]
            if found["state"] not in ("queued", "running"):
                return dict(found)
            await asyncio.sleep(0.05)
