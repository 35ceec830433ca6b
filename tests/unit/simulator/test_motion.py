"""The market moves as it is told: pause, step, jump, speed. Nothing is skipped, and a restart changes nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.replayed import (
    Replayed,
    collected,
    confirmed_candles,
    recorded_candles,
    recorded_trades,
    replayed,
)
from support.sim_client import SimClient
from tradewright.simulator import SimulatorConfig, serve

DATA = Path(__file__).parents[2] / "data"
MINUTES = DATA / "btcusdt-linear-1m-sample.csv.gz"
TRADES = DATA / "btcusdt-linear-trades-sample.csv.gz"
QUOTES = DATA / "btcusdt-linear-bbo-sample.csv.gz"


@asynccontextmanager
async def running(wall: list[int], **config: Any) -> AsyncIterator[Replayed]:
    """An exchange whose wall time is what `wall` holds."""
    served = await serve(SimulatorConfig(tick_ms=5, save_market_ms=10**9, **config), wall_ms=lambda: wall[0])
    try:
        async with aiohttp.ClientSession() as session:
            yield Replayed(SimClient(served.addresses, served.keys.trading, session), wall)
    finally:
        await served.close()


async def refusal(exchange: Replayed, **command: Any) -> str:
    async with exchange.client.session.post(
        f"{exchange.client.addresses.rest}/sim/market", json=command, headers={"X-Sim-Key": exchange.client.key.key}
    ) as response:
        assert response.status == 400
        return str((await response.json())["error"])


async def test_only_the_trading_key_moves_the_market() -> None:
    async with replayed(f"{MINUTES}@linear:BTCUSDT") as exchange:
        for headers in ({}, {"X-Sim-Key": "somebody"}):
            async with exchange.client.session.post(
                f"{exchange.client.addresses.rest}/sim/market", json={"do": "resume"}, headers=headers
            ) as response:
                assert response.status == 403
        assert (await exchange.clock())["paused"]


async def test_the_clock_tells_the_motion_and_the_bounds() -> None:
    rows = recorded_candles(MINUTES)
    async with replayed(f"{MINUTES}@linear:BTCUSDT", from_ms=rows[7][0]) as exchange:
        clock = await exchange.clock()

        assert (clock["from_ms"], clock["to_ms"]) == (rows[0][0], rows[-1][0] + 60_000)
        assert (clock["market_now_ms"], clock["paused"], clock["speed"], clock["ended"]) == (
            rows[7][0],
            True,
            1.0,
            False,
        )


async def test_a_paused_market_stands_while_time_goes_on_and_resumes_where_it_stood() -> None:
    wall = [1_800_000_000_000]
    async with running(wall, market=(f"replay:{MINUTES}@linear:BTCUSDT",), speed=60.0) as exchange:
        begun_ms = (await exchange.clock())["market_now_ms"]
        await exchange.command(do="pause")
        wall[0] += 3_600_000
        assert (await exchange.command(do="pause"))["market_now_ms"] == begun_ms

        await exchange.command(do="resume")
        wall[0] += 1_000
        await exchange.command(do="speed", speed=600)
        assert (await exchange.clock())["market_now_ms"] == begun_ms + 60_000
        wall[0] += 1_000
        answer = await exchange.command(do="pause")
        assert (answer["market_now_ms"], answer["speed"]) == (begun_ms + 660_000, 600.0)


async def test_a_step_plays_so_many_seconds_or_rows_and_leaves_the_market_paused() -> None:
    rows = recorded_candles(MINUTES)
    async with replayed(f"{MINUTES}@linear:BTCUSDT", from_ms=rows[100][0]) as exchange:
        await exchange.command(do="resume")
        answer = await exchange.command(do="step", seconds="29.999")
        assert (answer["market_now_ms"], answer["paused"], answer["events"]) == (rows[100][0] + 29_999, True, 2)

        answer = await exchange.command(do="step", events=5)  # points of the path: half a bar, and three of the next
        assert (answer["market_now_ms"], answer["events"]) == (rows[101][0] + 30_000, 10)


async def test_rows_of_one_moment_are_stepped_together() -> None:
    rows = recorded_trades(TRADES)
    place = next(place for place in range(100, len(rows)) if rows[place][0] == rows[place + 1][0])
    async with replayed(f"{TRADES}@linear:BTCUSDT", from_ms=rows[place - 1][0]) as exchange:
        answer = await exchange.move(do="step", events=1)

        assert answer["market_now_ms"] == rows[place][0]
        told = (await exchange.market("recent-trade", "category=linear&symbol=BTCUSDT&limit=2"))["list"]
        assert [row["execId"] for row in told][::-1] == [rows[place][1], rows[place + 1][1]]


async def test_a_jump_plays_all_that_lies_between() -> None:
    rows = recorded_candles(MINUTES)
    async with replayed(f"{MINUTES}@linear:BTCUSDT", from_ms=rows[1_000][0]) as exchange:
        stream = await exchange.subscribe("linear", "kline.1.BTCUSDT")
        lowest = min(rows[1_001:3_000], key=lambda row: row[3])
        limit = lowest[3] + Decimal("0.1")  # one tick above the lowest price of two thousand minutes
        assert rows[1_000][3] > limit
        assert (await exchange.client.create("Buy", "0.010", str(limit))).code == 0
        orders = await exchange.client.private("execution")

        await exchange.move(do="jump", to="2024-03-03T02:00:00Z")

        assert await collected(stream, confirmed_candles, 2_000) == rows[1_000:3_000]
        fill = (await orders.until(lambda frame: frame.get("topic") == "execution"))["data"][0]
        assert (Decimal(fill["execPrice"]), fill["isMaker"]) == (limit, True)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "do is None; it must be one of pause, resume, step, jump, speed"),
    ({"do": "stop"}, "do is 'stop'"),
    ({"do": "pause", "for": 3}, "pause does not know for"),
    ({"do": "step"}, "seconds is None; it must be a number above 0"),
    ({"do": "step", "seconds": -1}, "seconds is -1"),
    ({"do": "step", "seconds": True}, "seconds is True"),
    ({"do": "step", "seconds": "0.0001"}, "seconds is 0.0001; it must be whole milliseconds"),
    ({"do": "step", "seconds": 1e300}, "seconds is '1e+300'"),
    ({"do": "step", "events": 0}, "events is 0; it must be a number above 0 and at most 100000"),
    ({"do": "step", "events": 1.5}, "events is 1.5; it must be a whole number"),
    ({"do": "step", "events": 1, "seconds": 1}, "step does not know seconds"),
    ({"do": "speed", "speed": 0}, "speed is 0; it must be a number above 0"),
    ({"do": "speed", "speed": "fast"}, "speed is 'fast'"),
    ({"do": "jump"}, "to is None; write ISO 8601"),
    ({"do": "jump", "to": "0001-01-01T00:00+23:59"}, "it must lie between the years 1970 and 9999"),
    ({"do": "jump", "to": "tomorrow"}, "to is 'tomorrow'; write ISO 8601"),
    ({"do": "jump", "to": 1_709_000_000_000}, "a market only goes forward, because orders have met what is behind"),
    ({"do": "jump", "to": "2024-03-05"}, "after the end of the recording at 2024-03-04T00:00:00Z"),
]


async def test_what_cannot_be_done_is_refused_and_moves_nothing() -> None:
    async with replayed(f"{MINUTES}@linear:BTCUSDT") as exchange:
        before = await exchange.clock()
        for command, complaint in REFUSED:
            assert complaint in await refusal(exchange, **command)
        assert await exchange.clock() == before


async def test_a_synthetic_market_is_paused_stepped_and_sped_up_but_has_nowhere_to_jump() -> None:
    wall = [1_800_000_000_000]
    async with running(wall) as exchange:
        await exchange.command(do="pause")
        wall[0] += 60_000
        before = await exchange.clock()
        assert before["market_now_ms"] == wall[0] - 60_000
        answer = await exchange.command(do="step", seconds=90)
        assert answer["market_now_ms"] == before["market_now_ms"] + 90_000
        assert answer["events"] > 90
        assert "cannot jump; pause it and step it by seconds" in await refusal(exchange, do="jump", to=wall[0] * 2)
        assert "cannot step by events" in await refusal(exchange, do="step", events=1)
        assert "one step of a synthetic market is at most 3600" in await refusal(exchange, do="step", seconds=3_601)
        candles = (await exchange.market("kline", "category=linear&symbol=BTCUSDT&interval=1&limit=3"))["list"]
        assert [int(later[0]) - int(earlier[0]) for later, earlier in pairwise(candles)] == [60_000, 60_000]


REPLAY: dict[str, Any] = {
    "market": (f"replay:{TRADES}@linear:BTCUSDT", f"replay:{QUOTES}@linear:BTCUSDT"),
    "market_from": "2024-03-04T00:00:30Z",
}


@pytest.mark.parametrize("config", [{}, REPLAY], ids=["synthetic", "replay"])
async def test_a_paused_market_is_paused_after_a_crash(tmp_path: Path, config: dict[str, Any]) -> None:
    wall = [1_800_000_000_000]
    async with running(wall, state=tmp_path / "state", **config) as exchange:
        await exchange.command(do="speed", speed=7)
        stepped = await exchange.command(do="step", seconds=10)
        shutil.copytree(tmp_path / "state", tmp_path / "crashed")  # as a crash would have left it
    wall[0] += 3_600_000

    async with running(wall, state=tmp_path / "crashed", **config) as exchange:
        clock = await exchange.clock()
        assert (clock["market_now_ms"], clock["paused"], clock["speed"]) == (stepped["market_now_ms"], True, 7.0)
        await exchange.command(do="resume")
        wall[0] += 500  # no more than one step of the market: a pause stops it where it stands
        assert (await exchange.command(do="pause"))["market_now_ms"] == stepped["market_now_ms"] + 3_500


async def test_a_market_that_is_to_go_faster_than_it_can_be_computed_still_answers() -> None:
    """Between two steps others are served; a request waits for a few of them, and may be seconds old by then."""
    wall = [1_772_000_000_000]
    served = await serve(SimulatorConfig(speed=10_000), wall_ms=lambda: wall[0])
    try:
        venue = served.engine.venue
        before_ms = venue.market.now_ms
        wall[0] += 1_000
        assert not venue.catch_up()
        assert 0 < venue.market.now_ms - before_ms <= 5_000
    finally:
        await served.close()


async def test_a_speed_that_the_command_line_says_anew_is_the_newer_wish(tmp_path: Path) -> None:
    wall = [1_800_000_000_000]
    for given, told in ((1.0, 1.0), (1.0, 7.0), (3.0, 3.0)):
        async with running(wall, state=tmp_path, speed=given, **REPLAY) as exchange:
            assert (await exchange.clock())["speed"] == told
            await exchange.command(do="speed", speed=7)


async def test_a_client_that_leaves_in_the_middle_of_a_jump_leaves_a_market_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tradewright.simulator.market.recorded.replay._STEP_ROWS", 50
    )  # hundreds of steps to leave between
    wall = [1_800_000_000_000]
    config: dict[str, Any] = {"market": (f"replay:{MINUTES}@linear:BTCUSDT",), "market_from": "2024-03-01"}
    async with running(wall, state=tmp_path, **config) as exchange:
        await exchange.command(do="pause")
        begun = await exchange.clock()
        jump = asyncio.create_task(exchange.command(do="jump", to=begun["to_ms"]))
        async with asyncio.timeout(20):
            while (await exchange.clock())["market_now_ms"] == begun["market_now_ms"]:
                await asyncio.sleep(0)
            assert "is still playing" in await refusal(exchange, do="step", events=1)
            jump.cancel()
            await asyncio.wait({jump})
            while (stopped := await exchange.clock())["market_now_ms"] != (await exchange.clock())["market_now_ms"]:
                await asyncio.sleep(0)
        assert (stopped["paused"], stopped["ended"]) == (True, False)
        assert (await exchange.command(do="jump", to=begun["to_ms"]))["ended"]

    async with running(wall, state=tmp_path, **config) as exchange:
        assert (await exchange.clock())["ended"]
