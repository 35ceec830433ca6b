"""How an account stands: its session's state, its modes, when it was last read whole, and what its symbols are set to.

Lives here: the writes of `accounts` and `account_symbols` that are not money, inside the owner's transaction.
Not here: positions and wallet (`holdings`), transactions and locking (`store`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.fault import Fault
from tradewright.core.order import AccountModes
from tradewright.storage.engine import encode_json
from tradewright.trading import views
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef, SessionState, SymbolFacts
from tradewright.trading.ownership import OWNER


async def set_session(
    connection: AsyncConnection, account: AccountRef, state: SessionState, reason: Fault | None, events: EventWriter
) -> None:
    """The word of the session's owner on its state; told when it is another one."""
    updated = await connection.execute(
        text(
            "UPDATE accounts SET session_state = :state, session_reason = CAST(:reason AS jsonb),"  # noqa: S608
            f" session_since = clock_timestamp(), session_owner = {OWNER} WHERE id = :account"
            f" AND (session_state, coalesce(session_reason, 'null'), coalesce(session_owner, 0))"
            f" <> (:state, coalesce(CAST(:reason AS jsonb), 'null'), coalesce({OWNER}, 0)) RETURNING *"
        ),
        {
            "state": state,
            "reason": None if reason is None else encode_json(reason.as_json()),
            "account": account.id,
        },
    )
    row = updated.mappings().one_or_none()
    if row is not None:
        events.add("session", {"kind": "session", "account": views.account_view(row)})


async def note_reconciled(
    connection: AsyncConnection, account: AccountRef, began_at: datetime, modes: AccountModes, events: EventWriter
) -> None:
    """That everything was read is no event, or each quiet reconciliation would be one; another margin mode is."""
    before = await connection.scalar(
        text("SELECT margin_mode FROM accounts WHERE id = :account"), {"account": account.id}
    )
    updated = await connection.execute(
        text(
            "UPDATE accounts SET reconciled_at = greatest(reconciled_at, :began), margin_mode = :mode"
            " WHERE id = :account RETURNING *"
        ),
        {"began": began_at, "mode": modes.margin_mode, "account": account.id},
    )
    row = updated.mappings().one()
    if before != modes.margin_mode:
        events.add("session", {"kind": "session", "account": views.account_view(row)})
    else:
        events.hint()


async def note_symbol(connection: AsyncConnection, account: AccountRef, facts: SymbolFacts) -> None:
    await connection.execute(
        text(
            "INSERT INTO account_symbols (account_id, category, symbol, workspace_id, leverage, maker_rate, taker_rate,"
            " fees_assumed, read_at) VALUES (:account, :category, :symbol, :workspace, :leverage, :maker, :taker,"
            " :assumed, clock_timestamp()) ON CONFLICT (account_id, category, symbol) DO UPDATE SET"
            " leverage = excluded.leverage, maker_rate = excluded.maker_rate, taker_rate = excluded.taker_rate,"
            " fees_assumed = excluded.fees_assumed, read_at = excluded.read_at"
        ),
        {
            "account": account.id,
            "category": facts.instrument.category,
            "symbol": facts.instrument.symbol,
            "workspace": account.workspace_id,
            "leverage": facts.leverage,
            "maker": facts.rates.maker,
            "taker": facts.rates.taker,
            "assumed": facts.rates.assumed,
        },
    )
