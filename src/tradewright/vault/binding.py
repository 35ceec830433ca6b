"""What a stored secret belongs to; part of every box, so that one moved to another row cannot be opened.

Lives here: `Binding` and its bytes. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

_DOMAIN = b"tradewright trading keyring, version 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """`row` is the id of the row that holds the box; the table and column are of the domain, because there is one."""

    workspace_id: UUID
    connection_id: UUID
    row_id: UUID

    def as_bytes(self) -> bytes:
        """Always of the same length, so that no two bindings share their bytes."""
        return _DOMAIN + b"\x00" + self.workspace_id.bytes + self.connection_id.bytes + self.row_id.bytes


BINDING_LENGTH = len(_DOMAIN) + 1 + 3 * 16
