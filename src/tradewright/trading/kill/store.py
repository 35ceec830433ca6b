"""The SQL of the kill switch: latches, what was done about them, and what the spool brings.

Lives here: `KillStore`, each method one transaction. Not here: files (`folder`, `audit.spool`), when it is asked.
What was done becomes intents, requests and audit rows as if the journal had written them, with the same ids, so that
reports of the exchange find their intent, and an outcome that nobody knows is looked for by the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry, acting_with
from tradewright.audit.store import record
from tradewright.audit.tables import audit_entries
from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import (
    AccountId,
    ExchangeOrderId,
    IntentId,
    LinkId,
    OrderId,
    UserId,
    WorkspaceId,
    link_id_of,
    made_id,
)
from tradewright.core.instrument import InstrumentId
from tradewright.core.order_status import IntentState
from tradewright.storage.bus import notify
from tradewright.storage.engine import reading
from tradewright.trading.asking import Asked, insert_intent
from tradewright.trading.bodies import CancelBody, CloseBody
from tradewright.trading.booking import hold_claims
from tradewright.trading.change_commands import cancel_asked
from tradewright.trading.commands import place_asked
from tradewright.trading.events import EventWriter
from tradewright.trading.intent_moves import MOVED, IntentMoves
from tradewright.trading.kill.entries import Answered, CancelBegun, Cause, CloseBegun, Entry, TakenDown
from tradewright.trading.kill.latch import Latch, Scope
from tradewright.trading.kill.tables import kill_latches
from tradewright.trading.model import AccountRef, CancelIntent, Reason
from tradewright.trading.proposals import close_order

KILL_CHANNEL = "kill_latches"
_KNOWN_FOR = timedelta(days=30)  # how long a released latch is told, for a file of it that was not removed
_ALL = Decimal(100)  # percent
_STATES: dict[str, tuple[IntentState, Sequence[IntentState]]] = {
    "acknowledged": ("acknowledged", ("sending", "unknown")),
    "refused": ("rejected", ("sending",)),
    "not_sent": ("expired", ("sending",)),
    "duplicate": ("unknown", ("sending",)),
    "unknown": ("unknown", ("sending",)),
}
# An act keeps its id however often it is begun; what has certainly not happened is begun anew.
_BEGUN_FROM: Sequence[IntentState] = ("proposed", "approved", "expired", "rejected", "not_placed")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the tables say: latches that hold, ids of those released lately, and (latch, account) → closed too."""

    held: Sequence[Latch]
    released: frozenset[UUID]
    done: dict[tuple[UUID, UUID], bool]


@dataclass(frozen=True, slots=True)
class KillStore:
    """Raises what SQLAlchemy raises; then nothing was written."""

    engine: AsyncEngine
    clock: Clock
    ids: Ids

    async def standing(self) -> Standing:
        async with reading(self.engine) as connection:
            found = await connection.execute(
                text(
                    "SELECT * FROM kill_latches WHERE released_at IS NULL"
                    " OR released_at > clock_timestamp() - CAST(:known AS interval) ORDER BY pulled_at, id"
                ),
                {"known": _KNOWN_FOR},
            )
            rows = found.mappings().all()
            acts = await connection.execute(
                text(
                    "SELECT a.latch_id, a.account_id, a.closed FROM kill_acts a JOIN kill_latches l"
                    " ON l.id = a.latch_id AND l.released_at IS NULL"
                )
            )
            return Standing(
                held=[_latch_of(row) for row in rows if row["released_at"] is None],
                released=frozenset(row["id"] for row in rows if row["released_at"] is not None),
                done={(row.latch_id, row.account_id): row.closed for row in acts},
            )

    async def pull(self, latch: Latch, *, ip: str | None = None) -> None:
        """The latch's row with its audit row, once; one that is there may get to close positions too. A latch that was
        released stays released."""
        async with self.engine.begin() as connection:
            written = await connection.execute(
                insert(kill_latches)
                .values(
                    id=latch.id,
                    scope=latch.scope.kind,
                    scope_id=latch.scope.id,
                    workspace_id=latch.workspace_id,
                    close_positions=latch.close_positions,
                    pulled_at=latch.pulled_at,
                    pulled_by=latch.pulled_by,
                    token_id=latch.token_id,
                    via=latch.via,
                )
                .on_conflict_do_update(
                    index_elements=["id"],
                    set_={"close_positions": True},
                    where=kill_latches.c.close_positions.is_(False)
                    & kill_latches.c.released_at.is_(None)
                    & latch.close_positions,
                )
                .returning(kill_latches.c.id)
            )
            if written.first() is None:
                return
            with acting_with(latch.token_id):  # whoever writes the row: the API, the worker, or who releases it
                await self._audit_latch(connection, latch, "kill.pull", "pulled", latch.pulled_by, ip)
            await notify(connection, KILL_CHANNEL, str(latch.id))

    async def release(
        self, scope: Scope, by: UserId | None, *, also: Sequence[Latch] = (), ip: str | None = None
    ) -> Sequence[Latch]:
        """Releases every latch of exactly this scope, with an audit row each. `also` are those of it that so far only
        a file knows: they get their row first, so that the trail has both moments."""
        for latch in also:
            await self.pull(latch)
        async with self.engine.begin() as connection:
            found = await connection.execute(
                text(
                    "UPDATE kill_latches SET released_at = clock_timestamp(), released_by = :by"
                    " WHERE released_at IS NULL AND scope = :scope AND scope_id IS NOT DISTINCT FROM"
                    " CAST(:id AS uuid) RETURNING *"
                ),
                {"by": by, "scope": scope.kind, "id": scope.id},
            )
            released = [_latch_of(row) for row in found.mappings()]
            for latch in released:
                await self._audit_latch(connection, latch, "kill.release", "released", by, ip)
                await notify(connection, KILL_CHANNEL, str(latch.id))
            return released

    async def write(self, account: AccountRef, entries: Sequence[Entry]) -> None:
        """Each entry once, all or none. Raises `Dispossessed` where the account has another owner by now."""
        async with self.engine.begin() as connection:
            events = EventWriter(connection, account, "owner")
            writer = _Writer(connection, account, IntentMoves(connection, account, events, self.clock, self.ids))
            if any(isinstance(entry, CloseBegun) for entry in entries):
                await hold_claims(connection, account)  # before anything else is held
            for entry in entries:
                await writer.write(entry)
            await events.flush()

    async def _audit_latch(
        self, connection: AsyncConnection, latch: Latch, action: str, outcome: str, by: UserId | None, ip: str | None
    ) -> None:
        scope = latch.scope
        workspace = scope.id if scope.kind == "workspace" else latch.workspace_id
        if scope.kind == "account":
            workspace = await connection.scalar(
                text("SELECT workspace_id FROM accounts WHERE id = :id"), {"id": scope.id}
            )
        entry = AuditEntry(
            id=self.ids.new(),
            at=self.clock.now(),
            actor_kind="system" if by is None else "user",
            actor_id=by,
            action=action,
            object_kind="kill",
            object_id=scope.name,
            outcome=outcome,
            workspace_id=None if workspace is None else WorkspaceId(workspace),
            account_id=AccountId(scope.id) if scope.kind == "account" and scope.id is not None else None,
            after={**latch.as_json(), "by_way_of": latch.via},
            ip=ip,
        )
        await record(connection, entry)


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: AsyncConnection
    account: AccountRef
    moves: IntentMoves

    async def write(self, entry: Entry) -> None:
        match entry:
            case CancelBegun():
                await self._cancel_begun(entry)
            case CloseBegun():
                await self._close_begun(entry)
            case Answered():
                await self._answered(entry)
            case TakenDown():
                await self._taken_down(entry)
            case _:
                assert_never(entry)

    async def _cancel_begun(self, entry: CancelBegun) -> None:
        target = await self.connection.scalar(
            text(
                "SELECT id FROM orders WHERE account_id = :account AND exchange_order_id = :order UNION ALL"
                " SELECT id FROM intents WHERE account_id = :account AND link_id = :link AND kind = 'place' LIMIT 1"
            ),
            {"account": self.account.id, "order": entry.exchange_order_id, "link": entry.link_id},
        )
        named = str(target) if target is not None else f"{entry.category}:{entry.symbol}:{entry.exchange_order_id}"
        about = {"exchange_order_id": entry.exchange_order_id, "link_id": entry.link_id}
        if not await self._audit(entry.id, entry.at, "order.cancel", named, "asked", entry.cause, about):
            return
        if target is None:
            return  # an order that we never heard of: the audit trail alone knows it
        body = CancelBody(id=IntentId(entry.act_id), order_id=OrderId(target))
        instrument = InstrumentId(entry.category, entry.symbol)
        await self._begin(entry, body, cancel_asked(OrderId(target), instrument), entry.cause)

    async def _close_begun(self, entry: CloseBegun) -> None:
        body = CloseBody(
            id=IntentId(entry.act_id),
            category=entry.category,
            symbol=entry.symbol,
            side=entry.side,
            percent=_ALL,
            price=None,
            slippage_percent=None,
        )
        about = {"side": entry.side, "size": str(entry.size), "symbol": entry.symbol}
        if await self._audit(entry.id, entry.at, "order.close", str(entry.act_id), "asked", entry.cause, about):
            order = close_order(body, entry.size, entry.position_index)
            await self._begin(entry, body, place_asked(order, "order.close"), entry.cause)
            await self._claim_order(entry)

    async def _claim_order(self, entry: CloseBegun) -> None:
        """A close that waited in the spool may have been reported before it was known to be ours: its row, which is
        nobody's so far, becomes that of the intent."""
        found = await self.connection.execute(
            text(
                "UPDATE orders o SET id = :intent, intent_id = :intent, version = o.version + 1,"
                " updated_at = clock_timestamp() FROM orders before WHERE before.id = o.id AND o.account_id = :account"
                " AND o.link_id = :link AND o.intent_id IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM orders ours WHERE ours.intent_id = :intent) RETURNING before.id"
            ),
            {
                "intent": entry.act_id,
                "account": self.account.id,
                "link": link_id_of(IntentId(entry.act_id)),
            },
        )
        reported = found.scalar_one_or_none()
        if reported is not None:
            await self.connection.execute(
                text("UPDATE executions SET order_id = :intent WHERE account_id = :account AND order_id = :reported"),
                {"intent": entry.act_id, "account": self.account.id, "reported": reported},
            )

    async def _begin(
        self, entry: CancelBegun | CloseBegun, body: CancelBody | CloseBody, asked: Asked, cause: Cause
    ) -> None:
        """The intent, which is being sent from the start, and the request that is about to leave or has left. One that
        certainly did not happen is sent again by its own id: else its order would be told as one that nobody expected.
        """
        await insert_intent(
            self.connection,
            (self.account.workspace_id, self.account.id),
            body,
            replace(asked, validity=None),
            source="kill",
            created_by=None if cause.user_id is None else UserId(cause.user_id),
        )
        moved = await self.connection.execute(
            text(
                "UPDATE intents SET state = 'sending', reason = NULL, version = version + 1,"  # noqa: S608
                " updated_at = clock_timestamp()"
                " WHERE id = :id AND account_id = :account AND state = ANY(:from)"
                f" RETURNING {MOVED}"
            ),
            {"id": entry.act_id, "account": self.account.id, "from": list(_BEGUN_FROM)},
        )
        await self.connection.execute(
            text(
                "INSERT INTO requests (req_id, workspace_id, account_id, intent_id, kind, attempt, created_at, epoch)"
                " SELECT :req, :workspace, :account, :intent, :kind, coalesce(max(attempt), 0) + 1, :at, :epoch"
                " FROM requests WHERE account_id = :account AND intent_id = :intent ON CONFLICT DO NOTHING"
            ),
            {
                "req": entry.req_id,
                "workspace": self.account.workspace_id,
                "account": self.account.id,
                "intent": entry.act_id,
                "kind": asked.kind,
                "at": entry.at,
                "epoch": self.account.epoch,
            },
        )
        row = moved.mappings().one_or_none()
        if row is not None:
            await self.moves.tell(row)

    async def _answered(self, entry: Answered) -> None:
        await self.connection.execute(
            text(
                "UPDATE requests SET outcome = :outcome, signed_at = :signed, answered_at = :answered,"
                " http_status = :http, ret_code = :code, ret_msg = :message, trace_id = :trace"
                " WHERE account_id = :account AND req_id = :req AND (outcome IS NULL OR outcome = 'unknown')"
            ),
            {
                "outcome": entry.outcome,
                "signed": entry.signed_at,
                "answered": entry.answered_at,
                "http": entry.http_status,
                "code": entry.ret_code,
                "message": entry.ret_msg,
                "trace": entry.trace_id,
                "account": self.account.id,
                "req": entry.req_id,
            },
        )
        state, only_from = _STATES[entry.outcome]
        reason = None
        if entry.outcome != "acknowledged":
            reason = Reason(f"exchange.{entry.outcome}", {}, entry.ret_code, entry.ret_msg or None)
        if entry.outcome == "acknowledged" and entry.exchange_order_id:
            await self.connection.execute(
                text(
                    "UPDATE intents SET exchange_order_id = :order"
                    " WHERE account_id = :account AND id = :id AND kind = 'place'"
                ),
                {"order": entry.exchange_order_id, "account": self.account.id, "id": entry.act_id},
            )
        await self.moves.end(_any_intent(entry.act_id), state, reason, only_from)

    async def _taken_down(self, entry: TakenDown) -> None:
        after = {"closed": entry.closed, "latch": str(entry.latch_id)}
        if not await self._audit(entry.id, entry.at, "kill.done", str(self.account.id), "done", None, after):
            return
        await self.connection.execute(
            text(
                "INSERT INTO kill_acts (latch_id, account_id, closed, done_at)"
                " SELECT id, :account, :closed, :at FROM kill_latches WHERE id = :latch"
                " ON CONFLICT (latch_id, account_id) DO UPDATE SET closed = kill_acts.closed OR excluded.closed"
            ),
            {"account": self.account.id, "closed": entry.closed, "at": entry.at, "latch": entry.latch_id},
        )

    async def _audit(
        self,
        entry_id: UUID,
        at: Any,
        action: str,
        object_id: str,
        outcome: str,
        cause: Cause | None,
        after: dict[str, Any],
    ) -> bool:
        """False when this entry was written before."""
        by = None if cause is None else cause.user_id
        told = after if cause is None else {**after, "source": "kill", cause.kind: str(cause.id), "via": cause.via}
        written = await self.connection.execute(
            insert(audit_entries)
            .values(
                id=entry_id,
                workspace_id=self.account.workspace_id,
                account_id=self.account.id,
                at=at,
                actor_kind="system" if by is None else "user",
                actor_id=by,
                token_id=None if cause is None else cause.token_id,
                action=action,
                object_kind="kill" if action == "kill.done" else "order",
                object_id=object_id,
                after=told,
                outcome=outcome,
            )
            .on_conflict_do_nothing()
            .returning(audit_entries.c.id)
        )
        return written.first() is not None


def _any_intent(act_id: UUID) -> CancelIntent:
    """`IntentMoves.end` goes by the id alone."""
    return CancelIntent(
        id=IntentId(act_id),
        state="sending",
        target_id=act_id,
        instrument=InstrumentId("linear", ""),
        target_link_id=LinkId(""),
        target_exchange_order_id=ExchangeOrderId(""),
        target_final=False,
    )


def _latch_of(row: Any) -> Latch:
    return Latch(
        id=row["id"],
        scope=Scope(row["scope"], row["scope_id"]),
        close_positions=row["close_positions"],
        pulled_at=row["pulled_at"],
        pulled_by=row["pulled_by"],
        via=row["via"],
        workspace_id=row["workspace_id"],
        token_id=row["token_id"],
    )


def act_id(cause: UUID, account: AccountId, *about: str) -> IntentId:
    """The same for the same thing done on the same word, also after a restart."""
    return IntentId(made_id("kill", str(cause), str(account), *about))
