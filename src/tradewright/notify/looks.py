"""Facts that no event tells, because they are made by time: found by looking again and again.

Lives here: `Looks`: orders of which nothing is known for a minute, links that stay away, kills. Not here: the journal
(`following`). Other rooms bring theirs as `Look`s: a run that ended, a bot that is silent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock, Ids, milliseconds
from tradewright.core.ids import WorkspaceId
from tradewright.notify.model import AccountOf, Fact
from tradewright.notify.writing import Carry, carry_nothing, write_facts
from tradewright.trading.ownership import ACCOUNTS

log = structlog.get_logger(__name__)

EVERY_S = 2.0
LOST_AFTER_S = 5.0
START_S = 30.0  # an installation that has just started is not one whose links are lost
_READ_MAX = 500

# What there is to tell now, read in the transaction that writes it. It may say the same again: sources tell them apart.
Look = Callable[[AsyncConnection], Awaitable[Sequence[Fact]]]

_UNKNOWN = text(
    "SELECT i.id, i.kind AS asked, i.category, i.symbol, i.side, i.target_id, i.updated_at, a.id AS account_id,"
    " a.workspace_id, a.name, a.environment FROM intents i JOIN accounts a ON a.id = i.account_id"
    " WHERE i.state = 'unknown' AND i.updated_at < clock_timestamp() - interval '60 seconds'"
    " AND i.updated_at > clock_timestamp() - interval '7 days' ORDER BY i.updated_at LIMIT :most"
)
# A latch names a workspace, or the whole installation; a released one is told for an hour.
_KILLS = text(
    "SELECT k.id, k.scope, k.close_positions, k.pulled_at, k.released_at, w.id AS workspace_id, a.name AS account"
    " FROM kill_latches k JOIN workspaces w ON k.workspace_id IS NULL OR w.id = k.workspace_id"
    " LEFT JOIN accounts a ON k.scope = 'account' AND a.id = k.scope_id AND a.workspace_id = w.id"
    " WHERE k.released_at IS NULL AND k.pulled_at > clock_timestamp() - interval '7 days'"
    " OR k.released_at > clock_timestamp() - interval '1 hour' ORDER BY k.pulled_at LIMIT :most"
)
_LINKS = text(
    f"SELECT a.id, a.workspace_id, a.name, a.environment, a.session_state, a.session_reason,"  # noqa: S608
    f" l.lost_at, clock_timestamp() AS now FROM ({ACCOUNTS}) a LEFT JOIN lost_links l ON l.account_id = a.id"
    " WHERE NOT a.resting ORDER BY a.id"
)
_LOST = text(
    "INSERT INTO lost_links (account_id, workspace_id, lost_at) VALUES (:account, :workspace, :at)"
    " ON CONFLICT DO NOTHING"
)
_BACK = text("DELETE FROM lost_links WHERE account_id = :account AND workspace_id = :workspace")


async def unknown_orders(connection: AsyncConnection) -> Sequence[Fact]:
    """Of what was sent a minute ago nobody knows whether it arrived."""
    found = await connection.execute(_UNKNOWN, {"most": _READ_MAX})
    return [_unknown(row) for row in found.mappings()]


def _unknown(row: RowMapping) -> Fact:
    account = _account(row, "account_id")
    named = {name: str(row[name]) for name in ("category", "symbol", "side", "asked") if row[name] is not None}
    order = row["id"] if row["target_id"] is None else row["target_id"]
    return Fact(
        source=f"unknown:{row['id']}",
        workspace_id=account.workspace_id,
        kind="order_unknown",
        at=row["updated_at"],
        params=account.params | named,
        merge_key=f"unknown:{row['id']}",
        link=account.link("order", order_id=str(order)),
    )


async def kills(connection: AsyncConnection) -> Sequence[Fact]:
    """Kill switches that were pulled, and released."""
    found = await connection.execute(_KILLS, {"most": _READ_MAX})
    return [fact for row in found.mappings() for fact in _kill(row)]


def _kill(row: RowMapping) -> list[Fact]:
    told = {"scope": str(row["scope"]), "closes": "yes" if row["close_positions"] else "no"}
    if row["account"] is not None:
        told["account"] = str(row["account"])

    def fact(kind: Any, at: datetime) -> Fact:
        return Fact(
            source=f"{kind}:{row['id']}",
            workspace_id=WorkspaceId(row["workspace_id"]),
            kind=kind,
            at=at,
            params=told,
            merge_key=f"{kind}:{row['id']}",
            link={"kind": "kill"},
        )

    facts = [fact("kill", row["pulled_at"])]
    if row["released_at"] is not None:
        facts.append(fact("kill_released", row["released_at"]))
    return facts


class Links:
    """Accounts that are not ready for a while, and ready again. That it was told is kept, so that after a restart of
    this process the return is told, and the loss not twice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._from_s = clock.monotonic() + START_S
        self._away_s: dict[UUID, float] = {}

    async def look(self, connection: AsyncConnection) -> Sequence[Fact]:
        now_s = self._clock.monotonic()
        facts = []
        found = await connection.execute(_LINKS)
        for row in found.mappings().all():
            account = _account(row, "id")
            key = {"account": account.id, "workspace": account.workspace_id}
            if row["session_state"] in ("ready", "closed"):
                self._away_s.pop(account.id, None)
                if row["lost_at"] is not None:
                    await connection.execute(_BACK, key)
                    if row["session_state"] == "ready":
                        facts.append(_restored(account, row))
                continue
            since_s = self._away_s.setdefault(account.id, now_s)
            if row["lost_at"] is None and now_s >= self._from_s and now_s - since_s >= LOST_AFTER_S:
                await connection.execute(_LOST, {**key, "at": row["now"]})
                facts.append(_lost(account, row))
        return facts


def _lost(account: AccountOf, row: RowMapping) -> Fact:
    reason = row["session_reason"]
    return Fact(
        source=f"link_lost:{account.id}:{milliseconds(row['now'])}",
        workspace_id=account.workspace_id,
        kind="link_lost",
        at=row["now"],
        params=account.params | {"state": row["session_state"], "code": "" if reason is None else str(reason["code"])},
        merge_key=f"link_lost:{account.id}",
        link=account.link("account"),
    )


def _restored(account: AccountOf, row: RowMapping) -> Fact:
    away_s = int((row["now"] - row["lost_at"]).total_seconds() + LOST_AFTER_S)
    return Fact(
        source=f"link_restored:{account.id}:{milliseconds(row['lost_at'])}",
        workspace_id=account.workspace_id,
        kind="link_restored",
        at=row["now"],
        params=account.params | {"away_s": str(away_s)},
        merge_key=f"link_restored:{account.id}",
        link=account.link("account"),
    )


class Looks:
    def __init__(
        self, engine: AsyncEngine, clock: Clock, ids: Ids, looks: Sequence[Look], *, carry: Carry = carry_nothing
    ) -> None:
        self._engine, self._clock, self._ids, self._looks, self._carry = engine, clock, ids, looks, carry

    async def run(self) -> None:
        """Until cancelled; each look has a transaction of its own, and one that fails is tried again."""
        while True:
            for look in self._looks:
                try:
                    await self.once(look)
                except (TimeoutError, SQLAlchemyError, OSError) as error:
                    log.warning("notify.look_failed", error=type(error).__name__)
            await self._clock.sleep(EVERY_S)

    async def once(self, look: Look) -> None:
        async with self._engine.begin() as connection:
            await write_facts(connection, await look(connection), self._ids, self._carry)


def _account(row: RowMapping, id_column: str) -> AccountOf:
    return AccountOf(
        id=row[id_column],
        workspace_id=WorkspaceId(row["workspace_id"]),
        name=row["name"],
        environment=row["environment"],
    )
