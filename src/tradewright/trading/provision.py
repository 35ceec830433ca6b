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
    connection: AsyncConnection, *, workspace_id: WorkspaceId, uid: str, now: datetime, ids: Ids
) -> AccountId:
    """The workspace's account on the simulated exchange; the worker opens its session once the caller commits."""
    account_id = AccountId(ids.new())
    await connection.execute(
        text(
            "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
            " VALUES (:id, :workspace, 'Simulated', 'sim', :uid, :now, :now)"
        ),
        {"id": account_id, "workspace": workspace_id, "uid": uid, "now": now},
    )
    await notify(connection, ACCOUNTS_CHANNEL, str(account_id))
    return account_id
