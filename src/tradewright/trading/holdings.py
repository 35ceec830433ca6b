"""What an account holds: positions and wallet as the exchange reports them, and whether our fills add up to them.

Lives here: booking of both, and the comparison of sizes, each inside the caller's transaction.
Not here: orders and fills (`booking`), transactions and locking (`store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.money import plain
from tradewright.core.order import RemotePosition, Wallet
from tradewright.trading import views
from tradewright.trading.events import EventWriter
from tradewright.trading.journal import REPORT_DUE, Drift, Listed
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


async def position_breaks(
    connection: AsyncConnection, account: AccountRef, positions: Sequence[RemotePosition], listed: Listed | None
) -> list[Drift] | None:
    """Positions whose size is not what the booked fills add up to; a known one that the list does not name is flat.
    None where a fill is booked that was not read with them or whose leg is not known yet, or an order is under way.

    In hedge mode each leg is one: a fill does not say to which it belongs, its order does.
    """
    if listed is not None and (await _is_moving(connection, account) or await _is_unsure(connection, account, listed)):
        return None
    theirs = {
        (held.instrument.category, held.instrument.symbol, held.position_index): (
            -held.size if held.side == "Sell" else held.size
        )
        for held in positions
    }
    known = await connection.execute(
        text("SELECT category, symbol, position_index FROM positions WHERE account_id = :account ORDER BY 1, 2, 3"),
        {"account": account.id},
    )
    breaks: list[Drift] = []
    for row in known:
        category, symbol, index = row
        size = theirs.get((category, symbol, index), Decimal(0))
        ours = await _expected_size(connection, account, category, symbol, index, theirs=size)
        if ours != size:
            breaks.append(Drift("position.size", subject_of(category, symbol, index), plain(ours), plain(size)))
    return breaks


async def _is_moving(connection: AsyncConnection, account: AccountRef) -> bool:
    """Whether a contract's order is on its way, nobody knows its outcome, or it was taken and not reported yet."""
    found: bool = await connection.scalar(
        text(
            "SELECT EXISTS (SELECT 1 FROM intents i WHERE account_id = :account AND kind = 'place'"
            " AND category <> 'spot' AND (state IN ('sending', 'unknown') OR (state = 'acknowledged'"
            " AND updated_at > clock_timestamp() - CAST(:due AS interval)"
            " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = :account AND o.intent_id = i.id))))"
        ),
        {"account": account.id, "due": REPORT_DUE},
    )
    return found


async def _is_unsure(connection: AsyncConnection, account: AccountRef, listed: Listed) -> bool:
    """Whether a contract's fill is booked since then that is not listed; or, of a symbol with legs, one whose order is
    not known yet, so that it counts for neither of them."""
    found: bool = await connection.scalar(
        text(
            "SELECT EXISTS (SELECT 1 FROM executions e WHERE e.account_id = :account AND e.executed_at >= :since"
            " AND e.category <> 'spot' AND e.exec_type <> 'Funding' AND (NOT EXISTS"
            " (SELECT 1 FROM unnest(CAST(:listed AS text[])) l(exec_id) WHERE l.exec_id = e.exec_id)"
            " OR (e.order_id IS NULL AND e.position_index = 0 AND EXISTS (SELECT 1 FROM positions p"
            " WHERE p.account_id = :account AND p.category = e.category AND p.symbol = e.symbol"
            " AND p.position_index <> 0))))"
        ),
        {"account": account.id, "since": listed.since, "listed": list(listed.exec_ids)},
    )
    return found


def subject_of(category: str, symbol: str, index: int) -> str:
    """How a difference names a position: in hedge mode with its leg."""
    return f"{category}:{symbol}" + ("", ":long", ":short")[index]


async def _expected_size(
    connection: AsyncConnection, account: AccountRef, category: str, symbol: str, index: int, *, theirs: Decimal
) -> Decimal:
    """Base plus booked fills (signed, base coin). The first look at a symbol sets the base from what is there."""
    key = {"account": account.id, "category": category, "symbol": symbol, "index": index}
    booked = await connection.scalar(
        text(
            "SELECT coalesce(sum(CASE WHEN exec_type = 'Funding' THEN 0 WHEN side = 'Buy' THEN quantity"
            " ELSE -quantity END), 0) FROM executions"
            " WHERE account_id = :account AND category = :category AND symbol = :symbol AND position_index = :index"
        ),
        key,
    )
    base = await connection.scalar(
        text(
            "UPDATE positions SET base_size = coalesce(base_size, :base) WHERE account_id = :account"
            " AND category = :category AND symbol = :symbol AND position_index = :index RETURNING base_size"
        ),
        key | {"base": theirs - booked},
    )
    assert base is not None, "the position's row was just read"
    return Decimal(base + booked)


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
