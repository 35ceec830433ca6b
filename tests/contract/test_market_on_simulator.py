"""Hub and caches on the simulated exchange, also through a restart of it at another address."""

from __future__ import annotations

import asyncio
import csv
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import structlog

from tradewright.core.instrument import CATEGORIES, InstrumentId
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import Endpoints
from tradewright.market.candle_series import Gap
from tradewright.market.candles import CandleCache
from tradewright.market.hub import MarketHub
from tradewright.market.instruments import InstrumentCache
from tradewright.market.intervals import next_open
from tradewright.market.market_clock import MarketClock
from tradewright.market.markets import market_data
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.system import SystemClock, SystemRng

BTC = InstrumentId("linear", "BTCUSDT")
PATIENCE_S = 20.0
QUARTER_MS = 900_000
RECORDING = Path(__file__).parents[1] / "data" / "ethusdt-linear-15m-sample.csv.gz"


@dataclass
class Market:
    """Everything a process has of the market, pointed at whichever exchange `at` is now."""

    at: RunningSimulator
    gateway: BybitMarketGateway
    hub: MarketHub
    candles: CandleCache


@asynccontextmanager
async def running_market(config: SimulatorConfig) -> AsyncIterator[Market]:
    clock, log = SystemClock(), structlog.get_logger()
    simulator = await serve(config)

    def endpoints() -> Endpoints:
        addresses = market.at.addresses
        return Endpoints(addresses.rest, addresses.ws_public, addresses.ws_private)

    gateway = BybitMarketGateway(endpoints, clock=clock, log=log)
    hub = MarketHub(BybitPublicStream(endpoints, "linear", clock=clock, rng=SystemRng(), log=log), log=log)
    candles = CandleCache(gateway, MarketClock(gateway, clock=clock), clock=clock, log=log)
    hub.observe_candles(candles.merge_live)
    market = Market(simulator, gateway, hub, candles)
    tasks = [asyncio.create_task(hub.run())]
    try:
        yield market
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await gateway.close()
        await market.at.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_cached_history_and_the_live_candle_equal_the_exchanges_own() -> None:
    async with running_market(SimulatorConfig(seed=3, speed=Decimal(60))) as market:
        assert BTC in [row.id for row in await market.gateway.instruments("linear")]
        before = await market.candles.get(BTC, "1", limit=1_200)
        assert len(before.rows) in (1_199, 1_200), "a minute may begin between its two pages"
        assert before.gaps == []
        reader = market.hub.subscribe_candles(BTC, "1")
        closed = []
        async with asyncio.timeout(PATIENCE_S):
            async for update in reader:
                if update.candle.confirmed:
                    closed.append(update.candle)
                if len(closed) == 3:
                    break
        after = await market.candles.get(BTC, "1", limit=1_200)
        settled = [row for row in after.rows if row.confirmed]
        own = await market.gateway.candles(
            BTC, "1", start_ms=settled[-500].open_time_ms, end_ms=settled[-1].open_time_ms, limit=1_000
        )
        assert list(own) == settled[-500:]
        assert {row.open_time_ms: row for row in settled}[closed[-1].open_time_ms] == closed[-1]
        opens = [row.open_time_ms for row in after.rows]
        assert all(later == next_open(earlier, "1") for earlier, later in pairwise(opens))


async def test_a_restart_at_another_address_is_followed_and_said(tmp_path: Path) -> None:
    config = SimulatorConfig(seed=3, state=tmp_path / "exchange")
    async with running_market(config) as market:
        reader = market.hub.subscribe_ticker(BTC)
        async with asyncio.timeout(PATIENCE_S):
            await reader.get()
        assert market.hub.health().state == "live"
        old = market.at.addresses.rest
        await market.at.close()
        await until(lambda: market.hub.health().state == "down")
        assert market.hub.health().reason
        assert market.hub.ticker(BTC) is None
        market.at = await serve(config)
        assert market.at.addresses.rest != old
        await until(lambda: market.hub.health().state == "live" and market.hub.ticker(BTC))
        assert await market.gateway.market_now_ms() > 0
        async with asyncio.timeout(PATIENCE_S):
            await reader.get()


async def test_trades_over_rest_are_the_streams_and_every_contract_has_its_risk_limits() -> None:
    async with running_market(SimulatorConfig(seed=3, speed=Decimal(60))) as market:
        reader = market.hub.subscribe_trades(BTC)
        async with asyncio.timeout(PATIENCE_S):
            streamed = [await reader.get()]
            told = await market.gateway.trades(BTC, 60)
            while told[-1].trade_id != streamed[-1].trade_id:
                streamed.append(await reader.get())
        common = min(len(told), len(streamed))
        assert list(told[-common:]) == streamed[-common:]
        listed = await market.gateway.instruments("linear")
        tiers = await market.gateway.all_risk_tiers()
        assert set(tiers) == {row.id for row in listed}
        assert list(tiers[BTC]) == list(await market.gateway.risk_tiers(BTC))


async def test_spot_is_followed_beside_contracts_as_a_market_of_its_own() -> None:
    config, clock, log = SimulatorConfig(seed=3, speed=Decimal(60)), SystemClock(), structlog.get_logger()
    exchange = await serve(config)

    def endpoints() -> Endpoints:
        return Endpoints(exchange.addresses.rest, exchange.addresses.ws_public, exchange.addresses.ws_private)

    gateway = BybitMarketGateway(endpoints, clock=clock, log=log)
    streams = {
        category: BybitPublicStream(endpoints, category, clock=clock, rng=SystemRng(), log=log)
        for category in CATEGORIES
    }
    listed = {category: await gateway.instruments(category) for category in CATEGORIES}
    assert len(listed["linear"]) >= 20
    assert len(listed["spot"]) >= 10
    cache = InstrumentCache("sim", clock=clock)
    market = market_data("sim", gateway, streams, cache, clock=clock, log=log)
    running = asyncio.create_task(market.run())
    try:
        # Nobody has asked for anything yet, so nothing comes until the first pong; the links are well all the same.
        async with asyncio.timeout(5):
            while {hub.health().state for hub in market.hubs.values()} != {"live"}:
                await asyncio.sleep(0.01)
        pair = InstrumentId("spot", "BTCUSDT")
        readers = [market.hub(each.category).subscribe_ticker(each) for each in (BTC, pair)]
        candles = market.hub("spot").subscribe_candles(pair, "1")
        book, trades = market.hub("spot").subscribe_book(pair), market.hub("spot").subscribe_trades(pair)
        async with asyncio.timeout(PATIENCE_S):
            contract, spot = [await reader.get() for reader in readers]
            assert (contract.instrument, spot.instrument) == (BTC, pair)
            assert contract.mark_price is not None
            assert spot.funding_rate is None
            assert (await candles.get()).instrument == pair
            assert (await book.get()).bids
            assert (await trades.get()).instrument == pair
        told = await market.candles.get(pair, "15", limit=100)
        own = await gateway.candles(
            pair, "15", start_ms=told.rows[0].open_time_ms, end_ms=told.rows[-1].open_time_ms, limit=100
        )
        assert [row.close for row in told.rows[:-1]] == [row.close for row in own[:-1]]
        assert (len(told.rows), told.gaps) == (100, [])
        assert {row.instrument.category for row in (await market.tickers.all("spot")).rows} == {"spot"}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await exchange.close()


async def test_a_recordings_rows_and_gaps_are_told_as_the_file_has_them_also_where_the_range_cuts_a_gap() -> None:
    """A pair on spot, so that nothing here is a contract's; every expected row is read from the file itself."""
    with gzip.open(RECORDING, "rt") as file:
        rows = list(csv.reader(file))[1:]
    opens = [int(row[0]) for row in rows]
    config = SimulatorConfig(market=(f"replay:{RECORDING}@spot:ETHUSDT",), market_from=str(opens[2_000]))
    clock, log = SystemClock(), structlog.get_logger()
    exchange = await serve(config)
    try:
        addresses = exchange.addresses
        endpoints = Endpoints(addresses.rest, addresses.ws_public, addresses.ws_private)
        gateway = BybitMarketGateway(lambda: endpoints, clock=clock, log=log)
        candles = CandleCache(gateway, MarketClock(gateway, clock=clock), clock=clock, log=log)
        pair = InstrumentId("spot", "ETHUSDT")
        before = next(n for n in range(600, 2_000) if opens[n + 1] - opens[n] > QUARTER_MS)
        gap = Gap(opens[before] + QUARTER_MS, opens[before + 1])
        for start, end in (
            (opens[0], opens[1_900]),
            (opens[before - 3], opens[before + 3]),
            (gap.from_ms + QUARTER_MS, opens[before + 3]),
            (opens[before - 3], gap.to_ms - QUARTER_MS),
            (gap.from_ms + QUARTER_MS, gap.to_ms - QUARTER_MS),
            (opens[0] - 50 * QUARTER_MS, opens[10]),
        ):
            told = await candles.get(pair, "15", start_ms=start, end_ms=end, limit=6_000)
            expected = [row for row in rows if start <= int(row[0]) < end]
            assert [(row.open_time_ms, row.open, row.high, row.low, row.close, row.volume) for row in told.rows] == [
                (int(row[0]), *map(Decimal, row[1:6])) for row in expected
            ]
            inside = range(max(start, opens[0]), end, QUARTER_MS)
            missing = [at for each in told.gaps for at in range(each.from_ms, each.to_ms, QUARTER_MS)]
            assert missing == sorted(set(inside) - set(opens)), (start, end)
        await gateway.close()
    finally:
        await exchange.close()
