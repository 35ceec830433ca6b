"""Instruments, tickers and candles over HTTP."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import MINUTE_MS, NOW_MS, MarketTwin, Site, User, keep_instruments, started_site
from integration.web.test_identity_api import problem
from tradewright.market.instrument_store import replace_list
from tradewright.web.schemas.health import Readiness
from tradewright.web.schemas.market import CandleList, InstrumentList, TickerList


async def test_instruments_come_with_rules_as_plain_decimals_and_their_age(ann: User) -> None:
    async with ann.http.get("/api/v1/instruments?category=linear") as response:
        found = InstrumentList.model_validate_json(await response.read())
    assert [row.symbol for row in found.instruments] == ["BTCUSDT", "ETHUSDT"]
    assert (found.instruments[0].tick_size, found.instruments[0].max_price) == ("0.1", "1999999.8")
    assert found.age_ms is not None


async def test_tickers_hold_null_for_what_the_exchange_never_gave(ann: User) -> None:
    async with ann.http.get("/api/v1/tickers") as response:
        found = TickerList.model_validate_json(await response.read())
    assert (found.tickers[0].last_price, found.tickers[0].funding_rate) == ("60000.1", None)


async def test_candles_come_oldest_first_with_gaps_and_the_live_one_last(ann: User) -> None:
    async with ann.http.get("/api/v1/candles?symbol=BTCUSDT&interval=1&limit=10") as response:
        assert response.status == 200, await response.text()
        found = CandleList.model_validate_json(await response.read())
    opens = [row[0] for row in found.candles]
    assert opens == [NOW_MS - n * MINUTE_MS for n in range(9, -1, -1) if n != 4]
    assert [(gap.from_ms, gap.to_ms) for gap in found.gaps] == [(NOW_MS - 4 * MINUTE_MS, NOW_MS - 3 * MINUTE_MS)]
    assert found.candles[0][1:] == ("60000", "60010.5", "59990", "60000.5", "12.345", "1000", True)
    assert found.candles[-1][-1] is False
    assert found.market_now_ms == NOW_MS + 30_000


async def test_each_category_of_an_environment_is_a_market_of_its_own(site: Site, ann: User) -> None:
    async with ann.http.get("/api/v1/instruments?environment=sim&category=spot") as response:
        listed = InstrumentList.model_validate_json(await response.read())
    assert (listed.environment, listed.category, listed.version) == ("sim", "spot", 1)
    assert [(row.symbol, row.category) for row in listed.instruments] == [("BTCUSDT", "spot")]
    async with ann.http.get("/api/v1/tickers?category=spot") as response:
        tickers = TickerList.model_validate_json(await response.read())
    assert [(row.category, row.last_price) for row in tickers.tickers] == [("spot", "59990.5")]
    start, end = NOW_MS - 4 * MINUTE_MS, NOW_MS - 2 * MINUTE_MS
    query = f"category=spot&symbol=BTCUSDT&interval=1&start_ms={start}&end_ms={end}"
    async with ann.http.get(f"/api/v1/candles?{query}") as response:
        found = CandleList.model_validate_json(await response.read())
    assert (found.environment, found.category, found.age_ms is not None) == ("sim", "spot", True)
    assert [row[0] for row in found.candles] == [NOW_MS - 3 * MINUTE_MS]
    assert [(gap.from_ms, gap.to_ms) for gap in found.gaps] == [(start, NOW_MS - 3 * MINUTE_MS)], "cut by the range"
    async with ann.http.get("/api/v1/candles?category=spot&symbol=ETHUSDT&interval=1") as response:
        await problem(response, 404, "not_found")


async def test_an_environment_that_is_none_and_one_without_an_account_are_told_apart(site: Site, ann: User) -> None:
    paths = ("/api/v1/instruments?", "/api/v1/tickers?", "/api/v1/candles?symbol=BTCUSDT&interval=1&")
    for path in paths:
        async with ann.http.get(f"{path}environment=mainnet") as response:
            assert (await problem(response, 422, "input.invalid")).field == "environment"
        async with ann.http.get(f"{path}environment=demo") as response:
            found = await problem(response, 404, "market.no_account")
            assert "demo" in (found.detail or "")
    await site.add_account(ann, "demo")
    async with asyncio.timeout(60):
        while "demo" not in site.parts.markets.followed:
            await asyncio.sleep(0.01)
    async with ann.http.get("/api/v1/tickers?environment=demo") as response:
        assert TickerList.model_validate_json(await response.read()).environment == "demo"
    async with ann.http.get("/api/v1/candles?environment=demo&symbol=BTCUSDT&interval=1") as response:
        assert (await problem(response, 503, "unavailable")).retryable  # its instruments were not read yet


async def test_instruments_are_known_right_after_a_restart_with_the_age_of_their_reading(
    engine: AsyncEngine, database_url: str
) -> None:
    async with engine.begin() as connection:
        rows = await MarketTwin().instruments("linear")
        await replace_list(connection, "sim", "linear", rows, asked_s_ago=3_600)
    async with started_site(engine, database_url, load=False, starts_ready=True) as site:
        site.market.is_away = True
        ann = await site.second_user("owner")
        async with ann.http.get("/api/v1/instruments") as response:
            found = InstrumentList.model_validate_json(await response.read())
    assert [row.symbol for row in found.instruments] == ["BTCUSDT", "ETHUSDT"]
    assert 3_600_000 <= (found.age_ms or 0) < 3_630_000
    assert found.version == 1


async def test_what_cannot_be_asked_is_named(ann: User) -> None:
    for query, status, code, field in (
        ("symbol=BTCUSDT&interval=2", 422, "input.invalid", "interval"),
        ("symbol=BTCUSDT", 422, "input.invalid", "interval"),
        ("symbol=BTCUSDT&interval=1&limit=0", 422, "input.invalid", "limit"),
        ("symbol=BTCUSDT&interval=1&limit=6001", 422, "input.invalid", "limit"),
        ("symbol=BTCUSDT&interval=1&limit=ten", 422, "input.invalid", "limit"),
        ("symbol=BTCUSDT&interval=1&start_ms=-1", 422, "input.invalid", "start_ms"),
        ("symbol=BTCUSDT&interval=1&start_ms=1", 422, "input.invalid", "start_ms"),
        (f"symbol=BTCUSDT&interval=1&start_ms={NOW_MS}&end_ms={NOW_MS}", 422, "input.invalid", "start_ms"),
        (f"symbol=BTCUSDT&interval=1&start_ms={10**30}", 422, "input.invalid", "start_ms"),
        ("symbol=btc%00usdt&interval=1", 422, "input.invalid", "symbol"),
        ("symbol=NOPEUSDT&interval=1", 404, "not_found", None),
        ("symbol=BTCUSDT&interval=1&category=inverse", 422, "input.invalid", "category"),
    ):
        async with ann.http.get(f"/api/v1/candles?{query}") as response:
            found = await problem(response, status, code)
            assert found.field == field, query


async def test_an_exchange_that_does_not_answer_is_a_503_worth_trying_again(site: Site, ann: User) -> None:
    site.market.is_away = True
    for path in ("/api/v1/tickers", "/api/v1/candles?symbol=BTCUSDT&interval=1"):
        async with ann.http.get(path) as response:
            found = await problem(response, 503, "exchange.unavailable")
            assert found.retryable
    async with ann.http.get("/api/v1/instruments") as response:
        assert response.status == 200  # from the cache, with its age


async def test_ready_only_when_the_instruments_are_known(engine: AsyncEngine, database_url: str) -> None:
    async with started_site(engine, database_url, load=False) as site:
        async with site.browser().get("/readyz") as response:
            assert response.status == 503
            early = Readiness.model_validate_json(await response.read())
        assert early.checks == {"database": "ok", "instruments": "unavailable", "worker": "unavailable"}
        ann = await site.claim()
        async with ann.http.get("/api/v1/candles?symbol=BTCUSDT&interval=1") as response:
            assert (await problem(response, 503, "unavailable")).retryable
        await keep_instruments(engine, site.market)
        async with asyncio.timeout(60):
            while not site.parts.markets.know_instruments:
                await asyncio.sleep(0.01)
        async with site.browser().get("/readyz") as response:
            known = Readiness.model_validate_json(await response.read())
        assert known.checks == {"database": "ok", "instruments": "ok", "worker": "unavailable"}
        async with site.browser().get("/healthz") as response:
            assert await response.json() == {"status": "ok", "version": "9.9.9"}
