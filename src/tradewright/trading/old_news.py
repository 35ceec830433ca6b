"""Which reports of a batch are old news: the same orders and fills are read again and again, and nearly all are booked.

Lives here: `OldNews`, what the tables hold of a batch, read in one statement a kind. Not here: booking what is new
(`booking`), the rule which report is newer (`core.order.apply`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import ExchangeOrderId
from tradewright.core.order import Execution, RemoteOrder, TrackedOrder, apply
from tradewright.trading.booking import tracked
from tradewright.trading.journal import Fact
from tradewright.trading.model import AccountRef

_MANY = 3  # of a kind in one batch: to look for fewer beforehand costs more than it saves


class OldNews:
    """Of one batch, inside the caller's transaction."""

    def __init__(self, orders: Mapping[ExchangeOrderId, TrackedOrder], fills: Collection[str]) -> None:
        self._orders = dict(orders)
        self._fills = fills

    @classmethod
    async def of(cls, connection: AsyncConnection, account: AccountRef, facts: Sequence[Fact]) -> OldNews:
        orders = [fact.exchange_order_id for fact in facts if isinstance(fact, RemoteOrder)]
        fills = [fact.exec_id for fact in facts if isinstance(fact, Execution)]
        return cls(
            await _tracked(connection, account, orders) if len(orders) >= _MANY else {},
            await _booked(connection, account, fills) if len(fills) >= _MANY else frozenset(),
        )

    def covers(self, fact: Fact) -> bool:
        """Whether to book it would change nothing. False where that is not known: then it is booked, which is safe."""
        match fact:
            case RemoteOrder(exchange_order_id=name):
                known = self._orders.get(name)
                if known is not None and apply(known, fact) is None:
                    return True
                self._orders.pop(name, None)  # it moves on: what the batch tells of it afterwards is looked up anew
                return False
            case Execution(exec_id=name):
                return name in self._fills
            case _:
                return False


async def _tracked(
    connection: AsyncConnection, account: AccountRef, orders: Sequence[ExchangeOrderId]
) -> dict[ExchangeOrderId, TrackedOrder]:
    found = await connection.execute(
        text("SELECT * FROM orders WHERE account_id = :account AND exchange_order_id = ANY(:orders)"),
        {"account": account.id, "orders": list(orders)},
    )
    return {ExchangeOrderId(row["exchange_order_id"]): tracked(row) for row in found.mappings()}


async def _booked(connection: AsyncConnection, account: AccountRef, fills: Sequence[str]) -> frozenset[str]:
    found = await connection.scalars(
        text("SELECT exec_id FROM executions WHERE account_id = :account AND exec_id = ANY(:fills)"),
        {"account": account.id, "fills": list(fills)},
    )
    return frozenset(found)
