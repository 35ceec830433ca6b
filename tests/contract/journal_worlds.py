"""The two worlds that the contract of the port `Journal` is run in: in memory, and on PostgreSQL.

Lives here: `JournalWorld` and its two implementations: a journal, a way to ask for things as a person does, and a way
to look at what was committed that does not go through the journal. Not here: the contract itself (`test_journal`).
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from sim.memory_guard import MemoryGuardReads
from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import AccountId, IntentId, OrderId, RequestId, UserId, WorkspaceId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.order import MarginMode, OrderChange, PositionExits
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import (
    AmendBody,
    CancelBody,
    ExitsBody,
    LeverageBody,
    MarginModeBody,
    PlaceBody,
    PositionModeBody,
    ReverseBody,
)
from tradewright.trading.change_commands import (
    submit_amend,
    submit_cancel,
    submit_exits,
    submit_leverage,
    submit_margin_mode,
    submit_position_mode,
)
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_place, submit_reverse
from tradewright.trading.guardian.store import GuardReads, PostgresGuardReads
from tradewright.trading.journal import REPORT_DUE, Journal
from tradewright.trading.model import AccountRef
from tradewright.trading.provision import create_sim_account
from tradewright.trading.store import PostgresJournal

BTC = InstrumentId("linear", "BTCUSDT")
BTC_RULES = Instrument(
    id=BTC,
    status="Trading",
    base_coin="BTC",
    quote_coin="USDT",
    settle_coin="USDT",
    tick_size=Decimal("0.1"),
    min_price=Decimal("0.1"),
    max_price=Decimal("1999999.8"),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_limit_quantity=Decimal("1190"),
    max_market_quantity=Decimal("500"),
    min_notional=Decimal("5"),
    max_leverage=Decimal("100"),
)


_VIEW = MarketView(instrument=BTC_RULES)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the account's sequence, as a reader sees it."""

    seq: int
    kind: str
    source: str
    ref: UUID | None


class JournalWorld(Protocol):
    journal: Journal

    @property
    def guard_reads(self) -> GuardReads: ...

    def new_place(self, **changes: Any) -> PlaceBody: ...
    async def place(self, **changes: Any) -> IntentId: ...
    async def cancel(self, target_id: UUID) -> IntentId: ...
    async def amend(self, target_id: UUID, **change: Decimal) -> IntentId: ...
    async def leverage(self, leverage: str) -> IntentId: ...
    async def exits(self, **exits: Any) -> IntentId: ...
    async def position_mode(self, *, hedge: bool) -> IntentId: ...
    async def margin_mode(self, mode: MarginMode) -> IntentId: ...
    async def hedged(self, symbol: str) -> bool | None: ...
    async def legs_of_fills(self) -> dict[str, int]:
        """Position index by execution id."""
        ...

    async def reverse(self) -> IntentId:
        """Of the position that is held."""
        ...

    async def claimed(self) -> Journal:
        """Another owner claims the account: its journal."""
        ...

    async def make_overdue(self, intent_id: IntentId) -> None: ...
    async def make_report_due(self, intent_id: IntentId) -> None:
        """As if its last change, and that of its order, were long enough ago that the exchange should show the order
        everywhere."""
        ...

    async def begin_again(self, intent_id: IntentId) -> None:
        """As the kill switch does: another request of it, which nobody has answered."""
        ...

    async def state(self, intent_id: IntentId) -> str: ...
    async def reason(self, intent_id: IntentId) -> str | None: ...
    async def requests(self, intent_id: IntentId) -> list[tuple[int, str | None]]:
        """(attempt, outcome), by attempt."""
        ...

    async def order(self, exchange_order_id: str) -> tuple[UUID, IntentId | None, str, Decimal] | None:
        """(row id, intent, state, filled quantity)."""
        ...

    async def fills(self) -> dict[str, UUID | None]:
        """Order row by execution id."""
        ...

    async def size(self) -> Decimal | None:
        """Size of the held BTC position, None when there is no row."""
        ...

    async def stops(self) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
        """(take-profit, stop-loss, leverage) of the BTC position as held."""
        ...

    async def terms(self, exchange_order_id: str) -> tuple[Decimal, Decimal | None, Decimal | None, Decimal | None]:
        """(quantity, price, trigger price, stop-loss) of an order as held."""
        ...

    async def wallet_balance(self) -> Decimal | None:
        """USDT held."""
        ...

    async def locked(self, coin: str) -> Decimal | None: ...
    async def reconciled(self) -> tuple[bool, str | None]:
        """(whether everything was ever read, the margin mode)."""
        ...

    async def symbol(self, symbol: str) -> tuple[Decimal | None, Decimal, bool] | None:
        """(leverage, taker rate, whether it is assumed) of a linear symbol."""
        ...

    async def is_read_back(self, intent_id: IntentId) -> bool: ...

    async def events(self) -> list[Told]: ...
    async def notifications(self) -> list[int]:
        """The sequences told to listeners so far, one for each transaction that told something."""
        ...

    async def drifts(self) -> tuple[int, list[str]]:
        """(the account's count, kinds of the drift events)."""
        ...

    async def close(self) -> None: ...


def _place_body(ids: Ids, changes: dict[str, Any]) -> PlaceBody:
    fields: dict[str, Any] = {
        "id": IntentId(ids.new()),
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "order_type": "Limit",
        "quantity": Decimal("0.5"),
        "price": Decimal("60000"),
        "time_in_force": "GTC",
        "reduce_only": False,
        "note": None,
    }
    return PlaceBody(**(fields | changes))


class _MovableClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class _RandomIds:
    def __init__(self) -> None:
        self._rng = random.Random(1)

    def new(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


class MemoryWorld:
    def __init__(self) -> None:
        self._clock = _MovableClock()
        self._ids = _RandomIds()
        self._db = MemoryDatabase()
        self.journal: Journal = MemoryJournal(self._db, clock=self._clock, ids=self._ids)

    async def claimed(self) -> Journal:
        return MemoryJournal(self._db, clock=self._clock, ids=self._ids, epoch=self._db.claim())

    @property
    def guard_reads(self) -> GuardReads:
        return MemoryGuardReads(self._db)

    def new_place(self, **changes: Any) -> PlaceBody:
        return _place_body(self._ids, changes)

    async def place(self, **changes: Any) -> IntentId:
        return self._db.propose_place(self.new_place(**changes), self._clock.now())

    async def cancel(self, target_id: UUID) -> IntentId:
        return self._db.propose_cancel(IntentId(self._ids.new()), target_id, BTC, self._clock.now())

    async def amend(self, target_id: UUID, **change: Decimal) -> IntentId:
        return self._db.propose_amend(
            IntentId(self._ids.new()), target_id, BTC, OrderChange(**change), self._clock.now()
        )

    async def leverage(self, leverage: str) -> IntentId:
        return self._db.propose_leverage(IntentId(self._ids.new()), BTC, Decimal(leverage), self._clock.now())

    async def position_mode(self, *, hedge: bool) -> IntentId:
        return self._db.propose_position_mode(IntentId(self._ids.new()), BTC, hedge, self._clock.now())

    async def margin_mode(self, mode: MarginMode) -> IntentId:
        return self._db.propose_margin_mode(IntentId(self._ids.new()), mode, self._clock.now())

    async def hedged(self, symbol: str) -> bool | None:
        return self._db.hedged.get(InstrumentId("linear", symbol))

    async def legs_of_fills(self) -> dict[str, int]:
        return {exec_id: row.position_index for exec_id, row in self._db.executions.items()}

    async def exits(self, **exits: Any) -> IntentId:
        return self._db.propose_exits(IntentId(self._ids.new()), BTC, PositionExits(**exits), self._clock.now())

    async def reverse(self) -> IntentId:
        intent_id = self._db.propose_reverse(IntentId(self._ids.new()), BTC, self._clock.now())
        assert intent_id is not None, "there is a position"
        return intent_id

    async def make_report_due(self, intent_id: IntentId) -> None:
        order = self._db.order_of(intent_id)
        for row in (self._db.intents[intent_id], order):
            if row is not None:
                row.updated_at -= REPORT_DUE

    async def begin_again(self, intent_id: IntentId) -> None:
        [first] = self._db.requests_of(intent_id)
        again = replace(first, req_id=RequestId(self._ids.new()), attempt=2, outcome=None, signed_at=None)
        self._db.requests[again.req_id] = again

    async def make_overdue(self, intent_id: IntentId) -> None:
        self._db.intents[intent_id].valid_until = self._clock.now()

    async def state(self, intent_id: IntentId) -> str:
        return self._db.intents[intent_id].state

    async def reason(self, intent_id: IntentId) -> str | None:
        reason = self._db.intents[intent_id].reason
        return None if reason is None else reason.code

    async def requests(self, intent_id: IntentId) -> list[tuple[int, str | None]]:
        return sorted((row.attempt, row.outcome) for row in self._db.requests_of(intent_id))

    async def order(self, exchange_order_id: str) -> tuple[UUID, IntentId | None, str, Decimal] | None:
        row = self._db.orders.get(exchange_order_id)
        return None if row is None else (row.id, row.intent_id, row.tracked.state, row.tracked.filled_quantity)

    async def fills(self) -> dict[str, UUID | None]:
        return {key: row.order_id for key, row in self._db.executions.items()}

    async def size(self) -> Decimal | None:
        row = self._db.positions.get(("linear", "BTCUSDT", 0))
        return None if row is None else row.position.size

    async def stops(self) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
        held = self._db.positions["linear", "BTCUSDT", 0].position
        return held.take_profit, held.stop_loss, held.leverage

    async def terms(self, exchange_order_id: str) -> tuple[Decimal, Decimal | None, Decimal | None, Decimal | None]:
        held = self._db.orders[exchange_order_id].tracked
        return held.quantity, held.price, held.trigger_price, held.stop_loss

    async def wallet_balance(self) -> Decimal | None:
        balance = self._db.balances.get("USDT")
        return None if balance is None else balance.wallet_balance

    async def locked(self, coin: str) -> Decimal | None:
        balance = self._db.balances.get(coin)
        return None if balance is None else balance.locked

    async def reconciled(self) -> tuple[bool, str | None]:
        return self._db.reconciled_at is not None, self._db.margin_mode

    async def symbol(self, symbol: str) -> tuple[Decimal | None, Decimal, bool] | None:
        facts = self._db.symbols.get(InstrumentId("linear", symbol))
        return None if facts is None else (facts.leverage, facts.rates.taker, facts.rates.assumed)

    async def is_read_back(self, intent_id: IntentId) -> bool:
        return self._db.intents[intent_id].is_read_back

    async def events(self) -> list[Told]:
        return [Told(event.seq, event.kind, event.source, event.ref) for event in self._db.events]

    async def notifications(self) -> list[int]:
        return list(self._db.notified)

    async def drifts(self) -> tuple[int, list[str]]:
        return self._db.drift_count, [event.payload["kind"] for event in self._db.events if event.kind == "drift"]

    async def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Home:
    """One workspace with a user and an account on the simulated exchange, in a database."""

    workspace_id: WorkspaceId
    user_id: UserId
    account: AccountRef


async def make_home(engine: AsyncEngine, ids: Ids, clock: Clock, uid: str = "1") -> Home:
    workspace_id, user_id = WorkspaceId(ids.new()), UserId(ids.new())
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO workspaces (id, name, created_at) VALUES (:id, 'Home', :now)"),
            {"id": workspace_id, "now": clock.now()},
        )
        account_id = await create_sim_account(connection, workspace_id=workspace_id, uid=uid, now=clock.now(), ids=ids)
    return Home(workspace_id, user_id, AccountRef(account_id, workspace_id, "sim", uid))


class PostgresWorld:
    def __init__(self, engine: AsyncEngine, home: Home, listener: psycopg.AsyncConnection[Any]) -> None:
        self._engine = engine
        self._home = home
        self._listener = listener
        self._notified: list[int] = []
        self._clock = SystemClock()
        self._ids = SystemIds()
        self.journal: Journal = PostgresJournal(engine, home.account, clock=self._clock, ids=self._ids)

    @classmethod
    async def open(cls, engine: AsyncEngine, url: str) -> PostgresWorld:
        home = await make_home(engine, SystemIds(), SystemClock(), uid=str(SystemIds().new()))
        listener = await psycopg.AsyncConnection.connect(url, autocommit=True)
        await listener.execute("LISTEN account_events")
        return cls(engine, home, listener)

    @property
    def guard_reads(self) -> GuardReads:
        return PostgresGuardReads(self._engine, self._home.account)

    @property
    def account_id(self) -> AccountId:
        return self._home.account.id

    async def claimed(self) -> Journal:
        async with self._engine.begin() as connection:
            epoch = await connection.scalar(
                text(
                    "WITH somebody AS (INSERT INTO worker (id, host, process, version, capacity, began_at, beat)"
                    " VALUES (:worker, '', '', '', 1, now(), now()) RETURNING id)"
                    " INSERT INTO account_owner SELECT :account, id, 1, now() FROM somebody"
                    " ON CONFLICT (account_id) DO UPDATE SET owner = excluded.owner, epoch = account_owner.epoch + 1"
                    " RETURNING epoch"
                ),
                {"worker": self._ids.new(), "account": self.account_id},
            )
        return PostgresJournal(self._engine, replace(self._home.account, epoch=epoch), clock=self._clock, ids=self._ids)

    def new_place(self, **changes: Any) -> PlaceBody:
        return _place_body(self._ids, changes)

    @asynccontextmanager
    async def _asker(self) -> AsyncIterator[Asker]:
        async with self._engine.begin() as connection:
            yield Asker(
                connection=connection,
                workspace_id=self._home.workspace_id,
                account_id=self.account_id,
                user_id=self._home.user_id,
                ip=None,
                clock=self._clock,
                ids=self._ids,
            )

    def _new_id(self) -> IntentId:
        return IntentId(self._ids.new())

    async def place(self, **changes: Any) -> IntentId:
        async with self._asker() as asker:
            return (await submit_place(asker, self.new_place(**changes), _VIEW)).intent_id

    async def cancel(self, target_id: UUID) -> IntentId:
        async with self._asker() as asker:
            return (await submit_cancel(asker, CancelBody(id=self._new_id(), order_id=OrderId(target_id)))).intent_id

    async def amend(self, target_id: UUID, **change: Decimal) -> IntentId:
        body = AmendBody(id=self._new_id(), order_id=OrderId(target_id), change=OrderChange(**change))
        async with self._asker() as asker:
            return (await submit_amend(asker, body, _VIEW)).intent_id

    async def leverage(self, leverage: str) -> IntentId:
        body = LeverageBody(id=self._new_id(), category="linear", symbol="BTCUSDT", leverage=Decimal(leverage))
        async with self._asker() as asker:
            return (await submit_leverage(asker, body, _VIEW)).intent_id

    async def position_mode(self, *, hedge: bool) -> IntentId:
        body = PositionModeBody(id=self._new_id(), category="linear", symbol="BTCUSDT", hedge=hedge)
        async with self._asker() as asker:
            return (await submit_position_mode(asker, body, _VIEW)).intent_id

    async def margin_mode(self, mode: MarginMode) -> IntentId:
        async with self._asker() as asker:
            return (await submit_margin_mode(asker, MarginModeBody(id=self._new_id(), mode=mode))).intent_id

    async def hedged(self, symbol: str) -> bool | None:
        rows = await self._rows(
            "SELECT hedge FROM symbol_modes WHERE account_id = :account AND category = 'linear' AND symbol = :symbol",
            symbol=symbol,
        )
        return rows[0][0] if rows else None

    async def legs_of_fills(self) -> dict[str, int]:
        rows = await self._rows("SELECT exec_id, position_index FROM executions WHERE account_id = :account")
        return dict(rows)

    async def exits(self, **exits: Any) -> IntentId:
        body = ExitsBody(id=self._new_id(), category="linear", symbol="BTCUSDT", exits=PositionExits(**exits))
        async with self._asker() as asker:
            return (await submit_exits(asker, body, _VIEW)).intent_id

    async def reverse(self) -> IntentId:
        ((side, size),) = await self._rows("SELECT side, size FROM positions WHERE account_id = :account")
        body = ReverseBody(id=self._new_id(), category="linear", symbol="BTCUSDT", side=side, size=size)
        async with self._asker() as asker:
            return (await submit_reverse(asker, body, _VIEW)).intent_id

    async def make_report_due(self, intent_id: IntentId) -> None:
        async with self._engine.begin() as connection:
            for table in ("intents", "orders"):
                await connection.execute(
                    text(f"UPDATE {table} SET updated_at = updated_at - CAST(:due AS interval) WHERE id = :id"),
                    {"id": intent_id, "due": REPORT_DUE},
                )

    async def begin_again(self, intent_id: IntentId) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO requests"
                    " (req_id, workspace_id, account_id, intent_id, kind, attempt, created_at, epoch)"
                    " SELECT :req, workspace_id, account_id, intent_id, kind, 2, created_at, epoch"
                    " FROM requests WHERE intent_id = :intent"
                ),
                {"req": uuid4(), "intent": intent_id},
            )

    async def make_overdue(self, intent_id: IntentId) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(
                text("UPDATE intents SET valid_until = clock_timestamp() WHERE id = :id"), {"id": intent_id}
            )

    async def _rows(self, sql: str, **parameters: Any) -> Sequence[Any]:
        async with self._engine.connect() as connection:
            return (await connection.execute(text(sql), {"account": self.account_id} | parameters)).all()

    async def state(self, intent_id: IntentId) -> str:
        return str((await self._rows("SELECT state FROM intents WHERE id = :id", id=intent_id))[0][0])

    async def reason(self, intent_id: IntentId) -> str | None:
        found = await self._rows("SELECT reason->>'code' FROM intents WHERE id = :id", id=intent_id)
        return None if found[0][0] is None else str(found[0][0])

    async def requests(self, intent_id: IntentId) -> list[tuple[int, str | None]]:
        rows = await self._rows(
            "SELECT attempt, outcome FROM requests WHERE intent_id = :id ORDER BY attempt", id=intent_id
        )
        return [(row[0], row[1]) for row in rows]

    async def order(self, exchange_order_id: str) -> tuple[UUID, IntentId | None, str, Decimal] | None:
        rows = await self._rows(
            "SELECT id, intent_id, state, filled_quantity FROM orders"
            " WHERE account_id = :account AND exchange_order_id = :order",
            order=exchange_order_id,
        )
        return tuple(rows[0]) if rows else None  # type: ignore[return-value]

    async def fills(self) -> dict[str, UUID | None]:
        rows = await self._rows("SELECT exec_id, order_id FROM executions WHERE account_id = :account")
        return {row[0]: row[1] for row in rows}

    async def size(self) -> Decimal | None:
        rows = await self._rows("SELECT size FROM positions WHERE account_id = :account AND symbol = 'BTCUSDT'")
        return rows[0][0] if rows else None

    async def stops(self) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
        rows = await self._rows(
            "SELECT take_profit, stop_loss, leverage FROM positions WHERE account_id = :account AND symbol = 'BTCUSDT'"
        )
        return tuple(rows[0])  # type: ignore[return-value]

    async def terms(self, exchange_order_id: str) -> tuple[Decimal, Decimal | None, Decimal | None, Decimal | None]:
        rows = await self._rows(
            "SELECT quantity, price, trigger_price, stop_loss FROM orders"
            " WHERE account_id = :account AND exchange_order_id = :order",
            order=exchange_order_id,
        )
        return tuple(rows[0])  # type: ignore[return-value]

    async def locked(self, coin: str) -> Decimal | None:
        rows = await self._rows("SELECT locked FROM balances WHERE account_id = :account AND coin = :coin", coin=coin)
        return rows[0][0] if rows else None

    async def reconciled(self) -> tuple[bool, str | None]:
        rows = await self._rows("SELECT reconciled_at IS NOT NULL, margin_mode FROM accounts WHERE id = :account")
        return rows[0][0], rows[0][1]

    async def symbol(self, symbol: str) -> tuple[Decimal | None, Decimal, bool] | None:
        rows = await self._rows(
            "SELECT leverage, taker_rate, fees_assumed FROM account_symbols"
            " WHERE account_id = :account AND category = 'linear' AND symbol = :symbol",
            symbol=symbol,
        )
        return tuple(rows[0]) if rows else None  # type: ignore[return-value]

    async def is_read_back(self, intent_id: IntentId) -> bool:
        return bool((await self._rows("SELECT applied_at IS NOT NULL FROM intents WHERE id = :id", id=intent_id))[0][0])

    async def wallet_balance(self) -> Decimal | None:
        rows = await self._rows("SELECT wallet_balance FROM balances WHERE account_id = :account AND coin = 'USDT'")
        return rows[0][0] if rows else None

    async def events(self) -> list[Told]:
        rows = await self._rows(
            "SELECT seq, kind, source, ref FROM account_events WHERE account_id = :account ORDER BY seq"
        )
        return [Told(row[0], row[1], row[2], row[3]) for row in rows]

    async def notifications(self) -> list[int]:
        async for notification in self._listener.notifies(timeout=0.05):
            account, _, seq = notification.payload.partition(":")
            if account == str(self.account_id):
                self._notified.append(int(seq))
        return list(self._notified)

    async def drifts(self) -> tuple[int, list[str]]:
        count = (await self._rows("SELECT drift_count FROM accounts WHERE id = :account"))[0][0]
        kinds = await self._rows(
            "SELECT payload->'drift'->>'kind' FROM account_events"
            " WHERE account_id = :account AND kind = 'drift' ORDER BY seq"
        )
        return count, [row[0] for row in kinds]

    async def close(self) -> None:
        await self._listener.close()
