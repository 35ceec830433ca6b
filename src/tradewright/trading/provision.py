"""Making accounts, waking them and letting them rest: the one on the built-in simulated exchange, and those of
connections.

Not here: the check of a key (`connections`), the session of an account (`session`). One that rests keeps its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.connections.model import AccountHeld
from tradewright.core.clock import Ids
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.instrument import Category
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


async def connect_account(
    connection: AsyncConnection,
    *,
    connection_id: UUID,
    workspace_id: WorkspaceId,
    environment: str,
    uid: str,
    name: str,
    categories: Sequence[Category],
    read_only: bool,
    now: datetime,
    ids: Ids,
) -> AccountId | None:
    """The account of a connection whose key was found good: made, or woken with the rows it had under an earlier key.
    `read_only`: the key may only read, so nothing is sent for the account.

    None when the exchange account is another connection's, or was another workspace's, whose rows nobody here may see.
    The worker opens its session once the caller commits. Raises `AccountHeld` while an acceptance uses the account.
    """
    statement = text(
        "INSERT INTO accounts"
        " (id, workspace_id, name, environment, uid, connection_id, categories, read_only, created_at, session_since)"
        " VALUES (:id, :workspace, :name, :environment, :uid, :connection, :categories, :read_only, :now, :now)"
        " ON CONFLICT (environment, uid) DO UPDATE"
        " SET name = excluded.name, connection_id = excluded.connection_id, categories = excluded.categories,"
        "     read_only = excluded.read_only,"
        "     resting = false, stopped = NULL"  # the key was checked again and found good
        " WHERE accounts.workspace_id = excluded.workspace_id"
        "   AND (accounts.resting OR accounts.connection_id = excluded.connection_id)"
        " RETURNING id"
    ).bindparams(bindparam("categories", type_=JSONB))
    values = {
        "id": ids.new(),
        "workspace": workspace_id,
        "name": name,
        "environment": environment,
        "uid": uid,
        "connection": connection_id,
        "categories": list(categories),
        "read_only": read_only,
        "now": now,
    }
    found = (await connection.execute(statement, values)).scalar()
    if found is None:
        return None
    # After the row is ours: an acceptance that began meanwhile has the lock, and the caller's transaction undoes this.
    if not await connection.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": held_name(AccountId(found))}
    ):
        raise AccountHeld(f"an acceptance uses the account {found} now; its key is checked again afterwards")
    await notify(connection, ACCOUNTS_CHANNEL, str(found))
    return AccountId(found)


def held_name(account_id: AccountId) -> str:
    """Hashed, the advisory lock that is held by who uses an account while its session rests."""
    return f"acceptance:{account_id}"


async def wake_account(connection: AsyncConnection, account_id: AccountId, connection_id: UUID) -> bool:
    """Ends the rest of a connection's account; False, and it rests on, when the connection was removed or refused.

    The connection's row is held until the caller commits, so that neither can come in between.
    """
    state = await connection.scalar(
        text("SELECT state FROM connections WHERE id = :id AND account_id = :account FOR SHARE"),
        {"id": connection_id, "account": account_id},
    )
    if state not in ("ok", "checking"):
        return False
    await connection.execute(text("UPDATE accounts SET resting = false WHERE id = :id"), {"id": account_id})
    await notify(connection, ACCOUNTS_CHANNEL, str(account_id))
    return True


async def reroute_account(connection: AsyncConnection, account_id: AccountId) -> None:
    """The way to it changed: its session is opened anew on the new one once the caller commits."""
    await connection.execute(text("UPDATE accounts SET way = way + 1 WHERE id = :id"), {"id": account_id})
    await notify(connection, ACCOUNTS_CHANNEL, str(account_id))


async def rename_account(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, name: str
) -> None:
    await connection.execute(
        text("UPDATE accounts SET name = :name WHERE id = :id AND workspace_id = :workspace"),
        {"name": name, "id": account_id, "workspace": workspace_id},
    )


async def rest_account_of(connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID) -> None:
    """Its session ends once the caller commits; what it knew stays."""
    found = await connection.execute(
        text(
            "UPDATE accounts SET resting = true WHERE connection_id = :connection AND workspace_id = :workspace"
            " RETURNING id"
        ),
        {"connection": connection_id, "workspace": workspace_id},
    )
    for row in found:
        await notify(connection, ACCOUNTS_CHANNEL, str(row.id))


async def follow_sim_market(connection: AsyncConnection, *, uid: str, name: str, now: datetime, ids: Ids) -> None:
    """Another simulated market runs: its own account wakes, or is made, and those of other markets rest. Accounts of it
    that were connected by a key are left as they are.

    Nothing happens before the first user has claimed the installation: the claim makes the first account.
    """
    await connection.execute(
        text("UPDATE accounts SET resting = (uid <> :uid) WHERE environment = 'sim' AND connection_id IS NULL"),
        {"uid": uid},
    )
    found = await connection.execute(
        text(
            "SELECT workspace_id FROM accounts WHERE environment = 'sim' AND connection_id IS NULL"
            " GROUP BY workspace_id"
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
