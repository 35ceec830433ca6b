"""A new key of the service keyring: killed again and again on the way, every secret opens; an old key goes when no row
needs it. The kills are SIGKILLs of a process of its own, at every point that the rotation names."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import typer
from sqlalchemy import LargeBinary, text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from contract.journal_worlds import make_home
from support.killed import Reach, killed_at
from tradewright.app.service_vault import new_service_keys, rotate_service, service_states
from tradewright.app.vault import new_keys, run_rotation, vault_state
from tradewright.cli import vault as cli_vault
from tradewright.cli.vault import RotationOptions, RotationReport
from tradewright.core.errors import StartError
from tradewright.storage.engine import create_engine
from tradewright.storage.schema import metadata
from tradewright.system import SystemClock, SystemIds
from tradewright.vault.service import LiveServiceKeyring, service_keys
from tradewright.vault.service_boxes import BOX_COLUMNS, CHANNEL_ADDRESS, TOTP_SECRET
from tradewright.vault.sources import EnvironmentSource, FileSource
from tradewright.vault.wrapping import Wrapped

KILLS = int(os.environ.get("KILLS", "20"))  # `make rotation` has a hundred
POINTS = ("keyring.before_write", "keyring.written", "row.opened", "row.written", "row.committed")
NEW = RotationOptions(service=True)
GO_ON = RotationOptions(service=True, only_rewrap=True)
RETIRE = RotationOptions(service=True, only_rewrap=True, retire=True)
IDS = SystemIds()


@dataclass
class Secrets:
    """Authenticators of people and addresses of their channels, as they are stored; `known` has what must open."""

    engine: AsyncEngine
    source: FileSource
    workspace_id: UUID
    known: dict[tuple[str, UUID], bytes] = field(default_factory=dict)

    async def add(self, number: int) -> UUID:
        """Of one more person."""
        user_id, channel_id, now = IDS.new(), IDS.new(), SystemClock().now()
        keyring = LiveServiceKeyring(self.source)
        secret, address = f"authenticator {number}".encode(), f"tgram://{number}".encode()
        box = keyring.wrap(secret, TOTP_SECRET.binding(user_id)).joined()
        channel = keyring.wrap(address, CHANNEL_ADDRESS.binding(channel_id, self.workspace_id)).joined()
        named = {
            "user": user_id,
            "channel": channel_id,
            "workspace": self.workspace_id,
            "now": now,
            "name": f"p{number}",
        }
        async with self.engine.begin() as connection:
            for statement in (
                "INSERT INTO users (id, username, username_key, password_hash, language, is_operator, created_at)"
                " VALUES (:user, :name, :name, '', 'en', false, :now)",
                "INSERT INTO memberships (workspace_id, user_id, role) VALUES (:workspace, :user, 'owner')",
                "INSERT INTO totp_factors (user_id, secret, created_at, wrong_in_row) VALUES (:user, :box, :now, 0)",
                "INSERT INTO notification_channels (id, workspace_id, user_id, name, service, address, created_at)"
                " VALUES (:channel, :workspace, :user, :name, 'tgram', :address, :now)",
            ):
                await connection.execute(text(statement), named | {"box": box, "address": channel})
        self.known |= {("totp_factors", user_id): secret, ("notification_channels", channel_id): address}
        return user_id

    async def all_open(self) -> None:
        keyring, found = LiveServiceKeyring(self.source), {}
        async with self.engine.connect() as connection:
            for column in BOX_COLUMNS:
                for row in (await connection.execute(text(column.selected))).mappings():
                    opened = keyring.unwrap(Wrapped.parted(bytes(row["box"])), column.binding_of(row))
                    found[(column.table, row["key"])] = opened
        assert found == self.known

    async def rotate(self, options: RotationOptions) -> RotationReport:
        return await rotate_service(self.engine, self.source, options)


@pytest.fixture
async def stored(engine: AsyncEngine, tmp_path: Path) -> Secrets:
    home = await make_home(engine, IDS, SystemClock())
    found = Secrets(engine, FileSource(tmp_path / "vault" / "service.keys"), home.workspace_id)
    for number in range(3):
        await found.add(number)
    return found


def test_no_column_with_secrets_of_this_keyring_is_forgotten() -> None:
    """A column of bytes is one of them, or is here with what it is instead."""
    others = {
        "digests": {"audit_heads.hash", "audit_links.hash", "backtests.digest", "connections.body_digest"},
        "digests of tokens": {
            f"{name}.token_hash"
            for name in ("api_tokens", "claim_tokens", "half_open_logins", "invitations", "password_links", "sessions")
        }
        | {"recovery_codes.code_hash", "sessions.replaced_hash"},
        "public": {"passkeys.credential_id", "passkeys.public_key", "passkey_challenges.challenge"},
        "of the trading keyring": {
            "connection_changes.sealed",
            "connection_keys.sealed",
            "connection_keys.data_key",
            "connection_keys.secret",
        },
    }
    source = Path(importlib.import_module("tradewright").__file__ or "").parent
    for tables in source.glob("**/tables.py"):
        importlib.import_module("tradewright." + ".".join(tables.relative_to(source).with_suffix("").parts))
    there = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert there - set().union(*others.values()) == {f"{each.table}.{each.column}" for each in BOX_COLUMNS}


async def test_killed_again_and_again_on_the_way_every_secret_opens(stored: Secrets, database_url: str) -> None:
    chance, kills, went_through = random.Random(4), Counter[str](), False

    def killed(options: RotationOptions, point: str, count: int) -> bool:
        async def rotating(reach: Reach) -> None:
            engine = create_engine(database_url, application="rotation", pool_size=1)
            await rotate_service(engine, stored.source, options, reach)
            await engine.dispose()

        return killed_at(rotating, point, count)

    while kills.total() < KILLS:
        point = POINTS[kills.total() % len(POINTS)]
        options = chance.choice([GO_ON, RETIRE])
        if point.startswith("keyring") or went_through or kills.total() % 5 == 2:
            options = RotationOptions(service=True, retire=chance.random() < 0.5)
        count = 1 if point.startswith("keyring") else chance.randint(1, len(stored.known))
        if await asyncio.to_thread(killed, options, point, count):
            kills[point] += 1
            went_through = False
        else:
            went_through = True  # nothing is left to be killed at: a new key makes work again
        await stored.all_open()
        if len(service_keys(stored.source.read(), "")) > 40:
            assert (await stored.rotate(RETIRE)).unopenable == []
    assert set(kills) == set(POINTS), kills
    report = await stored.rotate(RETIRE)
    (only,) = report.generations.generations
    assert (only.is_active, only.rows, only.seal_id, report.unopenable) == (True, len(stored.known), None, [])
    await stored.all_open()
    print(f"rotation-service kills={kills.total()} secrets={len(stored.known)}")


async def test_a_key_that_a_row_needs_stays_and_an_unopenable_row_is_told_and_left(stored: Secrets) -> None:
    lost = await stored.add(9)
    async with stored.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE totp_factors SET secret = set_byte(secret, 40, get_byte(secret, 40) # 1) WHERE user_id = :lost"
            ),
            {"lost": lost},
        )
    report = await stored.rotate(RotationOptions(service=True, retire=True))
    assert (report.unopenable, report.done, report.retired) == ([f"totp_factors {lost}"], 7, 0)
    old, new = report.generations.generations
    assert [(each.rows, each.is_active, each.may_go) for each in (old, new)] == [(1, False, False), (7, True, False)]
    async with stored.engine.begin() as connection:
        await connection.execute(text("DELETE FROM totp_factors WHERE user_id = :lost"), {"lost": lost})
    del stored.known[("totp_factors", lost)]
    assert (await stored.rotate(RETIRE)).retired == 1
    await stored.all_open()
    async with stored.engine.connect() as connection:
        trail = await connection.execute(
            text("SELECT outcome, after FROM audit_entries WHERE action = 'vault.rotate' ORDER BY at, id")
        )
        assert [(row.outcome, row.after["keyring"]) for row in trail] == [("partly", "service"), ("done", "service")]


async def test_many_rotations_at_once_lose_no_key(stored: Secrets) -> None:
    reports = await asyncio.gather(*(stored.rotate(NEW) for _ in range(4)))
    assert all(report.unopenable == [] for report in reports)
    assert len(service_keys(stored.source.read(), "")) == 5
    await stored.all_open()
    assert (await stored.rotate(RETIRE)).retired == 4
    await stored.all_open()


async def test_who_stores_a_secret_and_who_takes_a_key_away_wait_for_each_other(stored: Secrets) -> None:
    """With the old key in hand, and not committed when the keys are looked at."""
    async with stored.engine.connect() as storing:
        await storing.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended('vault:service', 0))"))
        retiring = asyncio.create_task(stored.rotate(RETIRE))
        done, _ = await asyncio.wait({retiring}, timeout=0.5)
        assert not done
        await storing.rollback()
    assert (await retiring).retired == 0


async def test_a_keyring_in_a_variable_is_rotated_by_hand(stored: Secrets) -> None:
    inside = EnvironmentSource("OURS", {"OURS": stored.source.read()})
    with pytest.raises(StartError, match="new-keys --service"):
        await rotate_service(stored.engine, inside, NEW)
    outside = EnvironmentSource("OURS", {"OURS": new_service_keys(inside, first=False)})
    assert json.loads(outside.read())["keys"][:-1] == json.loads(stored.source.read())["keys"]
    report = await rotate_service(stored.engine, outside, GO_ON)
    assert (report.done, [each.rows for each in report.generations.generations]) == (6, [0, 6])
    assert (await service_states(stored.engine, stored.source)).foreign_rows == 6, "the file lacks the new one"


async def test_without_a_keyring_nothing_is_made_up(engine: AsyncEngine, tmp_path: Path) -> None:
    source = FileSource(tmp_path / "vault" / "service.keys")
    assert (await service_states(engine, source)).generations == []
    with pytest.raises(StartError, match="made with the first secret"):
        await rotate_service(engine, source, NEW)
    assert not source.is_there()


async def test_by_the_command_it_is_looked_at_rotated_and_retired_and_no_key_is_shown(
    stored: Secrets, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWRIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("TRADEWRIGHT_DATABASE_URL", database_url)
    application = typer.Typer()
    application.callback()(lambda: None)
    cli_vault.register(application, cli_vault.VaultParts(state=vault_state, rotate=run_rotation, new_keys=new_keys))

    async def said(*words: str) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, application, ["vault", *words, "--service"])
        assert done.exit_code == 0, done.output
        return done.output

    assert "stored secrets: 6" in await said("status")
    assert "newest generation: 6" in await said("rotate")
    report = json.loads(await said("retire", "--json"))
    assert (report["done"], report["retired"], report["generations"]["foreign_rows"]) == (0, 1, 0)
    shown = "".join([await said("status"), await said("status", "--json"), json.dumps(report)])
    keys = json.loads(stored.source.read())["keys"]
    assert not any(key in shown for key in keys)
    assert json.loads(await said("new-keys"))["keys"][:1] == keys
    await stored.all_open()
