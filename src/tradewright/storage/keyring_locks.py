"""Who stores a box and who takes a generation of its keyring away exclude each other, by a lock of the database; and so
do two who rotate.

Lives here: `hold_keyring`, `rotating`. Not here: keyrings and their generations (`vault`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.errors import StartError

Ring = Literal["trading", "service"]


async def hold_keyring(connection: AsyncConnection, ring: Ring, *, alone: bool = False) -> None:
    """Until the caller's transaction ends no generation of the keyring is taken away; whoever stores a box asks for it
    before it wraps. `alone`: nobody stores a box meanwhile, and nobody else changes the keyring, for who does that."""
    how = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await connection.execute(text(f"SELECT {how}(hashtextextended(:name, 0))"), {"name": f"vault:{ring}"})


@asynccontextmanager
async def rotating(engine: AsyncEngine, ring: Ring) -> AsyncIterator[None]:
    """Nobody else rotates the keyring until this ends, or the process dies. Each of two would take the other's new
    generation for one that is foreign. Raises `StartError` (exit code 2) where another one does not end soon."""
    name = {"name": f"vault:{ring}:rotation"}
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            await alone.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), name)
        except OperationalError:
            raise StartError(
                f"the {ring} keyring is being rotated by another command; wait until that has ended", exit_code=2
            ) from None
        try:
            yield
        finally:
            await alone.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), name)
