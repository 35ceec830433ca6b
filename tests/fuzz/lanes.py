"""Lanes: one client each, whose requests go to the database by connections of their own, so that what they write can be
told apart from what the others and the worker write.

Lives here: `Lane`, sending over ASGI; `EngineOfLane`, the one application's way to the lane's connections; and `Watch`,
which knows what a lane has committed: triggers of this database note each row that a lane's connections write, and the
lane's engine notes each notification that was committed.
Not here: the world around (`world`), what must hold (`judging`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import psycopg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from fuzz.requests import Request, Who

ANSWER_S_MAX = 15.0
LANE_PREFIX = "fuzz-lane-"

_NOTES = """
CREATE UNLOGGED TABLE fuzz_writes (id bigserial PRIMARY KEY, lane text NOT NULL, what text NOT NULL);
CREATE INDEX ON fuzz_writes (lane, id);
CREATE FUNCTION fuzz_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO fuzz_writes (lane, what) VALUES (current_setting('application_name'), TG_OP || ' ' || TG_TABLE_NAME);
  RETURN NULL;
END $$;
DO $$
DECLARE t text;
BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'fuzz_writes' LOOP
    EXECUTE format(
      'CREATE TRIGGER fuzz_note AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW'
      || ' WHEN (current_setting(''application_name'') LIKE ''fuzz-lane-%%'') EXECUTE FUNCTION fuzz_note()', t);
  END LOOP;
END $$;
"""


_engine: ContextVar[AsyncEngine] = ContextVar("engine of the lane whose request this is")


class EngineOfLane:
    """In the place of the application's engine: that of the lane whose request is being answered."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_engine.get(), name)


async def note_writes(connection: psycopg.AsyncConnection[Any]) -> None:
    """Puts the triggers on every table. Of a row that is rolled back the note is rolled back, too."""
    await connection.execute(_NOTES)


@dataclass(frozen=True, slots=True)
class Wrote:
    """What one request committed: rows by verb and table, and how many notifications."""

    rows: tuple[str, ...]
    hints: int


class Watch:
    def __init__(self, lane: str, engine: AsyncEngine, connection: psycopg.AsyncConnection[Any]) -> None:
        self._lane = lane
        self._connection = connection
        self._last_id = 0
        self._hints = 0
        pending: dict[int, int] = {}  # notifications of open transactions, by connection

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def _on_statement(conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "pg_notify" in statement:
                key = id(conn.connection.dbapi_connection)
                pending[key] = pending.get(key, 0) + 1

        @event.listens_for(engine.sync_engine, "commit")
        def _on_commit(conn: Any) -> None:
            self._hints += pending.pop(id(conn.connection.dbapi_connection), 0)

        @event.listens_for(engine.sync_engine, "rollback")
        def _on_rollback(conn: Any) -> None:
            pending.pop(id(conn.connection.dbapi_connection), 0)

    async def since_last(self) -> Wrote:
        found = await self._connection.execute(
            "SELECT id, what FROM fuzz_writes WHERE lane = %s AND id > %s ORDER BY id", (self._lane, self._last_id)
        )
        rows = await found.fetchall()
        if rows:
            self._last_id = rows[-1][0]
        hints, self._hints = self._hints, 0
        return Wrote(tuple(what for _, what in rows), hints)


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: nothing came within `ANSWER_S_MAX`, or the application raised; `fault` says which."""

    status: int
    headers: dict[str, list[str]]
    body: bytes
    fault: str = ""

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", [""])[0].partition(";")[0]


@dataclass(slots=True)
class Lane:
    """`sign_in` opens a session anew for one of the three who have one."""

    application: Any
    port: int
    engine: AsyncEngine
    watch: Watch
    sign_in: Callable[[Who], Awaitable[str]]
    tokens: dict[Who, str] = field(default_factory=dict)

    async def send(self, request: Request) -> Answer:
        _engine.set(self.engine)
        if request.who != "nobody" and request.who not in self.tokens:
            self.tokens[request.who] = await self.sign_in(request.who)
        scope = self._scope(request)
        started: dict[str, Any] = {}
        parts: list[bytes] = []
        given = False

        async def receive() -> dict[str, Any]:
            nonlocal given
            if given:
                return {"type": "http.disconnect"}
            given = True
            return {"type": "http.request", "body": request.body or b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                parts.append(message.get("body", b""))

        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self.application(scope, receive, send)
        except TimeoutError:
            return Answer(0, {}, b"", f"no answer within {ANSWER_S_MAX} s")
        except Exception as error:
            return Answer(0, {}, b"", f"the application raised {type(error).__name__}: {str(error)[:300]}")
        headers: dict[str, list[str]] = {}
        for name, value in started.get("headers", ()):
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if request.operation.id == "stepUp" and request.who in self.tokens:
            for cookie in headers.get("set-cookie", ()):  # the session goes on with another token
                self.tokens[request.who] = cookie.partition("=")[2].partition(";")[0]
        return Answer(started.get("status", 0), headers, b"".join(parts), "" if started else "no answer was begun")

    def _scope(self, request: Request) -> dict[str, Any]:
        host = f"127.0.0.1:{self.port}".encode()
        headers = [(b"host", host), (b"origin", b"http://" + host), *request.headers]
        if request.who != "nobody":
            headers.append((b"cookie", f"tradewright_{self.port}={self.tokens[request.who]}".encode()))
        names = {name for name, _ in request.headers}
        headers = [each for each in headers[:2] if each[0] not in names] + headers[2:]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(request.path),
            "raw_path": request.path.encode("ascii"),
            "query_string": request.query,
            "root_path": "",
            "headers": headers,
            "client": None if request.address is None else (request.address, 50_000),
            "server": ("127.0.0.1", self.port),
            "state": {},
        }
