"""What an account holds: positions and wallet as the exchange reports them.

Lives here: booking of both, inside the caller's transaction.
Not here: orders and fills (`booking`), whether fills add up to sizes (`sizes`), transactions and locking (`store`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.order import RemotePosition, Wallet
from tradewright.trading import views
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef

_POSITION_SHOWN = (
    "side", "size", "entry_price", "liquidation_price", "leverage", "realised_pnl", "initial_margin", "unrealised_pnl",
    "value", "maintenance_margin", "take_profit", "stop_loss", "trailing_stop", "break_even_price", "adl_rank",
)  # fmt: skip


async def book_position(
    connection: AsyncConnection, account: AccountRef, position: RemotePosition, events: EventWriter
) -> None:
    """Takes a position as the exchange reports it, unless what we hold is newer.

    Its sequence decides; among reports of one sequence, which a change of leverage or exits leaves as it is, the time.
    The time alone does not: a flat position that is asked for by name may bear the time of the question.
    """
    key = {
        "account": account.id,
        "category": position.instrument.category,
        "symbol": position.instrument.symbol,
        "index": position.position_index,
    }
    found = await connection.execute(
        text(
            "SELECT * FROM positions WHERE account_id = :account AND category = :category AND symbol = :symbol"
            " AND position_index = :index"
        ),
        key,
    )
    known = found.mappings().one_or_none()
    if known is not None and (position.sequence, position.updated_at) < (
        known["sequence"],
        known["exchange_updated_at"],
    ):
        return
    changed = await connection.execute(
        text(
            "INSERT INTO positions (account_id, category, symbol, position_index, workspace_id, side, size,"
            " entry_price, mark_price, liquidation_price, leverage, unrealised_pnl, realised_pnl, initial_margin,"
            " value, maintenance_margin, take_profit, stop_loss, trailing_stop, stops_read_at, break_even_price,"
            " adl_rank, sequence, exchange_updated_at, updated_at) VALUES (:account, :category, :symbol, :index,"
            " :workspace, :side, :size, :entry, :mark, :liquidation, :leverage, :unrealised, :realised, :margin,"
            " :value, :maintenance, :take_profit, :stop_loss, :trailing, clock_timestamp(), :break_even, :adl,"
            " :sequence, :at, clock_timestamp())"
            " ON CONFLICT (account_id, category, symbol, position_index) DO UPDATE SET"
            " side = excluded.side, size = excluded.size, entry_price = excluded.entry_price,"
            " mark_price = excluded.mark_price, liquidation_price = excluded.liquidation_price,"
            " leverage = excluded.leverage, unrealised_pnl = excluded.unrealised_pnl,"
            " realised_pnl = excluded.realised_pnl, initial_margin = excluded.initial_margin,"
            " value = excluded.value, maintenance_margin = excluded.maintenance_margin,"
            " take_profit = excluded.take_profit, stop_loss = excluded.stop_loss,"
            " trailing_stop = excluded.trailing_stop, stops_read_at = excluded.stops_read_at,"
            " break_even_price = excluded.break_even_price, adl_rank = excluded.adl_rank,"
            " sequence = excluded.sequence, exchange_updated_at = excluded.exchange_updated_at,"
            " updated_at = excluded.updated_at RETURNING *"
        ),
        key
        | {
            "workspace": account.workspace_id,
            "side": position.side,
            "size": position.size,
            "entry": position.entry_price,
            "mark": position.mark_price,
            "liquidation": position.liquidation_price,
            "leverage": position.leverage,
            "unrealised": position.unrealised_pnl,
            "realised": position.realised_pnl,
            "margin": position.initial_margin,
            "value": position.value,
            "maintenance": position.maintenance_margin,
            "take_profit": position.take_profit,
            "stop_loss": position.stop_loss,
            "trailing": position.trailing_stop,
            "break_even": position.break_even_price,
            "adl": position.adl_rank,
            "sequence": position.sequence,
            "at": position.updated_at,
        },
    )
    row = changed.mappings().one()
    if known is None and row["size"] == 0:
        return
    if known is None or any(known[name] != row[name] for name in _POSITION_SHOWN):
        events.add("position", {"kind": "position", "position": views.position_view(row)})


async def book_wallet(connection: AsyncConnection, account: AccountRef, wallet: Wallet, events: EventWriter) -> None:
    """Takes the wallet as the exchange reports it, unless what we hold is newer; told when it changed.

    Of the coins that a whole one does not name there are none; the stream's names only what moved.
    """
    found = await connection.execute(
        text("SELECT total_equity, total_available, wallet_reported_at FROM accounts WHERE id = :account"),
        {"account": account.id},
    )
    before = found.one()
    if not wallet.replaces(before.wallet_reported_at):
        return
    changed = (before.total_equity, before.total_available) != (wallet.total_equity, wallet.total_available)
    for balance in wallet.coins.values():
        written = await connection.execute(
            text(
                "INSERT INTO balances AS b (account_id, coin, workspace_id, wallet_balance, equity, order_margin,"
                " position_margin, unrealised_pnl, locked, usd_value, updated_at) VALUES (:account, :coin, :workspace,"
                " :wallet, :equity, :order_margin, :position_margin, :unrealised, :locked, :usd, clock_timestamp())"
                " ON CONFLICT (account_id, coin) DO UPDATE SET wallet_balance = excluded.wallet_balance,"
                " equity = excluded.equity, order_margin = excluded.order_margin,"
                " position_margin = excluded.position_margin, unrealised_pnl = excluded.unrealised_pnl,"
                " locked = excluded.locked, usd_value = excluded.usd_value, updated_at = excluded.updated_at"
                " WHERE (b.wallet_balance, b.equity, b.order_margin, b.position_margin, b.unrealised_pnl, b.locked,"
                " b.usd_value) IS DISTINCT FROM (excluded.wallet_balance, excluded.equity, excluded.order_margin,"
                " excluded.position_margin, excluded.unrealised_pnl, excluded.locked, excluded.usd_value)"
            ),
            {
                "account": account.id,
                "coin": balance.coin,
                "workspace": account.workspace_id,
                "wallet": balance.wallet_balance,
                "equity": balance.equity,
                "order_margin": balance.order_margin,
                "position_margin": balance.position_margin,
                "unrealised": balance.unrealised_pnl,
                "locked": balance.locked,
                "usd": balance.usd_value,
            },
        )
        changed = changed or written.rowcount > 0
    if wallet.is_whole:
        emptied = await connection.execute(
            text(
                "UPDATE balances SET wallet_balance = 0, equity = 0, order_margin = 0, position_margin = 0,"
                " unrealised_pnl = 0, locked = 0, usd_value = 0, updated_at = clock_timestamp()"
                " WHERE account_id = :account AND NOT coin = ANY(:named)"
                " AND (wallet_balance, equity, order_margin, position_margin, unrealised_pnl, locked, usd_value)"
                " IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0)"
            ),
            {"account": account.id, "named": list(wallet.coins)},
        )
        changed = changed or emptied.rowcount > 0
    # When it was last confirmed is kept also when nothing changed.
    updated = await connection.execute(
        text(
            "UPDATE accounts SET total_equity = :equity, total_available = :available, balances_at = clock_timestamp(),"
            " wallet_reported_at = :reported WHERE id = :account RETURNING *"
        ),
        {
            "equity": wallet.total_equity,
            "available": wallet.total_available,
            "reported": wallet.reported_at,
            "account": account.id,
        },
    )
    row = updated.mappings().one()
    if not changed:
        return
    coins = await connection.execute(
        text("SELECT * FROM balances WHERE account_id = :account ORDER BY coin"), {"account": account.id}
    )
    events.add("balances", {"kind": "balances", "balances": views.balances_view(row, list(coins.mappings()))})


async def flatten_absent(
    connection: AsyncConnection, account: AccountRef, positions: Sequence[RemotePosition], events: EventWriter
) -> None:
    """A complete list of open positions: those we hold and it does not name are flat."""
    named = {(p.instrument.category, p.instrument.symbol, p.position_index) for p in positions}
    held = await connection.execute(
        text("SELECT * FROM positions WHERE account_id = :account AND size <> 0"), {"account": account.id}
    )
    for row in held.mappings():
        if (row["category"], row["symbol"], row["position_index"]) in named:
            continue
        flat = await connection.execute(
            text(
                "UPDATE positions SET side = NULL, size = 0, entry_price = NULL, liquidation_price = NULL,"
                " unrealised_pnl = 0, initial_margin = 0, value = 0, maintenance_margin = 0, take_profit = NULL,"
                " stop_loss = NULL, trailing_stop = NULL, break_even_price = NULL, updated_at = clock_timestamp()"
                " WHERE account_id = :account AND category = :category AND symbol = :symbol"
                " AND position_index = :index RETURNING *"
            ),
            {
                "account": account.id,
                "category": row["category"],
                "symbol": row["symbol"],
                "index": row["position_index"],
            },
        )
        events.add("position", {"kind": "position", "position": views.position_view(flat.mappings().one())})
