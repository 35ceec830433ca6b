"""A workspace on PostgreSQL that adds connections, and the worker's checker beside it; the exchange is scripted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contract.journal_worlds import make_home
from tradewright.app.ground import Ground
from tradewright.connections import changes, commands, queries
from tradewright.connections.asking import CheckParts
from tradewright.connections.boxes import open_credentials
from tradewright.connections.change_checks import ChangeChecker
from tradewright.connections.change_model import AskedChange, Changed, NewKey, NewProxy
from tradewright.connections.checks import KeyChecker
from tradewright.connections.model import Actor, AlreadyOwned, Connection, Credentials, NewConnection
from tradewright.connections.store import GoodKey
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.order import KeyFacts
from tradewright.core.secret import SecretText
from tradewright.settings import load
from tradewright.storage.bus import Bus
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.provision import connect_account, reroute_account, rest_account_of, wake_account
from tradewright.vault.digests import DigestKey
from tradewright.vault.opening import Opener, TradingKeyring, open_keyring

WAIT_S = 60.0
IDS = SystemIds()


def facts(**changes: Any) -> KeyFacts:
    fields: dict[str, Any] = {
        "uid": "700",
        "read_only": False,
        "may_trade": True,
        "may_withdraw": False,
        "permissions": {"ContractTrade": ("Order", "Position"), "Spot": ("SpotTrade",), "Wallet": ()},
        "ips": ("*",),
        "expires_at": None,
        "is_unified": True,
    }
    return KeyFacts(**(fields | changes))


class Exchange:
    """Answers about keys as a test says, by key; the last answer again and again. `asked` has the keys it was shown."""

    def __init__(self) -> None:
        self.answers: dict[str, list[KeyFacts | Exception]] = {}
        self.asked: list[Credentials] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def open(self, _connection: Connection, credentials: Credentials) -> _Reader:
        return _Reader(self, credentials)


class _Reader:
    def __init__(self, exchange: Exchange, credentials: Credentials) -> None:
        self._exchange = exchange
        self._credentials = credentials

    async def key_facts(self) -> KeyFacts:
        self._exchange.asked.append(self._credentials)
        await self._exchange.gate.wait()
        answers = self._exchange.answers[self._credentials.key]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        return


class HastyClock(SystemClock):
    """The real clock, whose calendar a test moves on, so that the next check is due."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)


@dataclass
class Desk:
    """Who adds connections, and what came of them."""

    engine: AsyncEngine
    bus: Bus
    keyring: TradingKeyring
    exchange: Exchange
    workspace_id: WorkspaceId
    clock: HastyClock = field(default_factory=HastyClock)
    actor: Actor = field(default_factory=lambda: Actor(UserId(uuid4()), "127.0.0.1"))

    async def add(self, key: str = "key-one", *, workspace_id: WorkspaceId | None = None, **changes: Any) -> UUID:
        fields: dict[str, Any] = {"id": IDS.new(), "environment": "demo", "name": "My demo", "region": "global"}
        credentials = Credentials.of(key, f"secret-of-{key}", changes.pop("proxy", None))
        asked = NewConnection(**(fields | changes), credentials=credentials)
        async with self.engine.begin() as connection:
            await commands.add_connection(
                connection,
                workspace_id or self.workspace_id,
                asked,
                sealing_key=self.keyring.sealing_key,
                digest_key=DigestKey(b"d" * 32),
                actor=self.actor,
                clock=self.clock,
                ids=IDS,
            )
        return asked.id

    async def check_again(self, connection_id: UUID) -> None:
        async with self.engine.begin() as connection:
            await commands.ask_check(
                connection, self.workspace_id, connection_id, actor=self.actor, clock=self.clock, ids=IDS
            )

    async def remove(self, connection_id: UUID, name: str = "My demo") -> Connection:
        async with self.engine.begin() as connection:
            return await commands.remove_connection(
                connection,
                self.workspace_id,
                connection_id,
                name=name,
                rest_account=rest_account_of,
                actor=self.actor,
                clock=self.clock,
                ids=IDS,
            )

    async def read(self, connection_id: UUID, workspace_id: WorkspaceId | None = None) -> Connection:
        async with self.engine.connect() as connection:
            return await queries.read_connection(connection, workspace_id or self.workspace_id, connection_id)

    async def until(
        self, connection_id: UUID, so: Callable[[Connection], bool], workspace_id: WorkspaceId | None = None
    ) -> Connection:
        deadline = time.monotonic() + WAIT_S
        while not so(found := await self.read(connection_id, workspace_id)):
            assert time.monotonic() < deadline, f"not so within {WAIT_S} s: {found}"
            await asyncio.sleep(0.01)
        return found

    async def concluded(self, connection_id: UUID, workspace_id: WorkspaceId | None = None) -> Connection:
        return await self.until(connection_id, lambda found: found.state != "checking", workspace_id)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.engine.connect() as connection:
            return list(await connection.execute(text(statement), values))

    async def accounts(self) -> list[Any]:
        return await self.rows(
            "SELECT id, uid, workspace_id, resting, connection_id, categories FROM accounts"
            " WHERE environment <> 'sim' ORDER BY created_at"
        )

    async def boxes(self, connection_id: UUID) -> list[Any]:
        return await self.rows("SELECT * FROM connection_keys WHERE connection_id = :id", id=connection_id)

    async def remembered(self, connection_id: UUID) -> dict[str, Any]:
        """What goes with a key that is wiped."""
        (row,) = await self.rows(
            "SELECT body_digest, facts, proxy_shown FROM connections WHERE id = :id", id=connection_id
        )
        return dict(row._mapping)

    async def let_rest(self, account_id: AccountId | None) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text("UPDATE accounts SET resting = true WHERE id = :id"), {"id": account_id})

    async def wake(self, account_id: AccountId | None, connection_id: UUID) -> bool:
        assert account_id is not None
        async with self.engine.begin() as connection:
            return await wake_account(connection, account_id, connection_id)

    async def change(
        self, connection_id: UUID, key: str | None = None, *, region: str | None = None, **named: Any
    ) -> Connection:
        """`proxy` given: another one, None for none."""
        new_key = None if key is None else NewKey(key, SecretText(f"secret-of-{key}"))
        proxy = None
        if "proxy" in named:
            proxy = NewProxy(None if named["proxy"] is None else SecretText(named["proxy"]))
        asked = AskedChange(id=named.get("id") or IDS.new(), changed=Changed(key=new_key, proxy=proxy), region=region)
        async with self.engine.begin() as connection:
            return await changes.ask_change(
                connection,
                self.workspace_id,
                connection_id,
                asked,
                sealing_key=self.keyring.sealing_key,
                actor=self.actor,
                clock=self.clock,
                ids=IDS,
            )

    async def credentials(self, connection_id: UUID) -> Credentials:
        async with self.engine.connect() as connection:
            return await open_credentials(connection, self.keyring, self.workspace_id, connection_id)

    @contextlib.asynccontextmanager
    async def checking(self, keyring: Opener | None = None) -> AsyncIterator[None]:
        """The worker's checkers run, with another keyring than the API seals for where one is given."""

        async def provision(transaction: AsyncConnection, good: GoodKey, now: datetime) -> AccountId:
            account_id = await connect_account(
                transaction,
                connection_id=good.connection.id,
                workspace_id=good.connection.workspace_id,
                environment=good.connection.environment,
                uid=good.facts.uid,
                name=good.connection.name,
                categories=good.categories,
                read_only=good.facts.read_only,
                now=now,
                ids=IDS,
            )
            if account_id is None:
                raise AlreadyOwned("taken")
            return account_id

        parts = CheckParts(
            engine=self.engine,
            bus=self.bus,
            keyring=keyring or self.keyring,
            open_reader=self.exchange.open,
            provision=provision,
            clock=self.clock,
            rng=SystemRng(),
            ids=IDS,
        )
        checkers = (
            KeyChecker(parts, rest_account=rest_account_of),
            ChangeChecker(parts, reroute=reroute_account),
        )
        tasks = [asyncio.create_task(each.run()) for each in checkers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                assert task.cancelled(), task.exception()


@pytest_asyncio.fixture
async def desk(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    bus = Bus(database_url, rng=SystemRng(), poll_s=0.05)
    await bus.start()
    home = await make_home(engine, IDS, SystemClock())
    yield Desk(engine, bus, open_keyring(tmp_path / "vault"), Exchange(), home.workspace_id)
    await bus.close()


@pytest.fixture
def ground(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """What the worker stands on, in the HOME where the desk's keyring is; nobody answers at demo's hosts."""
    monkeypatch.setenv("TRADEWRIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__REST", "http://127.0.0.1:9")
    monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__PRIVATE_STREAM", "ws://127.0.0.1:9/v5/private")
    return Ground(load(), desk.engine, desk.bus, SystemClock(), IDS, SystemRng())
