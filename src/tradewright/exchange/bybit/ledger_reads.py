"""What the exchange keeps of an account's money: the transaction log and closed profits, every page or nothing.

Lives here: one function a list. Not here: rows (`ledger_rows`), spans of time (`spans`), pages (`pages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.exchange.bybit.ledger_rows import ClosedPnlRow, TransactionRow, closed_pnl, transaction
from tradewright.exchange.bybit.pages import read_pages
from tradewright.exchange.bybit.rest import Params, RestClient
from tradewright.exchange.bybit.spans import read_span, spans

_TRANSACTION = msgspec.json.Decoder(TransactionRow)
_CLOSED = msgspec.json.Decoder(ClosedPnlRow)


async def transactions(rest: RestClient, log: FilteringBoundLogger, since: datetime) -> Sequence[Transaction]:
    """Every movement since then, oldest first, of all categories. Raises `ExchangeUnavailable` if a page fails."""

    async def read(times: Params) -> list[Transaction]:
        params = (("accountType", "UNIFIED"), *times, ("limit", "50"))
        path = "/v5/account/transaction-log"
        rows = await read_pages(
            rest, path, params, _TRANSACTION, lambda row, _category: transaction(row), log, signed=True
        )
        return rows[::-1]  # the exchange lists the newest first

    found: list[Transaction] = []
    for span in spans(since, await rest.server_clock.now()):
        found += await read_span(span, read)
    unique = {row.key: row for row in found}  # spans touch
    return sorted(unique.values(), key=lambda row: row.at)


async def closed(rest: RestClient, log: FilteringBoundLogger, since: datetime) -> Sequence[ClosedPnl]:
    """What orders have closed of contracts since then, oldest first by the last closing; each order as it stands."""

    async def read(times: Params) -> list[ClosedPnl]:
        params = (("category", "linear"), *times, ("limit", "100"))
        return await read_pages(rest, "/v5/position/closed-pnl", params, _CLOSED, closed_pnl, log, signed=True)

    found: list[ClosedPnl] = []
    for span in spans(since, await rest.server_clock.now()):
        found += await read_span(span, read)
    unique: dict[str, ClosedPnl] = {}
    for row in sorted(found, key=lambda row: row.updated_at):
        unique[row.exchange_order_id] = row
    return list(unique.values())
