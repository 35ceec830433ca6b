"""What the kill switch keeps, in memory: the folder of latches, the spool, and its rows beside the account's tables.

Lives here: `MemoryFolder`, `MemorySpool` (they survive when the process is killed, as files do) and `MemoryKillRows`,
the twin of `trading.kill.store.KillStore` on a `MemoryDatabase`: what was done becomes intents and requests as there.
Not here: when any of it is asked (`trading.kill`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_never
from uuid import UUID

from tradewright.audit.spool import SpoolLines
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId, UserId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order_status import IntentState
from tradewright.lab.memory_database import IntentRow, MemoryDatabase, RequestRow
from tradewright.lab.memory_journal import _Told as Told
from tradewright.trading.bodies import CloseBody
from tradewright.trading.kill.entries import Answered, CancelBegun, CloseBegun, Entry, TakenDown, entry_of
from tradewright.trading.kill.latch import Latch, Scope, latch_of_json
from tradewright.trading.kill.store import Standing
from tradewright.trading.model import AccountRef, Reason
from tradewright.trading.ownership import Dispossessed
from tradewright.trading.proposals import close_order

_STATES: dict[str, tuple[IntentState, Sequence[IntentState]]] = {
    "acknowledged": ("acknowledged", ("sending", "unknown")),
    "refused": ("rejected", ("sending",)),
    "not_sent": ("expired", ("sending",)),
    "duplicate": ("unknown", ("sending",)),
    "unknown": ("unknown", ("sending",)),
}


async def _pass(_name: str) -> None:
    return None


class MemoryFolder:
    """The files of HOME/kill, by their names."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def write(self, latch: Latch) -> Latch:
        held = self._read(latch.scope.name)
        if held is not None:
            if held.close_positions or not latch.close_positions:
                return held
            latch = replace(held, close_positions=True)
        self.files[latch.scope.name] = json.dumps(latch.as_json())
        return latch

    def read(self) -> list[Latch]:
        return [latch_of_json(json.loads(self.files[name])) for name in sorted(self.files)]

    def remove(self, scope: Scope, latch_id: UUID | None = None) -> bool:
        held = self._read(scope.name)
        if held is None or latch_id not in (None, held.id):
            return False
        del self.files[scope.name]
        return True

    def _read(self, name: str) -> Latch | None:
        content = self.files.get(name)
        return None if content is None else latch_of_json(json.loads(content))


class MemorySpool:
    """The files of HOME/spool. `ever` is everything that was written, also what is loaded by now."""

    def __init__(self, watch: Callable[[Entry], None] = lambda _entry: None) -> None:
        self.lines: dict[str, list[Mapping[str, Any]]] = {}
        self.taken: dict[str, list[SpoolLines]] = {}
        self.ever = 0
        self._watch = watch

    def append(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        written = [json.loads(json.dumps(entry)) for entry in entries]
        self.lines.setdefault(name, []).extend(written)
        self.ever += len(written)
        for entry in written:
            self._watch(entry_of(entry))

    def names(self) -> list[str]:
        return sorted({name for files in (self.lines, self.taken) for name, held in files.items() if held})

    def take(self, name: str) -> list[SpoolLines]:
        waiting = self.lines.pop(name, [])
        files = self.taken.setdefault(name, [])
        if waiting:
            files.append(SpoolLines(Path(f"{name}.{len(files)}.taken"), waiting))
        return list(files)

    def done(self, taken: SpoolLines) -> None:
        for files in self.taken.values():
            files[:] = [each for each in files if each is not taken]


@dataclass(slots=True)
class KeptKill:
    """The rows of latches, of what was done about them, and the audit entries' ids."""

    held: dict[UUID, Latch] = field(default_factory=dict)
    released: set[UUID] = field(default_factory=set)
    done: dict[tuple[UUID, UUID], bool] = field(default_factory=dict)
    audited: set[UUID] = field(default_factory=set)


class MemoryKillRows:
    """Of one account's owner with this epoch. `point` is awaited around each commit; `watch` sees what was written."""

    def __init__(
        self,
        database: MemoryDatabase,
        kept: KeptKill,
        *,
        now: Callable[[], datetime],
        point: Callable[[str], Awaitable[None]] = _pass,
        watch: Callable[[Entry], None] = lambda _entry: None,
    ) -> None:
        self._db = database
        self._kept = kept
        self._now = now
        self._point = point
        self._watch = watch

    async def standing(self) -> Standing:
        await self._point("kill_standing.read")
        kept = self._kept
        done = {key: closed for key, closed in kept.done.items() if key[0] in kept.held}
        return Standing(list(kept.held.values()), frozenset(kept.released), done)

    async def pull(self, latch: Latch, *, ip: str | None = None) -> None:
        await self._point("kill_pull.before")
        if latch.id not in self._kept.released:
            held = self._kept.held.get(latch.id)
            self._kept.held[latch.id] = latch if held is None or latch.close_positions else held
        await self._point("kill_pull.after")

    async def release(
        self, scope: Scope, by: UserId | None, *, also: Sequence[Latch] = (), ip: str | None = None
    ) -> Sequence[Latch]:
        for latch in also:
            await self.pull(latch)
        await self._point("kill_release.before")
        gone = [latch for latch in self._kept.held.values() if latch.scope == scope]
        for latch in gone:
            del self._kept.held[latch.id]
            self._kept.released.add(latch.id)
        await self._point("kill_release.after")
        return gone

    async def write(self, account: AccountRef, entries: Sequence[Entry]) -> None:
        await self._point("kill_write.before")
        if self._db.epoch != account.epoch:
            raise Dispossessed(f"a newer owner than epoch {account.epoch}")
        told = Told(self._db, "owner")
        for entry in entries:
            self._write(entry, told)
            self._watch(entry)
        told.flush()
        await self._point("kill_write.after")

    def _write(self, entry: Entry, told: Told) -> None:
        match entry:
            case CancelBegun():
                if self._audit(entry.id):
                    self._cancel_begun(entry, told)
            case CloseBegun():
                if self._audit(entry.id):
                    self._close_begun(entry, told)
            case Answered():
                self._answered(entry, told)
            case TakenDown():
                if self._audit(entry.id) and entry.latch_id in self._kept.held | dict.fromkeys(self._kept.released):
                    key = (entry.latch_id, entry.account_id)
                    self._kept.done[key] = entry.closed or self._kept.done.get(key, False)
            case _:
                assert_never(entry)

    def _audit(self, entry_id: UUID) -> bool:
        """False when this entry was written before."""
        is_new = entry_id not in self._kept.audited
        self._kept.audited.add(entry_id)
        return is_new

    def _cancel_begun(self, entry: CancelBegun, told: Told) -> None:
        order = self._db.orders.get(entry.exchange_order_id)
        place = next(
            (row for row in self._db.intents.values() if row.order is not None and row.order.link_id == entry.link_id),
            None,
        )
        target = order.id if order is not None else None if place is None else place.id
        if target is None:
            return  # an order that we never heard of
        instrument = InstrumentId(entry.category, entry.symbol)
        if IntentId(entry.act_id) not in self._db.intents:
            self._db.propose_cancel(IntentId(entry.act_id), target, instrument, self._now())
        self._begin(entry, "cancel", told)

    def _close_begun(self, entry: CloseBegun, told: Told) -> None:
        intent_id = IntentId(entry.act_id)
        if intent_id not in self._db.intents:
            body = CloseBody(
                id=intent_id,
                category=entry.category,
                symbol=entry.symbol,
                side=entry.side,
                percent=Decimal(100),
                price=None,
                slippage_percent=None,
            )
            order = close_order(body, entry.size, entry.position_index)
            self._db.propose_order(intent_id, order, self._now(), closes=True, seen_side=entry.side)
        self._begin(entry, "place", told)
        self._claim_order(intent_id)

    def _claim_order(self, intent_id: IntentId) -> None:
        """One that was reported before it was known to be ours."""
        if self._db.order_of(intent_id) is not None:
            return
        for row in self._db.orders.values():
            if row.report.link_id == link_id_of(intent_id) and row.intent_id is None:
                reported, row.id, row.intent_id = row.id, intent_id, intent_id
                for execution in self._db.executions.values():
                    if execution.order_id == reported:
                        execution.order_id = intent_id
                return

    def _begin(self, entry: CancelBegun | CloseBegun, kind: str, told: Told) -> None:
        row = self._db.intents[IntentId(entry.act_id)]
        row.source, row.valid_until = "kill", None
        if row.state in ("proposed", "approved", "expired", "rejected", "not_placed"):
            self._move(row, "sending", None, told)
        req_id = RequestId(entry.req_id)
        if req_id not in self._db.requests:
            attempt = 1 + max((each.attempt for each in self._db.requests_of(row.id)), default=0)
            self._db.requests[req_id] = RequestRow(
                req_id=req_id, intent_id=row.id, attempt=attempt, kind=kind, created_at=entry.at
            )

    def _answered(self, entry: Answered, told: Told) -> None:
        request = self._db.requests.get(RequestId(entry.req_id))
        if request is not None and request.outcome in (None, "unknown"):
            request.outcome, request.signed_at, request.ret_code = entry.outcome, entry.signed_at, entry.ret_code
        row = self._db.intents.get(IntentId(entry.act_id))
        if row is None:
            return
        state, only_from = _STATES[entry.outcome]
        if entry.outcome == "acknowledged" and entry.exchange_order_id and row.kind == "place":
            row.exchange_order_id = ExchangeOrderId(entry.exchange_order_id)
        if row.state in only_from:
            is_taken = entry.outcome == "acknowledged"
            reason = Reason(f"exchange.{entry.outcome}", {}, entry.ret_code, entry.ret_msg or None)
            self._move(row, state, None if is_taken else reason, told)

    def _move(self, row: IntentRow, state: IntentState, reason: Reason | None, told: Told) -> None:
        row.state, row.reason, row.version, row.updated_at = state, reason, row.version + 1, self._now()
        told.order(row.target_id or row.id)
