"""What anybody writes forges no line: of the log, of the command line's outputs, of an exported trail (promise L5).

The real API process, whose log is read as it was written; hostile texts come as names at a log-in, paths, headers,
bodies and topics, and stand in the database as if an older version had let them in.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from conftest import PostgresForTests
from integration.audit.kit import entry, superuser_of, write
from integration.web.kit import PASSWORD
from support.installation import free_port
from tradewright.installation import write_private
from tradewright.system import SystemClock, SystemIds

# Ends of lines, ways to move a terminal's cursor or clear its line, turns of the direction of reading, and NUL.
ENDS = {
    "lf": "\n",
    "cr": "\r",
    "crlf": "\r\n",
    "escape": "\x1b[2K\x1b[1A",
    "c1": "\x9b2K",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph": "\u2029",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "backspaces": "\x08" * 9,
    "override": "\u202e",
    "isolate": "\u2066",
    "delete": "\x7f",
    "nul": "\x00",
}
FORGED = "2026-01-01T00:00:00Z [info] order.filled"  # short enough for a name
EVIL = [f"evil{end}{FORGED}" for end in ENDS.values()]
NOWHERE = {"rest": "http://127.0.0.1:1", "ws_public": "ws://127.0.0.1:1", "ws_private": "ws://127.0.0.1:1"}
_ROWS = (
    "INSERT INTO users (id, username, username_key, password_hash, language, is_operator, created_at)"
    " VALUES (:user, :name, :name, 'x', 'en', false, :now)",
    "INSERT INTO workspaces (id, name, created_at) VALUES (:workspace, :name, :now)",
    "INSERT INTO memberships (workspace_id, user_id, role) VALUES (:workspace, :user, 'owner')",
    "INSERT INTO accounts (id, workspace_id, name, environment, uid, created_at, session_since)"
    " VALUES (:account, :workspace, :name, 'sim', CAST(:account AS text), :now, :now)",
)
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[(debug|info|warning|error|critical) *\] ")


@dataclass(frozen=True, slots=True)
class Running:
    """The API alone: neither worker nor exchange is needed for what is asked here."""

    base: str
    port: int
    environment: dict[str, str]
    log: Path

    def command(self, *words: str) -> str:
        """What it prints; each output is read as bytes would be by a terminal."""
        done = subprocess.run(
            [sys.executable, "-m", "tradewright", *words], env=self.environment, capture_output=True, check=False
        )
        assert b"Traceback" not in done.stderr, done.stderr
        return done.stdout.decode()


def environment_of(home: Path, database_url: str, **settings: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
    given = {"HOME": str(home), "DATABASE_URL": database_url, **settings}
    return own | {f"TRADEWRIGHT_{name}": value for name, value in given.items()}


@asynccontextmanager
async def running(database_url: str, home: Path, form: str) -> AsyncIterator[Running]:
    port, log = free_port(), home / "api.log"
    environment = environment_of(home, database_url, PORT=str(port), LOG_FORMAT=form, LOG_LEVEL="debug")
    environment["TRADEWRIGHT_WORKSPACES_OF_USER"] = str(len(EVIL))
    # By which account a first workspace begins; nobody listens there.
    write_private(home / "exchange" / "ready.json", {"uid": "1001", "name": "Simulated", **NOWHERE})
    told = Running(f"http://127.0.0.1:{port}", port, environment, log)
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradewright", "api", env=environment, stdout=file, stderr=file
        )
        try:
            async with asyncio.timeout(60), aiohttp.ClientSession() as asking:
                while True:
                    assert process.returncode is None, log.read_text()
                    try:
                        async with asking.get(f"{told.base}/healthz") as answer:
                            assert answer.status == 200
                            break
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.1)
            yield told
        finally:
            process.terminate()
            await process.wait()


async def raw(port: int, head: bytes) -> bytes:
    """A request as no well-behaved client would send it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head + b"\r\n\r\n")
        await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read(65_536)
    finally:
        writer.close()


async def claimed(there: Running) -> aiohttp.ClientSession:
    """Ann, who is operator and owner, in a browser that keeps its cookies."""
    link = await asyncio.to_thread(there.command, "user", "claim-link")
    headers = {"Origin": there.base, "Sec-Fetch-Site": "same-origin"}
    http = aiohttp.ClientSession(there.base, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True))
    body = {"token": link.strip().partition("#")[2], "username": "Ann", "password": PASSWORD, "language": "en"}
    async with http.post("/api/v1/claim", json=body) as answer:
        assert answer.status == 201, await answer.text()
    return http


async def ask_evil(there: Running, http: aiohttp.ClientSession, evil: str, number: int) -> list[int]:
    """The hostile text in every place that takes one; the statuses of what was answered in order."""
    statuses = []

    async def post(path: str, body: object, **headers: str) -> None:
        async with http.post(f"/api/v1/{path}", json=body, headers=headers) as answer:
            statuses.append(answer.status)

    async with aiohttp.ClientSession(there.base, headers={"Origin": there.base}) as stranger:
        body = {"username": evil, "password": evil}
        async with stranger.post("/api/v1/login", json=body) as answer:
            statuses.append(answer.status)
    await post("workspaces", {"id": f"0199d000-0000-7000-8000-{number:012}", "name": evil})
    await post("workspace/invitations", {"role": "viewer", "note": evil})
    await post("tokens", {"name": evil, "scopes": ["read"], "expires_in_days": 1})
    connection = {"id": f"0199d000-0000-7000-8000-1{number:011}", "environment": "demo", "key": "k", "secret": "s"}
    await post("connections", {**connection, "name": evil})
    await post("specs/check", {"text": evil})
    await post("session/step-up", {"password": evil, "code": evil})
    for url in (
        f"/{quote(evil, safe='')}",
        f"/api/v1/accounts?{quote(evil, safe='')}=1",
        f"/api/v1/audit?actor={quote(evil)}",
    ):
        async with http.get(url) as answer:
            statuses.append(answer.status)
    async with http.ws_connect("/api/v1/stream") as stream:
        await stream.send_json({"op": "subscribe", "topics": [evil], evil: evil})
        await stream.receive(timeout=20)
    value = evil.encode()
    for name in (b"user-agent", b"origin", b"x-forwarded-for", b"authorization", b"host", evil.encode()):
        fields = {b"host": f"127.0.0.1:{there.port}".encode(), name: value}
        head = b"".join(b"\r\n" + each + b": " + said for each, said in fields.items())
        assert await raw(there.port, b"GET /api/v1/session HTTP/1.1" + head + b"\r\nconnection: close")
    assert await raw(there.port, b"GET /" + value + b" HTTP/1.1\r\nhost: x")
    return statuses


def check_log(written: str, form: str) -> None:
    """Each line is one that the program began, and nothing in it moves a cursor."""
    lines = written.removesuffix("\n").split("\n")
    assert len(lines) > 5, written
    for line in lines:
        assert line.isprintable(), repr(line)
        if form == "json":
            told = json.loads(line)
            assert {"event", "level", "timestamp", "process"} <= set(told), line
            assert told["event"] != "order.filled"
        else:
            assert LINE.match(line) or line.startswith("    "), line
            assert not line.startswith(FORGED[:20]), line


async def check_export(http: aiohttp.ClientSession, engine: AsyncEngine) -> None:
    """One line an entry, for a reader of CSV and for one that knows only lines."""
    async with http.get("/api/v1/session") as answer:
        workspace_id = (await answer.json())["workspace"]["id"]
    async with engine.connect() as connection:
        wanted = await connection.scalar(
            text("SELECT count(*) FROM audit_entries WHERE workspace_id = :id"), {"id": workspace_id}
        )
    async with http.get("/api/v1/audit/export.csv") as answer:
        assert answer.status == 200, await answer.text()
        told = (await answer.read()).decode().removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(told, newline=""), strict=True))
    assert len(rows) == wanted + 1, "and that it was exported"
    assert len(told.splitlines()) == len(rows) + 1
    assert all(line.isprintable() for line in told.splitlines())


@pytest.mark.parametrize("form", ["json", "text"])
async def test_what_is_asked_forges_no_line_of_the_log(
    engine: AsyncEngine, database_url: str, open_home: Path, form: str
) -> None:
    async with running(database_url, open_home, form) as there:
        http, taken = await claimed(there), 0
        try:
            for number, evil in enumerate(EVIL):
                statuses = await ask_evil(there, http, evil, number)
                taken += statuses.count(201)
                # 503: no worker has made the key by which an exchange's key is sealed.
                assert all(200 <= status < 500 or status == 503 for status in statuses), (evil, statuses)
            assert taken >= 10, "some of it is taken as a name or a note, and is told"
            await check_export(http, engine)
        finally:
            await http.close()
    check_log(there.log.read_text(), form)


async def test_names_in_the_database_forge_no_line_of_a_command(
    engine: AsyncEngine, database_url: str, open_home: Path, postgres: PostgresForTests
) -> None:
    """As if the API had once let them in: nothing rests on what it refuses today. PostgreSQL's text has no NUL."""
    names = [evil for evil in EVIL if "\0" not in evil]
    ids, now = SystemIds(), SystemClock().now()
    entries = []
    async with engine.begin() as connection:
        for name in names:
            user_id, workspace_id, account_id = ids.new(), ids.new(), ids.new()
            values = {"user": user_id, "workspace": workspace_id, "account": account_id, "name": name, "now": now}
            for statement in _ROWS:
                await connection.execute(text(statement), values)
            entries.append(
                entry(account_id),
            )
            entries.append(entry(None, workspace_id))
    await write(engine, *entries)
    async with await psycopg.AsyncConnection.connect(superuser_of(postgres, database_url)) as tampering:
        await tampering.execute("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        await tampering.execute("UPDATE audit_entries SET outcome = 'forged'")
        await tampering.execute("ALTER TABLE audit_entries ENABLE TRIGGER ALL")
    there = Running("", 0, environment_of(open_home, database_url), open_home / "none")
    for words, lines in (
        (("user", "list"), len(names)),
        (("user", "list", "--json"), 1),
        (("where",), len(names)),
        (("where", "--json"), 1),
        (("audit", "verify"), 3 + len(entries)),
        (("audit", "verify", "--json"), 1),
        (("audit", "heads"), len(entries)),
    ):
        told = await asyncio.to_thread(there.command, *words)
        assert told.endswith("\n"), words
        printed = told.removesuffix("\n").split("\n")
        assert len(printed) == lines, (words, told)
        assert all(line.isprintable() for line in printed), (words, told)
        assert not any(line.startswith(FORGED[:20]) for line in printed), (words, told)
