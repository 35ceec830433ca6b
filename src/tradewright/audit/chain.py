"""The hash chains of the audit trail: which chain an entry is in, what its hash is over, and what a chain looks like.

Lives here: `chain_of`, `link_hash`, in Python what migration 0015 does in the database; `Link`, one place of a chain as
it is stored. Not here: finding what was changed (`verifying`), the SQL (`links`). No I/O.

Version 1: SHA-256 over the hash before (32 zero bytes before the first) and the UTF-8 of version, chain, place in the
chain and what the entry says, with commas between; that is PostgreSQL's JSON of its columns, in UTC.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

VERSION = 1
FIRST_HASH = bytes(32)
INSTALLATION = UUID(int=0)  # the chain of what concerns no workspace


@dataclass(frozen=True, slots=True)
class Link:
    """One place of a chain as it is stored. `said` is what its entry says, None where there is no such entry."""

    chain: UUID
    sequence: int
    version: int
    entry_id: UUID
    hash: bytes
    said: str | None


def chain_of(account_id: UUID | None, workspace_id: UUID | None) -> UUID:
    """An account's entries are in its chain, the rest of a workspace in that of the workspace."""
    return account_id or workspace_id or INSTALLATION


def link_hash(previous: bytes, chain: UUID, sequence: int, said: str) -> bytes:
    """The hash of the link after `previous`."""
    return hashlib.sha256(previous + f"{VERSION},{chain},{sequence},{said}".encode()).digest()
