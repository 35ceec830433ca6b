"""Play money for demo accounts: asking for it, with its bounds, and what became of the last asking.

Lives here: `ask_top_up`, `TopUp`, the bounds. Runs in the caller's transaction and leaves an audit entry there. Not
here: asking the exchange (`top_up_rounds`). The exchange gives it once a minute; ten a day are enough for play.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.connections.commands import locked, tell
from tradewright.connections.model import READ_ONLY, Actor, ConnectionConflict
from tradewright.connections.tables import top_ups
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import Conflict, InvalidInput, Problem
from tradewright.core.fault import Fault
from tradewright.core.ids import WorkspaceId

# What the exchange gives at once; of other coins it gives none.
TOP_UP_MAX: Final[Mapping[str, Decimal]] = {
    "USDT": Decimal(100_000),
    "USDC": Decimal(100_000),
    "BTC": Decimal(15),
    "ETH": Decimal(200),
}
PAUSE: Final = timedelta(seconds=60)
A_DAY_MAX: Final = 10
TopUpState = Literal["asked", "sending", "done", "refused", "unknown"]


class OnlyDemo(Conflict):
    """The exchange gives play money to demo accounts alone."""

    code = "connection.top_up_only_demo"


class TooSoon(Conflict):
    """It was asked for less than a minute ago, or ten times within a day."""

    code = "connection.top_up_too_soon"


class KeyNotGood(Conflict):
    """The key of the connection is not good at present, so nothing can be asked with it."""

    code = "connection.not_ready"


class OnlyReads(Conflict):
    """The key of the connection may only read, so nothing can be asked for with it."""

    code = READ_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTopUp:
    """The id is made by who asks; the same id again is the same asking."""

    id: UUID
    coin: str
    amount: Decimal

    def check(self) -> None:
        """Raises `InvalidInput`."""
        most = TOP_UP_MAX.get(self.coin)
        if most is None:
            raise InvalidInput([Problem("input.not_allowed", "coin", {"allowed": ", ".join(TOP_UP_MAX)})])
        if not 0 < self.amount <= most:
            raise InvalidInput(
                [Problem("connection.top_up_amount", "amount", {"coin": self.coin, "maximum": f"{most:f}"})]
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    id: UUID
    coin: str
    amount: Decimal
    state: TopUpState
    reason: Fault | None
    created_at: datetime


async def ask_top_up(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    asked: AskedTopUp,
    *,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> TopUp:
    """Has the worker ask the exchange for it. Raises `NotFound`, `InvalidInput`, `OnlyDemo`, `KeyNotGood`, `OnlyReads`,
    `TooSoon`, `ConnectionConflict` (the id was another connection's)."""
    known = await locked(connection, workspace_id, connection_id)
    if known.environment != "demo":
        raise OnlyDemo(f"{known.name} is a {known.environment} account; play money is for demo accounts")
    asked.check()
    if known.state != "ok":
        raise KeyNotGood(f"the key of {known.name} is {known.state}; it must be good first")
    if known.facts is not None and known.facts.read_only:
        raise OnlyReads(f"the key of {known.name} may only read; ask on the exchange's page, or change the key")
    now = clock.now()
    last = await last_top_up(connection, workspace_id, connection_id)
    if last is None or last.id != asked.id:
        await _require_pause(connection, workspace_id, connection_id, last, now)
        made = await connection.execute(
            insert(top_ups)
            .values(
                id=asked.id,
                connection_id=connection_id,
                workspace_id=workspace_id,
                coin=asked.coin,
                amount=asked.amount,
                state="asked",
                asked_by=actor.user_id,
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(top_ups.c.id)
        )
        if made.first() is None:
            raise ConnectionConflict(f"the id {asked.id} was used before; make a new one for this")
        after = {"coin": asked.coin, "amount": asked.amount}
        await tell(connection, workspace_id, connection_id, "connection.top_up", actor, now, ids, after=after)
        last = await last_top_up(connection, workspace_id, connection_id)
    assert last is not None
    return last


async def last_top_up(connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID) -> TopUp | None:
    found = await connection.execute(
        text(
            "SELECT id, coin, amount, state, reason, created_at FROM top_ups"
            " WHERE connection_id = :id AND workspace_id = :workspace ORDER BY created_at DESC, id DESC LIMIT 1"
        ),
        {"id": connection_id, "workspace": workspace_id},
    )
    row = found.mappings().first()
    return None if row is None else _top_up_of(row)


def _top_up_of(row: RowMapping) -> TopUp:
    reason = None if row["reason"] is None else Fault(**row["reason"])
    return TopUp(**{name: row[name] for name in ("id", "coin", "amount", "state", "created_at")}, reason=reason)


async def _require_pause(
    connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID, last: TopUp | None, now: datetime
) -> None:
    since = now - timedelta(days=1)
    count = await connection.scalar(
        text(
            "SELECT count(*) FROM top_ups WHERE connection_id = :id AND workspace_id = :workspace"
            " AND created_at > :since"
        ),
        {"id": connection_id, "workspace": workspace_id, "since": since},
    )
    if count >= A_DAY_MAX or (last is not None and now - last.created_at < PAUSE):
        raise TooSoon(f"play money comes once a minute, and {A_DAY_MAX} times a day; try again later")
