"""Backtests over the API: asked for, followed, read, cancelled, removed; what cannot run is told at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.backtests.kit import BEGIN_MS, SPEC, running_keeper, waves
from integration.web.kit import NOW_MS, Site, User, started_site
from tradewright.backtests.model import SIM_BARS_MAX, Quota
from tradewright.market.history.files import read_rows
from tradewright.market.history.funding_store import FundingStore
from tradewright.market.history.rows import Rows
from tradewright.market.history.series import Series
from tradewright.strategy.evaluate.longer import build
from tradewright.strategy.templates import template_text

BARS = 3_000
END_MS = BEGIN_MS + BARS * 60_000


@pytest_asyncio.fixture
async def stocked(site: Site) -> AsyncIterator[Site]:
    """A site with candles of BTCUSDT."""
    site.parts.candles.add(Series(category="linear", symbol="BTCUSDT", timeframe="1m"), waves(BARS), source="a test")
    yield site


def body(**changed: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "text": SPEC, **changed}


async def post(user: User, json: dict[str, Any], path: str = "") -> tuple[int, dict[str, Any]]:
    async with user.http.post(f"/api/v1/backtests{path}", json=json) as response:
        return response.status, await response.json()


async def get(user: User, path: str = "") -> tuple[int, dict[str, Any]]:
    async with user.http.get(f"/api/v1/backtests{path}") as response:
        return response.status, await response.json()


async def ended(user: User, backtest_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            _, found = await get(user, f"/{backtest_id}")
            if found["backtest"]["state"] not in ("queued", "running"):
                return dict(found["backtest"])
            await asyncio.sleep(0.02)


async def test_a_backtest_goes_from_the_queue_to_its_report(
    stocked: Site, ann: User, engine: AsyncEngine, database_url: str
) -> None:
    asked = body(settings={"equity": "500", "slippage_bps": "0"}, params=[{"name": "fast", "value": "9"}])
    status, found = await post(ann, asked)
    assert (status, found["backtest"]["state"], found["backtest"]["metrics"]) == (202, "queued", None)
    assert (await get(ann, f"/{asked['id']}/report"))[1]["code"] == "backtest.no_report"
    async with running_keeper(engine, database_url, stocked.parts.candles.root.parent):
        backtest = await ended(ann, asked["id"])
    assert (backtest["state"], backtest["reason"], backtest["bars_done"]) == ("finished", None, BARS)
    status, found = await get(ann, f"/{asked['id']}/report")
    report = found["report"]
    assert (status, report["metrics"]) == (200, backtest["metrics"])
    assert (report["from"], report["to"], report["bars"]) == (BEGIN_MS, END_MS, BARS)
    assert (report["settings"]["equity"], report["settings"]["params"]["fast"]) == ("500", "9")
    assert (report["engine"]["name"], report["data"]["origin"]) == ("fast", "bybit")
    assert len(report["trades"]) == report["metrics"]["trades"] > 20
    assert report["equity"][0] == [BEGIN_MS, 500.0]
    assert 500 < len(report["equity"]) <= 1_000
    assert len(report["equity"]) + report["equity_left_out"] == BARS + 1
    assert isinstance(report["metrics"]["sharpe"], float)
    _, listed = await get(ann)
    assert listed == {"backtests": [backtest], "next": None}


async def test_the_same_id_and_body_is_the_same_backtest_and_another_body_a_conflict(stocked: Site, ann: User) -> None:
    asked = body()
    answers = await asyncio.gather(*(post(ann, asked) for _ in range(10)))
    assert {status for status, _ in answers} == {202}
    assert len({answer["backtest"]["created_ms"] for _, answer in answers}) == 1
    assert await stocked.count("backtests") == 1
    status, found = await post(ann, {**asked, "fill_gaps": True})
    assert (status, found["code"]) == (409, "backtest.id_used")
    stranger = await stocked.second_user("owner")
    status, found = await post(stranger, asked)
    assert (status, found["code"]) == (409, "backtest.id_used")


async def test_nobody_of_another_workspace_sees_it(stocked: Site, ann: User) -> None:
    asked = body()
    await post(ann, asked)
    stranger = await stocked.second_user("owner")
    assert (await get(stranger))[1] == {"backtests": [], "next": None}
    for path in ("", "/report"):
        assert (await get(stranger, f"/{asked['id']}{path}"))[0] == 404
    for path in ("/cancel", "/remove"):
        assert (await post(stranger, {}, f"/{asked['id']}{path}"))[0] == 404
    assert (await get(ann, f"/{asked['id']}"))[1]["backtest"]["state"] == "queued"


async def test_it_is_cancelled_and_then_removed(stocked: Site, ann: User) -> None:
    asked = body()
    await post(ann, asked)
    status, found = await post(ann, {}, f"/{asked['id']}/remove")
    assert (status, found["code"]) == (409, "backtest.still_runs")
    status, found = await post(ann, {}, f"/{asked['id']}/cancel")
    assert (status, found["backtest"]["state"]) == (200, "cancelled")
    assert (await post(ann, {}, f"/{asked['id']}/cancel"))[1] == found  # again: it has ended
    assert (await post(ann, {}, f"/{asked['id']}/remove")) == (200, {"removed": asked["id"]})
    assert (await get(ann, f"/{asked['id']}"))[0] == 404
    assert (await post(ann, asked))[1]["code"] == "backtest.id_used"  # an id is used once
    async with stocked.parts.engine.connect() as connection:
        row = (await connection.execute(text("SELECT asked, report, name FROM backtests"))).one()
        actions = await connection.scalars(text("SELECT action FROM audit_entries WHERE object_kind = 'backtest'"))
        assert sorted(actions) == ["backtest.add", "backtest.cancel", "backtest.remove"]
    assert tuple(row) == (None, None, "")


async def test_a_list_is_read_in_pages_newest_first(stocked: Site, ann: User) -> None:
    asked = [body() for _ in range(5)]
    for one in asked:
        assert (await post(ann, one))[0] == 202
    seen: list[str] = []
    path = "?limit=2"
    for _ in range(3):
        _, page = await get(ann, path)
        seen += [one["id"] for one in page["backtests"]]
        path = f"?limit=2&before={page['next']}".replace("+", "%2B")
    assert seen == [one["id"] for one in reversed(asked)]
    assert page["next"] is None
    assert (await get(ann, "?before=nonsense"))[1]["problems"][0]["code"] == "cursor.invalid"


async def test_finer_candles_and_funding_that_are_stored_are_run_with(
    stocked: Site, ann: User, engine: AsyncEngine, database_url: str
) -> None:
    store, longer = stocked.parts.candles, SPEC.replace("timeframe: 1m", "timeframe: 5m")
    five = Series(category="linear", symbol="BTCUSDT", timeframe="5m")
    rows = read_rows(store.path(replace(five, timeframe="1m")))
    fives = build(rows.candles("1m"), "5m")
    store.add(five, Rows(**{one.name: getattr(fives, one.name) for one in fields(Rows)}), source="a test")
    assert (await post(ann, body(text=longer, funding=True)))[1]["problems"][0]["params"]["command"] == (
        "tradewright data funding --symbol BTCUSDT --from 2024-01-01"
    )
    due_ms = -(-BEGIN_MS // 28_800_000) * 28_800_000
    FundingStore(store.root).add(five, [(due_ms + number * 28_800_000, Decimal("0.01")) for number in range(5)])
    asked = [body(text=longer), body(text=longer, fine="1m", funding=True)]
    async with running_keeper(engine, database_url, store.root.parent):
        for one in asked:
            assert (await post(ann, one))[0] == 202
            assert (await ended(ann, one["id"]))["state"] == "finished"
    plain, rich = [(await get(ann, f"/{one['id']}/report"))[1]["report"] for one in asked]
    assert [(one["settings"]["fine_ms"], one["settings"]["funding_rates"]) for one in (plain, rich)] == [
        (None, 0),
        (60_000, 5),
    ]
    assert (Decimal(plain["metrics"]["funding"]), plain["bars"]) == (0, BARS // 5)
    assert Decimal(rich["metrics"]["funding"]) != 0


async def test_what_cannot_run_is_told_by_its_field(stocked: Site, ann: User) -> None:
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"text": None}, "text", "backtest.one_of"),
        ({"template": "ema_cross"}, "text", "backtest.one_of"),
        ({"text": None, "template": "no_such"}, "template", "backtest.template_unknown"),
        ({"text": SPEC.replace("ema(", "emma(", 1)}, "text", "backtest.spec_wrong"),
        ({"params": [{"name": "nobody", "value": "1"}]}, "text", "backtest.spec_wrong"),
        ({"settings": {"equity": "-1"}}, "settings.equity", "backtest.setting_refused"),
        ({"settings": {"fee_taker_bps": "10000"}}, "settings.fee_taker_bps", "backtest.setting_refused"),
        ({"from_ms": BEGIN_MS - 1}, "from_ms", "backtest.candles_outside"),
        ({"to_ms": END_MS + 1}, "to_ms", "backtest.candles_outside"),
        ({"from_ms": BEGIN_MS + 9, "to_ms": BEGIN_MS + 9}, "from_ms", "input.range"),
        ({"text": SPEC.replace("BTCUSDT", "ETHUSDT")}, "origin", "backtest.no_candles"),
        ({"origin": "testnet"}, "origin", "backtest.no_candles"),
        ({"fine": "1m"}, "fine", "backtest.fine_unfit"),
        ({"fine": "5m"}, "fine", "backtest.fine_unfit"),
        ({"funding": True}, "funding", "backtest.no_funding"),
        ({"text": template_text("dca_long"), "fine": "1m"}, "fine", "backtest.setting_refused"),
    ]
    for changed, field, code in wrong:
        status, found = await post(ann, body(**changed))
        assert (status, found["problems"][0]["field"], found["problems"][0]["code"]) == (422, field, code), changed
    _, found = await post(ann, body(origin="testnet", from_ms=BEGIN_MS))
    command = found["problems"][0]["params"]["command"]
    assert command == (
        "tradewright data download --symbol BTCUSDT --category linear --timeframe 1m --from 2020-09-13"
        " --environment testnet"
    )
    assert await stocked.count("backtests") == 0


async def test_on_the_simulated_exchange_the_end_is_its_own_time(site: Site, ann: User) -> None:
    """The kit's market says that it is 2023; its candles would be fetched by the jobs process."""
    asked = body(origin="sim")
    assert (await post(ann, asked))[0] == 202
    async with site.parts.engine.connect() as connection:
        stored = str(await connection.scalar(text("SELECT asked FROM backtests")))
    assert f'"to_ms":{NOW_MS},' in stored
    assert f'"from_ms":{NOW_MS - 10_000 * 60_000},' in stored
    assert '"tick_size":"0.1","qty_step":"0.001","min_qty":"0.001","min_notional":"5"' in stored  # as it is listed
    assert (await post(ann, asked))[0] == 202  # the same request, whatever time it is there by now
    status, found = await post(ann, body(origin="sim", from_ms=NOW_MS - (SIM_BARS_MAX + 1) * 60_000))
    assert (status, found["problems"][0]["code"]) == (422, "backtest.too_many_bars")


async def test_quotas_of_user_workspace_store_and_day(engine: AsyncEngine, database_url: str) -> None:
    async with started_site(engine, database_url) as site:
        quota = Quota(
            waiting_of_user=2,
            waiting_of_workspace=3,
            kept_of_workspace=4,
            cpu_s_a_day_of_user=10,
            cpu_s_a_day_of_workspace=15,
        )
        site.application.state.parts = replace(site.parts, backtest_quota=quota)
        series = Series(category="linear", symbol="BTCUSDT", timeframe="1m")
        site.parts.candles.add(series, waves(BARS), source="a test")
        ann = await site.claim()
        bob = await site.second_user("trader", workspace=ann.workspace_id)

        async def refusal(user: User) -> str | None:
            status, found = await post(user, body())
            assert status in (202, 409)
            return None if status == 202 else str(found["code"])

        assert [await refusal(ann) for _ in range(3)] == [None, None, "backtest.too_many_waiting"]
        assert [await refusal(bob) for _ in range(2)] == [None, "backtest.workspace_busy"]

        async def end(**values: Any) -> None:
            async with engine.begin() as connection:
                await connection.execute(
                    text(
                        "UPDATE backtests SET state = 'cancelled', started_at = now() - CAST(:ago AS interval),"
                        " cpu_ms = :cpu WHERE state = 'queued'"
                    ),
                    values,
                )

        await end(ago="1 minute", cpu=5_000)
        assert await refusal(ann) == "backtest.day_used_up"  # two of five seconds
        assert await refusal(bob) == "backtest.day_used_up"  # his own are five, but the workspace's fifteen
        for row in (await get(ann))[1]["backtests"]:
            assert (await post(ann, {}, f"/{row['id']}/remove"))[0] == 200
        assert await refusal(ann) == "backtest.day_used_up"  # removing gives no time back
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE backtests SET started_at = now() - interval '25 hours'"))
        for _ in range(2):
            assert [await refusal(ann), await refusal(bob)] == [None, None]
            await end(ago="25 hours", cpu=0)
        assert await refusal(ann) == "backtest.too_many_kept"


async def test_stored_candles_are_listed(stocked: Site, ann: User) -> None:
    async with ann.http.get("/api/v1/candle-series") as response:
        found = await response.json()
    assert found == {
        "series": [
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "timeframe": "1m",
                "origin": "bybit",
                "from_ms": BEGIN_MS,
                "to_ms": END_MS,
                "bars": BARS,
                "gaps": 0,
            }
        ]
    }
