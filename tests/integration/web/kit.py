"""A whole API process in this test's loop: uvicorn on a free port, a real database, in-memory twins of the exchange.

Lives here: `Site` and how to start it, the twins, a claimed user, and an `Owner` that plays the account's worker by the
real journal. Tests talk to it over real sockets.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import structlog
import uvicorn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from support.routes import shared_routes
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeUnavailable, NotReady, Trace
from tradewright.core.ids import AccountId, ExchangeOrderId, RequestId, WorkspaceId
from tradewright.core.instrument import CATEGORIES, Category, Instrument, InstrumentId, RiskTier
from tradewright.exchange.ports import (
    Book,
    Candle,
    CandleUpdate,
    PublicEvent,
    PublicStream,
    PublicTrade,
    StreamUp,
    Ticker,
)
from tradewright.identity.claims import create_claim_link
from tradewright.identity.passwords import HashCost, Passwords
from tradewright.market.history.store import DataStore
from tradewright.market.instrument_store import replace_list
from tradewright.market.instruments import InstrumentLists
from tradewright.market.markets import MarketData, Markets, market_data
from tradewright.notify.sending import Sending
from tradewright.storage.bus import Bus, notify
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.environments import environments_with_accounts
from tradewright.trading.journal import AnsweredAcknowledged, AnsweredUnknown
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.pulling import KillDesk
from tradewright.trading.model import AccountRef, Reason
from tradewright.trading.provision import ACCOUNTS_CHANNEL
from tradewright.trading.store import PostgresJournal
from tradewright.vault.digests import DigestKey
from tradewright.vault.sealing import SealingKey
from tradewright.vault.service import LiveServiceKeyring
from tradewright.vault.sources import FileSource
from tradewright.web.application import create_application
from tradewright.web.parts import SimAccount, WebParts, WebSettings
from tradewright.web.server import listening_socket, server_config
from tradewright.web.static_files import StaticFile

BTC = InstrumentId("linear", "BTCUSDT")
PASSWORD = "correct horse battery"
MINUTE_MS = 60_000
NOW_MS = 1_700_000_040_000  # a minute's open
PAGE = {
    "index.html": StaticFile(b"<!doctype html><title>page</title>", "text/html; charset=utf-8", '"i1"', "no-cache"),
    "assets/app-1a2b.js": StaticFile(
        b"export {}", "text/javascript; charset=utf-8", '"a1"', "public, max-age=31536000, immutable"
    ),
}


class MovableClock(SystemClock):
    """The real clock, whose calendar can be moved: for what expires."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


def instrument(symbol: str, category: Category = "linear") -> Instrument:
    return Instrument(
        id=InstrumentId(category, symbol),
        status="Trading",
        base_coin=symbol.removesuffix("USDT"),
        quote_coin="USDT",
        settle_coin="USDT",
        tick_size=Decimal("0.1"),
        min_price=Decimal("0.1"),
        max_price=Decimal("1999999.8"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_limit_quantity=Decimal("1190"),
        max_market_quantity=Decimal("119"),
        min_notional=Decimal("5"),
        max_leverage=Decimal("100"),
    )


def candle(open_ms: int, close: str = "60000.5", *, confirmed: bool = True) -> Candle:
    return Candle(
        open_time_ms=open_ms,
        open=Decimal("60000"),
        high=Decimal("60010.50"),
        low=Decimal("59990"),
        close=Decimal(close),
        volume=Decimal("12.3450"),
        turnover=Decimal("1E+3"),
        confirmed=confirmed,
    )


def public_trade(number: int, instrument: InstrumentId = BTC) -> PublicTrade:
    return PublicTrade(
        trade_id=f"t{number}",
        instrument=instrument,
        side="Sell",
        price=Decimal(60_000 + number),
        quantity=Decimal("0.010"),
        traded_at_ms=NOW_MS + number,
    )


class MarketTwin:
    """The public REST side: two contracts and a spot pair, ten candles with one missing, a ticker for each category.

    `is_away` refuses all reads.
    """

    def __init__(self) -> None:
        self.is_away = False
        self.tape: list[PublicTrade] = []

    def _require(self) -> None:
        if self.is_away:
            raise ExchangeUnavailable("the exchange does not answer")

    async def instruments(self, category: Category) -> Sequence[Instrument]:
        self._require()
        symbols = ["BTCUSDT", "ETHUSDT"] if category == "linear" else ["BTCUSDT"]
        return [instrument(symbol, category) for symbol in symbols]

    async def candles(
        self, instrument: InstrumentId, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Candle]:
        self._require()
        opens = [NOW_MS - n * MINUTE_MS for n in range(9, -1, -1) if n != 4]
        rows = [candle(at, confirmed=at != NOW_MS) for at in opens]
        return [row for row in rows if (start_ms or 0) <= row.open_time_ms <= (end_ms or NOW_MS)][-limit:]

    async def tickers(self, category: Category) -> Sequence[Ticker]:
        self._require()
        price = Decimal("60000.10") if category == "linear" else Decimal("59990.5")
        return [Ticker(instrument=InstrumentId(category, "BTCUSDT"), last_price=price, exchange_time_ms=NOW_MS)]

    async def trades(self, instrument: InstrumentId, limit: int) -> Sequence[PublicTrade]:
        self._require()
        return self.tape[-limit:]

    async def risk_tiers(self, instrument: InstrumentId) -> Sequence[RiskTier]:
        return ()

    async def all_risk_tiers(self) -> Mapping[InstrumentId, Sequence[RiskTier]]:
        return {}

    async def market_now_ms(self) -> int:
        self._require()
        return NOW_MS + 30_000

    async def close(self) -> None: ...


class PublicStreamTwin:
    """The public stream of one category: what a test puts into `queue` arrives."""

    def __init__(self, instrument: InstrumentId = BTC) -> None:
        self._instrument = instrument
        self.queue: asyncio.Queue[PublicEvent] = asyncio.Queue()
        self.topics: set[str] = set()

    async def events(self) -> AsyncIterator[PublicEvent]:
        while True:
            yield await self.queue.get()

    def subscribe(self, *topics: str) -> None:
        self.topics.update(topics)

    def unsubscribe(self, *topics: str) -> None:
        self.topics.difference_update(topics)

    def last_frame_age_seconds(self) -> float | None:
        return 0.25

    async def close(self) -> None: ...

    def ticker(self, price: str) -> None:
        self.queue.put_nowait(Ticker(instrument=self._instrument, last_price=Decimal(price), exchange_time_ms=NOW_MS))

    def candle(self, open_ms: int, close: str, *, confirmed: bool = False) -> None:
        self.queue.put_nowait(CandleUpdate(self._instrument, "1", candle(open_ms, close, confirmed=confirmed)))

    def trade(self, number: int) -> None:
        self.queue.put_nowait(public_trade(number, self._instrument))

    def book(self, best_bid: int, levels: int = 50) -> None:
        self.queue.put_nowait(
            Book(
                instrument=self._instrument,
                depth=50,
                bids=tuple((Decimal(best_bid - n), Decimal("1.50")) for n in range(levels)),
                asks=tuple((Decimal(best_bid + 1 + n), Decimal(2)) for n in range(levels)),
                update_id=best_bid,
                exchange_time_ms=NOW_MS,
            )
        )


@dataclass(slots=True)
class Site:
    base: str
    port: int
    parts: WebParts
    market: MarketTwin
    publics: dict[tuple[Environment, Category], PublicStreamTwin]
    clock: MovableClock
    application: Any
    sessions: list[aiohttp.ClientSession] = field(default_factory=list)

    @property
    def public(self) -> PublicStreamTwin:
        """The public stream of the simulated exchange's contracts."""
        return self.publics["sim", "linear"]

    @property
    def spot(self) -> PublicStreamTwin:
        return self.publics["sim", "spot"]

    def public_of(self, environment: Environment) -> PublicStreamTwin:
        return self.publics[environment, "linear"]

    async def add_account(self, user: User, environment: Environment) -> AccountId:
        """One more account of the user's workspace, as the worker makes it for a connection."""
        account_id = AccountId(self.parts.ids.new())
        async with self.parts.engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
                    " VALUES (:id, :workspace, 'Added', :environment, :uid, :now, :now)"
                ),
                {
                    "id": account_id,
                    "workspace": user.workspace_id,
                    "environment": environment,
                    "uid": secrets.token_hex(4),
                    "now": self.clock.now(),
                },
            )
            await notify(connection, ACCOUNTS_CHANNEL, str(account_id))
        return account_id

    def browser(self, cookie: str | None = None) -> aiohttp.ClientSession:
        """A client that sends what our own page would send; with a session token when one is given. Where an answer
        changes that token it goes on with the new one."""
        name, headers = f"tradewright_{self.port}", {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        follow = aiohttp.TraceConfig()
        if cookie is not None:
            headers["Cookie"] = f"{name}={cookie}"

            async def note(session: aiohttp.ClientSession, _: object, params: aiohttp.TraceRequestEndParams) -> None:
                given = params.response.cookies.get(name)
                if given is not None and given.value:
                    session.headers["Cookie"] = f"{name}={given.value}"

            follow.on_request_end.append(note)
        session = aiohttp.ClientSession(
            self.base, headers=headers, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[follow]
        )
        self.sessions.append(session)
        return session

    async def claim_token(self) -> str:
        async with self.parts.engine.begin() as connection:
            link = await create_claim_link(connection, self.base, self.clock.now())
        return link.partition("#")[2]

    async def claim(self, username: str = "Ann") -> User:
        body = {"token": await self.claim_token(), "username": username, "password": PASSWORD, "language": "en"}
        async with self.browser().post("/api/v1/claim", json=body) as response:
            assert response.status == 201, await response.text()
            return await self._user(await response.json(), token_in(response, self.port))

    async def second_user(self, role: str, *, workspace: uuid.UUID | None = None, username: str = "Bob") -> User:
        """Another user, put into the database: in a workspace of their own (with an account), or in the one given."""
        now, ids = self.clock.now(), self.parts.ids
        user_id, own = ids.new(), workspace or ids.new()
        async with self.parts.engine.begin() as connection:
            hashed = await self.parts.passwords.hash(PASSWORD)
            await connection.execute(
                text(
                    "INSERT INTO users (id, username, username_key, password_hash, language, is_operator, created_at)"
                    " VALUES (:id, :name, :key, :hash, 'ru', false, :now)"
                ),
                {"id": user_id, "name": username, "key": username.casefold(), "hash": hashed, "now": now},
            )
            if workspace is None:
                await connection.execute(
                    text("INSERT INTO workspaces (id, name, created_at) VALUES (:id, 'other', :now)"),
                    {"id": own, "now": now},
                )
                await connection.execute(
                    text(
                        "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
                        " VALUES (:id, :workspace, 'Other', 'sim', :uid, :now, :now)"
                    ),
                    {"id": ids.new(), "workspace": own, "uid": secrets.token_hex(4), "now": now},
                )
            await connection.execute(
                text("INSERT INTO memberships (workspace_id, user_id, role) VALUES (:workspace, :user, :role)"),
                {"workspace": own, "user": user_id, "role": role},
            )
        body = {"username": username, "password": PASSWORD}
        async with self.browser().post("/api/v1/login", json=body) as response:
            assert response.status == 200, await response.text()
            return await self._user(await response.json(), token_in(response, self.port))

    async def _user(self, session: dict[str, Any], token: str) -> User:
        http = self.browser(token)
        async with http.get("/api/v1/accounts") as response:
            account = (await response.json())["accounts"][0]
        return User(http, token, session, WorkspaceId(uuid.UUID(session["workspace"]["id"])), account)

    async def count(self, table: str) -> int:
        async with self.parts.engine.connect() as connection:
            return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


@dataclass(slots=True)
class User:
    http: aiohttp.ClientSession
    token: str
    session: dict[str, Any]
    workspace_id: WorkspaceId
    account: dict[str, Any]

    @property
    def account_id(self) -> AccountId:
        return AccountId(uuid.UUID(self.account["id"]))

    @property
    def account_path(self) -> str:
        return f"/api/v1/accounts/{self.account['id']}"


def token_in(response: aiohttp.ClientResponse, port: int) -> str:
    return response.cookies[f"tradewright_{port}"].value


def place_body(**changed: Any) -> dict[str, Any]:
    return {
        "id": str(SystemIds().new()),
        "kind": "place",
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "order_type": "Limit",
        "quantity": "0.010",
        "price": "59000.0",
        "time_in_force": "GTC",
        "reduce_only": False,
        "note": None,
        **changed,
    }


class Owner:
    """Plays the worker that owns the account, by the real journal: takes what is proposed and answers it."""

    def __init__(self, site: Site, user: User, *, answer: str = "acknowledge", epoch: int = 0) -> None:
        account = AccountRef(user.account_id, user.workspace_id, "sim", "1001", epoch)
        self.journal = PostgresJournal(site.parts.engine, account, clock=site.clock, ids=site.parts.ids)
        self._site = site
        self._answer = answer

    async def run(self) -> None:
        hints = self._site.parts.bus.subscribe("intents")
        try:
            while True:
                for intent in await self.journal.proposed():
                    request = await self.journal.open_request(intent, RequestId(self._site.parts.ids.new()))
                    assert request is not None
                    if self._answer == "acknowledge":
                        answer: Any = AnsweredAcknowledged(ExchangeOrderId(f"x-{intent.id}"), Trace())
                    elif self._answer == "unknown":
                        answer = AnsweredUnknown(Reason("exchange.unknown"), Trace())
                    else:
                        continue
                    await self.journal.answer(intent, request, answer)
                await hints.get()
        finally:
            hints.close()

    async def events(self, count: int) -> None:
        """Writes `count` events into the account's journal, in transactions of at most 100."""
        for start in range(0, count, 100):
            async with self.journal._transaction("owner") as (_, events):
                for n in range(start, min(count, start + 100)):
                    events.add("drift", drift_told(str(n)))


def drift_told(ours: str) -> dict[str, Any]:
    """What a page is told of a difference; `ours` tells one from another."""
    drift = {"kind": "order.missing", "subject": "1", "ours": ours, "theirs": ""}
    nothing = ("category", "symbol", "position_index", "order_id", "before", "after", "foreign", "why", "decided_by",
               "decided_ms", "ended_ms")  # fmt: skip
    difference = dict.fromkeys(nothing) | {
        "id": str(UUID(int=1)),
        "account_id": str(UUID(int=2)),
        "kind": "order.missing",
        "subject": "1",
        "state": "open",
        "blocks": False,
        "choices": [],
        "always": False,
        "found_ms": 1,
        "version": 1,
    }
    return {"kind": "drift", "drift": drift, "difference": difference, "drift_count": 1}


@asynccontextmanager
async def running_owner(site: Site, user: User, *, answer: str = "acknowledge") -> AsyncIterator[Owner]:
    owner = Owner(site, user, answer=answer)
    task = asyncio.create_task(owner.run())
    try:
        yield owner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def started_site(
    engine: AsyncEngine,
    database_url: str,
    *,
    page: dict[str, StaticFile] | None = None,
    load: bool = True,
    starts_ready: bool | None = None,
    open_market: Callable[[Environment, InstrumentLists], MarketData] | None = None,
) -> AsyncIterator[Site]:
    """Without `load` nobody has read the instruments, unless the database `starts_ready` with those of an earlier run.

    `open_market` puts a real market in the place of the twins.
    """
    clock, market = MovableClock(), MarketTwin()
    publics: dict[tuple[Environment, Category], PublicStreamTwin] = {}
    log = structlog.get_logger("test")
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    bus = Bus(database_url, rng=SystemRng())
    await bus.start()
    lists = InstrumentLists(engine, bus, clock=clock)
    if load:
        await keep_instruments(engine, market)

    def open_twin(environment: Environment, lists: InstrumentLists) -> MarketData:
        streams: dict[Category, PublicStream] = {}
        for category in CATEGORIES:
            stream = publics[environment, category] = PublicStreamTwin(InstrumentId(category, "BTCUSDT"))
            stream.queue.put_nowait(StreamUp(1))
            streams[category] = stream
        return market_data(environment, market, streams, lists.of(environment), clock=clock, log=log)

    async def wanted() -> list[Environment]:
        return ["sim", *await environments_with_accounts(engine)]

    opened = open_market or open_twin
    knows = load if starts_ready is None else starts_ready
    markets = Markets(lambda environment: opened(environment, lists), wanted, bus.subscribe(ACCOUNTS_CHANNEL))

    async def sim_account() -> SimAccount:
        if market.is_away:
            raise NotReady("the simulated exchange has not said its account yet")
        return SimAccount("1001", "Simulated")

    home = Path(tempfile.mkdtemp(prefix="tw-kit-"))
    parts = WebParts(
        engine=engine,
        bus=bus,
        markets=markets,
        clock=clock,
        ids=SystemIds(),
        passwords=Passwords(HashCost(time_cost=1, memory_kib=8)),
        settings=WebSettings(version="9.9.9", port=port, hosts=frozenset({"trade.example"})),
        sim_account=sim_account,
        sealing_key=lambda: SealingKey(b"k" * 32),
        digest_key=lambda: DigestKey(b"d" * 32),
        service_keyring=LiveServiceKeyring(FileSource(home / "vault/service.keys")),
        rest_address=lambda environment, region: f"https://{environment}.{region}.example",
        kill=KillDesk(LatchFolder(home / "kill"), home / "worker.sock", clock, SystemIds()),
        sending=Sending("127.0.0.1:9"),  # where nobody listens
        candles=DataStore(home / "data", clock),
    )
    application = create_application(parts, page=PAGE if page is None else page, routes=shared_routes())
    server = uvicorn.Server(server_config(application))
    running = [asyncio.create_task(lists.run()), asyncio.create_task(markets.run())]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(60):
        while not (server.started and "sim" in markets.followed and markets.know_instruments == knows):
            await asyncio.sleep(0.01)
    site = Site(f"http://localhost:{port}", port, parts, market, publics, clock, application)
    site.base = f"http://127.0.0.1:{port}"
    try:
        yield site
    finally:
        for session in site.sessions:
            await session.close()
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await bus.close()
        listening.close()
        shutil.rmtree(home, ignore_errors=True)


async def keep_instruments(engine: AsyncEngine, market: MarketTwin, environment: Environment = "sim") -> None:
    """Plays the worker, which reads the instruments for everybody."""
    for category in CATEGORIES:
        rows = await market.instruments(category)
        async with engine.begin() as connection:
            await replace_list(connection, environment, category, rows, asked_s_ago=0)


def with_settings(parts: WebParts, **changed: Any) -> WebParts:
    return replace(parts, settings=replace(parts.settings, **changed))
