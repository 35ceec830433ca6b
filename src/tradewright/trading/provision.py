"""Making the accounts that need no key from a person: the one on the built-in simulated exchange."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.storage.bus import notify

ACCOUNTS_CHANNEL = "accounts"


async def create_sim_account(
    connection: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    uid: str,
    now: datetime,
    ids: Ids,
    name: str = "Simulated",
) -> AccountId:
    """The workspace's account on the simulated exchange; the worker opens its session once the caller commits."""
    account_id = AccountId(ids.new())
    await connection.execute(
        text(
            "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
            " VALUES (:id, :workspace, :name, 'sim', :uid, :now, :now)"
        ),
        {"id": account_id, "workspace": workspace_id, "name": name, "uid": uid, "now": now},
    )
    await notify(connection, ACCOUNTS_CHANNEL, str(account_id))
    return account_id


async def follow_sim_market(connection: AsyncConnection, *, uid: str, name: str, now: datetime, ids: Ids) -> None:
    """Another simulated market runs: its account wakes, or is made, and those of other markets rest.

    Nothing happens before the first user has claimed the installation: the claim makes the first account.
    """
    await connection.execute(
        text("UPDATE accounts SET resting = (uid <> :uid) WHERE environment = 'sim'"), {"uid": uid}
    )
    found = await connection.execute(
        text(
            "SELECT workspace_id FROM accounts WHERE environment = 'sim' GROUP BY workspace_id"
            " HAVING NOT bool_or(uid = :uid) ORDER BY min(created_at) LIMIT 1"
        ),
        {"uid": uid},
    )
    row = found.first()
    known = await connection.scalar(
        text("SELECT 1 FROM accounts WHERE environment = 'sim' AND uid = :uid"), {"uid": uid}
    )
    if row is not None and known is None:
        await create_sim_account(connection, workspace_id=row.workspace_id, uid=uid, now=now, ids=ids, name=name)
