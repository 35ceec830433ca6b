"""What a stored secret belongs to; part of every box, so that one moved to another row cannot be opened.

Lives here: `Binding` (an exchange key's), `RowBinding` (any other secret's) and their bytes. No I/O.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

_DOMAIN = b"tradewright trading keyring, version 1"
_CONTEXT_DOMAIN = b"tradewright vault, version 2"
_NO_WORKSPACE = bytes(16)


class Bound(Protocol):
    """What `wrapping` needs of a binding."""

    def as_bytes(self) -> bytes:
        """For boxes of version 1."""
        ...

    def context(self, box: str) -> bytes:
        """For boxes of version 2: table, column, workspace and row. `box` is which of the row's two boxes it is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """`row_id` is the id of the row in `connection_keys` that holds the box."""

    workspace_id: UUID
    connection_id: UUID
    row_id: UUID

    def as_bytes(self) -> bytes:
        """Always of the same length, so that no two bindings share their bytes. A seal holds them, too."""
        return _DOMAIN + b"\x00" + self.workspace_id.bytes + self.connection_id.bytes + self.row_id.bytes

    def context(self, box: str) -> bytes:
        return _context("connection_keys", box, self.workspace_id.bytes, self.row_id.bytes, self.connection_id.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBinding:
    """A secret in `table`.`column` of the row `row_id`; `workspace_id` is None where a row is of no workspace."""

    table: str
    column: str
    row_id: UUID
    workspace_id: UUID | None = None

    def as_bytes(self) -> bytes:
        """Nothing was ever stored in version 1 here; the box of it that somebody makes up does not open."""
        return self.context("version 1")

    def context(self, box: str) -> bytes:
        workspace = _NO_WORKSPACE if self.workspace_id is None else self.workspace_id.bytes
        return _context(self.table, f"{self.column}/{box}", workspace, self.row_id.bytes)


def _context(*parts: str | bytes) -> bytes:
    """Each part behind its length, so that no two lists of parts share their bytes."""
    content = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join([_CONTEXT_DOMAIN, *(struct.pack(">I", len(part)) + part for part in content)])


BINDING_LENGTH = len(_DOMAIN) + 1 + 3 * 16
