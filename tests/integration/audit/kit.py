"""Entries to write and a superuser to tamper with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tradewright.audit.links import Verified, verify_chains
from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.storage.engine import driver_url
from tradewright.system import SystemClock, SystemIds

_TABLES = ("audit_entries", "audit_links", "audit_heads")


def entry(account: UUID | None = None, workspace: UUID | None = None, **changes: Any) -> AuditEntry:
    fields: dict[str, Any] = {
        "id": SystemIds().new(),
        "at": SystemClock().now(),
        "actor_kind": "system",
        "action": "order.place",
        "object_kind": "order",
        "object_id": "an order",
        "outcome": "asked",
        "account_id": account,
        "workspace_id": workspace,
        "after": {"price": "60000.50", "note": "„ü\u2028\\\"'"},
    }
    return AuditEntry(**(fields | changes))


async def write(engine: AsyncEngine, *entries: AuditEntry) -> None:
    """In one transaction."""
    async with engine.begin() as connection:
        for each in entries:
            await record(connection, each)


async def verified(engine: AsyncEngine, exported: dict[UUID, dict[int, bytes]] | None = None) -> Verified:
    async with engine.connect() as connection:
        return await verify_chains(connection, exported or {})


@asynccontextmanager
async def tampering(superuser_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection of the database's owner of everything, on which nothing is refused; what it does is rolled back."""
    engine = create_async_engine(driver_url(superuser_url))
    try:
        async with engine.connect() as connection:
            for table in _TABLES:
                await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            yield connection
            await connection.rollback()
    finally:
        await engine.dispose()


async def all_at_once(engine: AsyncEngine, transactions: Sequence[Sequence[AuditEntry]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for entries in transactions:
            tasks.create_task(write(engine, *entries))


def superuser_of(postgres: Any, database_url: str) -> str:
    name = database_url.split("@/")[1].split("?")[0]
    return str(postgres.server.superuser_url()).replace("/postgres?", f"/{name}?")
