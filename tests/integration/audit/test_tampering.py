"""Tampering with the stored trail, by whoever the database refuses nothing, is found; in five ways at many places.

`make audit-tampering` does it with each of a thousand rows (`AUDIT_ROWS`).
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from integration.audit.kit import entry, superuser_of, tampering, verified, write
from tradewright.audit.links import read_heads, verify_chains

ROWS = int(os.environ.get("AUDIT_ROWS", "0")) or 12
ACCOUNTS = 20 if ROWS > 100 else 3
WORKSPACE = UUID(int=77)


async def _edit(connection: AsyncConnection, chain: UUID, place: int) -> None:
    await _run(
        connection,
        'UPDATE audit_entries SET after = \'{"price": "1"}\' WHERE id = (SELECT entry_id FROM audit_links'
        " WHERE chain = :chain AND sequence = :place)",
        chain,
        place,
    )


async def _delete(connection: AsyncConnection, chain: UUID, place: int) -> None:
    """The entry alone in even places, with its link in odd ones."""
    await _run(
        connection,
        "DELETE FROM audit_entries WHERE id = (SELECT entry_id FROM audit_links"
        " WHERE chain = :chain AND sequence = :place)",
        chain,
        place,
    )
    if place % 2:
        await _run(connection, "DELETE FROM audit_links WHERE chain = :chain AND sequence = :place", chain, place)


async def _insert(connection: AsyncConnection, chain: UUID, place: int) -> None:
    """An entry that is like the one there, past the chains."""
    await _run(
        connection,
        "INSERT INTO audit_entries (id, workspace_id, account_id, at, actor_kind, action, object_kind, object_id,"
        " outcome) SELECT gen_random_uuid(), workspace_id, account_id, at, actor_kind, action, object_kind, object_id,"
        " outcome FROM audit_entries WHERE id = (SELECT entry_id FROM audit_links"
        " WHERE chain = :chain AND sequence = :place)",
        chain,
        place,
    )


async def _swap(connection: AsyncConnection, chain: UUID, place: int) -> None:
    """Two entries change places; the last one with the one before."""
    await _run(
        connection,
        "UPDATE audit_links l SET entry_id = o.entry_id FROM audit_links o WHERE l.chain = :chain AND o.chain = :chain"
        " AND l.sequence IN (:place, :place + 1) AND o.sequence = 2 * :place + 1 - l.sequence",
        chain,
        place,
    )


async def _truncate(connection: AsyncConnection, chain: UUID, place: int) -> None:
    """The end goes from there on, and the head with it: only the exported head knows of it."""
    await _run(
        connection,
        "WITH gone AS (DELETE FROM audit_links WHERE chain = :chain AND sequence >= :place RETURNING entry_id)"
        " DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM gone)",
        chain,
        place,
    )
    await _run(
        connection,
        "UPDATE audit_heads h SET sequence = :place - 1, hash = coalesce((SELECT hash FROM audit_links"
        " WHERE chain = :chain AND sequence = :place - 1), decode(repeat('00', 32), 'hex')) WHERE h.chain = :chain",
        chain,
        place,
    )


async def _run(connection: AsyncConnection, statement: str, chain: UUID, place: int) -> None:
    done = await connection.execute(text(statement), {"chain": chain, "place": place})
    assert done.rowcount > 0, "nothing was tampered with"


WAYS: dict[str, Callable[[AsyncConnection, UUID, int], Awaitable[None]]] = {
    "edit": _edit,
    "delete": _delete,
    "insert": _insert,
    "swap": _swap,
    "truncate": _truncate,
}


@pytest.mark.parametrize("way", WAYS)
async def test_each_row_tampered_with_is_found(way: str, engine: AsyncEngine, postgres: Any, database_url: str) -> None:
    accounts = [UUID(int=1000 + number) for number in range(ACCOUNTS)]
    length = ROWS // ACCOUNTS
    for _ in range(length + (way == "swap")):  # of a swap the last one has a next one, too
        await write(engine, *(entry(account, WORKSPACE) for account in accounts))
    async with engine.connect() as connection:
        exported = {chain: {place: its_hash} for chain, place, its_hash in await read_heads(connection)}
    assert (await verified(engine, exported)).found == 0  # the control
    found = 0
    async with tampering(superuser_of(postgres, database_url)) as connection:
        for account in accounts:
            for place in range(1, length + 1):
                at_first = await connection.begin_nested()
                await WAYS[way](connection, account, place)
                look = await verify_chains(connection, {account: exported[account]}, only=[account])
                found += bool(look.found) and {each.chain for each in look.findings} == {account}
                await at_first.rollback()
        assert (await verify_chains(connection, exported)).found == 0  # the control: all of it was taken back
    assert found == length * ACCOUNTS
    if ROWS > 100:
        print(f"{way}: {found} of {length * ACCOUNTS} rows tampered with were found")
