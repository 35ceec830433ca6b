"""How an account stands: its session's state, its modes, when it was last read whole, and what its symbols are set to.

Lives here: the writes of `accounts` and `account_symbols` that are not money, inside the owner's transaction.
Not here: positions and wallet (`holdings`), transactions and locking (`store`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.fault import Fault
from tradewright.core.order import AccountModes, SymbolMode
from tradewright.storage.engine import encode_json
from tradewright.trading import views
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef, SessionState, SymbolFacts


async def set_session(
    connection: AsyncConnection, account: AccountRef, state: SessionState, reason: Fault | None, events: EventWriter
) -> None:
    """The word of the session's owner on its state; told when it is another one."""
    updated = await connection.execute(
        text(
            "UPDATE accounts SET session_state = :state, session_reason = CAST(:reason AS jsonb),"
            " session_since = clock_timestamp(), session_epoch = :epoch WHERE id = :account"
            " AND (session_state, coalesce(session_reason, 'null'), session_epoch)"
            " <> (:state, coalesce(CAST(:reason AS jsonb), 'null'), :epoch) RETURNING *"
        ),
        {
            "state": state,
            "reason": None if reason is None else encode_json(reason.as_json()),
            "account": account.id,
            "epoch": account.epoch,
        },
    )
    row = updated.mappings().one_or_none()
    if row is not None:
        events.add("session", {"kind": "session", "account": views.account_view(row)})


async def note_reconciled(
    connection: AsyncConnection, account: AccountRef, began_at: datetime, modes: AccountModes, events: EventWriter
) -> None:
    """That everything was read is no event, or each quiet reconciliation would be one; another margin mode is."""
    await connection.execute(
        text("UPDATE accounts SET reconciled_at = greatest(reconciled_at, :began) WHERE id = :account"),
        {"began": began_at, "account": account.id},
    )
    events.hint()
    await book_modes(connection, account, modes, events)


async def book_modes(
    connection: AsyncConnection, account: AccountRef, modes: AccountModes, events: EventWriter
) -> None:
    """The account's margin mode as the exchange says it; told when it is another one."""
    updated = await connection.execute(
        text(
            "UPDATE accounts SET margin_mode = :mode WHERE id = :account AND margin_mode IS DISTINCT FROM :mode"
            " RETURNING *"
        ),
        {"mode": modes.margin_mode, "account": account.id},
    )
    await _tell(updated.mappings().one_or_none(), events)


async def book_symbol_mode(
    connection: AsyncConnection, account: AccountRef, mode: SymbolMode, events: EventWriter
) -> None:
    """Whether two legs of a contract are held; the account is told when of another number of symbols they are."""
    key = {"account": account.id, "category": mode.instrument.category, "symbol": mode.instrument.symbol}
    written = await connection.execute(
        text(
            "INSERT INTO symbol_modes AS m (account_id, category, symbol, workspace_id, hedge)"
            " VALUES (:account, :category, :symbol, :workspace, :hedge)"
            " ON CONFLICT (account_id, category, symbol) DO UPDATE SET hedge = excluded.hedge"
            " WHERE m.hedge <> excluded.hedge"
        ),
        {**key, "workspace": account.workspace_id, "hedge": mode.hedge},
    )
    if not written.rowcount:
        return
    updated = await connection.execute(
        text(
            "UPDATE accounts a SET hedged_count = s.hedged FROM (SELECT count(*) AS hedged FROM symbol_modes"
            " WHERE account_id = :account AND hedge) s WHERE a.id = :account AND a.hedged_count <> s.hedged"
            " RETURNING a.*"
        ),
        {"account": account.id},
    )
    await _tell(updated.mappings().one_or_none(), events)


async def _tell(row: views.Row | None, events: EventWriter) -> None:
    if row is not None:
        events.add("session", {"kind": "session", "account": views.account_view(row)})


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
