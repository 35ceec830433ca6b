"""What a request asks of the database: its statements, how many rows each touched, and how its transactions ended.

Lives here: `StatementWatch`. Where two requests ask for the same, they also take the same time, as far as anybody can
tell from outside; and unlike a clock this does not depend on what else the machine does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import Site
from tradewright.storage.engine import create_engine

_Result = TypeVar("_Result")
# Once a minute a session notes that it was used; whichever request comes first in that minute does it.
_PASSING = "UPDATE sessions SET last_seen_at"


class StatementWatch:
    """Of the requests that a site answers; what goes on beside them has another engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._seen: list[str] = []
        event.listen(engine.sync_engine, "after_cursor_execute", self._note)
        event.listen(engine.sync_engine, "commit", lambda _: self._seen.append("COMMIT"))
        event.listen(engine.sync_engine, "rollback", lambda _: self._seen.append("ROLLBACK"))

    def _note(self, _connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(_PASSING):
            self._seen.append(f"{' '.join(statement.split())} [{cursor.rowcount} rows]")

    async def during(self, ask: Callable[[], Awaitable[_Result]]) -> tuple[_Result, tuple[str, ...]]:
        """What `ask` returned, and what the database was asked meanwhile: one request at a time."""
        self._seen.clear()
        answer = await ask()
        return answer, tuple(self._seen)


@asynccontextmanager
async def watched(site: Site) -> AsyncIterator[StatementWatch]:
    """The site's routes on an engine of their own, whose statements are told."""
    engine = create_engine(site.parts.engine.url.render_as_string(hide_password=False))
    before = site.application.state.parts
    site.application.state.parts = replace(site.parts, engine=engine)
    try:
        yield StatementWatch(engine)
    finally:
        site.application.state.parts = before
        await engine.dispose()
