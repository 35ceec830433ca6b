"""What is done when nobody knows whether a transaction was committed: ask again by its key.

Lives here: `resolved`. Not here: the keys. A connection that dies while COMMIT is on its way leaves a question that
only the database can answer. Whoever gave its wish an id of its own asks the same once more: the second time it finds
what the first one did, or does it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from tradewright.core.clock import Clock

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 3
_PAUSE_S = 0.2

_Done = TypeVar("_Done")


async def resolved(do: Callable[[], Awaitable[_Done]], clock: Clock) -> _Done:
    """What `do` returns, at most `ATTEMPTS_MAX` times begun. It must be one transaction that, done again, does nothing
    and returns the same. Raises what it raises: a database that is away stays away."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            return await do()
        except DBAPIError as error:
            if not error.connection_invalidated or attempt == ATTEMPTS_MAX:
                raise
            log.warning("storage.outcome_unknown", attempt=attempt, error=type(error).__name__)
            await clock.sleep(_PAUSE_S)
    raise AssertionError("the last attempt returns or raises")
