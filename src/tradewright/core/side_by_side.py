"""Several coroutines at once, all or nothing.

Lives here: `side_by_side`. Not here: what they ask.
`asyncio.TaskGroup` will not do: until Python 3.13 a group in which something fails while it is cancelled raises the
failure and forgets the cancel, so whoever retries on failures would go on for ever after it was told to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

_Found = TypeVar("_Found")


async def side_by_side(parts: Iterable[Coroutine[Any, Any, _Found]]) -> list[_Found]:
    """What all of them return, in their order. The first failure ends the others and is raised; a cancel ends all."""
    running = [asyncio.ensure_future(part) for part in parts]
    if not running:
        return []
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        unfinished = [task for task in running if not task.done()]
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
    problems = [problem for task in running if not task.cancelled() and (problem := task.exception()) is not None]
    if problems:
        raise problems[0]
    return [task.result() for task in running]
