"""Workspaces with accounts, strategies and bots in a real database, made by the commands themselves.

Lives here: `Desk`, one person in one workspace with one account. Not here: the API (`integration/web/kit`), the loop of
a run.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from integration.web.kit import instrument
from tradewright.bots.admission import Slots
from tradewright.bots.commands import create_bot
from tradewright.bots.deeds import Actor
from tradewright.bots.model import BotSettings, Limits
from tradewright.bots.start_facts import read_start_facts
from tradewright.bots.starting import Looked, NewRun, start_run
from tradewright.bots.strategies import NewSpec, save_strategy
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.identity.quota_model import USUAL
from tradewright.strategy.check import Checked, check_text
from tradewright.strategy.templates import template_text
from tradewright.system import SystemClock, SystemIds

IDS = SystemIds()
SPEC = template_text("ema_cross")
SLOTS = Slots(defaults=USUAL)


@cache
def checked(spec: str = SPEC) -> Checked:
    found = check_text(spec)
    assert found.strategy is not None, found.errors
    return found


@dataclass(slots=True)
class Desk:
    """`version_id` is that of its one kept strategy."""

    engine: AsyncEngine
    workspace_id: WorkspaceId
    user_id: UserId
    account_id: AccountId
    version_id: UUID = field(default_factory=IDS.new)

    @property
    def actor(self) -> Actor:
        return Actor(workspace_id=self.workspace_id, user_id=self.user_id, ip="127.0.0.1", clock=SystemClock(), ids=IDS)

    def settings(self, **changed: Any) -> BotSettings:
        usual = BotSettings(
            spec_version_id=self.version_id,
            account_id=self.account_id,
            category="linear",
            symbol="BTCUSDT",
            capital=Decimal(1_000),
            limits=Limits(max_loss=Decimal(50)),
            duration_ms=3_600_000,
            at_end="close",
        )
        return replace(usual, **changed)

    async def add_bot(self, name: str | None = None, **changed: Any) -> UUID:
        bot_id = IDS.new()
        async with self.engine.begin() as connection:
            await create_bot(connection, self.actor, bot_id, name or f"Bot {bot_id}", self.settings(**changed))
        return bot_id

    async def start(self, bot_id: UUID, *, slots: Slots = SLOTS, **said: Any) -> UUID:
        """Starts the bot's first version, or whichever `number` says; the run's id."""
        new = NewRun(id=said.pop("id", None) or IDS.new(), bot_id=bot_id, number=said.pop("number", 1), **said)
        async with self.engine.begin() as connection:
            await self.start_in(connection, new, slots=slots)
        return new.id

    async def start_in(
        self,
        connection: AsyncConnection,
        new: NewRun,
        *,
        slots: Slots = SLOTS,
        spec: str = SPEC,
        real_trading: bool = False,
        listed: bool = True,
    ) -> None:
        facts = await read_start_facts(connection, self.workspace_id, new.bot_id, real_trading=real_trading)
        found = instrument(facts.settings.symbol, facts.settings.category) if listed else None
        looked = (
            Looked(facts=facts, checked=check_text(spec), instrument=found)
            if spec != SPEC
            else Looked(facts=facts, checked=checked(), instrument=found)
        )
        await start_run(connection, self.actor, new, looked, slots=slots, real_trading=real_trading)

    async def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """Rows of a statement about this workspace (`:workspace`)."""
        async with self.engine.connect() as connection:
            return (await connection.execute(text(statement), {"workspace": self.workspace_id, **values})).all()

    async def do(self, statement: str, **values: Any) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), {"workspace": self.workspace_id, **values})


async def new_desk(engine: AsyncEngine, *, environment: str = "sim", workspace: Desk | None = None) -> Desk:
    """A person with an account and a kept strategy: in a workspace of their own, or beside another in theirs."""
    user_id, account_id = UserId(IDS.new()), AccountId(IDS.new())
    workspace_id = WorkspaceId(IDS.new()) if workspace is None else workspace.workspace_id
    now, name = datetime.now(UTC), secrets.token_hex(6)
    async with engine.begin() as connection:
        if workspace is None:
            await connection.execute(
                text("INSERT INTO workspaces (id, name, created_at) VALUES (:id, :name, :now)"),
                {"id": workspace_id, "name": name, "now": now},
            )
        await connection.execute(
            text(
                "INSERT INTO users (id, username, username_key, password_hash, language, is_operator, created_at)"
                " VALUES (:id, :name, :name, '-', 'en', false, :now)"
            ),
            {"id": user_id, "name": name, "now": now},
        )
        await connection.execute(
            text("INSERT INTO memberships (workspace_id, user_id, role) VALUES (:workspace, :user, 'owner')"),
            {"workspace": workspace_id, "user": user_id},
        )
        await connection.execute(
            text(
                "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since,"
                " session_state, total_equity) VALUES (:id, :workspace, :name, :environment, :name, :now, :now,"
                " 'ready', 10000)"
            ),
            {"id": account_id, "workspace": workspace_id, "name": name, "environment": environment, "now": now},
        )
        desk = Desk(engine, workspace_id, user_id, account_id)
        strategy = checked().strategy
        assert strategy is not None
        spec = NewSpec(
            version_id=desk.version_id,
            text=SPEC,
            sha256=strategy.sha256,
            spec_name=strategy.name,
            author="template",
        )
        await save_strategy(connection, desk.actor, IDS.new(), "EMA cross", spec)
    return desk
