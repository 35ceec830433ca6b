"""Heads leave for a file and an address; what fails is tried again and told; by them the command finds what nothing
else could."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from integration.audit.kit import entry, superuser_of, write
from tradewright.app.audit import AuditCommands
from tradewright.audit.exporting import HeadsExporter
from tradewright.audit.heads import Head, HeadsUnreadable, read_exported, write_heads
from tradewright.audit.webhook import WebhookFailed
from tradewright.cli import audit as cli_audit
from tradewright.system import SystemClock

ACCOUNT, WORKSPACE = UUID(int=1000), UUID(int=77)


class Clock(SystemClock):
    def __init__(self) -> None:
        self.moved_s = 0.0

    def monotonic(self) -> float:
        return self.moved_s


class Address:
    """A webhook's other end."""

    def __init__(self) -> None:
        self.is_away = False
        self.got: list[dict[UUID, int]] = []

    async def send(self, heads: Sequence[Head], at: datetime) -> None:
        if self.is_away:
            raise WebhookFailed("HTTP 500")
        self.got.append({head.chain: head.sequence for head in heads})


async def told(engine: AsyncEngine) -> dict[str, tuple[bool, str | None]]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT target, failed_at IS NULL AS works, fault FROM audit_exports"))
        return {row.target: (row.works, row.fault) for row in found}


def exporter(engine: AsyncEngine, clock: Clock, file: Path, address: Address | None) -> HeadsExporter:
    return HeadsExporter(engine, clock, file=file, webhook=address, every_s=60)


async def test_heads_that_moved_are_written_and_sent_and_what_fails_comes_later(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    clock, address, file = Clock(), Address(), tmp_path / "audit" / "heads.jsonl"
    running = exporter(engine, clock, file, address)
    await write(engine, entry(ACCOUNT, WORKSPACE), entry(None, WORKSPACE))
    await running.look()
    await running.look()  # nothing moved: nothing more
    assert address.got == [{ACCOUNT: 1, WORKSPACE: 1}]
    assert len(file.read_text().splitlines()) == 2
    assert file.stat().st_mode & 0o777 == 0o600
    address.is_away = True
    await write(engine, entry(ACCOUNT, WORKSPACE))
    await running.look()
    assert await told(engine) == {"file": (True, None), "webhook": (False, "HTTP 500")}
    address.is_away = False
    await running.look()
    assert len(address.got) == 1, "not before its time"
    clock.moved_s += 61
    await running.look()
    assert address.got[1:] == [{ACCOUNT: 2}]
    assert await told(engine) == {"file": (True, None), "webhook": (True, None)}
    assert len(file.read_text().splitlines()) == 3


async def test_a_file_that_cannot_be_written_stops_nothing_and_a_restart_writes_nothing_twice(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    clock, file = Clock(), tmp_path / "audit" / "heads.jsonl"
    file.parent.write_text("a file where the folder should be")
    running = exporter(engine, clock, file, None)
    await write(engine, entry(ACCOUNT, WORKSPACE))
    await running.look()
    assert (await told(engine))["file"][0] is False
    file.parent.unlink()
    await running.look(is_last=True)
    assert len(file.read_text().splitlines()) == 1
    again = exporter(engine, clock, file, None)
    await again._begin()
    await again.look()
    assert len(file.read_text().splitlines()) == 1


def test_a_torn_line_is_passed_over_and_anything_else_is_told(tmp_path: Path) -> None:
    file, head, at = tmp_path / "heads.jsonl", Head(ACCOUNT, 3, bytes(32)), SystemClock().now()
    write_heads(file, [head], at)
    with file.open("ab") as torn:
        torn.write(b'{"at":"2026-01-0')
    write_heads(file, [Head(ACCOUNT, 4, bytes(32))], at + timedelta(seconds=1))
    assert read_exported(file).hashes == {ACCOUNT: {3: bytes(32), 4: bytes(32)}}
    file.write_text("hello\n")
    with pytest.raises(HeadsUnreadable, match="line 1"):
        read_exported(file)


def verify(*arguments: str) -> tuple[int, dict[str, Any]]:
    application = typer.Typer()
    application.callback()(lambda: None)
    cli_audit.register(application, AuditCommands)
    done = CliRunner().invoke(application, ["audit", "verify", "--json", *arguments])
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}


_REWRITE = """
DO $$
DECLARE
    linked bytea := decode(repeat('00', 32), 'hex');
    one record;
BEGIN
    SET LOCAL timezone = 'UTC';
    UPDATE audit_entries SET outcome = 'refused' WHERE id = (SELECT entry_id FROM audit_links WHERE sequence = 2);
    FOR one IN SELECT l.*, CAST(row_to_json(e) AS text) AS said FROM audit_links l JOIN audit_entries e
                   ON e.id = l.entry_id ORDER BY l.sequence LOOP
        linked := sha256(linked || convert_to(concat_ws(',', 1, one.chain, one.sequence, one.said), 'UTF8'));
        UPDATE audit_links SET hash = linked WHERE chain = one.chain AND sequence = one.sequence;
        UPDATE audit_heads SET hash = linked WHERE chain = one.chain;
    END LOOP;
END $$
"""


def test_the_command_finds_a_chain_rewritten_whole_by_its_exported_head(
    postgres: Any, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWRIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("TRADEWRIGHT_DATABASE_URL", database_url)
    with psycopg.connect(superuser_of(postgres, database_url), autocommit=True) as connection:
        for number in range(5):
            connection.execute(
                "INSERT INTO audit_entries (id, account_id, at, actor_kind, action, object_kind, object_id, outcome)"
                " VALUES (gen_random_uuid(), %s, now(), 'system', 'order.place', 'order', %s, 'asked')",
                (ACCOUNT, str(number)),
            )
        code, report = verify()
        assert (code, report["entries"], report["heads_file"], report["found"]) == (0, 5, None, 0)
        place, its_hash = connection.execute("SELECT sequence, hash FROM audit_heads").fetchone() or (0, b"")
        write_heads(tmp_path / "audit" / "heads.jsonl", [Head(ACCOUNT, place, its_hash)], SystemClock().now())
        assert verify()[0] == 0
        for table in ("audit_entries", "audit_links", "audit_heads"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        connection.execute(_REWRITE)
    code, report = verify()
    assert (code, [each["code"] for each in report["findings"]]) == (13, ["export.rewritten"])
    assert report["heads_compared"] == 1
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("")
    assert verify("--heads", str(nothing))[0] == 0, "without the head nobody could know"
