"""The worker's asking for play money: written down, asked once, and written down what came of it.

Lives here: `TopUps` and its SQL. Not here: who may ask, and how often (`top_ups`). A process that died between the two
leaves one whose outcome nobody knows: it is said so, and not asked again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.connections.boxes import open_credentials
from tradewright.connections.model import Connection, Credentials
from tradewright.connections.queries import read_connection
from tradewright.connections.rounds import Rounds
from tradewright.connections.top_ups import TopUpState
from tradewright.connections.verdicts import NoAnswer, verdict_of
from tradewright.core.clock import Clock, Ids, Rng
from tradewright.core.errors import ExchangeError, OutcomeUnknown
from tradewright.core.fault import Fault
from tradewright.core.ids import WorkspaceId
from tradewright.storage.bus import Bus
from tradewright.storage.engine import reading
from tradewright.vault.opening import Opener
from tradewright.vault.wrapping import Unopenable

log = structlog.get_logger()

AT_ONCE = 20


class MoneyGiver(Protocol):
    """What it needs of the exchange; `BybitOrderGateway` has it."""

    async def ask_demo_money(self, coin: str, amount: Decimal) -> None: ...
    async def close(self) -> None: ...


OpenGiver = Callable[[Connection, Credentials], MoneyGiver]


@dataclass(frozen=True, slots=True)
class _Asked:
    id: UUID
    connection_id: UUID
    workspace_id: WorkspaceId
    coin: str
    amount: Decimal
    state: TopUpState


class TopUps(Rounds[_Asked]):
    what = "connection.top_up"

    def __init__(
        self, engine: AsyncEngine, bus: Bus, keyring: Opener, open_giver: OpenGiver, *, clock: Clock, rng: Rng, ids: Ids
    ) -> None:
        super().__init__(engine, bus, clock=clock, rng=rng)
        self._keyring = keyring
        self._open_giver = open_giver
        self._ids = ids

    async def waiting(self, busy: Sequence[UUID]) -> Sequence[_Asked]:
        statement = text(
            "SELECT id, connection_id, workspace_id, coin, amount, state FROM top_ups"
            " WHERE state IN ('asked', 'sending') AND NOT id = ANY(:busy) ORDER BY created_at LIMIT :most"
        )
        async with reading(self._engine) as connection:
            found = await connection.execute(statement, {"busy": list(busy), "most": AT_ONCE})
            return [_Asked(*row) for row in found]

    def id_of(self, item: _Asked) -> UUID:
        return item.id

    async def attend(self, item: _Asked) -> None:
        if item.state == "sending":
            await self._end(item, "unknown", Fault("connection.top_up_unknown"))
            return
        try:
            async with reading(self._engine) as connection:
                known = await read_connection(connection, item.workspace_id, item.connection_id)
                credentials = await open_credentials(connection, self._keyring, item.workspace_id, item.connection_id)
            async with self._engine.begin() as connection:
                await connection.execute(
                    text("UPDATE top_ups SET state = 'sending' WHERE id = :id AND workspace_id = :workspace"),
                    {"id": item.id, "workspace": item.workspace_id},
                )
            giver = self._open_giver(known, credentials)
            try:
                await giver.ask_demo_money(item.coin, item.amount)
            finally:
                await giver.close()
        except Unopenable as error:
            await self._end(item, "refused", Fault(error.code, detail=str(error)))
        except OutcomeUnknown:
            await self._end(item, "unknown", Fault("connection.top_up_unknown"))
        except ExchangeError as error:
            await self._end(item, "refused", _reason(error))
        else:
            await self._end(item, "done", None)

    async def put_off(self, item: _Asked, nothing: NoAnswer) -> None:
        """A bug: nobody knows how far it came."""
        await self._end(item, "unknown", nothing.fault)

    async def _end(self, item: _Asked, state: TopUpState, reason: Fault | None) -> None:
        statement = text(
            "UPDATE top_ups SET state = :state, reason = :reason, ended_at = :now"
            " WHERE id = :id AND workspace_id = :workspace"
        ).bindparams(bindparam("reason", type_=JSONB(none_as_null=True)))
        now = self._clock.now()
        values = {"state": state, "reason": None if reason is None else reason.as_json(), "now": now}
        entry = AuditEntry(
            id=self._ids.new(),
            at=now,
            actor_kind="exchange",
            action="connection.topped_up",
            object_kind="connection",
            object_id=str(item.connection_id),
            outcome=state,
            workspace_id=item.workspace_id,
            after={"coin": item.coin, "amount": item.amount, "reason": None if reason is None else reason.code},
        )
        async with self._engine.begin() as connection:
            await connection.execute(statement, values | {"id": item.id, "workspace": item.workspace_id})
            await record(connection, entry)
        log.info("connection.topped_up", connection_id=str(item.connection_id), coin=item.coin, state=state)


def _reason(error: ExchangeError) -> Fault:
    """In words of the key where it is about the key, else with the exchange's code."""
    trace = error.trace
    verdict = verdict_of(error, "demo")
    if trace.ret_code and isinstance(verdict, NoAnswer):
        return Fault("connection.top_up_refused", {"exchange_code": str(trace.ret_code)}, trace.ret_msg or None)
    return verdict.fault
