"""What an account's tables say of its exposure: read by a new owner before it sends, and by who shows a preview.

Lives here: `read_holdings`, in the caller's transaction. Not here: what follows from it (`exposure`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import AccountId, ExchangeOrderId, IntentId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import CoinBalance, Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.trading.fact_rows import execution_of
from tradewright.trading.intent_rows import INTENT_ROWS, intent_of_row
from tradewright.trading.model import AmendIntent, PlaceIntent
from tradewright.trading.risk.exposure import MINUTE_S, Holdings
from tradewright.trading.views import Row

_OPEN = "('sending', 'unknown')"


async def read_holdings(connection: AsyncConnection, account_id: AccountId) -> Holdings:
    """All of one moment, when the transaction is REPEATABLE READ."""
    return Holdings(
        orders=await _orders(connection, account_id),
        positions=await _positions(connection, account_id),
        fills=await _fills(connection, account_id),
        wallet=await _wallet(connection, account_id),
        intents=await _intents(connection, account_id),
        sent_ages_s=await _sent_ages_s(connection, account_id),
    )


async def _orders(connection: AsyncConnection, account_id: AccountId) -> Sequence[RemoteOrder]:
    found = await connection.execute(
        text(
            "SELECT * FROM orders WHERE account_id = :account"
            " AND state NOT IN ('filled', 'cancelled', 'rejected', 'expired') ORDER BY exchange_created_at, id"
        ),
        {"account": account_id},
    )
    return [_order(row) for row in found.mappings()]


def _order(row: Row) -> RemoteOrder:
    return RemoteOrder(
        exchange_order_id=ExchangeOrderId(row["exchange_order_id"]),
        link_id=row["link_id"],
        instrument=InstrumentId(row["category"], row["symbol"]),
        side=row["side"],
        order_type=row["order_type"],
        time_in_force=row["time_in_force"],
        quantity=row["quantity"],
        quantity_unit=row["quantity_unit"],
        price=row["price"],
        state=row["state"],
        filled_quantity=row["filled_quantity"],
        average_price=row["average_price"],
        reduce_only=row["reduce_only"],
        reject_reason=row["reject_reason"],
        cancel_type="",
        raw_status=row["raw_status"],
        created_at=row["exchange_created_at"],
        updated_at=row["exchange_updated_at"],
        trigger_price=row["trigger_price"],
        trigger_by=row["trigger_by"],
        trigger_rises=row["trigger_rises"],
        take_profit=row["take_profit"],
        stop_loss=row["stop_loss"],
        stop_order_type=row["stop_order_type"],
        parent_link_id=row["parent_link_id"],
        close_on_trigger=row["close_on_trigger"],
    )


async def _positions(connection: AsyncConnection, account_id: AccountId) -> Sequence[RemotePosition]:
    """Flat ones too: their symbols have realised something, and their sequences say which fills they include."""
    found = await connection.execute(
        text("SELECT * FROM positions WHERE account_id = :account ORDER BY category, symbol, position_index"),
        {"account": account_id},
    )
    return [
        RemotePosition(
            instrument=InstrumentId(row["category"], row["symbol"]),
            position_index=row["position_index"],
            side=row["side"],
            size=row["size"],
            entry_price=row["entry_price"],
            mark_price=row["mark_price"],
            liquidation_price=row["liquidation_price"],
            leverage=row["leverage"],
            unrealised_pnl=row["unrealised_pnl"],
            realised_pnl=row["realised_pnl"],
            initial_margin=row["initial_margin"],
            sequence=row["sequence"],
            updated_at=row["exchange_updated_at"],
            value=row["value"],
        )
        for row in found.mappings()
    ]


async def _fills(connection: AsyncConnection, account_id: AccountId) -> Sequence[Execution]:
    """Those that what is held may not include yet: later than the last whole reading, and beyond the position's
    sequence or, of a wallet, which has none, its time."""
    found = await connection.execute(
        text(
            "SELECT e.* FROM executions e JOIN accounts a ON a.id = e.account_id"
            " LEFT JOIN (SELECT account_id, category, symbol, max(sequence) AS sequence FROM positions"
            "             WHERE account_id = :account GROUP BY 1, 2, 3) p"
            "   ON p.account_id = e.account_id AND p.category = e.category AND p.symbol = e.symbol"
            " WHERE e.account_id = :account AND e.exec_type <> 'Funding'"
            " AND e.executed_at > coalesce(a.executions_read_until - interval '2 seconds', '-infinity')"
            " AND CASE WHEN e.category = 'spot' THEN e.executed_at >= coalesce(a.wallet_reported_at, '-infinity')"
            "          ELSE e.sequence > coalesce(p.sequence, -1) END"
            " ORDER BY e.executed_at, e.exec_id"
        ),
        {"account": account_id},
    )
    return [execution_of(row) for row in found.mappings()]


async def _wallet(connection: AsyncConnection, account_id: AccountId) -> Wallet | None:
    account = (
        (
            await connection.execute(
                text("SELECT total_equity, total_available, wallet_reported_at FROM accounts WHERE id = :account"),
                {"account": account_id},
            )
        )
        .mappings()
        .one()
    )
    if account["wallet_reported_at"] is None:
        return None
    coins = await connection.execute(
        text("SELECT * FROM balances WHERE account_id = :account ORDER BY coin"), {"account": account_id}
    )
    return Wallet(
        total_equity=account["total_equity"],
        total_available=account["total_available"],
        reported_at=account["wallet_reported_at"],
        coins={
            row["coin"]: CoinBalance(
                coin=row["coin"],
                wallet_balance=row["wallet_balance"],
                equity=row["equity"],
                order_margin=row["order_margin"],
                position_margin=row["position_margin"],
                unrealised_pnl=row["unrealised_pnl"],
                locked=row["locked"],
                usd_value=row["usd_value"],
            )
            for row in coins.mappings()
        },
        is_whole=True,
    )


async def _intents(connection: AsyncConnection, account_id: AccountId) -> Sequence[PlaceIntent | AmendIntent]:
    """Places that may have an order nobody has reported, and amends that may have changed one."""
    found = await connection.execute(
        text(
            f"{INTENT_ROWS} AND ((i.kind = 'place' AND (i.state IN {_OPEN} OR (i.state = 'acknowledged'"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM orders r WHERE r.account_id = :account AND r.intent_id = i.id))))"
            f" OR (i.kind = 'amend' AND (i.state IN {_OPEN} OR (i.state = 'acknowledged' AND i.applied_at IS NULL))))"
            " ORDER BY i.created_at, i.id"
        ),
        {"account": account_id},
    )
    intents = [intent_of_row(row) for row in found.mappings()]
    return [intent for intent in intents if isinstance(intent, PlaceIntent | AmendIntent)]


async def _sent_ages_s(connection: AsyncConnection, account_id: AccountId) -> dict[IntentId, float]:
    found = await connection.execute(
        text(
            "SELECT r.intent_id, CAST(EXTRACT(EPOCH FROM clock_timestamp() - min(r.created_at)) AS double precision)"
            " AS age_s FROM requests r JOIN intents i ON i.id = r.intent_id"
            " WHERE r.account_id = :account AND i.kind IN ('place', 'amend') AND NOT i.reduces"
            " AND r.created_at > clock_timestamp() - CAST(:minute AS interval) GROUP BY r.intent_id"
        ),
        {"account": account_id, "minute": f"{MINUTE_S} seconds"},
    )
    return {IntentId(row.intent_id): row.age_s for row in found}
