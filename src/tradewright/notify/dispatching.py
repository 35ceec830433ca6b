"""Sends what is due: claimed, sent by a child, and what became of it kept.

Lives here: `Dispatcher`. Not here: what is due (`deliveries`, `alive`), the child (`sending`).
A delivery is marked before it is sent, so one whose process is killed meanwhile is found and sent again: it may arrive
twice, and is never forgotten. Five tries, each further off; what is refused for what it is, is not tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.notify.centre import Whose
from tradewright.notify.messages import Failure, Message, Outcome
from tradewright.notify.preferences import Keyring, note_outcome, open_address
from tradewright.notify.sending import Sending
from tradewright.notify.words import Told, alive_text, body_of, title_of
from tradewright.storage.engine import encode_json
from tradewright.trading.ownership import ACCOUNTS
from tradewright.vault.wrapping import Unopenable

log = structlog.get_logger(__name__)

EVERY_S = 1.0
AT_ONCE = 3  # channels that are being sent to
OF_CHANNEL = 5  # messages of one channel in one child
ATTEMPTS_MAX = 5
FIRST_PAUSE = timedelta(seconds=10)  # four times as long with each further try
_STUCK = timedelta(minutes=5)  # longer than a child may take

# A user who may not sign in any more is told nothing any more.
_CLAIM = text(
    "WITH due AS (SELECT d.id, d.channel_id FROM deliveries d WHERE NOT d.channel_id = ANY(:busy)"
    "   AND (d.state = 'waiting' AND d.due_at <= :now OR d.state = 'sending' AND d.tried_at < :stuck)"
    "   ORDER BY d.due_at LIMIT 1),"
    " mine AS (SELECT d.id FROM deliveries d, due WHERE d.channel_id = due.channel_id"
    "   AND (d.state = 'waiting' AND d.due_at <= :now OR d.state = 'sending' AND d.tried_at < :stuck)"
    "   ORDER BY d.due_at LIMIT :most FOR UPDATE OF d SKIP LOCKED)"
    " UPDATE deliveries d SET state = 'sending', attempts = d.attempts + 1, tried_at = :now FROM mine"
    " WHERE d.id = mine.id RETURNING d.id, d.workspace_id, d.user_id, d.channel_id, d.notification_id, d.purpose,"
    " d.attempts"
)
_WHOLE = text(
    "SELECT c.address, u.language, u.disabled_at, n.kind, n.params, n.merged, n.read_at FROM deliveries d"
    " JOIN notification_channels c ON c.id = d.channel_id AND c.workspace_id = d.workspace_id"
    " JOIN users u ON u.id = d.user_id LEFT JOIN notifications n ON n.id = d.notification_id"
    " AND n.workspace_id = d.workspace_id WHERE d.id = :id AND d.workspace_id = :workspace"
)
_END = text(
    "UPDATE deliveries SET state = :state, due_at = :due, reason = CAST(:reason AS jsonb)"
    " WHERE id = :id AND workspace_id = :workspace AND state = 'sending' AND attempts = :attempts"
)
_ALIVE = text(
    f"SELECT count(*) FILTER (WHERE a.session_state = 'ready') AS ready, count(*) AS accounts,"  # noqa: S608
    f" (SELECT count(*) FROM notifications n WHERE n.workspace_id = :workspace AND n.user_id = :user"
    f" AND n.read_at IS NULL) AS unread FROM ({ACCOUNTS}) a WHERE a.workspace_id = :workspace AND NOT a.resting"
)


class Dispatcher:
    def __init__(self, engine: AsyncEngine, clock: Clock, keyring: Keyring, sending: Sending) -> None:
        self._engine, self._clock, self._keyring, self._sending = engine, clock, keyring, sending
        self._busy: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; what is under way then is found by whoever leads next."""
        try:
            while True:
                try:
                    while len(self._busy) < AT_ONCE and await self.begin():
                        pass
                except (TimeoutError, SQLAlchemyError, OSError) as error:
                    log.warning("notify.dispatch_failed", error=type(error).__name__)
                await self._clock.sleep(EVERY_S)
        finally:
            for task in list(self._busy.values()):
                task.cancel()

    async def begin(self) -> bool:
        """Takes on what is due of one channel; False where nothing is."""
        now = self._clock.now()
        values = {"busy": list(self._busy), "now": now, "stuck": now - _STUCK, "most": OF_CHANNEL}
        async with self._engine.begin() as connection:
            rows = list((await connection.execute(_CLAIM, values)).mappings())
        if not rows:
            return False
        channel = rows[0]["channel_id"]
        task = asyncio.create_task(self._deliver_or_log(rows), name="notify.deliver")
        self._busy[channel] = task
        task.add_done_callback(lambda _: self._busy.pop(channel, None))
        return True

    async def idle(self) -> None:
        """Returns when nothing is under way."""
        while self._busy:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _deliver_or_log(self, rows: Sequence[RowMapping]) -> None:
        try:
            await self._deliver(rows)
        except Exception:  # the edge of a task; what is not ended is found again
            log.exception("notify.deliver_failed")

    async def _deliver(self, rows: Sequence[RowMapping]) -> None:
        messages: list[Message] = []
        for row in rows:
            async with self._engine.begin() as connection:
                made = await self._message(connection, row)
                if isinstance(made, Message):
                    messages.append(made)
                elif made is not None:
                    await self._end(connection, row, made)
                else:
                    await self._drop(connection, row)
        if not messages:
            return
        outcomes = await self._sending.send(messages)
        by_id = {str(row["id"]): row for row in rows}
        async with self._engine.begin() as connection:
            for message in messages:
                await self._end(connection, by_id[message.id], outcomes[message.id])

    async def _message(self, connection: AsyncConnection, row: RowMapping) -> Message | Failure | None:
        """None: nobody needs it any more."""
        named = {"id": row["id"], "workspace": row["workspace_id"]}
        whole = (await connection.execute(_WHOLE, named)).mappings().one_or_none()
        if whole is None or whole["disabled_at"] is not None or whole["read_at"] is not None:
            return None
        whose = _whose(row)
        try:
            address = open_address(self._keyring, whose, row["channel_id"], whole["address"])
        except Unopenable:
            return Failure("channel.sealed")
        if row["purpose"] == "alive":
            counts = (await connection.execute(_ALIVE, whose.values)).mappings().one()
            title, body = alive_text(whole["language"], at=self._clock.now(), **dict(counts))
        else:
            told = Told(kind=whole["kind"], params=whole["params"], merged=whole["merged"])
            title = title_of(told, whole["language"], is_escalated=row["purpose"] == "escalation")
            body = body_of(told, whole["language"])
        return Message(id=str(row["id"]), address=address, title=title, body=body)

    async def _drop(self, connection: AsyncConnection, row: RowMapping) -> None:
        await connection.execute(_END, _ended(row, "dropped", self._clock.now(), None))

    async def _end(self, connection: AsyncConnection, row: RowMapping, outcome: Outcome) -> None:
        now = self._clock.now()
        if outcome is None:
            values = _ended(row, "sent", now, None)
        elif outcome.is_final or row["attempts"] >= ATTEMPTS_MAX:
            values = _ended(row, "failed", now, outcome)
        else:
            values = _ended(row, "waiting", now + FIRST_PAUSE * 4 ** (row["attempts"] - 1), outcome)
        await connection.execute(_END, values)
        await note_outcome(connection, _whose(row), row["channel_id"], outcome)
        log.info("notify.delivered", state=values["state"], attempts=row["attempts"], purpose=row["purpose"])


def _whose(row: RowMapping) -> Whose:
    return Whose(workspace_id=WorkspaceId(row["workspace_id"]), user_id=UserId(row["user_id"]))


def _ended(row: RowMapping, state: str, due: Any, failure: Failure | None) -> Mapping[str, Any]:
    return {
        "id": row["id"],
        "workspace": row["workspace_id"],
        "attempts": row["attempts"],
        "state": state,
        "due": due,
        "reason": None if failure is None else encode_json(failure.as_json()),
    }
