"""What `tradewright where` is made of: the database, and one question to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from tradewright.app.ground import database_url
from tradewright.cli.where import Whereabouts
from tradewright.core.errors import StartError
from tradewright.placement.rows import Listed, listed
from tradewright.settings import Settings, load
from tradewright.storage.engine import create_engine


def look_where() -> Sequence[Whereabouts]:
    """Raises `StartError` (exit code 1) when the database does not answer."""
    return asyncio.run(_look(load()))


async def _look(settings: Settings) -> Sequence[Whereabouts]:
    engine = create_engine(database_url(settings), application="tradewright-cli", pool_size=1)
    try:
        async with engine.connect() as connection:
            return [_shown(one) for one in await listed(connection)]
    except (SQLAlchemyError, OSError) as error:
        raise StartError(
            f"the database does not answer ({type(error).__name__}); is the installation running?", exit_code=1
        ) from None
    finally:
        await engine.dispose()


def _shown(one: Listed) -> Whereabouts:
    placed = one.placed
    return Whereabouts(
        account_id=str(one.account_id),
        name=one.name,
        environment=one.environment,
        uid=one.uid,
        owner=None if placed is None else str(placed.owner),
        process=one.process,
        epoch=0 if placed is None else placed.epoch,
        since=None if placed is None else placed.since.isoformat(timespec="milliseconds"),
        beat_s=None if placed is None else round(placed.beat_s, 3),
        is_alive=placed is not None and placed.is_alive,
        state=one.state,
    )
