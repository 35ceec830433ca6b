"""Writing the heads of the chains where the database cannot reach them: again and again, and once more at the end.

Lives here: `HeadsExporter`, which the jobs process runs. Not here: the file (`heads`), the address (`webhook`).
It stops nothing: what fails is tried again, told in the log when it begins and ends, and in `audit_exports` for whoever
looks at the trail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.audit.heads import Head, HeadsUnreadable, read_exported, write_heads
from tradewright.audit.links import read_heads
from tradewright.audit.webhook import WebhookFailed
from tradewright.core.clock import Clock
from tradewright.storage.engine import reading

log = structlog.get_logger(__name__)

AGAIN_S_MAX = 600.0
_LAST_LOOK_S = 3.0  # at the end of the process
Target = Literal["file", "webhook"]


class Webhook(Protocol):
    async def send(self, heads: Sequence[Head], at: datetime) -> None:
        """Raises `WebhookFailed`."""
        ...


@dataclass(slots=True)
class _Place:
    """Where heads go, and which of each chain is there. `again_s` is 0 while it works."""

    target: Target
    send: Callable[[Sequence[Head], datetime], Awaitable[None]]
    known: dict[UUID, Head] = field(default_factory=dict)
    again_s: float = 0.0
    not_before_s: float = 0.0


class HeadsExporter:
    def __init__(
        self, engine: AsyncEngine, clock: Clock, *, file: Path, webhook: Webhook | None, every_s: float
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._file = file
        self._every_s = every_s
        self._places = [_Place("file", self._write)]
        if webhook is not None:
            self._places.append(_Place("webhook", webhook.send))

    async def run(self) -> None:
        """Until cancelled; then once more, for three seconds at most."""
        await self._begin()
        try:
            while True:
                await self.look()
                await self._clock.sleep(self._every_s)
        finally:
            await self._look_once_more()

    async def look(self, *, is_last: bool = False) -> None:
        """Exports every head that has moved since; what cannot be is left for the next time."""
        try:
            async with reading(self._engine) as connection:
                heads = [Head(*row) for row in await read_heads(connection)]
        except (SQLAlchemyError, OSError) as error:
            log.warning("audit.heads_unread", error=type(error).__name__)
            return
        for place in self._places:
            if is_last or self._clock.monotonic() >= place.not_before_s:
                await self._export(place, heads)

    async def _export(self, place: _Place, heads: Sequence[Head]) -> None:
        moved = [head for head in heads if place.known.get(head.chain) != head]
        if not moved and not place.again_s:
            return
        fault: str | None = None
        try:
            await place.send(moved, self._clock.now())
        except OSError as error:
            fault = error.strerror or type(error).__name__
        except WebhookFailed as error:
            fault = str(error)
        if fault is None:
            if place.again_s:
                log.info("audit.export_works_again", target=place.target)
            place.again_s = place.not_before_s = 0.0
            place.known.update((head.chain, head) for head in moved)
        else:
            if not place.again_s:
                log.warning("audit.export_failed", target=place.target, fault=fault)
            place.again_s = min(AGAIN_S_MAX, max(self._every_s, 2 * place.again_s))
            place.not_before_s = self._clock.monotonic() + place.again_s
        await self._tell(place.target, fault)

    async def _write(self, heads: Sequence[Head], at: datetime) -> None:
        await asyncio.to_thread(write_heads, self._file, heads, at)

    async def _begin(self) -> None:
        """What the file has is not written again; the webhook is sent all once, because nobody knows what it has."""
        try:
            exported = await asyncio.to_thread(read_exported, self._file)
            self._places[0].known.update(exported.latest())
        except FileNotFoundError:
            pass
        except (OSError, HeadsUnreadable) as error:
            log.warning("audit.heads_file_unread", error=str(error))
        if len(self._places) == 1:
            await self._forget("webhook")

    async def _look_once_more(self) -> None:
        try:
            async with asyncio.timeout(_LAST_LOOK_S):
                await self.look(is_last=True)
        except TimeoutError:
            log.warning("audit.export_cut_short")

    async def _tell(self, target: Target, fault: str | None) -> None:
        now = self._clock.now()
        told = {"target": target, "ok": now if fault is None else None, "failed": None if fault is None else now}
        await self._ask(
            "INSERT INTO audit_exports AS e (target, ok_at, failed_at, fault) VALUES (:target, :ok, :failed, :fault)"
            " ON CONFLICT (target) DO UPDATE SET ok_at = coalesce(excluded.ok_at, e.ok_at),"
            " failed_at = excluded.failed_at, fault = excluded.fault",
            {**told, "fault": fault},
        )

    async def _forget(self, target: Target) -> None:
        await self._ask("DELETE FROM audit_exports WHERE target = :target", {"target": target})

    async def _ask(self, statement: str, values: dict[str, object]) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(text(statement), values)
        except (SQLAlchemyError, OSError) as error:
            log.warning("audit.export_untold", error=type(error).__name__)
