"""The world that fuzzed requests go into: database, market, owner of the accounts, users, and the lanes.

Lives here: `World`, `opened_world`, `unclaimed_world`, and what must hold when all is over (`World.end_faults`). The
accounts are owned as in the worker, by `SessionKeeper` with real sessions and the real journal; behind the gateway is
the exchange twin.
Not here: the requests (`requests`), sending and watching (`lanes`), the judgement of one answer (`judging`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fuzz.lanes import LANE_PREFIX, EngineOfLane, Lane, Watch, note_writes
from fuzz.requests import Who
from fuzz.values import CANARY, Known
from integration.backtests.kit import waves
from integration.web.kit import (
    NOW_MS,
    PAGE,
    PASSWORD,
    MarketTwin,
    Site,
    User,
    instrument,
    keep_instruments,
    started_site,
)
from sim.exchange_ports import GatewayTwin, StreamTwin, Wire
from sim.exchange_twin import ExchangeTwin
from support.routes import shared_routes
from tradewright.core.ids import AccountId, UserId
from tradewright.core.instrument import Category, Instrument, InstrumentId, RiskTier
from tradewright.exchange.ports import Ticker
from tradewright.identity.sessions import open_session
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.market.history.series import Series
from tradewright.storage.engine import create_engine, driver_url
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.model import AccountRef
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionKeeper
from tradewright.web.application import create_application, routes_only
from tradewright.web.contract import contract_of

_READY_S_MAX = 20.0
_FINE = {
    "tick_size": Decimal("0.0000001"),
    "min_price": Decimal("0.0000001"),
    "quantity_step": Decimal("0.00000001"),
    "min_quantity": Decimal("0.00000001"),
    "max_limit_quantity": Decimal("9000000000"),
    "max_market_quantity": Decimal("900000000"),
}


class FuzzMarket(MarketTwin):
    """More rules than the twin's: risk tiers, price bands, steps as fine as the finest, a contract that ended."""

    async def instruments(self, category: Category) -> Sequence[Instrument]:
        plain, others = instrument("BTCUSDT", category), [instrument("ETHUSDT", category)]
        if category == "spot":
            plain = replace(
                plain,
                quote_step=Decimal("0.0000001"),
                price_limit_ratio_x=Decimal("0.05"),
                price_limit_ratio_y=Decimal("0.05"),
            )
        else:
            tiers = tuple(
                RiskTier(Decimal(value), Decimal(rate), Decimal(taken), Decimal(most))
                for value, rate, taken, most in ((2_000_000, "0.005", 0, 100), (10_000_000, "0.01", 10_000, 50))
            )
            plain = replace(
                plain, risk_tiers=tiers, price_limit_ratio_x=Decimal("0.1"), price_limit_ratio_y=Decimal("0.15")
            )
            others.append(replace(instrument("OLDUSDT"), status="Closed", delivery_at_ms=1_700_000_000_000))
        return [plain, *others, replace(instrument("TINYUSDT", category), **_FINE)]

    async def tickers(self, category: Category) -> Sequence[Ticker]:
        tiny = {
            "last_price": Decimal("0.0000123"),
            "bid_price": Decimal("0.0000122"),
            "ask_price": Decimal("0.0000124"),
        }
        whole = dict.fromkeys(("last_price", "mark_price", "index_price"), Decimal("60000.1"))
        whole |= {"bid_price": Decimal("60000.0"), "ask_price": Decimal("60000.1")}
        return [
            Ticker(instrument=InstrumentId(category, symbol), exchange_time_ms=NOW_MS, **prices)
            for symbol, prices in (("BTCUSDT", whole), ("TINYUSDT", tiny))
        ]


@dataclass(slots=True)
class World:
    site: Site
    lanes: list[Lane]
    wires: dict[AccountId, Wire]
    logged: list[Any]  # structlog's events, and the standard library's lines
    keeper: asyncio.Task[None] | None  # the worker; none looks after an installation that nobody has claimed
    known: Callable[[], Known]  # what a lane knows when it begins
    _read: int = field(default=0)

    @property
    def document(self) -> dict[str, Any]:
        """The contract document, made once in a process: it depends on the routes alone."""
        return _document()

    def log_faults(self) -> Iterator[str]:
        """What the log says since the last look: secrets, and what nobody expected."""
        new, self._read = self.logged[self._read :], len(self.logged)
        for entry in new:
            said = str(entry)
            if CANARY.lower() in said.lower():
                yield f"secret logged: {said[:500]}"
            if isinstance(entry, str) or entry.get("log_level") in ("error", "critical"):
                yield f"fault logged: {_end_of(entry)}"

    async def end_faults(self) -> list[str]:
        """What must hold when every request was answered."""
        if self.keeper is not None and self.keeper.done():
            return [f"the worker died: {self.keeper.exception()!r}"]
        return [*self._sent_once(), *await self._rows_that_should_not_be(), *await self._secrets_kept()]

    def _sent_once(self) -> list[str]:
        faults = []
        for wire in self.wires.values():
            accepted = [entry.link_id for entry in wire.exchange.log if entry.what == "accepted" and entry.link_id]
            if len(accepted) != len(set(accepted)):
                faults.append("the exchange accepted one client order id twice")
        return faults

    async def _rows_that_should_not_be(self) -> list[str]:
        queries = {
            "an intent without its audit entry": """
                SELECT count(*) FROM intents i WHERE NOT EXISTS (SELECT 1 FROM audit_entries a
                WHERE a.account_id = i.account_id AND a.at BETWEEN i.created_at - interval '5 s'
                AND i.created_at + interval '5 s' AND a.actor_id = i.created_by)""",
            "an intent of another workspace's account": """
                SELECT count(*) FROM intents i JOIN accounts a ON a.id = i.account_id
                WHERE a.workspace_id <> i.workspace_id""",
            "a request without its intent": """
                SELECT count(*) FROM requests r LEFT JOIN intents i ON i.id = r.intent_id WHERE i.id IS NULL""",
            "an intent of somebody who may not trade": """
                SELECT count(*) FROM intents i WHERE NOT EXISTS (SELECT 1 FROM memberships m
                WHERE m.user_id = i.created_by AND m.workspace_id = i.workspace_id AND m.role <> 'viewer')""",
            "a live connection without its key": """
                SELECT count(*) FROM connections c WHERE c.state IN ('checking', 'ok')
                AND NOT EXISTS (SELECT 1 FROM connection_keys k WHERE k.connection_id = c.id)""",
        }
        faults = []
        async with self.site.parts.engine.connect() as connection:
            for name, query in queries.items():
                if count := await connection.scalar(text(query)):
                    faults.append(f"{name}: {count} rows")
        return faults

    async def _secrets_kept(self) -> list[str]:
        """No plain secret in any column of any table."""
        faults = []
        async with self.site.parts.engine.connect() as connection:
            tables = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            for table in list(tables):
                query = text(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE :canary')
                found = await connection.scalar(query, {"canary": f"%{CANARY}%"})
                as_bytes = await connection.scalar(query, {"canary": f"%{CANARY.encode().hex()}%"})
                if found or as_bytes:
                    faults.append(f"a secret lies open in {table}: {found or as_bytes} rows")
        return faults


def _end_of(entry: Any) -> str:
    """The last steps of what went wrong: the first ones are the same for every request."""
    if isinstance(entry, str) or "exception" not in entry:
        return str(entry)[:3000]
    lines = entry["exception"].splitlines()
    return f"{entry['event']}: {lines[-1]}; " + " ".join(line.strip() for line in lines[-9:-1])


@functools.cache
def _document() -> dict[str, Any]:
    return contract_of(routes_only())


@asynccontextmanager
async def opened_world(engine: AsyncEngine, database_url: str, *, lanes: int, seed: str) -> AsyncIterator[World]:
    """Everything runs and is ready: from here on nothing may answer that it is not."""
    async with contextlib.AsyncExitStack() as stack:
        logged = stack.enter_context(heard())
        site = await stack.enter_async_context(_watched_site(engine, database_url))
        for environment in ("sim", "demo"):
            await keep_instruments(engine, FuzzMarket(), environment)  # type: ignore[arg-type]
        site.parts.candles.add(
            Series(category="linear", symbol="BTCUSDT", timeframe="15m"), waves(500, "15m"), source="made by a test"
        )
        ann = await site.claim()
        stranger = await site.second_user("owner", username="Stranger")
        viewer = await site.second_user("viewer", workspace=ann.workspace_id, username="Viewer")
        await site.second_user("owner", username="Dora")
        away = str(await site.add_account(ann, "demo"))
        wires: dict[AccountId, Wire] = {}
        workers = create_engine(database_url, pool_size=12, application="fuzz-worker")
        stack.push_async_callback(workers.dispose)
        keeper = asyncio.create_task(_keeper(site, workers, wires, seed).run())
        stack.push_async_callback(_ended, keeper)
        users: dict[Who, User] = {"trader": ann, "viewer": viewer, "stranger": stranger}
        made = await stack.enter_async_context(_lanes(site, database_url, lanes, users))
        await _until_ready(site, ann)

        def known() -> Known:
            mine, theirs = ann.account["id"], stranger.account["id"]
            return Known(account=mine, foreign_account=theirs, away_account=away, password=PASSWORD, username="Dora")

        yield World(site, made, wires, logged, keeper, known)


@asynccontextmanager
async def unclaimed_world(engine: AsyncEngine, database_url: str, *, lanes: int) -> AsyncIterator[World]:
    """An installation that nobody has claimed yet; the lanes know the token of its link."""
    async with contextlib.AsyncExitStack() as stack:
        logged = stack.enter_context(heard())
        site = await stack.enter_async_context(_watched_site(engine, database_url))
        made = await stack.enter_async_context(_lanes(site, database_url, lanes, {}))
        token = await site.claim_token()

        def known() -> Known:
            some = [str(site.parts.ids.new()) for _ in range(3)]
            return Known(*some, password=PASSWORD, username="First", claim_token=token, is_claimed=False)

        yield World(site, made, {}, logged, None, known)


@asynccontextmanager
async def _watched_site(engine: AsyncEngine, database_url: str) -> AsyncIterator[Site]:
    async with await psycopg.AsyncConnection.connect(_plain_url(database_url), autocommit=True) as connection:
        await note_writes(connection)  # before anybody is there whom its locks could meet
    async with started_site(engine, database_url) as site:
        site.market.tickers = FuzzMarket().tickers  # type: ignore[method-assign]
        yield site


@contextmanager
def heard() -> Iterator[list[Any]]:
    """Every event before any redaction, and what the standard library's loggers warn of."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            entries.append(self.format(record))

    with structlog.testing.capture_logs(processors=[structlog.processors.format_exc_info]) as entries:
        ear, root = Ear(logging.WARNING), logging.getLogger()
        root.addHandler(ear)
        try:
            yield entries
        finally:
            root.removeHandler(ear)


def _keeper(site: Site, engine: AsyncEngine, wires: dict[AccountId, Wire], seed: str) -> SessionKeeper:
    """As `app.worker` builds it, but for the gateway."""
    clock, ids = SystemClock(), SystemIds()

    async def alive(_name: str) -> None:
        return None

    def journal(account: AccountRef) -> PostgresJournal:
        return PostgresJournal(engine, account, clock=clock, ids=ids)

    async def open_account(account: AccountRef) -> AccountSession:
        if account.id not in wires:
            rng = random.Random(f"{seed}:{account.uid}")
            wire = Wire(ExchangeTwin(VirtualClock(asyncio.get_running_loop()), rng), rng)
            wire.exchange.publish = wire.publish
            wire.down = account.environment == "demo"
            wires[account.id] = wire
        parts = SessionParts(
            account=account,
            gateway=GatewayTwin(wires[account.id], alive),
            stream=StreamTwin(wires[account.id], alive),
            journal=journal(account),
            instrument_of=site.parts.markets.of("sim").instruments.get,
            clock=clock,
            ids=ids,
            rng=SystemRng(),
            evidence=EvidenceRule(),
        )
        return AccountSession(parts)

    return SessionKeeper(engine, site.parts.bus, open_account, journal, clock=clock, rng=SystemRng())


@asynccontextmanager
async def _lanes(site: Site, database_url: str, count: int, users: dict[Who, User]) -> AsyncIterator[list[Lane]]:
    """Lanes on one application, each with an engine of its own and a connection that watches what it writes."""
    parts = replace(site.parts, engine=cast("AsyncEngine", EngineOfLane()))
    application = create_application(parts, page=PAGE, routes=shared_routes())

    async def sign_in(who: Who) -> str:
        async with site.parts.engine.begin() as connection:
            opened = await open_session(
                connection,
                user_id=UserId(UUID(users[who].session["user"]["id"])),
                user_agent="fuzz",
                now=site.clock.now(),
                ids=site.parts.ids,
            )
        return opened.token

    async with contextlib.AsyncExitStack() as stack:
        lanes = []
        for name in (f"{LANE_PREFIX}{number}" for number in range(count)):
            engine = create_engine(database_url, pool_size=2, application=name)
            stack.push_async_callback(engine.dispose)
            opening = psycopg.AsyncConnection.connect(_plain_url(database_url), autocommit=True)
            connection = await stack.enter_async_context(await opening)
            lanes.append(Lane(application, site.port, engine, Watch(name, engine, connection), sign_in))
        yield lanes


def _plain_url(database_url: str) -> str:
    return driver_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


async def _until_ready(site: Site, user: User) -> None:
    """The account's session is ready, and both environments' instruments are those of `FuzzMarket`."""
    deadline = time.monotonic() + _READY_S_MAX
    while True:
        async with user.http.get("/api/v1/accounts") as response:
            states = {row["environment"]: row["session"]["state"] for row in (await response.json())["accounts"]}
        markets = [site.parts.markets.of(each) for each in site.parts.markets.followed]
        fresh = [len(each.instruments.all("linear")) == 4 for each in markets]
        if states.get("sim") == "ready" and len(fresh) == 2 and all(fresh):
            return
        assert time.monotonic() < deadline, f"not ready within {_READY_S_MAX} s: {states}, {fresh}"
        await asyncio.sleep(0.02)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
