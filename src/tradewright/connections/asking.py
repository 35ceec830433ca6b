"""What both checks of a key share: the one question to the exchange, and what they are built of.

Lives here: `ask_about`, `CheckParts`. Not here: which keys wait and what becomes of them (`checks`, `change_checks`),
what an answer means (`verdicts`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.connections.model import Connection, Credentials
from tradewright.connections.store import Provision
from tradewright.core.clock import Clock, Ids, Rng
from tradewright.core.errors import ExchangeError
from tradewright.core.order import KeyFacts
from tradewright.storage.bus import Bus
from tradewright.vault.opening import Opener

ANSWER_TIMEOUT_S = 20.0


class KeyReader(Protocol):
    """What a check needs of the exchange; `OrderGateway` has it."""

    async def key_facts(self) -> KeyFacts: ...
    async def close(self) -> None: ...


# Opens the way to the exchange for one connection with its key. Raises `ExchangeError` where that cannot be.
OpenReader = Callable[[Connection, Credentials], KeyReader]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckParts:
    """What a check works with; the same for a key that was added and for one that shall take another's place."""

    engine: AsyncEngine
    bus: Bus
    keyring: Opener
    open_reader: OpenReader
    provision: Provision
    clock: Clock
    rng: Rng
    ids: Ids


async def ask_about(open_reader: OpenReader, known: Connection, credentials: Credentials) -> KeyFacts:
    """Raises `ExchangeError`, also when nothing was answered within `ANSWER_TIMEOUT_S`."""
    reader = open_reader(known, credentials)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await reader.key_facts()
    except TimeoutError as error:
        raise ExchangeError(f"no answer about the key within {ANSWER_TIMEOUT_S:g} s") from error
    finally:
        await reader.close()
