"""A workspace with an account on PostgreSQL, and the owner's journal beside the commands and queries of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contract.journal_worlds import BTC_RULES, Home, make_home
from sim.facts import order_report
from tradewright.core.errors import Trace
from tradewright.core.ids import AccountId, ExchangeOrderId, IntentId, OrderId, RequestId, WorkspaceId, link_id_of
from tradewright.core.instrument import Instrument
from tradewright.core.order import OrderState
from tradewright.core.rule_parts import Quotes
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import CancelBody, PlaceBody
from tradewright.trading.change_commands import submit_cancel
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_place
from tradewright.trading.journal import AnsweredAcknowledged
from tradewright.trading.model import Intent, SubmittedIntent
from tradewright.trading.store import PostgresJournal


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person sits: commands and reads of one account, and the owner who acts on them when told to."""

    engine: AsyncEngine
    home: Home
    journal: PostgresJournal

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.home.workspace_id

    @property
    def account_id(self) -> AccountId:
        return self.home.account.id

    def body(self, **changes: Any) -> PlaceBody:
        fields: dict[str, Any] = {
            "id": IntentId(uuid4()),
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "order_type": "Limit",
            "quantity": Decimal("0.50"),
            "price": Decimal("60000.0"),
            "time_in_force": "GTC",
            "reduce_only": False,
            "note": None,
        }
        return PlaceBody(**(fields | changes))

    @asynccontextmanager
    async def asker(self, workspace_id: WorkspaceId | None = None) -> AsyncIterator[Asker]:
        async with self.engine.begin() as connection:
            yield Asker(
                connection=connection,
                workspace_id=workspace_id or self.workspace_id,
                account_id=self.account_id,
                user_id=self.home.user_id,
                ip="127.0.0.1",
                clock=SystemClock(),
                ids=SystemIds(),
            )

    async def submit(
        self,
        body: PlaceBody,
        *,
        workspace_id: WorkspaceId | None = None,
        instrument: Instrument | None = BTC_RULES,
        reference_price: Decimal | None = None,
    ) -> SubmittedIntent:
        view = MarketView(instrument=instrument, quotes=Quotes(last=reference_price))
        async with self.asker(workspace_id) as asker:
            return await submit_place(asker, body, view)

    async def place(self, **changes: Any) -> IntentId:
        return (await self.submit(self.body(**changes))).intent_id

    async def cancel(self, order_id: UUID, intent_id: IntentId | None = None) -> IntentId:
        body = CancelBody(id=intent_id or IntentId(uuid4()), order_id=OrderId(order_id))
        async with self.asker() as asker:
            return (await submit_cancel(asker, body)).intent_id

    async def acknowledge(self, intent_id: IntentId, order_id: str = "x-1") -> Intent:
        """The owner sends it, and the exchange takes it."""
        intent = next(one for one in await self.journal.proposed() if one.id == intent_id)
        request = await self.journal.open_request(intent, RequestId(uuid4()))
        assert request is not None
        await self.journal.answer(intent, request, AnsweredAcknowledged(ExchangeOrderId(order_id), Trace()))
        return intent

    async def order(self, intent_id: IntentId, state: OrderState = "working", **changes: Any) -> None:
        """The exchange reports the order of an intent."""
        await self.journal.book([order_report(state, link_id=link_id_of(intent_id), **changes)], "stream")

    async def read(self, query: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Any:
        """A query of this workspace and account."""
        async with self.engine.connect() as connection:
            return await query(connection, self.workspace_id, self.account_id, *arguments, **named)

    async def count(self, table: str) -> int:
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")))


@asynccontextmanager
async def repeatable_read(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            yield connection


@pytest_asyncio.fixture
async def desk(engine: AsyncEngine) -> Desk:
    clock, ids = SystemClock(), SystemIds()
    home = await make_home(engine, ids, clock)
    return Desk(engine, home, PostgresJournal(engine, home.account, clock=clock, ids=ids))
