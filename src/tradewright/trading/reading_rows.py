"""What a reading of the account asks of our tables: single statements on a kept connection.

Lives here: `ReadingRows`: what is unread and unknown, live orders, sizes beside the fills that made them. Not here:
writing (`store`), the rows of intents (`intent_rows`), what a difference is (`holdings`, `drifts`).
Such rows are asked for at each start of each account, and an engine's cursor costs several times what the answer does
(decision 0026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.errors import DuplicateLinkId
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.storage.engine import lines_of
from tradewright.storage.lines import Row, Statement
from tradewright.trading import views
from tradewright.trading.intent_rows import INTENT_ROWS, intent_of_row
from tradewright.trading.journal import REPORT_DUE, LiveOrder, Reading, UnknownIntent
from tradewright.trading.model import AccountRef, Intent, ReadBackIntent

_UNKNOWN_MAX = 500
_UNREAD_MAX = 200  # the next reconciliation takes the rest

_OF_ACCOUNT: Final = {"account": "uuid", "limit": "int8"}
_BEGUN = Statement.of(
    "SELECT clock_timestamp() AS began_at, wallet_reported_at FROM accounts WHERE id = :account", {"account": "uuid"}
)
_READ_UNTIL = Statement.of("SELECT executions_read_until FROM accounts WHERE id = :account", {"account": "uuid"})
_UNREAD = Statement.of(
    f"{INTENT_ROWS} AND i.state = 'acknowledged' AND i.applied_at IS NULL"
    " AND i.kind IN ('amend', 'leverage', 'exits', 'position_mode', 'margin_mode')"
    " ORDER BY i.created_at, i.id LIMIT :limit",
    _OF_ACCOUNT,
)
_WITHOUT_EFFECT = Statement.of(
    f"{INTENT_ROWS} AND i.kind = 'cancel' AND i.state = 'acknowledged' AND i.applied_at IS NULL"  # noqa: S608
    " AND i.target_id IN (SELECT l.id FROM orders l WHERE l.account_id = :account"
    " AND l.state NOT IN ('filled', 'cancelled', 'rejected', 'expired')) ORDER BY i.created_at, i.id LIMIT :limit",
    _OF_ACCOUNT,
)
_UNKNOWN = Statement.of(
    f"SELECT u.*, (SELECT CASE WHEN bool_and(r.signed_at IS NOT NULL) THEN max(r.signed_at) END FROM requests r"  # noqa: S608
    " WHERE r.account_id = :account AND r.intent_id = u.id AND r.outcome = 'unknown') AS signed_by,"
    " (SELECT max(r.signed_at) FROM requests r WHERE r.account_id = :account AND r.intent_id = u.id) AS last_signed,"
    " (SELECT count(*) FROM requests r WHERE r.account_id = :account AND r.intent_id = u.id) AS attempts,"
    " EXISTS (SELECT 1 FROM requests r WHERE r.account_id = :account AND r.intent_id = u.id AND r.outcome IS NULL)"
    f" AS is_being_sent FROM ({INTENT_ROWS} AND i.state = 'unknown') u ORDER BY u.created_at, u.id LIMIT :limit",
    _OF_ACCOUNT,
)
_LIVE = Statement.of(
    "SELECT exchange_order_id, link_id, category, symbol, state, updated_at > clock_timestamp() - :due AS is_fresh"
    " FROM orders WHERE account_id = :account AND state NOT IN ('filled', 'cancelled', 'rejected', 'expired')"
    " UNION ALL SELECT coalesce(exchange_order_id, ''), link_id, category, symbol, state, false FROM intents i"
    " WHERE account_id = :account AND kind = 'place' AND state = 'acknowledged'"
    " AND updated_at <= clock_timestamp() - :due"
    " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = :account AND o.intent_id = i.id)",
    {"account": "uuid", "due": "interval"},
)


class ReadingRows:
    """Of one account. Raises what the database raises."""

    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._lines = lines_of(engine)
        self._account = account

    async def begin(self) -> Reading:
        (begun,) = await self._fetch(_BEGUN)
        intents = await self._intents(_UNREAD) + await self._intents(_WITHOUT_EFFECT)
        unread = [intent for intent in intents if isinstance(intent, ReadBackIntent)]
        return Reading(begun["began_at"], unread, begun["wallet_reported_at"])

    async def read_until(self) -> datetime | None:
        """Up to when executions were read, by the exchange's clock."""
        (row,) = await self._fetch(_READ_UNTIL)
        until: datetime | None = row["executions_read_until"]
        return until

    async def unknowns(self) -> Sequence[UnknownIntent]:
        return [
            UnknownIntent(
                intent_of_row(cast(views.Row, row)),
                row["signed_by"],
                is_duplicate=_is_duplicate(row["reason"]),
                last_signed=row["last_signed"],
                attempts=row["attempts"],
                is_being_sent=row["is_being_sent"],
            )
            for row in await self._fetch(_UNKNOWN, limit=_UNKNOWN_MAX)
        ]

    async def live_orders(self) -> Sequence[LiveOrder]:
        return [
            LiveOrder(
                ExchangeOrderId(row["exchange_order_id"]),
                row["link_id"],
                InstrumentId(row["category"], row["symbol"]),
                row["state"],
                is_fresh=row["is_fresh"],
            )
            for row in await self._fetch(_LIVE, due=REPORT_DUE)
        ]

    async def _intents(self, statement: Statement) -> list[Intent]:
        return [intent_of_row(cast(views.Row, row)) for row in await self._fetch(statement, limit=_UNREAD_MAX)]

    async def _fetch(self, statement: Statement, **values: Any) -> list[Row]:
        return await self._lines.fetch(statement, {"account": self._account.id, **values})


def _is_duplicate(reason: Mapping[str, Any] | None) -> bool:
    return reason is not None and reason["code"] == DuplicateLinkId.code
