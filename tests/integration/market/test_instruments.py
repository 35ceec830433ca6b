"""Instruments in the database: one process reads them from the exchange, every process knows them, also without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import Category, Instrument, InstrumentId, RiskTier
from tradewright.market import instrument_refresher
from tradewright.market.instrument_refresher import REFRESH_EVERY_S, RETRY_FIRST_S, InstrumentRefresher
from tradewright.market.instrument_store import INSTRUMENTS_WANTED_CHANNEL, ask_for_instruments, replace_list
from tradewright.market.instruments import InstrumentCache, InstrumentLists
from tradewright.storage.bus import Bus
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemRng
from unit.exchange.fakes import FakeClock
from unit.market.fake_market import instrument

BTC = InstrumentId("linear", "BTCUSDT")


class Listing:
    """What an exchange lists, by category; `away` are the categories that it does not answer for."""

    def __init__(self) -> None:
        self.rows: dict[Category, list[Instrument]] = {
            "linear": [instrument("BTCUSDT"), instrument("ADAUSDT")],
            "spot": [instrument("BTCUSDT", category="spot")],
        }
        self.away: set[Category] = set()
        self.reads: list[Category] = []
        self.tiers: dict[InstrumentId, list[RiskTier]] | None = {}

    async def instruments(self, category: Category) -> Sequence[Instrument]:
        self.reads.append(category)
        if category in self.away:
            raise ExchangeUnavailable("the exchange is away")
        return list(self.rows[category])

    async def all_risk_tiers(self) -> Mapping[InstrumentId, Sequence[RiskTier]]:
        if self.tiers is None:
            raise ExchangeUnavailable("the exchange is away")
        return self.tiers

    async def close(self) -> None: ...


@pytest_asyncio.fixture
async def bus(database_url: str) -> AsyncIterator[Bus]:
    made = Bus(database_url, rng=SystemRng())
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def lists(engine: AsyncEngine, bus: Bus) -> AsyncIterator[InstrumentLists]:
    """What another process knows, following the bus."""
    made = InstrumentLists(engine, bus, clock=SystemClock())
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instrument_refresher, "LOOK_FOR_LOCK_S", 0.02)


@asynccontextmanager
async def refreshing(
    database_url: str,
    bus: Bus,
    listing: Listing,
    *,
    clock: Any = None,
    environments: Sequence[Environment] = ("sim",),
) -> AsyncIterator[None]:
    """One more process that would read."""
    engine = create_engine(database_url, pool_size=2)

    async def wanted() -> Sequence[Environment]:
        return environments

    refresher = InstrumentRefresher(
        engine,
        bus,
        lambda _: cast("Any", listing),
        wanted,
        accounts_channel="accounts",
        clock=clock or SystemClock(),
    )
    task = asyncio.create_task(refresher.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await engine.dispose()


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


async def stored(engine: AsyncEngine, bus: Bus, environment: Environment = "sim") -> InstrumentCache:
    """What a process that starts now knows."""
    lists = InstrumentLists(engine, bus, clock=SystemClock())
    await lists.load()
    return lists.of(environment)


async def test_of_two_that_would_read_one_does_and_the_other_goes_on_when_it_ends(
    database_url: str, bus: Bus, lists: InstrumentLists
) -> None:
    first, second = Listing(), Listing()
    async with refreshing(database_url, bus, first):
        await until(lambda: lists.of("sim").version("spot"))
        async with refreshing(database_url, bus, second):
            await asyncio.sleep(0.1)  # five looks for the lock
            assert first.reads == ["linear", "spot"]
            assert second.reads == []
            second.rows["linear"] = [instrument("ETHUSDT")]
    # Both have ended, and the second may not have had its turn: one that starts now has.
    async with refreshing(database_url, bus, second):
        await until(lambda: lists.of("sim").get(InstrumentId("linear", "ETHUSDT")))
    assert lists.of("sim").get(BTC) is None, "what is listed no more is gone"


async def test_one_whose_connection_is_ended_reads_again_on_another(
    engine: AsyncEngine, database_url: str, bus: Bus, lists: InstrumentLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrument_refresher, "ASKED_EVERY_S", 0)
    listing = Listing()
    async with refreshing(database_url, bus, listing):
        await until(lambda: lists.of("sim").version("spot"))
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )
        listing.rows["linear"].append(instrument("ETHUSDT"))
        async with engine.begin() as connection:
            await ask_for_instruments(connection, "sim")
        await until(lambda: lists.of("sim").get(InstrumentId("linear", "ETHUSDT")))


async def test_rules_that_an_exchange_refused_an_order_for_are_known_without_a_wait(
    engine: AsyncEngine, database_url: str, bus: Bus, lists: InstrumentLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrument_refresher, "ASKED_EVERY_S", 0)
    listing = Listing()
    async with refreshing(database_url, bus, listing):
        await until(lambda: lists.of("sim").version("spot"))
        version = lists.of("sim").version("linear")
        listing.rows["linear"][0] = replace(listing.rows["linear"][0], tick_size=Decimal("0.50"))
        async with engine.begin() as connection:
            await ask_for_instruments(connection, "sim")
        await until(lambda: lists.of("sim").version("linear") != version)
        found = lists.of("sim").get(BTC)
        assert found is not None
        assert found.tick_size == Decimal("0.50")
        assert lists.of("sim").version("spot") == 1, "nothing changed there"


async def test_however_many_ask_it_is_read_at_most_once_in_ten_seconds_and_at_least_in_fifteen_minutes(
    engine: AsyncEngine, database_url: str, bus: Bus
) -> None:
    listing, clock = Listing(), FakeClock()
    async with refreshing(database_url, bus, listing, clock=clock):
        await until(lambda: REFRESH_EVERY_S in clock.slept)
        heard = bus.subscribe(INSTRUMENTS_WANTED_CHANNEL)
        await heard.get(10)
        for _ in range(20):
            async with engine.begin() as connection:
                await ask_for_instruments(connection, "sim")
        for _ in range(20):  # one that is heard after the reading would rightly bring another
            async with asyncio.timeout(60):
                while await heard.get() != "sim":
                    pass
        await until(lambda: clock.slept[-1] == 10)
        assert listing.reads == ["linear", "spot"]
        await clock.advance(10)
        await until(lambda: clock.slept.count(REFRESH_EVERY_S) == 2)
        assert listing.reads == ["linear", "spot"] * 2
        await clock.advance(REFRESH_EVERY_S - 1)
        assert listing.reads == ["linear", "spot"] * 2
        await clock.advance(2)
        await until(lambda: listing.reads == ["linear", "spot"] * 3)


async def test_an_exchange_that_is_away_at_the_start_leaves_the_old_list_with_its_age(
    engine: AsyncEngine, database_url: str, bus: Bus
) -> None:
    listing, clock = Listing(), FakeClock()
    async with engine.begin() as connection:
        await replace_list(connection, "sim", "linear", listing.rows["linear"], asked_s_ago=7_200)
    listing.away = {"linear", "spot"}
    async with refreshing(database_url, bus, listing, clock=clock):
        await until(lambda: RETRY_FIRST_S in clock.slept)
        known = await stored(engine, bus)
        assert [row.id.symbol for row in known.all("linear")] == ["ADAUSDT", "BTCUSDT"]
        assert 7_200_000 <= (known.age_ms("linear") or 0) < 7_210_000
        assert (known.version("linear"), known.age_ms("spot"), known.version("spot")) == (1, None, None)
        listing.away = {"spot"}
        await clock.advance(RETRY_FIRST_S)
        await until(lambda: RETRY_FIRST_S * 2 in clock.slept)
        known = await stored(engine, bus)
        assert (known.age_ms("linear") or 0) < 10_000
        assert (known.version("linear"), known.age_ms("spot")) == (1, None), "read again, and nothing changed"
        listing.away = set()
        await clock.advance(RETRY_FIRST_S * 2)
        await until(lambda: REFRESH_EVERY_S in clock.slept)
        assert (await stored(engine, bus)).version("spot") == 1


async def test_contracts_are_kept_with_their_risk_limits_or_not_at_all(
    engine: AsyncEngine, database_url: str, bus: Bus
) -> None:
    listing, clock = Listing(), FakeClock()
    tier = RiskTier(Decimal(2_000_000), Decimal("0.005"), Decimal(0), Decimal(100))
    listing.tiers = {BTC: [tier]}
    async with refreshing(database_url, bus, listing, clock=clock):
        await until(lambda: REFRESH_EVERY_S in clock.slept)
        listing.tiers = None
        await clock.advance(REFRESH_EVERY_S)
        await until(lambda: RETRY_FIRST_S in clock.slept)
    known = await stored(engine, bus)
    assert {row.id.symbol: row.risk_tiers for row in known.all("linear")} == {"ADAUSDT": (), "BTCUSDT": (tier,)}
    assert known.version("linear") == 1


async def test_only_the_simulated_exchange_may_list_nothing(engine: AsyncEngine, database_url: str, bus: Bus) -> None:
    listing, clock = Listing(), FakeClock()
    async with engine.begin() as connection:
        for environment in ("sim", "demo"):
            await replace_list(connection, environment, "spot", listing.rows["spot"], asked_s_ago=60)
    listing.rows["spot"] = []
    async with refreshing(database_url, bus, listing, clock=clock, environments=("sim", "demo")):
        await until(lambda: REFRESH_EVERY_S in clock.slept and RETRY_FIRST_S in clock.slept)
    assert (await stored(engine, bus)).all("spot") == ()
    kept = await stored(engine, bus, "demo")
    assert len(kept.all("spot")) == 1
    assert (kept.age_ms("spot") or 0) >= 60_000


async def test_rules_come_back_from_the_database_exactly_as_they_were_read(engine: AsyncEngine, bus: Bus) -> None:
    whole = replace(
        instrument("BTCUSDT", "PreLaunch"),
        tick_size=Decimal("0.00000001"),
        max_price=Decimal("1.50E+12"),
        quote_step=Decimal("0.0010"),
        price_limit_ratio_x=Decimal("0.05"),
        funding_interval_min=480,
        launched_at_ms=1_584_230_400_000,
        risk_tiers=(
            RiskTier(Decimal(2_000_000), Decimal("0.005"), Decimal(0), Decimal("100.00")),
            RiskTier(Decimal(10_000_000), Decimal("0.0056"), Decimal("1200.5"), Decimal(90)),
        ),
    )
    async with engine.begin() as connection:
        await replace_list(connection, "live", "linear", [whole], asked_s_ago=0)
    known = await stored(engine, bus, "live")
    (found,) = known.all("linear")
    assert found == whole
    assert str(found.risk_tiers[1].deduction) == "1200.5"
    assert str(found.quote_step) == "0.0010"


async def test_rows_of_another_version_of_the_program_count_as_not_read(engine: AsyncEngine, bus: Bus) -> None:
    async with engine.begin() as connection:
        await replace_list(connection, "sim", "linear", [instrument("BTCUSDT")], asked_s_ago=0)
        await connection.execute(text("UPDATE instruments SET rules = rules - 'tick_size'"))
    known = await stored(engine, bus)
    assert (known.get(BTC), known.age_ms("linear")) == (None, None)
    async with engine.begin() as connection:
        await replace_list(connection, "sim", "linear", [instrument("BTCUSDT")], asked_s_ago=0)
    assert (await stored(engine, bus)).get(BTC) == instrument("BTCUSDT")
