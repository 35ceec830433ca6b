"""A workspace with members and an account on PostgreSQL, the account's real journal, and who follows it.

Lives here: `Place`. The events are those that the owner's own code writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.journal_worlds import Home, make_home
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.notify.centre import Whose, read_page
from tradewright.notify.following import Follower
from tradewright.notify.writing import Carry, carry_nothing
from tradewright.storage.bus import Bus
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.store import PostgresJournal


class ShiftedClock(SystemClock):
    """The real clock, whose seconds can be moved on."""

    def __init__(self) -> None:
        self.shift_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.shift_s

    def now(self) -> Any:
        return super().now() + timedelta(seconds=self.shift_s)


@dataclass(slots=True)
class Place:
    engine: AsyncEngine
    url: str
    home: Home
    journal: PostgresJournal
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    ids: SystemIds = field(default_factory=SystemIds)

    async def member(self, name: str, *, language: str = "en", workspace_id: WorkspaceId | None = None) -> Whose:
        user_id = UserId(uuid4())
        whose = Whose(workspace_id=workspace_id or self.home.workspace_id, user_id=user_id)
        async with self.engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO users (id, username, username_key, password_hash, language, is_operator, created_at)"
                    " VALUES (:id, :name, :name, 'x', :language, false, now())"
                ),
                {"id": user_id, "name": name, "language": language},
            )
            await connection.execute(
                text("INSERT INTO memberships (workspace_id, user_id, role) VALUES (:workspace, :user, 'trader')"),
                whose.values,
            )
        return whose

    def follower(self, carry: Carry = carry_nothing) -> Follower:
        return Follower(self.engine, Bus(self.url, rng=SystemRng()), self.clock, self.ids, carry=carry)

    async def follow(self, carry: Carry = carry_nothing) -> None:
        """As a process would that has just started."""
        follower = self.follower(carry)
        while await follower.catch_up():
            pass

    async def told(self, whose: Whose, **chosen: Any) -> list[dict[str, Any]]:
        async with self.engine.connect() as connection:
            return (await read_page(connection, whose, **chosen))[0]

    async def run(self, statement: str, **values: Any) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def scalar(self, statement: str, **values: Any) -> Any:
        async with self.engine.connect() as connection:
            return await connection.scalar(text(statement), values)


async def make_place(engine: AsyncEngine, url: str, uid: str = "1") -> Place:
    clock, ids = SystemClock(), SystemIds()
    home = await make_home(engine, ids, clock, uid=uid)
    return Place(engine, url, home, PostgresJournal(engine, home.account, clock=clock, ids=ids))


def kinds(told: Sequence[dict[str, Any]]) -> list[str]:
    """Oldest first."""
    return [each["kind"] for each in reversed(told)]


def listening(url: str, channel: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"LISTEN {channel}")
    return connection
