"""Adding and removing connections: once each, within limits, and with nothing secret left where it can be read."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import text

from contract.journal_worlds import make_home
from integration.connections.conftest import IDS, Desk, facts
from tradewright.connections.model import (
    ConnectionConflict,
    ConnectionRemoved,
    Credentials,
    KeyWiped,
    TooManyConnections,
)
from tradewright.core.errors import InvalidInput, NotFound
from tradewright.system import SystemClock
from tradewright.vault.digests import DigestKey

PROXY = "http://canary-user:canary-password@proxy:3128"


async def test_the_same_id_and_body_again_is_the_same_connection_and_another_body_is_a_conflict(desk: Desk) -> None:
    connection_id = await desk.add(proxy=PROXY)
    assert await desk.add(id=connection_id, proxy=PROXY) == connection_id
    for changes in ({"name": "Other"}, {"region": "global", "proxy": None}, {"environment": "testnet"}):
        with pytest.raises(ConnectionConflict):
            await desk.add(id=connection_id, **({"proxy": PROXY} | changes))
    with pytest.raises(ConnectionConflict):
        await desk.add("another-key", id=connection_id, proxy=PROXY)
    other = await make_home(desk.engine, IDS, SystemClock(), uid="2")
    with pytest.raises(ConnectionConflict):
        await desk.add(id=connection_id, proxy=PROXY, workspace_id=other.workspace_id)
    assert len(await desk.rows("SELECT 1 FROM connection_keys")) == 1
    assert len(await desk.rows("SELECT 1 FROM audit_entries WHERE action = 'connection.add'")) == 1


async def test_the_same_request_many_times_at_once_is_one_connection(desk: Desk) -> None:
    connection_id = IDS.new()
    made = await asyncio.gather(*(desk.add(id=connection_id, proxy=PROXY) for _ in range(15)))
    assert set(made) == {connection_id}
    assert len(await desk.rows("SELECT 1 FROM connections")) == 1
    assert len(await desk.rows("SELECT 1 FROM connection_keys")) == 1
    assert len(await desk.rows("SELECT 1 FROM audit_entries")) == 1


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"environment": "live"}, "environment", "connection.live_closed"),
        ({"region": "tr"}, "region", "connection.region_unknown"),
        ({"name": "   "}, "name", "connection.name_empty"),
        ({"proxy": "ftp://canary:canary@proxy:1"}, "proxy", "connection.proxy_invalid"),
        ({"key": "canary key"}, "key", "connection.key_text"),
        ({"key": "canary\n"}, "key", "connection.key_text"),
    ],
)
async def test_what_cannot_be_added_is_said_without_repeating_what_is_secret(
    desk: Desk, changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await desk.add(**changes)
    assert [(problem.field, problem.code) for problem in refusal.value.problems][:1] == [(field, code)]
    assert "canary" not in repr(refusal.value.problems) + str(refusal.value)
    assert await desk.rows("SELECT 1 FROM connections") == []


async def test_nothing_secret_is_in_any_row_as_it_is(desk: Desk) -> None:
    await desk.add("canary-key-1234", proxy=PROXY)
    tables = await desk.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dump = ""
    for (table,) in tables:
        for (row,) in await desk.rows(f'SELECT to_jsonb(t)::text FROM "{table}" AS t'):
            dump += row
    boxes = b"".join(bytes(row.sealed) for row in await desk.rows("SELECT sealed FROM connection_keys"))
    assert "1234" in dump, "the end of the key is shown"
    for secret in ("canary-key", "secret-of", "canary-user", "canary-password"):
        assert secret not in dump
        assert secret.encode().hex() not in dump
        assert secret.encode() not in boxes


async def test_what_a_request_is_known_again_by_cannot_be_made_from_a_dump_alone(desk: Desk) -> None:
    connection_id = await desk.add(proxy=PROXY)
    ((digest,),) = await desk.rows("SELECT body_digest FROM connections")
    credentials = Credentials.of("key-one", "secret-of-key-one", PROXY).as_bytes()
    said = json.dumps([str(connection_id), "demo", "My demo", "global"]).encode() + b"\x00" + credentials
    assert bytes(digest) != hashlib.sha256(said).digest(), "whoever knows the key could try the proxy's password"
    assert bytes(digest) == DigestKey(b"d" * 32).digest(said)


async def test_a_request_that_is_repeated_after_its_key_was_refused_for_good_is_still_the_same(desk: Desk) -> None:
    desk.exchange.answers["key-one"] = [facts(may_withdraw=True)]
    connection_id = await desk.add(proxy=PROXY)
    async with desk.checking():
        assert (await desk.concluded(connection_id)).state == "refused"
    assert await desk.add(id=connection_id, proxy=PROXY) == connection_id
    assert await desk.boxes(connection_id) == [], "and its key is not kept a second time"
    for changes in ({"name": "Other"}, {"environment": "testnet"}):
        with pytest.raises(ConnectionConflict):
            await desk.add(id=connection_id, **({"proxy": PROXY} | changes))
    with pytest.raises(ConnectionConflict):
        await desk.add("another-key", id=connection_id, proxy=PROXY)


async def test_removal_wants_the_name_and_leaves_no_key(desk: Desk) -> None:
    connection_id = await desk.add()
    with pytest.raises(InvalidInput, match="name_mismatch"):
        await desk.remove(connection_id, name="my demo")
    removed = await desk.remove(connection_id)
    assert (removed.state, await desk.boxes(connection_id)) == ("removed", [])
    with pytest.raises(ConnectionRemoved):
        await desk.check_again(connection_id)
    assert (await desk.remove(connection_id)).state == "removed"
    assert len(await desk.rows("SELECT 1 FROM audit_entries WHERE action = 'connection.remove'")) == 1


async def test_a_key_that_was_wiped_cannot_be_checked_again(desk: Desk) -> None:
    connection_id = await desk.add()
    async with desk.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM connection_keys")
    with pytest.raises(KeyWiped, match="add the account anew"):
        await desk.check_again(connection_id)


async def test_a_connection_of_another_workspace_is_not_there(desk: Desk) -> None:
    connection_id = await desk.add()
    other = await make_home(desk.engine, IDS, SystemClock(), uid="2")
    desk.workspace_id = other.workspace_id
    for asked in (desk.read(connection_id), desk.check_again(connection_id), desk.remove(connection_id)):
        with pytest.raises(NotFound):
            await asked


@pytest.mark.parametrize("scope", ["workspace", "user"])
async def test_a_workspace_and_a_person_have_only_so_many_connections(desk: Desk, scope: str) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO quotas (workspace_id, scope, name, value) VALUES (:id, :scope, 'connections', 2)"),
            {"id": desk.workspace_id, "scope": scope},
        )
    first = await desk.add()
    await desk.add("key-two")
    with pytest.raises(TooManyConnections, match=r"2 connections and 2 are allowed"):
        await desk.add("key-three")
    await desk.remove(first)
    await desk.add("key-three")
