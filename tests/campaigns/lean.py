"""A lean installation for campaigns: a database that can be killed, one exchange, many accounts with keys of their own.

Lives here: `Lean`: its processes, its accounts, what its tables say. The accounts come as a person's do: their keys are
sealed, and the worker opens and checks them. Not here: who trades (`trading`), who is killed when (`kill`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from campaigns.nursery import Nursery
from campaigns.processes import ExchangeAt, WorkerProcess, exchange_at
from contract.journal_worlds import make_home
from tradewright.connections.commands import add_connection
from tradewright.connections.model import Actor, Credentials, NewConnection
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.risk import LimitName
from tradewright.installation import write_exchange_ready
from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.engine import create_engine
from tradewright.storage.migrate import upgrade
from tradewright.storage.resolving import resolved
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.risk.store import set_limits
from tradewright.vault.digests import DigestKey
from tradewright.vault.opening import open_keyring

SETTLING_MARGIN_S = 2
_FASTER = {"full_page_writes": "off"}  # a killed server must keep what it has committed: no other shortcut
_FUNDS = {"USDT": "1000000"}
_START_S = 120.0
_AWAY_TRIES = 900  # a tenth of a second each
_WIDE: tuple[LimitName, ...] = (
    "order_notional",
    "position_notional",
    "total_notional",
    "open_orders",
    "orders_per_minute",
)

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class Held:
    """An account, and the key with which the exchange may be asked about it."""

    id: AccountId
    uid: str
    pair: Mapping[str, str]


class Lean:
    """`worker` is the newest one; a campaign starts and kills it."""

    def __init__(
        self,
        home: Path,
        server: EmbeddedPostgres,
        exchange: ExchangeAt,
        engine: AsyncEngine,
        nursery: Nursery,
        rng: random.Random,
    ) -> None:
        self.home = home
        self.exchange = exchange
        self.engine = engine
        self.accounts: list[Held] = []
        self.workspace_id: WorkspaceId
        self.user_id: UserId
        self.worker: WorkerProcess | None = None
        self.database_restarts = 0
        self._server = server
        self._nursery = nursery
        self._rng = rng

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, home: Path, accounts: int, rng: random.Random) -> AsyncIterator[Lean]:
        server = EmbeddedPostgres(home, root_base=home / "base", overrides=_FASTER)
        server.start()
        upgrade(server.url)
        engine = create_engine(server.url, pool_size=10)
        arguments = ("--environment", "demo", "--limit-factor", "0", "--ip-limit", "0")
        try:
            with exchange_at(home / "exchange", *arguments) as exchange, Nursery.open() as nursery:
                write_exchange_ready(home / "exchange/ready.json", "Simulated", exchange.ready)
                lean = cls(home, server, exchange, engine, nursery, rng)
                try:
                    await lean._furnish(accounts)
                    yield lean
                finally:
                    if lean.worker is not None:
                        lean.worker.kill()
        finally:
            await engine.dispose()
            server.stop(fast_s=2)

    async def _furnish(self, accounts: int) -> None:
        owned = await make_home(self.engine, SystemIds(), SystemClock(), uid=self.exchange.uid)
        self.workspace_id, self.user_id = owned.workspace_id, owned.user_id
        values: dict[LimitName, Any] = dict.fromkeys(_WIDE, Decimal(1_000_000_000))
        async with self.engine.begin() as connection:
            await set_limits(
                connection,
                level="installation",
                workspace_id=self.workspace_id,
                account_id=owned.account.id,
                values=values,
                removed=(),
                user_id=self.user_id,
                ip=None,
                clock=SystemClock(),
                ids=SystemIds(),
            )
        pairs: dict[str, Mapping[str, str]] = {}
        sealing_key = open_keyring(self.home / "vault").sealing_key
        for number in range(accounts):
            opened = await asyncio.to_thread(self.exchange.control, "POST", "/sim/accounts", {"funds": _FUNDS})
            pair = opened["keys"]["trading"]
            pairs[str(opened["uid"])] = pair
            asked = NewConnection(
                id=SystemIds().new(),
                environment="demo",
                name=f"Account {number}",
                region="global",
                credentials=Credentials.of(pair["key"], pair["secret"], None),
            )
            async with self.engine.begin() as connection:
                await add_connection(
                    connection,
                    self.workspace_id,
                    asked,
                    sealing_key=sealing_key,
                    digest_key=DigestKey(b"d" * 32),
                    actor=Actor(self.user_id, None),
                    clock=SystemClock(),
                    ids=SystemIds(),
                )
        self.start_worker()
        await self.until_ready(accounts)
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                text("SELECT id, uid FROM accounts WHERE environment = 'demo' ORDER BY uid")
            )
            self.accounts = [Held(AccountId(row.id), row.uid, pairs[row.uid]) for row in rows]

    # Processes.

    def start_worker(self, crash_at: str | None = None) -> WorkerProcess:
        settings = {
            "TRADEWRIGHT_HOSTS__DEMO__REST": self.exchange.ready["rest"],
            "TRADEWRIGHT_HOSTS__DEMO__PUBLIC_STREAM": self.exchange.ready["ws_public"],
            "TRADEWRIGHT_HOSTS__DEMO__PRIVATE_STREAM": self.exchange.ready["ws_private"],
            "TRADEWRIGHT_SETTLING_MARGIN_S": str(SETTLING_MARGIN_S),
        }
        if crash_at is not None:
            settings["TRADEWRIGHT_CRASH_AT"] = crash_at
        self.worker = WorkerProcess(self.home, self._server.url, settings, self._nursery)
        return self.worker

    async def until_ready(self, accounts: int | None = None) -> None:
        """Until the newest worker has all accounts ready."""
        wanted = len(self.accounts) if accounts is None else accounts
        deadline = time.monotonic() + _START_S
        while await self.ready() < wanted:
            assert self.worker is not None
            if self.worker.has_ended:  # its database was killed while it started
                self.start_worker()
            assert time.monotonic() < deadline, f"not ready within {_START_S:.0f} s: {self.worker.says()}"
            await asyncio.sleep(0.1)

    async def ready(self) -> int:
        """How many accounts the newest worker has ready; 0 while the database is away."""
        assert self.worker is not None
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with self.engine.connect() as connection:
                found = await connection.scalar(
                    text(
                        "SELECT count(*) FROM accounts a JOIN account_owner o ON o.account_id = a.id"
                        " JOIN worker w ON w.id = o.owner WHERE a.session_state = 'ready' AND a.environment = 'demo'"
                        " AND a.session_epoch = o.epoch AND w.process LIKE :process"
                    ),
                    {"process": f"{self.worker.process.pid}@%"},
                )
                return int(found or 0)
        return 0

    async def restart_database(self) -> None:
        """Kills the server with SIGKILL, and waits until it accepts connections again."""
        assert self._server.pid is not None
        os.kill(self._server.pid, signal.SIGKILL)
        while self._server.poll() is None:
            await asyncio.sleep(0.01)
        self._server.launch()
        while not self._server.is_ready():
            await asyncio.sleep(0.02)
        self.database_restarts += 1

    # The database, however often it goes away.

    async def within(self, do: Callable[[AsyncConnection], Awaitable[_Done]]) -> _Done:
        """One transaction, begun again until it is certain that it was done. It must do nothing the second time."""

        async def once() -> _Done:
            async with self.engine.begin() as connection:
                return await do(connection)

        for _ in range(_AWAY_TRIES):
            try:
                return await resolved(once, SystemClock())
            except (DBAPIError, OSError):
                await asyncio.sleep(0.1)
        raise AssertionError("the database was away for longer than any restart takes")

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async def read(connection: AsyncConnection) -> list[Any]:
            return list(await connection.execute(text(statement), values))

        return await self.within(read)

    async def busy_accounts(self, process: int, died_ms: int) -> set[UUID]:
        """Accounts of which the worker that ended left a request without its outcome, or, once it was ready, an intent
        without its verdict. `process` is its pid, `died_ms` Unix time: what was asked later does not count."""
        found = await self.rows(
            "SELECT o.account_id FROM account_owner o JOIN worker w ON w.id = o.owner"
            " JOIN accounts a ON a.id = o.account_id WHERE w.process LIKE :process AND EXISTS (SELECT 1 FROM intents i"
            " WHERE i.account_id = o.account_id AND i.created_at <= to_timestamp(:died / 1000.0)"
            " AND (i.state = 'sending' OR"
            " (i.state IN ('proposed', 'approved') AND a.session_state = 'ready' AND a.session_epoch = o.epoch)))",
            process=f"{process}@%",
            died=died_ms,
        )
        return {row.account_id for row in found}
