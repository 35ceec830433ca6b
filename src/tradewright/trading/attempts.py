"""The rows of requests: one for each attempt to send an intent, committed before the first byte leaves.

Lives here: opening, closing and counting them, inside the caller's transaction. Not here: what an answer means for the
intent (`store`), sending (`submission`).
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import Trace
from tradewright.core.ids import RequestId
from tradewright.trading.journal import OpenedRequest
from tradewright.trading.model import AccountRef, Intent


async def open_attempt(connection: AsyncConnection, account: AccountRef, intent: Intent, req_id: RequestId) -> int:
    """The number of the new attempt, from 1."""
    attempt: int = await connection.scalar(
        text(
            "INSERT INTO requests (req_id, workspace_id, account_id, intent_id, kind, attempt, created_at, epoch)"
            " SELECT :req, :workspace, :account, :intent, :kind, coalesce(max(attempt), 0) + 1,"
            " clock_timestamp(), :epoch FROM requests WHERE account_id = :account AND intent_id = :intent"
            " RETURNING attempt"
        ),
        {
            "req": req_id,
            "workspace": account.workspace_id,
            "account": account.id,
            "intent": intent.id,
            "kind": intent.kind,
            "epoch": account.epoch,
        },
    )
    return attempt


async def close_attempt(
    connection: AsyncConnection, account: AccountRef, request: OpenedRequest, outcome: str, trace: Trace
) -> None:
    """Writes down how the request ended, once: what follows from it later changes the intent alone."""
    await connection.execute(
        text(
            "UPDATE requests SET outcome = :outcome, signed_at = :signed, answered_at = :answered,"
            " http_status = :http, ret_code = :code, ret_msg = :message, trace_id = :trace"
            " WHERE account_id = :account AND req_id = :req AND outcome IS NULL"
        ),
        {
            "outcome": outcome,
            "signed": trace.signed_at,
            "answered": trace.answered_at,
            "http": trace.http_status,
            "code": trace.ret_code,
            "message": trace.ret_msg[:500],
            "trace": trace.trace_id[:100],
            "account": account.id,
            "req": request.req_id,
        },
    )


async def count_attempts(connection: AsyncConnection, account: AccountRef, intent: Intent) -> int:
    """How many were begun."""
    found: int = await connection.scalar(
        text("SELECT count(*) FROM requests WHERE account_id = :account AND intent_id = :intent"),
        {"account": account.id, "intent": intent.id},
    )
    return found
