"""What an account's owner notes of it beside its events: the request budget, and the stop after a refusal of the key.

Lives here: `PostgresNotes`, a `BudgetKeeper` and a `StopKeeper` on PostgreSQL, and the JSON that is kept.
Not here: when it is noted (`budgets`, `stops`), the owner's other writes (`store`, `standing`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.exchange.ports import RateBudget
from tradewright.storage.engine import encode_json, reading
from tradewright.trading import views
from tradewright.trading.at_once import TELL_BUDGET, AtOnce
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef
from tradewright.trading.stops import Stop

_AWAY = (SQLAlchemyError, OSError)

log = structlog.get_logger(__name__)


class PostgresNotes:
    """Of one account. A database that is away is logged and answered with False; a newer owner is raised
    (`Dispossessed`)."""

    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._engine = engine
        self._account = account
        self._at_once = AtOnce(engine, account)

    async def tell(self, budget: RateBudget) -> bool:
        try:
            await self._at_once.ask(TELL_BUDGET, budget=encode_json(budget_json(budget)))
        except _AWAY as error:
            return self._away("budget.untold", error)
        return True

    async def read(self) -> tuple[bool, Stop | None]:
        try:
            async with reading(self._engine) as connection:
                kept = await connection.scalar(
                    text("SELECT stopped FROM accounts WHERE id = :account"), {"account": self._account.id}
                )
        except _AWAY as error:
            return self._away("stop.unread", error), None
        return True, None if kept is None else _stop_of(kept)

    async def write(self, stop: Stop) -> bool:
        kept = {
            "exchange_code": stop.exchange_code,
            "exchange_text": stop.exchange_text or None,
            "since_ms": milliseconds(stop.at),
        }
        return await self._say("UPDATE accounts SET stopped = CAST(:kept AS jsonb)", {"kept": encode_json(kept)})

    async def tell_lifted(self) -> bool:
        return await self._say("UPDATE accounts SET stopped = NULL", {})

    async def _say(self, update: str, values: dict[str, Any]) -> bool:
        """Writes it and tells it as an event of the account's standing."""
        try:
            async with self._transaction() as (connection, events):
                updated = await connection.execute(
                    text(f"{update} WHERE id = :account RETURNING *"), {**values, "account": self._account.id}
                )
                row = updated.mappings().one()
                events.add("session", {"kind": "session", "account": views.account_view(row)})
        except _AWAY as error:
            return self._away("stop.unwritten", error)
        return True

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[AsyncConnection, EventWriter]]:
        async with self._engine.begin() as connection:
            events = EventWriter(connection, self._account, "owner")
            yield connection, events
            await events.flush()

    def _away(self, event: str, error: BaseException) -> bool:
        log.warning(event, account_id=str(self._account.id), error=type(error).__name__)
        return False


def budget_json(budget: RateBudget) -> dict[str, Any]:
    """As it is kept and shown: moments in Unix ms."""
    return {
        "endpoints": [
            {
                "path": use.path,
                "used": use.used,
                "limit": use.limit,
                "waiting": use.waiting,
                "is_closed": use.is_closed,
                "resets_ms": milliseconds(use.resets_at),
            }
            for use in budget.endpoints
        ],
        "address_used": budget.address_used,
        "address_limit": budget.address_limit,
        "silent_until_ms": None if budget.silent_until is None else milliseconds(budget.silent_until),
    }


def _stop_of(kept: dict[str, Any]) -> Stop:
    return Stop(kept["exchange_code"], kept["exchange_text"] or "", from_milliseconds(kept["since_ms"]))
