"""What a run's owner writes: memory, events and trades in one statement, for as many runs as have something to say.

Lives here: `RunWriter`, which groups what runs write at one moment, and `RunWrite`. Not here: what is read (`rows`).
Each transaction is fenced by the account's epoch, as everything that its owner writes. A run's events are numbered by
its owner alone; where its row is not at the number that the owner knows, somebody else wrote, and nothing is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.bots.model import RUN_EVENTS_CHANNEL, RUNS_CHANNEL, EventKind, EventLevel, RunState
from tradewright.storage.engine import encode_json
from tradewright.storage.lines import Statement
from tradewright.trading.at_once import AtOnce
from tradewright.trading.events import IS_OURS
from tradewright.trading.model import AccountRef

_TOGETHER_MAX: Final = 200  # runs in one statement

WRITE = Statement.of(
    f"""
WITH ours AS MATERIALIZED (SELECT {IS_OURS} AS is_ours),
given AS (
     SELECT * FROM jsonb_to_recordset(:runs) AS g(id uuid, base bigint, seq bigint, state text, reason jsonb,
            memory jsonb, bar_open_ms bigint, anchor jsonb, totals jsonb, report jsonb, began_market_ms bigint,
            begins boolean, ends boolean)),
done AS (
     UPDATE runs r SET state = g.state, reason = g.reason, epoch = :epoch, event_seq = g.seq, version = r.version + 1,
            memory = coalesce(g.memory, r.memory), bar_open_ms = coalesce(g.bar_open_ms, r.bar_open_ms),
            anchor = coalesce(g.anchor, r.anchor), totals = coalesce(g.totals, r.totals),
            report = coalesce(g.report, r.report), began_market_ms = coalesce(r.began_market_ms, g.began_market_ms),
            began_at = CASE WHEN g.begins THEN coalesce(r.began_at, clock_timestamp()) ELSE r.began_at END,
            ended_at = CASE WHEN g.ends THEN clock_timestamp() END
       FROM given g
      WHERE r.id = g.id AND r.account_id = :account AND r.workspace_id = :workspace AND r.event_seq = g.base
        AND r.ended_at IS NULL AND (SELECT is_ours FROM ours)
  RETURNING r.id, r.event_seq AS seq, r.ended_at IS NOT NULL AS is_ended),
told AS (
     INSERT INTO run_events (run_id, seq, workspace_id, at, market_ms, kind, level, caused_by, intent_id, payload)
     SELECT e.run_id, e.seq, :workspace, clock_timestamp(), e.market_ms, e.kind, e.level, e.caused_by, e.intent_id,
            e.payload
       FROM jsonb_to_recordset(:events) AS e(run_id uuid, seq bigint, market_ms bigint, kind text, level text,
            caused_by bigint, intent_id uuid, payload jsonb)
       JOIN done d ON d.id = e.run_id),
traded AS (
     INSERT INTO run_trades (run_id, number, workspace_id, payload, exit_ms)
     SELECT t.run_id, t.number, :workspace, t.payload, t.exit_ms
       FROM jsonb_to_recordset(:trades) AS t(run_id uuid, number int, payload jsonb, exit_ms bigint)
       JOIN done d ON d.id = t.run_id)
SELECT o.is_ours, d.id, pg_notify('{RUN_EVENTS_CHANNEL}', CAST(d.id AS text) || ':' || d.seq),
       CASE WHEN d.is_ended THEN pg_notify('{RUNS_CHANNEL}', CAST(d.id AS text)) END
  FROM ours o LEFT JOIN done d ON true
""",  # noqa: S608
    {
        "account": "uuid",
        "epoch": "int8",
        "workspace": "uuid",
        "runs": "jsonb",
        "events": "jsonb",
        "trades": "jsonb",
    },
)


class RunMoved(Exception):
    """A run's row is not as its owner left it; it must be taken over anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """One row of `run_events`; `seq` is the run's own count, from 1 without gaps."""

    seq: int
    kind: EventKind
    payload: Mapping[str, Any]
    level: EventLevel = "info"
    market_ms: int | None = None
    caused_by: int | None = None
    intent_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWrite:
    """What one run writes at once. None leaves a column as it is; `base` is its `event_seq` before."""

    run_id: UUID
    base: int
    state: RunState
    reason: Mapping[str, Any] | None = None
    memory: Mapping[str, Any] | None = None
    bar_open_ms: int | None = None
    anchor: Mapping[str, int] | None = None
    totals: Mapping[str, Any] | None = None
    report: Mapping[str, Any] | None = None
    began_market_ms: int | None = None
    begins: bool = False
    ends: bool = False
    events: Sequence[RunEvent] = ()
    trades: Sequence[tuple[int, Mapping[str, Any]]] = ()  # (number, as told)


@dataclass(slots=True)
class _Waiting:
    write: RunWrite
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class RunWriter:
    """Of one account's session. `run` must be running."""

    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._at_once = AtOnce(engine, account)
        self._account = account
        self._waiting: list[_Waiting] = []
        self._wanted = asyncio.Event()

    async def write(self, write: RunWrite) -> None:
        """Returns once it is committed, with whatever else was written at the same moment.

        Raises `RunMoved` when the run's row is another one by now; `Dispossessed` and what the database raises end the
        session that this belongs to.
        """
        waiting = _Waiting(write)
        self._waiting.append(waiting)
        self._wanted.set()
        await waiting.done

    async def run(self) -> None:
        """Until cancelled. Raises what the database raises, and `Dispossessed`."""
        try:
            while True:
                await self._wanted.wait()
                together, self._waiting = self._waiting[:_TOGETHER_MAX], self._waiting[_TOGETHER_MAX:]
                if not self._waiting:
                    self._wanted.clear()
                if together:
                    await self._commit(together)
        finally:
            for waiting in self._waiting:
                waiting.done.cancel()

    async def _commit(self, together: Sequence[_Waiting]) -> None:
        try:
            rows = await self._at_once.rows(WRITE, workspace=self._account.workspace_id, **_values(together))
        except BaseException as error:
            for waiting in together:
                if not waiting.done.done():
                    if isinstance(error, Exception):
                        waiting.done.set_exception(error)
                        waiting.done.exception()  # it is raised here, too: whoever waits may be gone
                    else:
                        waiting.done.cancel()
            raise
        written = {row["id"] for row in rows}
        for waiting in together:
            if waiting.done.done():
                continue  # who waited was cancelled, and it was written all the same
            if waiting.write.run_id in written:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(
                    RunMoved(f"the run {waiting.write.run_id} is not at event {waiting.write.base} any more")
                )


def _values(together: Sequence[_Waiting]) -> dict[str, str]:
    writes = [waiting.write for waiting in together]
    return {
        "runs": encode_json([_run(write) for write in writes]),
        "events": encode_json([_event(write.run_id, event) for write in writes for event in write.events]),
        "trades": encode_json(
            [
                {"run_id": write.run_id, "number": number, "payload": trade, "exit_ms": trade["exit_time"]}
                for write in writes
                for number, trade in write.trades
            ]
        ),
    }


def _run(write: RunWrite) -> dict[str, Any]:
    return {
        "id": write.run_id,
        "base": write.base,
        "seq": write.base + len(write.events),
        "state": write.state,
        "reason": write.reason,
        "memory": write.memory,
        "bar_open_ms": write.bar_open_ms,
        "anchor": write.anchor,
        "totals": write.totals,
        "report": write.report,
        "began_market_ms": write.began_market_ms,
        "begins": write.begins,
        "ends": write.ends,
    }


def _event(run_id: UUID, event: RunEvent) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "seq": event.seq,
        "market_ms": event.market_ms,
        "kind": event.kind,
        "level": event.level,
        "caused_by": event.caused_by,
        "intent_id": event.intent_id,
        "payload": event.payload,
    }
