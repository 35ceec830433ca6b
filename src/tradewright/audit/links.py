"""Reading the chains: all of them held against what was hashed, in one look, with bounded memory.

Lives here: `verify_chains` with its SQL, `read_heads`. Not here: what is wrong with a chain (`verifying`), exported
heads (`heads`), who asks (`app`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.chain import Link
from tradewright.audit.verifying import ChainCheck, Finding

FINDINGS_MAX = 1_000  # more of them say nothing that these do not; how many there are is counted
_ROWS_AT_ONCE = 1_000

# What an entry says, as the database hashed it (migration 0015): the columns that version 1 has, in their order.
_SAID = (
    "SELECT row_to_json(c) FROM (SELECT e.id, e.workspace_id, e.account_id, e.at, e.actor_kind, e.actor_id, e.action,"
    " e.object_kind, e.object_id, e.before, e.after, e.ip, e.outcome, e.token_id) c"
)
_OF_CHAINS = " AND {}.chain = ANY(:chains)"
_LINKS = (
    "SELECT l.chain, l.sequence, l.version, l.entry_id, l.hash,"
    " CASE WHEN e.id IS NOT NULL THEN CAST(({said}) AS text) END"
    " FROM audit_links l LEFT JOIN audit_entries e ON e.id = l.entry_id WHERE true{where} ORDER BY l.chain, l.sequence"
)
_UNLINKED = (
    "SELECT e.id, audit_chain_of(e.account_id, e.workspace_id) AS chain FROM audit_entries e"
    " WHERE NOT EXISTS (SELECT 1 FROM audit_links l WHERE l.entry_id = e.id){where} ORDER BY e.at, e.id"
)


@dataclass(slots=True)
class Verified:
    """What a look at the trail has found. `findings` are at most `FINDINGS_MAX` of the `found`."""

    chains: int = 0
    entries: int = 0
    compared: int = 0  # exported heads
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.found += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)


async def verify_chains(
    connection: AsyncConnection,
    exported: Mapping[UUID, Mapping[int, bytes]],
    *,
    only: Collection[UUID] | None = None,
) -> Verified:
    """Every chain (or `only` these), as of one moment if the caller's transaction is REPEATABLE READ.

    `exported` are hashes by chain and place that were written down elsewhere.
    """
    await connection.execute(text("SET LOCAL timezone = 'UTC'"))  # as the database hashed times
    heads = {chain: (place, its_hash) for chain, place, its_hash in await read_heads(connection)}
    verified = Verified(compared=sum(map(len, exported.values())))
    left = {*heads, *exported} if only is None else set(only)
    check: ChainCheck | None = None
    async for link in _links(connection, only):
        if check is None or check.chain != link.chain:
            if check is not None:
                _end(verified, check, heads)
            check = ChainCheck(link.chain, exported.get(link.chain, {}))
            left.discard(link.chain)
        check.take(link)
    if check is not None:
        _end(verified, check, heads)
    for chain in sorted(left):  # no link of it is there
        _end(verified, ChainCheck(chain, exported.get(chain, {})), heads)
    async for finding in _unlinked(connection, only):
        verified.add(finding)
    return verified


async def read_heads(connection: AsyncConnection) -> list[tuple[UUID, int, bytes]]:
    """The last place of each chain and its hash."""
    found = await connection.execute(text("SELECT chain, sequence, hash FROM audit_heads ORDER BY chain"))
    return [(row.chain, row.sequence, bytes(row.hash)) for row in found]


def _end(verified: Verified, check: ChainCheck, heads: Mapping[UUID, tuple[int, bytes]]) -> None:
    for finding in check.end(heads.get(check.chain)):
        verified.add(finding)
    verified.chains += 1
    verified.entries += check.length


async def _links(connection: AsyncConnection, only: Collection[UUID] | None) -> AsyncIterator[Link]:
    where = "" if only is None else _OF_CHAINS.format("l")
    rows = await connection.stream(
        text(_LINKS.format(said=_SAID, where=where)).execution_options(yield_per=_ROWS_AT_ONCE),
        {} if only is None else {"chains": list(only)},
    )
    async for row in rows:
        yield Link(row[0], row[1], row[2], row[3], bytes(row[4]), row[5])


async def _unlinked(connection: AsyncConnection, only: Collection[UUID] | None) -> AsyncIterator[Finding]:
    where = "" if only is None else " AND audit_chain_of(e.account_id, e.workspace_id) = ANY(:chains)"
    rows = await connection.stream(
        text(_UNLINKED.format(where=where)).execution_options(yield_per=_ROWS_AT_ONCE),
        {} if only is None else {"chains": list(only)},
    )
    async for row in rows:
        yield Finding("entry.unlinked", row.chain, 0, row.id)
