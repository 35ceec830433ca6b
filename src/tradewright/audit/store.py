"""The SQL of the audit trail: one insert.

The caller's transaction carries it, so a deed without its entry, or an entry without its deed, cannot be committed. The
database links it into its chain at the commit. The insert also notes its chain for that moment, so that a transaction
which writes several takes their heads in one order, as every other does.
"""

from __future__ import annotations

from sqlalchemy import case, func, insert, literal
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.chain import chain_of
from tradewright.audit.model import AuditEntry, acting_token
from tradewright.audit.tables import audit_entries

_NOTED = "tradewright.audit_chains"


async def record(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Write the entry inside the caller's transaction."""
    chain = literal(str(chain_of(entry.account_id, entry.workspace_id)))
    noted = func.coalesce(func.nullif(func.current_setting(_NOTED, True), ""), chain)
    await connection.execute(
        insert(audit_entries)
        .values(
            id=entry.id,
            workspace_id=entry.workspace_id,
            account_id=entry.account_id,
            at=entry.at,
            actor_kind=entry.actor_kind,
            actor_id=entry.actor_id,
            token_id=acting_token.get() if entry.actor_kind == "user" else None,
            action=entry.action,
            object_kind=entry.object_kind,
            object_id=entry.object_id,
            before=None if entry.before is None else dict(entry.before),
            after=None if entry.after is None else dict(entry.after),
            ip=entry.ip,
            outcome=entry.outcome,
        )
        .returning(
            func.set_config(_NOTED, case((func.strpos(noted, chain) > 0, noted), else_=noted + "," + chain), True)
        )
    )
