"""What an account's tables tell beside what its exchange says, in one form, so that they can be compared.

Lives here: `read_told`, `read_said`. The exchange is read past our own client, the tables by plain SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from campaigns.processes import ExchangeAt

# Open orders by link id with what is filled of each, sizes by symbol (a short one is negative), coins of the wallet.
State = tuple[dict[str, Decimal], dict[str, Decimal], dict[str, Decimal]]


async def read_told(connection: AsyncConnection, account_id: UUID) -> State:
    given = {"account": account_id}
    orders = await connection.execute(
        text(
            "SELECT link_id, filled_quantity FROM orders WHERE account_id = :account"
            " AND state NOT IN ('filled', 'cancelled', 'rejected', 'expired')"
        ),
        given,
    )
    positions = await connection.execute(
        text("SELECT symbol, side, size FROM positions WHERE account_id = :account AND size <> 0"), given
    )
    balances = await connection.execute(
        text("SELECT coin, wallet_balance FROM balances WHERE account_id = :account AND wallet_balance <> 0"), given
    )
    return (
        {row.link_id: row.filled_quantity for row in orders},
        {row.symbol: row.size if row.side == "Buy" else -row.size for row in positions},
        {row.coin: row.wallet_balance for row in balances},
    )


def read_said(exchange: ExchangeAt, pair: Mapping[str, str]) -> State:
    """Blocks; for a thread."""
    usdt = {"category": "linear", "settleCoin": "USDT"}
    orders = exchange.rows(pair, "/v5/order/realtime", **usdt)
    positions = exchange.rows(pair, "/v5/position/list", **usdt)
    wallet = exchange.read(pair, "/v5/account/wallet-balance", accountType="UNIFIED")["list"][0]
    sizes = {row["symbol"]: Decimal(row["size"]) * (1 if row["side"] == "Buy" else -1) for row in positions}
    coins = {row["coin"]: Decimal(row["walletBalance"]) for row in wallet["coin"]}
    return (
        {row["orderLinkId"]: Decimal(row["cumExecQty"]) for row in orders},
        {symbol: size for symbol, size in sizes.items() if size},
        {coin: balance for coin, balance in coins.items() if balance},
    )
