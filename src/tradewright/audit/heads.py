"""Heads of the chains out of the database's reach: a file that only grows, one JSON object a line.

Lives here: `HeadsFile` (append, fsynced; read back), the form of a line. Not here: when it is written and the webhook
(`exporting`), the chains (`links`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from tradewright.audit.spool import sync_folder
from tradewright.core.errors import AppError

_HASH_BYTES = 32


class HeadsUnreadable(AppError):
    """A file of heads holds something else."""

    code = "audit.heads_unreadable"


@dataclass(frozen=True, slots=True)
class Head:
    """The last place of a chain, and its hash, at a moment."""

    chain: UUID
    sequence: int
    hash: bytes

    def as_json(self, at: datetime) -> dict[str, str | int]:
        return {
            "at": at.isoformat(timespec="milliseconds"),
            "chain": str(self.chain),
            "sequence": self.sequence,
            "hash": self.hash.hex(),
        }


@dataclass(slots=True)
class ExportedHeads:
    """What a file says: hashes by chain and place. `twofold` are the places that it has with two hashes."""

    hashes: dict[UUID, dict[int, bytes]] = field(default_factory=dict)
    twofold: list[tuple[UUID, int]] = field(default_factory=list)
    newest: datetime | None = None

    def latest(self) -> dict[UUID, Head]:
        return {chain: Head(chain, max(known), known[max(known)]) for chain, known in self.hashes.items()}


def write_heads(path: Path, heads: Sequence[Head], at: datetime) -> None:
    """Appends a line a head; on the disk when it returns. Raises `OSError`; then a torn line may stand at the end."""
    lines = b"".join(json.dumps(head.as_json(at), separators=(",", ":")).encode() + b"\n" for head in heads)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            lines = b"\n" + lines  # after a torn line a new one begins
        view = memoryview(lines)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def read_exported(path: Path) -> ExportedHeads:
    """Everything in the file. A line that a crash tore is passed over where it is an incomplete one of ours.

    Raises `HeadsUnreadable`, and `OSError`. About 200 bytes of memory for each line.
    """
    exported = ExportedHeads()
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                head, at = _read(line)
            except (ValueError, KeyError, TypeError) as error:
                if line.startswith(b'{"at":') and not line.rstrip().endswith(b"}"):
                    continue
                raise HeadsUnreadable(
                    f"line {number} of {path} is no exported head ({type(error).__name__}); give a file that"
                    " Tradewright wrote, or what its webhook was sent, one object a line"
                ) from None
            known = exported.hashes.setdefault(head.chain, {})
            if known.setdefault(head.sequence, head.hash) != head.hash:
                exported.twofold.append((head.chain, head.sequence))
            exported.newest = at if exported.newest is None else max(exported.newest, at)
    return exported


def _read(line: bytes) -> tuple[Head, datetime]:
    said = json.loads(line)
    its_hash = bytes.fromhex(said["hash"])
    if len(its_hash) != _HASH_BYTES or not isinstance(said["sequence"], int) or said["sequence"] < 0:
        raise ValueError("no hash, or no place")
    at = datetime.fromisoformat(said["at"])
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return Head(UUID(said["chain"]), said["sequence"], its_hash), at
