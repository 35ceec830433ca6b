"""The silence after HTTP 403 as a file: it outlives a restart, and the processes of one machine tell each other.

Lives here: `SilenceFile`. Not here: when a silence begins and what is held back (`address`, `rest`).
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import structlog

from tradewright.core.clock import from_milliseconds, milliseconds

_ADDRESSES_MAX = 100
_BYTES_MAX = 64 * 1024

log = structlog.get_logger()


class SilenceFile:
    """A small JSON object: address → Unix ms until which it is silent. Read again only when it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_ns: int | None = None
        self._known: dict[str, int] = {}

    def until(self, address: str) -> datetime | None:
        self._look()
        until_ms = self._known.get(address)
        return None if until_ms is None else from_milliseconds(until_ms)

    def keep(self, address: str, until: datetime) -> None:
        self._look()
        newest = sorted({**self._known, address: milliseconds(until)}.items(), key=lambda pair: pair[1])
        self._known = dict(newest[-_ADDRESSES_MAX:])
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._known) + "\n")
            temporary.replace(self._path)
            self._written_ns = self._path.stat().st_mtime_ns
        except OSError as error:
            log.warning("silence.unwritten", path=str(self._path), error=str(error))

    def _look(self) -> None:
        try:
            found = self._path.stat()
            if found.st_mtime_ns == self._written_ns or found.st_size > _BYTES_MAX:
                return
            self._written_ns = found.st_mtime_ns
            content = json.loads(self._path.read_text())
            self._known = {
                name: until_ms
                for name, until_ms in content.items()
                if isinstance(until_ms, int) and 0 < until_ms < 4_102_444_800_000  # the year 2100
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError) as error:
            log.warning("silence.unreadable", path=str(self._path), error=str(error))
